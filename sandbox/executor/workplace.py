"""The folder in which one call of gitlab-ci-local works: a clone, its variables, and room for its state.

Nothing of the repository steers the tool: its settings files are named to it from outside the clone, and the
two which it reads from the clone whatever one says are taken out of it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

GIT_SECONDS = 60
"""Time for one git command on a local repository."""

VALUE_LIMIT_BYTES = 64 * 1024
"""Longer values (a commit message, say) are cut: a command line takes 128 KiB for one argument."""

STEERING_FILES = (".gitlab-ci-local.yml", ".gitlab-ci-local-env")

KEPT_IN_EMPTY = ".sandbox-keep"
"""All that an emptied work folder holds: the engine gives an empty volume to root, whose job is another's."""

TOOL_OWN_VARIABLES = frozenset({"CI_PROJECT_DIR", "CI_BUILDS_DIR"})
"""Only the tool knows where its job works."""

TOOL_INVENTED_VARIABLES = (
    *("CI_COMMIT_BRANCH", "CI_REGISTRY", "CI_REGISTRY_IMAGE", "CI_TEMPLATE_REGISTRY_HOST"),
    *("CI_DEPENDENCY_PROXY_DIRECT_GROUP_IMAGE_PREFIX", "CI_DEPENDENCY_PROXY_GROUP_IMAGE_PREFIX"),
    *("CI_DEPENDENCY_PROXY_SERVER", "CI_DEPENDENCY_PROXY_USER", "FF_DISABLE_UMASK_FOR_DOCKER_EXECUTOR"),
)
"""The tool makes up values for these where GitLab would have none."""


class WorkplaceError(Exception):
    """The checkout cannot be worked on; the message says why."""


@dataclass(frozen=True)
class Workplace:
    """Where one call works. `state` lies beside the clone, so that a repository cannot bring its own."""

    root: Path

    @property
    def clone(self) -> Path:
        return self.root / "work"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def programs(self) -> Path:
        return self.root / "bin"

    def options(self, config_file: str, variables: Mapping[str, str]) -> list[str]:
        """What every call of gitlab-ci-local is told."""
        return [
            *("--file", config_file, "--state-dir", "../state", "--home", str(self.root / "home")),
            *(
                "--variables-file",
                str(self.root / "variables.json"),
                "--ignores-file",
                str(self.root / "ignores"),
            ),
            *("--inputs-file", str(self.root / "no-inputs.yml"), "--no-color", "--no-artifacts-to-source"),
            *("--max-job-name-padding", "0", "--ignore-predefined-vars", ",".join(sorted(variables))),
            *(
                option
                for name in TOOL_INVENTED_VARIABLES
                if name not in variables
                for option in ("--unset-variable", name)
            ),
        ]


@contextmanager
def open_workplace(
    checkout: Path, config_file: str, variables: Mapping[str, str], *, empty: bool = False
) -> Iterator[Workplace]:
    """Clone `checkout` at its HEAD into a folder of its own that is gone afterwards.

    With `empty` the job finds nothing of the repository (GIT_STRATEGY none). Raises WorkplaceError.
    """
    place = Workplace(Path(tempfile.mkdtemp(prefix="mlreef-ci-")))
    try:
        _clone(checkout, place, variables)
        _take_config(checkout, config_file, place)
        for folder in (place.state, place.programs, place.root / "home"):
            folder.mkdir()
        if empty:
            (place.clone / KEPT_IN_EMPTY).touch()
            _git(place.clone, "add", "--force", KEPT_IN_EMPTY)
        ignored = f"+ /{KEPT_IN_EMPTY}\n- /*\n" if empty else ""
        (place.root / "ignores").write_text(ignored, encoding="utf-8")
        _write_secret(place.root / "variables.json", json.dumps(_as_tool_variables(variables)))
        yield place
    finally:
        remove(place.root)


def complete(checkout: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """`variables` with what can be read from the commit, where GitLab's own values were not given."""
    sha, when, message = _git(checkout, "log", "-1", "--format=%H%n%cI%n%B").split("\n", 2)
    title, _, description = message.strip().partition("\n")
    known = {
        "CI_COMMIT_SHA": sha,
        "CI_COMMIT_SHORT_SHA": sha[:8],
        "CI_COMMIT_TIMESTAMP": when,
        "CI_COMMIT_MESSAGE": message.strip(),
        "CI_COMMIT_TITLE": title,
        "CI_COMMIT_DESCRIPTION": description.strip(),
        "GITLAB_CI": "true",
        "CI_SERVER": "yes",
    }
    given = {name: value for name, value in variables.items() if name not in TOOL_OWN_VARIABLES}
    return {**known, **given}


def git_folder(checkout: Path) -> Path:
    """The folder in which the checkout's git keeps its own files."""
    return Path(_git(checkout, "rev-parse", "--absolute-git-dir").strip())


def artifacts(checkout: Path) -> Path:
    """Where the artifacts of a checkout's finished jobs are: a folder for each, named by `folder_name`."""
    return git_folder(checkout) / "sandbox-ci" / "artifacts"


def whole_file(checkout: Path) -> Path:
    """Where GitLab leaves the CI file of a checkout with all that it includes; there where it includes anything."""
    return git_folder(checkout) / "sandbox-ci" / "whole.yml"


def included(checkout: Path) -> Path:
    """What gitlab-ci-local fetched when it planned: as in GitLab, jobs run what was included then."""
    return git_folder(checkout) / "sandbox-ci" / "includes"


def read_config(checkout: Path, config_file: str) -> bytes:
    """The CI file, with all that it includes. Raises OSError, WorkplaceError."""
    whole = whole_file(checkout)
    return whole.read_bytes() if whole.exists() else (checkout / config_file).read_bytes()


def copy_tree(source: Path, target: Path) -> None:
    """Copy files and links, readable and writable for everyone, as GitLab's helper unpacks artifacts."""
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    for folder, folders, files in os.walk(target):
        for name in (".", *folders, *files):
            path = Path(folder, name)
            if not path.is_symlink():
                executable = stat.S_IXUSR & path.stat().st_mode
                path.chmod(0o777 if executable or path.is_dir() else 0o666)


def folder_name(job: str) -> str:
    """gitlab-ci-local's name of a job's folder; names of letters, digits, `-` and `_` stay as they are."""
    return re.sub(r"[^\w-]+", lambda found: _base64url(found[0]), job, flags=re.A)


def _base64url(text: str) -> str:

    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def remove(path: Path) -> None:
    """Remove a folder with all it holds, folders without write permission included."""

    def allow_and_retry(function: Callable[..., Any], name: str, _: object) -> None:
        try:
            Path(name).parent.chmod(0o700)
            Path(name).chmod(0o700)
            function(name)
        except OSError:
            # What still cannot go is somebody else's by now; the rest is removed.
            return

    shutil.rmtree(path, onerror=allow_and_retry)


def _clone(checkout: Path, place: Workplace, variables: Mapping[str, str]) -> None:
    head = _git(checkout, "rev-parse", "--verify", "HEAD^{commit}").strip()
    _git(place.root, "clone", "--quiet", "--no-checkout", str(checkout.resolve()), str(place.clone))
    _git(place.clone, "checkout", "--quiet", "--detach", head)
    path = variables.get("CI_PROJECT_PATH", "sandbox/project")
    address = variables.get("CI_PROJECT_URL") or f"http://sandbox.invalid/{path}"
    origin = variables.get("CI_REPOSITORY_URL") or f"{address}.git"
    _git(place.clone, "remote", "set-url", "origin", origin)
    default = variables.get("CI_DEFAULT_BRANCH", "main")
    _git(place.clone, "symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{default}")
    for name in STEERING_FILES:
        path_in_clone = place.clone / name
        if path_in_clone.is_dir() and not path_in_clone.is_symlink():
            shutil.rmtree(path_in_clone)
        else:
            path_in_clone.unlink(missing_ok=True)


def _take_config(checkout: Path, config_file: str, place: Workplace) -> None:
    relative = PurePosixPath(config_file)
    if relative.is_absolute() or ".." in relative.parts or not relative.parts:
        raise WorkplaceError(f"the CI file {config_file!r} is no path inside the repository")
    wanted = place.clone / relative
    if not wanted.resolve().is_relative_to(place.clone.resolve()):
        raise WorkplaceError(f"the CI file {config_file!r} leads out of the repository")
    if not wanted.is_file():
        source = checkout / relative
        if not source.is_file() or source.is_symlink():
            raise WorkplaceError(f"the repository has no file {config_file}")
        wanted.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, wanted)


def _as_tool_variables(variables: Mapping[str, str]) -> dict[str, object]:
    """The tool's file format: a doubled `$` is a literal one, the type keeps paths from being read as files."""
    return {
        name: {"type": "variable", "values": {"*": _cut(value).replace("$", "$$")}}
        for name, value in variables.items()
    }


def _cut(value: str) -> str:
    plain = value.replace("\0", "").encode("utf-8", "surrogateescape")
    return plain[:VALUE_LIMIT_BYTES].decode("utf-8", "ignore")


def _write_secret(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:  # noqa: PTH123 - the mode must be right from the first moment
        handle.write(text)


def git_environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which git neither asks anything nor follows this machine's own settings.

    With the variables of a job or pipeline, git shows their token to their GitLab, and to nobody else.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    settings = {"safe.directory": "*"}
    known = variables or {}
    scheme, address = known.get("CI_SERVER_PROTOCOL", ""), known.get("CI_SERVER_FQDN", "")
    if scheme and address and known.get("CI_JOB_TOKEN"):
        with_token = f"{scheme}://gitlab-ci-token:{known['CI_JOB_TOKEN']}@{address}/"
        settings[f"url.{with_token}.insteadOf"] = f"{scheme}://{address}/"
    numbered: dict[str, str] = {}
    for number, (key, value) in enumerate(settings.items()):
        numbered |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {
        **kept,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(settings)),
        **numbered,
    }


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorkplaceError(f"git {arguments[0]} took longer than {GIT_SECONDS} s") from None
    if done.returncode != 0:
        raise WorkplaceError(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode("utf-8", "replace")

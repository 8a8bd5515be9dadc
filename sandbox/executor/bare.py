"""Runs CI jobs on a machine that has neither an engine nor any CI tool: the second executor of the sandbox.

The jobs of the bot run by the bot that runs this, in an environment of their own: what an ordinary runner does in the
bot's image. Every other job runs in its image, by whatever way this machine has; nothing of a repository ever runs on
the bare machine. It knows the keywords that pipelines of the bot use, and refuses a job that needs more.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sandbox.executor.groups import POLL_SECONDS, end_group, stop
from sandbox.executor.leaving import leaving, under_way
from sandbox.executor.trace import Trace, secrets_of
from sandbox.executor.workplace import (
    WorkplaceError,
    artifacts,
    complete,
    copy_tree,
    folder_name,
    open_workplace,
    read_config,
    remove,
)
from sandbox.gitlab.quick_plan import job_spec, quick_plan
from sandbox.gitlab.rules import Invalid, expand
from sandbox.images.running import CannotRun, Order, Way
from sandbox.plan import CANCELLED, NOT_RUN, TIMED_OUT, PipelinePlan

JOB_LIMIT_SECONDS = 30 * 60.0
"""A job that runs longer is ended and has failed."""

REPORTS = Path(".gitlab-ci-reports", "dotenv")
"""Where among a job's artifacts GitLab finds the variables that it left."""

INSIDE = "/builds"
"""Where a job's folder is in its image."""

OWN_COMMAND = re.compile(r"mlreef-bot ci [a-z-]+")
"""All that runs without an image around it, for it is the bot itself."""

NOT_KNOWN = ("services", "parallel", "run", "hooks", "secrets", "id_tokens")
"""Keywords without which a job would be another one."""

KEPT_VARIABLES = re.compile(
    r"(SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE|PIP_(CERT|INDEX_URL|EXTRA_INDEX_URL)|UV_\w+|(https?|no|all)_proxy)",
    re.IGNORECASE,
)
"""How this machine reaches a package index is the operator's to say, and the jobs' to know."""


OWN_VARIABLES = re.compile(r"(CI|GITLAB|MLREEF)(_\w+)?|GIT_(DEPTH|STRATEGY)")
"""All that a pipeline may tell the bot's own jobs: with PYTHONPATH, say, a repository could let its code run."""


@dataclass(frozen=True)
class BareMachine:
    """Plans pipelines and runs their jobs.

    `builder`: the image whose jobs are the bot's own; what else asks for it gets `stand_in`, another image with a
    Python. `way`: how images are run. `cache`: a folder that the bot's jobs share, as runners have one.
    """

    builder: str
    stand_in: str
    way: Way
    cache: Path
    job_limit_seconds: float = JOB_LIMIT_SECONDS

    def plan(self, checkout: Path, config_file: str, variables: Mapping[str, str]) -> PipelinePlan:
        """Read the checkout's CI file."""
        try:
            return quick_plan(read_config(checkout, config_file), complete(checkout, variables))
        except (OSError, WorkplaceError) as fault:
            return PipelinePlan((), (), (str(fault),))

    def run(
        self,
        checkout: Path,
        config_file: str,
        job: str,
        variables: Mapping[str, str],
        output: Callable[[bytes], None],
        cancelled: threading.Event,
    ) -> int:
        """Run one job to its end and give its exit code, or NOT_RUN, TIMED_OUT, CANCELLED; see sandbox.plan."""
        trace = Trace(output, secrets_of(variables))
        with under_way():
            try:
                spec = job_spec(read_config(checkout, config_file), job)
                before = _made_before(checkout, spec)
                known = {**spec["variables"], **complete(checkout, variables), **_handed_over(before)}
                with self._folder(checkout, config_file, known) as folder:
                    copy_artifacts(before, folder)
                    code = _Job(self, trace, spec, known, folder).to_its_end(cancelled)
                    _keep(spec, folder, checkout, job)
            except (WorkplaceError, CannotRun, Invalid, OSError) as fault:
                trace.say(f"ERROR: Job failed (system failure): {fault}")
                return NOT_RUN
        return _told(trace, code, self.job_limit_seconds)

    @contextmanager
    def _folder(self, checkout: Path, config_file: str, known: Mapping[str, str]) -> Iterator[Path]:
        if known.get("GIT_STRATEGY") != "none":
            with open_workplace(checkout, config_file, known) as place:
                yield place.clone
            return
        folder = Path(tempfile.mkdtemp(prefix="mlreef-ci-"))
        try:
            yield folder
        finally:
            remove(folder)


class _Job:
    """One job while it runs."""

    def __init__(
        self,
        machine: BareMachine,
        trace: Trace,
        spec: Mapping[str, Any],
        known: Mapping[str, str],
        folder: Path,
    ) -> None:
        self._machine = machine
        self._trace = trace
        self._folder = folder
        self._known = known
        image = spec.get("image")
        self._image = expand(str(image.get("name") if isinstance(image, dict) else image or ""), known)
        self._lines = [str(line) for key in ("before_script", "script") for line in _listed(spec.get(key))]
        refused = [key for key in NOT_KNOWN if key in spec]
        if refused:
            raise CannotRun(f"this executor does not know `{refused[0]}`")

    def to_its_end(self, cancelled: threading.Event) -> int:
        """The exit code of the script, or why it has none."""
        own = self._image == self._machine.builder and all(map(OWN_COMMAND.fullmatch, self._lines))
        self._trace.say(
            "The bot's own job: run by this machine's mlreef-bot"
            if own
            else f"Image {self._image}: {self._machine.way.words}"
        )
        with tempfile.TemporaryDirectory(prefix="mlreef-job-") as scratch:
            log = Path(scratch) / "log"
            with log.open("wb") as written:
                started = self._here(Path(scratch), written) if own else self._inside(written)
                with started as process:
                    stopped_by = self._watch(process, log, cancelled)
            self._trace.follow(log)
            self._trace.finish()
        return process.returncode if stopped_by is None else stopped_by

    def _script(self) -> str:
        told = (f"printf '%s\\n' {shlex.quote('$ ' + line)}\n{line}\n" for line in self._lines)
        return "set -e\n" + "".join(told)

    @contextmanager
    def _here(self, scratch: Path, written: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        kept = {name: value for name, value in os.environ.items() if KEPT_VARIABLES.fullmatch(name)}
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        process = subprocess.Popen(
            ["sh", "-c", self._script()],
            cwd=self._folder,
            env={
                "LANG": "C.UTF-8",
                **kept,
                "UV_CACHE_DIR": str(self._machine.cache / "uv"),
                **{name: value for name, value in self._known.items() if OWN_VARIABLES.fullmatch(name)},
                "CI_PROJECT_DIR": str(self._folder),
                "XDG_CACHE_HOME": str(self._machine.cache),
                "HOME": str(scratch),
                "PATH": programs,
            },
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                stop(process)
            end_group(process)

    def _inside(self, written: IO[bytes]) -> AbstractContextManager[subprocess.Popen[bytes]]:
        # The image's user is another one than the one who runs this.
        copy_modes(self._folder)
        login = (self._known.get("CI_REGISTRY_USER", ""), self._known.get("CI_REGISTRY_PASSWORD", ""))
        order = Order(
            self._machine.stand_in if self._image == self._machine.builder else self._image,
            command=("sh", "-c", self._script()),
            variables={**self._known, "CI_PROJECT_DIR": INSIDE},
            binds=((self._folder, INSIDE, True),),
            folder=INSIDE,
            login=login if all(login) else None,
        )
        return self._machine.way.running(order, written)

    def _watch(self, process: subprocess.Popen[bytes], log: Path, cancelled: threading.Event) -> int | None:
        """Pass on what it says until it ends, or is to be ended: then CANCELLED or TIMED_OUT."""
        deadline = time.monotonic() + self._machine.job_limit_seconds
        while process.poll() is None:
            self._trace.follow(log)
            if cancelled.wait(POLL_SECONDS) or leaving.is_set():
                return CANCELLED
            if time.monotonic() > deadline:
                return TIMED_OUT
        return None


def _told(trace: Trace, code: int, limit: float) -> int:
    if code == CANCELLED:
        trace.say("ERROR: Job canceled")
    elif code == TIMED_OUT:
        trace.say(f"ERROR: Job failed: execution took longer than {limit:g} seconds")
    else:
        # A script that was killed has the exit code that shells give it.
        code = code if code >= 0 else 128 - code
        trace.say("Job succeeded" if code == 0 else f"ERROR: Job failed: exit code {code}")
    return code


def copy_artifacts(before: Iterable[Path], folder: Path) -> None:
    """Bring the artifacts of earlier jobs into a job's folder."""
    for made in before:
        copy_tree(made, folder)
    remove(folder / REPORTS.parts[0])


def _made_before(checkout: Path, spec: Mapping[str, Any]) -> list[Path]:
    """The folders with what the jobs made that this one needs, else all earlier ones; the latest one last."""
    kept = artifacts(checkout)
    made = sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime_ns) if kept.is_dir() else []
    if "needs" not in spec:
        return made
    needs = [need if isinstance(need, dict) else {"job": need} for need in _listed(spec["needs"])]
    wanted = {folder_name(str(need.get("job"))) for need in needs if need.get("artifacts", True)}
    return [folder for folder in made if folder.name in wanted]


def copy_modes(folder: Path) -> None:
    """Let everybody read and write what is in a job's folder."""
    for here, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            path = Path(here, name)
            if not path.is_symlink():
                path.chmod(0o777 if path.is_dir() or path.stat().st_mode & 0o100 else 0o666)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _handed_over(before: Iterable[Path]) -> dict[str, str]:
    """The variables that earlier jobs of the pipeline left."""
    found: dict[str, str] = {}
    for report in [report for made in before for report in (made / REPORTS).glob("*")]:
        for line in report.read_text("utf-8", "replace").splitlines():
            name, equals, value = line.partition("=")
            if equals:
                found[name.strip()] = value.strip()
    return found


def _keep(spec: Mapping[str, Any], folder: Path, checkout: Path, job: str) -> None:
    """Put what the job made, and says it made, where later jobs find it."""
    wanted = spec.get("artifacts") or {}
    target = artifacts(checkout) / folder_name(job)
    remove(target)
    root = folder.resolve()
    for pattern in filter(None, (str(each).strip("/") for each in _listed(wanted.get("paths")))):
        for path in folder.glob(pattern):
            inside = path.resolve().is_relative_to(root)
            if inside and path.is_dir():
                shutil.copytree(path, target / path.relative_to(folder), symlinks=True, dirs_exist_ok=True)
            elif inside and path.is_file():
                (target / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target / path.relative_to(folder))
    report = (wanted.get("reports") or {}).get("dotenv")
    made = folder / str(report) if report else None
    if made is not None and made.is_file() and made.resolve().is_relative_to(root):
        (target / REPORTS).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, target / REPORTS / made.name)

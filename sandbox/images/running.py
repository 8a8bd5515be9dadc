"""Running an image once: by the machine's Docker engine, or unpacked and in namespaces. Never on the bare machine."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from bot.adapters.registry import Registry, read_image
from sandbox.executor.workplace import remove
from sandbox.images.unpacking import Unpacked, unpack

USER = 10001
"""Who a command is inside, unless the image is run by an engine, which takes the image's own user."""

ANSWER_SECONDS = 10
PULL_SECONDS = 600
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

    def start(self, order: Order, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start it in a process group of its own, without network. Raises CannotRun."""


@dataclass(frozen=True)
class Engine:
    """The Docker engine that this machine's client talks to; `scratch` is a folder for its client's logins."""

    version: str
    scratch: Path

    @property
    def words(self) -> str:
        return f"run by Docker engine {self.version}"

    def start(self, order: Order, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Pull the image and run it; the engine keeps the image."""
        self._pull(order)
        command = [
            *("docker", "run", "--rm", "--init", "--network=none", "--cap-drop=ALL"),
            *("--security-opt=no-new-privileges", "--memory=4g"),
            *(f"--volume={here}:{there}{'' if writable else ':ro'}" for here, there, writable in order.binds),
            *(f"--env={name}" for name in order.variables),
        ]
        if order.folder is not None:
            command.append(f"--workdir={order.folder}")
        if order.command is not None:
            command.append(f"--entrypoint={order.command[0]}")
        rest = order.command[1:] if order.command is not None else ()
        return subprocess.Popen(
            [*command, order.image, *rest, *order.arguments],
            env={**os.environ, **order.variables, "PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _pull(self, order: Order) -> None:
        settings = dict(os.environ)
        if order.login is not None:
            registry, _ = read_image(order.image)
            folder = self.scratch / "docker-login"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            login = base64.b64encode(":".join(order.login).encode()).decode()
            path = folder / "config.json"
            path.touch(mode=0o600)
            path.write_text(json.dumps({"auths": {registry: {"auth": login}}}))
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
        if done.returncode != 0:
            raise CannotRun(f"docker pull {order.image}: {_last_line(done.stderr)}")


@dataclass(frozen=True)
class Namespaces:
    """No engine at all: images are unpacked below `scratch`, once each, and run in the kernel's namespaces."""

    scratch: Path
    _unpacked: dict[str, Unpacked] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def words(self) -> str:
        return "unpacked and run in a namespace" + ("" if os.geteuid() == 0 else " of this user's own")

    def start(self, order: Order, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Unpack the image, if that was not done before, and run it, read-only."""
        with self._lock:
            unpacked = self._unpacked.get(order.image)
            if unpacked is None:
                unpacked = self._unpacked[order.image] = self._unpack(order)
        config = unpacked.config
        own = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
        command = order.command
        if command is None:
            command = tuple(config.get("Entrypoint") or ())
            order_arguments = order.arguments or tuple(config.get("Cmd") or ())
        else:
            order_arguments = order.arguments
        inside = {
            "root": str(unpacked.root),
            "folder": order.folder or config.get("WorkingDir") or "/",
            "binds": [[str(here), there, writable] for here, there, writable in order.binds],
            "scratch": SCRATCH,
            "variables": {**own, **order.variables, "PATH": own.get("PATH", os.defpath)},
            "user": USER,
            "command": [*command, *order_arguments],
        }
        process = subprocess.Popen(
            [sys.executable, "-I", str(INSIDE)],
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        # A program that ended before it read its order says why by itself.
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # type: ignore[union-attr] # asked for
            pipe.write(json.dumps(inside).encode())
        return process

    def _unpack(self, order: Order) -> Unpacked:
        name, _, digest = order.image.partition("@")
        try:
            host, repository = read_image(name)
        except ValueError as error:
            raise CannotRun(str(error)) from None
        root = self.scratch / "unpacked" / digest.replace(":", "-")
        user, password = order.login or (None, None)
        try:
            with Registry(host, user, password) as registry:
                return unpack(registry, repository, digest, root)
        except BaseException as error:
            remove(root)
            if isinstance(error, Exception):
                raise CannotRun(f"{order.image} cannot be unpacked: {error}") from error
            raise


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


def find_way(scratch: Path) -> Way | None:
    """The engine where one answers, else namespaces, else None: then no image can be run here."""
    version = engine_version()
    if version is not None:
        return Engine(version, scratch)
    return Namespaces(scratch) if namespaces_refused() is None else None


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

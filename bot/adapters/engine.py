"""The Docker engine: base images, builds and pushes."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import docker
import docker.errors
import requests

from bot.adapters.credentials import Account
from bot.errors import BotError, OperatorError, TryAgain

TIMEOUT_SECONDS = 600
"""Seconds between two signs of life of the engine."""

START_SECONDS = 60.0
"""Seconds that an engine beside the job may take to start."""

TAIL_LINES = 400
"""Lines of a build that are kept to say why it failed."""


USING_CACHE = "---> Using cache"
"""Said of an instruction that is not run again."""

LOGINS = "config.json"

_OWN_LINES = (" --->", "Removing intermediate container")


@dataclass(frozen=True, slots=True)
class Image:
    """What the engine says about an image it holds."""

    id: str
    user: str
    labels: Mapping[str, str]


class BuildFailed(BotError):
    """An instruction of a build failed: its words (empty: none was at fault), and the last lines it printed."""

    def __init__(self, instruction: str, message: str, tail: tuple[str, ...]) -> None:
        super().__init__(message)
        self.instruction = instruction
        self.tail = tail


def write_logins(folder: Path, accounts: Mapping[str, Account]) -> None:
    """What the engine's clients read logins from: a file in `folder`, for each registry by host."""
    auths = {
        host: {"auth": base64.b64encode(f"{account.username}:{account.password}".encode()).decode("ascii")}
        for host, account in accounts.items()
    }
    with open(os.open(folder / LOGINS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - the mode must be right from the first moment
        json.dump({"auths": auths}, file)


class Engine:
    """The engine that DOCKER_HOST names, else the one behind the usual socket."""

    def __init__(self, wait_seconds: float = START_SECONDS) -> None:
        # Only an engine beside the job, reached by network, may still be starting.
        patience = wait_seconds if os.environ.get("DOCKER_HOST", "").startswith("tcp://") else 0.0
        self._client: Any = _connected(time.monotonic() + patience)

    def ensure_image(self, name: str, account: Account | None, said: Callable[[str], None]) -> Image:
        """The base image, fetched when the engine does not hold it."""
        held = self.image(name)
        if held is not None:
            return held
        said(f"fetching {name}")
        try:
            for event in self._client.pull(name, stream=True, decode=True, auth_config=_auth(account)):
                if "error" in event:
                    raise _unpullable(name, str(event["error"]))
        except docker.errors.APIError as error:
            raise _unpullable(name, str(error.explanation)) from error
        except requests.RequestException as error:
            raise TryAgain(f"The Docker engine broke off: {type(error).__name__}.") from error
        held = self.image(name)
        if held is None:
            raise _unpullable(name, "it is not there after it was fetched")
        return held

    def image(self, name: str) -> Image | None:
        """An image that the engine holds, or None."""
        try:
            found = self._client.inspect_image(name)
        except docker.errors.ImageNotFound:
            return None
        config = found.get("Config") or {}
        return Image(found["Id"], config.get("User") or "", config.get("Labels") or {})

    def build(
        self,
        folder: Path,
        dockerfile: str,
        tag: str,
        labels: Mapping[str, str],
        arguments: Mapping[str, str],
        said: Callable[[str, str], None],
    ) -> None:
        """Builds a folder by the classic builder and names the result. `said` hears instruction and line.

        `dockerfile` is a path in the folder; what its `.dockerignore` says counts. Raises BuildFailed when an
        instruction fails.
        """
        tail: list[str] = []
        step, instruction = 0, ""
        try:
            for event in self._client.build(
                path=str(folder),
                dockerfile=dockerfile,
                tag=tag,
                labels=dict(labels),
                buildargs=dict(arguments),
                rm=True,
                forcerm=True,
                decode=True,
            ):
                for line in _lines(event):
                    begun = _step(line, step)
                    if begun != step:
                        step, instruction, tail = begun, line.partition(" : ")[2], []
                        line = ""
                    elif not line.startswith(_OWN_LINES):
                        tail = [*tail, line][-TAIL_LINES:]
                    said(instruction, line.strip() if USING_CACHE in line else line)
                if "error" in event:
                    raise BuildFailed(instruction, str(event["error"]), tuple(tail))
        except docker.errors.APIError as error:
            raise BuildFailed(instruction, str(error.explanation), tuple(tail)) from error
        except UnicodeDecodeError as error:
            raise BuildFailed("", "the file .dockerignore is not UTF-8 text", ()) from error
        except requests.RequestException as error:
            raise TryAgain(f"The Docker engine broke off: {type(error).__name__}.") from error

    def log_in_as(self, folder: Path) -> None:
        """Fetch base images with the logins that this folder holds, as `write_logins` writes them."""
        self._client.reload_config(str(folder / LOGINS))

    def push(self, repository: str, tag: str, account: Account | None) -> str:
        """Pushes an image and gives the digest under which the registry holds it."""
        digest = ""
        try:
            for event in self._client.push(
                repository, tag, stream=True, decode=True, auth_config=_auth(account) or {}
            ):
                if "error" in event:
                    raise _unpushable(repository, str(event["error"]))
                digest = (event.get("aux") or {}).get("Digest") or digest
        except docker.errors.APIError as error:
            raise _unpushable(repository, str(error.explanation)) from error
        except requests.RequestException as error:
            raise TryAgain(f"The Docker engine broke off: {type(error).__name__}.") from error
        if not digest:
            raise _unpushable(repository, "the engine did not say under which digest")
        return digest

    def load(self, archive: IO[bytes]) -> None:
        """Takes images from an archive as `docker save` writes it."""
        try:
            for event in self._client.load_image(archive):
                if "error" in event:
                    raise _unloadable(str(event["error"]))
        except docker.errors.APIError as error:
            raise _unloadable(str(error.explanation)) from error
        except requests.RequestException as error:
            raise TryAgain(f"The Docker engine broke off: {type(error).__name__}.") from error

    def run(self, name: str, arguments: Sequence[str], out: IO[bytes], err: IO[bytes]) -> int:
        """Runs an image to its end, what it prints goes on as it comes; its exit code. The container is removed."""
        try:
            container = self._client.create_container(name, command=list(arguments))["Id"]
            try:
                printed = self._client.attach(container, stream=True, demux=True)
                self._client.start(container)
                for plain, complaint in printed:
                    for piece, stream in ((plain, out), (complaint, err)):
                        if piece:
                            stream.write(piece)
                            stream.flush()
                return int(self._client.wait(container)["StatusCode"])
            finally:
                self._client.remove_container(container, force=True)
        except docker.errors.APIError as error:
            raise OperatorError(
                f"The engine cannot run {name}: {error.explanation}.", "Try it with `docker run`."
            ) from error
        except requests.RequestException as error:
            raise TryAgain(f"The Docker engine broke off: {type(error).__name__}.") from error


def _connected(deadline: float) -> Any:
    while True:
        try:
            client = docker.from_env(timeout=TIMEOUT_SECONDS).api
            client.ping()
        except (docker.errors.DockerException, requests.RequestException) as error:
            if time.monotonic() >= deadline:
                raise _no_engine(error) from error
            time.sleep(1)
        else:
            return client


def _lines(event: Mapping[str, Any]) -> list[str]:
    return [line for line in str(event.get("stream") or "").splitlines() if line.strip()]


def _step(line: str, before: int) -> int:
    """The number in `Step 3/9 : …`. A program's own line that looks so cannot count backwards or jump."""
    head, _, rest = line.partition("/")
    word, _, number = head.partition(" ")
    if word == "Step" and " : " in rest and number == str(before + 1):
        return before + 1
    return before


def _auth(account: Account | None) -> dict[str, str] | None:
    return {"username": account.username, "password": account.password} if account else None


def _no_engine(error: Exception) -> OperatorError:
    return OperatorError(
        f"No Docker engine answers here ({type(error).__name__}).",
        "With the engine `docker`, the runner must share its socket: in its config.toml, [runners.docker] "
        'volumes = ["/var/run/docker.sock:/var/run/docker.sock"]. With `docker-dind`, it must allow privileged '
        'services and share volumes = ["/certs/client"].',
    )


def _unpullable(name: str, why: str) -> OperatorError:
    return OperatorError(
        f"The base image {name} cannot be fetched: {why}.",
        "Check the image's name in the bot's environments, and that the runner's engine may pull it.",
    )


def _unloadable(why: str) -> OperatorError:
    return OperatorError(
        f"The Docker engine does not take the image: {why}.",
        "Look whether its disk is full, and at its own log.",
    )


def _unpushable(repository: str, why: str) -> OperatorError:
    return OperatorError(
        f"The image cannot be pushed to {repository}: {why}.",
        "Check that the project's container registry is switched on (Settings › General › Visibility) and that "
        "the engine reaches it.",
    )

"""The Docker engine: base images, builds and pushes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

import docker
import docker.errors
import requests

from bot.errors import BotError, OperatorError, TryAgain

TIMEOUT_SECONDS = 600
"""Seconds between two signs of life of the engine."""

START_SECONDS = 60.0
"""Seconds that an engine beside the job may take to start."""

TAIL_LINES = 400
"""Lines of a build that are kept to say why it failed."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of a registry."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Image:
    """What the engine says about an image it holds."""

    id: str
    user: str
    labels: Mapping[str, str]


class BuildFailed(BotError):
    """An instruction of a build failed: its position from 1, and the last lines that were printed."""

    def __init__(self, step: int, message: str, tail: tuple[str, ...]) -> None:
        super().__init__(message)
        self.step = step
        self.tail = tail


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
        context: IO[bytes],
        tag: str,
        labels: Mapping[str, str],
        arguments: Mapping[str, str],
        said: Callable[[int, str], None],
    ) -> Image:
        """Builds a context (a tar with a Dockerfile in it) and names the result. `said` hears step and line.

        Raises BuildFailed when an instruction fails.
        """
        tail: list[str] = []
        step = 0
        try:
            for event in self._client.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                labels=dict(labels),
                buildargs=dict(arguments),
                rm=True,
                forcerm=True,
                decode=True,
            ):
                for line in _lines(event):
                    step = _step(line, step)
                    tail = [*tail, line][-TAIL_LINES:]
                    said(step, line)
                if "error" in event:
                    raise BuildFailed(step, str(event["error"]), tuple(tail))
        except docker.errors.APIError as error:
            raise BuildFailed(step, str(error.explanation), tuple(tail)) from error
        except requests.RequestException as error:
            raise TryAgain(f"The Docker engine broke off: {type(error).__name__}.") from error
        built = self.image(tag)
        if built is None:
            raise BuildFailed(step, "the engine ended without an image", tuple(tail))
        return built

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


def _unpushable(repository: str, why: str) -> OperatorError:
    return OperatorError(
        f"The image cannot be pushed to {repository}: {why}.",
        "Check that the project's container registry is switched on (Settings › General › Visibility) and that "
        "the engine reaches it.",
    )

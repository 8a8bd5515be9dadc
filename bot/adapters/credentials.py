"""Passwords of registries, as Docker's own configuration holds them. No helper program is ever started for one."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.errors import OperatorError

MAX_CONFIG_BYTES = 1024 * 1024
"""Bytes of a configuration that is read."""

HUB = "docker.io"
HUB_NAMES = frozenset({HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
"""The names under which Docker's own registry is known; its password stands under one of them."""

USERNAME, PASSWORD = "MLREEF_REGISTRY_USERNAME", "MLREEF_REGISTRY_PASSWORD"
"""Variables that name the account for the registry that an image is pushed to, before any file is read."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of a registry."""

    username: str
    password: str


def find_login(host: str, variables: Mapping[str, str], ours: bool = False) -> Account | None:
    """The account for a registry from GitLab's DOCKER_AUTH_CONFIG or Docker's config.json; None: nobody's.

    `ours`: this is the registry that the variables MLREEF_REGISTRY_… are meant for, if they are set.
    OperatorError where the configuration is broken, or names a helper for this registry, which is not started.
    """
    if ours and variables.get(USERNAME) and variables.get(PASSWORD):
        return Account(variables[USERNAME], variables[PASSWORD])
    for text, where in _configurations(variables):
        found = _read(text, where, host)
        if found is not None:
            return found
    return None


def _configurations(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    found = []
    if variables.get("DOCKER_AUTH_CONFIG"):
        found.append((variables["DOCKER_AUTH_CONFIG"], "DOCKER_AUTH_CONFIG"))
    folder = Path(variables.get("DOCKER_CONFIG") or Path(variables.get("HOME") or "/") / ".docker")
    file = folder / "config.json"
    try:
        if file.stat().st_size <= MAX_CONFIG_BYTES:
            found.append((file.read_text("utf-8"), str(file)))
    except OSError:
        # Most machines have none.
        pass
    return found


def _read(text: str, where: str, host: str) -> Account | None:
    try:
        document = json.loads(text)
        auths = document.get("auths") or {}
        entries = [auths[name] for name in auths if _host(name) == _host(host)]
        helper = (document.get("credHelpers") or {}).get(host) or document.get("credsStore")
        for entry in entries:
            if entry.get("auth"):
                username, _, password = base64.b64decode(entry["auth"]).decode("utf-8").partition(":")
                return Account(username, password)
            if entry.get("username"):
                return Account(str(entry["username"]), str(entry.get("password", "")))
    except (ValueError, AttributeError, TypeError, binascii.Error) as error:
        raise OperatorError(
            f"{where} is not in the form of Docker's config.json.", "Log in anew with `docker login`."
        ) from error
    if entries and helper:
        raise OperatorError(
            f"{where} leaves the password for {host} to the program docker-credential-{helper}, which is not started.",
            f"Give the account in {USERNAME} and {PASSWORD}, or in DOCKER_AUTH_CONFIG.",
        )
    return None


def _host(name: str) -> str:
    host = name.partition("://")[2] if "://" in name else name
    host = host.partition("/")[0]
    return HUB if host in HUB_NAMES else host

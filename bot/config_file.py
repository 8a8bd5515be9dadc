"""`config.yaml` and the environment → one frozen Config; every fault is told at once, with its place and mend.

Environment variables are named by their path: MLREEF_GITLAB__URL is gitlab.url. They win over the file.
Secrets come from the environment or from files of their own, never from config.yaml: that file gets shared.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import ValidationError

from bot.config import PREFIX, Config
from bot.config_values import STAND_IN
from bot.errors import OperatorError

DEFAULT_FILE = Path("config.yaml")
CATALOGUE_ADDRESS = f"{PREFIX}CATALOGUE"
"""Names the catalogue that `mlreef-bot pipeline` asks: a setting of whoever runs that, and none of the bot's."""

MAX_CONFIG_BYTES = 1024 * 1024
MAX_SECRET_FILE_BYTES = 64 * 1024

SECRETS = {
    ("gitlab", "token"): "token_file",
    ("webhook", "secrets"): "secrets_file",
    ("webhook", "signing_tokens"): "signing_tokens_file",
    ("webhook", "master_secret"): "master_secret_file",
    ("registry", "password"): "password_file",
    ("catalogue", "client_secret"): "client_secret_file",
    ("catalogue", "session_secret"): "session_secret_file",
}
"""Places of secrets, and the neighbour that names a file instead."""

READ_AGAIN = {("gitlab", "token")}
"""Secrets whose file is looked into again while the bot runs."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the configuration: where, what, and how to mend it."""

    where: str
    what: str
    hint: str


class ConfigError(OperatorError):
    """The configuration cannot be used; carries every fault."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        lines = "\n".join(f"  {fault.where}: {fault.what}\n    → {fault.hint}" for fault in faults)
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(
            f"the configuration has {count}:\n{lines}", "see config.example.yaml for every setting"
        )
        self.faults = faults


def load_config(
    file: Path | None = None, environ: Mapping[str, str] | None = None, *, secrets: bool = True
) -> Config:
    """Read the file (config.yaml where there is one) and the environment. Raises ConfigError with all faults.

    Without `secrets` none is read or missed: for commands that speak to nobody.
    """
    environ = os.environ if environ is None else environ
    faults: list[Fault] = []
    values = _load_yaml(file, faults)
    if faults:
        # What a file that cannot be read does not say is not missing.
        raise ConfigError(tuple(faults))
    faults += _secrets_in(values)
    _overlay(values, environ)
    if secrets:
        _load_secret_files(values, faults)
    else:
        _put_stand_ins(values)
    told = {fault.where for fault in faults}
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        faults += [fault for fault in _explain(error) if fault.where not in told]
    if faults:
        raise ConfigError(tuple(faults))
    return config


def _load_yaml(file: Path | None, faults: list[Fault]) -> dict[str, Any]:
    path = file or DEFAULT_FILE
    if file is None and not path.is_file():
        return {}
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_CONFIG_BYTES + 1)
        if len(content) > MAX_CONFIG_BYTES:
            raise OSError(f"it is larger than {MAX_CONFIG_BYTES} bytes")
        values = yaml.safe_load(content) or {}
    except OSError as error:
        faults.append(
            Fault(str(path), f"cannot be read: {error.strerror or error}", "check its path and rights")
        )
        return {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        where = f"{path}:{place.line + 1}" if place else str(path)
        faults.append(Fault(where, "is not YAML", f"{getattr(error, 'problem', None) or 'check the syntax'}"))
        return {}
    if not isinstance(values, dict):
        faults.append(Fault(str(path), "is not a list of settings", "begin with `gitlab:`"))
        return {}
    return values


def _secrets_in(values: dict[str, Any]) -> Iterator[Fault]:
    for (part, name), neighbour in SECRETS.items():
        section = values.get(part)
        if isinstance(section, dict) and name in section:
            del section[name]
            yield Fault(
                f"{part}.{name}",
                "a secret must not stand in this file, which gets shared and committed",
                f"put it into a file and name that in {part}.{neighbour}, "
                f"or set {PREFIX}{part.upper()}__{name.upper()} in the environment; "
                "change the secret if others have seen it",
            )
    database = values.get("database")
    url = database.get("url") if isinstance(database, dict) else None
    if isinstance(database, dict) and isinstance(url, str) and urlsplit(url).password:
        del database["url"]
        yield Fault(
            "database.url",
            "its password must not stand in this file, which gets shared and committed",
            f"set {PREFIX}DATABASE__URL in the environment, or use PostgreSQL's own password file",
        )


def _overlay(values: MutableMapping[str, Any], environ: Mapping[str, str]) -> None:
    # Other programs' variables may begin alike, so only names that lead into Config are ours.
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX):
            continue
        path = variable.removeprefix(PREFIX).lower().split("__")
        if path[0] not in Config.model_fields or variable == CATALOGUE_ADDRESS:
            continue
        section: MutableMapping[str, Any] = values
        for step in path[:-1]:
            nested = section.get(step)
            if not isinstance(nested, dict):
                nested = section[step] = {}
            section = nested
        section[path[-1]] = yaml.safe_load(text) if path == ["environments"] else text


def _load_secret_files(values: MutableMapping[str, Any], faults: list[Fault]) -> None:
    for (part, name), neighbour in SECRETS.items():
        section = values.get(part)
        if not isinstance(section, dict) or neighbour not in section:
            continue
        file = section[neighbour]
        if (part, name) not in READ_AGAIN:
            del section[neighbour]
        if name in section:
            continue
        try:
            section[name] = _read_secret(Path(str(file)))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            faults.append(
                Fault(f"{part}.{neighbour}", f"{file} cannot be read: {reason}", "check its path and rights")
            )
            # Told here already; a stand-in keeps the other faults visible.
            section[name] = STAND_IN


def _read_secret(file: Path) -> str:
    with file.open("rb") as stream:
        content = stream.read(MAX_SECRET_FILE_BYTES).decode().strip()
    if not content:
        raise OSError("it is empty")
    return content


def load_token(config: Config) -> str | None:
    """GitLab's token as its file holds it now; None when there is no file or it cannot be read."""
    if config.gitlab.token_file is None:
        return None
    try:
        return _read_secret(config.gitlab.token_file)
    except (OSError, UnicodeDecodeError):
        return None


def _put_stand_ins(values: MutableMapping[str, Any]) -> None:
    """Every secret that is needed, as a text that is none."""
    for (part, name), neighbour in SECRETS.items():
        section = values.get(part)
        if section is None and part in ("gitlab", "webhook"):
            section = values[part] = {}
        if isinstance(section, dict):
            section.pop(neighbour, None)
            section[name] = STAND_IN


_WORDS = {
    "missing": ("is missing", "add it to config.yaml or set {variable} in the environment"),
    "extra_forbidden": ("is no setting", "check its spelling against config.example.yaml, or delete it"),
}


def _explain(error: ValidationError) -> Iterator[Fault]:
    for item in error.errors(include_url=False, include_input=False):
        path = [str(step) for step in item["loc"]]
        where = ".".join(path) or "config"
        if tuple(path) in SECRETS and item["type"] == "missing":
            neighbour = SECRETS[(path[0], path[1])]
            yield Fault(where, "is missing", f"name a file in {path[0]}.{neighbour} or set {_variable(path)}")
            continue
        what, hint = _WORDS.get(item["type"], (item["msg"].removeprefix("Value error, "), "correct it"))
        yield Fault(where, what, hint.format(variable=_variable(path)))


def _variable(path: list[str]) -> str:
    return PREFIX + "__".join(step.upper() for step in path)

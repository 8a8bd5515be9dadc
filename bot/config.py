"""`config.yaml` and the environment → one frozen Config; every fault is told at once, with its place and mend.

Environment variables are named by their path: MLREEF_GITLAB__URL is gitlab.url. They win over the file.
Secrets come from the environment or from files of their own, never from config.yaml: that file gets shared.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from bot.errors import OperatorError
from bot.logs import MIN_SECRET_CHARACTERS
from parser.limits import DEFAULT_LIMITS, LEAST, MOST

PREFIX = "MLREEF_"
"""Beginning of the environment variables that are read as configuration."""

DEFAULT_FILE = Path("config.yaml")

MAX_CONFIG_BYTES = 1024 * 1024
MAX_SECRET_FILE_BYTES = 64 * 1024

MIN_MASTER_CHARACTERS = 32
"""A master secret can be guessed at without asking us, by whoever knows one token that was derived from it."""

STAND_IN = "x" * MIN_MASTER_CHARACTERS
"""In place of a secret that cannot be read, or need not be: long enough, and base64."""

SECRETS = {
    ("gitlab", "token"): "token_file",
    ("webhook", "secrets"): "secrets_file",
    ("webhook", "signing_tokens"): "signing_tokens_file",
    ("webhook", "master_secret"): "master_secret_file",
    ("registry", "password"): "password_file",
}
"""Places of secrets, and the neighbour that names a file instead."""

READ_AGAIN = {("gitlab", "token")}
"""Secrets whose file is looked into again while the bot runs."""


def _listed(value: object) -> object:
    # An environment variable holds a list as words between commas; a secrets file as lines.
    if isinstance(value, str):
        return tuple(word.strip() for word in re.split(r"[,\n]", value) if word.strip())
    return tuple(value) if isinstance(value, list) else value


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < MIN_SECRET_CHARACTERS:
        raise ValueError(f"a secret of fewer than {MIN_SECRET_CHARACTERS} characters can be guessed")
    return value


def _master(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < MIN_MASTER_CHARACTERS:
        raise ValueError(
            f"a master secret needs at least {MIN_MASTER_CHARACTERS} characters: whoever reads one project's token "
            "can try to guess it; `openssl rand -hex 32` makes a good one"
        )
    return value


def _signing_token(value: SecretStr) -> SecretStr:
    try:
        base64.b64decode(value.get_secret_value().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a signing token is `whsec_` followed by base64, as GitLab shows it once") from error
    return value


def _web_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("this is no web address, such as https://gitlab.example.com")
    if parts.username or parts.password:
        raise ValueError("an address here must not carry a user name or password")
    return value.rstrip("/")


def _database_url(value: str) -> str:
    if not re.match(r"sqlite:///.|postgresql(\+psycopg)?://.", value):
        raise ValueError("name an SQLite file (sqlite:///bot.db) or a PostgreSQL database (postgresql://…)")
    return re.sub(r"^postgresql://", "postgresql+psycopg://", value)


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("give an address and a port, such as 127.0.0.1:8080 or [::1]:8080")
    return value


def _image(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}", value):
        raise ValueError("this is no image reference, such as registry.example.com/group/image:tag")
    return value


def _plain_word(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", value):
        raise ValueError("use letters, digits, dot, dash and underscore, at most 63 characters")
    return value


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
Secrets = Annotated[tuple[Secret, ...], BeforeValidator(_listed)]
Masters = Annotated[tuple[Annotated[SecretStr, AfterValidator(_master)], ...], BeforeValidator(_listed)]
SigningTokens = Annotated[
    tuple[Annotated[Secret, AfterValidator(_signing_token)], ...], BeforeValidator(_listed)
]
Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
Image = Annotated[str, AfterValidator(_image)]
Word = Annotated[str, AfterValidator(_plain_word)]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Gitlab(_Part):
    """Which GitLab, and who the bot is there."""

    url: WebUrl
    token: Secret
    token_file: Path | None = None
    timeout_seconds: PositiveSeconds = 15.0
    ca_file: Path | None = None


class Webhook(_Part):
    """The door: where it listens, and by what GitLab proves who it is."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8080"
    secrets: Secrets = ()
    signing_tokens: SigningTokens = ()
    master_secret: Masters = ()
    tolerance_seconds: PositiveSeconds = 300.0
    processes: Annotated[int, Field(ge=1, le=64)] = 2
    threads: Annotated[int, Field(ge=1, le=64)] = 4

    @model_validator(mode="after")
    def _closed(self) -> Webhook:
        if not self.secrets and not self.signing_tokens and not self.master_secret:
            raise ValueError(
                "the door has no lock: give webhook.secrets_file, webhook.signing_tokens_file or "
                f"webhook.master_secret_file, or {PREFIX}WEBHOOK__SECRETS in the environment"
            )
        return self


class Metrics(_Part):
    """Where metrics are told; empty: by the door, at /metrics."""

    listen: Annotated[str, AfterValidator(_listen)] | Literal[""] = ""


class Database(_Part):
    """Where the bot keeps deliveries, jobs and publications."""

    url: Annotated[str, AfterValidator(_database_url)] = "sqlite:///mlreef-bot.db"


class Publishing(_Part):
    """What is published, and how many commits of the bot's one branch gets in an hour."""

    branches: Words = ()
    commits_per_hour: Annotated[int, Field(ge=1, le=10_000)] = 20


class Environment(_Part):
    """A base image that authors choose by name."""

    name: Word
    title: str = ""
    image: Image
    python: Annotated[str, Field(pattern=r"^3\.\d{1,2}$")]
    env: Mapping[str, str] = Field(default_factory=dict)


class Builder(_Part):
    """What runs the jobs of generated pipelines."""

    image: Image
    engine: Literal["docker", "docker-dind"] = "docker"


class Pipeline(_Part):
    """How patient the bot is with pipelines."""

    grace_seconds: PositiveSeconds = 20.0
    watch_seconds: PositiveSeconds = 600.0


class Worker(_Part):
    """How much is done at a time."""

    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    poll_seconds: Annotated[float, Field(ge=0.01, le=60)] = 0.02
    per_project: Annotated[int, Field(ge=1, le=256)] = 4
    shutdown_seconds: Annotated[float, Field(ge=0, le=3600)] = 6.0


class Reconcile(_Part):
    """The sweep: how often, and which projects besides those that were published before."""

    interval_seconds: PositiveSeconds = 900.0
    complete_seconds: Annotated[float, Field(gt=0, le=30 * 86_400)] = 86_400.0
    projects: Words = ()
    groups: Words = ()


class Reading(_Part):
    """What reading one repository may cost."""

    seconds: Annotated[float, Field(ge=0.5, le=600)] = 10.0
    memory_mib: Annotated[int, Field(ge=32, le=65_536)] = 300
    file_bytes: Annotated[int, Field(ge=LEAST.file_bytes, le=MOST.file_bytes)] = DEFAULT_LIMITS.file_bytes
    steps: Annotated[int, Field(ge=LEAST.steps, le=MOST.steps)] = DEFAULT_LIMITS.steps
    depth: Annotated[int, Field(ge=LEAST.depth, le=MOST.depth)] = DEFAULT_LIMITS.depth


class Log(_Part):
    """How the bot speaks to its operator."""

    format: Literal["json", "console"] = "json"
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Registry(_Part):
    """Who the bot is for the container registry; without it the bot's GitLab token is used."""

    username: str
    password: Secret


DEFAULT_ENVIRONMENT = Environment(
    name="python-3.12", title="Python 3.12", image="python:3.12-slim-bookworm", python="3.12"
)


class Config(_Part):
    """Everything the operator decides."""

    gitlab: Gitlab
    webhook: Webhook
    builder: Builder
    database: Database = Database()
    publish: Publishing = Publishing()
    environments: tuple[Environment, ...] = (DEFAULT_ENVIRONMENT,)
    default_environment: str = ""
    pipeline: Pipeline = Pipeline()
    worker: Worker = Worker()
    reconcile: Reconcile = Reconcile()
    reading: Reading = Reading()
    docs_url: WebUrl | Literal[""] = ""
    log: Log = Log()
    metrics: Metrics = Metrics()
    registry: Registry | None = None

    @model_validator(mode="before")
    @classmethod
    def _sections_are_there(cls, values: Any) -> Any:
        # A section left out or left empty misses its settings, which says more than a missing section.
        if not isinstance(values, Mapping):
            return values
        given = {name: value for name, value in values.items() if value is not None}
        return {"gitlab": {}, "webhook": {}, "builder": {}, **given}

    @model_validator(mode="after")
    def _environments_fit(self) -> Config:
        names = [environment.name for environment in self.environments]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"environments: the name {twice[0]!r} is given twice")
        if self.default_environment and self.default_environment not in names:
            raise ValueError(
                f"default_environment: {self.default_environment!r} is none of the environments "
                f"({', '.join(names) or 'none is configured'})"
            )
        if not names:
            raise ValueError("environments: at least one is needed, or leave the setting out")
        return self

    @property
    def environment_by_default(self) -> str:
        """The environment of modules that name none: the configured one, else the first."""
        return self.default_environment or self.environments[0].name

    def secrets(self) -> tuple[str, ...]:
        """All secret texts, for the redaction of logs."""
        door = self.webhook
        found = [self.gitlab.token, *door.secrets, *door.signing_tokens, *door.master_secret]
        if self.registry:
            found.append(self.registry.password)
        database_password = urlsplit(self.database.url).password
        texts = [secret.get_secret_value() for secret in found]
        return (*texts, database_password) if database_password else tuple(texts)


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
        if path[0] not in Config.model_fields:
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
            with Path(str(file)).open("rb") as stream:
                content = stream.read(MAX_SECRET_FILE_BYTES).decode().strip()
            if not content:
                raise OSError("it is empty")
            section[name] = content
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            faults.append(
                Fault(f"{part}.{neighbour}", f"{file} cannot be read: {reason}", "check its path and rights")
            )
            # Told here already; a stand-in keeps the other faults visible.
            section[name] = STAND_IN


def load_token(config: Config) -> str | None:
    """GitLab's token as its file holds it now; None when there is no file or it cannot be read."""
    if config.gitlab.token_file is None:
        return None
    try:
        return config.gitlab.token_file.read_text().strip() or None
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

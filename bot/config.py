"""Everything the operator decides, as one frozen value: `Config`, and a class for each section of `config.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bot.config_values import (
    DatabaseUrl,
    Engines,
    Image,
    Listen,
    Masters,
    OrNothing,
    PositiveSeconds,
    Secret,
    Secrets,
    SigningTokens,
    VariableName,
    WebUrl,
    Word,
    Words,
)
from bot.shapes import CUDA, DEFAULT_WHEELS, EXECUTABLE, PYTHON, WHEEL_PLATFORM
from parser.limits import DEFAULT_LIMITS, LEAST, MOST

PREFIX = "MLREEF_"
"""Beginning of the environment variables that are read as configuration."""


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

    listen: Listen = "127.0.0.1:8080"
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

    listen: Annotated[Listen, OrNothing] = ""


class Catalogue(_Part):
    """The web pages and the API for those who look for modules; signing in needs an application in GitLab."""

    enabled: bool = False
    listen: Listen = "127.0.0.1:8081"
    url: Annotated[WebUrl, OrNothing] = ""
    client_id: str = ""
    client_secret: Secret | None = None
    session_secret: Secret | None = None
    cache_seconds: Annotated[float, Field(ge=0, le=60)] = 10.0
    processes: Annotated[int, Field(ge=1, le=64)] = 2
    threads: Annotated[int, Field(ge=1, le=64)] = 8

    @model_validator(mode="after")
    def _signing_in_is_whole(self) -> Catalogue:
        if not self.client_id:
            return self
        needed = {
            "url": self.url,
            "client_secret_file": self.client_secret,
            "session_secret_file": self.session_secret,
        }
        lacking = [name for name, value in needed.items() if not value]
        if lacking:
            raise ValueError(f"client_id is given, so people sign in; needed as well: {', '.join(lacking)}")
        return self

    @property
    def address(self) -> str:
        """Where people reach it: what is configured, else where it listens."""
        return self.url or f"http://{self.listen}"


class Database(_Part):
    """Where the bot keeps deliveries, jobs and publications."""

    url: DatabaseUrl = "sqlite:///mlreef-bot.db"


class Publishing(_Part):
    """What is published, and how many commits of the bot's one branch gets in an hour."""

    branches: Words = ()
    other_branches: bool = True
    keep_versions: Annotated[int, Field(ge=0, le=1000)] = 10
    commits_per_hour: Annotated[int, Field(ge=1, le=10_000)] = 20


class Wizard(_Part):
    """Which repositories get a merge request that sets them up, without being asked."""

    open: Literal["when_needed", "always", "never"] = "when_needed"


class Environment(_Part):
    """A base image that authors choose by name."""

    name: Word
    title: str = ""
    description: str = ""
    image: Image
    python: Annotated[str, Field(pattern=f"^{PYTHON}$")]
    env: Mapping[str, str] = Field(default_factory=dict)
    gpu: bool = False
    cuda: Annotated[str, Field(pattern=f"^{CUDA}$")] | None = None
    platforms: Annotated[tuple[Literal["linux/amd64", "linux/arm64"], ...], Field(min_length=1)] = (
        "linux/amd64",
    )
    wheel_platform: Annotated[str, Field(pattern=f"^{WHEEL_PLATFORM}$")] = DEFAULT_WHEELS
    executable: Annotated[str, Field(pattern=f"^{EXECUTABLE}$"), OrNothing] = ""
    bytecode: bool = True

    @model_validator(mode="after")
    def _gpu_fits(self) -> Environment:
        if self.cuda and not self.gpu:
            raise ValueError("cuda is given, but gpu is not: write `gpu: true` as well")
        return self


class Builder(_Part):
    """What runs the jobs of generated pipelines."""

    image: Image
    engines: Engines = ("layers",)
    shared_layers: Annotated[Image, OrNothing] = ""
    index_url: Annotated[WebUrl, OrNothing] = ""
    attest: bool = True
    signing_key: VariableName = ""
    advisories: Literal["off", "tell", "block"] = "off"
    advisories_url: Annotated[WebUrl, OrNothing] = ""
    block_from: Literal["low", "medium", "high", "critical"] = "high"

    @model_validator(mode="after")
    def _advisories_come_from_somewhere(self) -> Builder:
        if self.advisories != "off" and not self.advisories_url:
            raise ValueError("advisories are asked for: give builder.advisories_url, where they are read")
        return self


class Pipeline(_Part):
    """How patient the bot is with pipelines."""

    grace_seconds: PositiveSeconds = 20.0
    watch_seconds: PositiveSeconds = 600.0


def _unquoted(value: object) -> object:
    return {False: "off", True: "all"}[value] if isinstance(value, bool) else value


class Review(_Part):
    """Merge requests: whether they are reviewed, and how much is said there."""

    enabled: bool = True
    # YAML takes a bare `off` for false
    notes: Annotated[Literal["all", "problems", "off"], BeforeValidator(_unquoted)] = "all"
    max_discussions: Annotated[int, Field(ge=0, le=100)] = 20
    may_block: bool = False
    ask_index: bool = True


class Experiments(_Part):
    """What runs of modules measured: where it is told, and whether GitLab's model experiments hold it, too."""

    notes: Annotated[Literal["all", "merge_requests", "off"], BeforeValidator(_unquoted)] = "all"
    mlflow: bool = False


class Component(_Part):
    """Whether published versions are offered as CI/CD components, and the image in which their releases are made."""

    enabled: bool = True
    # the first version of glab that all of GitLab 18 takes for `release:`; a tag that moves would run whatever comes
    release_image: str = "registry.gitlab.com/gitlab-org/cli:v1.58.0"


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
    wizard: Wizard = Wizard()
    environments: tuple[Environment, ...] = (DEFAULT_ENVIRONMENT,)
    default_environment: str = ""
    pipeline: Pipeline = Pipeline()
    review: Review = Review()
    experiments: Experiments = Experiments()
    component: Component = Component()
    worker: Worker = Worker()
    reconcile: Reconcile = Reconcile()
    reading: Reading = Reading()
    docs_url: Annotated[WebUrl, OrNothing] = ""
    log: Log = Log()
    metrics: Metrics = Metrics()
    catalogue: Catalogue = Catalogue()
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
        pages = self.catalogue
        found += [secret for secret in (pages.client_secret, pages.session_secret) if secret is not None]
        database_password = urlsplit(self.database.url).password
        texts = [secret.get_secret_value() for secret in found]
        return (*texts, database_password) if database_password else tuple(texts)

"""What the operator has decided about publishing, as the domain needs it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.guards import ALL_GUARDS, Guards
from bot.domain.pipeline import Engine, Environment, PipelineSettings
from parser.limits import DEFAULT_LIMITS, Limits


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's part of every decision; nothing in a repository can widen it.

    `branches` are published besides each project's default branch. `grace_seconds`: how long GitLab may take
    to start a pipeline by itself. `watch_seconds`: how often a running pipeline is looked at if no hook tells.
    `limits`: how far repositories are read, by the bot and by the jobs of its pipelines. `guards`: against loops.
    """

    environments: tuple[Environment, ...]
    default_environment: str
    builder_image: str
    engine: Engine
    docs_url: str
    branches: tuple[str, ...] = ()
    grace_seconds: float = 20.0
    watch_seconds: float = 600.0
    limits: Limits = DEFAULT_LIMITS
    guards: Guards = ALL_GUARDS

    def publishes(self, branch: str, default_branch: str | None) -> bool:
        """Whether a branch is one that is published."""
        return branch == default_branch or branch in self.branches

    def pipeline_settings(self, environment: Environment) -> PipelineSettings:
        """The operator's part of a pipeline whose module runs in this environment."""
        return PipelineSettings(self.builder_image, self.engine, environment, self.docs_url, self.limits)

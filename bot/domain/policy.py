"""What the operator has decided about publishing, as the domain needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.domain.branches import is_published
from bot.domain.choice import plan_environment
from bot.domain.engines import USUAL_BUILDING, Building, makes_wheels, plan_engine
from bot.domain.guards import ALL_GUARDS, Guards
from bot.domain.manner import USUAL_EXPERIMENTS, USUAL_MANNER, Experiments, Manner
from bot.domain.offer import NO_COMPONENTS, Components
from bot.domain.pipeline import Environment, PipelineSettings
from parser.limits import DEFAULT_LIMITS, Limits
from parser.model import Problem, Report

Opening = Literal["when_needed", "always", "never"]
"""Which repositories get a merge request that sets them up without being asked: those whose first publication is
refused for something that it would mend, all new ones, or none."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's part of every decision; nothing in a repository can widen it.

    `branches` are published besides each project's default branch, and with `other_branches` those that a project
    names itself. `keep_versions`: how many of a branch's newest versions are never retired; 0 for all.
    `grace_seconds`: how long GitLab may take to start a pipeline by itself. `watch_seconds`: how often a running
    pipeline is looked at if no hook tells. `limits`: how far repositories are read, by the bot and by the jobs of
    its pipelines. `guards`: against loops. `review`: how merge requests are reviewed. `wizard`: for whom a merge
    request is opened that sets a repository up. `experiments`: where runs are told. `component`: whether versions are
    offered as components.
    """

    environments: tuple[Environment, ...]
    default_environment: str
    builder_image: str
    docs_url: str
    building: Building = USUAL_BUILDING
    branches: tuple[str, ...] = ()
    other_branches: bool = True
    keep_versions: int = 10
    grace_seconds: float = 20.0
    watch_seconds: float = 600.0
    limits: Limits = DEFAULT_LIMITS
    guards: Guards = ALL_GUARDS
    review: Manner = USUAL_MANNER
    wizard: Opening = "when_needed"
    experiments: Experiments = USUAL_EXPERIMENTS
    component: Components = NO_COMPONENTS

    def publishes(self, branch: str, default_branch: str | None, named: tuple[str, ...] = ()) -> bool:
        """Whether a branch is one that is published; `named`: those that the project's `.mlreef.yaml` names."""
        return is_published(branch, default_branch, (*self.branches, *(named if self.other_branches else ())))

    def pipeline_settings(self, report: Report) -> PipelineSettings | Problem:
        """What the pipeline of a repository is made with; a Problem for a wish that is not allowed."""
        environment = plan_environment(report, self.environments, self.default_environment)
        if isinstance(environment, Problem):
            return environment
        choice = plan_engine(report, self.building.engines)
        if isinstance(choice, Problem):
            return choice
        return PipelineSettings(
            builder_image=self.builder_image,
            engine=choice.engine,
            environment=environment,
            docs_url=self.docs_url,
            limits=self.limits,
            engine_why=choice.why,
            building=self.building,
            stages=report.settings.stages,
            wheels=makes_wheels(report, choice.engine),
        )

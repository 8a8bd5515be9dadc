"""One review, decided: what was read of a merge request's head → what is said about it, and where."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.current import Current
from bot.domain.gitlab import MergeRequest, Project
from bot.domain.interface import InterfaceDiff, Level
from bot.domain.pipeline import PipelineSettings
from bot.domain.prediction import Prediction
from bot.domain.requirement_changes import RequirementChange
from bot.domain.versions import Version
from parser.model import Problem, Report, Severity


@dataclass(frozen=True, slots=True)
class Reviewed:
    """All that is known of a merge request's head when the bot tells of it.

    `problems` are those of the report and of everything else that was looked at, errors first. `settings` is a Problem
    for a wish that is not allowed, and is then one of `problems`, too. `current` is None where the target branch has
    published nothing, and also while the registry cannot say: `unread` then tells why. `interface` is None where there
    is nothing to compare: nothing published, its description unreadable, or no module in the head. `version` is what
    merging would publish; None where it publishes nothing, or cannot be known. `foreign`: the head lies in a project
    where the bot may set no status. `introduces`: the bot speaks for the first time in this project.
    """

    request: MergeRequest
    project: Project
    report: Report
    problems: tuple[Problem, ...]
    settings: PipelineSettings | Problem
    current: Current | None = None
    unread: str = ""
    interface: InterfaceDiff | None = None
    version: Version | None = None
    level: Level = Level.NONE
    requirements: tuple[RequirementChange, ...] = ()
    prediction: Prediction | None = None
    foreign: bool = False
    introduces: bool = False

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps the module from being published."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def good(self) -> bool:
        """Whether merging would publish."""
        return self.report.module is not None and not self.errors

    @property
    def first(self) -> bool:
        """Whether merging would be the first publication of the target branch."""
        return self.current is None and not self.unread

"""A merge request's head beside what its target branch has published: all there is to know before telling of it."""

from __future__ import annotations

from bot.domain import plan
from bot.domain.gitlab import MergeRequest, Project
from bot.domain.review import Reviewed
from bot.reading import Reading, fetch_report
from bot.world import World
from parser.model import Problem, Severity

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def fetch_reviewed(request: MergeRequest, project: Project, world: World) -> tuple[Reviewed, Reading]:
    """Read the head, and compare it with what is published now."""
    read = fetch_report(project, request.sha, world)
    settings = world.policy.pipeline_settings(read.report)
    problems = [*plan.problems_of(read.report, project)]
    if isinstance(settings, Problem):
        problems.append(settings)
    problems.sort(key=lambda one: _RANK[one.severity])
    unread = "the bot has not learned to look at it yet."
    return Reviewed(request, project, read.report, tuple(problems), settings, unread=unread), read

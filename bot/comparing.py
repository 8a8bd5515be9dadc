"""A merge request's head beside what its target branch has published: all there is to know before telling of it."""

from __future__ import annotations

from bot.domain import pipeline, plan
from bot.domain.gitlab import MergeRequest, Project
from bot.domain.hand_edits import find_hand_edit, find_unbuilt
from bot.domain.pipeline import PipelineSettings
from bot.domain.review import Reviewed
from bot.reading import Reading, fetch_report
from bot.world import World
from parser.model import Problem, Severity

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def fetch_reviewed(request: MergeRequest, project: Project, world: World) -> tuple[Reviewed, Reading]:
    """Read the head, and compare it with what is published now."""
    read = fetch_report(project, request.sha, world)
    settings = world.policy.pipeline_settings(read.report)
    problems = _problems(request, project, read, settings, world)
    unread = "the bot has not learned to look at it yet."
    return Reviewed(request, project, read.report, problems, settings, unread=unread), read


def _problems(
    request: MergeRequest, project: Project, read: Reading, settings: PipelineSettings | Problem, world: World
) -> tuple[Problem, ...]:
    """Everything wrong with the head, errors first."""
    found = [*plan.problems_of(read.report, project), find_unbuilt(project, read.own_ci)]
    given = None
    if isinstance(settings, Problem):
        found.append(settings)
    elif read.report.module is not None and not read.report.refused:
        given = pipeline.render(read.report.module, settings, request.target_branch)
    base = request.diff_refs.base_sha if request.diff_refs else request.target_branch

    def fetch_base() -> bytes | None:
        return world.forge.fetch_files(project, base, (pipeline.PATH,)).get(pipeline.PATH)

    found.append(find_hand_edit(read.generated, given, fetch_base))
    problems = [problem for problem in found if problem is not None]
    return tuple(sorted(problems, key=lambda problem: _RANK[problem.severity]))

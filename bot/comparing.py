"""A merge request's head beside what its target branch has published: all there is to know before telling of it."""

from __future__ import annotations

from dataclasses import replace

import structlog

from bot.domain import pipeline, plan
from bot.domain.comparable import parameters_are_read, requirements_are_read
from bot.domain.current import Current
from bot.domain.gitlab import MergeRequest, Project
from bot.domain.hand_edits import find_hand_edit, find_unbuilt
from bot.domain.interface import Level, compare
from bot.domain.pipeline import PipelineSettings
from bot.domain.prediction import predict
from bot.domain.requirement_changes import RequirementChange, compare_requirements
from bot.domain.review import Reviewed
from bot.domain.versions import plan_version
from bot.errors import OperatorError, Refused, TryAgain
from bot.published import fetch_current
from bot.reading import Reading, fetch_report
from bot.world import World
from bot.yanked import fetch_yanked
from parser.model import Problem, Requirements, Severity

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}

log = structlog.get_logger()


def fetch_reviewed(request: MergeRequest, project: Project, world: World) -> tuple[Reviewed, Reading]:
    """Read the head, and compare it with what is published now; package indexes are not asked yet."""
    read = fetch_report(project, request.sha, world)
    settings = world.policy.pipeline_settings(read.report)
    problems = _problems(request, project, read, settings, world)
    reviewed = Reviewed(request, project, read.report, problems, settings)
    try:
        current = fetch_current(project, request.target_branch, world)
        return compared(reviewed, current), read
    except (Refused, OperatorError, TryAgain) as refusal:
        log.warning("not_compared", project=project.path, iid=request.iid, reason=str(refusal))
        return replace(reviewed, unread=str(refusal)), read


def fetch_taken_back(reviewed: Reviewed, world: World) -> Reviewed:
    """The same, knowing which of its newly pinned versions were taken back; that may take a second or two."""
    before, after = _requirements(reviewed)
    yanked = fetch_yanked(before, after, world) if reviewed.report.module is not None else {}
    if not yanked or not requirements_are_read(reviewed.problems):
        return reviewed
    return replace(reviewed, requirements=compare_requirements(before, after, yanked))


def compared(reviewed: Reviewed, current: Current | None) -> Reviewed:
    """What merging changes. Versions that were taken back stay used, though nothing is published any more."""
    request, module = reviewed.request, reviewed.report.module
    used = current.used if current else frozenset()
    now = current if current is not None and current.digest else None
    reviewed = replace(reviewed, current=now)
    if module is None:
        return reviewed
    before = now.module if now else None
    version, level = None, Level.NONE
    if reviewed.good and request.target_branch == reviewed.project.default_branch:
        version, level = plan_version(now.version if now else None, before, module, used)
    reviewed = replace(
        reviewed,
        interface=compare(before, module)
        if before is not None and parameters_are_read(reviewed.problems)
        else None,
        version=version,
        level=level,
    )
    if now is None:
        return reviewed
    changes = tuple[RequirementChange, ...]()
    if before is not None and requirements_are_read(reviewed.problems):
        changes = compare_requirements(*_requirements(reviewed))
    settings = reviewed.settings
    environment = settings.environment.name if isinstance(settings, PipelineSettings) else ""
    return replace(reviewed, requirements=changes, prediction=predict(now, changes, environment))


def _requirements(reviewed: Reviewed) -> tuple[Requirements | None, Requirements | None]:
    """What is installed now, and what the head asks for."""
    current, module = reviewed.current, reviewed.report.module
    before = current.module if current is not None else None
    return (before.requirements if before else None), (module.requirements if module else None)


def _problems(
    request: MergeRequest, project: Project, read: Reading, settings: PipelineSettings | Problem, world: World
) -> tuple[Problem, ...]:
    """Everything wrong with the head, errors first."""
    found = [*plan.problems_of(read.report, project, world.policy), find_unbuilt(project, read.own_ci)]
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

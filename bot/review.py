"""One review of a merge request, top to bottom: fetch its head, read it, compare, tell.

Every job may be done again at any time, and what stands there already is not written again. The head is read from the
project that the merge request goes to, where GitLab keeps it also for a fork that the bot cannot see.
"""

from __future__ import annotations

import structlog

from bot.domain import plan, reports
from bot.domain.gitlab import MergeRequest
from bot.domain.jobs import Check, Later
from bot.domain.steps import CHECK_STATUS, SetStatus
from bot.errors import Gone, Refused
from bot.reading import fetch_report
from bot.telling import ensure_status
from bot.world import World

log = structlog.get_logger()


def review(job: Check, world: World) -> tuple[Later, ...]:
    """Read the merge request's head, and tell what merging it would come to."""
    request = world.forge.fetch_merge_request(job.project_id, job.iid)
    if request is None or not request.open or not request.sha:
        log.info("merge_request_not_open", project=job.project_id, iid=job.iid)
        return ()
    project = world.forge.fetch_project(job.project_id)
    if project.archived or not world.policy.publishes(request.target_branch, project.default_branch):
        log.info("target_not_published", project=project.path, iid=job.iid, target=request.target_branch)
        return ()
    read = fetch_report(project, request.sha, world)
    problems = plan.problems_of(read.report, project)
    state = "failed" if read.report.refused else "success"
    words = reports.checked_status(problems)
    step = SetStatus(request.sha, request.source_branch, state, words, request.web_url, None, CHECK_STATUS)
    log.info("merge_request_read", project=project.path, iid=job.iid, sha=request.sha, problems=len(problems))
    _tell_status(step, request, world)
    world.store.keep_review(project.id, request.iid, head_sha=request.sha, target=request.target_branch)
    return ()


def _tell_status(step: SetStatus, request: MergeRequest, world: World) -> bool:
    """Whether the status could be told; in a fork the bot may have no rights."""
    if request.source_project_id is None:
        return False
    try:
        ensure_status(step, request.source_project_id, world)
    except (Refused, Gone) as refusal:
        if not request.from_fork:
            raise
        log.info("status_not_allowed", project=request.source_project_id, reason=str(refusal))
        return False
    return True

"""Telling an author: statuses and notes, each written only when it is not there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot.adapters.publications import Publication
from bot.domain import reports
from bot.domain.gitlab import ENDED
from bot.domain.jobs import Check, EnsurePipeline, Follow, Job, Publish
from bot.domain.manner import begins_note, plan_notes
from bot.domain.plan import State
from bot.domain.review_plan import check_step
from bot.domain.steps import SetStatus, Tell
from bot.errors import Gone, Refused, TryAgain
from bot.metrics import PUBLICATIONS, stage
from bot.sticky import ensure_note
from bot.world import World

log = structlog.get_logger()


MERGED_SOON_SECONDS = 1.0
"""GitLab moves the branch before it marks the merge request as merged."""


def perform(steps: Sequence[SetStatus | Tell], project_id: int, world: World, merging: bool = False) -> None:
    """Say all of it; what GitLab will not have said is logged and does not keep the rest from being said.

    `merging`: the commit is a merge so fresh that its merge request may not be marked yet. TryAgain is then
    raised rather than a comment left on the commit.
    """
    with stage("tell"):
        for step in steps:
            try:
                match step:
                    case SetStatus():
                        ensure_status(step, project_id, world)
                    case Tell():
                        _ensure_told(step, project_id, world, merging)
            except (Refused, Gone) as refusal:
                log.warning("not_told", project=project_id, step=type(step).__name__, reason=str(refusal))


def tell_given_up(job: Job, world: World) -> None:
    """Say on the commit that the bot tries no longer, and what to do; nothing when its publication has ended.

    An answer is given up at its comment (`bot.answering`).
    """
    if isinstance(job, Check):
        _tell_check_given_up(job, world)
        return
    if not isinstance(job, Publish | EnsurePipeline | Follow):
        return  # no publication; nobody waits for the others, and they are asked for or found again
    sha = job.sha
    if sha is None:
        branch = world.forge.fetch_branch(job.project_id, job.branch)
        if branch is None:
            return
        sha = branch.sha
    known = world.store.publication(job.project_id, sha, job.branch)
    if known is not None and State(known.state).ended:
        return
    url = f"{world.forge.fetch_project(job.project_id).web_url}/-/commit/{sha}"
    pipeline_id = known.pipeline_id if known else None
    status = SetStatus(sha, job.branch, "failed", reports.given_up_status(), url, pipeline_id)
    perform((status,), job.project_id, world)
    known = known or Publication(job.project_id, job.branch, sha, sha, State.UNBUILT)
    world.store.ensure_publication(replace(known, state=State.UNBUILT))
    PUBLICATIONS.labels("given up").inc()


def _tell_check_given_up(job: Check, world: World) -> None:
    request = world.forge.fetch_merge_request(job.project_id, job.iid)
    if request is None or not request.open or request.source_project_id is None:
        return
    words = reports.check_given_up_status()
    perform((check_step(request, "failed", words),), request.source_project_id, world)


def ensure_status(step: SetStatus, project_id: int, world: World) -> None:
    """Write the status, unless it stands there already. Raises Refused or Gone where the bot may not."""
    if step.state in ENDED:
        # an end cannot be changed: writing it again would make a second job beside the first
        now = world.forge.fetch_status(
            project_id, step.branch, step.sha, step.name, world.user_id, step.pipeline_id
        )
        if now is not None and (now.state, now.description) == (step.state, step.description):
            return
    told = (project_id, step.sha, step.name, step.state, step.description, step.target_url)
    try:
        world.forge.set_status(*told, step.pipeline_id, step.branch)
    except Gone:
        # a child pipeline takes no statuses: an end is told on the commit's own pipeline instead
        if step.pipeline_id is None or step.state not in ENDED:
            raise
        world.forge.set_status(*told, None, step.branch)


def _ensure_told(step: Tell, project_id: int, world: World, merging: bool) -> None:
    request = world.forge.fetch_merge_request_of(project_id, step.sha, step.branch)
    if request is not None:
        # here speaks the published branch itself
        notes = plan_notes(world.policy.review.notes, step.quiet, step.quiet)
        news = begins_note(notes, worth_saying=True, problems=step.aloud)
        ensure_note(project_id, request.iid, step.body, world, news, outcome=True)
    elif step.aloud and merging:
        raise TryAgain("the merge request is not marked as merged yet", MERGED_SOON_SECONDS)
    elif step.aloud and step.quiet != "everything":
        world.forge.ensure_commit_comment(project_id, step.sha, step.body, world.user_id)

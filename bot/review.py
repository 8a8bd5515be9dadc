"""One review of a merge request, top to bottom: fetch its head, read it, compare, decide, tell.

Every job may be done again at any time, and what stands there already is not written again. The head is read from the
project that the merge request goes to, where GitLab keeps it also for a fork that the bot cannot see.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import structlog

from bot.branches import is_published
from bot.comparing import fetch_reviewed, fetch_taken_back
from bot.domain import reports
from bot.domain.gitlab import MergeRequest, Project
from bot.domain.jobs import COMMAND, Check, Later
from bot.domain.manner import Notes, needs_target, plan_notes
from bot.domain.review import Reviewed
from bot.domain.review_note import check_status, folded_body, moved_away_body, review_body
from bot.domain.review_plan import check_step, plan_review
from bot.domain.steps import CHECK_STATUS, SetStatus
from bot.domain.tree import bounded_source
from bot.errors import Gone, Refused
from bot.metrics import stage
from bot.pinning import with_pins
from bot.reading import Reading
from bot.reviewing_threads import discuss
from bot.sticky import ensure_note
from bot.telling import ensure_status
from bot.world import World
from parser.settings import PATH as SETTINGS
from parser.source import Entry

REREAD_SECONDS = 120.0
"""When it is looked again at what is published, where the registry could not say."""

MAX_REREADS = 3
"""How often that is done; the next push looks in any case."""

INTRODUCED = "introduced in"
"""Begins the names of facts: the merge request of a project in which the bot first spoke."""

log = structlog.get_logger()


def review(job: Check, world: World) -> tuple[Later, ...]:
    """Read the merge request's head, and tell what merging it would come to."""
    rules = world.policy.review
    request = world.forge.fetch_merge_request(job.project_id, job.iid)
    if not rules.enabled or request is None or not request.open or not request.sha:
        log.info("merge_request_not_reviewed", project=job.project_id, iid=job.iid, enabled=rules.enabled)
        return ()
    project = world.forge.fetch_project(job.project_id)
    if project.archived:
        return ()
    if not is_published(project, request.target_branch, world):
        _set_aside(request, project, world)
        return ()
    if job.cause == COMMAND:
        # somebody wants to know how it really stands: what is remembered of the note is looked up again
        world.store.keep_review(project.id, request.iid, note_digest="")
    reviewed, read = fetch_reviewed(request, project, world)
    world.store.keep_uses(project.id, job.branch, read.uses)
    if read.is_only_user and job.cause != COMMAND:
        log.info("only_uses_modules", project=project.path, iid=request.iid, sha=request.sha)
        world.store.keep_review(project.id, request.iid, head_sha=request.sha, target=request.target_branch)
        return ()
    log.info(
        "merge_request_read",
        project=project.path,
        iid=request.iid,
        sha=request.sha,
        problems=len(reviewed.problems),
        good=reviewed.good,
    )
    again = bool(reviewed.unread) and job.attempt < MAX_REREADS
    with stage("tell"):
        step = check_step(request, "success" if reviewed.good else "failed", check_status(reviewed))
        told = _tell_status(step, request, world)
        # the bot does not talk to itself
        if request.author_id != world.user_id and not _say(
            replace(reviewed, foreign=request.from_fork and not told), read, world, again
        ):
            return ()
    world.store.keep_review(project.id, request.iid, head_sha=request.sha, target=request.target_branch)
    if again:
        return (Later(replace(job, attempt=job.attempt + 1), REREAD_SECONDS, reviewed.unread),)
    return ()


def _say(reviewed: Reviewed, read: Reading, world: World, again: bool) -> bool:
    """Bring discussions and note to what is to be said; whether the head is still the one that was read.

    `again`: it is looked at again soon, and a note that only could not be compared for the moment stays as it is.
    """
    request = reviewed.request
    introduced = world.store.fact(f"{INTRODUCED} {request.project_id}")
    reviewed = replace(reviewed, introduces=introduced in (None, str(request.iid)))
    # after the status: an index may be slow
    reviewed = fetch_taken_back(reviewed, world)
    planned = plan_review(reviewed, world.policy.review, _notes_wanted(reviewed, world))
    unmoved = functools.cache(functools.partial(_ensure_unmoved, request, world))
    try:
        mended = functools.partial(with_pins, reviewed=reviewed, contents=read.contents, world=world)
        left = discuss(request, reviewed.problems, read.contents, planned.discussions, world, mended, unmoved)
        if planned.worth_saying:
            body = review_body(reviewed, left, len(reviewed.problems) - len(left))
        else:
            body = folded_body(reviewed)
        if planned.worth_saying or not again:
            ensure_note(request.project_id, request.iid, body, world, planned.worth_saying, ready=unmoved)
        if planned.worth_saying and introduced is None:
            world.store.keep_fact(f"{INTRODUCED} {request.project_id}", str(request.iid))
    except _MovedOn:
        log.info("merge_request_moved_on", project=request.project_id, iid=request.iid, sha=request.sha)
        return False
    except (Refused, Gone) as refusal:
        # the discussion may be locked; the status tells what matters
        log.warning("not_told", project=request.project_id, iid=request.iid, reason=str(refusal))
    return True


class _MovedOn(Exception):
    """What was read is no longer what the merge request is; whoever moved it told of that, too."""


def _ensure_unmoved(request: MergeRequest, world: World) -> None:
    """Asked right before something is written: reading and comparing take their time."""
    now = world.forge.fetch_merge_request(request.project_id, request.iid)
    if now is None or not now.open or (now.sha, now.target_branch) != (request.sha, request.target_branch):
        raise _MovedOn


def _set_aside(request: MergeRequest, project: Project, world: World) -> None:
    """Take back what was said while the merge request went to a published branch."""
    log.info("target_not_published", project=project.path, iid=request.iid, target=request.target_branch)
    known = world.store.review(project.id, request.iid)
    if known.target != request.target_branch:
        try:
            _take_back(request, known.note_id is not None, bool(known.threads), world)
        except (Refused, Gone) as refusal:
            log.warning("not_told", project=project.id, iid=request.iid, reason=str(refusal))
    world.store.keep_review(project.id, request.iid, head_sha=request.sha, target=request.target_branch)


def _take_back(request: MergeRequest, note: bool, threads: bool, world: World) -> None:
    source = request.source_project_id or request.project_id
    branch, user = request.source_branch, world.user_id
    if world.forge.fetch_status(source, branch, request.sha, CHECK_STATUS, user) is not None:
        words = reports.unpublished_target_status(request.target_branch)
        _tell_status(check_step(request, "success", words), request, world)
    if threads:
        discuss(request, (), {}, 0, world)
    if note:
        body = moved_away_body(request.target_branch)
        ensure_note(request.project_id, request.iid, body, world, news=False)


def _notes_wanted(reviewed: Reviewed, world: World) -> Notes:
    """What notes are begun for; the target's own file is asked for only where the head wishes to hear less."""
    operator, wished = world.policy.review.notes, reviewed.report.settings.quiet
    if not needs_target(operator, wished):
        return plan_notes(operator, wished)
    project, branch = reviewed.project, reviewed.request.target_branch
    content = world.forge.fetch_files(project, branch, (SETTINGS,)).get(SETTINGS)
    if content is None:
        return plan_notes(operator, wished)
    source = bounded_source((Entry(SETTINGS, "file"),), {SETTINGS: content})
    return plan_notes(operator, wished, world.read(source, project.name).settings.quiet)


def _tell_status(step: SetStatus, request: MergeRequest, world: World) -> bool:
    """Whether the status could be told; in a fork, or on a protected branch, the bot may have no rights."""
    if request.source_project_id is None:
        return False
    try:
        ensure_status(step, request.source_project_id, world)
    except (Refused, Gone) as refusal:
        log.warning("not_told", project=request.source_project_id, iid=request.iid, reason=str(refusal))
        return False
    return True

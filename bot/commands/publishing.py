"""The commands that move a publication: publish, retry, cancel; and waiting for what they lead to.

Each looks first how things stand, so that a second run, after a crash or a lost answer, changes nothing more.
"""

from __future__ import annotations

from dataclasses import replace

from bot.adapters.publications import Publication
from bot.branches import is_published
from bot.commands.values import Awaited, Done, Outcome, Place, Undone
from bot.domain import replies
from bot.domain.gitlab import ENDED
from bot.domain.jobs import COMMAND, Answer, Later, Publish
from bot.domain.plan import State
from bot.world import World

FIRST_LOOK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
MAX_LOOKS = 200
"""How often the end of a publication is looked for, a few seconds to a minute apart: about three hours."""

OVERTAKEN_LOOKS = 3
"""A commit that our own takes the place of is noted as overtaken a moment before that one is noted."""

GOOD_ENDS = (State.PUBLISHED, State.UNCHANGED)


def publish(place: Place, world: World) -> Outcome:
    """Publish the newest commit of the branch, also one that was published before."""
    if place.project.archived:
        return Undone(replies.archived_reply())
    if not is_published(place.project, place.branch, world):
        return Undone(replies.not_published_reply(place.branch))
    head = world.forge.fetch_branch(place.project.id, place.branch)
    if head is None:
        return Undone(replies.no_branch_reply(place.branch))
    known = world.store.publication_of(place.project.id, head.sha, place.branch)
    asked = Publish(place.project.id, place.branch, cause=COMMAND)
    return Awaited(place.branch, head.sha, known.updated_at if known else 0.0, (Later(asked),))


def retry(place: Place, world: World) -> Outcome:
    """Run again what failed of the branch's newest publication: jobs of its pipeline, or what the bot gave up."""
    _forget_given_up(place, world)
    known = world.store.newest_publication(place.project.id, place.branch)
    if known is None:
        return Undone(replies.nothing_failed_reply(place.branch, ""))
    awaited = Awaited(place.branch, known.sha, known.updated_at)
    match known.state:
        case State.WAITING | State.RUNNING:
            # it runs, maybe since this very command was worked on before
            return awaited
        case State.UNBUILT:
            return publish(place, world)
        case State.FAILED:
            pipeline = None
            if known.pipeline_id is not None:
                pipeline = world.forge.fetch_pipeline(place.project.id, known.pipeline_id)
            return publish(place, world) if pipeline is None else replace(awaited, rerun=pipeline.id)
    return Undone(replies.nothing_failed_reply(place.branch, known.state))


def cancel(place: Place, world: World) -> Outcome:
    """Stop the pipeline of the branch's running publication."""
    known = world.store.newest_publication(place.project.id, place.branch)
    if known is None:
        return Undone(replies.nothing_runs_reply(place.branch))
    if State(known.state).ended:
        # stopped already, maybe since this very command was worked on before
        stopped = _is_canceled(known, world)
        return Done() if stopped else Undone(replies.nothing_runs_reply(place.branch))
    pipeline_id = known.pipeline_id or _fetch_newest_pipeline(known, world)
    if pipeline_id is None:
        return Undone(replies.no_pipeline_yet_reply(place.branch))
    world.forge.cancel_pipeline(place.project.id, pipeline_id)
    return Done()


def look_again(job: Answer, world: World) -> Outcome:
    """Whether the publication that a command led to has ended, and how; before that its failed jobs run again."""
    awaited = Awaited(job.awaited_branch, job.awaited_sha, job.since)
    known = world.store.publication_of(job.project_id, job.awaited_sha, job.awaited_branch)
    if known is not None and job.rerun and known.updated_at <= job.since:
        known = _run_again(known, job.rerun, world)
    if known is None or known.updated_at <= job.since or not State(known.state).ended:
        return awaited if job.looks < MAX_LOOKS else Undone(replies.still_running_reply())
    if known.state in GOOD_ENDS:
        return Done()
    if known.state == State.SUPERSEDED:
        return awaited if job.looks < OVERTAKEN_LOOKS else Done(replies.overtaken_reply(job.awaited_branch))
    project = world.forge.fetch_project(job.project_id)
    url = f"{project.web_url}/-/commit/{known.sha}"
    return Undone(replies.publication_reply(known.state, known.branch, known.sha, url))


def pause_before(look: int) -> float:
    """Seconds before the next look: growing, as publications that take long may take longer."""
    return min(FIRST_LOOK_SECONDS * 1.5 ** min(look, 20), LONGEST_PAUSE_SECONDS)


def _run_again(known: Publication, pipeline_id: int, world: World) -> Publication:
    """Have failed jobs done again, unless they are being done: the answer to a first request may have been lost."""
    pipeline = world.forge.fetch_pipeline(known.project_id, pipeline_id)
    if pipeline is not None and pipeline.status in ENDED:
        world.forge.retry_pipeline(known.project_id, pipeline_id)
    # noted at once: a cancel may follow before a hook tells that it runs
    return world.store.ensure_publication(replace(known, state=State.RUNNING))


def _forget_given_up(place: Place, world: World) -> None:
    """What the bot gave up of the branch is not to be done any more: it is done anew."""
    for parked in world.store.parked():
        if (parked.job.get("project_id"), parked.job.get("branch")) == (place.project.id, place.branch):
            world.store.unpark(parked.job_id)


def _is_canceled(known: Publication, world: World) -> bool:
    if known.pipeline_id is None:
        return False
    pipeline = world.forge.fetch_pipeline(known.project_id, known.pipeline_id)
    return pipeline is not None and pipeline.status == "canceled"


def _fetch_newest_pipeline(known: Publication, world: World) -> int | None:
    found = world.forge.fetch_pipelines(known.project_id, known.branch, known.sha)
    return next((p.id for p in found if p.source != "external" and p.status not in ENDED), None)

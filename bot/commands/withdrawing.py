"""The commands that take a version back, and bring it back: quickly here, or by a job where that takes a pipeline."""

from __future__ import annotations

from bot import withdrawing
from bot.commands.values import Asked, Done, Outcome, Place, Undone
from bot.domain import replies, withdrawal
from bot.domain.jobs import Answer, Later, Withdraw
from bot.domain.withdrawal import BRING_BACK, TAKE_BACK, Withdrawn
from bot.rebuilding import is_allowed, read_end
from bot.world import World

MAX_LOOKS = 250
"""How often the end of that job is looked for; it gives up before."""


def unpublish(place: Place, version: str, job: Answer, world: World) -> Outcome:
    """Take a version of the branch back, or of the project."""
    refused = _why_not(place, version, TAKE_BACK, job, world)
    if refused is not None:
        return refused
    return _outcome(withdrawing.unpublish(place.project, place.branch, version, world, user_id=job.user_id))


def republish(place: Place, version: str, job: Answer, world: World) -> Outcome:
    """Bring a version back that was taken back; by a pipeline where its image is gone."""
    refused = _why_not(place, version, BRING_BACK, job, world)
    if refused is not None:
        return refused
    found = withdrawing.republish(place.project, place.branch, version, world)
    if found.rebuild is None:
        return _outcome(found)
    asked = Withdraw(
        place.project.id, place.branch, version, BRING_BACK, job.user_id, key=_key(job), told=True
    )
    return Asked((Later(asked),))


def look_again(job: Answer, world: World) -> Outcome:
    """How the job ended that a command led to; Asked while it has not."""
    found = read_end(_key(job), world)
    if found is not None:
        return _outcome(found)
    return Asked() if job.looks < MAX_LOOKS else Undone(replies.still_running_reply())


def _why_not(place: Place, version: str, action: str, job: Answer, world: World) -> Undone | None:
    if place.project.archived:
        return Undone(replies.archived_reply())
    sha = withdrawing.find_commit(place.project, place.branch, version, world)
    if is_allowed(place.project, place.branch, sha, job.user_id, world):
        return None
    return Undone(withdrawal.not_allowed_reply(action))


def _key(job: Answer) -> str:
    return f"note {job.project_id} {job.note_id}"


def _outcome(found: Withdrawn) -> Outcome:
    return Done(found.reply, found.later) if found.done else Undone(found.reply)

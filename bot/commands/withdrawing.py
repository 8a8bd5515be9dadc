"""The commands that take a version back, and bring it back."""

from __future__ import annotations

from bot import withdrawing
from bot.commands.values import Done, Outcome, Place, Undone
from bot.domain import replies
from bot.domain.withdrawal import Withdrawn
from bot.world import World


def unpublish(place: Place, version: str, world: World) -> Outcome:
    """Take a version of the branch back, or of the project."""
    if place.project.archived:
        return Undone(replies.archived_reply())
    return _outcome(withdrawing.unpublish(place.project, place.branch, version, world))


def republish(place: Place, version: str, world: World) -> Outcome:
    """Bring a version back that was taken back."""
    if place.project.archived:
        return Undone(replies.archived_reply())
    return _outcome(withdrawing.republish(place.project, place.branch, version, world))


def _outcome(found: Withdrawn) -> Outcome:
    return Done(found.reply) if found.done else Undone(found.reply)

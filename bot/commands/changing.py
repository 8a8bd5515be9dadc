"""The commands that change something besides a publication: `.mlreef.yaml`, the set-up of a repository."""

from __future__ import annotations

from bot.commands.values import Done, Outcome, Place, Undone
from bot.domain import replies, wizard_words
from bot.domain.settings_edit import CannotEdit, EntryPointWish, EnvironmentWish, Wish
from bot.domain.wizard import SKELETONS, SetupWish, Skeleton
from bot.opening import open_setup
from bot.settings_edit import offer_edit, offer_edit_at
from bot.world import World


def entry_point(place: Place, file: str, user_id: int, world: World) -> Outcome:
    """Set the script that is run, or say what to write."""
    return _edit(place, EntryPointWish(file), user_id, world)


def environment(place: Place, name: str, user_id: int, world: World) -> Outcome:
    """Set the base environment, or say what to write."""
    return _edit(place, EnvironmentWish(name), user_id, world)


def init(place: Place, skeleton: str, world: World) -> Outcome:
    """Open the merge request that sets the repository up, with code to begin with if a kind of it is named."""
    kind: Skeleton = next((one for one in SKELETONS if one == skeleton), "")
    opened = open_setup(place.project.id, world, asked=True, wish=SetupWish(skeleton=kind))
    reply = wizard_words.opened_reply(opened)
    return Undone(reply) if opened.kind == "refused" else Done(reply)


def _edit(place: Place, wish: Wish, user_id: int, world: World) -> Outcome:
    if place.request is not None:
        found = offer_edit(place.request, user_id, wish, world)
    else:
        sha = place.sha
        if not sha:
            head = world.forge.fetch_branch(place.project.id, place.branch)
            if head is None:
                return Undone(replies.no_branch_reply(place.branch))
            sha = head.sha
        found = offer_edit_at(place.project.id, place.branch, sha, wish, world)
    if isinstance(found, CannotEdit):
        return Undone(wizard_words.cannot_edit_reply(found))
    return Done(wizard_words.edit_reply(found))

"""A person asks for one value of `.mlreef.yaml`: as lines to write, and as a commit where they may push it themselves.

Repeatable: a second run finds the branch as the first one left it.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from bot.domain import wizard_words
from bot.domain.gitlab import DEVELOPER, Branch, MergeRequest
from bot.domain.settings_edit import CannotEdit, Edited, Offer, Wish, edit_settings
from bot.errors import Gone, Refused, TryAgain
from bot.reading import fetch_source
from bot.world import World

MOVED_SECONDS = 2.0
"""Pause when the branch is ahead of the merge request: GitLab moves it first."""

log = structlog.get_logger()


def offer_edit(request: MergeRequest, user_id: int, wish: Wish, world: World) -> Offer | CannotEdit:
    """The wish for a merge request's head: committed to its source branch if the user may push there, else offered.

    TryAgain while the merge request does not know of its branch's head yet.
    """
    found = _edit_at(request.project_id, request.sha, wish, world)
    if isinstance(found, CannotEdit):
        return found
    offer = Offer(found, request.source_branch)
    branch = _fetch_source_branch(request, world)
    why_not = _why_not(request, branch, user_id, world)
    if branch is None or why_not:
        return offer if not found.changed else replace(offer, why_not=why_not)
    if branch.sha != request.sha:
        raise TryAgain("the merge request does not know its branch's head yet", MOVED_SECONDS)
    message = wizard_words.edit_message(wish)
    if not found.changed:
        ours = branch.message.strip() == message.strip()
        return replace(offer, sha=branch.sha) if ours else offer
    return _commit(offer, branch, message, request, world)


def offer_edit_at(project_id: int, branch: str, sha: str, wish: Wish, world: World) -> Offer | CannotEdit:
    """The wish for a commit that belongs to no merge request: offered as lines only."""
    found = _edit_at(project_id, sha, wish, world)
    if isinstance(found, CannotEdit):
        return found
    return Offer(found, branch, why_not=wizard_words.NO_MERGE_REQUEST if found.changed else "")


def _edit_at(project_id: int, sha: str, wish: Wish, world: World) -> Edited | CannotEdit:
    # GitLab keeps a merge request's head in the target project, also when it comes from a fork
    project = world.forge.fetch_project(project_id)
    fetched = fetch_source(project, sha, world)
    if fetched is None:
        return wizard_words.TOO_MANY_FILES
    return edit_settings(fetched[0], wish, world.policy.environments)


def _fetch_source_branch(request: MergeRequest, world: World) -> Branch | None:
    if request.source_project_id is None:
        return None
    try:
        return world.forge.fetch_branch(request.source_project_id, request.source_branch)
    except (Refused, Gone):
        return None


def _why_not(request: MergeRequest, branch: Branch | None, user_id: int, world: World) -> str:
    """Why the bot does not write to the source branch; "" when it may, and the person may, too."""
    if not request.open:
        return wizard_words.NOT_OPEN
    if branch is None or request.source_project_id is None:
        return wizard_words.OUT_OF_REACH
    if not branch.can_push:
        return wizard_words.BOT_MAY_NOT_PUSH
    level = world.forge.fetch_level(request.source_project_id, user_id)
    # Developers may push where nothing is protected; of a protected branch GitLab says whether they may there, too
    if level < DEVELOPER or (branch.protected and not branch.developers_can_push):
        return wizard_words.YOU_MAY_NOT_PUSH
    return ""


def _commit(
    offer: Offer, branch: Branch, message: str, request: MergeRequest, world: World
) -> Offer | CannotEdit:
    project_id, path = int(request.source_project_id or 0), offer.edited.path
    last = world.forge.fetch_last_commit_of(project_id, branch.sha, path)
    try:
        made = world.forge.commit(project_id, branch.name, message, path, offer.edited.content, last)
    except Refused as refusal:
        now = world.forge.fetch_branch(project_id, branch.name)
        if now is not None and now.sha != branch.sha:
            raise TryAgain("somebody pushed to the branch meanwhile", MOVED_SECONDS) from None
        log.warning("settings_not_committed", project=project_id, branch=branch.name, why=str(refusal))
        return replace(offer, why_not=wizard_words.GITLAB_REFUSED)
    log.info("settings_committed", project=project_id, branch=branch.name, sha=made.sha)
    return replace(offer, sha=made.sha)

"""The command status: where publication and check stand."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.values import Done, Place
from bot.domain.standing import Standing, standing_reply
from bot.domain.steps import CHECK_STATUS
from bot.errors import Gone, OperatorError, Refused, TryAgain
from bot.published import fetch_current
from bot.world import World


def status(place: Place, world: World) -> Done:
    """What is published, how the newest publication of the branch stands, and what the check said."""
    standing = _with_current(Standing(place.branch), place, world)
    newest = world.store.newest_publication(place.project.id, place.branch)
    if newest is not None:
        url = f"{place.project.web_url}/-/pipelines/{newest.pipeline_id}" if newest.pipeline_id else ""
        standing = replace(
            standing,
            state=newest.state,
            sha=newest.sha,
            pipeline_id=newest.pipeline_id,
            pipeline_url=url,
        )
    return Done(standing_reply(_with_check(standing, place, world)))


def _with_current(standing: Standing, place: Place, world: World) -> Standing:
    try:
        current = fetch_current(place.project, place.branch, world)
    except (Refused, OperatorError, TryAgain):
        return replace(standing, unread=True)
    if current is None or not current.digest:
        return standing
    version = str(current.version) if current.version is not None else ""
    return replace(
        standing, image=current.image, digest=current.digest, number=current.number, version=version
    )


def _with_check(standing: Standing, place: Place, world: World) -> Standing:
    request = place.request
    if request is None or not request.open:
        return standing
    standing = replace(standing, iid=request.iid, checked=place.sha)
    if request.source_project_id is None:
        return standing
    try:
        found = world.forge.fetch_status(
            request.source_project_id, request.source_branch, place.sha, CHECK_STATUS, world.user_id
        )
    except (Refused, Gone):
        return standing
    if found is None:
        return standing
    return replace(standing, check=found.state, check_words=found.description)

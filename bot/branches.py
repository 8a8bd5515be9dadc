"""Which branches of a project are published: what its default branch says now, noted for the door."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import structlog

from bot.domain.branches import OWN, named_fact, named_to_text
from bot.domain.gitlab import Project
from bot.domain.jobs import Later, Publish
from bot.domain.plan import State
from bot.domain.tree import bounded_source
from bot.errors import Gone, Refused
from bot.world import World
from parser.settings import PATH as SETTINGS
from parser.source import Entry

log = structlog.get_logger()


def is_published(project: Project, branch: str, world: World) -> bool:
    """Whether a branch is published. Only for one that the operator does not name, the project's own file is read."""
    policy = world.policy
    if policy.publishes(branch, project.default_branch):
        return True
    if not policy.other_branches or branch.startswith(OWN):
        return False
    return policy.publishes(branch, project.default_branch, fetch_named(project, world))


def fetch_named(project: Project, world: World) -> tuple[str, ...]:
    """The names that `.mlreef.yaml` on the default branch gives, also remembered."""
    named = tuple[str, ...]()
    if project.default_branch:
        content = world.forge.fetch_files(project, project.default_branch, (SETTINGS,)).get(SETTINGS)
        if content is not None:
            source = bounded_source((Entry(SETTINGS, "file"),), {SETTINGS: content})
            named = world.read(source, project.name).settings.branches
    remember_named(project.id, named, world)
    return named


def remember_named(project_id: int, named: Sequence[str], world: World) -> None:
    """Note the names, by which the door knows which pushes mean work."""
    fact, text = named_fact(project_id), named_to_text(named)
    if world.store.fact(fact) != text:
        world.store.keep_fact(fact, text)


def publish_named(project: Project, named: Sequence[str], world: World) -> tuple[Later, ...]:
    """Remember what the default branch names, and publish the heads of those branches that nobody told of.

    A branch may have been pushed before it was named, or just before that was known; so each head is looked at after
    the names are noted.
    """
    remember_named(project.id, named, world)
    if not named or not world.policy.other_branches:
        return ()
    try:
        heads = tuple(fetch_unhandled(project.id, project.default_branch, named, world))
    except (Refused, Gone) as refusal:
        # the default branch is to be published all the same, and pushes tell of the others
        log.warning("branches_unread", project=project.path, reason=str(refusal))
        return ()
    return tuple(Later(Publish(project.id, branch, sha, cause="named")) for branch, sha in heads)


def fetch_unhandled(
    project_id: int, default_branch: str | None, named: Sequence[str], world: World
) -> Iterator[tuple[str, str]]:
    """Branches besides the default one that are published, with those heads that no publication is known of."""
    for branch, sha in sorted(world.forge.fetch_heads(project_id).items()):
        if branch == default_branch or not world.policy.publishes(branch, default_branch, tuple(named)):
            continue
        known = world.store.publication(project_id, sha, branch)
        # to what a newer commit took the place of, a branch can be moved back
        if known is None or known.state == State.SUPERSEDED:
            yield branch, sha

"""Taking a version back, and bringing it back: its tags in the registry, `latest`, and what the bot remembers.

Every step may be repeated. A version's image is kept under another tag before anything goes, so a run that broke off
is found and ended by the next one, and the number stays used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import structlog

from bot.adapters.registry import Manifest, Registry
from bot.domain import withdrawal as words
from bot.domain.gitlab import Project
from bot.domain.plan import State
from bot.domain.tags import LATEST, WITHDRAWN_NUMBER, branch_slug, read_numbers, version_tag
from bot.domain.version_names import Named, kept_tag, read_name
from bot.domain.versions import Version, read_used
from bot.domain.withdrawal import Withdrawn
from bot.errors import Gone, Refused
from bot.world import World

TAGS_LOOKED_AT = 100
"""The newest tags of each kind whose images are compared with the one that is asked for."""

MOVES = 5
"""So often `latest` is moved on while others take back what it was just moved to."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A project's images, and which of them are looked at: those of the branch with this slug."""

    project: Project
    registry: Registry
    slug: str
    world: World

    @property
    def path(self) -> str:
        return self.project.registry_path

    @property
    def is_default(self) -> bool:
        return self.slug == branch_slug(self.project.default_branch or "")

    def image(self, tag: str, there: Iterable[str]) -> Manifest | None:
        return self.registry.fetch_manifest(self.path, tag) if tag in there else None

    def names(self, there: Iterable[str]) -> tuple[list[str], list[str]]:
        """Tags of the branch's numbers, and of versions, that are there or kept under another name; newest first."""
        present = tuple(there)
        numbers = read_numbers(self.slug, (tag.removeprefix(WITHDRAWN_NUMBER) for tag in present))
        versions = sorted(read_used(present), reverse=True) if self.is_default else []
        return [version_tag(self.slug, number) for number in numbers], [str(one) for one in versions]

    def names_of(self, digest: str, there: Iterable[str], held_as: Callable[[str], str]) -> list[str]:
        """The names whose tag, in the form `held_as`, leads to the image; at most one of each kind."""
        found = []
        for kind in self.names(there):
            for name in kind[:TAGS_LOOKED_AT]:
                image = self.image(held_as(name), there)
                if image is not None and image.digest == digest:
                    found.append(name)
                    break
        return found

    def delete(self, tags: Iterable[str]) -> None:
        self.world.forge.delete_image_tags(self.project.id, self.path, tuple(tags))


def unpublish(project: Project, branch: str, version: str, world: World) -> Withdrawn:
    """Take a version back: its tags go, and `latest` goes back to the newest version that is left."""
    return _change(project, branch, version, world, _unpublish)


def republish(project: Project, branch: str, version: str, world: World) -> Withdrawn:
    """Bring a version back: the same image under the same tags, and `latest` when it is the newest."""
    return _change(project, branch, version, world, _republish)


def _change(
    project: Project,
    branch: str,
    version: str,
    world: World,
    change: Callable[[_Shelf, Named], Withdrawn],
) -> Withdrawn:
    if project.registry_host is None:
        return Withdrawn(False, words.without_registry_reply())
    named = read_name(version, branch_slug(branch), branch_slug(project.default_branch or branch))
    if named is None:
        return Withdrawn(False, words.not_named_reply(version))
    shelf = _Shelf(project, world.registry(project.registry_host), named.slug, world)
    try:
        return change(shelf, named)
    except (Refused, Gone) as refusal:
        log.warning("tags_not_changed", project=project.path, version=named.tag, reason=str(refusal))
        return Withdrawn(False, words.refused_reply(named.tag, f"{refusal}."))


def _unpublish(shelf: _Shelf, named: Named) -> Withdrawn:
    there = frozenset(shelf.registry.fetch_tags(shelf.path))
    image = shelf.image(named.tag, there) or shelf.image(kept_tag(named.tag), there)
    if image is None:
        return _unknown(shelf, named, there)
    names = shelf.names_of(image.digest, there, str)
    for name in names:
        shelf.registry.ensure_tag(shelf.path, kept_tag(name), image)
    moved = _move_latest_off(shelf, image)
    shelf.delete(names)
    # another one may have been taken back meanwhile, to which it was moved
    latest = _move_latest_off(shelf, image) or moved
    _remember(shelf, image, (State.PUBLISHED, State.UNCHANGED), State.UNPUBLISHED)
    log.info("version_taken_back", project=shelf.project.path, version=named.tag, tags=names)
    return Withdrawn(True, words.unpublished_reply(named.tag, names, latest or "", moved is not None))


def _republish(shelf: _Shelf, named: Named) -> Withdrawn:
    there = frozenset(shelf.registry.fetch_tags(shelf.path))
    image = (
        shelf.image(named.tag, there) or shelf.image(kept_tag(named.tag), there) or _remembered(shelf, named)
    )
    if isinstance(image, Withdrawn):
        return image
    if image is None:
        return _unknown(shelf, named, there)
    kept = shelf.names_of(image.digest, there, kept_tag)
    back = [name for name in dict.fromkeys((named.tag, *kept)) if name not in there]
    for name in back:
        shelf.registry.ensure_tag(shelf.path, name, image)
    moved = shelf.is_default and _is_newest(shelf, image, {*there, *back})
    if moved:
        shelf.registry.ensure_tag(shelf.path, LATEST, image)
    shelf.delete(tag for tag in map(kept_tag, kept) if tag in there)
    _remember(shelf, image, (State.UNPUBLISHED,), State.PUBLISHED)
    log.info("version_brought_back", project=shelf.project.path, version=named.tag, tags=back)
    full = f"{shelf.project.registry_host}/{shelf.path}@{image.digest}"
    return Withdrawn(True, words.republished_reply(named.tag, back, full, moved))


def _move_latest_off(shelf: _Shelf, image: Manifest) -> str | None:
    """Moves `latest` from the image to the newest version left; gives that, "" for none, None when nothing moved."""
    moved: str | None = None
    for _ in range(MOVES if shelf.is_default else 0):
        held = shelf.registry.fetch_manifest(shelf.path, LATEST)
        if held is None or held.digest != image.digest:
            return moved
        left = _newest_left(shelf, image.digest)
        if left is None:
            shelf.delete([LATEST])
            return ""
        moved, following = left
        shelf.registry.ensure_tag(shelf.path, LATEST, following)
        if shelf.registry.fetch_manifest(shelf.path, moved) is not None:
            return moved
        image = following
    return moved


def _newest_left(shelf: _Shelf, digest: str) -> tuple[str, Manifest] | None:
    there = frozenset(shelf.registry.fetch_tags(shelf.path))
    for tag in (name for name in shelf.names(there)[0] if name in there):
        image = shelf.registry.fetch_manifest(shelf.path, tag)
        if image is not None and image.digest != digest:
            return tag, image
    return None


def _is_newest(shelf: _Shelf, image: Manifest, there: Iterable[str]) -> bool:
    newest = next((tag for tag in shelf.names(there)[0] if tag in there), None)
    found = shelf.registry.fetch_manifest(shelf.path, newest) if newest is not None else None
    return found is not None and found.digest == image.digest


def _remembered(shelf: _Shelf, named: Named) -> Manifest | Withdrawn | None:
    """The image that the bot remembers by that name, if the registry still has it under its digest."""
    for one in shelf.world.store.publications_in(shelf.project.id, State.UNPUBLISHED):
        if one.digest is None or one.number is None:
            continue
        known = shelf.world.store.described(one.digest)
        if named.tag in (version_tag(one.branch, one.number), known.version if known else ""):
            image = shelf.registry.fetch_manifest(shelf.path, one.digest)
            return image or Withdrawn(False, words.gone_reply(named.tag))
    return None


def _remember(shelf: _Shelf, image: Manifest, before: tuple[State, ...], after: State) -> None:
    """Every publication of the branch that rests on the image changes its state."""
    store = shelf.world.store
    for state in before:
        for one in store.publications_in(shelf.project.id, state):
            if one.digest == image.digest and branch_slug(one.branch) == shelf.slug:
                store.ensure_publication(replace(one, state=after))


def _unknown(shelf: _Shelf, named: Named, there: frozenset[str]) -> Withdrawn:
    numbers, versions = shelf.names(there)
    known = [tag for tag in (versions if Version.read(named.tag) else numbers) if tag in there]
    return Withdrawn(False, words.unknown_reply(named.tag, known))

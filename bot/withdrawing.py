"""Taking a version back, and bringing it back: its names in the registry, the image, and what the bot remembers.

A record is written before anything goes: it keeps the number used for ever, and holds what the image is built once
more from. Every step may be repeated, so a run that broke off is found and ended by the next one. Of one project one
version is changed at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import structlog

from bot.adapters.registry import Manifest
from bot.adapters.withdrawn import (
    ensure_record,
    fetch_kept,
    fetch_record,
    fetch_withdrawn,
    restore,
)
from bot.brought_back import forget_brought_back, note_brought_back
from bot.domain import withdrawal as words
from bot.domain.gitlab import Project
from bot.domain.jobs import Later, List, Offer
from bot.domain.plan import State
from bot.domain.tags import LATEST, REVISION_LABEL, branch_slug, is_sha, version_tag
from bot.domain.version_names import Named, kept_tag, read_name
from bot.domain.versions import Version
from bot.domain.withdrawal import Withdrawn
from bot.domain.withdrawn_record import ASKED, Record
from bot.errors import Gone, OperatorError, Refused, TryAgain
from bot.image_names import TAGS_LOOKED_AT, BranchImages, Holders, is_anothers, published_as
from bot.offering import withdraw_component
from bot.recording import Cause, record_of
from bot.world import World

LEASE_SECONDS = 120.0
"""So long the names of a project are left alone by others, should the worker die that changes them."""

LEASE_PAUSE_SECONDS = 2.0

NOTHING_SEEN: Mapping[str, str] = {}

log = structlog.get_logger()


def unpublish(
    project: Project,
    branch: str,
    version: str,
    world: World,
    why: str = ASKED,
    user_id: int = 0,
    seen: Mapping[str, str] = NOTHING_SEEN,
) -> Withdrawn:
    """Take a version back: all its names go, `latest` and its major's go back, and the image goes with the last name.

    `seen`: what tags of numbers and versions led to a moment ago. Raises TryAgain while another of the project's is
    changed.
    """
    cause = Cause(why, user_id)
    return _change(
        project, branch, version, world, lambda images, named: _unpublish(images, named, cause), seen
    )


def republish(project: Project, branch: str, version: str, world: World, built_url: str = "") -> Withdrawn:
    """Bring a version back: the same image under the same names, and `latest` when it is the newest.

    `built_url`: of the pipeline that built it once more. Where the image is gone, the answer says what is to
    be built. Raises TryAgain while another of the project's is changed.
    """
    return _change(
        project, branch, version, world, lambda images, named: _republish(images, named, built_url)
    )


def find_commit(project: Project, branch: str, version: str, world: World) -> str:
    """The commit of a version that is there, or was taken back; "" for none."""
    named = read_name(version, branch_slug(branch), branch_slug(project.default_branch or branch))
    if named is None or project.registry_host is None:
        return ""
    told = {one.sha for one in published_as(project.id, named.tag, world)}
    if len(told) == 1:
        return told.pop()
    sha = _fetch_commit(project, named, world)
    return sha if sha in told or not told else ""


def _fetch_commit(project: Project, named: Named, world: World) -> str:
    """The commit that the registry says, or the record; "" for none."""
    if project.registry_host is None:
        return ""
    registry, path = world.registry(project.registry_host), project.registry_path
    image = registry.fetch_manifest(path, named.tag)
    if image is not None:
        return _revision(registry.fetch_labels(path, image).get(REVISION_LABEL, ""))
    record = fetch_withdrawn(registry, path, kept_tag(named.tag))
    return record.sha if record is not None else ""


def _change(
    project: Project,
    branch: str,
    version: str,
    world: World,
    change: Callable[[BranchImages, Named], Withdrawn],
    seen: Mapping[str, str] = NOTHING_SEEN,
) -> Withdrawn:
    if project.registry_host is None:
        return Withdrawn(False, words.without_registry_reply())
    named = read_name(version, branch_slug(branch), branch_slug(project.default_branch or branch))
    if named is None:
        return Withdrawn(False, words.not_named_reply(version))
    named, versions = _owned(project, named, world)
    images = BranchImages(project, world.registry(project.registry_host), named.slug, world, versions, seen)
    try:
        with _alone(project, world):
            return change(images, named)
    except (Refused, Gone) as refusal:
        log.warning("tags_not_changed", project=project.path, version=named.tag, reason=str(refusal))
        return Withdrawn(False, words.refused_reply(named.tag, f"{refusal}."))


def _owned(project: Project, named: Named, world: World) -> tuple[Named, frozenset[str]]:
    """The same, of the branch that published it, and that branch's versions, as they are listed.

    Another branch may have been the default one before, and its versions are its own for ever.
    """
    rows = [one for one in world.store.listed_versions(project.id) if one.version]
    by = next((one.branch for one in rows if one.version == named.tag), None)
    named = replace(named, slug=branch_slug(by)) if by is not None else named
    return named, frozenset(one.version for one in rows if branch_slug(one.branch) == named.slug)


@contextmanager
def _alone(project: Project, world: World) -> Iterator[None]:
    """Keeps others from changing the names of the project's images meanwhile."""
    with world.store.kept_lease(f"names of {project.id}", LEASE_SECONDS) as mine:
        if not mine:
            raise TryAgain(f"{project.path}: another version is just being changed", LEASE_PAUSE_SECONDS)
        yield


# Taking back ------------------------------------------------------------------------------------------


def _unpublish(images: BranchImages, named: Named, cause: Cause) -> Withdrawn:
    there = frozenset(images.registry.fetch_tags(images.path))
    image = images.image(named.tag, there)
    held = images.image(kept_tag(named.tag), there)
    known = fetch_record(images.registry, images.path, held) if held is not None else None
    if image is None and held is not None and known is not None and known.digest == held.digest:
        # as it once was done: the image itself lies under the tag that keeps the number
        image = held
    if image is None and known is None:
        return _unknown(images, named, there)
    if image is not None and known is None:
        # what was begun is gone on with
        other = images.other_meaning(named.also, image.digest, there)
        if other:
            return Withdrawn(False, words.two_meanings_reply(named.also, named.tag, other, words.TAKE_BACK))
    digest = image.digest if image is not None else known.digest if known is not None else ""
    if is_anothers(images.project.id, named.tag, digest, images.world):
        return _not_published(images, named, digest)
    sha = _sha_of(images, image) if image is not None else known.sha if known is not None else ""
    holders = _without_anothers(images, digest, images.holders(digest, sha, there))
    names = _names_of(images, named, digest, holders, known, there)
    if image is not None:
        record, kept = record_of(images, named, image, sha, names, cause)
        ensure_record(images.registry, images.path, tuple(map(kept_tag, names)), record, kept)
    stays = [
        part
        for name in _versions(images, names)
        for part in withdraw_component(images.project, name, images.world)
    ]
    moved = images.move_latest_off(digest)
    images.delete(holders.own)
    # another one may have been taken back meanwhile, to which it was moved
    latest = images.move_latest_off(digest) or moved
    images.settle_majors(names, there)
    gone = _let_image_go(images, digest, holders, at_once=cause.why == ASKED)
    forget_brought_back(images.project.id, digest, images.world)
    _remember(images, digest, (State.PUBLISHED, State.UNCHANGED), State.UNPUBLISHED)
    log.info(
        "version_taken_back", project=images.project.path, version=named.tag, tags=holders.own, gone=gone
    )
    fate = words.Fate(latest or "", moved is not None, gone, holders.others)
    told = words.unpublished_reply(named.tag, holders.own, fate) + words.stays_words(stays)
    return Withdrawn(True, told, _after(images))


def _without_anothers(images: BranchImages, digest: str, holders: Holders) -> Holders:
    """The same, where tags that somebody moved to the image are no names of it: what they name is another version."""
    moved = _anothers(images, holders.own, digest)
    own = tuple(name for name in holders.own if name not in moved)
    return replace(holders, own=own, others=(*holders.others, *sorted(moved)))


def _anothers(images: BranchImages, names: Iterable[str], digest: str) -> frozenset[str]:
    return frozenset(name for name in names if is_anothers(images.project.id, name, digest, images.world))


def _not_published(images: BranchImages, named: Named, digest: str) -> Withdrawn:
    log.warning("not_what_was_published", project=images.project.path, version=named.tag, digest=digest)
    return Withdrawn(False, words.another_reply(named.tag, digest))


def _versions(images: BranchImages, names: Iterable[str]) -> list[str]:
    """Those of the names that are versions, by which people find it as a component."""
    return [name for name in names if Version.read(name) is not None]


def _names_of(
    images: BranchImages,
    named: Named,
    digest: str,
    holders: Holders,
    known: Record | None,
    there: frozenset[str],
) -> tuple[str, ...]:
    """Every name that the image has on the branch, or had before a run that broke off: numbers, then versions."""
    listed = {name for kind in images.names(there) for name in kind}
    said = known.names if known is not None and known.digest == digest else ()
    # anybody may have written the record: a name that is there leads elsewhere, or is one of the image's own
    before = {name for name in said if name in listed and name not in there}
    names = {named.tag, *holders.own, *(before - _anothers(images, before, digest))}
    return tuple(sorted(names, key=lambda name: (Version.read(name) is not None, name)))


def _is_kept(images: BranchImages, name: str, digest: str) -> bool:
    record = fetch_withdrawn(images.registry, images.path, kept_tag(name))
    return record is not None and record.digest == digest


def _let_image_go(images: BranchImages, digest: str, holders: Holders, at_once: bool) -> bool:
    """Whether the image itself is gone: nobody else leads to it, and GitLab lets the bot remove it.

    What nobody asked for is not done at once: who names it by its digest, unknown to the bot, has time until the
    registry cleans up.
    """
    if holders.others:
        return False
    images.delete(holders.ours)
    if not holders.all_seen or not at_once:
        return False
    now = frozenset(images.registry.fetch_tags(images.path))
    if images.leading_to(digest, [tag for tag in (*holders.own, *holders.ours, LATEST) if tag in now]):
        return False
    try:
        images.registry.delete_manifest(images.path, digest)
    except (Refused, OperatorError) as refusal:
        # without a name it goes when the registry cleans up
        log.info("image_left_to_cleanup", project=images.project.path, digest=digest, reason=str(refusal))
        return False
    return True


# Bringing back ----------------------------------------------------------------------------------------


def _republish(images: BranchImages, named: Named, built_url: str) -> Withdrawn:
    there = frozenset(images.registry.fetch_tags(images.path))
    image = images.image(named.tag, there)
    held = images.image(kept_tag(named.tag), there)
    record = fetch_record(images.registry, images.path, held) if held is not None else None
    meant = image.digest if image is not None else record.digest if record is not None else ""
    if meant and is_anothers(images.project.id, named.tag, meant, images.world):
        return _not_published(images, named, meant)
    if image is None and record is not None:
        other = images.other_meaning(named.also, record.digest, there)
        if other:
            return Withdrawn(False, words.two_meanings_reply(named.also, named.tag, other, words.BRING_BACK))
    if image is None and held is not None and record is not None:
        image = _restored(images, held, record)
        if image is None:
            return Withdrawn(False, words.gone_reply(named.tag), rebuild=record)
    if image is None:
        remembered = _remembered(images, named)
        if not isinstance(remembered, Manifest):
            return remembered or _unknown(images, named, there)
        image = remembered
    names = _names_to_give_back(images, named, record, image.digest, there)
    back = [name for name in names if name not in there]
    for name in back:
        images.registry.ensure_tag(images.path, name, image)
    moved = images.is_default and images.is_newest(image, {*there, *back})
    # of what is published meanwhile `latest` is not taken away
    moved = moved and images.lead_latest() in names
    images.settle_majors(names, {*there, *back})
    images.delete(kept for kept in map(kept_tag, names) if kept in there)
    note_brought_back(images.project.id, image.digest, images.world)
    _remember(images, image.digest, (State.UNPUBLISHED,), State.PUBLISHED)
    log.info("version_brought_back", project=images.project.path, version=named.tag, tags=back)
    full = f"{images.project.registry_host}/{images.path}@{image.digest}"
    branch = images.project.default_branch or ""
    offers = tuple(
        Later(Offer(images.project.id, branch, "", version)) for version in _versions(images, names)
    )
    return Withdrawn(
        True, words.republished_reply(named.tag, back, full, moved, built_url), (*offers, *_after(images))
    )


def _names_to_give_back(
    images: BranchImages, named: Named, record: Record | None, digest: str, there: frozenset[str]
) -> tuple[str, ...]:
    """Names whose record is of this image. The record's own list is believed only where a tag of each says the same."""
    # what was taken back in the old way does not say which names it had
    said = record.names if record is not None else ()
    numbers, versions = images.names(there)
    listed = said or (*numbers[:TAGS_LOOKED_AT], *versions[:TAGS_LOOKED_AT])
    ours = {*numbers, *versions} - {named.tag}
    known = [name for name in dict.fromkeys(listed) if name in ours and kept_tag(name) in there]
    held = [name for name in known if _is_kept(images, name, digest)]
    moved = _anothers(images, held, digest)
    return (named.tag, *(name for name in held if name not in moved))


def _restored(images: BranchImages, held: Manifest, record: Record) -> Manifest | None:
    """The image, by the description that its record keeps, while the registry still has its layers."""
    kept = fetch_kept(images.registry, images.path, held)
    if kept is None:
        return images.registry.fetch_manifest(images.path, record.digest)
    return restore(images.registry, images.path, kept)


def _remembered(images: BranchImages, named: Named) -> Manifest | Withdrawn | None:
    """The image that the bot remembers by that name, if the registry still has it under its digest."""
    for one in images.world.store.publications_in(images.project.id, State.UNPUBLISHED):
        if one.digest is None or one.number is None:
            continue
        known = images.world.store.described(one.digest)
        if named.tag in (version_tag(one.branch, one.number), known.version if known else ""):
            image = images.registry.fetch_manifest(images.path, one.digest)
            return image or Withdrawn(False, words.lost_reply(named.tag))
    return None


# Both -------------------------------------------------------------------------------------------------


def _after(images: BranchImages) -> tuple[Later, ...]:
    """What has to be worked out anew."""
    return (Later(List(images.project.id)),)


def _remember(images: BranchImages, digest: str, before: tuple[State, ...], after: State) -> None:
    """Every publication of the branch that rests on the image changes its state."""
    store = images.world.store
    for state in before:
        for one in store.publications_in(images.project.id, state):
            if one.digest == digest and branch_slug(one.branch) == images.slug:
                store.ensure_publication(replace(one, state=after))


def _unknown(images: BranchImages, named: Named, there: frozenset[str]) -> Withdrawn:
    numbers, versions = images.names(there)
    known = [tag for tag in (versions if Version.read(named.tag) else numbers) if tag in there]
    return Withdrawn(False, words.unknown_reply(named.tag, known))


def _sha_of(images: BranchImages, image: Manifest) -> str:
    try:
        return _revision(images.registry.fetch_labels(images.path, image).get(REVISION_LABEL, ""))
    except OperatorError:
        # somebody pushed something by hand that is no image
        return ""


def _revision(text: str) -> str:
    return text if is_sha(text) else ""

"""What goes when newer versions are there: versions beyond those that are kept, and candidates that nobody needs.

Nothing goes that a component reference means, or that a tag leads to which moves; and nothing at all while it is not
known who uses what. Every step may be repeated; what a
run left undone is found by the next one, after the next publication.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.adapters.registry import Manifest, Registry
from bot.adapters.version_tags import fetch_labels
from bot.brought_back import fetch_brought_back
from bot.domain.gitlab import Project
from bot.domain.jobs import MERGE_REQUEST_LANE, Later, List, Retire
from bot.domain.plan import State
from bot.domain.retention import Standing, plan_retirement, versions_meant
from bot.domain.tags import (
    LATEST,
    REVISION_LABEL,
    branch_slug,
    candidate_tag,
    is_sha,
    read_candidate,
    read_numbers,
    version_tag,
)
from bot.domain.versions import Version, major_tag, read_versions
from bot.domain.withdrawn_record import RETENTION
from bot.former_paths import fetch_paths
from bot.image_names import TAGS_LOOKED_AT, is_anothers
from bot.uses_known import are_uses_known
from bot.withdrawing import unpublish
from bot.world import World

RETIRED_AT_ONCE = 20
"""Versions that one job takes back; another one goes on."""

NUMBERS_LOOKED_AT = 500
"""The oldest numbers of a branch whose images are looked at, besides those that are kept."""

CANDIDATES_LOOKED_AT = 200
"""Candidates whose age is looked at after one publication."""

CANDIDATE_REST_SECONDS = 24 * 3600.0
"""A candidate stays so long after anything was known of its commit: its pipeline may go on."""

PASSING_USE_SECONDS = 30 * 24 * 3600.0
"""So long a use counts that only a merge request had."""

CREATED_LABEL = "org.opencontainers.image.created"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A project's images as they stand: all tags, and those numbers of the branch that are there."""

    project: Project
    branch: str
    registry: Registry
    tags: frozenset[str]
    world: World

    @property
    def path(self) -> str:
        return self.project.registry_path

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers, the highest first."""
        return read_numbers(self.branch, self.tags)

    def image(self, tag: str) -> Manifest | None:
        return self.registry.fetch_manifest(self.path, tag) if tag in self.tags else None

    def digests(self, tags: Iterable[str]) -> frozenset[str]:
        """The images behind those of the tags that are there."""
        return frozenset(image.digest for tag in tags if (image := self.image(tag)) is not None)


def retire(job: Retire, world: World) -> tuple[Later, ...]:
    """Take back what the branch has published beyond the newest versions that are kept."""
    keep = world.policy.keep_versions
    project = world.forge.fetch_project(job.project_id)
    if keep == 0 or project.archived or project.registry_host is None or not are_uses_known(project, world):
        return ()
    registry = world.registry(project.registry_host)
    images = _Snapshot(
        project, job.branch, registry, frozenset(registry.fetch_tags(project.registry_path)), world
    )
    if len(images.numbers) <= keep:
        return ()
    standing = _fetch_standing(images, keep)
    if not standing:
        # the registry lists tags whose images it has lost
        return ()
    going = [
        one
        for one in plan_retirement(standing, keep, _fetch_held(images, standing))
        # a tag that somebody moved is nobody's to take back by itself
        if not is_anothers(project.id, version_tag(job.branch, one.number), one.digest, world)
    ]
    seen = _fetch_seen(images, standing) if going else {}
    later: list[Later] = []
    for one in going[:RETIRED_AT_ONCE]:
        name = version_tag(job.branch, one.number)
        done = unpublish(project, job.branch, name, world, RETENTION, seen=seen)
        if not done.done:
            log.warning(
                "not_retired", project=project.path, branch=job.branch, number=one.number, why=done.reply
            )
            break
        # the catalogue is looked at once, when all are gone
        later.extend(one for one in done.later if not isinstance(one.job, List))
        log.info("retired", project=project.path, branch=job.branch, number=one.number)
    else:
        if len(going) > RETIRED_AT_ONCE:
            later.append(Later(job))
    _clean_up(images, [one for one in standing if one not in going])
    return (*later, Later(List(project.id))) if going else ()


def _fetch_standing(images: _Snapshot, keep: int) -> tuple[Standing, ...]:
    looked_at = dict.fromkeys((*images.numbers[:keep], *images.numbers[-NUMBERS_LOOKED_AT:]))
    found = {number: images.image(version_tag(images.branch, number)) for number in looked_at}
    return tuple(Standing(number, image.digest) for number, image in found.items() if image is not None)


def _fetch_seen(images: _Snapshot, standing: Iterable[Standing]) -> dict[str, str]:
    """What the tags of numbers and versions lead to: each is asked for once, however many versions go."""
    seen = {version_tag(images.branch, one.number): one.digest for one in standing}
    for version in read_versions(images.tags)[:TAGS_LOOKED_AT]:
        image = images.image(f"{version}")
        if image is not None:
            seen[f"{version}"] = image.digest
    return seen


def _fetch_held(images: _Snapshot, standing: Iterable[Standing]) -> frozenset[str]:
    """Images that a tag leads to which moves, that a component reference means, or that somebody brought back."""
    # also a branch that is no longer the default one may have images with versions
    versions = read_versions(images.tags)
    moving = (LATEST, *{major_tag(version.major) for version in versions})
    used = {str(version) for version in _fetch_used(images, versions)}
    store = images.world.store
    # a version's tag may have been moved by hand: what the bot remembers of an image counts, too
    remembered = {
        one.digest
        for one in standing
        if used and (known := store.described(one.digest)) is not None and known.version in used
    }
    others = frozenset() if images.branch == images.project.default_branch else _newest_of_namesakes(images)
    asked_for = fetch_brought_back(images.project.id, images.world)
    return images.digests((*moving, *used)) | remembered | others | asked_for


def _newest_of_namesakes(images: _Snapshot) -> frozenset[str]:
    """The newest images of other branches whose tags are the same as this one's (`release/1` beside `release-1`)."""
    newest: dict[str, str] = {}
    for one in images.world.store.publications_in(images.project.id, State.PUBLISHED):
        if one.digest is not None and branch_slug(one.branch) == branch_slug(images.branch):
            newest.setdefault(one.branch, one.digest)
    return frozenset(newest.values())


def _fetch_used(images: _Snapshot, versions: Collection[Version]) -> frozenset[Version]:
    store, refs = images.world.store, frozenset[str]()
    for path in fetch_paths(images.project, images.world):
        refs |= store.refs_used(path, MERGE_REQUEST_LANE, PASSING_USE_SECONDS)
    named = {
        tag for ref in refs if is_sha(ref) for tag in images.world.forge.fetch_tags_at(images.project.id, ref)
    }
    return versions_meant(refs | named, versions)


def _clean_up(images: _Snapshot, kept: Collection[Standing]) -> None:
    """Take the tags of candidates away that are older than all versions that are kept, and were never published."""
    oldest = images.image(version_tag(images.branch, min(one.number for one in kept)))
    since = _created(fetch_labels(images.registry, images.path, oldest)) if oldest is not None else None
    if since is None:
        return
    digests = {one.digest for one in kept}
    gone = [
        candidate_tag(sha)
        for sha, image, labels in _candidates(images)
        if image.digest not in digests and _is_older(labels, sha, since)
    ]
    if gone:
        images.world.forge.delete_image_tags(images.project.id, images.path, gone)
        log.info("candidates_cleaned_up", project=images.project.path, branch=images.branch, count=len(gone))


def _candidates(images: _Snapshot) -> Iterator[tuple[str, Manifest, Mapping[str, str]]]:
    """Candidates of commits that were not published, and whose publication has rested for a while."""
    store, project_id = images.world.store, images.project.id
    states = (State.PUBLISHED, State.UNCHANGED, State.WAITING, State.RUNNING)
    spared = {one.sha for state in states for one in store.publications_in(project_id, state)}
    shas = (sha for tag in sorted(images.tags) if (sha := read_candidate(tag)) is not None)
    for sha in [sha for sha in shas if sha not in spared][:CANDIDATES_LOOKED_AT]:
        known = store.publication(project_id, sha)
        if known is not None and time.time() - known.updated_at < CANDIDATE_REST_SECONDS:
            continue
        image = images.image(candidate_tag(sha))
        if image is not None:
            yield sha, image, fetch_labels(images.registry, images.path, image)


def _is_older(labels: Mapping[str, str], sha: str, since: datetime) -> bool:
    """Whether an image is of that very commit, and of an older one than was published at `since`."""
    created = _created(labels)
    return labels.get(REVISION_LABEL) == sha and created is not None and created < since


def _created(labels: Mapping[str, str]) -> datetime | None:
    """When the commit was made that an image is of, by its label; anybody may have written that."""
    try:
        created = datetime.fromisoformat(labels.get(CREATED_LABEL, ""))
    except ValueError:
        return None
    return created if created.tzinfo is not None else None

"""Which version a commit's image is, and which image a branch has published now, by what the registry holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import structlog

from bot.adapters.modules import Described
from bot.adapters.publications import Publication
from bot.adapters.registry import Manifest, Registry
from bot.adapters.version_tags import fetch_held, fetch_labels, fetch_number_of, fetch_version_of
from bot.domain import published_words, tags
from bot.domain.current import Current
from bot.domain.gitlab import CiJob, Project
from bot.domain.making import Making, read_making
from bot.domain.module_label import read_module
from bot.domain.offer import lost_version_of, read_lost
from bot.domain.plan import State
from bot.domain.versions import Version, major_tag, read_used
from bot.errors import OperatorError, Refused, TryAgain
from bot.layers.trust.summary import fetch_summary
from bot.world import World

MAX_NUMBERS_LOOKED_AT = 20
"""How many of the newest version tags are compared with the image before it counts as missing."""

MAX_NAME_CHARS = 200
"""Characters of an environment's name that are kept; anybody may have written the label."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Found:
    """A commit's published image: what it is known by, how it was made, and the label that describes its module."""

    published: published_words.Published
    making: Making
    module: str

    @property
    def described(self) -> Described:
        """What is worth remembering of it."""
        made = self.making
        return Described(
            *(self.published.digest, self.module, made.size, made.seconds),
            *(self.published.version, made.environment[:MAX_NAME_CHARS]),
        )


def fetch_published(
    known: Publication, project: Project, jobs: tuple[CiJob, ...], world: World
) -> Found | None:
    """The version tag that holds the commit's image; the registry is asked, not the job's log."""
    if project.registry_host is None:
        return None
    registry, repository = world.registry(project.registry_host), project.registry_path
    there = registry.fetch_tags(repository)
    for number in tags.read_numbers(known.branch, there)[:MAX_NUMBERS_LOOKED_AT]:
        tag = tags.version_tag(known.branch, number)
        manifest = registry.fetch_manifest(repository, tag)
        labels = registry.fetch_labels(repository, manifest) if manifest is not None else {}
        if manifest is None or labels.get(tags.REVISION_LABEL) != known.sha:
            continue
        version = _fetch_version(registry, project, known.branch, there, manifest.digest)
        also = _fetch_moving(registry, repository, there, version, manifest.digest)
        image = f"{project.registry_host}/{repository}"
        making = read_making(labels, manifest.content, jobs)
        said = _fetch_vulnerabilities(registry, repository, manifest.digest, world)
        named = (tag, *filter(None, [version]), *also)
        published = published_words.Published(image, manifest.digest, number, named, said, version)
        return Found(published, making, _legible(labels))
    return None


def fetch_kept(known: Publication, project: Project, world: World) -> published_words.Published | None:
    """The version whose image promote gave to the commit, because it is the same; None when it did not."""
    if project.registry_host is None:
        return None
    registry, repository = world.registry(project.registry_host), project.registry_path
    try:
        own = registry.fetch_manifest(repository, tags.candidate_tag(known.sha))
        if own is None or registry.fetch_labels(repository, own).get(tags.REVISION_LABEL) == known.sha:
            return None
        there = registry.fetch_tags(repository)
        number = fetch_number_of(registry, repository, known.branch, there, own.digest)
        if number is None:
            return None
        image = f"{project.registry_host}/{repository}"
        version = _fetch_version(registry, project, known.branch, there, own.digest)
        named = (tags.version_tag(known.branch, number), *filter(None, [version]))
        return published_words.Published(image, own.digest, number, named, version=version)
    except (Refused, OperatorError) as refusal:
        # nothing is lost by it: what the job says of itself is told instead
        log.warning("registry_unread", project=project.path, sha=known.sha, reason=str(refusal))
        return None


def fetch_current(project: Project, branch: str, world: World) -> Current | None:
    """What the branch has published now; None when that is nothing, and nothing ever got a version.

    Where the registry cannot be asked, what the store knows counts. Raises Refused, OperatorError or TryAgain when that
    is nothing, either.
    """
    if project.registry_host is None:
        return None
    try:
        return _fetch_current(world.registry(project.registry_host), project, branch, world)
    except (Refused, OperatorError, TryAgain) as refusal:
        remembered = _remembered(project, branch, world)
        if remembered is None:
            raise
        log.warning("registry_unread", project=project.path, branch=branch, reason=str(refusal))
        return remembered


def _fetch_current(registry: Registry, project: Project, branch: str, world: World) -> Current | None:
    repository, is_default = project.registry_path, branch == project.default_branch
    image = f"{project.registry_host}/{repository}"
    held, there = fetch_held(registry, repository, branch, latest=is_default)
    known = world.store.described(held.digest) if held is not None else None
    version = known.version if known is not None and known.version in there else ""
    if held is not None and not version:
        version = _fetch_version(registry, project, branch, there, held.digest)
    used = read_used(there) if is_default else frozenset()
    if is_default and ((held is not None and not version) or _misses_some(used, project, world)):
        lost = _fetch_lost(project, used, world)
        used |= lost.keys()
        given = lost_version_of(held.digest, lost) if held is not None else None
        version = version or str(given or "")
    if held is None:
        # nobody can get an image, but the versions that were taken back are not given again
        return Current(image, "", 0, None, None, used=used) if used else None
    if known is None:
        known = _fetch_described(registry, repository, held, version)
        if known.module:
            world.store.keep_described(known)
    number = fetch_number_of(registry, repository, branch, there, held.digest) or 0
    return _current(image, number, known, version, used)


def _misses_some(used: Collection[Version], project: Project, world: World) -> bool:
    """Whether a version is listed whose tag the registry does not have in any form: somebody cleaned up."""
    listed = (Version.read(one.version) for one in world.store.listed_versions(project.id) if one.version)
    return any(version is not None and version not in used for version in listed)


def _fetch_lost(project: Project, used: Collection[Version], world: World) -> Mapping[Version, str]:
    """Versions whose tags somebody took out of the registry, with their images: as promote sees it, by git's tags."""
    messages = {tag.name: tag.message for tag in world.forge.fetch_tags(project.id)}
    return read_lost(messages, used)


def _fetch_described(registry: Registry, repository: str, held: Manifest, version: str) -> Described:
    labels = fetch_labels(registry, repository, held)
    made = read_making(labels, held.content, ())
    name = made.environment[:MAX_NAME_CHARS]
    return Described(held.digest, _legible(labels), made.size, None, version, name)


def _legible(labels: Mapping[str, str]) -> str:
    """The label that describes the module; empty where it does not."""
    label = labels.get(tags.MODULE_LABEL, "")
    return label if read_module(label) is not None else ""


def _remembered(project: Project, branch: str, world: World) -> Current | None:
    known = world.store.newest_of(project.id, branch, (State.PUBLISHED, State.UNCHANGED))
    if known is None or known.digest is None:
        return None
    described = world.store.described(known.digest) or Described(known.digest, "")
    used = frozenset(filter(None, [Version.read(described.version)]))
    return _current(known.image or "", known.number or 0, described, described.version, used)


def _current(image: str, number: int, known: Described, version: str, used: frozenset[Version]) -> Current:
    module = read_module(known.module)
    return Current(
        *(image, known.digest, number, Version.read(version), module, known.size, known.seconds),
        *(used, known.environment),
    )


def _fetch_version(
    registry: Registry, project: Project, branch: str, there: Iterable[str], digest: str
) -> str:
    """The version of an image of the default branch; others have none."""
    if branch != project.default_branch:
        return ""
    version = fetch_version_of(registry, project.registry_path, there, digest)
    return "" if version is None else str(version)


def _fetch_moving(
    registry: Registry, repository: str, there: Iterable[str], version: str, digest: str
) -> tuple[str, ...]:
    """Those of `<major>` and `latest` that lead to the image."""
    read = Version.read(version)
    moving = (*([major_tag(read.major)] if read else []), tags.LATEST)
    held = {tag: registry.fetch_manifest(repository, tag) for tag in moving if tag in frozenset(there)}
    return tuple(tag for tag, image in held.items() if image is not None and image.digest == digest)


def _fetch_vulnerabilities(registry: Registry, repository: str, digest: str, world: World) -> str:
    """What promote said of the image's vulnerabilities; nothing where the operator did not ask for it."""
    if world.policy.building.advisories == "off":
        return ""
    try:
        return fetch_summary(registry, repository, digest) or ""
    except (Refused, OperatorError) as refusal:
        # The note is worth more than this line of it.
        log.warning("registry_unread", repository=repository, reason=str(refusal))
        return ""

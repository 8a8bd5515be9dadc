"""Which version a commit's image is, by what the registry holds."""

from __future__ import annotations

import structlog

from bot.adapters.publications import Publication
from bot.adapters.registry import Registry
from bot.domain import reports, tags
from bot.domain.gitlab import CiJob, Project
from bot.domain.making import Making, read_making
from bot.errors import OperatorError, Refused
from bot.layers.trust.summary import fetch_summary
from bot.world import World

MAX_NUMBERS_LOOKED_AT = 20
"""How many of the newest version tags are compared with the image before it counts as missing."""

log = structlog.get_logger()


def fetch_published(
    known: Publication, project: Project, jobs: tuple[CiJob, ...], world: World
) -> tuple[reports.Published, Making] | None:
    """The version tag that holds the commit's image; the registry is asked, not the job's log."""
    if project.registry_host is None:
        return None
    registry, repository = world.registry(project.registry_host), project.registry_path
    there = registry.fetch_tags(repository)
    numbers = {number for tag in there if (number := tags.read_number(known.branch, tag)) is not None}
    for number in sorted(numbers, reverse=True)[:MAX_NUMBERS_LOOKED_AT]:
        tag = tags.version_tag(known.branch, number)
        manifest = registry.fetch_manifest(repository, tag)
        labels = registry.fetch_labels(repository, manifest) if manifest is not None else {}
        if manifest is None or labels.get(tags.REVISION_LABEL) != known.sha:
            continue
        latest = registry.fetch_manifest(repository, tags.LATEST) if tags.LATEST in there else None
        also = (tags.LATEST,) if latest is not None and latest.digest == manifest.digest else ()
        image = f"{project.registry_host}/{repository}"
        making = read_making(labels, manifest.content, jobs)
        said = _fetch_vulnerabilities(registry, repository, manifest.digest, world)
        return reports.Published(image, manifest.digest, number, (tag, *also), said), making
    return None


def fetch_kept(known: Publication, project: Project, world: World) -> reports.Published | None:
    """The version whose image promote gave to the commit, because it is the same; None when it did not."""
    if project.registry_host is None:
        return None
    registry, repository = world.registry(project.registry_host), project.registry_path
    try:
        own = registry.fetch_manifest(repository, tags.candidate_tag(known.sha))
        if own is None or registry.fetch_labels(repository, own).get(tags.REVISION_LABEL) == known.sha:
            return None
        found = (tags.read_number(known.branch, tag) for tag in registry.fetch_tags(repository))
        for number in sorted({n for n in found if n is not None}, reverse=True)[:MAX_NUMBERS_LOOKED_AT]:
            tag = tags.version_tag(known.branch, number)
            version = registry.fetch_manifest(repository, tag)
            if version is not None and version.digest == own.digest:
                image = f"{project.registry_host}/{repository}"
                return reports.Published(image, own.digest, number, (tag,))
    except (Refused, OperatorError) as refusal:
        # nothing is lost by it: what the job says of itself is told instead
        log.warning("registry_unread", project=project.path, sha=known.sha, reason=str(refusal))
    return None


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

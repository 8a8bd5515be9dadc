"""The version of what promote publishes from the default branch: planned before any tag moves, and given once.

A version's tag never goes to another image. A promotion that is repeated finds the version that its image has. Git's
tags tell of versions whose tags somebody took out of the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from bot.adapters.checkout import fetch_tag_messages
from bot.adapters.registry import Manifest, Registry
from bot.adapters.version_tags import fetch_held, fetch_labels, fetch_version_of
from bot.domain.interface import Level
from bot.domain.module_label import read_module
from bot.domain.offer import lost_version_of, read_lost
from bot.domain.tags import MODULE_LABEL
from bot.domain.versions import Version, plan_version, read_used, read_versions
from bot.errors import TryAgain
from parser.model import Module

MAX_PROMOTIONS_AT_ONCE = 5
"""How often another job may take the version that this one planned, before this one gives way."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The version of an image; `level` is what it asks of users, None where the image had the version already."""

    version: Version
    level: Level | None = None


Lost = Callable[[Collection[Version]], Mapping[Version, str]]
"""Besides versions that are known: those that were given all the same, with the digests of their images."""


def fetch_lost(url: str, known: Collection[Version]) -> Mapping[Version, str]:
    """The versions, besides those that are known, that were made components: by git's tags. Raises TryAgain."""
    seen = frozenset(known)

    def choose(tags: Iterable[str]) -> Iterable[str]:
        return (str(version) for version in read_versions(tags) if version not in seen)

    return read_lost(fetch_tag_messages(url, choose), seen)


def none_lost(_known: Collection[Version]) -> Mapping[Version, str]:
    """Where there is no git to ask."""
    return {}


def ensure_version(
    registry: Registry, repository: str, branch: str, image: Manifest, lost: Lost = none_lost
) -> Planned:
    """Gives the image its version, the one it has or the next. To be called before `latest` moves to it.

    Raises TryAgain when other jobs took every version that was planned, OperatorError when no number is left.
    """
    for _ in range(MAX_PROMOTIONS_AT_ONCE):
        planned = plan(registry, repository, branch, image, lost)
        tag = str(planned.version)
        held = registry.fetch_manifest(repository, tag)
        if held is not None and held.digest != image.digest:
            # it was pushed since the tags were listed
            continue
        registry.ensure_tag(repository, tag, image)
        held = registry.fetch_manifest(repository, tag)
        if held is not None and held.digest == image.digest:
            return planned
    raise TryAgain(f"Other jobs give versions in {repository} at the same time.")


def plan(
    registry: Registry, repository: str, branch: str, image: Manifest, lost: Lost = none_lost
) -> Planned:
    """The version that the image has, or is to get by what is published now."""
    held, tags = fetch_held(registry, repository, branch, latest=True, besides=image.digest)
    own = fetch_version_of(registry, repository, tags, image.digest)
    if own is not None:
        return Planned(own)
    used = read_used(tags)
    given = lost(used)
    own = lost_version_of(image.digest, given)
    if own is not None:
        return Planned(own)
    current = before = None
    if held is not None:
        current = fetch_version_of(registry, repository, tags, held.digest) or lost_version_of(
            held.digest, given
        )
        before = _described(registry, repository, held)
    return Planned(
        *plan_version(current, before, _described(registry, repository, image), used | given.keys())
    )


def _described(registry: Registry, repository: str, image: Manifest) -> Module | None:
    return read_module(fetch_labels(registry, repository, image).get(MODULE_LABEL, ""))

"""Which image is published now, and which version an image is, by the tags of its repository. Anybody may push tags."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from bot.adapters.registry import Manifest, Registry
from bot.adapters.withdrawn import fetch_withdrawn
from bot.domain.tags import LATEST, WITHDRAWN_NUMBER, read_numbers, version_tag
from bot.domain.version_names import kept_tag
from bot.domain.versions import Version, major_tag, read_used, read_versions
from bot.errors import OperatorError, TryAgain

VERSIONS_LOOKED_AT = 20
"""The newest tags of each kind whose images are compared."""

OLDER_LOOKED_AT = 5
"""Names below the newest one that are looked at for one that was taken back."""

MAX_MOVES = 10
"""So often a tag is moved on while others publish, or take back, what it was just moved to."""


def ensure_major(registry: Registry, repository: str, major: int) -> Version | None:
    """Lets the tag `<major>` lead to the highest of its versions that is there, whoever publishes at the same time.

    None when none is left: then the tag is to go. The tag is looked at again after it was moved, so of two who do this
    at once the one who ends last leaves it right. Raises TryAgain when the versions change all the time.
    """
    tag = major_tag(major)
    for _ in range(MAX_MOVES):
        there = [one for one in read_versions(registry.fetch_tags(repository)) if one.major == major]
        found = next(_images(registry, repository, there), None)
        if found is None:
            return None
        version, image = found
        held = registry.fetch_manifest(repository, tag)
        if held is not None and held.digest == image.digest:
            return version
        registry.put_manifest(repository, tag, image)
    raise TryAgain(f"Others change the versions {major}.x of {repository} at the same time.")


def _images(
    registry: Registry, repository: str, versions: Iterable[Version]
) -> Iterator[tuple[Version, Manifest]]:
    for version in versions:
        image = registry.fetch_manifest(repository, str(version))
        if image is not None:
            yield version, image


def fetch_held(
    registry: Registry, repository: str, branch: str, *, latest: bool, besides: str = ""
) -> tuple[Manifest | None, tuple[str, ...]]:
    """The image that the branch has published now, and all tags: `latest` where it is the branch's, else its newest.

    The tags are listed last: a version is given before `latest` moves, so that of the image is among them.
    `besides`: digest of an image that is about to be published, and may have got its number already; where what was
    published before it was taken back meanwhile, `latest` may lead to it as well.
    """
    held = registry.fetch_manifest(repository, LATEST) if latest else None
    held = None if held is not None and held.digest == besides else held
    tags = registry.fetch_tags(repository)
    for number in read_numbers(branch, tags)[:VERSIONS_LOOKED_AT] if held is None else ():
        found = registry.fetch_manifest(repository, version_tag(branch, number))
        if found is not None and found.digest != besides:
            return found, tags
    return held, tags


def fetch_version_of(registry: Registry, repository: str, tags: Iterable[str], digest: str) -> Version | None:
    """The highest version whose tag is that image's."""
    for version in read_versions(tags)[:VERSIONS_LOOKED_AT]:
        found = registry.fetch_manifest(repository, str(version))
        if found is not None and found.digest == digest:
            return version
    return None


def fetch_taken_back(
    registry: Registry, repository: str, branch: str, image: tuple[str, str], *, versions: bool
) -> str | None:
    """The name under which an image of the branch (digest, commit) was taken back, or another of the same commit.

    None when it was not. `versions`: the branch's images have versions. An empty commit is nobody's.
    """
    digest, sha = image
    there = frozenset(registry.fetch_tags(repository))
    numbers = read_numbers(branch, (tag.removeprefix(WITHDRAWN_NUMBER) for tag in there))
    kinds = [[version_tag(branch, number) for number in numbers]]
    if versions:
        kinds.insert(0, [str(version) for version in sorted(read_used(there), reverse=True)])
    for kind in kinds:
        for name in _worth_a_look(kind, there):
            record = fetch_withdrawn(registry, repository, kept_tag(name))
            if record is not None and (record.digest == digest or (sha and record.sha == sha)):
                return name
    return None


def _worth_a_look(names: Sequence[str], there: Container[str]) -> list[str]:
    """Of names, newest first, those that were taken back after all that is published, and a few before.

    What is older is of commits that came before, which are not published again anyway.
    """
    newest = next((place for place, name in enumerate(names) if name in there), len(names))
    looked = (*names[:newest][:VERSIONS_LOOKED_AT], *names[newest : newest + OLDER_LOOKED_AT])
    return [name for name in looked if kept_tag(name) in there]


def fetch_number_of(
    registry: Registry, repository: str, branch: str, tags: Iterable[str], digest: str
) -> int | None:
    """The highest number of the branch whose tag is that image's."""
    for number in read_numbers(branch, tags)[:VERSIONS_LOOKED_AT]:
        found = registry.fetch_manifest(repository, version_tag(branch, number))
        if found is not None and found.digest == digest:
            return number
    return None


def fetch_labels(registry: Registry, repository: str, image: Manifest) -> Mapping[str, str]:
    """What an image says of itself; nothing for what somebody pushed by hand that is no image."""
    try:
        return registry.fetch_labels(repository, image)
    except OperatorError:
        return {}

"""The tags of one promotion, each moved by one request, and looked at again afterwards: a registry compares nothing.

GitLab runs one promotion of a branch at a time. Where somebody lets several run, no tag ends on an older image than
one that was published besides: whoever moved it last finds what the others published, and moves it on.
"""

from __future__ import annotations

from collections.abc import Collection

from bot.adapters.registry import Manifest, Registry
from bot.adapters.version_tags import MAX_MOVES, fetch_labels, fetch_version_of
from bot.domain.tags import LATEST, REVISION_LABEL, read_numbers, version_tag
from bot.errors import TryAgain


def take_number(registry: Registry, repository: str, tag: str, image: Manifest, sha: str) -> bool:
    """Gives the image its number's tag. False: another commit's image has got it since the numbers were read."""
    held = registry.fetch_manifest(repository, tag)
    if held is not None and held.digest == image.digest:
        return True
    if held is not None and fetch_labels(registry, repository, held).get(REVISION_LABEL) != sha:
        return False
    registry.put_manifest(repository, tag, image)
    return leads_to(registry, repository, tag, image)


def leads_to(registry: Registry, repository: str, tag: str, image: Manifest) -> bool:
    """Whether the tag is that image's now."""
    held = registry.fetch_manifest(repository, tag)
    return held is not None and held.digest == image.digest


def move_latest(
    registry: Registry, repository: str, branch: str, image: Manifest, number: int, judged: Collection[int]
) -> bool:
    """Lets `latest` lead to the image, or on to what was published besides; whether it is the image in the end.

    `judged`: the numbers that were there when it was decided that the image is newer than all that is published.
    """
    newest = (number, image)
    for _ in range(MAX_MOVES):
        registry.ensure_tag(repository, LATEST, newest[1])
        besides = _published_besides(registry, repository, branch, newest[0], judged)
        if besides is None:
            return newest[0] == number
        newest = besides
    raise TryAgain(f"Others publish in {repository} all the time.")


def mend_latest(registry: Registry, repository: str, image: Manifest, newer: str) -> bool:
    """Moves `latest` on from an image to a newer one with the tag `newer`, as a promotion that broke off left it."""
    if not leads_to(registry, repository, LATEST, image):
        return False
    found = _with_version(registry, repository, newer)
    if found is None:
        return False
    registry.ensure_tag(repository, LATEST, found)
    return True


def _published_besides(
    registry: Registry, repository: str, branch: str, number: int, judged: Collection[int]
) -> tuple[int, Manifest] | None:
    """The highest number after this one that was given meanwhile, with its image."""
    for one in read_numbers(branch, registry.fetch_tags(repository)):
        image = None
        if one > number and one not in judged:
            image = _with_version(registry, repository, version_tag(branch, one))
        if image is not None:
            return one, image
    return None


def _with_version(registry: Registry, repository: str, tag: str) -> Manifest | None:
    """The image of a number's tag, if it has its version already; else its own promotion is about to move `latest`."""
    found = registry.fetch_manifest(repository, tag)
    if found is None:
        return None
    version = fetch_version_of(registry, repository, registry.fetch_tags(repository), found.digest)
    return None if version is None else found

"""Versions `<major>.<minor>.<patch>`: which one a publication gets. One function for the job and for its prediction."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bot.domain.interface import Level, compare
from bot.errors import OperatorError
from parser.model import Module

MAX_PART = 10**9 - 1
"""Above any number that publications can reach; what is higher was pushed by hand and is no version."""

_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_WITHDRAWN = "withdrawn-"


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version as semantic versioning has it, without the parts behind a dash or plus."""

    major: int
    minor: int
    patch: int

    @staticmethod
    def read(text: str) -> Version | None:
        """The version that a tag is; None when it is none, such as `1.2`, `v1.2.3`, `01.2.3` and `1.2.3-rc1`."""
        match = _VERSION.fullmatch(text)
        return Version(int(match[1]), int(match[2]), int(match[3])) if match else None

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def raised(self, level: Level) -> Version:
        """The first version of that level after this one; itself for no change."""
        if level is Level.MAJOR:
            return Version(self.major + 1, 0, 0)
        if level is Level.MINOR:
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1) if level is Level.PATCH else self


FIRST = Version(1, 0, 0)


def next_version(current: Version | None, level: Level, used: Collection[Version] = ()) -> Version:
    """The version of a new image whose difference to the current one is of that level: one that was never given.

    `used`: every version that was ever given, as far as it is known. Where the current image has no version, the first
    of all is 1.0.0, and a later one counts on from the highest given. `Level.NONE` keeps the current version. Raises
    OperatorError when no number is left.
    """
    base = current or max(used, default=None)
    if base is None:
        return FIRST
    if level is Level.NONE:
        return base
    wanted, taken = base.raised(level), frozenset(used)
    while wanted in taken:
        wanted = wanted.raised(level)
    if max(wanted.major, wanted.minor, wanted.patch) > MAX_PART:
        raise OperatorError(
            f"The next version would be {wanted}.",
            f"Somebody pushed the tag {base} by hand: delete it in the registry.",
        )
    return wanted


def plan_version(
    current: Version | None, before: Module | None, after: Module | None, used: Collection[Version]
) -> tuple[Version, Level]:
    """The version of a new image, and how much it asks of users, by what is published now.

    `before` is what the current image says of itself, `after` what the new one does; None where that is nothing that
    can be read, which counts as the worst. Raises OperatorError when no number is left.
    """
    level = Level.MAJOR
    if before is not None and after is not None:
        level = max(compare(before, after).level, Level.PATCH)
    return next_version(current, level, used), level


def major_tag(major: int) -> str:
    """The tag of the highest version with that first number."""
    return f"{major}"


def withdrawn_tag(version: Version) -> str:
    """The tag that keeps the number of a version that was taken back, so that no other image ever gets it."""
    return f"{_WITHDRAWN}{version}"


def read_versions(tags: Iterable[str]) -> tuple[Version, ...]:
    """The versions among a repository's tags, the highest first."""
    return tuple(sorted({version for tag in tags if (version := Version.read(tag))}, reverse=True))


def read_used(tags: Iterable[str]) -> frozenset[Version]:
    """Every version that was given, also those that were taken back."""
    return frozenset(read_versions(tag.removeprefix(_WITHDRAWN) for tag in tags))

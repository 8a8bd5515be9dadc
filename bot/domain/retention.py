"""Which of a branch's versions go when newer ones are published. One function says it; taking back is others' work."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bot.domain.versions import Version


@dataclass(frozen=True, slots=True)
class Standing:
    """A version that stands in the registry: its number on the branch, its image, and its version, where it has one."""

    number: int
    digest: str
    version: Version | None = None


def plan_retirement(
    standing: Iterable[Standing], keep: int, leading: Collection[str], used: Collection[Version]
) -> tuple[Standing, ...]:
    """The versions that go, the oldest first: what is beyond the newest `keep` images, and nobody rests on.

    `leading`: digests to which a tag that moves leads (`latest`, `1`). `used`: versions that a component reference
    means. The newest of all never goes. With `keep` 0 nothing does.
    """
    newest_first = sorted(standing, key=lambda one: one.number, reverse=True)
    if keep <= 0 or not newest_first:
        return ()
    kept = set(list(dict.fromkeys(one.digest for one in newest_first))[:keep])
    kept |= set(leading) | {one.digest for one in newest_first if one.version in used}
    return tuple(one for one in reversed(newest_first) if one.digest not in kept)


def versions_meant(refs: Iterable[str], there: Iterable[Version]) -> frozenset[Version]:
    """The versions that references lead to: `1.2.0`; `1` and `1.2`, the highest of them; `~latest`, the highest of all.

    References of other forms (a branch, a commit) lead to none.
    """
    highest_first = sorted(there, reverse=True)
    return frozenset(one for ref in refs if (one := _meant(ref, highest_first)) is not None)


def _meant(ref: str, highest_first: Iterable[Version]) -> Version | None:
    if ref == "~latest":
        return next(iter(highest_first), None)
    return next((one for one in highest_first if f"{one}" == ref or f"{one}".startswith(f"{ref}.")), None)

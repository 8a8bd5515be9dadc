"""Which of a branch's versions go when newer ones are published. One function says it; taking back is others' work."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bot.domain.catalogue import ListedVersion
from bot.domain.tags import branch_slug
from bot.domain.versions import Version


@dataclass(frozen=True, slots=True)
class Standing:
    """A version that stands in the registry: its number on the branch, and the digest of its image."""

    number: int
    digest: str


def plan_retirement(standing: Iterable[Standing], keep: int, held: Collection[str]) -> tuple[Standing, ...]:
    """The versions that go, the oldest first: what is beyond the newest `keep` images, and that nothing holds.

    `held`: digests to which a tag leads that moves (`latest`, `1`), or that a component reference means. The newest of
    all never goes. With `keep` 0 nothing does.
    """
    newest_first = sorted(standing, key=lambda one: one.number, reverse=True)
    if keep <= 0:
        return ()
    kept = set(list(dict.fromkeys(one.digest for one in newest_first))[:keep])
    return tuple(one for one in reversed(newest_first) if one.digest not in kept | set(held))


def all_published_since(versions: Iterable[ListedVersion], since: float) -> bool:
    """Whether the project was first published after that time, as its listed versions say.

    So it is where each branch's first number is listed, and all have a time that is later. False for none.
    """
    numbers: dict[str, int] = {}
    for one in versions:
        if one.published_at is None or one.published_at <= since:
            return False
        slug = branch_slug(one.branch)
        numbers[slug] = min(numbers.get(slug, one.number), one.number)
    return bool(numbers) and all(lowest == 1 for lowest in numbers.values())


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

"""Two lists of requirements → what changed, for those who read a merge request.

A requirement is the same as another one when package indexes know both by one name. Addresses are shown without who one
is there and without what stands behind their path.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from bot.domain.text import shorten
from parser.model import Requirement, Requirements

RequirementKind = Literal["added", "removed", "moved", "unpinned", "yanked"]

MAX_TEXT_CHARS = 200
"""Characters of one version or address that are shown."""

MAX_ASKED = 20
"""Pins that the index is asked about for one merge request."""

_EXACT = re.compile(r"={2,3}\s*(?P<version>[^,*\s]+)")
_ORDER: tuple[RequirementKind, ...] = ("yanked", "unpinned", "removed", "added", "moved")


@dataclass(frozen=True, slots=True)
class RequirementChange:
    """One change of what is installed; `name`, `before` and `after` are the repository's text as it is.

    `before` and `after` are versions as pip writes them (`==2.1`), or an address; empty where there is none. `why` is
    one sentence of ours, or what the index says about a version that was taken back (the index's own text).
    """

    name: str
    kind: RequirementKind
    before: str
    after: str
    why: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """An exact version of a package, by its normalized name."""

    name: str
    version: str


def compare_requirements(
    before: Requirements | None, after: Requirements | None, yanked: Mapping[str, str] | None = None
) -> tuple[RequirementChange, ...]:
    """What is installed besides, no longer, or in another version; what needs a look comes first.

    `yanked`: normalized names of packages whose pinned version was taken back, and what the index says of it.
    """
    olds, news = (_by_name(found.items if found else ()) for found in (before, after))
    changes = [
        change for name in olds.keys() | news.keys() for change in _change(olds.get(name), news.get(name))
    ]
    old_limits, new_limits = (_by_name(found.constraints if found else ()) for found in (before, after))
    for name in old_limits.keys() | new_limits.keys():
        changes += _limit(old_limits.get(name), new_limits.get(name))
    changes += _sources(before, after)
    for name, why in (yanked or {}).items():
        if name in news:
            changes.append(RequirementChange(_called(news[name]), "yanked", "", _text(news[name]), why))
    return tuple(
        sorted(changes, key=lambda one: (_ORDER.index(one.kind), one.name, one.before, one.after, one.why))
    )


def asked_about(before: Requirements | None, after: Requirements | None) -> tuple[Pin, ...]:
    """The pins that are worth asking the index about: those of pip that are new, at most MAX_ASKED.

    Nothing is asked where the requirements name an index of their own: only it knows, and the bot asks none but the
    operator's.
    """
    if after is None or after.manager != "pip" or any(_names_index(option) for option in after.options):
        return ()
    olds, news = (_pins(found) for found in (before, after))
    return tuple(sorted(news - olds))[:MAX_ASKED]


def _pins(found: Requirements | None) -> frozenset[Pin]:
    pins = (_pin(item) for item in (found.items if found else ()))
    return frozenset(pin for pin in pins if pin is not None)


def _pin(item: Requirement) -> Pin | None:
    exact = _EXACT.fullmatch(item.specifier)
    if exact is None or item.normalized is None or item.url:
        return None
    return Pin(item.normalized, exact["version"])


def _names_index(option: str) -> bool:
    return option.partition(" ")[0] in ("--index-url", "--extra-index-url", "--find-links", "--no-index")


def _by_name(items: Iterable[Requirement]) -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = defaultdict(list)
    for item in items:
        found[item.normalized or item.name or _address(item.url or "")].append(item)
    return found


def _change(
    olds: Sequence[Requirement] | None, news: Sequence[Requirement] | None
) -> Iterator[RequirementChange]:
    if not olds:
        if news:
            yield RequirementChange(_called(news), "added", "", _text(news), _loosely(news))
        return
    if not news:
        yield RequirementChange(_called(olds), "removed", _text(olds), "", "")
        return
    before, after = _text(olds), _text(news)
    pinned, still = (all(_pin(item) or item.url for item in items) for items in (olds, news))
    if pinned and not still:
        yield RequirementChange(_called(news), "unpinned", before, after, _loosely(news))
    elif before != after:
        yield RequirementChange(_called(news), "moved", before, after)
    elif {(item.hashes, item.url) for item in olds} != {(item.hashes, item.url) for item in news}:
        why = "The same version, but other files of it are taken."
        yield RequirementChange(_called(news), "moved", before, after, why)


def _limit(
    olds: Sequence[Requirement] | None, news: Sequence[Requirement] | None
) -> Iterator[RequirementChange]:
    before, after = _text(olds or ()), _text(news or ())
    if before == after:
        return
    why = "A limit of its version; it installs nothing by itself."
    kind: RequirementKind = "moved" if olds and news else "added" if news else "removed"
    yield RequirementChange(_called(news or olds or ()), kind, before, after, why)


def _sources(before: Requirements | None, after: Requirements | None) -> Iterator[RequirementChange]:
    """Where packages come from. Addresses of indexes are not shown: accounts may stand in them."""
    if before is None or after is None:
        return
    if (before.manager, before.file) != (after.manager, after.file):
        why = "What is installed is read from another file."
        yield RequirementChange(after.file, "moved", before.file, after.file, why)
    olds, news = (_options(found) for found in (before, after))
    for name in sorted(olds.keys() | news.keys()):
        if olds.get(name) != news.get(name):
            kind: RequirementKind = (
                "moved" if name in olds and name in news else "added" if name in news else "removed"
            )
            yield RequirementChange(
                name, kind, "", "", "Packages, or what of them is taken, come from elsewhere."
            )


def _options(found: Requirements) -> dict[str, list[str]]:
    options: dict[str, list[str]] = defaultdict(list)
    for option in found.options:
        name, _, value = option.partition(" ")
        options[name].append(value)
    return options


def _called(items: Sequence[Requirement]) -> str:
    first = items[0]
    return shorten(first.name or _address(first.url or ""), MAX_TEXT_CHARS)


def _text(items: Sequence[Requirement]) -> str:
    return shorten("; or ".join(sorted(_one(item) for item in items)), MAX_TEXT_CHARS)


def _one(item: Requirement) -> str:
    extras = f"[{','.join(item.extras)}]" if item.extras else ""
    where = f"@ {_address(item.url)}" if item.url else item.specifier or "any version"
    marker = f" where {item.marker}" if item.marker else ""
    return f"{extras}{where}{marker}"


def _loosely(items: Sequence[Requirement]) -> str:
    if all(_pin(item) or item.url for item in items):
        return ""
    return "Which version is installed follows from the day of the first build."


def _address(url: str) -> str:
    """An address without who one is there, and without what stands behind its path."""
    try:
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
    except ValueError:
        return "an address"

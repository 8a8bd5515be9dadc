"""What a layer of wheels brings, in a few words: enough to see which of two layers cannot get in each other's way.

The foundation says it of each layer above it, so a package that is added is compared with those whose layers are only
taken over. Where the words meet, the wheels themselves are looked at.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from bot.layers.lock import LockedWheel
from bot.layers.values import Layer
from bot.layers.wheel_files import Place, PlannedWheel, is_beside

MAX_WORDS = 40
"""Paths that are said of one wheel, as far as fewer folders can say it."""

DEEPEST = 5
"""Folders that are gone down into where no package says that it is one."""

OF_ONE_WHEEL = (".dist-info", ".libs")
"""What folders end in that are named after their wheel."""


def brings(planned: Sequence[PlannedWheel], place: Place) -> tuple[str, ...]:
    """Paths as RECORD writes them, sorted: modules, and folders all below which is of these wheels.

    Folders that several packages share (`google`, `bin`) are not among them, what lies in them is. What may be brought
    twice is left out, and so is what is named after its wheel. Nothing is said of one wheel with its own module alone.
    """
    said: set[str] = set()
    for one in planned:
        paths = [posixpath.relpath(item.path, place.site) for item in one.items if not is_beside(item.path)]
        said |= {word for word in _words(paths) if not word.endswith(OF_ONE_WHEEL)}
    usual = {_usual(one.wheel) for one in planned}
    return () if len(planned) == 1 and said <= usual else tuple(sorted(said))


def brought(layer: Layer, wheels: Iterable[LockedWheel]) -> tuple[str, ...]:
    """What a layer of these wheels brings, by what is said of it, or is not."""
    return layer.brings or tuple(_usual(wheel) for wheel in wheels)


def _usual(wheel: LockedWheel) -> str:
    """The module that a package mostly has."""
    return wheel.name.replace("-", "_")


def meetings(all_words: Sequence[Sequence[str]]) -> Iterator[tuple[int, int]]:
    """Pairs, by number, of those that say the same path, or of which one says a folder of the other's."""
    owners: dict[str, set[int]] = {}
    for number, words in enumerate(all_words):
        for word in words:
            owners.setdefault(word, set()).add(number)
    met: set[tuple[int, int]] = set()
    for word, numbers in owners.items():
        above = {other for each in (word, *_above(word)) for other in owners.get(each, ())}
        met |= {(min(one, other), max(one, other)) for one in numbers for other in above if one != other}
    yield from sorted(met)


def _words(paths: Sequence[str]) -> set[str]:
    packages = {posixpath.dirname(path) for path in paths if posixpath.basename(path) == "__init__.py"}
    whole = {_first(path, packages) for path in paths}
    for deep in range(DEEPEST, 1, -1):
        if len(whole) <= MAX_WORDS:
            break
        whole = {_cut(path, deep) for path in whole}
    return whole


def _first(path: str, packages: set[str]) -> str:
    """The outermost folder above a path that is a package, or named after its wheel; else the path."""
    folders = reversed(_above(path))
    return next((each for each in folders if each in packages or each.endswith(OF_ONE_WHEEL)), path)


def _cut(path: str, deep: int) -> str:
    """A path with so many parts at most, besides those that lead out of the folder of modules."""
    parts = path.split("/")
    return "/".join(parts[: parts.count("..") + deep])


def _above(path: str) -> list[str]:
    """The folders above a path, the innermost first."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]

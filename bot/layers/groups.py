"""Packages → layers: the big ones each alone, so that images share them; the small ones together where room ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from bot.layers.lock import Lock, LockedConda, LockedWheel

Group = tuple[LockedConda, ...] | tuple[LockedWheel, ...]
"""What shares a layer."""

_Package = TypeVar("_Package", bound=LockedConda | LockedWheel)

MAX_LAYERS = 100
"""Layers of a whole image; engines stop at 127, and who builds upon it needs some too."""

FEW = 6
"""So many packages, the largest, have a layer each whatever their size."""

SMALL_BYTES = 2 * 1024 * 1024
"""A package with fewer shares a layer with other small ones: a layer costs each image some 260 bytes."""

OWN_LAYERS = 2
"""What an image has besides base and wheels: the foundation below them, the sources above."""


def room_for_wheels(base_layers: int) -> int:
    """How many layers wheels may have upon a base of so many; at least one, whatever the base."""
    return max(1, MAX_LAYERS - OWN_LAYERS - base_layers)


def group_packages(lock: Lock, room: int) -> tuple[Group, ...]:
    """The packages of each layer, in the image's order: those of conda lie below the wheels.

    Where there is not room for all, both kinds get as much of it as they can use, conda's at least half.
    """
    if not lock.conda:
        return group_wheels(lock.wheels, room)
    for_wheels = min(len(lock.wheels), max(room // 2, room - len(lock.conda)))
    below = _grouped(lock.conda, max(1, room - for_wheels))
    return (*below, *(_grouped(lock.wheels, max(1, for_wheels)) if lock.wheels else ()))


def group_wheels(wheels: Sequence[LockedWheel], room: int) -> tuple[tuple[LockedWheel, ...], ...]:
    """The wheels of each layer, in the image's order: largest first, then by name; small ones in the last, by name.

    A function of names, versions and sizes alone. Raises ValueError when there is no room at all.
    """
    return _grouped(wheels, room)


def _grouped(packages: Sequence[_Package], room: int) -> tuple[tuple[_Package, ...], ...]:
    if room < 1:
        raise ValueError("packages need at least one layer")
    ordered = sorted(packages, key=_largest_first)
    large = sum(one.size >= SMALL_BYTES for one in ordered)
    alone = min(max(large, FEW), room)
    if len(ordered) > alone:
        alone = min(alone, room - 1)
    together = tuple(sorted(ordered[alone:], key=_by_name))
    return (*((one,) for one in ordered[:alone]), *((together,) if together else ()))


def _largest_first(one: LockedConda | LockedWheel) -> tuple[int, str, str, str]:
    return -one.size, *_by_name(one)


def _by_name(one: LockedConda | LockedWheel) -> tuple[str, str, str]:
    return one.name, one.version, one.filename

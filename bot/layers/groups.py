"""Wheels → layers: the big ones each alone, so that images share them; the small ones together where room ends."""

from __future__ import annotations

from collections.abc import Sequence

from bot.layers.lock import LockedWheel

MAX_LAYERS = 100
"""Layers of a whole image; engines stop at 127, and who builds upon it needs some too."""

OWN_LAYERS = 2
"""What an image has besides base and wheels: the foundation below them, the sources above."""


def room_for_wheels(base_layers: int) -> int:
    """How many layers wheels may have upon a base of so many; at least one, whatever the base."""
    return max(1, MAX_LAYERS - OWN_LAYERS - base_layers)


def group_wheels(wheels: Sequence[LockedWheel], room: int) -> tuple[tuple[LockedWheel, ...], ...]:
    """The wheels of each layer, in the image's order: largest first, then by name; the rest in the last, by name.

    A function of names, versions and sizes alone. Raises ValueError when there is no room at all.
    """
    if room < 1:
        raise ValueError("wheels need at least one layer")
    ordered = sorted(wheels, key=lambda wheel: (-wheel.size, wheel.name, wheel.version, wheel.filename))
    if len(ordered) <= room:
        return tuple((wheel,) for wheel in ordered)
    alone, rest = ordered[: room - 1], ordered[room - 1 :]
    together = tuple(sorted(rest, key=lambda wheel: (wheel.name, wheel.version, wheel.filename)))
    return (*((wheel,) for wheel in alone), together)

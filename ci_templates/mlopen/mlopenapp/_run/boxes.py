"""Box plots: the middle half of some numbers, how far the others reach, and those that lie apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .canvas import (
    HEIGHT,
    LEFT,
    LEGEND_LINE,
    RIGHT,
    WIDTH,
    draw_axes,
    items,
    look_of,
    name_of,
    number_of,
    plain_words,
    svg,
    x_at,
    y_at,
)
from .scales import Categories, Numbers, Scale, number_words

REACH = 1.5
"""Numbers further away than so many heights of the box lie apart; Plotly's own measure."""

MAX_BOXES = 100
"""Boxes that are drawn; of more, the first, and how many there are is said below."""

MAX_APART = 500
"""Numbers that lie apart, and are drawn, of one box."""


def draw_boxes(traces: list[dict[str, Any]], layout: dict[str, Any], title: str) -> str:
    """A box, upright, for each name in the traces."""
    groups: dict[str, list[float]] = {}
    looks: dict[str, str] = {}
    for place, trace in enumerate(traces):
        lying = not items(trace.get("y")) or trace.get("orientation") == "h"
        values, names = (items(trace.get(side)) for side in (("x", "y") if lying else ("y", "x")))
        for number, value in enumerate(values):
            found = number_of(value)
            name = plain_words(names[number]) if number < len(names) else name_of(trace, place)
            if found is not None:
                groups.setdefault(name, []).append(found)
                looks.setdefault(name, look_of(place))
    if not groups:
        return ""
    count = len(groups)
    groups = {name: groups[name] for name in list(groups)[:MAX_BOXES]}
    across = Categories(list(groups))
    upwards = Numbers([number for some in groups.values() for number in some], False)
    parts, told = [*draw_axes(across, upwards, layout)], []
    for name, numbers in groups.items():
        numbers.sort()
        parts += _box(name, numbers, across, upwards, looks[name])
        middle = number_words(_quantile(numbers, 0.5))
        told.append(
            f"{name}: {len(numbers)} numbers from {number_words(numbers[0])} to {number_words(numbers[-1])}, "
            f"half of them below {middle}"
        )
    height = HEIGHT
    if count > MAX_BOXES:
        height += LEGEND_LINE
        parts.append(f'<text x="{LEFT}" y="{HEIGHT + 12}">The first {MAX_BOXES} of {count} boxes</text>')
    return svg(parts, title, "Boxes: " + "; ".join(told), height)


def _box(name: str, numbers: Sequence[float], across: Scale, upwards: Scale, look: str) -> Iterator[str]:
    low, middle, high = (_quantile(numbers, part) for part in (0.25, 0.5, 0.75))
    near, far = low - REACH * (high - low), high + REACH * (high - low)
    inside = [number for number in numbers if near <= number <= far]
    x, wide = x_at(across, name) or 0.0, (WIDTH - LEFT - RIGHT) * across.room() * 0.5
    ys = [y_at(upwards, value) or 0.0 for value in (inside[0], low, middle, high, inside[-1])]
    yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{ys[0]:.1f}" y2="{ys[4]:.1f}"/>'
    yield (
        f'<rect class="{look}" x="{x - wide / 2:.1f}" y="{ys[3]:.1f}" width="{wide:.1f}" '
        f'height="{ys[1] - ys[3]:.1f}" fill-opacity="0.5"/>'
    )
    yield (
        f'<line class="axis" x1="{x - wide / 2:.1f}" x2="{x + wide / 2:.1f}" y1="{ys[2]:.1f}" y2="{ys[2]:.1f}" '
        'stroke-width="3"/>'
    )
    apart = [number for number in numbers if not near <= number <= far][:MAX_APART]
    for number in apart:
        yield f'<circle class="{look}" cx="{x:.1f}" cy="{y_at(upwards, number):.1f}" r="3"/>'


def _quantile(numbers: Sequence[float], part: float) -> float:
    """Of sorted numbers, between the two that are nearest."""
    place = part * (len(numbers) - 1)
    before = int(place)
    after = min(before + 1, len(numbers) - 1)
    share = place - before
    return numbers[before] * (1 - share) + numbers[after] * share

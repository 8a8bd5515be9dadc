"""Heat maps."""

from __future__ import annotations

from typing import Any

from .canvas import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, draw_axes, items, number_of, svg, x_at, y_at
from .scales import Categories, number_words

MAX_TILES = 10_000


def draw_heat_map(trace: dict[str, Any], layout: dict[str, Any], title: str) -> str:
    """The heat map of one trace: the greater a value, the stronger its tile."""
    rows = [[number_of(value) for value in row] for row in items(trace.get("z")) if isinstance(row, list)]
    most = max((len(row) for row in rows), default=0)
    known = [value for row in rows for value in row if value is not None]
    if not known or len(rows) * most > MAX_TILES:
        return ""
    names_x = items(trace.get("x")) or list(range(most))
    names_y = items(trace.get("y")) or list(range(len(rows)))
    across = Categories([str(name) for name in names_x[:most]])
    upwards = Categories([str(name) for name in _upwards(names_y[: len(rows)], layout)])
    low, high = min(known), max(known)
    wide = (WIDTH - LEFT - RIGHT) * across.room()
    tall = (HEIGHT - TOP - BOTTOM) * upwards.room()
    parts = []
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            if value is None or row >= len(names_y) or column >= len(names_x):
                continue
            x, y = x_at(across, str(names_x[column])), y_at(upwards, str(names_y[row]))
            share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 1.0
            place = f'x="{(x or 0) - wide / 2:.1f}" y="{(y or 0) - tall / 2:.1f}"'
            size = f'width="{wide:.1f}" height="{tall:.1f}" fill-opacity="{0.08 + 0.92 * share:.3f}"'
            parts.append(f'<rect class="c1" {place} {size}><title>{number_words(value)}</title></rect>')
    told = f"A heat map of {len(rows)} rows, from {number_words(low)} to {number_words(high)}"
    return svg([*parts, *draw_axes(across, upwards, layout)], title, told)


def _upwards(names: list[Any], layout: dict[str, Any]) -> list[Any]:
    """The rows from the lowest to the highest: a picture, or a table of mistakes, has its first row at the top."""
    axis = layout.get("yaxis")
    turned = isinstance(axis, dict) and str(axis.get("autorange")).endswith("reversed")
    return names[::-1] if turned else names

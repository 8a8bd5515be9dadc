"""Points, lines, bars and histograms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from .canvas import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    draw_axes,
    draw_legend,
    height_with_legend,
    items,
    look_of,
    name_of,
    number_of,
    svg,
    x_at,
    y_at,
)
from .scales import Categories, Logarithms, Moments, Numbers, Scale, number_words, seconds_of

MAX_POINTS = 4_000
"""Points that are drawn of one trace; of more, every second, third, … one."""

MAX_BINS = 40
SHARE = 0.8
"""How much of the room between two places a bar, or all bars of a place, take."""


def draw_plot(traces: list[dict[str, Any]], layout: dict[str, Any], title: str) -> str:
    """All traces on one pair of axes. Bars of several stand beside each other, or on top, as the layout says."""
    traces = _counted(traces)
    points = _piled(traces, [_points(trace) for trace in traces])
    lying = any(_is_bar(trace) and trace.get("orientation") == "h" for trace in traces)
    mode = layout.get("barmode")
    bars = _bars_of(traces, points, lying, mode in ("stack", "relative"))
    xs = [x for pairs in points for x, _ in pairs]
    ys = [y for pairs in points for _, y in pairs]
    ends = [end for some in bars.values() for _, *both in some for end in both]
    if not xs:
        return ""
    across = _scale(xs + ends if lying else xs, layout.get("xaxis"), bool(bars) and not lying)
    upwards = _scale(ys if lying else ys + ends, layout.get("yaxis"), bool(bars) and lying)
    parts = [*draw_axes(across, upwards, layout)]
    beside = 1 if mode in ("stack", "relative", "overlay") else len(bars)
    for place, trace in enumerate(traces):
        if place in bars:
            number = list(bars).index(place) if beside > 1 else 0
            parts += _draw_bars(bars[place], across, upwards, look_of(place), lying, number, beside)
        else:
            parts += _marks(points[place], across, upwards, look_of(place), str(trace.get("mode") or ""))
    names = [name_of(trace, place) for place, trace in enumerate(traces)]
    return svg([*parts, *draw_legend(names)], title, _told(traces, points), height_with_legend(names))


def _is_bar(trace: dict[str, Any]) -> bool:
    return trace.get("type") == "bar"


def _counted(traces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Histograms as bars, all with the same bins; anything else as it is."""
    sides = [_side(trace) for trace in traces]
    values = [
        items(trace.get(side)) if _is_histogram(trace) else []
        for trace, side in zip(traces, sides)  # noqa: B905 - Python 3.8 has no `strict`
    ]
    bins = _bins([value for some in values for value in some])
    found = []
    for trace, side, some in zip(traces, sides, values):  # noqa: B905 - likewise
        found.append(_as_bars(trace, side, some, bins) if _is_histogram(trace) else trace)
    return found


def _is_histogram(trace: dict[str, Any]) -> bool:
    return trace.get("type") == "histogram"


def _side(trace: dict[str, Any]) -> str:
    """Along which side its bins are."""
    lying = not items(trace.get("x")) or (trace.get("orientation") == "h" and bool(items(trace.get("y"))))
    return "y" if lying else "x"


def _as_bars(trace: dict[str, Any], side: str, values: list[Any], bins: _Bins) -> dict[str, Any]:
    other = "x" if side == "y" else "y"
    weights = items(trace.get(other))
    found: dict[Any, list[float]] = {key: [] for key in bins.keys}
    for place, value in enumerate(values):
        weight = number_of(weights[place]) if place < len(weights) else None
        found.setdefault(bins.of(value), []).append(1.0 if weight is None else weight)
    how = _SUMMED.get(str(trace.get("histfunc")), _count)
    counts = {side: list(found), other: [how(some) for some in found.values()]}
    return {**trace, **counts, "type": "bar", "orientation": "h" if side == "y" else "v"}


class _Bins:
    """Where numbers are counted together: `keys` are the middles of equal stretches; without any, by their words."""

    def __init__(self, low: float, wide: float, keys: list[float]) -> None:
        self.low = low
        self.wide = wide
        self.keys = keys

    def of(self, value: Any) -> Any:
        """The key of one value."""
        number = number_of(value)
        if not self.keys or number is None:
            return str(value)
        return self.keys[min(len(self.keys) - 1, int((number - self.low) / self.wide))]


def _bins(values: list[Any]) -> _Bins:
    numbers = [number for number in map(number_of, values) if number is not None]
    if not numbers or len(numbers) < len(values) or not math.isfinite(max(numbers) - min(numbers)):
        return _Bins(0.0, 1.0, [])
    low, high = min(numbers), max(numbers)
    count = min(MAX_BINS, max(1, math.ceil(math.sqrt(len(numbers))))) if high > low else 1
    wide = (high - low) / count or 1.0
    return _Bins(low, wide, [low + wide * (place + 0.5) for place in range(count)])


def _count(some: list[float]) -> float:
    return float(len(some))


def _mean(some: list[float]) -> float:
    return sum(some) / len(some) if some else 0.0


_SUMMED: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "avg": _mean,
    "min": lambda some: min(some, default=0.0),
    "max": lambda some: max(some, default=0.0),
}
"""Plotly's words for what a histogram shows of each bin; without one it counts."""


def _points(trace: dict[str, Any]) -> list[tuple[Any, Any]]:
    xs, ys = items(trace.get("x")), items(trace.get("y"))
    pairs = [(xs[n] if xs else n, ys[n] if ys else n) for n in range(_count_of(xs, ys))]
    return pairs[:: _every(trace)]


def _count_of(xs: list[Any], ys: list[Any]) -> int:
    return max(len(xs), len(ys)) if not xs or not ys else min(len(xs), len(ys))


def _every(trace: dict[str, Any]) -> int:
    """Which of its points are drawn: all, every second, …"""
    return max(1, math.ceil(_count_of(items(trace.get("x")), items(trace.get("y"))) / MAX_POINTS))


def _piled(traces: list[dict[str, Any]], points: list[list[tuple[Any, Any]]]) -> list[list[tuple[Any, Any]]]:
    """The points, where lines of one group lie on top of each other; at each place the next begins where one ends."""
    reached: dict[tuple[str, str], float] = {}
    found = []
    for trace, pairs in zip(traces, points):  # noqa: B905 - Python 3.8 has no `strict`
        group = trace.get("stackgroup")
        if group and not _is_bar(trace):
            piled = []
            for x, y in pairs:
                key = (str(group), str(x))
                reached[key] = reached.get(key, 0.0) + (number_of(y) or 0.0)
                piled.append((x, reached[key]))
            pairs = piled
        found.append(pairs)
    return found


def _bars_of(
    traces: list[dict[str, Any]], points: list[list[tuple[Any, Any]]], lying: bool, stacked: bool
) -> dict[int, list[tuple[Any, float, float]]]:
    """By the trace's place: each bar's place, and its two ends; stacked ones begin where those before them end."""
    found: dict[int, list[tuple[Any, float, float]]] = {}
    reached: dict[tuple[str, bool], float] = {}
    for number, trace in enumerate(traces):
        if not _is_bar(trace):
            continue
        found[number] = []
        base = trace.get("base")
        bases = items(base)[:: _every(trace)]
        for place_of, (x, y) in enumerate(points[number]):
            place, value = (y, number_of(x)) if lying else (x, number_of(y))
            if value is None:
                continue
            key = (str(place), value < 0)
            given = bases[place_of] if place_of < len(bases) else base
            begun = reached.get(key, 0.0) if stacked else number_of(given) or 0.0
            reached[key] = begun + value
            found[number].append((place, begun, begun + value))
    return found


def _scale(values: list[Any], axis: Any, in_bars: bool) -> Scale:
    numbers = [number_of(value) for value in values]
    found = [number for number in numbers if number is not None]
    if not found or len(found) < sum(value is not None for value in values):
        moments = [seconds_of(value) for value in values if value is not None]
        known = [moment for moment in moments if moment is not None]
        if known and len(known) == len(moments):
            return Moments(known, in_bars)
        return Categories([str(value) for value in values if value is not None])
    if isinstance(axis, dict) and axis.get("type") == "log" and max(found) > 0:
        return Logarithms([number for number in found if number > 0], in_bars)
    return Numbers(found, in_bars)


def _marks(
    pairs: list[tuple[Any, Any]], across: Scale, upwards: Scale, look: str, mode: str
) -> Iterator[str]:
    mode = mode or ("lines+markers" if len(pairs) < 20 else "lines")
    stretch: list[str] = []
    lines: list[list[str]] = [stretch]
    spots = []
    for x, y in ((x_at(across, one), y_at(upwards, other)) for one, other in pairs):
        if x is None or y is None:
            stretch = []
            lines.append(stretch)
            continue
        stretch.append(f"{x:.1f},{y:.1f}")
        spots.append(f'<circle class="{look}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
    if "lines" in mode:
        for one in lines:
            if len(one) > 1:
                yield f'<polyline class="{look} line" points="{" ".join(one)}"/>'
    # words beside points are not drawn, so the points are
    if "markers" in mode or "lines" not in mode or len(spots) == 1:
        yield from spots


def _draw_bars(
    bars: list[tuple[Any, float, float]],
    across: Scale,
    upwards: Scale,
    look: str,
    lying: bool,
    number: int,
    beside: int,
) -> Iterator[str]:
    """The bars of one trace, the `number`-th of those that stand beside each other."""
    places, values = (upwards, across) if lying else (across, upwards)
    length = (HEIGHT - TOP - BOTTOM) if lying else (WIDTH - LEFT - RIGHT)
    start = LEFT if lying else HEIGHT - BOTTOM
    room = places.room() * length * SHARE
    wide = room / beside
    for place, *both in bars:
        middle = y_at(places, place) if lying else x_at(places, place)
        # zero has no place on a logarithmic axis: the bar begins at its edge
        found = [x_at(values, end) if lying else y_at(values, end) for end in both]
        one, other = (start if end is None else end for end in found)
        if middle is None:
            continue
        near, low, high = middle - room / 2 + wide * number, min(one, other), max(one, other)
        box = (low, near, high - low, wide) if lying else (near, low, wide, high - low)
        yield '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'.format(look, *box)


def _told(traces: list[dict[str, Any]], points: list[list[tuple[Any, Any]]]) -> str:
    words = []
    for place, trace in enumerate(traces):
        kind = "bars" if _is_bar(trace) else "points"
        numbers = [number for number in (number_of(y) for _, y in points[place]) if number is not None]
        span = f" from {number_words(min(numbers))} to {number_words(max(numbers))}" if numbers else ""
        name = f"{name_of(trace, place)}: " if len(traces) > 1 else ""
        words.append(f"{name}{len(points[place])} {kind}{span}")
    return "; ".join(words)

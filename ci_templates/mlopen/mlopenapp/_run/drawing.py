"""Figures → SVG that stands in a page: pies, points, lines, bars, histograms and heat maps, in the page's colours."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from html import escape, unescape
from typing import Any

from .scales import Categories, Numbers, Scale, number_words

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 76, 20, 16, 64
COLOURS = 8
"""Classes c1 to c8 of the report's style."""

MAX_POINTS = 4_000
"""Points that are drawn of one trace; of more, every second, third, … one."""

MAX_TRACES = 40
MAX_LABEL_CHARS = 60
MAX_BINS = 40
MAX_TILES = 10_000


def draw(figure: dict[str, Any]) -> tuple[str, str]:
    """A figure's title and its SVG; no SVG where it is of a kind that is not drawn here, or there is nothing in it."""
    traces = [trace for trace in figure["data"] if trace.get("visible", True) is True][:MAX_TRACES]
    layout = figure["layout"]
    title = _title(layout)
    kinds = {str(trace.get("type") or "scatter") for trace in traces}
    drawn = ""
    if kinds == {"pie"}:
        drawn = _pie(traces[0], title)
    elif kinds == {"heatmap"}:
        drawn = _heat_map(traces[0], layout, title)
    elif kinds and kinds <= {"scatter", "scattergl", "bar", "histogram"}:
        drawn = _plot([_counted(trace) for trace in traces], layout, title)
    return title, drawn


def _title(part: Any) -> str:
    """The words of a title of Plotly's, of a figure or of an axis, without the few tags that it knows."""
    title = part.get("title") if isinstance(part, dict) else None
    text = title.get("text") if isinstance(title, dict) else title
    return plain_words(text) if isinstance(text, str) else ""


def plain_words(text: Any) -> str:
    """A label, as words: without tags, and not too long."""
    words = unescape(re.sub(r"<[^<>]*>", " ", str(text)))
    words = re.sub(r"\s+", " ", words).strip()
    return words if len(words) <= MAX_LABEL_CHARS else words[: MAX_LABEL_CHARS - 1] + "…"


def _svg(parts: Sequence[str], title: str, told: str, height: int = HEIGHT) -> str:
    label = escape(f"{title}. {told}" if title else told)
    return f'<svg role="img" viewBox="0 0 {WIDTH} {height}" aria-label="{label}">{"".join(parts)}</svg>'


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


# Pies -------------------------------------------------------------------------------------------------


def _pie(trace: dict[str, Any], title: str) -> str:
    labels = _list(trace.get("labels"))
    values = _list(trace.get("values")) or [1] * len(labels)
    slices: dict[str, float] = {}
    for number, value in enumerate(values):
        found = _number(value)
        if found is not None and found > 0:
            label = plain_words(labels[number]) if number < len(labels) else str(number)
            slices[label] = slices.get(label, 0.0) + found
    whole = math.fsum(slices.values())
    if not slices or not math.isfinite(whole):
        return ""
    hole = _number(trace.get("hole")) or 0.0
    height = max(320, 60 + 26 * min(len(slices), MAX_TRACES))
    parts, begun, told = [], 0.0, []
    for place, (label, value) in enumerate(slices.items()):
        share = value / whole
        parts.append(_slice(begun, begun + share, min(max(hole, 0.0), 0.9), place, height / 2))
        begun += share
        words = f"{label}: {number_words(value)} ({share:.1%})"
        told.append(words)
        if place < MAX_TRACES:
            y = 40 + 26 * place
            parts.append(
                f'<rect class="c{place % COLOURS + 1}" x="380" y="{y - 12}" width="14" height="14"/>'
            )
            parts.append(f'<text x="402" y="{y}">{escape(words)}</text>')
    return _svg(parts, title, "A pie: " + ", ".join(told[:MAX_TRACES]), height)


def _slice(begun: float, ended: float, hole: float, place: int, middle: float) -> str:
    look = f'class="c{place % COLOURS + 1} slice"'
    x, radius = 190.0, 140.0
    if ended - begun > 0.99999:
        return f'<circle {look} cx="{x}" cy="{middle}" r="{radius}"/>' + (
            f'<circle class="paper" cx="{x}" cy="{middle}" r="{radius * hole:.1f}"/>' if hole else ""
        )

    def at(share: float, far: float) -> str:
        angle = 2 * math.pi * share
        return f"{x + far * math.sin(angle):.2f} {middle - far * math.cos(angle):.2f}"

    large = int(ended - begun > 0.5)
    outer = f"M {at(begun, radius)} A {radius} {radius} 0 {large} 1 {at(ended, radius)}"
    near = radius * hole
    inner = (
        f"L {at(ended, near)} A {near:.2f} {near:.2f} 0 {large} 0 {at(begun, near)}"
        if hole
        else f"L {x} {middle}"
    )
    return f'<path {look} d="{outer} {inner} Z"/>'


# Points, lines, bars ----------------------------------------------------------------------------------


def _counted(trace: dict[str, Any]) -> dict[str, Any]:
    """A histogram as bars; anything else as it is."""
    if trace.get("type") != "histogram":
        return trace
    lying = not _list(trace.get("x"))
    values = _list(trace.get("y" if lying else "x"))
    numbers = [number for number in map(_number, values) if number is not None]
    counts: dict[Any, float] = {}
    if numbers and len(numbers) == len(values):
        low, high = min(numbers), max(numbers)
        bins = min(MAX_BINS, max(1, math.ceil(math.sqrt(len(numbers))))) if high > low else 1
        wide = (high - low) / bins or 1.0
        counts = {low + wide * (place + 0.5): 0.0 for place in range(bins)}
        keys = list(counts)
        for number in numbers:
            counts[keys[min(bins - 1, int((number - low) / wide))]] += 1
    else:
        for value in values:
            counts[str(value)] = counts.get(str(value), 0.0) + 1
    sides = (
        {"y": list(counts), "x": list(counts.values())}
        if lying
        else {"x": list(counts), "y": list(counts.values())}
    )
    return {**trace, **sides, "type": "bar", "orientation": "h" if lying else "v"}


def _points(trace: dict[str, Any]) -> list[tuple[Any, Any]]:
    xs, ys = _list(trace.get("x")), _list(trace.get("y"))
    count = max(len(xs), len(ys)) if not xs or not ys else min(len(xs), len(ys))
    pairs = [(xs[n] if xs else n, ys[n] if ys else n) for n in range(count)]
    return pairs[:: max(1, math.ceil(len(pairs) / MAX_POINTS))]


def _plot(traces: list[dict[str, Any]], layout: dict[str, Any], title: str) -> str:
    points = [_points(trace) for trace in traces]
    lying = [trace.get("type") == "bar" and trace.get("orientation") == "h" for trace in traces]
    xs = [x for pairs in points for x, _ in pairs]
    ys = [y for pairs in points for _, y in pairs]
    if not xs:
        return ""
    bars = [trace.get("type") == "bar" for trace in traces]
    across = _scale(xs, any(bars) and any(lying), any(bars) and not any(lying))
    upwards = _scale(ys, any(bars) and not any(lying), any(bars) and any(lying))
    parts = [*_axes(across, upwards, layout)]
    number_of_bars = sum(bars)
    bar = 0
    for place, trace in enumerate(traces):
        look = f"c{place % COLOURS + 1}"
        if bars[place]:
            parts += _bars(points[place], across, upwards, look, lying[place], bar, number_of_bars)
            bar += 1
        else:
            parts += _marks(points[place], across, upwards, look, str(trace.get("mode") or ""))
    parts += _legend(traces)
    return _svg(parts, title, _told(traces, points), HEIGHT + 22 * (len(traces) if len(traces) > 1 else 0))


def _scale(values: list[Any], from_zero: bool, in_bars: bool) -> Scale:
    numbers = [_number(value) for value in values]
    if all(number is not None or value is None for number, value in _beside(numbers, values)) and any(
        number is not None for number in numbers
    ):
        found = [number for number in numbers if number is not None]
        return Numbers(found, from_zero, in_bars)
    return Categories([str(value) for value in values if value is not None])


def _beside(first: list[Any], second: list[Any]) -> Iterator[tuple[Any, Any]]:
    return ((one, second[number]) for number, one in enumerate(first))


def _x(scale: Scale, value: Any) -> float | None:
    part = scale.part(value)
    return None if part is None else LEFT + part * (WIDTH - LEFT - RIGHT)


def _y(scale: Scale, value: Any) -> float | None:
    part = scale.part(value)
    return None if part is None else HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def _axes(across: Scale, upwards: Scale, layout: dict[str, Any]) -> Iterator[str]:
    bottom = HEIGHT - BOTTOM
    for value, words in upwards.ticks():
        y = _y(upwards, value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{(y or 0) + 4:.1f}" text-anchor="end">{escape(_short(words, 10))}</text>'
    ticks = list(across.ticks())
    room = max(6, 100 // max(1, len(ticks)))
    for value, words in ticks:
        x = _x(across, value)
        yield f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{escape(_short(words, room))}</text>'
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>'
    names = _title(layout.get("xaxis")), _title(layout.get("yaxis"))
    if names[0]:
        middle = (LEFT + WIDTH - RIGHT) / 2
        yield f'<text x="{middle}" y="{bottom + 46}" text-anchor="middle">{escape(names[0])}</text>'
    if names[1]:
        middle = (TOP + bottom) / 2
        yield (
            f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">'
            f"{escape(names[1])}</text>"
        )


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def _marks(
    pairs: list[tuple[Any, Any]], across: Scale, upwards: Scale, look: str, mode: str
) -> Iterator[str]:
    mode = mode or ("lines+markers" if len(pairs) < 20 else "lines")
    stretch: list[str] = []
    lines: list[list[str]] = [stretch]
    spots = []
    for x, y in ((_x(across, one), _y(upwards, other)) for one, other in pairs):
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
    if "markers" in mode or len(spots) == 1:
        yield from spots


def _bars(
    pairs: list[tuple[Any, Any]], across: Scale, upwards: Scale, look: str, lying: bool, bar: int, bars: int
) -> Iterator[str]:
    """Bars from zero; those of several traces stand beside each other."""
    places, values = (upwards, across) if lying else (across, upwards)
    length = (HEIGHT - TOP - BOTTOM) if lying else (WIDTH - LEFT - RIGHT)
    room = places.room() * length * 0.8
    wide = room / bars
    for one, other in pairs:
        place, value = (other, one) if lying else (one, other)
        middle = _y(places, place) if lying else _x(places, place)
        end = _x(values, value) if lying else _y(values, value)
        zero = _x(values, 0.0) if lying else _y(values, 0.0)
        if middle is None or end is None or zero is None:
            continue
        near = middle - room / 2 + wide * bar
        low, high = min(zero, end), max(zero, end)
        box = (low, near, high - low, wide) if lying else (near, low, wide, high - low)
        yield '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'.format(look, *box)


def _legend(traces: list[dict[str, Any]]) -> Iterator[str]:
    if len(traces) < 2:
        return
    for place, trace in enumerate(traces):
        y = HEIGHT + 12 + 22 * place
        yield f'<rect class="c{place % COLOURS + 1}" x="{LEFT}" y="{y - 11}" width="14" height="14"/>'
        yield f'<text x="{LEFT + 22}" y="{y}">{escape(_named(trace, place))}</text>'


def _named(trace: dict[str, Any], place: int) -> str:
    return plain_words(trace["name"]) if trace.get("name") else f"trace {place}"


def _told(traces: list[dict[str, Any]], points: list[list[tuple[Any, Any]]]) -> str:
    words = []
    for place, trace in enumerate(traces):
        kind = "bars" if trace.get("type") == "bar" else "points"
        numbers = [number for number in (_number(y) for _, y in points[place]) if number is not None]
        span = f" from {number_words(min(numbers))} to {number_words(max(numbers))}" if numbers else ""
        name = f"{_named(trace, place)}: " if len(traces) > 1 else ""
        words.append(f"{name}{len(points[place])} {kind}{span}")
    return "; ".join(words)


# Heat maps --------------------------------------------------------------------------------------------


def _heat_map(trace: dict[str, Any], layout: dict[str, Any], title: str) -> str:
    rows = [[_number(value) for value in row] for row in _list(trace.get("z")) if isinstance(row, list)]
    most = max((len(row) for row in rows), default=0)
    known = [value for row in rows for value in row if value is not None]
    if not known or len(rows) * most > MAX_TILES:
        return ""
    names_x = _list(trace.get("x")) or list(range(most))
    names_y = _list(trace.get("y")) or list(range(len(rows)))
    across = Categories([str(name) for name in names_x[:most]])
    upwards = Categories([str(name) for name in names_y[: len(rows)]])
    low, high = min(known), max(known)
    wide = (WIDTH - LEFT - RIGHT) * across.room()
    tall = (HEIGHT - TOP - BOTTOM) * upwards.room()
    parts = []
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            if value is None or row >= len(names_y) or column >= len(names_x):
                continue
            x, y = _x(across, str(names_x[column])), _y(upwards, str(names_y[row]))
            share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 1.0
            place = f'x="{(x or 0) - wide / 2:.1f}" y="{(y or 0) - tall / 2:.1f}"'
            size = f'width="{wide:.1f}" height="{tall:.1f}" fill-opacity="{0.08 + 0.92 * share:.3f}"'
            parts.append(f'<rect class="c1" {place} {size}><title>{number_words(value)}</title></rect>')
    told = f"A heat map of {len(rows)} rows, from {number_words(low)} to {number_words(high)}"
    return _svg([*parts, *_axes(across, upwards, layout)], title, told)

"""Plots for pages: an experiment → one SVG, which reads without its picture, and whose texts can do nothing.

No style is in it, for pages forbid that: lines differ by colour, dashes and marks, and text has the page's colour.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterator, Sequence
from html import escape

from bot.domain.experiment import Experiment, Point, Series
from bot.domain.panels import Panel, number_words, panels
from bot.domain.text import shorten_visible

WIDTH, PANEL_HEIGHT = 640, 240
MAX_PANELS = 8
"""Drawn below each other: some 2,000 pixels of a page that has more to tell."""

MAX_LABEL_CHARS = 48
"""Characters of a line's name: they fit into the width of the plot."""

MAX_MARKED = 40
"""With more points in a line only its last one is marked."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 16, 44, 36
_COLOURS = ("#1f75cb", "#c24b00", "#108548")
_DASHES = ("", "7 4", "2 3")
_TICKS = 5
_ROUND = (0.1, 0.2, 0.5, 1.0)

MOST = sys.float_info.max
"""No axis goes further: the next number is infinite."""


def svg_plot(experiment: Experiment, title: str = "What the run measured") -> str:
    """The whole element, to stand in a page; empty where there is nothing to draw. `title` is text of anybody's."""
    found = panels(experiment)
    if not found:
        return ""
    shown = found[:MAX_PANELS]
    height = PANEL_HEIGHT * len(shown)
    drawn = "".join(part for place, panel in enumerate(shown) for part in _panel(panel, place * PANEL_HEIGHT))
    told = " ".join(_told(panel) for panel in shown)
    if len(found) > MAX_PANELS:
        told += f" {len(found) - MAX_PANELS} more are not drawn."
    name = "plot-" + hashlib.sha256(f"{title}\0{told}".encode("utf-8", "replace")).hexdigest()[:12]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" aria-labelledby="{name}-title {name}-told">'
        f'<title id="{name}-title">{_text(title, 200)}</title><desc id="{name}-told">{told}</desc>{drawn}</svg>'
    )


def _panel(panel: Panel, top: int) -> Iterator[str]:
    points = [point for one in panel.series for point in one.finite]
    steps, values = _Axis([step for step, _ in points]), _Axis([value for _, value in points], room=0.08)
    bottom = top + PANEL_HEIGHT - _BOTTOM
    yield '<g class="plot-panel" font-family="sans-serif" font-size="12" fill="currentColor">'
    for value in values.ticks():
        y = _y(values, value, top)
        yield (
            f'<line class="plot-axis" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="currentColor" stroke-opacity="0.2"/>'
            f'<text class="plot-text" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number_words(value)}</text>'
        )
    for part, anchor in ((0.0, "start"), (1.0, "end")):
        x = _LEFT + part * (WIDTH - _LEFT - _RIGHT)
        if part == 0.0 or steps.low != steps.high:
            words = f"step {number_words(steps.least if part == 0.0 else steps.most)}"
            yield f'<text class="plot-text" x="{x:.1f}" y="{bottom + 20}" text-anchor="{anchor}">{words}</text>'
    for place, one in enumerate(panel.series):
        yield from _line(one, place, steps, values, top)
    yield "</g>"


def _line(series: Series, place: int, steps: _Axis, values: _Axis, top: int) -> Iterator[str]:
    colour, dash = _COLOURS[place % len(_COLOURS)], _DASHES[place % len(_DASHES)]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    look = f'class="plot-line plot-{place + 1}" stroke="{colour}" stroke-width="2" fill="none"{dashes}'
    spots = [(_x(steps, step), _y(values, value, top)) for step, value in series.finite]
    for stretch in _unbroken(series.points):
        if len(stretch) > 1:
            path = " ".join(f"{_x(steps, step):.1f},{_y(values, value, top):.1f}" for step, value in stretch)
            yield f'<polyline {look} points="{path}"/>'
    for x, y in spots if len(spots) <= MAX_MARKED else spots[-1:]:
        yield f'<circle class="plot-mark plot-{place + 1}" cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    x, y = _LEFT + place * 184, top + 22
    yield f'<line {look} x1="{x}" x2="{x + 22}" y1="{y - 4}" y2="{y - 4}"/>'
    yield f'<text class="plot-text" x="{x + 28}" y="{y}">{_text(series.name, 22)}</text>'


def _x(steps: _Axis, step: float) -> float:
    return _LEFT + steps.part(step) * (WIDTH - _LEFT - _RIGHT)


def _y(values: _Axis, value: float, top: int) -> float:
    return top + PANEL_HEIGHT - _BOTTOM - values.part(value) * (PANEL_HEIGHT - _TOP - _BOTTOM)


class _Axis:
    """From the least to the greatest number; all sums are of halves, for two finite numbers may lie too far apart."""

    def __init__(self, numbers: Sequence[float], room: float = 0.0) -> None:
        self.least, self.most = min(numbers), max(numbers)
        half = self.most / 2 - self.least / 2
        more = half * room * 2 if half else (abs(self.least) / 10 or 1.0)
        lowest = 0.0 if self.least >= 0 else -MOST
        self.low, self.high = max(self.least - more, lowest), min(self.most + more, MOST)
        if not half and not room:
            self.low = self.high = self.least

    def part(self, number: float) -> float:
        """Where the number lies: 0 at the low end, 1 at the high one."""
        whole = self.high / 2 - self.low / 2
        return min(1.0, max(0.0, (number / 2 - self.low / 2) / whole)) if whole else 0.5

    def ticks(self) -> list[float]:
        """A few round numbers along the axis; its two ends where it is too long or too short for any."""
        whole = self.high - self.low
        power = 10.0 ** math.floor(math.log10(whole)) if 0 < whole < MOST else 0.0
        step = next((power * part for part in _ROUND if power and whole / (power * part) <= _TICKS), 0.0)
        first = math.ceil(self.low / step) if step else 0
        found = (
            [number * step for number in range(first, first + _TICKS + 1) if number * step <= self.high]
            if step
            else []
        )
        return found if len(set(map(number_words, found))) > 1 else [self.low, self.high]


def _unbroken(points: Sequence[Point]) -> Iterator[list[Point]]:
    """The stretches of a line between values that are none."""
    stretch: list[Point] = []
    for point in points:
        if math.isfinite(point[1]):
            stretch.append(point)
        else:
            yield stretch
            stretch = []
    yield stretch


def _told(panel: Panel) -> str:
    return " ".join(_series_told(one) for one in panel.series)


def _series_told(series: Series) -> str:
    (first, began), (last, ended) = series.points[0], series.points[-1]
    name = _text(series.name, MAX_LABEL_CHARS)
    if len(series.points) == 1:
        return f"{name}: {number_words(ended)}."
    return (
        f"{name}: from {number_words(began)} at step {number_words(first)} "
        f"to {number_words(ended)} at step {number_words(last)}."
    )


def _text(text: str, limit: int) -> str:
    return escape(shorten_visible(text, limit).strip() or "unnamed")

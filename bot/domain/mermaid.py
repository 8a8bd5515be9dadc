"""Charts in notes: GitLab draws Mermaid, whose `xychart` takes plain decimal numbers and knows neither gaps nor a
legend. So two series share a chart at most, one as bars and one as a line, and its title says which is which.
"""

from __future__ import annotations

import math
import re
import sys
from decimal import Decimal

from bot.domain.experiment import Experiment, Series
from bot.domain.panels import Panel, panels, spread

MAX_CHARTS = 4
"""Charts of one run in a note: a screen's length; the module's page draws more."""

MAX_DRAWN = 30
"""Steps along the axis: GitLab draws a diagram of more than 2,000 characters only when somebody asks for it."""

MAX_TITLE_CHARS = 40
"""Characters of a title, which stands in one line over a chart of half a note's width."""

DIGITS = 5
"""Digits that a number is written with."""

_COLOURS = ("#8fbae8", "#c24b00")
_SMALLEST, _LARGEST = 1e-3, 1e7
"""Between these a number is written as it is; else all of a chart are divided by a power of ten."""

_TOLD = re.compile(r"[^\w .,:()/-]+")


def mermaid_charts(experiment: Experiment) -> tuple[tuple[str, ...], int]:
    """The text of each chart, without a fence, and how many more there would be."""
    drawn = [text for panel in panels(experiment) if (text := _chart(panel))]
    return tuple(drawn[:MAX_CHARTS]), max(0, len(drawn) - MAX_CHARTS)


def _chart(panel: Panel) -> str:
    together = panel.series[:2] if len(panel.series) == 2 else panel.series[:1]
    values = [dict(one.finite) for one in together]
    steps = sorted(set.intersection(*(set(one) for one in values)))
    if len(steps) < 2 and len(together) == 2:
        together, values = together[:1], values[:1]
        steps = sorted(values[0])
    if len(steps) < 2:
        return ""
    shown = [steps[place] for place in spread(len(steps), MAX_DRAWN)]
    power = _power([value for one in values for value in one.values()])
    kinds = ("line",) if len(together) == 1 else ("bar", "line")
    # the validation, which comes second, is what people look for: it is the line
    rows = [
        f"    {kind} [{', '.join(_decimal(one[step], power) for step in shown)}]"
        for kind, one in zip(kinds, values, strict=True)
    ]
    title = _title(together, power)
    axis = ", ".join(f'"{step:g}"' for step in shown)
    low, high = _range([one[step] for one in values for step in shown])
    colours = ", ".join(_COLOURS[-1:] if len(together) == 1 else _COLOURS)
    lines = [
        # in the colours of Mermaid's own a line is hardly seen
        f'%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{colours}"}}}}}}}}%%',
        "xychart-beta",
        f'    title "{title}"',
        f'    x-axis "step" [{axis}]',
        f"    y-axis {_decimal(low, power)} --> {_decimal(high, power)}",
        *rows,
    ]
    return "\n".join(lines)


def _title(together: tuple[Series, ...], power: int) -> str:
    names = [_told(one.name) for one in together]
    said = names[0] if len(names) == 1 else f"{names[0]} (bars), {names[1]} (line)"
    return f"{said}, divided by 10 to the {power}" if power else said


def _told(name: str) -> str:
    """The name with what Mermaid could read as its own language left out."""
    kept = " ".join(_TOLD.sub(" ", name).split())
    return kept[:MAX_TITLE_CHARS] or "unnamed"


def _power(values: list[float]) -> int:
    largest = max(abs(value) for value in values)
    if largest == 0 or _SMALLEST <= largest < _LARGEST:
        return 0
    return math.floor(math.log10(largest))


def _decimal(value: float, power: int) -> str:
    # floats are divided by no power beyond 308, and by none below -308
    scaled = Decimal(value).scaleb(-power)
    whole = scaled.adjusted() + 1 if scaled else 0
    text = f"{scaled:.{max(0, min(DIGITS, DIGITS - whole))}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _range(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    # half of each: the difference of two finite numbers may be none
    room = (high / 2 - low / 2) / 5 or abs(low) / 10 or 1.0
    lowest = 0.0 if 0 <= low < high else -sys.float_info.max
    return max(low - room, lowest), min(high + room, sys.float_info.max)

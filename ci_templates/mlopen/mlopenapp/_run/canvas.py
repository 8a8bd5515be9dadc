"""The sheet that graphs are drawn on: its size, its words and its axes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from .markup import unescaped
from .scales import Scale

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 76, 20, 16, 64
COLOURS = 8
"""Classes c1 to c8 of the report's style."""

MAX_LABEL_CHARS = 60
_TAG = re.compile(r"</?(?:a|b|br|em|i|s|span|strong|sub|sup|u)\b[^<>]*>", re.IGNORECASE)
"""The tags that Plotly knows in a text; anything else in brackets, such as `<unk>`, is a word."""

LEGEND_LINE = 22
"""Pixels for each trace in a legend below the graph."""


def look_of(place: int) -> str:
    """The class that gives the trace at that place its colour."""
    return f"c{place % COLOURS + 1}"


def title_of(part: Any) -> str:
    """The words of a title of Plotly's, of a figure or of an axis, without the few tags that it knows."""
    title = part.get("title") if isinstance(part, dict) else None
    text = title.get("text") if isinstance(title, dict) else title
    return plain_words(text) if isinstance(text, str) else ""


def plain_words(text: Any) -> str:
    """A label, as words: without tags, and not too long."""
    words = unescaped(_TAG.sub(" ", str(text)))
    words = re.sub(r"\s+", " ", words).strip()
    return words if len(words) <= MAX_LABEL_CHARS else words[: MAX_LABEL_CHARS - 1] + "…"


def svg(parts: Sequence[str], title: str, told: str, height: int = HEIGHT) -> str:
    """The whole picture; `told` says what is in it to those who do not see it."""
    label = escape(f"{title}. {told}" if title else told)
    return f'<svg role="img" viewBox="0 0 {WIDTH} {height}" aria-label="{label}">{"".join(parts)}</svg>'


def items(value: Any) -> list[Any]:
    """A list; of anything else, none."""
    return value if isinstance(value, list) else []


def number_of(value: Any) -> float | None:
    """A finite number, or a text that is one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def x_at(scale: Scale, value: Any) -> float | None:
    """Where a value lies from left to right."""
    part = scale.part(value)
    return None if part is None else LEFT + part * (WIDTH - LEFT - RIGHT)


def y_at(scale: Scale, value: Any) -> float | None:
    """Where a value lies from top to bottom."""
    part = scale.part(value)
    return None if part is None else HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def draw_axes(across: Scale, upwards: Scale, layout: dict[str, Any]) -> Iterator[str]:
    """Lines, numbers and names of both axes."""
    bottom = HEIGHT - BOTTOM
    for value, words in upwards.ticks():
        y = y_at(upwards, value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{(y or 0) + 4:.1f}" text-anchor="end">{escape(_short(words, 10))}</text>'
    ticks = list(across.ticks())
    room = max(6, 100 // max(1, len(ticks)))
    for value, words in ticks:
        x = x_at(across, value)
        yield f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{escape(_short(words, room))}</text>'
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>'
    names = title_of(layout.get("xaxis")), title_of(layout.get("yaxis"))
    if names[0]:
        middle = (LEFT + WIDTH - RIGHT) / 2
        yield f'<text x="{middle}" y="{bottom + 46}" text-anchor="middle">{escape(names[0])}</text>'
    if names[1]:
        middle = (TOP + bottom) / 2
        yield (
            f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">'
            f"{escape(names[1])}</text>"
        )


def draw_legend(names: Sequence[str]) -> Iterator[str]:
    """The names of several traces, each with its colour."""
    if len(names) < 2:
        return
    for place, name in enumerate(names):
        y = HEIGHT + 12 + LEGEND_LINE * place
        yield f'<rect class="{look_of(place)}" x="{LEFT}" y="{y - 11}" width="14" height="14"/>'
        yield f'<text x="{LEFT + 22}" y="{y}">{escape(name)}</text>'


def height_with_legend(names: Sequence[str]) -> int:
    """The height of a graph with that legend below it."""
    return HEIGHT + (LEGEND_LINE * len(names) if len(names) > 1 else 0)


def name_of(trace: dict[str, Any], place: int) -> str:
    """What a trace is called."""
    return plain_words(trace["name"]) if trace.get("name") else f"trace {place}"


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"

"""Figures → SVGs that stand in a page, in the page's colours; each kind of graph has a module of its own.

A figure may hold several graphs: each pie, each heat map and each pair of axes is a picture of its own. What is not
drawn is named, never left out in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from .boxes import draw_boxes
from .canvas import items, plain_words, title_of
from .pies import draw_pie
from .plots import draw_plot
from .sanitise import PICTURE
from .scales import seconds_of
from .tiles import draw_heat_map

MAX_TRACES = 40
"""Traces of a figure that are drawn."""

ALONE = frozenset({"pie", "heatmap", "image"})
BOXES = frozenset({"box", "violin"})
PLOTS = frozenset({"scatter", "scattergl", "bar", "histogram"})
MAX_WORDS = 20
"""Words that a figure has beside its graphs, such as their titles."""


class Drawing:
    """A figure's title, its pictures, the words between them, and the traces that are not drawn."""

    def __init__(self, title: str, pictures: list[str], words: list[str], left: list[dict[str, Any]]) -> None:
        self.title = title
        self.pictures = pictures
        self.words = words
        self.left = left


def draw(figure: dict[str, Any]) -> Drawing:
    """All pictures of a figure; traces that it hides itself are none of them."""
    layout = figure["layout"]
    title = title_of(layout)
    shown = [trace for trace in figure["data"] if trace.get("visible", True) is True]
    pictures: list[str] = []
    left = []
    for traces in _graphs(shown[:MAX_TRACES]):
        drawn = _draw(traces, layout, title)
        if drawn:
            pictures.append(drawn)
        else:
            left += traces
    return Drawing(title, pictures, list(_words(layout)), left + shown[MAX_TRACES:])


def _graphs(traces: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The traces that belong into one picture, in the order of the figure."""
    groups: dict[object, list[dict[str, Any]]] = {}
    for place, trace in enumerate(traces):
        kind = kind_of(trace)
        axes = str(trace.get("xaxis") or "x"), str(trace.get("yaxis") or "y")
        key: object = place
        if kind in BOXES or (kind in PLOTS and not _begins_at_dates(trace)):
            key = (*axes, kind in BOXES)
        groups.setdefault(key, []).append(trace)
    yield from groups.values()


def _draw(traces: list[dict[str, Any]], layout: dict[str, Any], title: str) -> str:
    kind = kind_of(traces[0])
    own = {**layout, **{f"{side}axis": _axis(traces[0], layout, side) for side in ("x", "y")}}
    if kind in ALONE:
        title = title_of(traces[0]) or (plain_words(traces[0].get("name") or "")) or title
    if kind == "pie":
        return draw_pie(traces[0], title)
    if kind == "heatmap":
        return draw_heat_map(traces[0], own, title)
    if kind == "image":
        return _photograph(str(traces[0].get("source") or ""), title)
    if kind in BOXES:
        return draw_boxes(traces, own, title)
    return draw_plot(traces, own, title) if kind in PLOTS and not _begins_at_dates(traces[0]) else ""


def _photograph(source: str, title: str) -> str:
    """The picture that a trace holds itself; one that would have to be loaded is none."""
    if not PICTURE.match(source):
        return ""
    return f'<img alt="{escape(title) or "a picture"}" src="{escape(source)}"/>'


def _begins_at_dates(trace: dict[str, Any]) -> bool:
    """Whether its bars lie between dates, of which they have the first and their lengths in thousandths of seconds."""
    return any(seconds_of(base) is not None for base in items(trace.get("base")))


def _axis(trace: dict[str, Any], layout: dict[str, Any], side: str) -> Any:
    """The layout of one of the axes that a trace belongs to: that of `x2` is `xaxis2`."""
    name = str(trace.get(f"{side}axis") or side)
    return layout.get(f"{side}axis{name[1:]}")


def kind_of(trace: dict[str, Any]) -> str:
    """The kind of a trace; Plotly's own default is `scatter`."""
    return str(trace.get("type") or "scatter")


def _words(layout: dict[str, Any]) -> Iterator[str]:
    """What stands on the sheet itself: the titles of several graphs, for the most part."""
    for note in items(layout.get("annotations"))[:MAX_WORDS]:
        if isinstance(note, dict) and note.get("xref") == "paper" and note.get("text"):
            yield plain_words(note["text"])

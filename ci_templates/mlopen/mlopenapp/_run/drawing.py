"""Figures → SVG that stands in a page, in the page's colours; each kind of graph has a module of its own."""

from __future__ import annotations

from typing import Any

from .boxes import draw_boxes
from .canvas import title_of
from .pies import draw_pie
from .plots import draw_plot
from .tiles import draw_heat_map

MAX_TRACES = 40


def draw(figure: dict[str, Any]) -> tuple[str, str]:
    """A figure's title and its SVG; no SVG where it is of a kind that is not drawn here, or there is nothing in it."""
    traces = [trace for trace in figure["data"] if trace.get("visible", True) is True][:MAX_TRACES]
    layout = figure["layout"]
    title = title_of(layout)
    kinds = {str(trace.get("type") or "scatter") for trace in traces}
    drawn = ""
    if kinds == {"pie"}:
        drawn = draw_pie(traces[0], title)
    elif kinds == {"heatmap"}:
        drawn = draw_heat_map(traces[0], layout, title)
    elif kinds and kinds <= {"box", "violin"}:
        drawn = draw_boxes(traces, layout, title)
    elif kinds and kinds <= {"scatter", "scattergl", "bar", "histogram"}:
        drawn = draw_plot(traces, layout, title)
    return title, drawn

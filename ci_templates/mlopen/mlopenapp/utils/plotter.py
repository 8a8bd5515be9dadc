"""Graphs for `preds["graphs"]`. They are figures in Plotly's form, and no library is needed to make them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from .._run.values import plain

_LAYOUT = {"paper_bgcolor": "rgba(243, 243, 243, 1)", "plot_bgcolor": "rgba(0,0,0,0)"}


def pie_plot_from_lists(
    labels: Iterable[Any] | None = None, values: Iterable[Any] | None = None, title: str | None = None
) -> str:
    """A pie chart as an HTML div."""
    trace = {"type": "pie", "labels": list(labels or ()), "values": list(values or ())}
    return _div({"data": [trace], "layout": {"title": {"text": title or ""}}})


def scatter_plot_from_lists(
    x: Iterable[Any] | None = None, y: Iterable[Any] | None = None, title: str | None = None
) -> str:
    """A scatter plot as an HTML div."""
    trace = {"type": "scatter", "mode": "markers", "x": list(x or ()), "y": list(y or ())}
    return _div({"data": [trace], "layout": {"title": {"text": title or ""}}})


def plotlify_pie_js(xy: Mapping[Any, Any] | None = None, description: str = "") -> dict[str, Any]:
    """A pie chart as a figure; `xy`: label → value."""
    pairs = dict(xy or {})
    trace = {"values": list(pairs.values()), "labels": [str(label) for label in pairs], "type": "pie"}
    return {"data": [trace], "layout": {**_LAYOUT, "title": {"text": description}}}


def plotlify_scatter_js(
    xy: Mapping[Any, Any] | None = None,
    x: Any = None,
    y: Any = None,
    xtag: str | None = None,
    ytag: str | None = None,
    description: str = "",
) -> dict[str, Any]:
    """A scatter plot as a figure; of `xy`, as mlopen has it, the values are x and the keys y."""
    traces = []
    if xy:
        traces.append({"x": list(xy.values()), "y": list(xy), "type": "scatter"})
    elif x is not None and y is not None:
        traces.append({"x": x, "y": y, "type": "scatter"})
    axes = {
        axis: {"title": {"text": tag}} for axis, tag in (("xaxis", xtag), ("yaxis", ytag)) if tag is not None
    }
    return {"data": traces, "layout": {**_LAYOUT, **axes, "title": {"text": description}}}


def _div(figure: dict[str, Any]) -> str:
    text = json.dumps(plain(figure, "the graph"), ensure_ascii=False)
    return f'<div class="mlopen-graph" data-figure="{escape(text)}"></div>'

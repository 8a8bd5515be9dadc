"""Graphs as control files give them → Plotly figures as plain values, or HTML that can do nothing.

A div that Plotly wrote holds its figure as JSON within a script. The figure is taken out; the script is not kept.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import struct
from collections import deque
from collections.abc import Mapping
from typing import Any

from .faults import AuthorFault
from .markup import unescaped
from .sanitise import clean
from .values import plain, shown_type

MAX_GRAPHS = 100
MAX_DIV_CHARS = 50_000_000
"""Characters of one graph's div; those that bring the whole of plotly.js have five million."""

MAX_CALLS = 10
"""Calls of Plotly, from the last one on, that are tried for a figure: each may be read up to the div's end."""

_CALLS = re.compile(
    r"Plotly\.(?:newPlot|plot|react)\s*\(\s*(?:\"[^\"]*\"|'[^']*'|[\w.$]+(?:\([^()]*\))?)\s*,\s*"
)
_OURS = re.compile(r"<div class=\"mlopen-graph\" data-figure=\"([^\"]*)\"></div>\s*\Z")
_NUMBERS = {
    "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "f4": "f", "f8": "d", "i8": "q", "u8": "Q",
}  # fmt: skip
"""Plotly's words for the numbers in its arrays of bytes, which are little-endian, and struct's."""


class Graph:
    """A figure, or else HTML."""

    def __init__(self, figure: dict[str, Any] | None, html: str = "") -> None:
        self.figure = figure
        self.html = html

    def as_dict(self) -> dict[str, Any]:
        """As preds.json has it."""
        return (
            {"kind": "html", "html": self.html} if self.figure is None else {"kind": "plotly", **self.figure}
        )


def read_graphs(given: Any) -> list[Graph]:
    """One graph or a list of them: HTML divs, figures as dictionaries, or Plotly's own figures."""
    if given is None or (isinstance(given, str) and not given):
        return []
    listed = given if isinstance(given, (list, tuple)) else [given]
    if len(listed) > MAX_GRAPHS:
        raise AuthorFault(f"preds['graphs'] has {len(listed)} graphs; a result has up to {MAX_GRAPHS}.")
    return [
        _graph(one, f"preds['graphs'][{number}]")
        for number, one in enumerate(listed)
        if one is not None and not (isinstance(one, str) and not one)
    ]


def _graph(given: Any, where: str) -> Graph:
    if isinstance(given, str):
        if len(given) > MAX_DIV_CHARS:
            raise AuthorFault(f"{where} has {len(given)} characters; a graph has up to {MAX_DIV_CHARS}.")
        figure = _figure_of(given)
        return Graph(None, clean(given)) if figure is None else Graph(_figure(figure, where))
    if callable(getattr(given, "to_json", None)):
        try:
            given = json.loads(given.to_json())
        except (TypeError, ValueError):
            given = None
    if not isinstance(given, Mapping) or "data" not in given:
        raise AuthorFault(
            f"{where} is {shown_type(given)}. A graph is an HTML div, a Plotly figure, or its JSON with `data`."
        )
    return Graph(_figure(given, where))


def _figure_of(html: str) -> Any:
    """The figure within a div; None when there is none that can be read."""
    ours = _OURS.match(html.strip())
    if ours:
        return _json(unescaped(ours[1]), 0)[0]
    if html.lstrip().startswith("{"):  # what a figure of Plotly's gives as its JSON
        found = _json(html.strip(), 0)[0]
        return found if isinstance(found, dict) and isinstance(found.get("data"), list) else None
    # the last one that has data: plotly.js itself may come before
    for call in reversed(deque(_CALLS.finditer(html), MAX_CALLS)):
        data, end = _json(html, call.end())
        if not isinstance(data, list):
            continue
        comma = re.compile(r"\s*,\s*").match(html, end)
        layout = _json(html, comma.end())[0] if comma else None
        return {"data": data, "layout": layout if isinstance(layout, dict) else {}}
    return None


def _json(text: str, place: int) -> tuple[Any, int]:
    try:
        return json.JSONDecoder().raw_decode(text, place)
    except (ValueError, RecursionError):
        return None, place


def _figure(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    traces = given["data"]
    if isinstance(traces, Mapping):
        traces = [traces]
    if not isinstance(traces, (list, tuple)) or not all(isinstance(trace, Mapping) for trace in traces):
        raise AuthorFault(
            f"{where}['data'] is {shown_type(traces)}. It is a list of traces, each a dictionary."
        )
    layout = given.get("layout") or {}
    if not isinstance(layout, Mapping):
        raise AuthorFault(f"{where}['layout'] is {shown_type(layout)}. It is a dictionary.")
    # the template says nothing of this figure, and is longer than most of them
    kept = {key: value for key, value in layout.items() if key != "template"}
    return {
        "data": [_unpacked(plain(trace, f"{where}['data'][{n}]")) for n, trace in enumerate(traces)],
        "layout": plain(kept, f"{where}['layout']"),
    }


def _unpacked(value: Any) -> Any:
    """Plotly's arrays of bytes as lists of numbers; one that is not understood stays as it is."""
    if isinstance(value, list):
        return [_unpacked(one) for one in value]
    if not isinstance(value, dict):
        return value
    code = _NUMBERS.get(str(value.get("dtype")))
    if isinstance(value.get("bdata"), str) and code is not None:
        try:
            data = base64.b64decode(value["bdata"], validate=True)
            numbers = struct.unpack(f"<{len(data) // struct.calcsize('<' + code)}{code}", data)
            return plain(_shaped(list(numbers), str(value.get("shape") or "")), "the graph")
        except (binascii.Error, struct.error, ValueError):
            return value
    return {key: _unpacked(one) for key, one in value.items()}


def _shaped(numbers: list[Any], shape: str) -> list[Any]:
    """Rows, if the shape is `rows, columns`."""
    sizes = [int(size) for size in shape.split(",")] if shape else []
    if len(sizes) != 2 or sizes[1] < 1:
        return numbers
    return [numbers[start : start + sizes[1]] for start in range(0, len(numbers), sizes[1])]

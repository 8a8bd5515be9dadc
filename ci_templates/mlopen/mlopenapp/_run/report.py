"""A result as one page that needs nothing besides: it is read from a file, without a network, and loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from .drawing import draw, kind_of
from .figures import Graph
from .looks import SCRIPT, STYLE
from .tables import write_tables

if TYPE_CHECKING:
    from .predictions import Predictions

MAX_SHOWN_ROWS = 5_000
MAX_SHOWN_CELLS = 200_000
MAX_SHOWN_CHARS = 2_000
"""Rows and cells of the table, and characters of a cell, in the page; preds.csv and preds.json have all of them."""

MAX_KINDS_CHARS = 200
"""Characters of the kinds of traces that are not drawn."""

_SEEN = re.compile(r"<img [^>]*src=|(?:^|>)[^<]*[^<\s]")
"""Whether HTML shows anything: a picture, or words outside its tags."""

_EMPTY = (
    '<p class="soft">Without its scripts, which do not run here, nothing is left of this graph. '
    'A figure of Plotly\'s is drawn; of others, give a picture: &lt;img src="data:image/png;base64,…"&gt;.</p>'
)

NUMBERS = ("integer", "number")


def write_report(preds: Predictions, title: str) -> str:
    """The whole page. `preds.text` and the graphs' HTML are clean already; all else is escaped here."""
    body = "".join(
        [
            f"<h1>{escape(title)}</h1>",
            f"<section>{preds.text}</section>" if preds.text else "",
            *(_figure(graph, number) for number, graph in enumerate(preds.graphs, 1)),
            *_table(preds),
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_policy())}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f'<body><main>{body}</main><p id="said" class="aside" role="status"></p>'
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _policy() -> str:
    """Nothing is loaded, and nothing runs but the one script above; pictures are those within the page."""
    hashes = []
    for text in (STYLE, SCRIPT):
        digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
        hashes.append(f"'sha256-{digest}'")
    return (
        f"default-src 'none'; style-src {hashes[0]}; script-src {hashes[1]}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _figure(graph: Graph, number: int) -> str:
    if graph.figure is None:
        shown = graph.html if _SEEN.search(graph.html) else _EMPTY
        return f"<figure><figcaption>Graph {number}</figcaption>{shown}</figure>"
    drawing = draw(graph.figure)
    parts = [f"<figcaption>{escape(drawing.title or f'Graph {number}')}</figcaption>", *drawing.pictures]
    if drawing.words:
        parts.append(f"<p>{'<br>'.join(map(escape, drawing.words))}</p>")
    if drawing.left or not drawing.pictures:
        kinds = ", ".join(sorted({kind_of(trace) for trace in drawing.left}))
        parts.append(
            f'<p class="soft">There is no drawing of {escape(kinds[:MAX_KINDS_CHARS]) or "an empty graph"} here. '
            "Its figures are in preds.json, and Plotly draws them.</p>"
        )
        parts.append(write_tables(drawing.left))
    return f"<figure>{''.join(parts)}</figure>"


def _table(preds: Predictions) -> Iterator[str]:
    if not preds.columns:
        return
    shown = preds.rows[: min(MAX_SHOWN_ROWS, max(1, MAX_SHOWN_CELLS // len(preds.columns)))]
    count = f"{len(preds.rows)} rows" if len(preds.rows) != 1 else "1 row"
    if len(shown) < len(preds.rows):
        count = f"The first {len(shown)} of {count}; all are in preds.csv"
    looks = [' class="number"' if kind in NUMBERS else "" for kind in preds.types]
    yield '<div class="wide" role="region" aria-label="Data" tabindex="0"><table id="data">'
    yield f"<caption>{count}</caption><thead><tr>"
    for place, name in enumerate(preds.columns):
        yield f'<th scope="col"{looks[place]}>{escape(name) or f"column {place + 1}"}</th>'
    yield "</tr></thead><tbody>"
    for row in shown:
        cells = (f"<td{looks[place]}>{escape(_shown(cell))}</td>" for place, cell in enumerate(row))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _shown(cell: Any) -> str:
    if cell is None:
        return ""
    text = cell if isinstance(cell, str) else json.dumps(cell)
    return text if len(text) <= MAX_SHOWN_CHARS else text[:MAX_SHOWN_CHARS] + "…"

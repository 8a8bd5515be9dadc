"""What traces hold, as tables: for graphs of a kind that is not drawn, so that none is without its figures."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from .canvas import MAX_LABEL_CHARS, items, plain_words
from .drawing import kind_of
from .scales import number_words

MAX_TABLES = 10
MAX_COLUMNS = 20
MAX_ROWS = 200
"""Of each table; preds.json has all of it."""

_OF_LOOKS = frozenset(
    {"customdata", "ids", "marker", "line", "hoverlabel", "hovertext", "selectedpoints", "title"}
)
"""Lists in these say how it looks, or nothing that is not said elsewhere."""


def write_tables(traces: list[dict[str, Any]]) -> str:
    """A table of each trace, folded; of more, the first."""
    return "".join(_table(trace) for trace in traces[:MAX_TABLES])


def _table(trace: dict[str, Any]) -> str:
    columns = list(_columns(trace))
    rows = max((len(values) for _, values in columns), default=0)
    if not rows:
        return ""
    count = "1 row" if rows == 1 else f"{rows} rows"
    if rows > MAX_ROWS or len(columns) > MAX_COLUMNS:
        count = f"the first of {len(columns)} columns and {count}; all are in preds.json"
    name = f"{kind_of(trace)} {plain_words(trace.get('name') or '')}".strip()
    shown = columns[:MAX_COLUMNS]
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head, _ in shown)
    lines = []
    for row in range(min(rows, MAX_ROWS)):
        cells = (escape(_cell(values[row])) if row < len(values) else "" for _, values in shown)
        lines.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return (
        f"<details><summary>{escape(name)}: {count}</summary>"
        f'<div class="wide" role="region" aria-label="{escape(name)}" tabindex="0">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div></details>"
    )


def _columns(trace: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Everything in it that is a list of values: `labels`, `x`, a row of `z`, the `values` of `cells`, …"""
    for key, value in trace.items():
        if key in _OF_LOOKS:
            continue
        if isinstance(value, dict):
            yield from _listed(key, value.get("values"))
        elif isinstance(value, list):
            yield from _listed(key, value)
        elif key == "value":
            yield key, [value]


def _listed(name: str, value: Any) -> Iterator[tuple[str, list[Any]]]:
    found = items(value)
    if not any(isinstance(one, (dict, list)) for one in found):
        if found:
            yield name, found
        return
    for number, one in enumerate(found, 1):
        if isinstance(one, list):
            yield f"{name} {number}", one
        elif isinstance(one, dict) and items(one.get("values")):
            yield plain_words(one.get("label") or f"{name} {number}"), items(one["values"])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = number_words(value) if isinstance(value, float) else str(value)
    return text if len(text) <= MAX_LABEL_CHARS else text[: MAX_LABEL_CHARS - 1] + "…"

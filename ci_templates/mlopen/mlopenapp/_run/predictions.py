"""What `run_pipeline` gives → one result of known types, and its files: preds.json, preds.csv, report.html."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .faults import AuthorFault, Fault, harmless
from .figures import Graph, read_graphs
from .files import put_file
from .report import write_report
from .sanitise import clean
from .values import plain, shown_type

SCHEMA = 1
KEYS = ("data", "columns", "graphs", "text")
MAX_ROWS = 1_000_000
MAX_COLUMNS = 2_000
MAX_TEXT_CHARS = 5_000_000

JSON, CSV, REPORT = "preds.json", "preds.csv", "report.html"

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_SUSPECT = re.compile(r"[=+\-@|%＝＋－＠]")
_FORMULA = re.compile(rf"[\s\"\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*{_SUSPECT.pattern}")
"""What a spreadsheet takes for a formula, or may; some skip blanks, quotes, or what cannot be seen first."""

_PIECE = re.compile(r"[^;\t\r\n]+")
"""What may become a cell of its own: in some countries cells are parted by semicolons, and then quotes do not help."""


class Predictions:
    """A table of plain values, graphs, and a text of harmless HTML. `types`: of each column."""

    def __init__(self, columns: list[str], rows: list[list[Any]], graphs: list[Graph], text: str) -> None:
        self.columns = columns
        self.rows = rows
        self.graphs = graphs
        self.text = text
        self.types = [_type([row[place] for row in rows]) for place in range(len(columns))]


def read_predictions(preds: Any) -> Predictions:
    """Any key may be missing. Raises AuthorFault, with the place, for what is of another type."""
    if not isinstance(preds, Mapping):
        raise AuthorFault(
            f"run_pipeline gives {shown_type(preds)}. It gives a dictionary with any of the keys {', '.join(KEYS)}, "
            'such as return {"data": [["a", 1]], "columns": ["name", "number"]}.'
        )
    foreign = [key for key in preds if key not in KEYS]
    if foreign:
        words = ", ".join(f"preds[{key!r}]" for key in foreign)
        told = f"mlopen: {words}: left out, for the keys of a result are {', '.join(KEYS)}"
        sys.stderr.write(f"{harmless(told)}\n")
    columns, rows = _table(preds.get("columns"), preds.get("data"))
    text = preds.get("text")
    if text is not None and not isinstance(text, str):
        raise AuthorFault(f"preds['text'] is {shown_type(text)}. It is one text, plain or HTML.")
    if text is not None and len(text) > MAX_TEXT_CHARS:
        raise AuthorFault(
            f"preds['text'] has {len(text)} characters; a text has up to {MAX_TEXT_CHARS}. Write it to a file."
        )
    return Predictions(columns, rows, read_graphs(preds.get("graphs")), clean(text or ""))


# The table --------------------------------------------------------------------------------------------


def _table(columns: Any, data: Any) -> tuple[list[str], list[list[Any]]]:
    if columns is None and hasattr(data, "columns"):  # a data frame knows its own
        columns = data.columns
    names = _names(columns)
    rows = _rows(data)
    widest = max((len(row) for row in rows), default=0)
    if columns is None or (not names and widest):
        names = [f"column {number}" for number in range(1, widest + 1)]
    for number, row in enumerate(rows):
        if len(row) != len(names):
            told = (
                f"preds['columns'] names {len(names)}" if columns is not None else f"another row has {widest}"
            )
            raise AuthorFault(
                f"preds['data'][{number}] has {len(row)} cells, and {told}. Give each row a cell for every column."
            )
    return names, rows


def _names(columns: Any) -> list[str]:
    if columns is None:
        return []
    listed = _listed(columns)
    if listed is None:
        raise AuthorFault(f"preds['columns'] is {shown_type(columns)}. It is a list of names.")
    if len(listed) > MAX_COLUMNS:
        raise AuthorFault(f"preds['columns'] has {len(listed)} names; a table has up to {MAX_COLUMNS}.")
    names = [plain(one, f"preds['columns'][{number}]") for number, one in enumerate(listed)]
    for number, name in enumerate(names):
        if isinstance(name, (dict, list)) or name is None:
            raise AuthorFault(
                f"preds['columns'][{number}] is {shown_type(listed[number])}. It is a name, a text."
            )
    return [str(name) for name in names]


def _rows(data: Any) -> list[list[Any]]:
    if data is None:
        return []
    listed = _listed(data)
    if listed is None:
        raise AuthorFault(f"preds['data'] is {shown_type(data)}. It is a list of rows, each a list of cells.")
    if len(listed) > MAX_ROWS:
        raise AuthorFault(f"preds['data'] has {len(listed)} rows; a result has up to {MAX_ROWS}.")
    rows = []
    for number, row in enumerate(listed):
        cells = _listed(row)
        if cells is None:
            raise AuthorFault(
                f"preds['data'][{number}] is {shown_type(row)}. A row is a list of cells, such as ['text', 1]."
            )
        rows.append([_cell(cell, number, place) for place, cell in enumerate(cells)])
    return rows


def _listed(value: Any) -> Sequence[Any] | None:
    """The items of a list, a tuple, an array, a series or a data frame; None: it is none of them."""
    if callable(getattr(value, "itertuples", None)) and not isinstance(value, type):
        # a data frame: as one array, its whole numbers would not be whole any more
        return list(value.itertuples(index=False, name=None))
    for wrapped in ("to_numpy", "tolist"):
        if callable(getattr(value, wrapped, None)) and not isinstance(value, type):
            value = getattr(value, wrapped)()
    return value if isinstance(value, (list, tuple, range)) else None


def _cell(value: Any, row: int, column: int) -> Any:
    found = plain(value, f"preds['data'][{row}][{column}]")
    return json.dumps(found, ensure_ascii=False) if isinstance(found, (dict, list)) else found


def _type(cells: Sequence[Any]) -> str:
    """`integer`, `number`, `boolean`, `text`, `mixed`, or `empty`; cells without a value do not count."""
    kinds = {_kind(cell) for cell in cells if cell is not None}
    if not kinds:
        return "empty"
    if kinds <= {"integer", "number"}:
        return "integer" if kinds == {"integer"} else "number"
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _kind(cell: Any) -> str:
    if isinstance(cell, bool):
        return "boolean"
    if isinstance(cell, (int, float)):
        return "integer" if isinstance(cell, int) else "number"
    return "number" if cell in ("NaN", "Infinity", "-Infinity") else "text"


# The files --------------------------------------------------------------------------------------------


def write_predictions(preds: Predictions, folder: Path, title: str) -> list[Path]:
    """Writes the three files, each whole or not at all; gives their paths."""
    files = {JSON: to_json(preds), CSV: to_csv(preds), REPORT: write_report(preds, title)}
    try:
        for name, content in files.items():
            put_file(folder / name, content.encode("utf-8", "replace"))
    except OSError as error:
        raise Fault(
            f"--output-path {folder}: {error.strerror}. Give a folder that can be written to."
        ) from None
    return [folder / name for name in files]


def to_json(preds: Predictions) -> str:
    """The result with its types; NaN and infinite numbers are the texts NaN, Infinity and -Infinity."""
    columns = []
    for place, name in enumerate(preds.columns):
        columns.append({"name": name, "type": preds.types[place]})
    document = {
        "schema": SCHEMA,
        "table": {"columns": columns, "rows": preds.rows},
        "graphs": [graph.as_dict() for graph in preds.graphs],
        "text": preds.text,
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(preds: Predictions) -> str:
    """The table by RFC 4180; what a spreadsheet might run has an apostrophe before it, in the midst of a text, too."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if preds.columns:
        writer.writerow([_csv_cell(name) for name in preds.columns])
        writer.writerows([[_csv_cell(cell) for cell in row] for row in preds.rows])
    return out.getvalue()


def _csv_cell(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return _harmless(str(cell).replace("\0", ""))


def _harmless(text: str) -> str:
    if not _SUSPECT.search(text):
        return text
    return _PIECE.sub(lambda found: f"'{found[0]}" if _is_formula(found[0]) else found[0], text)


def _is_formula(piece: str) -> bool:
    return _FORMULA.match(piece) is not None and not _NUMBER.match(piece) and piece != "-Infinity"

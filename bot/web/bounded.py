"""HTML of strangers with an end: well-nested, only so deep, only so many elements. What it says is not looked at here.

A browser's parser, and so the one that cleans HTML, mends what is wrong with it: elements inside each other take it
quadratic time, and bold that was never closed is begun anew in each paragraph behind it. 64 KiB can keep it busy for
minutes. So it gets nothing that it would have to mend.
"""

from __future__ import annotations

import re
from html import escape

MAX_DEPTH = 100
"""Elements inside each other; what lies deeper is shown without them."""

MAX_ELEMENTS = 3_000
"""Elements of one text, also those that are left out: some tens of milliseconds' work. READMEs have a few hundred."""

VOID = frozenset({"br", "hr", "img", "input", "wbr"})

_FORMATTING = frozenset({"a", "b", "code", "em", "i", "s", "small", "strike", "strong", "tt"})
_ROWS = frozenset({"table", "thead", "tbody", "tfoot", "tr"})
_INSIDE = {
    **dict.fromkeys(("caption", "thead", "tbody", "tfoot"), frozenset({"table"})),
    "tr": _ROWS - {"tr"},
    **dict.fromkeys(("td", "th"), frozenset({"tr"})),
}
"""Parts of tables, and what they stand in. Browsers pass over them anywhere else, and put what else stands in rows
in front of the table."""

_CELLS = frozenset({"table", "td", "th", "caption"})
_LISTS = _CELLS | {"ul", "ol", "dl"}
_TABLE = frozenset({"table"})
_BLOCKS = """
blockquote details div dl dd dt figcaption figure h1 h2 h3 h4 h5 h6 hr li ol p pre summary table ul
"""
_ENDS: tuple[tuple[frozenset[str], frozenset[str], frozenset[str]], ...] = (
    (frozenset(_BLOCKS.split()), frozenset({"p"}), _CELLS),
    (frozenset({"li"}), frozenset({"li"}), _LISTS),
    (frozenset({"dt", "dd"}), frozenset({"dt", "dd"}), _LISTS),
    (frozenset({"td", "th"}), frozenset({"td", "th", "caption"}), _TABLE),
    (frozenset({"tr"}), frozenset({"tr", "caption"}), _TABLE),
    (frozenset({"thead", "tbody", "tfoot"}), frozenset({"thead", "tbody", "tfoot", "caption"}), _TABLE),
)
"""What begins ends what is open, but not beyond the last: end tags that may be left out."""

_SPACE = r"[ \t\n\f\r]"
_MARK = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<raw>script|style)\b.*?(?:</(?P=raw)\s*>|\Z)"
    r"|<[!?][^>]*>?"
    r"|<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]*+)"
    rf"(?P<attributes>(?:{_SPACE}++[A-Za-z_:][A-Za-z0-9_.:-]*+"
    rf"(?:{_SPACE}*+={_SPACE}*+(?:\"[^\"]*+\"|'[^']*+'|[^ \t\n\f\r\"'=<>`]++))?+)*+)"
    rf"{_SPACE}*+/?>"
    r"|<",
    re.DOTALL | re.IGNORECASE,
)


def bounded(html: str, known: frozenset[str]) -> tuple[str, bool]:
    """The same HTML within bounds, of `known` elements only, and whether that is all of it.

    Whatever is no plain tag becomes text; comments, scripts and styles go. Text and attributes are as they were.
    """
    writer = _Writer()
    place = 0
    for mark in _MARK.finditer(html):
        writer.write(html[place : mark.start()])
        place = mark.end()
        name = (mark["name"] or "").lower()
        if mark[0] == "<":
            writer.write(escape("<"))
        elif name not in known:
            continue
        elif mark["end"]:
            writer.end(name)
        elif writer.elements == MAX_ELEMENTS:
            return writer.text(), False
        else:
            writer.begin(name, mark["attributes"])
    writer.write(html[place:])
    return writer.text(), True


class _Writer:
    """Writes elements so that each is closed before what it stands in."""

    def __init__(self) -> None:
        self.elements = 0
        self._written: list[str] = []
        self._open: list[str] = []

    def text(self) -> str:
        """All of it, every element closed."""
        return "".join((*self._written, *(f"</{name}>" for name in reversed(self._open))))

    def write(self, text: str) -> None:
        """Text, as it stands."""
        self._written.append(text)

    def begin(self, name: str, attributes: str) -> None:
        """An element begins, where it may."""
        self.elements += 1
        for begun, ended, beyond in _ENDS:
            if name in begun:
                self._end_nearest(ended, beyond)
        inside = self._open[-1] if self._open else ""
        misplaced = inside not in _INSIDE[name] if name in _INSIDE else inside in _ROWS
        if misplaced or len(self._open) >= MAX_DEPTH or (name in _FORMATTING and name in self._open):
            return
        self._written.append(f"<{name}{attributes}>")
        if name not in VOID:
            self._open.append(name)

    def end(self, name: str) -> None:
        """An element ends, and all that is open in it."""
        if name not in VOID and name in self._open:
            self._end_nearest(frozenset({name}), frozenset())

    def _end_nearest(self, names: frozenset[str], beyond: frozenset[str]) -> None:
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place] in names:
                self._written += [f"</{one}>" for one in reversed(self._open[place:])]
                del self._open[place:]
                return
            if self._open[place] in beyond:
                return

"""A text of HTML → its pieces, each looked at once: whatever the text, nothing is raised, and time grows as it does.

Python's own reader of HTML takes the square of that for some texts, and ends with an AssertionError at others.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

_NAME = re.compile(r"[A-Za-z][^\s/>]*")
_GAP = re.compile(r"[\s/]*")
_ATTRIBUTE = re.compile(r"""([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"?|'([^']*)'?|([^\s>]*)))?""")
_RAW = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")}
"""Elements whose content is no HTML, with what begins their end."""

_LONG_NUMBER = re.compile(r"&#[0-9]{8,};?")
"""No character has such a number, and Python stops at those of thousands of digits."""

_NONE: Mapping[str, str] = MappingProxyType({})


class Piece:
    """A `text`, the `start` or the `end` of the element `tag`, or `nothing`: a comment, a declaration.

    `closed`: a start that is an end, too, as in `<br/>`.
    """

    def __init__(
        self, kind: str, text: str = "", tag: str = "", given: Mapping[str, str] = _NONE, closed: bool = False
    ) -> None:
        self.kind = kind
        self.text = text
        self.tag = tag
        self.given = given
        self.closed = closed


def pieces(text: str) -> Iterator[Piece]:
    """Texts, starts and ends in their order; what begins like an element and never ends is text.

    Left out is what is in a script or a style, and what comments say.
    """
    place = 0
    while True:
        start = text.find("<", place)
        if start < 0:
            start = len(text)
        if start > place:
            yield Piece("text", unescaped(text[place:start]))
        if start == len(text):
            return
        piece, place = _element(text, start)
        if place < 0:
            yield Piece("text", unescaped(text[start:]))
            return
        yield piece
        if piece.kind == "start" and piece.tag in _RAW:
            end = _RAW[piece.tag].search(text, place)
            place = end.start() if end else len(text)


def _element(text: str, start: int) -> tuple[Piece, int]:
    """What a `<` begins, and where that ends; -1 where it does not."""
    after = text[start + 1 : start + 2]
    if text.startswith("<!--", start):
        end = text.find("-->", start + 2)
        return Piece("nothing"), end + 3 if end >= 0 else -1
    name = _NAME.match(text, start + (2 if after == "/" else 1))
    if name is not None and after != "/":
        return _start(text, name[0].lower(), name.end())
    if name is None and (not after or after not in "!?/"):
        return Piece("text", "<"), start + 1
    end = text.find(">", start)
    return Piece("nothing") if name is None else Piece(
        "end", tag=name[0].lower()
    ), end + 1 if end >= 0 else -1


def _start(text: str, tag: str, place: int) -> tuple[Piece, int]:
    given: dict[str, str] = {}
    while True:
        gap = _GAP.match(text, place)
        place = gap.end() if gap else place
        if text[place : place + 1] == ">":
            return Piece("start", tag=tag, given=given, closed=text[place - 1] == "/"), place + 1
        found = _ATTRIBUTE.match(text, place)
        if found is None:
            return Piece("nothing"), -1
        value = next((one for one in found.groups()[1:] if one is not None), "")
        # of several of one name, the first counts
        given.setdefault(found[1].lower(), unescaped(value))
        place = found.end()


def unescaped(text: str) -> str:
    """The characters that `&lt;`, `&#60;` and the like stand for."""
    return html.unescape(_LONG_NUMBER.sub("\ufffd", text))

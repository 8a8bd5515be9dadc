"""HTML of anybody → HTML that shows what it showed, and can neither run nor load anything.

Nothing is kept that is not in the lists below, and what comes out is written anew: each element is closed, each text
and value escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from .markup import Piece, pieces, unescaped

KEPT = frozenset(
    {
        *("a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "del", "div", "dl", "dt", "em"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p"),
        *("pre", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "table", "tbody", "td"),
        *("tfoot", "th", "thead", "tr", "u", "ul", "var"),
    }
)
EMPTY = frozenset({"br", "hr", "img"})
DROPPED = frozenset(
    {
        *("applet", "audio", "canvas", "embed", "frame", "frameset", "head", "iframe", "math", "noembed"),
        *("noframes", "noscript", "object", "option", "plaintext", "script", "select", "style", "svg"),
        *("template", "textarea", "title", "video", "xmp"),
    }
)
"""With all that is in them."""

MAX_DEPTH = 100
"""Elements within each other; browsers stop soon after."""

_LINK = re.compile(r"(https?://|mailto:)[^\s\x00-\x1f\\]+\Z", re.IGNORECASE)
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+\Z")
"""An address that is the picture itself, in a form that holds no script."""

_SPAN = re.compile(r"[1-9]\d{0,2}\Z")


def clean(text: str) -> str:
    """The harmless part of it. Of a text without any element nothing is lost, line ends included."""
    if "<" not in text and "&" not in text:
        return _paragraphs(text)
    cleaner = _Cleaner()
    for piece in pieces(text.replace("\0", "")):
        cleaner.take(piece)
    return cleaner.finished() if cleaner.marked else _paragraphs(unescaped(text))


def _paragraphs(text: str) -> str:
    parts = [part for part in re.split(r"\n\s*\n", text.replace("\0", "").strip()) if part]
    return "".join(f"<p>{'<br>'.join(map(escape, part.splitlines()))}</p>" for part in parts)


class _Cleaner:
    def __init__(self) -> None:
        self.out: list[str] = []
        self.open: list[str] = []
        self.marked = False
        self.dropped = ""
        """The element that is left out with all that is in it, and how many of its name are open."""
        self.depth = 0

    def take(self, piece: Piece) -> None:
        self.marked = self.marked or piece.kind != "text"
        if self.dropped:
            self._leave_out(piece)
        elif piece.kind == "text":
            self.out.append(escape(piece.text))
        elif piece.kind == "nothing":
            return
        elif piece.kind == "end":
            self._end(piece.tag)
        elif piece.tag in DROPPED:
            # what has no end has nothing in it
            if piece.tag not in ("embed", "frame") and not piece.closed:
                self.dropped, self.depth = piece.tag, 1
        elif piece.tag in KEPT and len(self.open) < MAX_DEPTH:
            self.out.append(f"<{piece.tag}{_attributes(piece.tag, piece.given)}>")
            if piece.tag not in EMPTY:
                self.open.append(piece.tag)

    def finished(self) -> str:
        return "".join(self.out) + "".join(f"</{tag}>" for tag in reversed(self.open))

    def _leave_out(self, piece: Piece) -> None:
        if piece.tag == self.dropped and not piece.closed:
            self.depth += 1 if piece.kind == "start" else -1
            if not self.depth:
                self.dropped = ""

    def _end(self, tag: str) -> None:
        if tag in self.open:
            while True:
                ended = self.open.pop()
                self.out.append(f"</{ended}>")
                if ended == tag:
                    return


def _attributes(tag: str, given: Mapping[str, str]) -> str:
    kept = {}
    if tag == "a" and _LINK.match(given.get("href", "").strip()):
        kept = {"href": given["href"].strip(), "rel": "noopener noreferrer"}
    if tag == "img":
        kept = {"alt": given.get("alt", "")}
        if PICTURE.match(given.get("src", "")):
            kept["src"] = given["src"]
    if tag in ("td", "th"):
        kept = {name: given[name] for name in ("colspan", "rowspan") if _SPAN.match(given.get(name, ""))}
    return "".join(f' {name}="{escape(value)}"' for name, value in kept.items())

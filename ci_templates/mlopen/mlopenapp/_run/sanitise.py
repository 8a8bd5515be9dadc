"""HTML of anybody → HTML that shows what it showed, and can neither run nor load anything.

Nothing is kept that is not in the lists below, and what comes out is written anew: each element is closed, each text
and value escaped.
"""

from __future__ import annotations

import re
from html import escape, unescape
from html.parser import HTMLParser

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
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+\Z")
_SPAN = re.compile(r"[1-9]\d{0,2}\Z")


def clean(text: str) -> str:
    """The harmless part of it. Of a text without any element nothing is lost, line ends included."""
    if "<" not in text and "&" not in text:
        return _paragraphs(text)
    cleaner = _Cleaner()
    cleaner.feed(text.replace("\0", ""))
    cleaner.close()
    return cleaner.finished() if cleaner.marked else _paragraphs(unescape(text))


def _paragraphs(text: str) -> str:
    parts = [part for part in re.split(r"\n\s*\n", text.replace("\0", "").strip()) if part]
    return "".join(f"<p>{'<br>'.join(map(escape, part.splitlines()))}</p>" for part in parts)


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.open: list[str] = []
        self.dropping: list[str] = []
        self.marked = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.marked = True
        if self.dropping or tag in DROPPED:
            # these have no end, so nothing is in them
            if tag not in ("embed", "frame"):
                self.dropping.append(tag)
            return
        if tag not in KEPT or len(self.open) >= MAX_DEPTH:
            return
        self.out.append(f"<{tag}{self._attributes(tag, attrs)}>")
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.marked = True
        if tag in EMPTY or tag not in DROPPED:
            self.handle_starttag(tag, attrs)

    def handle_comment(self, data: str) -> None:
        self.marked = True

    def handle_decl(self, decl: str) -> None:
        self.marked = True

    def handle_pi(self, data: str) -> None:
        self.marked = True

    def unknown_decl(self, data: str) -> None:
        self.marked = True

    def handle_endtag(self, tag: str) -> None:
        self.marked = True
        if self.dropping:
            if tag in self.dropping:
                while self.dropping.pop() != tag:
                    pass
            return
        if tag in self.open:
            while True:
                ended = self.open.pop()
                self.out.append(f"</{ended}>")
                if ended == tag:
                    return

    def handle_data(self, data: str) -> None:
        if not self.dropping:
            self.out.append(escape(data))

    def finished(self) -> str:
        return "".join(self.out) + "".join(f"</{tag}>" for tag in reversed(self.open))

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> str:
        given = {name: value or "" for name, value in attrs}
        kept = {}
        if tag == "a" and _LINK.match(given.get("href", "").strip()):
            kept = {"href": given["href"].strip(), "rel": "noopener noreferrer"}
        if tag == "img":
            kept = {"alt": given.get("alt", "")}
            if _PICTURE.match(given.get("src", "")):
                kept["src"] = given["src"]
        if tag in ("td", "th"):
            kept = {name: given[name] for name in ("colspan", "rowspan") if _SPAN.match(given.get(name, ""))}
        return "".join(f' {name}="{escape(value)}"' for name, value in kept.items())

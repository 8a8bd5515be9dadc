"""A project's README → HTML that may stand in a page of ours: it runs nothing, loads nothing of strangers, fits in.

What is drawn gets its bounds, and is cleaned to GitLab's list of elements; here addresses get their place, headings
go below ours, and what scrolls can be reached by keyboard. Every piece is written anew, escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urljoin, urlsplit

from bot.web.bounded import VOID, bounded
from bot.web.markdown import TAGS, clean, draw

MAX_README_CHARS = 200_000
"""Characters of a README that are drawn; a longer one is read in GitLab."""

MAX_QUOTES = 20
"""Quotes inside each other: thousands would take seconds, for what nobody can read anyway."""

KEPT_READMES = 64
"""Drawn READMEs that are kept: pages are asked for again with every letter typed into a form."""

THE_REST = "<p>The rest of it can be read in GitLab.</p>"
HEADINGS = {"h1": "h3", "h2": "h4", "h3": "h5", "h4": "h6", "h5": "h6"}
"""The page has a title of its own, and `README` above."""

_TOO_DEEP = re.compile(rf"((?:>[ \t]*){{{MAX_QUOTES}}})(?:>[ \t]*)+")


@lru_cache(maxsize=KEPT_READMES)
def readme_html(text: str, web_url: str, sha: str) -> str:
    """HTML of a README in Markdown; links in it lead to the project's files at that commit."""
    drawn, whole = bounded(draw(_TOO_DEEP.sub(r"\1", text[:MAX_README_CHARS])), TAGS)
    finished = _Finished(web_url, sha)
    finished.feed(clean(drawn))
    finished.close()
    return finished.html() + ("" if whole else THE_REST)


class _Finished(HTMLParser):
    """Reads clean, well-formed HTML, and writes it again with what the page wants of it."""

    def __init__(self, web_url: str, sha: str) -> None:
        super().__init__(convert_charrefs=True)
        self._web_url = web_url.rstrip("/")
        self._sha = sha
        self._written: list[str] = []
        self._open: list[str] = []

    def html(self) -> str:
        """What was written, every element closed."""
        return "".join((*self._written, *(f"</{tag}>" for tag in reversed(self._open))))

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """One element begins."""
        given = {name: value or "" for name, value in attrs}
        tag = HEADINGS.get(tag, tag)
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._written.append('<div class="scrolls" tabindex="0" role="region" aria-label="Table">')
        self._written.append(f"<{tag}{self._attributes(tag, given)}>")

    def handle_endtag(self, tag: str) -> None:
        """One element ends."""
        tag = HEADINGS.get(tag, tag)
        if tag in VOID or tag not in self._open:
            return
        while self._open:
            last = self._open.pop()
            self._written.append(f"</{last}></div>" if last == "table" else f"</{last}>")
            if last == tag:
                return

    def handle_data(self, data: str) -> None:
        """Text."""
        self._written.append(escape(data))

    def _attributes(self, tag: str, given: dict[str, str]) -> str:
        kept = {name: value for name, value in given.items() if name not in {"href", "src", "class", "align"}}
        if tag == "a" and (address := self._link(given.get("href", ""))):
            kept |= {"href": address, "rel": "noopener noreferrer nofollow ugc"}
        elif tag == "img":
            kept |= {"alt": given.get("alt", ""), "loading": "lazy"}
            if address := self._picture(given.get("src", "")):
                kept["src"] = address
        elif tag == "input":
            kept = {name: "" for name in ("checked",) if name in given}
            kept |= {
                "type": "checkbox",
                "disabled": "",
                "aria-label": "done" if "checked" in given else "to do",
            }
        elif tag == "pre":
            kept |= {"tabindex": "0"}
        return "".join(f' {name}="{escape(value)}"' for name, value in kept.items())

    def _link(self, address: str) -> str:
        # places within the README have no names here
        if not address or address.startswith("#"):
            return ""
        return address if self._leads_out(address) else self._file(address, "blob")

    def _picture(self, address: str) -> str:
        """Only the project's own pictures: a stranger's would tell its server who looks at this page."""
        return "" if not address or self._leads_out(address) else self._file(address, "raw")

    @staticmethod
    def _leads_out(address: str) -> bool:
        try:
            parts = urlsplit(address)
        except ValueError:
            return True
        return bool(parts.scheme or parts.netloc) or address.lstrip().startswith(("//", "\\"))

    def _file(self, address: str, way: str) -> str:
        base = f"{self._web_url}/-/{way}/{quote(self._sha)}/"
        found = urljoin(base, address.lstrip("/"))
        # `../../..` may not lead to another project
        return found if found.startswith(base) and not _climbs(address) else ""


def _climbs(address: str) -> bool:
    """Whether it leads above where it begins, by any of the ways in which browsers and servers read `..`."""
    path = unquote(re.split("[?#]", address, maxsplit=1)[0]).replace("\\", "/")
    depth = 0
    for part in re.sub(r"[\x00-\x20]", "", path).split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return True
    return False

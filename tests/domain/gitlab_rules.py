"""What GitLab makes of a note, by its documented grammar, read as strictly as any of its versions does.

Markdown is drawn by GitHub's own reader; mentions and references are looked for where GitLab looks: in the text of the
drawn page, but for code and links. Quick actions are looked for in every line, also in code and behind all that could
be taken for a line's end or a marker, which is more than any GitLab does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

from bot.web.markdown import EXTENSIONS

LINE_ENDS = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
QUICK_ACTION = re.compile(r"(?:\s|>|[-*+]|\d+[.)]|\[[ x]\])*/[A-Za-z_]\w*")

NAME = r"[A-Za-z0-9_.](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?"
SHA = r"[0-9a-f]{7,64}"
MENTION = re.compile(rf"(?<!\w)@{NAME}")
REFERENCES = {
    "issue": r"#\d+",
    "issue by its short name": r"\bGL-\d+",
    "issue of another tracker": r"\b[A-Za-z][A-Za-z0-9_]*-\d+",
    "named kind": r"\[(?:issue|work_item|epic|cadence|vulnerability|feature_flag|contact|wiki_page):[^\]\n]+\]",
    "merge request": r"!\d+",
    "snippet": r"\$\d+",
    "epic": r"&\d+",
    "iteration": r"\*iteration:(?:\d+|\"[^\"\n]+\"|\w+)",
    "label": r"~(?:[A-Za-z0-9_\-?.&]+|\"[^\"\n]+\")",
    "milestone": r"%(?:\d+|[^\"\s<]+\b|\"[^\"\n]+\")",
    "alert": r"\^alert#\d+",
    "project": rf"(?<!\w){NAME}(?:/{NAME})+>",
    "commit or range": rf"\b{SHA}\b(?:\.\.\.?{SHA})?",
    "commit elsewhere": rf"{NAME}@{SHA}",
    "page of a wiki": r"\[\[[^\]\n]+\]\]",
    "address": r"[A-Za-z][A-Za-z0-9+.-]*://\S|\bwww\.\S",
    "mail": r"[\w.+-]+@[\w-]+\.\w",
    "emoji": r":[\w+-]+:",
    "marked difference": r"\{[+-].*?[+-]\}|\[[+-].*?[+-]\]",
    "formula": r"\$\S",
}
_REFERENCES = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in REFERENCES.items()}

_BLOCKS = """
p table thead tbody tr th td pre ul ol li blockquote hr h1 h2 h3 h4 h5 h6 details summary
"""
_FENCES = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
BLOCKS = frozenset(_BLOCKS.split())
INLINE = frozenset(["a", "code", "strong", "em", "del", "br"])
_QUIET = ("code", "pre", "a")


@dataclass
class Page:
    """A drawn note: its blocks in order, the text where GitLab looks for references, addresses, unknown elements."""

    blocks: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """All text, also that of code and links, as people read it."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag in BLOCKS:
            self.page.blocks.append(tag)
        if tag not in BLOCKS | INLINE or set(known) - {"href", "align", "lang"}:
            self.page.strangers.append(f"{tag} {known}")
        if tag == "a":
            self.page.links.append(known.get("href") or "")
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.page.strangers.append(f"/{tag}")
        if tag in BLOCKS:
            self.page.blocks.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.page.shown.append(data)
        if not any(tag in _QUIET for tag in self.open):
            self.page.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.page.comments.append(data)


def draw(markdown: str) -> Page:
    """The note as a page, before anything dangerous is taken out of it."""
    reader = _Reader()
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES | Options.CMARK_OPT_GITHUB_PRE_LANG
    reader.feed(cmarkgfm.markdown_to_html_with_extensions(markdown, options=options, extensions=EXTENSIONS))
    reader.close()
    reader.page.strangers += [f"open: {tag}" for tag in reader.open]
    return reader.page


def quick_actions(markdown: str) -> list[str]:
    """Every line that some reader could take for a command."""
    lines = (INVISIBLE.sub("", line) for line in LINE_ENDS.split(markdown))
    return [line for line in lines if QUICK_ACTION.match(line)]


def references(page: Page) -> list[str]:
    """Every mention and reference that GitLab finds in a page, as `kind: text`."""
    found = [f"mention: {match.group()}" for text in page.texts for match in MENTION.finditer(text)]
    for kind, pattern in _REFERENCES.items():
        found += [f"{kind}: {match.group()}" for text in page.texts for match in pattern.finditer(text)]
    return found


def assert_harmless(
    markdown: str, ours: str = "https://gitlab.example.com/", known: frozenset[str] = frozenset()
) -> Page:
    """Nothing in the note calls, does, links or loads anything but `known` references and addresses under `ours`."""
    assert quick_actions(markdown) == []
    page = draw(markdown)
    assert page.strangers == []
    assert [url for url in page.links if not url.startswith(ours)] == []
    assert [one for one in references(page) if one not in known] == []
    assert all(comment.strip().startswith("mlreef-bot:") for comment in page.comments)
    for table in re.findall(r"(?m)(?:^\|.*\n?)+", _FENCES.sub("", markdown)):
        rows = table.rstrip("\n").split("\n")
        # readers differ in what a backslash before a backslash before a bar is
        assert len({len(re.findall(r"(?<!\\)\|", one)) for one in rows}) == 1, table
        assert len({re.sub(r"\\.", "", one).count("|") for one in rows}) == 1, table
    return page

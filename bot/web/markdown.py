"""Markdown → HTML as GitLab shows it: GitHub's dialect, raw HTML let through, then only what GitLab's list allows.

GitLab reads notes with a GFM parser that passes HTML on, and takes out of the result every element and attribute that
is not on a list. Both halves are here, so what a note must not contain (a picture that is loaded, a link, a heading)
would be seen here, too. References and mentions are not made links; quick actions are not looked for.
"""

from __future__ import annotations

import cmarkgfm
import nh3
from cmarkgfm.cmark import Options

EXTENSIONS = ["table", "strikethrough", "autolink", "tasklist"]

_TAGS = """
a abbr b blockquote br caption cite code dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img
input ins kbd li mark ol p pre q rp rt ruby s samp small span strike strong sub summary sup table tbody td tfoot th
thead time tr tt ul var wbr
"""
TAGS = frozenset(_TAGS.split())
"""Elements that GitLab lets through; `details`, `summary` and `img` among them."""

ATTRIBUTES = {
    "*": {"title", "dir", "align"},
    "a": {"href"},
    "code": {"class"},
    "details": {"open"},
    "img": {"src", "alt", "width", "height"},
    "input": {"type", "checked", "disabled"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}


def to_html(markdown: str) -> str:
    """The HTML of a note's body; comments of HTML are gone, as people see it."""
    return clean(draw(markdown))


def draw(markdown: str) -> str:
    """The HTML of Markdown, with whatever HTML stood in it."""
    drawn: str = cmarkgfm.markdown_to_html_with_extensions(
        markdown, options=Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES, extensions=EXTENSIONS
    )
    return drawn


def clean(drawn: str) -> str:
    """What of it GitLab lets through."""
    return nh3.clean(drawn, tags=set(TAGS), attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto"})

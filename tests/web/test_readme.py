"""A README on a page of ours: readable, in its place, and harmless."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.bounded import MAX_DEPTH, VOID
from bot.web.readme import readme_html

URL = "https://gitlab.example.com/group/noise"
SHA = "a" * 40
BLOB, RAW = f"{URL}/-/blob/{SHA}/", f"{URL}/-/raw/{SHA}/"
PIECES = (
    *(
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "<style>*{}</style>",
    ),
    *(
        "<iframe src='//e.com'>",
        "[x](javascript:alert(1))",
        "![x](//e.com/x.png)",
        "<a href='data:text/html,x'>x</a>",
    ),
    *(
        "<form action=//e.com><input name=q>",
        "<div>",
        "</div>",
        "</main>",
        "<table>",
        "<tr><td>",
        "<details open>",
    ),
    *(
        "```\n",
        "| a |\n|---|\n| b |\n",
        "# T\n",
        "> ",
        "- [x] ",
        "\n\n",
        "&lt;script&gt;",
        "<!-- x",
        "\x00",
        "é",
        "](",
    ),
    *(
        "<p style='position:fixed' id=main class=top onclick=x>",
        "<base href=//e.com>",
        "<meta http-equiv=refresh>",
    ),
)
ALLOWED = {
    *(
        "a",
        "div",
        "details",
        "summary",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "input",
        "img",
        "p",
        "pre",
    ),
    *(
        "code",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "blockquote",
        "em",
        "strong",
        "del",
        "br",
        "hr",
        "sup",
    ),
}
ATTRIBUTES = {
    *(
        "href",
        "rel",
        "src",
        "alt",
        "loading",
        "title",
        "type",
        "checked",
        "disabled",
        "aria-label",
        "tabindex",
    ),
    *("role", "open", "dir", "colspan", "rowspan", "width", "height", "class"),
}


class Seen(HTMLParser):
    """Every element of a piece of HTML, and whether all of them are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.depth = 0
        self.in_order = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.depth = max(self.depth, len(self.open))

    def handle_endtag(self, tag: str) -> None:
        self.in_order &= bool(self.open) and self.open.pop() == tag


def seen(html: str) -> Seen:
    found = Seen()
    found.feed(html)
    found.close()
    return found


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=25))
def test_no_readme_brings_a_script_a_style_a_form_or_a_strangers_address(pieces: list[str]) -> None:
    found = seen(readme_html("".join(pieces), URL, SHA))
    assert {tag for tag, _ in found.elements} <= ALLOWED
    assert {name for _, given in found.elements for name in given} <= ATTRIBUTES
    assert all(given.get("src", RAW).startswith(RAW) for tag, given in found.elements if tag == "img")
    assert all(
        str(given["href"]).startswith(("http://", "https://", "mailto:", BLOB))
        for _, given in found.elements
        if "href" in given
    )
    assert found.in_order
    assert not found.open


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("# Title", "<h3>Title</h3>"),
        ("[how](docs/use.md#x)", f'href="{BLOB}docs/use.md#x">how</a>'),
        ("[how](/docs/use.md)", f'href="{BLOB}docs/use.md">how</a>'),
        ("![noise](a%20b.png)", f'src="{RAW}a%20b.png"'),
        ("[out](../../../../other)", '<a rel="noopener noreferrer">out</a>'),
        ("[out](%2e%2e/.%2E/%2e./%2e%2e/other)", '<a rel="noopener noreferrer">out</a>'),
        ("![out](a/..%5C..%5C%2e%2e/x.png)", '<img alt="out" loading="lazy">'),
        ('<img src="..\\\\..\\\\..\\\\x.png">', '<img alt="" loading="lazy">'),
        ("[v1](docs/v1..2.md)", f'href="{BLOB}docs/v1..2.md">v1</a>'),
        ("[here](#place)", '<a rel="noopener noreferrer">here</a>'),
        ("![far](https://e.com/x.png)", '<img alt="far" loading="lazy">'),
        ('<img src="x.png">', 'alt=""'),
        ("- [x] done", 'type="checkbox" disabled="" aria-label="done"'),
        ("| a |\n|---|\n| b |", 'role="region" aria-label="Table"><table>'),
    ],
)
def test_what_people_write_gets_its_place(markdown: str, html: str) -> None:
    assert html in readme_html(markdown, URL, SHA)


def test_what_lies_too_deep_is_shown_without_its_elements() -> None:
    found = seen(readme_html("<div>" * 5000 + "deep" + "</div>" * 5000, URL, SHA))
    assert found.depth <= MAX_DEPTH
    assert found.in_order
    assert "deep" in readme_html("> " * 3000 + "deep", URL, SHA)


@pytest.mark.parametrize(
    "up",
    ["..\\", "%2e%2e/", ".%2E/", "x/%2e./%2E./../", "&#46;&#46;&#92;", ".&#9;./", ".&#10;./"],
)
def test_no_address_leads_out_of_the_project_by_what_browsers_take_for_a_way_up(up: str) -> None:
    markup = f'<img src="{up * 8}users/sign_out"><a href="{up * 8}other/project">x</a>'
    assert all(
        not {"src", "href"} & given.keys() for _, given in seen(readme_html(markup, URL, SHA)).elements
    )


def test_quotes_inside_quotes_without_end_keep_nobody_waiting() -> None:
    began = time.process_time()
    assert "deep" in readme_html(">" * 60_000 + "deep", URL, SHA)
    assert time.process_time() - began < 1.5

"""HTML of strangers ends, however deep and long it is, and is drawn in no time that anybody notices."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.bounded import MAX_DEPTH, MAX_ELEMENTS, VOID, bounded
from bot.web.markdown import TAGS, clean, draw
from bot.web.readme import THE_REST, readme_html

LARGEST = 64 * 1024
"""Characters of the longest README that the catalogue keeps."""

MAX_SECONDS = 0.5
"""CPU time for one that nobody drew before: a fifth of this on the slowest machine that was tried."""

FORMATTING = "<a href=x><b><code><em><i><s><small><strike><strong><tt>"
HOSTILE = {
    "lists": "<ul><li>",
    "definitions": "<dl><dd>",
    "boxes": "<div>",
    "unfolding": "<details><summary>",
    "bold": "<b>",
    "tables": "<table><tr><td>",
    "quotes": ">",
    "lists of Markdown": "- ",
    "quotes in lists": "> - ",
    "footnotes": "[^a]",
    "columns": "|a",
    "comments": "<!--",
    "half a comment": "<!- ",
    "half an element": "<div a='",
    "elements without an end": "<div b=c ",
    "scripts": "<script>",
    "instructions": "<?",
    "marks": "<",
    "ends": "</div>",
    "hidden in quotes": "<a x'><b title=1><i title=2><a y'>",
    "links": "[a](b)",
    "lines": "<br>",
}
AGAIN = {
    "bold in each paragraph": ("<p>" + "".join(f"<b title={i}>" for i in range(2_500)), "<p>x"),
    "formatting in each box": ("<p>" + FORMATTING, "<div>x</div>"),
    "formatting in each item": ("<ul><li>" + FORMATTING, "<li>x</li>"),
    "formatting in each definition": ("<dl><dd>" + FORMATTING, "<dt>x"),
    "formatting in front of a table": (f"<table>{FORMATTING}x", "<tr>x</tr>"),
    "formatting in each row": (f"<table><tr><td>{FORMATTING}", "<tr><td>x"),
    "formatting before no cell": (f"<p>{FORMATTING}<td>", "<div>x</div>"),
}
"""What begins, and what is then repeated: browsers begin formatting that was never closed anew in each."""

WORST = {name: piece * (LARGEST // len(piece)) for name, piece in HOSTILE.items()} | {
    name: begin + piece * ((LARGEST - len(begin)) // len(piece)) for name, (begin, piece) in AGAIN.items()
}

PIECES = (
    *(f"<{name}>" for name in sorted(TAGS)),
    *(f"</{name}>" for name in sorted(TAGS)),
    *(
        '<b title="</b>">',
        "<i title='<p>'>",
        "<p title=x>",
        "<!--",
        "-->",
        "<!",
        "<?",
        "<",
        "</",
        ">",
        "x",
        "<a b'>",
    ),
    *(
        "<script>",
        "</script>",
        "<style>",
        "<svg>",
        "<textarea>",
        "<select>",
        "</textarea>",
        "<br/>",
        "<li",
        "\x00",
    ),
)


class Read(HTMLParser):
    """How many elements there are, how deep they go, and whether each ends before what it stands in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements = self.depth = 0
        self.open: list[str] = []
        self.in_order = True
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements += 1
        if tag not in VOID:
            self.open.append(tag)
            self.depth = max(self.depth, len(self.open))

    def handle_endtag(self, tag: str) -> None:
        self.in_order &= bool(self.open) and self.open.pop() == tag


@pytest.mark.parametrize("name", WORST)
def test_the_worst_of_readmes_keeps_nobody_waiting(name: str) -> None:
    began = time.process_time()
    html = readme_html(WORST[name], "https://gitlab.example.com/group/noise", "a" * 40)
    assert time.process_time() - began < MAX_SECONDS
    found = Read(html)
    assert found.in_order
    # a browser, too, has no more to do than that
    assert found.elements <= 2 * MAX_ELEMENTS
    assert len(html) < 20 * LARGEST


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_nothing_is_left_for_the_one_who_cleans_it_to_mend_at_length(pieces: list[str]) -> None:
    html, whole = bounded("".join(pieces), TAGS)
    found = Read(html)
    assert whole
    assert found.in_order
    assert not found.open
    # tables get bodies and rows, a lonely </p> or </br> its element: never one for each that was open before
    assert Read(clean(html)).elements <= 3 * found.elements + html.count("</p>") + 1


@pytest.mark.parametrize("begin", [begin for begin, _ in AGAIN.values()][1:], ids=list(AGAIN)[1:])
@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))
def test_formatting_is_never_begun_anew_for_each_of_what_follows(begin: str, pieces: list[str]) -> None:
    some, more = (bounded(begin + "".join(pieces) * often, TAGS)[0] for often in (20, 60))
    written = Read(more).elements - Read(some).elements
    assert Read(clean(more)).elements - Read(clean(some)).elements <= 3 * written + 3


def test_depth_and_number_have_an_end_and_text_stays() -> None:
    deep, _ = bounded("<div>" * 500 + "deep" + "</div>" * 500, TAGS)
    assert Read(deep).depth == MAX_DEPTH
    assert "deep" in deep
    many, whole = bounded("<br>" * (MAX_ELEMENTS + 1), TAGS)
    assert Read(many).elements == MAX_ELEMENTS
    assert not whole
    long = readme_html("a<br>" * (MAX_ELEMENTS + 1), "https://gitlab.example.com/group/noise", "a" * 40)
    assert long.endswith(THE_REST)


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<table><tr><td>a<td>b<tr><td>c</table>",
         "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>"),
        ("<dl><dt>a<dd>b<dt>c</dl>", "<dl><dt>a</dt><dd>b</dd><dt>c</dt></dl>"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
        ("<p align='center'><img src=\"a.png\" width=10></p>", "<p align='center'><img src=\"a.png\" width=10></p>"),
        ("<!-- a <b> -->c<script>d</script>", "c"),
        ("1 < 2 <3 <x", "1 &lt; 2 &lt;3 &lt;x"),
        ("<DETAILS open><summary>a</summary>b</DETAILS>", "<details open><summary>a</summary>b</details>"),
    ],
)  # fmt: skip
def test_what_people_write_is_kept(given_: str, kept: str) -> None:
    assert bounded(given_, TAGS) == (kept, True)


def test_what_markdown_draws_is_kept_to_the_letter() -> None:
    markdown = (
        "# A\n\n- [x] b\n  - c\n\n> d\n\n| e | f |\n|---|---|\n| `g` | [h](i) |\n\n```python\nj < k\n```"
    )
    drawn = draw(markdown)
    assert bounded(drawn, TAGS) == (drawn.replace(" />", ">"), True)

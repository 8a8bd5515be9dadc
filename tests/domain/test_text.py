"""Text from repositories in notes: whatever it is, it stays text."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.text import (
    STATUS_CHARS,
    fenced,
    link,
    log_block,
    may_stand_in_fence,
    prose,
    row,
    span,
    status_line,
    visible,
)
from tests.domain.gitlab_rules import LINE_ENDS, assert_harmless, draw
from tests.domain.hostile import ANY_TEXT


@given(ANY_TEXT, ANY_TEXT)
@example("", "|")
@example("a`#1", "`x` `y` z`")
@example("@", "a #")
@example("GL-", "a !")
@example("a_www.b", "_www.evil.example")
@example("@.", "@-.")
@example("\\", "`a`|`b`\\|")
@example("$`x`$", "*iteration:`x`")
def test_no_text_does_anything_in_a_sentence_or_a_table(text: str, other: str) -> None:
    cells = row(span(text), prose(other), prose(text))
    sentences = f"A name: {span(text)}. It says {prose(other)}, {prose(text)}x"
    said = "\n".join([sentences, "", row("a", "b", "c"), row("-", "-", "-"), cells])
    assert not LINE_ENDS.search(cells)
    cell = ["td", "/td"] * 3
    head = ["p", "/p", "table", "thead", "tr", *["th", "/th"] * 3, "/tr", "/thead"]
    assert assert_harmless(said).blocks == [*head, "tbody", "tr", *cell, "/tr", "/tbody", "/table"]


@given(ANY_TEXT)
@example("a|b\\|c`|`|")
@example(" x ")
@example("` `")
def test_code_shows_exactly_what_the_text_holds(text: str) -> None:
    if visible(text).strip():
        assert "".join(draw(f"It is {span(text)}").shown) == f"It is {visible(text)}\n"
        assert visible(text) in "".join(draw(f"|a|\n|-|\n{row(span(text))}").shown)


@given(ANY_TEXT.map(lambda text: text.replace("`", "'")))
@example("a * b_c_ [x] <y> | \\ & &amp; #1")
def test_a_sentence_shows_exactly_what_the_text_holds(text: str) -> None:
    # blanks at the ends are nobody's, and those of a paragraph's end belong to Markdown
    assert "".join(draw(f"It says: {prose(text)}.").shown) == f"It says: {visible(text)}.\n"


def test_a_sentence_becomes_code_only_where_somebody_would_be_called() -> None:
    said = prose('Ask "@alice" (see #1, g/p!2): 50% of C# is in `main.py`, deadbeef is one; R&D costs 5 < 6.')
    assert said == (
        'Ask "`@alice`" (see `#1`, `g/p!2`): 50\\% of C\\# is in `main.py`, `deadbeef` is one; R\\&D costs 5 \\< 6.'
    )


@given(ANY_TEXT)
@example("```")
@example("````\n/close")
@example("x\n\t- /merge")
@example("> 1. - [x] /merge")
def test_a_block_is_ended_by_no_text(text: str) -> None:
    block = fenced(text)
    page = assert_harmless("\n".join(["Before", "", *block, "", "Behind"]))
    assert page.blocks == ["p", "/p", "pre", "/pre", "p", "/p"]
    if may_stand_in_fence(text) and text.strip("\n"):
        assert text.rstrip("\n") in "".join(page.shown)


def test_a_block_spells_out_what_it_cannot_show() -> None:
    assert fenced("a\tb\n/close\nc\u200b") == ["```text", "a\tb", r"\x2fclose", r"c\u200b", "```"]
    assert may_stand_in_fence("a\tb\n  - run: ls /tmp")
    assert not may_stand_in_fence("  - /close")
    assert not may_stand_in_fence("- [ ] /close")
    assert not may_stand_in_fence("a\r")


@given(ANY_TEXT)
def test_an_address_ends_no_link(text: str) -> None:
    page = draw(f"See {link('it', f'https://gitlab.example.com/{text}')}!")
    assert page.blocks == ["p", "/p"]
    assert len(page.links) == 1
    assert "".join(page.shown) == "See it!\n"


@given(st.binary(max_size=400), st.integers(1, 30))
@example(b"```\n/close\n", 5)
@example(b"section_start:1:a\r\x1b[0K/close\n", 5)
@example(b"50%\r100%\n\x1b[31mred\x1b[0m\n", 5)
def test_a_log_stays_inside_its_block(trace: bytes, lines: int) -> None:
    block = log_block(trace, lines).split("\n")
    assert block[0] == "```text"
    assert block[-1] == "```"
    assert len(block) <= lines + 2
    assert all(line.startswith("| ") for line in block[1:-1])
    assert not any(LINE_ENDS.search(line) for line in block)


def test_a_log_shows_what_a_terminal_would() -> None:
    trace = b"section_start:1700000000:step_script\r\x1b[0K$ pip install\n 10%\r 90%\r100%\r\n\x1b[31mno\x1b[0m\n\n"
    assert log_block(trace, 10) == "```text\n| $ pip install\n| 100%\n| no\n```"


def test_directions_and_controls_are_spelled_out() -> None:
    assert visible("a\u202eb\x00c\nd\u200be") == r"a\u202eb\x00c\nd\u200be"
    assert visible("naïve 日本 🚀") == "naïve 日本 🚀"


@given(ANY_TEXT.map(lambda text: text * 5))
def test_a_status_fits_into_gitlab(text: str) -> None:
    line = status_line(text)
    assert len(line) <= STATUS_CHARS
    assert not LINE_ENDS.search(line)

"""Text from repositories in notes: whatever it is, it stays text."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.text import STATUS_CHARS, log_block, prose, span, status_line, visible

ANY_TEXT = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from("/@#!~%&^$`|<>*_[]()\\\n\r\t \u202e\u200b\u2028\x0b\x0c\x1b"),
    ),
    max_size=120,
)
# GitLab: a command is a slash and letters at a line's start, also behind list markers and quotes
QUICK_ACTION = re.compile(r"(?m)^[\s>*+\-\d.)]*/\w+")
MENTION = re.compile(r"(?<![\w`])@[\w.-]+")
LINE_ENDS = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def outside_of_code(markdown: str) -> str:
    """What GitLab still reads for mentions: everything that is no code span and no code block."""
    markdown = re.sub(r"^```text\n(\| .*\n)*```$", "", markdown, flags=re.MULTILINE)
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", markdown)


@given(ANY_TEXT)
@example("/close")
@example("a\n/merge")
@example("`` /close ``")
@example("@alice #1 !2 ~bug %m1")
def test_no_text_becomes_a_quick_action_or_a_mention(text: str) -> None:
    for shown in (f"A name: {span(text)}.", f"| {span(text)} | {prose(text)} |", f"It says {prose(text)}"):
        assert not LINE_ENDS.search(shown)
        assert not QUICK_ACTION.search(shown)
        assert not MENTION.search(outside_of_code(shown))


@given(ANY_TEXT)
def test_prose_leaves_no_markup_that_was_not_escaped(text: str) -> None:
    left = re.sub(r"\\[!-/:-@\[-`{-~]", "", outside_of_code(prose(text)))
    assert not re.search(r"[<>\[\]*_`|~]", left)


@given(st.text(max_size=80))
def test_a_code_span_ends_where_it_should(text: str) -> None:
    shown = span(text)
    if shown.startswith("*("):
        assert not visible(text).strip()
        return
    ticks = re.match("`+", shown)
    assert ticks is not None
    inner = shown[len(ticks[0]) : -len(ticks[0])]
    assert ticks[0] not in re.findall("`+", inner)
    assert shown.endswith(ticks[0])


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

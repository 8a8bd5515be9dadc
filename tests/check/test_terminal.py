"""Problems as a compiler prints them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check.terminal import MAX_COLUMNS, problem_lines, summary
from parser.model import Edit, Place, Problem, Severity
from parser.source import Entry, Source


def source(content: bytes, path: str = "run.py") -> Source:
    return Source({path: Entry(path, "file")}, {path: content})


def told(text: str, place: Place, colours: bool = False, **more: object) -> list[str]:
    problem = Problem("a-code", Severity.ERROR, "Something is wrong.", "Mend it.", place, **more)
    return list(problem_lines([problem], source(text.encode()), colours))


def columns(text: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def under(lines: list[str]) -> str:
    """What stands above caret and tail."""
    shown, mark = lines[1], lines[2]
    begin, end = mark.index("^"), len(mark)
    at, found = 0, ""
    for char in shown:
        if begin <= at < end:
            found += char
        at += columns(char)
    return found


def test_place_sentence_line_caret_and_hint_are_shown() -> None:
    assert told("import x\nadd(type=bool)\n", Place("run.py", 2, 4, 2, 13)) == [
        "run.py:2:5: error: Something is wrong. [a-code]",
        "    2 | add(type=bool)",
        "      |     ^~~~~~~~~",
        "      → Mend it.",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "\tx = \t(MARK)",
        "x = 'ä日本語' + MARK",
        "e\u0301 = MARK",
        "x = '\x1b[31m' + MARK + '\u202e'",
        "x" * 500 + "MARK" + "y" * 500,
        "日" * 300 + "MARK",
    ],
)
def test_the_caret_stands_below_what_is_meant(line: str) -> None:
    column = line.index("MARK")
    lines = told(line, Place("run.py", 1, column, 1, column + 4))
    assert under(lines) == "MARK"
    assert columns(lines[1]) <= MAX_COLUMNS + 12
    assert all(part.isprintable() for part in lines)


def test_several_lines_are_marked_to_the_end_of_the_first() -> None:
    lines = told("add(\n    'x',\n)\n", Place("run.py", 1, 0, 3, 1))
    assert under(lines) == "add("


def test_without_an_end_one_character_is_marked() -> None:
    assert under(told("abc def", Place("run.py", 1, 4))) == "d"


@pytest.mark.parametrize("place", [Place("run.py", 9), Place("other.py", 1, 1), Place("run.py"), None])
def test_a_place_that_is_no_text_shows_no_line(place: Place) -> None:
    assert not any("|" in line for line in told("a line", place))


def test_other_places_are_shown_too() -> None:
    lines = told("first\nsecond\n", Place("run.py", 2, 0, 2, 6), also=(Place("run.py", 1, 0, 1, 5),))
    assert "      see run.py:1:1" in lines
    assert "    1 | first" in lines


def test_colours_are_only_there_when_asked_for() -> None:
    place = Place("run.py", 1, 0, 1, 1)
    assert not any("\x1b" in line for line in told("x", place))
    assert any("\x1b[1;31m" in line for line in told("x", place, colours=True))


def test_what_can_be_mended_is_said_to_be() -> None:
    place = Place("run.py", 1, 0, 1, 1)
    lines = told("x", place, edits=(Edit(place, "y"),))
    assert lines[-1].endswith("Mend it. (--fix does it)")
    problem = Problem("c", Severity.WARNING, "m", "h", place, edits=(Edit(place, "y"),))
    assert (
        summary([problem], False) == "This can be published. 1 warning. 1 of these can be mended with --fix."
    )


@given(st.text(max_size=400), st.integers(1, 4), st.integers(0, 400), st.integers(1, 4), st.integers(0, 400))
def test_no_text_and_no_place_make_it_fail_or_print_what_moves_a_terminal(
    text: str, line: int, column: int, end_line: int, end_column: int
) -> None:
    content = text.encode(errors="replace")
    place = Place("run.py", line, column, end_line, end_column)
    problem = Problem("c", Severity.INFO, text, text, place)
    lines = list(problem_lines([problem], source(content), colours=False))
    assert all(shown.isprintable() for shown in lines)

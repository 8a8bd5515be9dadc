"""Mechanical mends of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parser.edits import apply, choose
from parser.model import Edit, Place, Problem, Severity


def edit(line: int, column: int, end_line: int, end_column: int, text: str, file: str = "a") -> Edit:
    return Edit(Place(file, line, column, end_line, end_column), text)


def problem(*edits: Edit) -> Problem:
    return Problem("c", Severity.ERROR, "m", "h", edits=edits)


def test_edits_are_made_wherever_they_stand() -> None:
    text = "one two\r\nthree\rfour\n"
    edits = [edit(3, 0, 3, 4, "4"), edit(1, 4, 1, 7, "2"), edit(2, 5, 2, 5, "!")]
    assert apply(text, edits) == "one 2\r\nthree!\r4\n"


def test_a_line_goes_with_its_end() -> None:
    assert apply("a\nb\nc", [edit(2, 0, 3, 0, "")]) == "a\nc"


@pytest.mark.parametrize(
    "wrong",
    [
        [edit(9, 0, 9, 0, "")],
        [edit(1, 9, 1, 9, "")],
        [edit(1, 1, 1, 0, "")],
        [Edit(Place("a", 1, 0), "")],
        [edit(1, 0, 1, 2, "x"), edit(1, 1, 1, 3, "y")],
    ],
)
def test_an_edit_of_another_text_is_refused(wrong: list[Edit]) -> None:
    with pytest.raises(ValueError, match=r"."):
        apply("abc", wrong)


def test_of_mends_that_touch_each_other_one_is_made_at_a_time() -> None:
    first = problem(edit(1, 0, 1, 2, "x"))
    second = problem(edit(1, 1, 1, 3, "y"), edit(5, 0, 5, 1, "z"))
    third = problem(edit(1, 1, 1, 3, "y", file="b"))
    chosen = choose([first, second, third, problem()])
    assert chosen.now == (first, third)
    assert chosen.later == (second,)


def test_the_same_edit_of_two_problems_is_made_once() -> None:
    one = edit(1, 0, 1, 0, "x")
    assert choose([problem(one), problem(one)]).later == ()
    assert apply("abc", [one, one]) == "xabc"


@given(st.text(alphabet="ab\r\n", max_size=40), st.data())
def test_text_outside_of_the_edits_stays_as_it_is(text: str, data: st.DataObject) -> None:
    starts = list(range(len(text) + 1))
    begin = data.draw(st.sampled_from(starts))
    end = data.draw(st.sampled_from(starts[begin:]))
    before, after = place_of(text, begin), place_of(text, end)
    if before is None or after is None:
        return
    made = apply(text, [Edit(Place("a", *before, *after), "NEW")])
    assert made == text[:begin] + "NEW" + text[end:]


def place_of(text: str, at: int) -> tuple[int, int] | None:
    """Line and column of an offset; None between the two halves of a line end."""
    if text[at - 1 : at + 1] == "\r\n" and at > 0:
        return None
    lines = text[:at].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return len(lines), len(lines[-1])

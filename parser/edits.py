"""Mechanical mends: a file's text and edits of places in it → the mended text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from parser.model import Edit, Problem

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Problems whose edits can be made together, and those that have to wait for another round."""

    now: tuple[Problem, ...]
    later: tuple[Problem, ...]


def choose(problems: Iterable[Problem]) -> Chosen:
    """Takes each mendable problem whose edits touch no text that an earlier one's edits touch; all of its edits or
    none."""
    now: list[Problem] = []
    later: list[Problem] = []
    taken: list[Edit] = []
    for problem in problems:
        if not problem.edits:
            continue
        new = [edit for edit in problem.edits if edit not in taken]
        if any(_touch(edit, other) for edit in new for other in taken):
            later.append(problem)
        else:
            now.append(problem)
            taken.extend(new)
    return Chosen(tuple(now), tuple(later))


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text after the edits, which all are of this file and do not touch each other.

    Raises ValueError when a place is not in the text: then the text is not the one the edits were made for.
    """
    starts = [0, *(found.end() for found in _LINE_END.finditer(text))]
    ends = [*(found.start() for found in _LINE_END.finditer(text)), len(text)]

    def offset(line: int, column: int) -> int:
        if not 1 <= line <= len(starts) or not 0 <= column <= ends[line - 1] - starts[line - 1]:
            raise ValueError(f"there is no line {line}, column {column}")
        return starts[line - 1] + column

    pieces = []
    for edit in dict.fromkeys(edits):
        place = edit.place
        begin = offset(place.line, place.column)
        if place.end_line is None or place.end_column is None:
            raise ValueError("an edit's place has an end")
        end = offset(place.end_line, place.end_column)
        if end < begin:
            raise ValueError("an edit ends before it begins")
        pieces.append((begin, end, edit.text))
    pieces.sort()
    made: list[str] = []
    at = 0
    for begin, end, new in pieces:
        if begin < at:
            raise ValueError("edits touch each other")
        made += [text[at:begin], new]
        at = end
    return "".join([*made, text[at:]])


def _touch(one: Edit, other: Edit) -> bool:
    """Whether two edits change the same text, or insert at the same place."""
    if one.place.file != other.place.file:
        return False
    first, second = sorted((_span(one), _span(other)))
    return second[0] < first[1] or second[0] == first[0]


def _span(edit: Edit) -> tuple[tuple[int, int], tuple[int, int]]:
    place = edit.place
    begin = (place.line, place.column)
    return begin, (
        place.end_line or place.line,
        place.column if place.end_column is None else place.end_column,
    )

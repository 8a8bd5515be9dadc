"""Mechanical mends as GitLab's suggestions: blocks that become a commit at one click.

GitLab replaces whole lines, from some above the line that is spoken of to some below it, by the block's text. A mend
is offered only where that comes to exactly what `mlreef-bot check --fix` would write.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Sequence
from itertools import takewhile

from bot.domain.text import may_stand_in_fence
from parser.edits import apply
from parser.model import Problem
from parser.source import Undecodable, read_text

MAX_LINES_AROUND = 100
"""GitLab's limit, above the line and below it."""

MAX_SUGGESTION_CHARS = 20_000
"""A longer one nobody reads before it is applied."""

MAX_BLANK_LINES = 3
"""Lines taken in on either side so that a block holds text: a blank block removes its lines, whatever it holds."""


def suggestion(problem: Problem, line: int, content: bytes) -> str:
    """The block for a discussion on this line of the file, counted from 1 as git does; empty where there is none.

    There is none for what changes several files or lines too far away, for text that is not UTF-8, and for lines that
    would not come through a note unchanged.
    """
    place = problem.place
    if place is None or not problem.edits or any(edit.place.file != place.file for edit in problem.edits):
        return ""
    try:
        before = read_text(content)
        after = apply(before, problem.edits)
    except (Undecodable, ValueError):
        return ""
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    if mark + before.encode() != content:
        return ""
    old, new = _lines(before), _lines(after)
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    if old == new or not 1 <= line <= len(old):
        return ""
    first, end = min(head, line - 1), max(len(old) - tail, line)
    for _ in range(MAX_BLANK_LINES + 1):
        text = "".join(new[first : len(new) - (len(old) - end)])
        if text.strip():
            break
        first, end = max(first - 1, 0), min(end + 1, len(old))
    if mark and not first:
        return ""
    above, below = line - 1 - first, end - line
    ending = _ending(old[end - 1])
    if max(above, below) > MAX_LINES_AROUND or not text.endswith(ending):
        return ""
    return _fence(text[: len(text) - len(ending)], above, below)


def _fence(text: str, above: int, below: int) -> str:
    """The block, its fence longer than any run of backticks in it."""
    # GitLab shows rare blanks as plain ones, and what it shows is what it applies
    rare = any(unicodedata.category(char) == "Zs" and char != " " for char in text)
    if not text.strip() or len(text) > MAX_SUGGESTION_CHARS or rare or not may_stand_in_fence(text):
        return ""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}suggestion:-{above}+{below}\n{text}\n{ticks}"


def _lines(text: str) -> list[str]:
    """Lines with their ends, as git and GitLab count them: a carriage return alone ends none."""
    found = text.split("\n")
    return [*(f"{line}\n" for line in found[:-1]), *([found[-1]] if found[-1] else [])]


def _ending(line: str) -> str:
    return "\r\n" if line.endswith("\r\n") else "\n" if line.endswith("\n") else ""


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines are the same from the start on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))

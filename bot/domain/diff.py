"""What GitLab shows of a merge request's changes: which lines a discussion can stand on, and their two numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.domain.gitlab import DiffFile
from parser.source import Undecodable, read_text

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ANY_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A changed file as the merge request shows it.

    `lines` are those of the file as it is now that are shown: number → its number before the change, None where the
    line is new.
    """

    old_path: str
    new_path: str
    lines: Mapping[int, int | None]


def read_diff(files: Iterable[DiffFile]) -> dict[str, ShownFile]:
    """The changed files by their present path; of what GitLab left out, of removed and of binary files no lines."""
    return {
        file.new_path: ShownFile(file.old_path, file.new_path, dict(_shown(file.diff)))
        for file in files
        if not file.deleted_file
    }


def _shown(diff: str) -> Iterator[tuple[int, int | None]]:
    """New and old numbers of the lines; what is no hunk, or is cut off in one, is passed over.

    The numbers of lines that a hunk announces tell its content from the next hunk's head: a line of the file may look
    like one.
    """
    old = new = old_left = new_left = 0
    for line in diff.split("\n"):
        if old_left <= 0 and new_left <= 0:
            head = _HUNK.match(line)
            if head:
                old, new = int(head[1]), int(head[3])
                old_left, new_left = int(head[2] or 1), int(head[4] or 1)
            continue
        match line[:1]:
            case "+":
                yield new, None
                new, new_left = new + 1, new_left - 1
            case "-":
                old, old_left = old + 1, old_left - 1
            case " ":
                yield new, old
                old, new, old_left, new_left = old + 1, new + 1, old_left - 1, new_left - 1


def git_line(line: int, content: bytes | None) -> int:
    """A line of a file by git's count; ours also begins a line after a carriage return alone, as Python's does."""
    if content is None or content.count(b"\r") == content.count(b"\r\n"):
        return line
    try:
        text = read_text(content)
    except Undecodable:
        return line
    alone = [found.end() for found in _ANY_END.finditer(text)][: line - 1]
    return line - sum(text[end - 1] == "\r" for end in alone)

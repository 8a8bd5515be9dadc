"""Which of the errors in a log ended a program: Python prints as much of those that were got over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

BEGIN = "Traceback (most recent call last):"

MAX_TRACEBACK_LINES = 400

_ERROR = re.compile(r"(?:[A-Za-z_]\w*\.){0,10}[A-Za-z_]\w*(?:Error|Exception|Interrupt|Exit)(?::|$)")
_KILLED = re.compile(r"Killed$|\S{1,200}: line \d+: +\d+ Killed ")
_CHAINED = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_IGNORED = ("Exception ignored in", "--- Logging error ---", "Error in atexit._run_exitfuncs:")
_OF_ANOTHER = re.compile(
    r"(?:\w+\.){0,10}(?:CalledProcessError|ChildFailedError|Process(?:Exited|Raised)Exception|BrokenProcessPool"
    r"|TerminatedWorkerError|GitCommandError|CompileError|DistutilsExecError|ExecError|SystemExit)\b"
    r"|RuntimeError: (?:DataLoader worker|Error compiling objects for extension)"
)
"""Errors that only say that another program, or another process of this one, ended badly."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a log without what programs put before it; `column` is where it begins."""

    column: int
    text: str


class End(Enum):
    """What the last line of a traceback says of what stands above it."""

    ITS_OWN = auto()
    """Nothing above it is why the program ended."""
    OF_ABOVE = auto()
    """It came of something above it."""
    IGNORED = auto()
    """Nobody waits for it: it says nothing."""


def ends(lines: Sequence[Line]) -> Mapping[int, End]:
    """For the last lines of the tracebacks in a log, by their indices, what they say."""
    found: dict[int, End] = {}
    for begin, line in enumerate(lines):
        if line.text != BEGIN:
            continue
        for at in range(begin + 1, min(begin + MAX_TRACEBACK_LINES, len(lines))):
            if lines[at].text and lines[at].column <= line.column:
                found[at] = _kind(_before(lines, begin), lines[at].text)
                break
    return found


def is_got_over(text: str) -> bool:
    """Whether the line is of a kind that a program, or a shell, may print and go on."""
    return _ERROR.match(text) is not None or _KILLED.match(text) is not None


def _kind(before: str, text: str) -> End:
    if before.startswith(_IGNORED):
        return End.IGNORED
    return End.OF_ABOVE if before in _CHAINED or _OF_ANOTHER.match(text) else End.ITS_OWN


def _before(lines: Sequence[Line], begin: int) -> str:
    """The line before a traceback, without the empty one that Python leaves between two."""
    for line in reversed(lines[max(begin - 2, 0) : begin]):
        if line.text:
            return line.text
    return ""

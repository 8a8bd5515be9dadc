"""What a job prints: plain sentences, and foreign lines that can do nothing to the log or its reader."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from bot.domain.reports import NOT_PUBLISHED
from bot.domain.text import plain, shorten, visible
from parser.model import Problem

MAX_LINE_CHARS = 2000


class Log:
    """A job's log, one line at a time and at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, sentence: str = "") -> None:
        """A sentence of ours; what it quotes is made harmless."""
        self._stream.write(f"{shorten(visible(sentence), MAX_LINE_CHARS)}\n")
        self._stream.flush()

    def quote(self, line: str) -> None:
        """A line of another program, set apart from ours."""
        self.say(f"   | {plain(line.rstrip())}")

    def give_up(self, sentence: str) -> None:
        """Why nothing is published, as the service repeats it to the author."""
        self.say(f"{NOT_PUBLISHED} {sentence}")

    def problems(self, problems: Iterable[Problem]) -> None:
        """Each problem with its place and what to do about it."""
        for problem in problems:
            place = f"{problem.place.file}:{problem.place.line}: " if problem.place else ""
            self.say(f"{problem.severity}: {place}{problem.message}  [{problem.code}]")
            self.say(f"    {problem.hint}")

"""What a job prints: plain sentences, and foreign lines that can do nothing to the log or its reader."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from bot.domain.failure_words import NOT_PUBLISHED
from bot.domain.text import plain, shorten, visible
from parser.model import Problem, Severity

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

    def refuse(self, problems: Iterable[Problem]) -> None:
        """Each problem, and at last the first that refuses, as the service repeats it to the author."""
        told = tuple(problems)
        self.problems(told)
        errors = [problem for problem in told if problem.severity is Severity.ERROR]
        if errors:
            place = errors[0].place
            where = f"{place.file}:{place.line}: " if place else ""
            more = f" ({len(errors) - 1} more above.)" if len(errors) > 1 else ""
            self.give_up(f"{where}{errors[0].message} {errors[0].hint}{more}")

    def problems(self, problems: Iterable[Problem]) -> None:
        """Each problem with its place and what to do about it."""
        for problem in problems:
            place = f"{problem.place.file}:{problem.place.line}: " if problem.place else ""
            self.say(f"{problem.severity}: {place}{problem.message}  [{problem.code}]")
            self.say(f"    {problem.hint}")

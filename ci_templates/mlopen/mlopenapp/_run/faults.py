"""What ends a run, by who must act. Each says where, what, and what to do."""

from __future__ import annotations

MAX_WORDS_CHARS = 4_000
"""Characters of what is told; texts of others are quoted in it."""


class Fault(Exception):
    """Told without a traceback; `code` is the exit code."""

    code = 1


class AuthorFault(Fault):
    """The control file does something that is not understood."""


class CallerFault(Fault):
    """The command line asks for something that cannot be given."""

    code = 2


def harmless(words: str) -> str:
    """Words on one line, in which nothing moves a terminal's cursor, folds a job's log, or turns letters around."""
    if len(words) > MAX_WORDS_CHARS:
        words = f"{words[: MAX_WORDS_CHARS // 2]}…{words[-MAX_WORDS_CHARS // 2 :]}"
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in words
    )

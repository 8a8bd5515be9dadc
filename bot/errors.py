"""Errors, sorted by who must act: the operator, the sender, or nobody (it is tried again).

A module that its author must mend is an ordinary outcome, told to the author, and never an exception.
"""

from __future__ import annotations


class BotError(Exception):
    """Root of all errors that the bot raises on purpose."""


class OperatorError(BotError):
    """Whoever runs the bot must act: a bad token, a wrong setting, a missing engine."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class SenderError(BotError):
    """A request that is not answered with 2xx: the HTTP status and the reason that the sender is told."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class TryAgain(BotError):
    """Nobody is at fault; the same job is done again later, after `after` seconds where the other side named them."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Refused(BotError):
    """The other side understood and said no to this one write, such as a commit on a protected branch."""


class Gone(BotError):
    """What the job is about is no longer there: a deleted project, branch or commit."""

"""What ends a run, by who must act. Each says where, what, and what to do."""

from __future__ import annotations


class Fault(Exception):
    """Told without a traceback; `code` is the exit code."""

    code = 1


class AuthorFault(Fault):
    """The control file does something that is not understood."""


class CallerFault(Fault):
    """The command line asks for something that cannot be given."""

    code = 2

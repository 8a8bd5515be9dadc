"""Whether a head was read well enough to be compared: what could not be read must not look as if it were removed."""

from __future__ import annotations

from collections.abc import Iterable

from parser.model import Problem, Severity

_UNREAD = frozenset({"file-unreadable", "file-too-complex", "syntax-error"})
LOSING_PARAMETERS = _UNREAD | {
    *("argument-refused", "argument-unusable", "no-argparse", "other-framework", "several-commands"),
    *("never-parsed", "notebook-command"),
    *("no-entry-point", "several-entry-points", "entry-point-missing", "entry-point-not-python"),
    "default-not-convertible",  # the script stops there: of its default there is nothing true to tell
}
"""Codes of problems that keep parameters, or what they default to, from being known."""

_REQUIREMENTS = ("requirement", "no-requirements", "conda-", "index-", "file-unreadable")


def parameters_are_read(problems: Iterable[Problem]) -> bool:
    """Whether every parameter that the script has is known, as far as errors tell."""
    return not any(problem.code in LOSING_PARAMETERS for problem in _errors(problems))


def requirements_are_read(problems: Iterable[Problem]) -> bool:
    """Whether every line of the requirements could be read, as far as errors tell."""
    return not any(problem.code.startswith(_REQUIREMENTS) for problem in _errors(problems))


def _errors(problems: Iterable[Problem]) -> Iterable[Problem]:
    return (problem for problem in problems if problem.severity is Severity.ERROR)

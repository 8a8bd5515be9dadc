"""Problems made of the catalogue's words, and their order in a report."""

from __future__ import annotations

from typing import Any

from parser.catalogue import CATALOGUE
from parser.model import Edit, Place, Problem, Severity

MAX_PROBLEMS = 200
"""Problems of one report; the rest is counted in one sentence."""

MAX_SHOWN = 120
"""Characters of a piece of the author's own text inside a message."""


def problem(
    code: str,
    place: Place | None = None,
    severity: Severity | None = None,
    *,
    also: Any = (),
    edits: Any = (),
    **words: object,
) -> Problem:
    """A problem of the catalogue, with its words put in; `severity` overrides the catalogue's.

    `also` are further Places, `edits` the Edits that mend it; Any, so that words may be given as `**mapping`.
    """
    known = CATALOGUE[code]
    said = {name: word if isinstance(word, str) else shown(word) for name, word in words.items()}
    message, hint = known.message.format(**said), known.hint.format(**said)
    others: tuple[Place, ...] = tuple(also)
    mend: tuple[Edit, ...] = tuple(edits)
    return Problem(code, severity or known.severity, message, hint, place, others, mend)


def be(fields: str) -> str:
    """`is` or `are`, for the names of fields in a sentence."""
    return "are" if fields in ("choices", "fields") or ", " in fields else "is"


def shown(value: object) -> str:
    """The author's own text, fit for one line of a message: quoted, shortened, nothing invisible in it."""
    text = ascii_controls(value) if isinstance(value, str) else _written(value)
    if len(text) > MAX_SHOWN:
        text = text[: MAX_SHOWN - 1] + "…"
    return f"'{text}'" if isinstance(value, str) else text


def _written(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes no whole number of thousands of digits
        return "what is too long to be written"


def short(text: str) -> str:
    """The author's own text, fit for one line of a message that quotes it by itself."""
    return ascii_controls(text)[:MAX_SHOWN]


def ascii_controls(text: str) -> str:
    """The text with everything that is not printable written as an escape (line ends, right-to-left marks)."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def _order(one: Problem) -> tuple[int, str, int, int]:
    if one.place is None:
        return (1, "", _RANK[one.severity], 0)
    return (0, one.place.file, one.place.line, one.place.column)


def in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """By place, each once; those without a place last."""
    unique = list(dict.fromkeys(problems))
    # what has no place is about the repository as a whole, and often follows from what has one
    unique.sort(key=_order)
    if len(unique) <= MAX_PROBLEMS:
        return tuple(unique)
    # Errors are never among those left out.
    kept = set(sorted(range(len(unique)), key=lambda at: (_RANK[unique[at].severity], at))[:MAX_PROBLEMS])
    rest = problem("too-many-problems", count=str(len(unique) - MAX_PROBLEMS))
    return (*(p for at, p in enumerate(unique) if at in kept), rest)

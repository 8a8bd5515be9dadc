"""Names of problems that stay the same from one reading to the next."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from parser.model import Problem

Kind = tuple[str, str, str]
"""What problems have in common that say the same of the same file: code, path, message."""


def fingerprints(problems: Sequence[Problem]) -> list[str]:
    """For each problem a name (64 hex digits) that stays the same when lines above it come or go."""
    seen: Counter[Kind] = Counter()
    found = []
    for problem in problems:
        kind = kind_of(problem)
        seen[kind] += 1
        found.append(fingerprint(kind, seen[kind]))
    return found


def kind_of(problem: Problem) -> Kind:
    """What a fingerprint is made of, but for which of several it is."""
    return (problem.code, problem.place.file if problem.place else "", problem.message)


def fingerprint(kind: Kind, number: int) -> str:
    """The name of the first (1), second, … problem of a kind."""
    return hashlib.sha256("\0".join([*kind, str(number)]).encode(errors="backslashreplace")).hexdigest()

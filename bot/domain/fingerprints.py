"""Names of problems that stay the same from one reading to the next."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from parser.model import Problem


def fingerprints(problems: Sequence[Problem]) -> list[str]:
    """For each problem a name (64 hex digits) that stays the same when lines above it come or go."""
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    for problem in problems:
        key = (problem.code, problem.place.file if problem.place else "", problem.message)
        seen[key] += 1
        text = "\0".join([*key, str(seen[key])])
        found.append(hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest())
    return found

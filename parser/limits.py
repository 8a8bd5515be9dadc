"""How much a repository may cost its reader. Whoever reads a commit twice must read it with the same limits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one repository may take; what goes beyond is told as a problem.

    `file_bytes` of one file; `steps`: statements and expressions followed for one script, and some more for each
    further module; `depth`: levels of statements, expressions and calls inside each other.
    """

    file_bytes: int = 1024 * 1024
    steps: int = 300_000
    depth: int = 160


DEFAULT_LIMITS = Limits()

MOST = Limits(file_bytes=1024 * 1024, steps=100_000_000, depth=160)
"""What an operator may ask for: more is not fetched, or would overflow Python's own stack."""

LEAST = Limits(file_bytes=1024, steps=1000, depth=40)

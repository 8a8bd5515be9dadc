"""Codes of problems as people write them."""

from __future__ import annotations

import difflib

from parser.examples import EXAMPLES

MAX_NEAR = 5
"""Codes that are offered for one that there is not."""


def read_code(asked: str) -> str | None:
    """The code that is meant, in any case and also as `[code]`; None when there is none like that."""
    code = _plain(asked)
    return code if code in EXAMPLES else None


def near_codes(asked: str) -> tuple[str, ...]:
    """Codes that may be meant: those that hold the word, else those like it; at most MAX_NEAR."""
    code = _plain(asked)
    parts = [one for one in sorted(EXAMPLES) if code and code in one]
    return tuple(parts[:MAX_NEAR] or difflib.get_close_matches(code, EXAMPLES, MAX_NEAR))


def _plain(asked: str) -> str:
    return asked.strip("[]").lower().replace("_", "-")

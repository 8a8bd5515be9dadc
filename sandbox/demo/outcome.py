"""What the demo ends with: one JSON line for programs, an exit code for shells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Ending(StrEnum):
    """How a publication ended."""

    PUBLISHED = "published"
    REFUSED = "refused"
    FAILED = "failed"


EXIT_CODES = {Ending.PUBLISHED: 0, Ending.REFUSED: 1, Ending.FAILED: 1}
"""0: the image is there. 1: it is not; the JSON line says why. 2: could not start. 3: a fault of the demo."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of the whole way, as the contract has it; `image` is the reference by digest."""

    ending: Ending
    image: str | None = None
    version: str | None = None
    statuses: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[Mapping[str, Any], ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    problems: tuple[Mapping[str, Any], ...] = ()


def to_line(outcome: Outcome) -> str:
    """The outcome as one line of JSON, ASCII only, without a newline at its end."""
    return json.dumps(
        {
            "outcome": outcome.ending.value,
            "image": outcome.image,
            "version": outcome.version,
            "statuses": [dict(status) for status in outcome.statuses],
            "notes": [dict(note) for note in outcome.notes],
            "seconds": {name: round(value, 2) for name, value in outcome.seconds.items()},
            "problems": [dict(problem) for problem in outcome.problems],
        }
    )

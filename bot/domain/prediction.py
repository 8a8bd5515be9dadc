"""What an image will weigh and how long it will take to build, by what is published now."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prediction:
    """`size` in bytes as the registry keeps it, `seconds` of building; None where nothing is known to go by.

    `why` is one sentence that says by what it was guessed, without text of the repository.
    """

    size: int | None
    seconds: float | None
    why: str

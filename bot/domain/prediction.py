"""What an image will weigh and how long it will take to build, by what is published now. Nothing is made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.current import Current
from bot.domain.requirement_changes import RequirementChange


@dataclass(frozen=True, slots=True)
class Prediction:
    """`size` in bytes as the registry keeps it, `seconds` of building; None where nothing is known to go by.

    `why` is one sentence that says by what it was foretold, without text of the repository.
    """

    size: int | None
    seconds: float | None
    why: str


def predict(
    current: Current | None, requirements: Sequence[RequirementChange], environment: str
) -> Prediction:
    """Size and time to come. `environment` is the name of the one that the image will have."""
    if current is None or not current.digest:
        return Prediction(None, None, "Nothing is published to go by.")
    if current.environment and current.environment != environment:
        return Prediction(None, None, "The environment changes, so both are known only when it is built.")
    installed = [change for change in requirements if change.kind != "yanked"]
    if any(change.kind in ("added", "removed") for change in installed):
        return Prediction(None, None, "Packages come or go, so both are known only when it is built.")
    if installed:
        return Prediction(
            current.size, current.seconds, "As what is published now; packages in other versions may differ."
        )
    return Prediction(current.size, current.seconds, "As what is published now: only code changes.")

"""Which series are drawn together: one thing measured in several phases, such as `acc` and `val_acc`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.experiment import Experiment, Series
from bot.domain.measures import base_of

MAX_TOGETHER = 3
"""Series in one panel; a fourth begins another one."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Series that share their axes, in the order of the file."""

    name: str
    series: tuple[Series, ...]


def panels(experiment: Experiment) -> tuple[Panel, ...]:
    """The series that can be drawn, by what they measure, in the order of the file."""
    found: dict[tuple[str, int], list[Series]] = {}
    counts: dict[str, int] = {}
    for one in experiment.series:
        if one.finite:
            base = base_of(one.name)
            place = counts.get(base, 0)
            counts[base] = place + 1
            found.setdefault((base, place // MAX_TOGETHER), []).append(one)
    return tuple(Panel(name, tuple(together)) for (name, _), together in found.items())


def number_words(value: float) -> str:
    """A number as people read it: four digits, `not a number` and `infinite` in words."""
    if value != value:
        return "not a number"
    if value in (float("inf"), float("-inf")):
        return "infinite" if value > 0 else "minus infinite"
    return f"{value:.4g}"


def spread(count: int, limit: int) -> Sequence[int]:
    """At most `limit` places of `count`, evenly, the first and the last among them."""
    if count <= limit:
        return range(count)
    return sorted({round(number * (count - 1) / (limit - 1)) for number in range(limit)})

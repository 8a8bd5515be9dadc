"""What a script is told of the Python that runs it: known only as far as all Pythons agree that it may meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from parser.interpreter.values import Unknown, known

VERSIONS = tuple((3, minor, micro, "final", 0) for minor in range(9, 16) for micro in (0, 99))
"""`sys.version_info` of the Pythons that environments may have: the first and the last of each minor version."""

PARTS = ("major", "minor", "micro", "releaselevel", "serial")
WHY = "depends on the version of Python"


@dataclass(frozen=True, slots=True)
class ByPython(Unknown):
    """One value for each of the Pythons; whoever does not ask for them meets something unknown."""

    values: tuple[Any, ...] = field(default=(), compare=False, repr=False)


VERSION = ByPython(WHY, values=VERSIONS)
"""`sys.version_info`."""


def each(value: ByPython, change: Callable[[Any], Any]) -> Any:
    """What comes of it under each Python: the one result where they agree, else again one for each."""
    results = tuple(change(one) for one in value.values)
    first = results[0]
    if all(type(one) is type(first) and known(one) and one == first for one in results):
        return first
    return ByPython(WHY, values=results) if all(known(one) for one in results) else Unknown(WHY)

"""A change of a module's interface, and how much a change can be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from parser.model import Place


class Level(IntEnum):
    """How much a change asks of those who use the module: what broke is major, what is new minor, the rest a patch."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the interface. `parameter`, `before` and `after` are the repository's text as it is.

    `kind` is one of KINDS. `parameter` is empty for what concerns the whole module; `before` is empty for what is new,
    `after` for what is gone. `consequence` is one sentence for those who use the module, and holds no text of the
    repository. `place` is in the new sources; None for what is gone.
    """

    kind: str
    parameter: str
    before: str
    after: str
    level: Level
    consequence: str
    place: Place | None = None


KINDS = (
    *("removed", "renamed", "added", "order", "form", "flags", "action", "retyped", "required", "optional"),
    *("narrowed", "widened", "default", "deprecated", "unknown"),
    *("title", "framework", "kind", "input_type", "output_type", "metric", "entry_point"),
)
"""Of parameters first, then of the whole module. `unknown`: known only at run time on one side."""

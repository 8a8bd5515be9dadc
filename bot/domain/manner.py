"""How much is said in merge requests, as the operator and the repository want it; the stricter of them holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Notes = Literal["all", "problems", "off"]
"""What is worth a note: all that changes for users, problems only, or nothing, so that the status tells all."""

_STRICTER: tuple[Notes, ...] = ("all", "problems", "off")


@dataclass(frozen=True, slots=True)
class Manner:
    """The operator's part. `max_discussions` of one merge request; the rest of the problems goes into the note.

    `may_block`: discussions are opened also where GitLab merges only what has no open one. `ask_index`: package indexes
    are asked whether versions were taken back.
    """

    enabled: bool = True
    notes: Notes = "all"
    max_discussions: int = 20
    may_block: bool = False
    ask_index: bool = True


USUAL_MANNER = Manner()


def stricter(one: Notes, other: Notes) -> Notes:
    """Of two wishes the one that has less said."""
    return max(one, other, key=_STRICTER.index)

"""How much is said in merge requests, as the operator and the repository want it; the stricter of them holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from parser.model import QUIETS, Quiet

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


@dataclass(frozen=True, slots=True)
class Experiments:
    """Where runs are told: in merge requests and on commits, in merge requests only, or nowhere.

    `mlflow`: GitLab's model experiments hold them, too.
    """

    notes: Literal["all", "merge_requests", "off"] = "all"
    mlflow: bool = False


USUAL_EXPERIMENTS = Experiments()


def stricter(one: Notes, other: Notes) -> Notes:
    """Of two wishes the one that has less said."""
    return max(one, other, key=_STRICTER.index)


def needs_target(notes: Notes, wished: Quiet) -> bool:
    """Whether it makes a difference what the target branch wishes, given what the head wishes."""
    return stricter(notes, _of(wished)) != notes


def plan_notes(notes: Notes, wished: Quiet, target_wishes: Quiet = "no") -> Notes:
    """What notes are begun for: the stricter of operator and repository.

    A head is believed only as far as its target branch wishes the same: nobody silences the bot by the very change
    that it is to look at.
    """
    return stricter(notes, min(_of(wished), _of(target_wishes), key=_STRICTER.index))


def begins_note(notes: Notes, worth_saying: bool, problems: bool) -> bool:
    """Whether a note is begun for what is to be said. One that is there is kept true in any case."""
    match notes:
        case "all":
            return worth_saying
        case "problems":
            return problems
        case "off":
            return False


def _of(quiet: Quiet) -> Notes:
    return _STRICTER[QUIETS.index(quiet)]

"""What a review has to say, decided: whether a note is worth it, and how many discussions there may be."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.gitlab import MergeRequest
from bot.domain.interface import Level
from bot.domain.manner import Manner, Notes, begins_note
from bot.domain.review import Reviewed
from bot.domain.steps import CHECK_STATUS, SetStatus
from parser.model import Severity


@dataclass(frozen=True, slots=True)
class ReviewPlan:
    """`worth_saying`: a note is begun for it; else one that is there is folded to a line.

    `discussions`: the most that may be open on lines of the merge request.
    """

    worth_saying: bool
    discussions: int


def plan_review(reviewed: Reviewed, manner: Manner, notes: Notes) -> ReviewPlan:
    """`notes` is the stricter of the operator's wish and the repository's."""
    problems = any(problem.severity is not Severity.INFO for problem in reviewed.problems)
    taken_back = any(change.kind == "yanked" for change in reviewed.requirements)
    wrong = problems or taken_back or not reviewed.good
    changes = reviewed.interface.changes if reviewed.interface is not None else ()
    # a new major number surprises people also where nobody can tell what changes
    changed = bool(changes) or reviewed.level is Level.MAJOR
    # an open discussion keeps such a project from merging, which is not ours to decide
    blocks = reviewed.project.needs_resolved_discussions and not manner.may_block
    return ReviewPlan(
        worth_saying=begins_note(notes, wrong or changed or reviewed.first, wrong),
        # where the bot has no rights, the note is all that it leaves behind
        discussions=0 if notes == "off" or blocks or reviewed.foreign else manner.max_discussions,
    )


def check_step(request: MergeRequest, state: str, words: str) -> SetStatus:
    """The status on the merge request's head."""
    return SetStatus(request.sha, request.source_branch, state, words, request.web_url, None, CHECK_STATUS)

"""What a review has to say, decided: the status, whether a note is worth it, and how many discussions there may be."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.gitlab import MergeRequest
from bot.domain.manner import Manner, Notes
from bot.domain.review import Reviewed
from bot.domain.steps import CHECK_STATUS, SetStatus
from parser.model import Severity


@dataclass(frozen=True, slots=True)
class ReviewPlan:
    """`worth_saying`: a note is begun for it. `mute`: neither note nor discussion is touched, only the status told.

    `discussions`: the most that may be open on lines of the merge request.
    """

    status: SetStatus
    worth_saying: bool = False
    mute: bool = False
    discussions: int = 0


def plan_review(reviewed: Reviewed, words: str, manner: Manner, notes: Notes, own: bool) -> ReviewPlan:
    """`words` are the status's; `notes` is the stricter of the operator's wish and the repository's.

    `own`: the merge request is the bot's, and the bot does not talk to itself.
    """
    status = check_step(reviewed.request, "success" if reviewed.good else "failed", words)
    if own:
        return ReviewPlan(status, mute=True)
    # an open discussion keeps such a project from merging, which is not ours to decide
    blocks = reviewed.project.needs_resolved_discussions and not manner.may_block
    quiet = notes == "off" or blocks
    return ReviewPlan(
        status,
        worth_saying=is_worth_saying(reviewed, notes),
        discussions=0 if quiet else manner.max_discussions,
    )


def check_step(request: MergeRequest, state: str, words: str) -> SetStatus:
    """The status on the merge request's head."""
    return SetStatus(request.sha, request.source_branch, state, words, request.web_url, None, CHECK_STATUS)


def is_worth_saying(reviewed: Reviewed, notes: Notes) -> bool:
    """Whether people would want to know: of problems, and (`all`) of a changed interface or the first publication."""
    if notes == "off":
        return False
    problems = any(problem.severity is not Severity.INFO for problem in reviewed.problems)
    taken_back = any(change.kind == "yanked" for change in reviewed.requirements)
    if problems or taken_back or not reviewed.good:
        return True
    changed = reviewed.interface is not None and bool(reviewed.interface.changes)
    return notes == "all" and (changed or reviewed.first)

"""What keeps the bot from answering itself for ever: four guards that know nothing of each other, and a budget.

1. Identity: a push by the bot's own user that changes nothing but the generated file is no news.
2. Trailer: on a commit that says it holds the branch's file for its own parent, the file is not written again.
3. Only the generated file: after several commits in a row that changed nothing else, it is not written again.
4. Fixed point: bytes that are there already are not written.

Each is enough alone. Where all fail, the budget of commits for each branch and hour holds, and people are told.
Trailers can be written by anybody: who forges one only keeps the bot from helping; the pipeline verifies the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.events import Push
from bot.domain.pipeline import PATH

MAX_GENERATED_IN_A_ROW = 3
"""Commits in a row that changed the generated file alone; one more would be a loop. People get one repair."""

BUDGET_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Guards:
    """Which guards stand, and the bot's commits for each branch and hour. All of them do; tests take some away."""

    identity: bool = True
    trailer: bool = True
    only_generated: bool = True
    fixed_point: bool = True
    commits_per_hour: int = 20


ALL_GUARDS = Guards()


@dataclass(frozen=True, slots=True)
class Written:
    """A commit of the bot's on a branch: when (seconds since 1970), and on top of which commit."""

    at: float
    parent: str


def is_own_push(push: Push, bot_user_id: int | None, guards: Guards) -> bool:
    """Whether a push is the bot's own commit of the generated file, by who pushed and what changed."""
    known = guards.identity and bot_user_id is not None
    return known and push.user_id == bot_user_id and push.changed == (PATH,)


def is_written_for(source: str, head: str, guards: Guards) -> bool:
    """Whether the head says that it holds the file for its own parent; `source` is the commit that it was made for."""
    return guards.trailer and source != head


def is_a_loop(generated_in_a_row: int, guards: Guards) -> bool:
    """Whether the newest commits changed nothing but the generated file, too often in a row."""
    return guards.only_generated and generated_in_a_row >= MAX_GENERATED_IN_A_ROW


def spend(written: Sequence[Written], parent: str, now: float, guards: Guards) -> tuple[Written, ...] | float:
    """The branch's commits with one more on `parent`, or the seconds until one more is allowed.

    The same parent again is the same commit tried again, and costs nothing.
    """
    recent = tuple(one for one in written if 0 <= now - one.at < BUDGET_SECONDS)
    if any(one.parent == parent for one in recent):
        return recent
    if len(recent) >= guards.commits_per_hour:
        return BUDGET_SECONDS - (now - min(one.at for one in recent))
    return (*recent, Written(now, parent))

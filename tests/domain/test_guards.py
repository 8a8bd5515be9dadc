"""The guards against loops, as decisions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.events import Push
from bot.domain.guards import (
    ALL_GUARDS,
    BUDGET_SECONDS,
    MAX_GENERATED_IN_A_ROW,
    Guards,
    Written,
    is_a_loop,
    is_own_push,
    is_written_for,
    spend,
)
from bot.domain.pipeline import PATH

BOT, ALICE, NOW = 7, 8, 1_000_000.0
OWN = Push(1, "refs/heads/main", "a" * 40, "b" * 40, BOT, "main", (PATH,))


@pytest.mark.parametrize(
    ("push", "own"),
    [
        (OWN, True),
        (replace(OWN, user_id=ALICE), False),
        (replace(OWN, user_id=None), False),
        # a suggestion that was applied, or a merge by the bot, brings more than the file
        (replace(OWN, changed=(PATH, "train.py")), False),
        (replace(OWN, changed=None), False),
        (replace(OWN, changed=()), False),
    ],
)
def test_only_the_bots_own_commit_of_the_one_file_is_dropped_by_identity(push: Push, own: bool) -> None:
    assert is_own_push(push, BOT, ALL_GUARDS) is own
    assert not is_own_push(push, None, ALL_GUARDS)
    assert not is_own_push(push, BOT, Guards(identity=False))


def test_a_trailer_counts_when_the_commit_was_made_for_its_own_parent() -> None:
    assert is_written_for(source="parent", head="head", guards=ALL_GUARDS)
    assert not is_written_for(source="head", head="head", guards=ALL_GUARDS)
    assert not is_written_for(source="parent", head="head", guards=Guards(trailer=False))


def test_a_person_who_breaks_the_file_gets_it_repaired_but_not_for_ever() -> None:
    # the bot's commit, the person's: two in a row
    assert not is_a_loop(2, ALL_GUARDS)
    assert is_a_loop(MAX_GENERATED_IN_A_ROW, ALL_GUARDS)
    assert not is_a_loop(99, Guards(only_generated=False))


def test_the_budget_is_told_by_the_hour_and_by_branch() -> None:
    guards = Guards(commits_per_hour=2)
    first = spend((), "a", NOW, guards)
    assert first == (Written(NOW, "a"),)
    second = spend(first, "b", NOW + 10, guards)
    assert isinstance(second, tuple)
    # tried again after a lost answer, it is the same commit
    assert spend(second, "b", NOW + 11, guards) == second
    assert spend(second, "c", NOW + 20, guards) == BUDGET_SECONDS - 20
    assert spend(second, "c", NOW + BUDGET_SECONDS, guards) == (second[1], Written(NOW + BUDGET_SECONDS, "c"))


@example([(4592.320044660776, 0), (4592.320044660776, 1)], 1)
@given(st.lists(st.tuples(st.floats(0, 20_000), st.integers(0, 50)), max_size=200), st.integers(1, 20))
def test_no_hour_ever_holds_more_commits_than_allowed(tries: list[tuple[float, int]], limit: int) -> None:
    guards, written, made = Guards(commits_per_hour=limit), tuple[Written, ...](), list[float]()
    for at, parent in sorted(tries):
        left = spend(written, str(parent), at, guards)
        if isinstance(left, float):
            assert 0 < left <= BUDGET_SECONDS
            continue
        if left and left[-1].at == at and left[-1] not in written:
            made.append(at)
        written = left
    for start in made:
        assert sum(0 <= at - start < BUDGET_SECONDS for at in made) <= limit

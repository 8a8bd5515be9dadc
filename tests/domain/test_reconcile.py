"""The sweep's decisions: when, whom, and what of it is news."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.plan import State
from bot.domain.reconcile import (
    ACTIVITY_SLACK_SECONDS,
    MAX_RESENT,
    RESENT_FOR_SECONDS,
    Enrolled,
    Enrolment,
    FailedDelivery,
    Findings,
    Hook,
    Rhythm,
    Scope,
    Swept,
    missed,
    plan_next,
    plan_resends,
    plan_resumed,
    plan_sweep,
    truth_of,
)

RHYTHM = Rhythm(interval_seconds=900, complete_seconds=86_400)
NOW = 1_000_000.0


def test_the_first_sweep_is_complete_and_the_next_looks_at_what_moved() -> None:
    first = plan_sweep(None, NOW, RHYTHM)
    assert first is not None
    assert first.active_after is None
    swept = plan_next(first, None, Findings(missed_heads=2))
    assert plan_sweep(swept, NOW + 899, RHYTHM) is None
    second = plan_sweep(swept, NOW + 900, RHYTHM)
    assert second is not None
    # GitLab notes activity hourly: what was noted up to then may have moved since
    assert second.active_after == NOW - ACTIVITY_SLACK_SECONDS
    assert second.turn == 1
    assert plan_next(second, swept, Findings(missed_heads=1)).total.missed_heads == 3


def test_once_a_day_everything_is_looked_at_again() -> None:
    swept = Swept(began_at=NOW, complete_at=NOW - 86_000, turn=95)
    later = plan_sweep(swept, NOW + 900, RHYTHM)
    assert later is not None
    assert later.active_after is None
    assert plan_next(later, swept, Findings()).complete_at == NOW + 900


@given(st.integers(1, 2**40), st.integers(0, 500))
def test_in_a_round_of_sweeps_every_project_has_exactly_one_turn(project: int, start: int) -> None:
    swept = Swept(NOW, NOW, start % RHYTHM.turns)
    turns = 0
    for number in range(1, RHYTHM.turns + 1):
        scope = plan_sweep(swept, NOW + 900 * number, RHYTHM)
        assert scope is not None
        turns += scope.has_turn(project)
        swept = plan_next(scope, swept, Findings())
    assert turns == 1


@given(st.floats(0, 2e9), st.floats(0, 2e9), st.integers(0, 10**6))
def test_a_clock_that_jumps_stops_no_sweep_for_longer_than_an_interval(
    began: float, now: float, turn: int
) -> None:
    swept = Swept(began, began, turn)
    assert plan_sweep(swept, now, RHYTHM) is not None or plan_sweep(swept, now + 900, RHYTHM) is not None


def test_projects_are_enrolled_by_history_by_name_or_by_group() -> None:
    enrolment = Enrolment(frozenset({"7", "Lab/Noise"}), ("Vision",))
    assert enrolment.takes(Enrolled(1, "other/thing", "main"), known={1})
    assert enrolment.takes(Enrolled(7, "other/thing", "main"), known=set())
    assert enrolment.takes(Enrolled(8, "lab/noise", "main"), known=set())
    assert enrolment.takes(Enrolled(9, "vision/deep/er", "main"), known=set())
    assert not enrolment.takes(Enrolled(10, "visionary/x", "main"), known=set())
    assert not enrolment.takes(Enrolled(11, "lab/noise-2", "main"), known=set())


def test_only_heads_without_a_publication_are_news() -> None:
    assert missed({1: "a", 2: "b", 3: "c"}, {(2, "b"), (3, "old")}) == ((1, "a"), (3, "c"))


def test_a_hook_of_ours_is_known_by_where_it_leads() -> None:
    assert Hook(1, "https://bot.example.com/webhooks/gitlab", "executable").ours
    assert Hook(1, "https://bot.example.com/webhooks/gitlab/?a=b", "executable").ours
    assert not Hook(1, "https://ci.example.com/hook", "executable").ours
    assert not Hook(1, "https://bot.example.com/webhooks/gitlab", "temporarily_disabled").healthy
    assert not Hook(1, "https://bot.example.com/webhooks/gitlab", "disabled").healthy


def test_failed_deliveries_are_sent_again_once_in_order_and_while_they_matter() -> None:
    failed = [
        FailedDelivery(9, "push_events", NOW),
        FailedDelivery(7, "pipeline_events", NOW),
        FailedDelivery(8, "wiki_page_events", NOW),
        FailedDelivery(10, "merge_requests_events", NOW),
        FailedDelivery(6, "push_events", NOW - RESENT_FOR_SECONDS),
        FailedDelivery(5, "push_events", NOW),
    ]
    assert [item.id for item in plan_resends(failed, sent_before=5, now=NOW)] == [7, 9, 10]
    many = [FailedDelivery(number, "push_events", NOW) for number in range(1, 200)]
    assert [item.id for item in plan_resends(many, 0, NOW)] == list(range(200 - MAX_RESENT, 200))


def test_every_end_has_a_status_that_is_an_end() -> None:
    ends = {state: truth_of(state)[0] for state in State if state.ended}
    assert ends[State.PUBLISHED] == "success"
    assert ends[State.SUPERSEDED] == "canceled"
    assert set(ends.values()) == {"success", "canceled", "failed"}


def test_a_sweep_broken_off_goes_on_unless_it_is_old_news() -> None:
    due = Scope(NOW, None, 3, 96)
    half = Scope(NOW - 100, None, 3, 96, after_id=4700)
    assert plan_resumed(due, half.to_text(), RHYTHM) == half
    assert plan_resumed(due, replace(half, began_at=NOW - 901).to_text(), RHYTHM) == due
    assert plan_resumed(due, replace(half, turns=10).to_text(), RHYTHM) == due
    assert plan_resumed(due, "", RHYTHM) == due
    assert plan_resumed(due, None, RHYTHM) == due


@given(st.builds(Swept, st.floats(0, 1e10), st.floats(0, 1e10), st.integers(0, 1000)))
def test_a_sweep_is_remembered_as_it_was(swept: Swept) -> None:
    assert Swept.from_text(swept.to_text()) == swept


def test_what_a_later_version_counts_besides_is_passed_over() -> None:
    later = (
        Swept(NOW, NOW, 1, Findings(projects=2)).to_text().replace('"projects"', '"rockets": 3, "projects"')
    )
    assert "rockets" in later
    assert Swept.from_text(later) == Swept(NOW, NOW, 1, Findings(projects=2))

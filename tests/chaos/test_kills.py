"""kill -9 at every step's boundary and in the middle of every step: the end is that of a run in which nothing died.

The boundaries are those that a clean run passes: each request that reaches GitLab or the registry, and each commit
that changes the database, of door and worker; a process dies before it takes effect, and after it did but before
anybody was told. So a new step is tested as soon as it is there. A usual run tries SHARES of the kinds, others with
every commit of this repository; `make chaos` tries all, on both databases.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.domain.steps import CHECK_STATUS
from tests.chaos.arena import Arena
from tests.chaos.cases import Boundary, Run, boundaries_of, side_by_side, slice_of, travel
from tests.chaos.journeys import JOURNEYS, Journey
from tests.chaos.lane import Lane
from tests.chaos.measure import WHOLE, say, turn

LANES = {"sqlite": 4, "postgresql": 8}
"""Bots side by side. On PostgreSQL jobs wait for their take-over, and waiting costs nothing."""

SHARES = {"sqlite": 1, "postgresql": 2}
"""A usual run tries each kind of boundary on SQLite, and every second one on PostgreSQL."""


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Bots whose databases are of that kind."""

    def database(_number: int) -> str:
        return "" if request.param == "sqlite" else request.getfixturevalue("cluster").create_database()

    with Arena(tmp_path_factory.mktemp("kills"), LANES[request.param], database) as up:
        yield up
        assert up.sandbox.complaints == []


@pytest.fixture(scope="module")
def clean(arena: Arena) -> dict[str, Run]:
    """How each journey ends when nothing dies."""
    runs: dict[str, Run] = {}
    first, *rest = JOURNEYS
    runs[first.name] = travel(arena, arena.lanes[0], first)

    def go(lane: Lane, journey: Journey) -> None:
        runs[journey.name] = travel(arena, lane, journey)

    side_by_side(arena, [lambda lane, journey=journey: go(lane, journey) for journey in rest])
    return runs


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.name)
def test_a_journey_that_nothing_disturbs_comes_to_its_end(clean: dict[str, Run], journey: Journey) -> None:
    outcome = clean[journey.name].outcome
    assert outcome["publications"][-1][3] == (journey.ends or "refused"), json.dumps(outcome, indent=1)
    checks = [status[1:3] for status in outcome["statuses"] if status[1] == CHECK_STATUS]
    assert checks == ([[CHECK_STATUS, journey.check]] if journey.reviewed else [])


def test_the_commit_of_a_delivery_is_a_boundary(clean: dict[str, Run]) -> None:
    names = {name for run in clean.values() for name, _ in run.commits}
    assert "door commits INSERT deliveries" in names, names


@pytest.mark.timeout(3600)
def test_whatever_dies_the_end_is_the_same(arena: Arena, clean: dict[str, Run]) -> None:
    journeys = {journey.name: journey for journey in JOURNEYS}
    known = [boundary for journey in JOURNEYS for boundary in boundaries_of(journey, clean[journey.name])]
    chosen = known if WHOLE else slice_of(known, turn(), SHARES[arena.lanes[0].kind])
    differing: list[str] = []
    missed: list[Boundary] = []

    def go(lane: Lane, boundary: Boundary) -> None:
        try:
            go_and_compare(lane, boundary)
        except Exception as error:  # noqa: BLE001 -- one run that does not come to rest must not hide the others
            differing.append(f"{boundary}\n  {type(error).__name__}: {error}")

    def go_and_compare(lane: Lane, boundary: Boundary) -> None:
        run = travel(arena, lane, journeys[boundary.journey], boundary)
        if not run.died and boundary.number > 1:
            # threads take turns by chance, so that a run may not come by a place that often
            run = travel(arena, lane, journeys[boundary.journey], replace(boundary, number=1))
        if not run.died:
            missed.append(boundary)
        differing.extend(
            f"{boundary}\n  {part}: {json.dumps(run.outcome[part])}\n  clean: {json.dumps(value)}"
            for part, value in clean[boundary.journey].outcome.items()
            if run.outcome[part] != value
        )

    began = time.monotonic()
    side_by_side(arena, [lambda lane, boundary=boundary: go(lane, boundary) for boundary in chosen])
    kinds = {boundary.kind for boundary in known}
    database = arena.lanes[0].kind
    say(
        f"{database}: killed at {len(chosen) - len(missed)} of {len(known)} boundaries of {len(kinds)} kinds "
        f"in {time.monotonic() - began:.0f} s; {len(missed)} were not met again"
    )
    assert differing == [], "\n".join(differing)
    # what a clock or a race causes may not happen again; but that is rare
    say(*(f"not met again: {boundary}" for boundary in missed))
    assert len(missed) <= len(chosen) / 8, "\n".join(map(str, missed))

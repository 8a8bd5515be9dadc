"""Every write may take effect and its answer be lost: the end is that of a run in which nothing was lost.

The writes are those that clean journeys show; each is done by GitLab and then answered by nothing, by an error, or by
half an answer. What a journey leaves (commits, merge requests, notes, comments, statuses, pipelines, tags,
publications) is compared as a whole, so nothing can be there twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import bot.adapters
from sandbox.gitlab.trouble import Mishap, die_after_effect, error_after_effect, half_answer
from tests.chaos.arena import Arena, Watched
from tests.chaos.cases import side_by_side
from tests.chaos.journeys import FILES, JOURNEYS, Drive, Journey, come_to_rest, comment
from tests.chaos.lane import Lane
from tests.chaos.outcome import read_outcome
from tests.chaos.trap import arm
from tests.whole_way.conftest import Way

LANES = 4
WRITING = ("POST", "PUT", "DELETE", "PATCH")
MISHAPS: tuple[Callable[[], Mishap], ...] = (die_after_effect, error_after_effect, half_answer)


def _merge(way: Way) -> None:
    way.merge(FILES)


RETRIED = Journey("a merge whose pipeline fails first", _merge, "published", verdict="failed")
"""Its note says that it failed, and is edited when somebody has asked for another try by a comment."""

ALL = (*JOURNEYS, RETRIED)


_PROJECT = "/projects/:id"
_REQUEST = f"{_PROJECT}/merge_requests/:iid"
PLACES = {
    f"POST {_PROJECT}/repository/commits": 2,
    f"POST {_PROJECT}/repository/tags": 1,
    f"DELETE {_PROJECT}/repository/branches/:branch": 0,
    f"POST {_PROJECT}/pipeline": 1,
    f"POST {_PROJECT}/pipelines/:pipeline_id/retry": 1,
    f"POST {_PROJECT}/statuses/:sha": 1,
    f"POST {_PROJECT}/merge_requests": 1,
    f"POST {_PROJECT}/repository/commits/:sha/comments": 1,
    f"POST {_REQUEST}/notes": 1,
    f"PUT {_REQUEST}/notes/:note_id": 1,
    f"POST {_REQUEST}/discussions": 1,
    f"POST {_REQUEST}/discussions/:discussion_id/notes": 1,
    f"POST {_REQUEST}/notes/:note_id/award_emoji": 1,
}
"""Every endpoint that the journeys make the bot write to, and in how many places of its code it does."""

ELSEWHERE = (
    *("resolve a discussion", "test a hook", "make an experiment", "write a run of an experiment"),
    *("make a project", "settle a project", "fill a project", "name a project's first branch"),
)
"""Writes that no journey comes by: people mend something first, or ask for it; their own tests lose their answers."""


@pytest.fixture(autouse=True)
def in_a_good_mood() -> None:
    """The service of the other tests here is not needed."""


@dataclass(frozen=True)
class Write:
    """One write of a journey, the number-th to its endpoint."""

    journey: Journey
    endpoint: str
    number: int


@dataclass(frozen=True)
class Run:
    """What a journey left, and the writes that led there."""

    outcome: dict[str, Any]
    writes: tuple[Write, ...]
    happened: int


def travel(
    arena: Arena, lane: Lane, journey: Journey, lost: Write | None = None, mishap: Mishap | None = None
) -> Run:
    """Go a journey in a new project; one write's answer is lost, if it is named."""
    project = arena.project(
        lane, bot_level=journey.bot_level, reviewed=journey.reviewed, left_alone=not journey.ends
    )
    arm(lane.trap, f"once {project.id}")
    watched = arena.mood.watched[lane.user.username] = Watched(lane, project)
    rule = None
    if lost is not None and mishap is not None:
        method, _, route = lost.endpoint.partition(" ")
        rule = arena.mood.on(method, route, mishap, user=lane.user.username, after=lost.number - 1)
    drive = Drive(arena, lane, project, journey.verdict, offers=journey.offers)
    journey.move(drive.way)
    come_to_rest(lane, drive)
    if journey is RETRIED:
        drive.verdict = "success"
        comment(drive.way, 1, "/mlreef retry")
        come_to_rest(lane, drive)
    outcome = read_outcome(arena.sandbox, arena.registry, lane, project)
    writes = tuple(
        Write(journey, name, number)
        for name, number in watched.seen
        if name.startswith(WRITING) and "graphql" not in name
    )
    return Run(outcome, writes, rule.happened if rule is not None else 0)


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with Arena(tmp_path_factory.mktemp("once"), LANES) as up:
        yield up
        assert up.sandbox.complaints == []


@pytest.fixture(scope="module")
def clean(arena: Arena) -> dict[str, Run]:
    """How each journey goes when no answer is lost."""
    runs: dict[str, Run] = {}
    runs[ALL[0].name] = travel(arena, arena.lanes[0], ALL[0])

    def go(lane: Lane, journey: Journey) -> None:
        runs[journey.name] = travel(arena, lane, journey)

    side_by_side(arena, [lambda lane, journey=journey: go(lane, journey) for journey in ALL[1:]])
    return runs


def table(clean: dict[str, Run]) -> list[Write]:
    """Each endpoint that is written to, once for each journey's way to it; of several writes in a row the last."""
    found: dict[str, Write] = {}
    for run in clean.values():
        for write in run.writes:
            found[f"{write.endpoint} {'' if 'commits' in write.endpoint else write.journey.name}"] = write
    return list(found.values())


def test_the_journeys_write_to_every_endpoint_that_the_bot_writes_to(clean: dict[str, Run]) -> None:
    sources = (file.read_text() for file in Path(bot.adapters.__file__).parent.glob("*.py"))
    calls = sum(len(re.findall(r"self\._client\.(?:post|put)\(", source)) for source in sources)
    # one place in the code may write to several endpoints, and several to one
    assert sum(PLACES.values()) + len(ELSEWHERE) == calls
    assert {write.endpoint for write in table(clean)} == set(PLACES)


@pytest.mark.timeout(900)
def test_an_effect_whose_answer_was_lost_is_there_once(arena: Arena, clean: dict[str, Run]) -> None:
    wrong: list[str] = []

    def go(lane: Lane, lost: Write, kind: Callable[[], Mishap]) -> None:
        run = travel(arena, lane, lost.journey, lost, kind())
        what = f"{kind.__name__} at {lost.endpoint} (number {lost.number}) of {lost.journey.name}"
        if run.happened != 1:
            wrong.append(f"{what}: never asked for")
        elif run.outcome != clean[lost.journey.name].outcome:
            wrong.append(f"{what}:\n{_difference(run.outcome, clean[lost.journey.name].outcome)}")

    cases = [(lost, kind) for lost in table(clean) for kind in MISHAPS]
    side_by_side(arena, [lambda lane, lost=lost, kind=kind: go(lane, lost, kind) for lost, kind in cases])
    assert wrong == [], "\n".join(wrong)


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    parts = [name for name in wanted if found[name] != wanted[name]]
    return "\n".join(
        f"  {name}\n    is     {json.dumps(found[name])}\n    wanted {json.dumps(wanted[name])}"
        for name in parts
    )

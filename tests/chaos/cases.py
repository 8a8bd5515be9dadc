"""The boundaries of a run, as the run itself shows them, and what becomes of a run that dies at one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from queue import SimpleQueue
from typing import Any

from tests.chaos.arena import Arena, Watched
from tests.chaos.journeys import Drive, Journey, come_to_rest
from tests.chaos.lane import Lane, wait_until
from tests.chaos.outcome import read_outcome
from tests.chaos.trap import AFTER, BEFORE, HOUSEKEEPING, arm, has_sprung

READING = ("GET ", "HEAD ", "/graphql")
REQUEST, COMMIT = "request", "commit"
CLOCK_SECONDS = 8.0
"""Longer than the time between two strokes of any clock of the worker."""

_numbers = count(1)


@dataclass(frozen=True, order=True)
class Boundary:
    """A place where a process can die: the number-th request or commit of that name in a journey."""

    journey: str
    what: str
    name: str
    number: int
    when: str

    @property
    def kind(self) -> tuple[str, str, str]:
        """What is of one kind does the same, however often it comes; to read has no effect to be before or after."""
        reads = self.what == REQUEST and any(word in self.name for word in READING)
        return self.what, self.name, "" if reads else self.when

    def __str__(self) -> str:
        return f"{self.journey}: died {self.when} {self.name} (number {self.number})"


@dataclass(frozen=True)
class Run:
    """A journey that came to rest: its outcome, what it passed, and whether it died where it was to."""

    outcome: dict[str, Any]
    requests: Sequence[tuple[str, int]]
    commits: Sequence[tuple[str, int]]
    died: bool


def travel(arena: Arena, lane: Lane, journey: Journey, boundary: Boundary | None = None) -> Run:
    """Go a journey in a new project, and die at the boundary, if one is named."""
    case = f"case {next(_numbers)}"
    lane.forget_contents()
    project = arena.project(
        lane, bot_level=journey.bot_level, reviewed=journey.reviewed, left_alone=not journey.ends
    )
    watched = Watched(lane, project)
    if boundary is not None and boundary.what == REQUEST:
        watched.name, watched.number, watched.when = boundary.name, boundary.number, boundary.when
    if boundary is not None and boundary.what == COMMIT:
        role = boundary.name.removeprefix(HOUSEKEEPING).split()[0]
        arm(lane.trap, case, role, boundary.name, boundary.number, boundary.when)
    else:
        arm(lane.trap, case)
    arena.mood.watched[lane.user.username] = watched
    drive = Drive(arena, lane, project, journey.verdict, offers=journey.offers)
    journey.move(drive.way)
    come_to_rest(lane, drive)
    if boundary is not None and boundary.name.startswith(HOUSEKEEPING):
        with suppress(AssertionError):
            # the clock may not have struck yet
            wait_until(lambda: has_sprung(lane.trap), lambda: "", CLOCK_SECONDS)
        come_to_rest(lane, drive)
    outcome = read_outcome(arena.sandbox, arena.registry, lane, project)
    died = watched.sprung or (boundary is not None and boundary.what == COMMIT and has_sprung(lane.trap))
    return Run(outcome, watched.seen, lane.commits(case), died)


def boundaries_of(journey: Journey, clean: Run) -> list[Boundary]:
    """Every place where the clean run could have died."""
    found = [(REQUEST, name, number) for name, number in clean.requests]
    found += [
        (COMMIT, name, number)
        for name, number in clean.commits
        # how often the clock strikes during a run is chance; the first time stands for all
        if number == 1 or not name.startswith(HOUSEKEEPING)
    ]
    return [
        Boundary(journey.name, what, name, number, when)
        for what, name, number in found
        for when in (BEFORE, AFTER)
    ]


def slice_of(boundaries: Iterable[Boundary], turn: int, share: int = 1) -> list[Boundary]:
    """One boundary of each kind; which one changes with the turn, so that in time all have had theirs.

    `share` 2 leaves every second kind to the next turn, and so on.
    """
    kinds: dict[tuple[str, str, str], list[Boundary]] = {}
    for boundary in boundaries:
        kinds.setdefault(boundary.kind, []).append(boundary)
    mine = [alike for number, alike in enumerate(kinds.values()) if (number + turn) % share == 0]
    return [alike[turn // share % len(alike)] for alike in mine]


def side_by_side(arena: Arena, tasks: Iterable[Callable[[Lane], None]]) -> None:
    """Do tasks on all lanes at once, each lane one at a time."""
    free: SimpleQueue[Lane] = SimpleQueue()
    for lane in arena.lanes:
        free.put(lane)

    def do(task: Callable[[Lane], None]) -> None:
        lane = free.get()
        try:
            task(lane)
        finally:
            free.put(lane)

    with ThreadPoolExecutor(len(arena.lanes)) as pool:
        for done in [pool.submit(do, task) for task in tasks]:
            done.result()

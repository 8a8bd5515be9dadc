"""A long time of usual work with GitLab's usual moods: memory, threads and open files of door and worker stay flat."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.domain.plan import State
from sandbox.gitlab.trouble import duplicate, error_after_effect, reset, server_error, slow_down
from tests.chaos.arena import Arena
from tests.chaos.journeys import FILES, Drive, come_to_rest
from tests.chaos.lane import Lane
from tests.chaos.measure import WHOLE, say
from tests.whole_way.conftest import SCRIPT

SECONDS = 1800.0 if WHOLE else 20.0
PROJECTS = 12
WARM_UP = 0.35
"""The part of the time after which everything that is kept for good has been made."""

FAULTS = (server_error(502), error_after_effect(502), reset(), slow_down(0.5))
FAULT_CHANCE = 0.004
MOST_MIB = 150
MOST_GROWTH_MIB = 12
"""What caches and the allocator may still take after the warm-up, however long it goes on."""

MOST_MORE = 10
"""Threads and open files that may come and go with the work at hand."""


@dataclass(frozen=True)
class Size:
    """What a process takes: resident MiB, threads, open files."""

    mib: float
    threads: int
    files: int


def measure(pid: int) -> Size:
    """Look at a living process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines if ":" in line)
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Size(int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"]), files)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_long_time_of_work_leaves_nothing_behind(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def database(_number: int) -> str:
        return "" if kind == "sqlite" else request.getfixturevalue("cluster").create_database()

    with Arena(tmp_path, 1, database, watch_seconds=5) as arena:
        (lane,) = arena.lanes
        for fault in FAULTS:
            arena.mood.on("*", "*", fault, times=None, chance=FAULT_CHANCE, user=lane.user.username)
        arena.mood.hooks(duplicate(), times=None, chance=0.05)
        drives = [Drive(arena, lane, arena.project(lane)) for _ in range(PROJECTS)]
        pushes, early = _work(lane, drives)
        late = {role: measure(lane.process(role)) for role in lane.roles}
        arena.mood.clear()
        come_to_rest(lane, *drives)
        jobs = lane.jobs_done()
        say(
            f"soak of {SECONDS:.0f} s on {kind}: {pushes} pushes, {jobs} jobs, {len(arena.mood.happened)} mishaps; "
            + ", ".join(f"{role} {early[role].mib:.0f} → {late[role].mib:.0f} MiB" for role in lane.roles)
        )
        assert lane.deaths == 0
        for role in lane.roles:
            assert late[role].mib < MOST_MIB, (role, early, late)
            assert late[role].mib < early[role].mib + MOST_GROWTH_MIB, (role, early, late)
            assert late[role].threads <= early[role].threads + MOST_MORE, (role, early, late)
            assert late[role].files <= early[role].files + MOST_MORE, (role, early, late)
        for drive in drives:
            newest = lane.store.publication(drive.project.id, drive.way.head(), "master")
            assert newest is not None
            assert newest.state == State.PUBLISHED, newest
        assert arena.sandbox.complaints == []


def _work(lane: Lane, drives: list[Drive]) -> tuple[int, dict[str, Size]]:
    """Push to each project in turn until the time is over; gives how often, and the sizes after the warm-up.

    The warm-up takes longer on a slow machine, for each project is part of it; behind it comes as much time as ever.
    """
    number, ends = 0, time.monotonic() + WARM_UP * SECONDS
    early: dict[str, Size] = {}
    while not early or time.monotonic() < ends:
        drive = drives[number % len(drives)]
        drive.way.push({**FILES, "add_noise.py": f"{SCRIPT}# {number}\n"})
        number += 1
        for other in drives:
            other.busy()
        # as fast as the bot works, for a backlog would only measure itself
        while lane.waiting() > 2 * len(drives):
            time.sleep(0.05)
        if not early and number >= len(drives) and time.monotonic() > ends:
            early = {role: measure(lane.process(role)) for role in lane.roles}
            ends = time.monotonic() + (1 - WARM_UP) * SECONDS
    return number, early

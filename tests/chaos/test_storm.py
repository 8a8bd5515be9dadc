"""Many pushes to many projects, while workers die every second, or lose their database and come back.

None is lost, none is published twice, and nothing is told of a commit after something was told of a newer one. Where
workers only die, a branch is never read older than it was read before, either. One that is cut off in the middle of
reading may still end that; it writes nothing of it.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain.plan import State
from sandbox import postgres
from tests.chaos.arena import Arena
from tests.chaos.cable import Cable
from tests.chaos.journeys import FILES, Drive, come_to_rest
from tests.chaos.lane import Lane
from tests.chaos.measure import WHOLE, say
from tests.whole_way.conftest import SCRIPT

pytestmark = pytest.mark.alone

PROJECTS, PUSHES = (100, 1000) if WHOLE else (20, 200)
DEATH_EVERY_SECONDS = 1.0
CUT_SECONDS = 12.0
"""Longer than it takes the others to take over."""

REST_SECONDS = 1800 if WHOLE else 120
BUSY_GITLAB = {"watch_seconds": 5, "grace_seconds": 5}
"""Of a hundred pushes at once GitLab makes the pipelines late. A bot that does not wait starts them a second time."""


def storm(
    arena: Arena, lane: Lane, disturb: Callable[[], None], pushes: int, projects: int
) -> tuple[Drive, ...]:
    """Push to all projects in turn while `disturb` is called over and over; then come to rest, and look."""
    drives = [Drive(arena, lane, arena.project(lane)) for _ in range(projects)]
    calm = threading.Event()

    def trouble() -> None:
        while not calm.is_set():
            disturb()

    def play() -> None:
        while not calm.is_set():
            for drive in drives:
                drive.busy()

    threads = [threading.Thread(target=each, daemon=True) for each in (trouble, play)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    pushed: dict[int, list[str]] = defaultdict(list)
    for number in range(pushes):
        drive = drives[number % projects]
        # the interface moves now and then, so that the bot has to commit
        choice = number // (5 * projects)
        script = SCRIPT.replace('"speckle"]', f'"speckle", "n{choice}"]') + f"# {number}\n"
        pushed[drive.project.id].append(drive.way.push({**FILES, "add_noise.py": script}))
    took = time.monotonic() - began
    calm.set()
    for thread in threads:
        thread.join()
    come_to_rest(lane, *drives, seconds=REST_SECONDS)
    whole = time.monotonic() - began
    published = sum(_check(drive, pushed[drive.project.id]) for drive in drives)
    say(
        f"{lane.kind}: {pushes} pushes to {projects} projects in {took:.0f} s, {lane.deaths} deaths, "
        f"{lane.taken_over()} take-overs; at rest after {whole:.0f} s with {published} publications"
    )
    return tuple(drives)


def _check(drive: Drive, pushed: list[str]) -> int:
    """Nothing lost, doubled or out of order in one project; gives how many commits were published."""
    sandbox, lane, project = drive.sandbox, drive.lane, drive.project
    shas = commits_of(drive)
    assert [sha for sha in shas if sha in set(pushed)] == pushed
    newest = lane.store.publication(project.id, shas[-1], "master")
    assert newest is not None
    assert newest.state == State.PUBLISHED, newest
    place = {sha: position for position, sha in enumerate(shas)}
    told = [place[sha] for sha in heads_told(drive)]
    assert told == sorted(told), f"{project.full_path} was told of as it had been before: {told}"
    numbers: dict[int, str] = {}
    for sha in shas:
        known = lane.store.publication(project.id, sha, "master")
        statuses = drive.way.statuses(sha)
        pipelines = [p for p in sandbox.pipelines(project.id, sha) if p.source not in ("external",)]
        assert len(pipelines) <= 1, f"{sha} of {project.full_path} was built twice"
        assert len([s for s in statuses if s.status == "success"]) <= 1, statuses
        if known is None or known.state != State.PUBLISHED:
            continue
        assert [s.status for s in statuses if not s.retried] == ["success"], (known, statuses)
        assert known.number is not None
        assert known.number not in numbers, (
            f"{sha} and {numbers[known.number]} are both version {known.number}"
        )
        numbers[known.number] = sha
    assert [numbers[n] for n in sorted(numbers)] == sorted(numbers.values(), key=place.__getitem__)
    return len(numbers)


def commits_of(drive: Drive) -> list[str]:
    """The project's commits on its branch, the oldest first."""
    git = ["git", "-C", str(drive.sandbox.core.git(drive.project).directory)]
    listed = subprocess.run(
        [*git, "rev-list", "--reverse", "--first-parent", "master"],
        capture_output=True,
        text=True,
        check=True,
    )
    return listed.stdout.split()


def assert_read_in_order(drive: Drive) -> None:
    """No head was read after a newer one of the same project."""
    place = {sha: position for position, sha in enumerate(commits_of(drive))}
    reads = [place[sha] for sha in heads_read(drive.lane, drive.project.full_path)]
    assert reads == sorted(reads), f"{drive.project.full_path} was read as it had been before: {reads}"


def heads_read(lane: Lane, project: str) -> list[str]:
    """The commits of a project that were read, in the order in which they were."""
    found = []
    for line in lane.log.read_text().splitlines():
        if '"head_read"' in line:
            told = json.loads(line)
            if told["project"] == project:
                found.append((told["timestamp"], told["sha"]))
    return [sha for _, sha in sorted(found)]


def heads_told(drive: Drive) -> list[str]:
    """The commits of a project that got a status, in the order in which GitLab took the first of each."""
    statuses = (job for job in list(drive.sandbox.state.jobs.values()) if job.kind == "status")
    first = sorted((job.id, job.sha) for job in statuses if job.project_id == drive.project.id)
    return list(dict.fromkeys(sha for _, sha in first))


@pytest.mark.timeout(7200)
def test_workers_that_die_every_second_lose_and_double_nothing(tmp_path: Path) -> None:
    with Arena(tmp_path, 1, **BUSY_GITLAB) as arena:
        (lane,) = arena.lanes

        def kill() -> None:
            lane.wait_until_up()
            time.sleep(DEATH_EVERY_SECONDS)
            lane.kill_workers()
            lane.revive()

        for drive in storm(arena, lane, kill, PUSHES, PROJECTS):
            assert_read_in_order(drive)
        assert lane.deaths > 0
        assert arena.sandbox.complaints == []


@pytest.mark.postgres
@pytest.mark.timeout(7200)
def test_two_machines_of_which_one_always_dies_lose_and_double_nothing(
    tmp_path: Path, cluster: postgres.Cluster
) -> None:
    with Arena(tmp_path, 1, lambda _: cluster.create_database(), workers=2, **BUSY_GITLAB) as arena:
        (lane,) = arena.lanes
        turns = cycle(("worker-1", "worker-2"))

        def kill() -> None:
            lane.wait_until_up()
            time.sleep(DEATH_EVERY_SECONDS)
            lane.kill(next(turns))
            lane.revive()

        for drive in storm(arena, lane, kill, PUSHES // 2, PROJECTS // 2):
            assert_read_in_order(drive)
        assert lane.deaths > 0
        assert arena.sandbox.complaints == []


@pytest.mark.postgres
@pytest.mark.timeout(7200)
def test_a_machine_that_is_cut_off_and_comes_back_loses_and_doubles_nothing(
    tmp_path: Path, cluster: postgres.Cluster
) -> None:
    url = cluster.create_database()
    with Cable(cluster.port) as cable:
        detour = sa.make_url(url).set(port=cable.port).render_as_string(hide_password=False)
        more = {**BUSY_GITLAB, "workers": 2, "cables": {"worker-2": detour}}
        with Arena(tmp_path, 1, lambda _: url, **more) as arena:
            (lane,) = arena.lanes

            def cut() -> None:
                time.sleep(1.0)
                cable.cut()
                time.sleep(CUT_SECONDS)
                cable.mend()

            storm(arena, lane, cut, PUSHES // 4, PROJECTS // 4)
            assert lane.deaths == 0, "being cut off ended a worker"
            assert arena.sandbox.complaints == []

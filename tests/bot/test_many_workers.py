"""Several workers on one PostgreSQL, any of which may die or be cut off at any time."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from bot.adapters.database import engine_url
from bot.adapters.presence import LOCKS
from bot.domain.jobs import COMMAND, Publish
from bot.jobs.engine import Desk
from bot.jobs.names import first_id, lane_of
from bot.serve import SPARE_SECONDS
from sandbox.postgres import Cluster
from tests.bot.workers import PATIENCE_SECONDS, Bench, push

pytestmark = pytest.mark.postgres

TAKE_OVER_SECONDS = 30.0
"""What is promised, whatever the machine."""


def test_the_jobs_of_a_killed_worker_are_done_by_another_within_seconds(server_bench: Bench) -> None:
    server_bench.script({f"b{n}": {"seconds": 60.0} for n in range(4)})
    first = server_bench.start()
    for number in range(4):
        server_bench.tell(push(number + 1, f"b{number}", project=number))
    server_bench.wait_for(4, "begin")
    server_bench.script({})
    server_bench.start()
    died = time.time()
    first.kill()
    server_bench.wait_for(4)
    assert sorted(line.number for line in server_bench.lines("end")) == [1, 2, 3, 4]
    assert max(line.time for line in server_bench.lines("end")) - died < TAKE_OVER_SECONDS


def test_a_branch_whose_worker_died_goes_on_with_its_newest_push(server_bench: Bench) -> None:
    server_bench.script({"main": {"seconds": 60.0}})
    first = server_bench.start()
    server_bench.tell(push(1))
    server_bench.wait_for(1, "begin")
    server_bench.script({})
    server_bench.start()
    first.kill()
    for number in range(2, 6):
        server_bench.tell(push(number, before=number - 1))
    server_bench.wait(lambda: any(line.number == 5 for line in server_bench.lines("end")))


def test_two_workers_share_the_work_and_keep_the_order_of_each_branch(server_bench: Bench) -> None:
    server_bench.script({"main": {"seconds": 0.05}, "concurrency": 2})
    for _ in range(2):
        server_bench.start()
    for number in range(1, 9):
        for project in range(6):
            server_bench.tell(
                push(100 * project + number, project=project, before=100 * project + number - 1)
            )
        time.sleep(0.1)

    def newest_of_each_is_done() -> bool:
        done = {line.number for line in server_bench.lines("end")}
        return all(100 * project + 8 in done for project in range(6))

    server_bench.wait(newest_of_each_is_done)
    for project in range(6):
        lines = [line for line in server_bench.lines() if line.number // 100 == project]
        numbers = [line.number for line in lines if line.what == "begin"]
        assert numbers == sorted(set(numbers))
        assert [line.what for line in lines] == ["begin", "end"] * len(numbers)
    told = (server_bench.folder / "stderr.txt").read_text()
    workers = {
        line.split('"executor": "')[1].split('"')[0] for line in told.splitlines() if "worker started" in line
    }
    assert len(workers) == 2


def test_a_restart_of_the_database_neither_loses_nor_robs_anything(
    server_bench: Bench, cluster: Cluster
) -> None:
    server_bench.script({"main": {"seconds": 0.3}})
    for _ in range(2):
        server_bench.start()
    for number in range(12):
        server_bench.tell(push(number + 1, project=number))
    server_bench.wait_for(2)
    cluster.stop("immediate")
    cluster.start()
    back = time.time()
    server_bench.wait_for(12)
    assert sorted({line.number for line in server_bench.lines("end")}) == list(range(1, 13))
    time.sleep(8.0)  # longer than it takes to take over from a worker that is gone
    told = [json.loads(line) for line in (server_bench.folder / "stderr.txt").read_text().splitlines()]
    assert not [line for line in told if "took over" in line["event"]]
    # one whose end the engine could not store is done again, one that ended with the database there is not
    ends = server_bench.lines("end")
    again = {one.number for one in ends if [line.number for line in ends].count(one.number) > 1}
    assert all(min(line.time for line in ends if line.number == number) < back + 2.0 for number in again)
    # the engine, too, tells of it in the log's own form, and not with each of its tries
    by_the_engine = [line["event"] for line in told if line["logger"] == "dbos"]
    assert 0 < len(by_the_engine) < 40


def test_a_worker_that_was_cut_off_changes_nothing_and_its_job_is_done_once(server_bench: Bench) -> None:
    server_bench.script({"main": {"seconds": 5.0}})
    server_bench.start()
    server_bench.tell(push(1))
    server_bench.wait_for(1, "begin")
    # what the server does to sessions of a machine that does not answer any more
    server_bench.change(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted"
    )
    server_bench.wait_for(1)
    begun, ended = server_bench.lines("begin"), server_bench.lines("end")
    # the first try found its place lost before it changed anything, and a second one was due
    assert [line.attempt for line in begun] == [0, 1]
    assert [line.attempt for line in ended] == [1]


def test_a_stopped_worker_that_wakes_up_after_its_jobs_were_taken_changes_nothing(
    server_bench: Bench,
) -> None:
    server_bench.script({"main": {"seconds": 20.0}})
    frozen = server_bench.start()
    server_bench.tell(push(1))
    server_bench.wait_for(1, "begin")
    server_bench.script({})
    server_bench.start()
    os.kill(frozen.pid, signal.SIGSTOP)
    # its place among the workers, and none of the turns that it may just have taken
    server_bench.change(
        "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
        " WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted AND l.classid = :locks"
        " ORDER BY a.backend_start LIMIT 1",
        locks=LOCKS,
    )
    server_bench.wait_for(1)
    os.kill(frozen.pid, signal.SIGCONT)
    # until it would have changed what its job changes, and would have tried again
    time.sleep(max(server_bench.lines("begin")[0].time + 20.0 - time.time(), 0.0) + 4.0)
    assert len(server_bench.lines("begin")) == 2
    assert len(server_bench.lines("end")) == 1
    assert frozen.poll() is None
    # it is one of the workers again
    for number in range(2, 12):
        server_bench.tell(push(number, project=number))
    server_bench.wait_for(11)


def test_what_does_not_end_in_time_after_sigterm_is_handed_to_another_worker(server_bench: Bench) -> None:
    server_bench.script({"main": {"seconds": 60.0}, "shutdown": 1.0})
    first = server_bench.start()
    server_bench.tell(push(1))
    server_bench.wait_for(1, "begin")
    server_bench.script({})
    server_bench.start()
    asked = time.monotonic()
    first.terminate()
    assert first.wait(PATIENCE_SECONDS) == 0
    assert time.monotonic() - asked < 8.0
    server_bench.wait_for(1)
    assert [line.number for line in server_bench.lines("end")] == [1]
    assert time.monotonic() - asked < TAKE_OVER_SECONDS


def test_a_worker_whose_database_is_away_ends_in_time(server_bench: Bench, cluster: Cluster) -> None:
    server_bench.script({"main": {"seconds": 60.0}, "shutdown": 2.0})
    worker = server_bench.start()
    server_bench.tell(push(1))
    server_bench.wait_for(1, "begin")
    cluster.stop("immediate")
    try:
        asked = time.monotonic()
        worker.terminate()
        assert worker.wait(PATIENCE_SECONDS) == 0
        assert time.monotonic() - asked < 2.0 + SPARE_SECONDS
    finally:
        cluster.start()
    server_bench.script({})
    server_bench.start()
    server_bench.wait_for(1)


def test_jobs_of_one_branch_that_are_taken_at_once_step_aside_for_each_other(server_bench: Bench) -> None:
    branches = [f"b{number}" for number in range(6)]
    server_bench.script({branch: {"seconds": 0.3} for branch in branches})
    for _ in range(2):
        server_bench.start()
    # Jobs of one branch share a lane, and the engine begins one of a lane at a time. While machines do not agree on
    # how many lanes a project has, nothing but the jobs themselves keeps them apart.
    desks = [Desk(engine_url(server_bench.store.url), lanes) for lanes in (1, 1000)]
    for project, branch in enumerate(branches):
        pushed = Publish(project, branch, f"{1:040x}")
        asked = Publish(project, branch, cause=COMMAND)
        assert lane_of(pushed, 1) != lane_of(asked, 1000)
        for desk, job in zip(desks, (pushed, asked), strict=True):
            desk.enqueue(first_id(1, "key", job), job)
    server_bench.wait_for(2 * len(branches))
    for desk in desks:
        desk.close()
    assert '"outcome": "not its turn"' in (server_bench.folder / "stderr.txt").read_text()
    for branch in branches:
        lines = sorted((line.time, line.what) for line in server_bench.lines() if line.branch == branch)
        assert [what for _, what in lines] == ["begin", "end"] * 2

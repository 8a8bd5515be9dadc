"""A worker whose database is locked, full or broken: it says why, and goes on when it can."""

from __future__ import annotations

import resource
import sqlite3
import time
from pathlib import Path

import pytest

from bot.adapters.database import passes_by_itself, sqlite_file, unusable
from bot.adapters.store import Store
from tests.bot.workers import PATIENCE_SECONDS, Bench, push


def said(bench: Bench) -> str:
    return (bench.folder / "stderr.txt").read_text()


def test_a_locked_file_is_waited_for_and_nothing_is_lost(file_bench: Bench) -> None:
    file_bench.start()
    file_bench.tell(push(1))
    file_bench.wait_for(1)
    jobs = file_bench.folder / "bot-jobs.db"
    with sqlite3.connect(jobs, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        file_bench.tell(push(2, before=1))
        time.sleep(3.0)
        assert len(file_bench.lines("end")) == 1
        holder.execute("ROLLBACK")
    file_bench.wait_for(2)


@pytest.mark.parametrize("name", ["bot.db", "bot-jobs.db"])
def test_a_worker_whose_file_was_moved_away_ends_and_begins_with_the_new_one(
    file_bench: Bench, name: str
) -> None:
    worker = file_bench.start()
    file_bench.tell(push(1))
    file_bench.wait_for(1)
    for left in file_bench.folder.glob(f"{name}*"):
        if not left.name.endswith((".lock", ".worker")):
            left.rename(left.with_name(f"old-{left.name}"))
    # told by a door that was there all the time
    file_bench.tell(push(2, before=1))
    assert worker.wait(PATIENCE_SECONDS) == 0
    assert "was moved away or replaced" in said(file_bench)
    file_bench.start()
    file_bench.wait_for(2)
    assert [line.number for line in file_bench.lines("end")] == [1, 2]


def test_a_full_disk_is_told_and_work_goes_on_when_there_is_room(file_bench: Bench) -> None:
    worker = file_bench.start()
    file_bench.tell(push(1))
    file_bench.wait_for(1)
    # no file may grow over what the largest one has: to the process that is a disk without room
    largest = max(file.stat().st_size for file in file_bench.folder.glob("bot*"))
    was = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (largest // 4, resource.RLIM_INFINITY))
    for number in range(2, 8):
        file_bench.tell(push(number, before=number - 1))
    file_bench.wait(lambda: "is tried again" in said(file_bench) or "disk" in said(file_bench))
    assert worker.poll() is None
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, was)
    file_bench.wait(lambda: any(line.number == 7 for line in file_bench.lines("end")))
    assert file_bench.store.parked() == ()


def test_a_broken_file_is_told_with_what_to_do_and_the_next_start_with_a_good_one_works(
    file_bench: Bench,
) -> None:
    file_bench.tell(push(1))
    file_bench.store.close()
    file = sqlite_file(file_bench.store.url)
    for rest in file.parent.glob(f"{file.name}-*"):
        rest.unlink()
    good = file.read_bytes()
    file.write_bytes(b"\0" * 512 + good[512:])
    worker = file_bench.start()
    assert worker.wait(20) != 0
    assert "cannot be used" in said(file_bench)
    file.write_bytes(good)
    file_bench.start()
    file_bench.wait_for(1)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("database disk image is malformed", "backup"),
        ("file is not a database", "backup"),
        ("database or disk is full", "room"),
        ("disk I/O error", "room"),
        ("database is locked", "uses the file"),
        ("connection refused", "server"),
    ],
)
def test_each_trouble_has_a_hint_of_its_own(words: str, hint: str) -> None:
    told = unusable("postgresql+psycopg://bot:secret@host/bot", sqlite3.OperationalError(words))
    assert words in str(told)
    assert hint in told.hint
    assert "secret" not in str(told)


def test_what_a_locked_file_raises_passes_by_itself(tmp_path: Path) -> None:
    store = Store.prepare(f"sqlite:///{tmp_path}/bot.db")
    impatient = Store(store.url, 1)
    with sqlite3.connect(tmp_path / "bot.db", isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Exception, match="locked") as raised:
            impatient.keep_fact("name", "value")
        holder.execute("ROLLBACK")
    assert passes_by_itself(raised.value)
    assert not passes_by_itself(ValueError("a bug"))
    impatient.close()
    store.close()

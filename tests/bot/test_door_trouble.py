"""A database that cannot store: the door says 503 in time, never 2xx, tells why, and goes on by itself."""

from __future__ import annotations

import resource
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from live_door import Door, running

from bot.adapters.store import Store
from sandbox import postgres

GITLAB_WAITS_SECONDS = 10.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/data/bot.db"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "bot.db"


@pytest.fixture
def door(tmp_path: Path, url: str) -> Iterator[Door]:
    with running(tmp_path, url) as door:
        assert door.post("before") == 202
        yield door


def stored(url: str) -> list[str]:
    store = Store(url)
    keys = [delivery.key.removeprefix("idempotency-key ") for delivery in store.pending(10_000)]
    store.close()
    return keys


def ask_many(door: Door, name: str, count: int = 40) -> list[tuple[int, float]]:
    """Statuses and seconds of deliveries that come at the same time."""

    def ask(number: int) -> tuple[int, float]:
        began = time.monotonic()
        return door.post(f"{name} {number}"), time.monotonic() - began

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def is_refused_in_time(door: Door, name: str) -> None:
    for status, seconds in ask_many(door, name):
        assert status == 503
        assert seconds < GITLAB_WAITS_SECONDS
    assert door.get("/livez") == 200
    assert door.get("/readyz") == 503


def recovers(door: Door, url: str, *known: str) -> None:
    door.wait(lambda: door.post("after") in (200, 202))
    assert stored(url) == [*known, "after"]
    # each process of the door finds out by itself
    door.wait(lambda: door.post("after") == 200 and "the database works again" in door.said())


def damage(file: Path) -> bytes:
    """Write garbage over all that the file holds; returns what it held."""
    connection = sqlite3.connect(file)
    # what stands in the log beside the file would be found there
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    good = file.read_bytes()
    file.write_bytes(b"\xde\xad\xbe\xef" * (len(good) // 4))
    return good


def test_a_lock_that_another_program_holds(door: Door, url: str, file: Path) -> None:
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        is_refused_in_time(door, "locked")
        other.execute("ROLLBACK")
    other.close()
    assert "database is locked" in door.said()
    recovers(door, url, "before")


def test_a_full_disk(tmp_path: Path, url: str, file: Path) -> None:
    Store.prepare(url).close()
    ballast = sqlite3.connect(file)
    ballast.execute("CREATE TABLE ballast (content BLOB)")
    ballast.execute("INSERT INTO ballast VALUES (zeroblob(4000000))")
    ballast.commit()
    ballast.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ballast.close()

    def small_files() -> None:
        # files cannot grow beyond this: each further write fails, as on a disk without room
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))

    with running(tmp_path, url, small_files) as door:
        results = [door.post(f"{number}") for number in range(60)]
        # now and then SQLite finds room again by tidying up
        assert set(results) == {202, 503}
        assert stored(url) == [f"{number}" for number, status in enumerate(results) if status == 202]
        assert "request failed" in door.said()
        for pid in door.workers():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        is_refused_in_time(door, "full")
        for pid in door.workers():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        door.wait(lambda: door.post("after") in (200, 202))
        assert stored(url)[-1] == "after"


def test_garbage_over_the_file_and_the_file_put_back(door: Door, url: str, file: Path) -> None:
    good = damage(file)
    is_refused_in_time(door, "damaged")
    assert "put the file of a backup in its place" in door.said()
    for left in file.parent.glob("bot.db-*"):
        left.unlink()
    file.write_bytes(good)
    recovers(door, url, "before")


def test_a_damaged_file_that_is_moved_away(door: Door, url: str, file: Path) -> None:
    damage(file)
    is_refused_in_time(door, "damaged")
    for left in file.parent.glob("bot.db*"):
        left.rename(left.with_name(f"old-{left.name}"))
    recovers(door, url)


def test_a_folder_that_is_gone(door: Door, url: str, file: Path) -> None:
    file.parent.rename(file.parent.with_name("elsewhere"))
    file.parent.write_text("a file where the folder was")
    assert door.get("/livez") == 200
    door.wait(lambda: door.get("/readyz") == 503)


@pytest.mark.postgres
def test_a_postgresql_that_is_stopped_and_started_again(tmp_path: Path) -> None:
    cluster = postgres.Cluster(durable=True)
    try:
        url = cluster.create_database()
        with running(tmp_path, url) as door:
            assert door.post("before") == 202
            cluster.stop("immediate")
            is_refused_in_time(door, "stopped")
            cluster.start()
            recovers(door, url, "before")
    finally:
        cluster.close()


@pytest.mark.postgres
def test_a_postgresql_table_that_another_session_locks(tmp_path: Path, cluster: postgres.Cluster) -> None:
    import sqlalchemy as sa

    url = cluster.create_database()
    with running(tmp_path, url) as door:
        assert door.post("before") == 202
        other = sa.create_engine(url)
        with other.connect() as connection:
            connection.execute(sa.text("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"))
            is_refused_in_time(door, "locked")
        other.dispose()
        recovers(door, url, "before")
    cluster.drop_database(url)

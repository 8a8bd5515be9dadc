"""The door under load: ten thousand deliveries, some broken, some sent twice, while the worker has its hands full."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from deliveries import headers, payload
from live_service import Service

DELIVERIES = int(os.environ.get("MLREEF_TEST_DELIVERIES", "10000"))
"""How many are sent; a longer run takes more."""

MALFORMED = 0.01
DUPLICATES = 0.05
PROJECTS = 100
SENDERS = 8
GITLAB_WAITS_SECONDS = 10.0
MOST_GROWTH_MIB = 25.0
"""How much more memory a process of the door may hold at the end than after the first fifth of the deliveries."""

BROKEN = (
    b"",
    b"not json",
    b"[" * 100_000,
    b'{"object_kind": "push"}',
    b'{"object_kind": "push", "project_id": "42", "ref": 7}',
    b'\xff\xfe{"object_kind"',
)


@dataclass(frozen=True)
class Sent:
    """One delivery: its key, its bytes, and the statuses that are right for it."""

    key: str
    body: bytes
    right: tuple[int, ...]


def plan(count: int) -> tuple[list[Sent], set[str]]:
    """What is sent, in order, and the keys that must be stored; the same for every run."""
    chance = random.Random(7)
    sent: list[Sent] = []
    good: list[Sent] = []
    for number in range(count):
        what = chance.random()
        if what < MALFORMED:
            sent.append(Sent(f"broken {number}", chance.choice(BROKEN), (200,)))
        elif what < MALFORMED + DUPLICATES and good:
            again = chance.choice(good)
            # the first one may still be on its way
            sent.append(Sent(again.key, again.body, (200, 202)))
        else:
            project = number % PROJECTS + 1
            told = {"id": project, "default_branch": "main", "path_with_namespace": f"load/{project}"}
            sha = f"{number + 1:040x}"  # zeros alone would be a deletion
            push = payload(
                "push_to_default_branch", project_id=project, project=told, after=sha, ref="refs/heads/main"
            )
            good.append(Sent(f"good {number}", json.dumps(push).encode(), (202, 200)))
            sent.append(good[-1])
    return sent, {one.key for one in good}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    running = Service(tmp_path)
    running.wait(lambda: running.get("/readyz") == 200)
    yield running
    running.process.kill()
    running.process.wait()


def memory_mib(pid: int) -> float:
    """Memory that is resident, without what processes share."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")) / 1024


def door_memory(service: Service) -> list[float]:
    (door,) = service.children("door")
    children = Path(f"/proc/{door}/task/{door}/children").read_text().split()
    return [memory_mib(int(child)) for child in children]


def send(service: Service, deliveries: Sequence[Sent]) -> list[tuple[int, float]]:
    """All of them, over several senders; the answers' statuses and seconds, in order."""
    local = threading.local()

    def one(delivery: Sent) -> tuple[int, float]:
        local.connection = service.connect()
        began = time.perf_counter()
        local.connection.request("POST", service.address.path, delivery.body, headers(delivery.key))
        with local.connection.getresponse() as answer:
            answer.read()
        took = time.perf_counter() - began
        local.connection.close()
        return answer.status, took

    with ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(one, deliveries))


def test_every_good_delivery_is_stored_once_while_the_worker_is_busy(
    service: Service, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    deliveries, wanted = plan(DELIVERIES)
    early = DELIVERIES // 5
    began = time.perf_counter()
    answers = send(service, deliveries[:early])
    before = door_memory(service)
    answers += send(service, deliveries[early:])
    seconds = time.perf_counter() - began
    after = door_memory(service)

    assert [
        (sent.key, status)
        for sent, (status, _) in zip(deliveries, answers, strict=True)
        if status not in sent.right
    ] == []
    with sqlite3.connect(tmp_path / "bot.db") as connection:
        rows = connection.execute("SELECT key, dispatched_at FROM deliveries").fetchall()
    stored = Counter(key.removeprefix("idempotency-key ") for key, _ in rows)
    assert stored == Counter(wanted)
    # the worker took deliveries up all the while, and found no GitLab
    assert sum(at is not None for _, at in rows) > len(wanted) / 20
    service.wait(lambda: "job is tried again" in service.said())

    took = [second for _, second in answers]
    record_property("per_second", round(len(took) / seconds))
    record_property("p99_ms", round(statistics.quantiles(took, n=100)[98] * 1000, 1))
    record_property("growth_mib", [round(late - soon, 1) for soon, late in zip(before, after, strict=True)])
    assert max(took) < GITLAB_WAITS_SECONDS
    assert max(late - soon for soon, late in zip(before, after, strict=True)) < MOST_GROWTH_MIB

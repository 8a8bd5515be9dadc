"""What watches the service may ask: /livez, /readyz, /metrics."""

from __future__ import annotations

import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deliveries import SECRET, headers, payload
from prometheus_client.parser import text_string_to_metric_families

from bot import metrics
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.store import Store
from bot.app.counts import look_at
from bot.domain.facts import BOT_USER, WORKER_SEEN, JobCounts
from bot.domain.proof import Keys
from bot.domain.routing import Rules
from bot.errors import TryAgain
from bot.health import SAME_ANSWER_SECONDS, WORKER_SILENT_SECONDS, health
from bot.webhook import create_app

OPERATORS = Path(__file__).parents[2] / "docs" / "operators.md"


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.prepare(f"sqlite:///{tmp_path}/bot.db")
    opened.keep_fact(BOT_USER, "99")
    yield opened
    opened.close()


@pytest.fixture
def door(store: Store, clock: Clock) -> Any:
    app = create_app(store, Keys((SECRET,)), Rules((), ("mlreef-verify", "mlreef-promote")))
    app.register_blueprint(health(store, metrics.Reading(lambda: look_at(store)), clock))
    return app.test_client()


def values(page: str) -> dict[str, float]:
    """Every sample of a page of metrics, by its name and labels."""
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_alive_and_ready_are_two_questions(door: Any, store: Store, clock: Clock) -> None:
    assert door.get("/livez").status_code == 200
    assert door.get("/readyz").status_code == 503
    store.keep_fact(WORKER_SEEN, str(clock.now))
    clock.now += SAME_ANSWER_SECONDS
    assert door.get("/readyz").status_code == 200
    clock.now += WORKER_SILENT_SECONDS + 1
    answer = door.get("/readyz")
    assert (answer.status_code, answer.json["worker"]) == (503, "gives no sign of life")


def test_asking_often_whether_it_is_ready_costs_the_database_nothing(
    door: Any, store: Store, clock: Clock
) -> None:
    door.get("/readyz")
    before = store.fact("door_seen_at")
    clock.now += SAME_ANSWER_SECONDS / 2
    door.get("/readyz")
    assert store.fact("door_seen_at") == before


def test_it_is_not_ready_when_the_database_is_gone(door: Any, store: Store, tmp_path: Path) -> None:
    store.close()
    for file in tmp_path.glob("bot.db*"):
        file.unlink()
    (tmp_path / "bot.db").mkdir()
    answer = door.get("/readyz")
    assert (answer.status_code, answer.json["database"]) == (503, "does not store")
    assert door.get("/livez").status_code == 200
    assert door.get("/metrics").status_code == 200


def test_every_answer_of_the_door_is_counted_with_its_time(door: Any) -> None:
    def counted() -> dict[str, float]:
        page = values(door.get("/metrics").text)
        return {
            result: page.get(f"mlreef_delivery_seconds_count[('result', '{result}')]", 0.0)
            for result in ("stored", "duplicate", "ignored", "refused", "failed")
        }

    before = counted()
    for _ in range(2):
        door.post("/webhooks/gitlab", json=payload("push_to_default_branch"), headers=headers())
    door.post("/webhooks/gitlab", json=payload("issue_opened"), headers=headers("two"))
    door.post("/webhooks/gitlab", json={}, headers=headers(**{"X-Gitlab-Token": "wrong"}))
    grown = {result: count - before[result] for result, count in counted().items()}
    assert grown == {"stored": 1, "duplicate": 1, "ignored": 1, "refused": 1, "failed": 0}


def test_the_queue_is_told_as_the_database_holds_it(store: Store) -> None:
    for key in ("one", "two"):
        store.accept(key, {})
    store.keep_fact(WORKER_SEEN, str(time.time() - 5))
    store.keep_job_counts(JobCounts(3, 4, 5, 1, 2, 60.0, time.time()))
    page = values(metrics.Reading(lambda: look_at(store)).page().decode())
    depth = {
        state: page[f"mlreef_queue_depth[('state', '{state}')]"]
        for state in ("delivery", "waiting", "running")
    }
    assert depth == {"delivery": 2, "waiting": 3, "running": 5}
    assert page["mlreef_queue_oldest_seconds[]"] == 60
    assert page["mlreef_stuck_jobs[]"] == 1
    assert page["mlreef_failed_jobs[]"] == 2
    assert 5 <= page["mlreef_worker_silent_seconds[]"] < 60


def test_the_database_is_looked_at_once_for_many_questions(store: Store) -> None:
    looks: list[int] = []

    def look() -> metrics.Look:
        looks.append(1)
        return look_at(store)

    reading = metrics.Reading(look)
    assert reading.page() == reading.page()
    assert len(looks) == 1


def test_metrics_are_told_at_an_address_of_their_own(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    metrics.Reading(lambda: look_at(store)).serve(f"127.0.0.1:{port}")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        page = answer.read().decode()
    assert "mlreef_queue_depth" in page
    assert "mlreef_delivery_seconds" in page


def test_calls_to_gitlab_are_counted_by_endpoint_also_those_without_an_answer() -> None:
    client = GitlabClient("http://127.0.0.1:9", "no-token", 1.0, on_call=metrics.gitlab_called)
    with pytest.raises(TryAgain):
        client.get("/projects/42/repository/files/a%2Fb.py", ref="main")
    page = values(metrics.Reading(dict).page().decode())
    labels = [("endpoint", "GET /projects/:id/repository/files/:path"), ("status", "0")]
    assert page[f"mlreef_gitlab_call_seconds_count{labels}"] >= 1


def test_the_operators_page_lists_every_metric_and_no_other() -> None:
    table = OPERATORS.read_text("utf-8").partition("### Metrics")[2].partition("###")[0]
    assert set(re.findall(r"^\| `(mlreef_\w+)`", table, re.MULTILINE)) == metrics.NAMES

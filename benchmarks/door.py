"""How fast the webhook door answers, beside a view that only commits one row, and beside an empty view.

All three run under gunicorn with the same settings, one after the other in several rounds, so that a noisy
machine spoils none of them alone. Each request is a new connection, as GitLab makes them. No worker takes
deliveries away meanwhile. At the end the door answers once more, beside a worker that has its hands full. All of it on
SQLite, and on PostgreSQL where that is installed. Ends by itself after about ROUNDS × CLIENTS × 3 × SECONDS each.

    python -m benchmarks.door            # a table for people, on stderr, and JSON on stdout
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VIEWS = ("door", "one row", "empty")
BUSY = "door, worker busy"
CLIENTS = (1, 4)
ROUNDS = 4
SECONDS = 1.5
START_SECONDS = 30.0
LEAST_RATIO = 0.7
"""The door's answers per second beside those of the view that only commits a row."""

MOST_P99_MS = 10.0
"""One client, an idle worker, milliseconds."""

MOST_BUSY_P99_MS = 150.0
BUSY_CLIENTS = 2
BUSY_PER_SECOND = 25
"""Deliveries of one client: together six times what GitLab.com sends a free namespace."""

BUSY_SECONDS = 15.0
BACKLOG = 3_000
BRANCHES = 50
"""Deliveries that wait for the worker when it begins, and how many branches they are about."""

SECRET = "a-secret-of-the-benchmark"
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Figures:
    """What was measured of one view at a number of clients: answers per second, and milliseconds of one."""

    per_second: float
    p50_ms: float
    p99_ms: float


# The views, each served by a process of its own -----------------------------------------------------------


def environment(url: str) -> dict[str, str]:
    """The settings of a bot on that database, with nobody where GitLab should be."""
    return {
        "MLREEF_GITLAB__URL": "http://127.0.0.1:9",
        "MLREEF_GITLAB__TOKEN": "no-token-needed",
        "MLREEF_WEBHOOK__SECRETS": SECRET,
        "MLREEF_BUILDER__IMAGE": "bot.example.com/bot:1",
        "MLREEF_DATABASE__URL": url,
    }


def serve(view: str, url: str, descriptor: int) -> None:
    """Serve one of VIEWS on a listening socket until SIGTERM."""
    from bot.app.door import build_door, door_settings
    from bot.app.settings import start_logs
    from bot.config_file import load_config
    from bot.doorkeeper import run_wsgi

    config = load_config(None, environment(url))
    start_logs(config)
    builders = {"door": lambda: build_door(config), "one row": lambda: one_row(url), "empty": empty}
    run_wsgi(builders[view], door_settings(config, f"fd://{descriptor}"))


def connect(url: str) -> Any:
    """A driver's own connection to the database, whose commits last."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=10)
        connection.execute("PRAGMA synchronous=FULL")
        return connection
    import psycopg

    return psycopg.connect(url.replace("+psycopg", ""))


def one_row(url: str) -> Any:
    """A Flask view that commits one row and does nothing else, as lean as it can be written."""
    import flask

    app = flask.Flask("one-row")
    local = threading.local()
    of_sqlite = url.startswith("sqlite")
    statement = f"INSERT INTO one_row (body) VALUES ({'?' if of_sqlite else '%s'})"  # noqa: S608 -- no value is in it

    @app.post("/webhooks/gitlab")
    def receive() -> tuple[dict[str, bool], int]:
        if not hasattr(local, "connection"):
            local.connection = connect(url)
        local.connection.execute(statement, (flask.request.get_data(),))
        local.connection.commit()
        return {"stored": True}, 202

    return app


def empty() -> Any:
    """A Flask view that does nothing at all."""
    import flask

    app = flask.Flask("empty")

    @app.post("/webhooks/gitlab")
    def receive() -> tuple[dict[str, bool], int]:
        return {"stored": False}, 202

    return app


def prepare(url: str) -> None:
    """Make the tables of both in one database."""
    from bot.adapters.store import Store

    Store.prepare(url).close()
    connection = connect(url)
    of_sqlite = url.startswith("sqlite")
    kinds = ("INTEGER PRIMARY KEY", "BLOB") if of_sqlite else ("BIGSERIAL PRIMARY KEY", "BYTEA")
    connection.execute(f"CREATE TABLE one_row (id {kinds[0]}, body {kinds[1]} NOT NULL)")
    connection.commit()
    connection.close()


@contextmanager
def running(view: str, url: str) -> Iterator[int]:
    """One view as a process; gives its port."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=2048) as server,
        tempfile.TemporaryDirectory() as counts,
    ):
        port = server.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.door", "--serve", view, url, str(server.fileno())],
            pass_fds=(server.fileno(),),
            cwd=ROOT,
            # processes share their counts as they do in service
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": counts},
            # the door logs as it does in service; nobody looks
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            # every process of the server has answered before anything is measured
            for number in range(20):
                ask(port, request(f"warm-{view}-{number}"), deadline - time.monotonic())
            yield port
        finally:
            process.terminate()
            process.wait(START_SECONDS)


@contextmanager
def busy_worker(url: str) -> Iterator[None]:
    """A worker that has begun on a backlog, and will not come to its end meanwhile."""
    from bot.adapters.store import Store
    from bot.domain.events import Push, subject, to_dict

    store = Store(url)
    for number in range(BACKLOG):
        push = Push(number % BRANCHES + 1, "refs/heads/main", "1" * 40, f"{number + 1:040x}", 7, "main", None)
        store.accept(f"backlog {number}", to_dict(push), subject(push))
    waiting = store.backlog().waiting
    worker = subprocess.Popen(
        [sys.executable, "-P", "-m", "bot", "worker"],
        cwd=ROOT,
        env={**os.environ, **environment(url), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while store.backlog().waiting == waiting and time.monotonic() < deadline:
            time.sleep(0.1)
        yield
    finally:
        worker.terminate()
        worker.wait(START_SECONDS)
        store.close()


# The clients ----------------------------------------------------------------------------------------------


def request(key: str) -> bytes:
    """The bytes of one delivery, with a key of its own."""
    head = (
        "POST /webhooks/gitlab HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Type: application/json\r\nX-Gitlab-Event: Push Hook\r\n"
        f"X-Gitlab-Token: {SECRET}\r\nIdempotency-Key: {key}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    return head.encode() + BODY


def ask(port: int, raw: bytes, timeout: float = 10.0) -> bytes:
    """Send one request on a connection of its own and read the whole answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(raw)
        parts = []
        while part := connection.recv(4096):
            parts.append(part)
    answer = b"".join(parts)
    if not answer.startswith(b"HTTP/1.1 202 "):
        raise RuntimeError(f"unexpected answer: {answer[:200]!r}")
    return answer


def _body() -> bytes:
    commit = {
        "id": "7c3d" * 10,
        "message": "Add a mode\n",
        "title": "Add a mode",
        "timestamp": "2026-11-02T09:30:00+00:00",
        "author": {"name": "Ada Author", "email": "ada@example.com"},
        "added": [],
        "modified": ["noise.py"],
        "removed": [],
    }
    push = {
        "object_kind": "push",
        "event_name": "push",
        "before": "1f0e" * 10,
        "after": "7c3d" * 10,
        "ref": "refs/heads/main",
        "checkout_sha": "7c3d" * 10,
        "user_id": 7,
        "project_id": 42,
        "project": {"id": 42, "path_with_namespace": "vision/add-noise", "default_branch": "main"},
        "commits": [commit] * 3,
        "total_commits_count": 3,
    }
    return json.dumps(push).encode()


BODY = _body()


def _client(port: int, name: str, seconds: float, per_second: float | None, results: Any) -> None:
    took: list[float] = []
    start = time.perf_counter()
    for number in itertools.count():
        began = time.perf_counter()
        if began >= start + seconds:
            break
        ask(port, request(f"{name}-{number}"))
        took.append(time.perf_counter() - began)
        if per_second is not None:
            time.sleep(max(start + (number + 1) / per_second - time.perf_counter(), 0.0))
    results.put(took)


def measure(
    port: int, clients: int, name: str, seconds: float, per_second: float | None = None
) -> list[float]:
    """Seconds that each answer took, with so many clients asking at the same time, each so often if that is given."""
    results: Any = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=_client, args=(port, f"{name}-{client}", seconds, per_second, results))
        for client in range(clients)
    ]
    for process in processes:
        process.start()
    took = [item for _ in processes for item in results.get(timeout=seconds + START_SECONDS)]
    for process in processes:
        process.join()
    return took


def run(url: str, rounds: int, seconds: float) -> dict[str, dict[str, Figures]]:
    """Measure everything on one database; figures by view and number of clients."""
    took: dict[tuple[str, int], list[float]] = {(view, n): [] for view in VIEWS for n in CLIENTS}
    prepare(url)
    with running("door", url) as door, running("one row", url) as row, running("empty", url) as none:
        ports = dict(zip(VIEWS, (door, row, none), strict=True))
        for turn, clients, view in itertools.product(range(rounds), CLIENTS, VIEWS):
            took[view, clients] += measure(ports[view], clients, f"{view}-{turn}-{clients}", seconds)
        with busy_worker(url):
            busy = measure(door, BUSY_CLIENTS, "busy", BUSY_SECONDS, BUSY_PER_SECOND)
    figures = {view: {str(n): _figures(took[view, n], rounds * seconds) for n in CLIENTS} for view in VIEWS}
    return {**figures, BUSY: {str(BUSY_CLIENTS): _figures(busy, BUSY_SECONDS)}}


def _figures(took: list[float], seconds: float) -> Figures:
    cuts = statistics.quantiles(took, n=100)
    return Figures(len(took) / seconds, cuts[49] * 1000, cuts[98] * 1000)


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Addresses of empty databases, by their kinds; commits to all of them are synced to the disk."""
    from sandbox import postgres

    with tempfile.TemporaryDirectory() as folder:
        found = {"SQLite": f"sqlite:///{folder}/bot.db"}
        if postgres.programs() is None:
            print("PostgreSQL is not installed, and left out", file=sys.stderr)
            yield found
            return
        cluster = postgres.Cluster(durable=True)
        try:
            yield {**found, "PostgreSQL": cluster.create_database()}
        finally:
            cluster.close()


def table(database: str, figures: dict[str, dict[str, Figures]], ratios: dict[str, float]) -> str:
    """The figures of one database, for people."""
    lines = [f"{database:18}{'clients':>8}{'answers/s':>11}{'p50 ms':>9}{'p99 ms':>9}"]
    lines += [
        f"{view:18}{clients:>8}{one.per_second:>11.0f}{one.p50_ms:>9.2f}{one.p99_ms:>9.2f}"
        for view, by_clients in figures.items()
        for clients, one in by_clients.items()
    ]
    lines += [f"{name:32}{ratio:>6.2f}" for name, ratio in ratios.items()]
    return "\n".join(lines)


def compare(figures: dict[str, dict[str, Figures]]) -> dict[str, float]:
    """The door's answers per second beside those of the other views."""
    return {
        f"door / {other}, {clients} clients": figures["door"][clients].per_second
        / figures[other][clients].per_second
        for other in VIEWS[1:]
        for clients in map(str, CLIENTS)
    }


def kept(figures: dict[str, dict[str, Figures]], ratios: dict[str, float]) -> bool:
    """Whether everything that is promised was so in this run."""
    return (
        min(ratio for name, ratio in ratios.items() if "one row" in name) >= LEAST_RATIO
        and figures["door"]["1"].p99_ms < MOST_P99_MS
        and figures[BUSY][str(BUSY_CLIENTS)].p99_ms < MOST_BUSY_P99_MS
    )


def main() -> int:
    """Measure, print tables on stderr and the figures as JSON on stdout; exit code 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--serve", nargs=3, metavar=("VIEW", "URL", "DESCRIPTOR"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        view, url, descriptor = options.serve
        serve(view, url, int(descriptor))
        return 0
    each = START_SECONDS * 4 + BUSY_SECONDS + options.rounds * options.seconds * len(CLIENTS) * len(VIEWS) * 2
    signal.alarm(int(2 * each))
    told, good = {}, True
    with databases() as urls:
        for database, url in urls.items():
            figures = run(url, options.rounds, options.seconds)
            ratios = compare(figures)
            good = kept(figures, ratios) and good
            print(table(database, figures, ratios), end="\n\n", file=sys.stderr)
            data = {view: {n: vars(one) for n, one in by.items()} for view, by in figures.items()}
            told[database] = {"figures": data, "ratios": ratios}
    print(json.dumps({**told, "cores": os.cpu_count()}))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

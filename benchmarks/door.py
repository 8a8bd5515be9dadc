"""How fast the webhook door answers, beside a view that only commits one row, and beside an empty view.

All three run under gunicorn with the same settings, one after the other in several rounds, so that a noisy
machine spoils none of them alone. Each request is a new connection, as GitLab makes them. No worker takes
deliveries away meanwhile. Ends by itself after about ROUNDS × CLIENTS × 3 × SECONDS.

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
CLIENTS = (1, 4)
ROUNDS = 4
SECONDS = 1.5
START_SECONDS = 30.0
LEAST_RATIO = 0.5
"""The door's answers per second beside those of the view that only commits a row."""

MOST_P99_MS = 10.0
"""One client, milliseconds."""

SECRET = "a-secret-of-the-benchmark"
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Figures:
    """What was measured of one view at a number of clients: answers per second, and milliseconds of one."""

    per_second: float
    p50_ms: float
    p99_ms: float


# The views, each served by a process of its own -----------------------------------------------------------


def serve(view: str, folder: Path, descriptor: int) -> None:
    """Serve one of VIEWS on a listening socket until SIGTERM."""
    from bot.app import build_door, door_settings, start_logs
    from bot.config_file import load_config
    from bot.doorkeeper import run_wsgi

    config = load_config(
        None,
        {
            "MLREEF_GITLAB__URL": "http://127.0.0.1:9",
            "MLREEF_GITLAB__TOKEN": "no-token-needed",
            "MLREEF_WEBHOOK__SECRETS": SECRET,
            "MLREEF_BUILDER__IMAGE": "bot.example.com/bot:1",
            "MLREEF_DATABASE__URL": f"sqlite:///{folder}/bot.db",
        },
    )
    start_logs(config)
    builders = {"door": lambda: build_door(config), "one row": lambda: one_row(folder), "empty": empty}
    run_wsgi(builders[view], door_settings(config, f"fd://{descriptor}"))


def one_row(folder: Path) -> Any:
    """A Flask view that commits one row and does nothing else, as lean as it can be written."""
    import flask

    app = flask.Flask("one-row")
    local = threading.local()

    @app.post("/webhooks/gitlab")
    def receive() -> tuple[dict[str, bool], int]:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(folder / "row.db", timeout=10)
            local.connection.execute("PRAGMA synchronous=FULL")
        with local.connection:
            local.connection.execute("INSERT INTO deliveries (body) VALUES (?)", (flask.request.get_data(),))
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


def prepare(folder: Path) -> None:
    """Make both databases, of the same kind and with the same settings."""
    from bot.adapters.store import Store

    Store.prepare(f"sqlite:///{folder}/bot.db").close()
    with sqlite3.connect(folder / "row.db") as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE deliveries (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")


@contextmanager
def running(view: str, folder: Path) -> Iterator[int]:
    """One view as a process; gives its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as server:
        port = server.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.door", "--serve", view, str(folder), str(server.fileno())],
            pass_fds=(server.fileno(),),
            cwd=ROOT,
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


def _client(port: int, name: str, seconds: float, results: Any) -> None:
    took: list[float] = []
    end = time.perf_counter() + seconds
    for number in itertools.count():
        began = time.perf_counter()
        if began >= end:
            break
        ask(port, request(f"{name}-{number}"))
        took.append(time.perf_counter() - began)
    results.put(took)


def measure(port: int, clients: int, name: str, seconds: float) -> list[float]:
    """Seconds that each answer took, with so many clients asking at the same time."""
    results: Any = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=_client, args=(port, f"{name}-{client}", seconds, results))
        for client in range(clients)
    ]
    for process in processes:
        process.start()
    took = [item for _ in processes for item in results.get(timeout=seconds + START_SECONDS)]
    for process in processes:
        process.join()
    return took


def run(rounds: int, seconds: float) -> dict[str, dict[str, Figures]]:
    """Measure everything; figures by view and number of clients."""
    took: dict[tuple[str, int], list[float]] = {(view, n): [] for view in VIEWS for n in CLIENTS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        with (
            running("door", folder) as door,
            running("one row", folder) as row,
            running("empty", folder) as none,
        ):
            ports = dict(zip(VIEWS, (door, row, none), strict=True))
            for turn, clients, view in itertools.product(range(rounds), CLIENTS, VIEWS):
                took[view, clients] += measure(ports[view], clients, f"{view}-{turn}-{clients}", seconds)
    return {view: {str(n): _figures(took[view, n], rounds * seconds) for n in CLIENTS} for view in VIEWS}


def _figures(took: list[float], seconds: float) -> Figures:
    cuts = statistics.quantiles(took, n=100)
    return Figures(len(took) / seconds, cuts[49] * 1000, cuts[98] * 1000)


def main() -> int:
    """Measure, print a table on stderr and the figures as JSON on stdout; exit code 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--serve", nargs=3, metavar=("VIEW", "FOLDER", "DESCRIPTOR"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        view, folder, descriptor = options.serve
        serve(view, Path(folder), int(descriptor))
        return 0
    signal.alarm(int(START_SECONDS * 3 + options.rounds * options.seconds * len(CLIENTS) * len(VIEWS) * 2))
    figures = run(options.rounds, options.seconds)
    lines = [f"{'view':10}{'clients':>8}{'answers/s':>11}{'p50 ms':>9}{'p99 ms':>9}"]
    lines += [
        f"{view:10}{clients:>8}{one.per_second:>11.0f}{one.p50_ms:>9.2f}{one.p99_ms:>9.2f}"
        for view, by_clients in figures.items()
        for clients, one in by_clients.items()
    ]
    ratios = {
        f"door / {other}, {clients} clients": figures["door"][clients].per_second
        / figures[other][clients].per_second
        for other in VIEWS[1:]
        for clients in map(str, CLIENTS)
    }
    lines += [f"{name:32}{ratio:>6.2f}" for name, ratio in ratios.items()]
    print("\n".join(lines), file=sys.stderr)
    data = {view: {n: vars(one) for n, one in by.items()} for view, by in figures.items()}
    print(json.dumps({"figures": data, "ratios": ratios, "cores": os.cpu_count()}))
    kept = min(ratio for name, ratio in ratios.items() if "one row" in name) >= LEAST_RATIO
    return 0 if kept and figures["door"]["1"].p99_ms < MOST_P99_MS else 1


if __name__ == "__main__":
    sys.exit(main())

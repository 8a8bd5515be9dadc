"""The whole service as an operator runs it: `mlreef-bot serve` and its children, over real HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from deliveries import SECRET, payload
from live_service import PATIENCE_SECONDS, TOKEN, Service

from bot.adapters.store import Store
from bot.domain.facts import WORKER_SEEN
from bot.serve import COUNTS, HELD, address_of, open_socket, shared_counts
from bot.webhook import MAX_BODY_BYTES

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("service"))
    running.wait(lambda: running.get("/readyz") == 200)
    yield running
    running.process.kill()
    running.process.wait()


def test_it_is_ready_when_door_and_worker_are(service: Service) -> None:
    assert service.get("/livez") == 200
    assert len(service.children("door")) == 1
    assert len(service.children("worker")) == 1


def test_a_delivery_reaches_the_worker_and_waits_for_a_gitlab_that_is_away(service: Service) -> None:
    assert service.post("first") == 202
    service.wait(lambda: "job is tried again" in service.said())


def test_one_page_of_metrics_tells_of_door_and_worker(service: Service) -> None:
    service.post("counted")

    def told() -> bool:
        page = service.page("/metrics")
        return all(
            re.search(line, page, re.MULTILINE)
            for line in (
                r'^mlreef_delivery_seconds_count\{result="stored"\} [1-9]',
                r'^mlreef_jobs_total\{ended="tried again",kind="publish"\} [1-9]',
                r'^mlreef_gitlab_call_seconds_count\{endpoint="GET /user",status="0"\} [1-9]',
                r'^mlreef_queue_depth\{state="delivery"\} ',
            )
        )

    service.wait(told)


def test_a_body_over_the_limit_is_413_before_it_is_sent(service: Service) -> None:
    assert b" 413 " in service.raw(service.head(f"Content-Length: {MAX_BODY_BYTES + 1}"))


def test_a_chunked_body_over_the_limit_is_413(service: Service) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    answer = service.raw(service.head("Transfer-Encoding: chunked"), *[chunk] * 26, b"0\r\n\r\n")
    assert b" 413 " in answer


def test_a_chunked_body_within_the_limit_is_read(service: Service) -> None:
    body = json.dumps(payload("push_to_default_branch")).encode()
    chunked = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    assert b" 20" in service.raw(service.head("Transfer-Encoding: chunked"), chunked)


def test_a_wrong_secret_with_a_large_body_is_401(service: Service) -> None:
    head = service.head(f"Content-Length: {MAX_BODY_BYTES}").replace(SECRET.encode(), b"wrong-canary")
    assert b" 401 " in service.raw(head)


def test_requests_that_are_no_http_do_no_harm(service: Service) -> None:
    for raw in (b"\x16\x03\x01\x00\xff\r\n\r\n", b"POST\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        assert b" 5" not in service.raw(raw)
    assert service.get("/livez") == 200


def test_a_killed_door_and_a_killed_worker_come_back_and_no_caller_is_turned_away(service: Service) -> None:
    (door,), (worker,) = service.children("door"), service.children("worker")
    os.kill(door, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    assert service.post("while they were away") in (200, 202)
    service.wait(lambda: service.children("door") not in ([], [door]))
    service.wait(lambda: service.children("worker") not in ([], [worker]))
    assert service.said().count("child died") >= 2


def test_it_ends_within_seconds_and_leaves_no_process(service: Service) -> None:
    service.wait(lambda: service.get("/readyz") == 200)
    children = service.children("door") + service.children("worker")
    assert len(children) == 2
    service.post("shortly before the end")
    began = time.monotonic()
    assert service.end() == 0
    assert time.monotonic() - began < 10
    assert not any(Path(f"/proc/{child}/cmdline").exists() for child in children)
    store = Store(f"sqlite:///{service.folder}/bot.db")
    assert not store.accept("idempotency-key shortly before the end", {})
    store.close()


def test_nothing_that_it_said_or_stored_holds_a_secret(service: Service) -> None:
    assert service.process.stdout is not None
    output = service.said() + service.process.stdout.read().decode()
    stored = b"".join(file.read_bytes() for file in service.folder.glob("*.db*"))
    for secret in (TOKEN, SECRET, "wrong-canary"):
        assert secret not in output
        assert secret.encode() not in stored
    assert "the secret token is not one of ours" in output


def test_a_gitlab_that_hangs_neither_silences_the_worker_nor_keeps_it_from_its_end(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as hangs:
        service = Service(tmp_path, f"http://127.0.0.1:{hangs.getsockname()[1]}")
        store = Store(f"sqlite:///{tmp_path}/bot.db")
        service.wait(lambda: store.fact(WORKER_SEEN))
        first = store.fact(WORKER_SEEN)
        service.wait(lambda: store.fact(WORKER_SEEN) != first)
        assert service.get("/readyz") == 200
        store.close()
        began = time.monotonic()
        assert service.end() == 0
        assert time.monotonic() - began < 5


def test_children_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.wait(lambda: service.get("/readyz") == 200)
    children = service.children("door") + service.children("worker")
    service.process.kill()
    service.process.wait()
    service.wait(lambda: not any(_alive(child) for child in children))


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_an_address_in_use_is_told_with_a_hint(tmp_path: Path) -> None:
    with open_socket("127.0.0.1:0") as taken:
        port = taken.getsockname()[1]
        environ = {
            **os.environ,
            "MLREEF_GITLAB__URL": "http://127.0.0.1:9",
            "MLREEF_GITLAB__TOKEN": TOKEN,
            "MLREEF_WEBHOOK__SECRETS": SECRET,
            "MLREEF_BUILDER__IMAGE": "bot.example.com/bot:1",
            "MLREEF_WEBHOOK__LISTEN": f"127.0.0.1:{port}",
        }
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bot", "serve"],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr


def test_addresses_are_shown_as_a_browser_takes_them() -> None:
    with open_socket("127.0.0.1:0") as server:
        assert address_of(server) == f"http://127.0.0.1:{server.getsockname()[1]}"
    with open_socket("0.0.0.0:0") as server:
        assert address_of(server).startswith("http://127.0.0.1:")
    with open_socket("[::1]:0") as server:
        assert address_of(server).startswith("http://[::1]:")


def test_counts_that_a_killed_supervisor_left_are_removed_and_those_of_a_living_one_are_kept(
    tmp_path: Path,
) -> None:
    left, just_made = (tmp_path / f"{COUNTS}{name}" for name in ("left", "just-made"))
    for folder in (left, just_made):
        folder.mkdir()
    (left / HELD).touch()
    with shared_counts(tmp_path) as first:
        assert sorted(tmp_path.iterdir()) == sorted([first, just_made])
        with shared_counts(tmp_path) as second:
            assert {first, second} <= set(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == [just_made]

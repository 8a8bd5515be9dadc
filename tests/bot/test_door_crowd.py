"""Callers who do harm by coming in crowds, slowly, or with much: everybody else is answered as ever."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from deliveries import headers, payload
from hypothesis import given
from hypothesis import strategies as st
from live_door import URL, Door, running

from bot.gate import ARRIVAL_SECONDS, LARGE_SECONDS, MAX_HEAD_BYTES, SMALL_BODY_BYTES, wanted_bytes
from bot.webhook import MAX_BODY_BYTES

pytestmark = pytest.mark.alone

SLOW_ONES = 200
SOON_SECONDS = 1.0


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("crowd")
    with running(folder, f"sqlite:///{folder}/bot.db") as door:
        yield door


def head(length: int | None, *lines: str, key: str = "slow", **more: str) -> bytes:
    """The first bytes of a delivery that announces a body of that many bytes."""
    given_headers = {"Host": "localhost", **headers(key), **more}
    if length is not None:
        given_headers["Content-Length"] = str(length)
    return "\r\n".join(
        [f"POST {URL} HTTP/1.1", *(f"{k}: {v}" for k, v in given_headers.items()), *lines, "", ""]
    ).encode()


class Crowd:
    """Connections that stay open."""

    def __init__(self, door: Door, stack: ExitStack, count: int = SLOW_ONES) -> None:
        self._sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", door.port), timeout=30))
            for _ in range(count)
        ]

    def send(self, data: bytes) -> None:
        """Send the same on each of them that is still open."""
        for client in self._sockets:
            try:
                client.sendall(data)
            except OSError:
                continue

    def first_lines(self) -> set[bytes]:
        """What they were told, b"" for a connection that was closed without a word."""
        return {_first_line(client) for client in self._sockets}


def _first_line(client: socket.socket) -> bytes:
    try:
        return client.makefile("rb").readline()
    except ConnectionError:
        return b""


def seconds_of(door: Door, key: str) -> float:
    began = time.monotonic()
    assert door.post(key) == 202
    return time.monotonic() - began


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"", id="say nothing"),
        pytest.param(b"POST /webhooks/gitlab HTTP/1.1\r\nHost: localhost\r\n", id="send a head line by line"),
        pytest.param(head(200_000) + b"{", id="send a small body byte by byte"),
        pytest.param(head(None, **{"webhook-signature": "v1,x"})[:-4], id="stop within the head"),
    ],
)
def test_slow_callers_hold_up_nobody(door: Door, start: bytes, request: pytest.FixtureRequest) -> None:
    with ExitStack() as stack:
        crowd = Crowd(door, stack)
        crowd.send(start)
        for number in range(10):
            crowd.send(b"x")
            assert seconds_of(door, f"{request.node.name} {number}") < SOON_SECONDS
        time.sleep(ARRIVAL_SECONDS + 1.5)
        assert crowd.first_lines() == {b""}


def test_slow_large_bodies_hold_up_large_ones_only_and_not_for_ever(door: Door) -> None:
    # a signature lets anybody get as far as the body
    stamp = {"webhook-signature": "v1,x", "webhook-id": "x", "webhook-timestamp": str(int(time.time()))}
    with ExitStack() as stack:
        crowd = Crowd(door, stack, 40)
        crowd.send(head(SMALL_BODY_BYTES * 4, **stamp) + b"{")
        chunked = Crowd(door, stack, 40)
        chunked.send(head(None, "Transfer-Encoding: chunked", **stamp) + b"1\r\n{\r\n")
        for number in range(10):
            crowd.send(b" ")
            assert seconds_of(door, f"beside large ones {number}") < SOON_SECONDS
        time.sleep(LARGE_SECONDS + 2)
        assert crowd.first_lines() <= {b"", b"HTTP/1.1 400 BAD REQUEST\r\n"}
        large = json.dumps(payload("push_to_default_branch")).encode().ljust(SMALL_BODY_BYTES * 2)
        assert door.post("a large one afterwards", large) == 202


def test_the_largest_bodies_are_all_stored_and_others_need_not_wait(door: Door) -> None:
    body = json.dumps(payload("push_to_default_branch")).encode().ljust(MAX_BODY_BYTES)
    with ThreadPoolExecutor(8) as pool:
        large = [pool.submit(door.post, f"25 MB {number}", body) for number in range(8)]
        small = [seconds_of(door, f"beside 25 MB {number}") for number in range(20)]
        assert [one.result() for one in large] == [202] * 8
    assert max(small) < 2 * SOON_SECONDS


def test_more_connections_than_the_door_holds_push_out_the_oldest_silent_ones(door: Door) -> None:
    with ExitStack() as stack:
        crowd = Crowd(door, stack, 1500)
        crowd.send(b"P")
        for number in range(10):
            assert seconds_of(door, f"beyond all {number}") < 2 * SOON_SECONDS


@pytest.mark.parametrize(
    "lines", [(f"Content-Length: {SMALL_BODY_BYTES * 2}",), ("Transfer-Encoding: chunked",)]
)
def test_a_body_that_is_cut_off_is_not_taken_for_a_whole_one(door: Door, lines: tuple[str, ...]) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=30) as client:
        client.sendall(head(None, *lines) + b"5\r\n{}   \r\n")
        client.shutdown(socket.SHUT_WR)
        assert client.makefile("rb").readline() == b"HTTP/1.1 400 BAD REQUEST\r\n"


def test_a_request_in_pieces_is_put_together(door: Door) -> None:
    body = json.dumps(payload("push_to_default_branch")).encode()
    raw = head(len(body), key="in pieces") + body
    with socket.create_connection(("127.0.0.1", door.port), timeout=30) as client:
        for start in range(0, len(raw), 200):
            client.sendall(raw[start : start + 200])
            time.sleep(0.01)
        assert client.makefile("rb").readline() == b"HTTP/1.1 202 ACCEPTED\r\n"


@given(
    st.integers(0, SMALL_BODY_BYTES),
    st.binary(max_size=50),
    st.sampled_from(["Content-Length", "content-length"]),
)
def test_a_small_request_is_whole_when_as_many_bytes_as_announced_are_there(
    length: int, body: bytes, name: str
) -> None:
    start = f"POST / HTTP/1.1\r\nHost: x\r\n{name}: {length}".encode()
    assert wanted_bytes(start) is None
    assert wanted_bytes(start + b"\r\n\r\n" + body) == len(start) + 4 + length


@pytest.mark.parametrize(
    "start",
    [
        head(SMALL_BODY_BYTES + 1),
        head(None, "Transfer-Encoding: chunked"),
        head(5, "Expect: 100-continue"),
        b"x" * (MAX_HEAD_BYTES + 1),
    ],
)
def test_what_cannot_be_collected_is_left_to_a_thread(start: bytes) -> None:
    assert wanted_bytes(start) == 0

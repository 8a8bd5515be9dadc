"""A gunicorn worker that lets a request in only when it is there: slow senders wait outside and hold no thread.

Gunicorn's threads read requests themselves, so as many clients as there are threads, each sending a byte now and
then, would close the door for all others. Here the main thread collects heads and small bodies without waiting for
any of them. Large bodies are read by threads, but never by all of them at once, and not for ever.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import TConn, ThreadWorker

ARRIVAL_SECONDS = 5.0
"""How long a head and a small body may take to arrive; GitLab itself gives up after 10 seconds."""

LARGE_SECONDS = 9.0
"""How long a large body may take, with its time in line."""

SMALL_BODY_BYTES = 256 * 1024
"""What is collected outside; nearly all that GitLab sends is smaller."""

MAX_HEAD_BYTES = 64 * 1024
MAX_ARRIVING = 500
"""Connections of one process that have not sent their request yet; the oldest gives way to the next."""

MAX_HELD_BYTES = 32 * 1024 * 1024
"""Bytes of one process's unfinished requests; the oldest give way."""

READ_BYTES = 64 * 1024
HEAD_END = b"\r\n\r\n"

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})[ \t]*\r\n", re.IGNORECASE)
_BY_AND_BY = re.compile(rb"\r\n(?:transfer-encoding|expect):", re.IGNORECASE)
"""Bodies without a length, and senders who wait for a word before they send one."""


@dataclass(eq=False, slots=True)
class _Arriving:
    """A connection whose request is not there yet. `deadline` is on the monotonic clock."""

    connection: TConn
    deadline: float
    held: bytearray = field(default_factory=bytearray)
    wanted: int | None = None


def wanted_bytes(held: bytes | bytearray) -> int | None:
    """How many bytes the whole request has, 0 when threads should read it (it is large, or no HTTP that we know).

    None while the head is not complete.
    """
    end = held.find(HEAD_END)
    if end < 0:
        return 0 if len(held) > MAX_HEAD_BYTES else None
    head = bytes(held[: end + 2])
    if _BY_AND_BY.search(head):
        return 0
    length = _LENGTH.search(head)
    size = int(length[1]) if length else 0
    return end + len(HEAD_END) + size if size <= SMALL_BODY_BYTES else 0


class GateWorker(ThreadWorker):
    """See the module. Everything but `handle` runs in the main thread, so nothing here is locked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arriving: dict[TConn, _Arriving] = {}
        self._held = 0
        self._lane = max(1, self.cfg.threads // 2)
        self._inside: dict[TConn, float] = {}
        self._large: set[TConn] = set()
        self._in_line: deque[_Arriving] = deque()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection in and collect what it sends."""
        try:
            client, address = listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            # Out of descriptors, or the caller is gone: the others are still served.
            self.log.warning("a connection cannot be taken: %s", error)
            self._give_way()
            return
        if len(self._arriving) >= MAX_ARRIVING or self._held > MAX_HELD_BYTES:
            self._give_way()
        self.nr_conns += 1
        connection = TConn(self.cfg, client, address, listener.getsockname())
        self._arriving[connection] = _Arriving(connection, time.monotonic() + ARRIVAL_SECONDS)
        self.poller.register(client, selectors.EVENT_READ, self._reader(connection))

    def _reader(self, connection: TConn) -> Callable[[object], None]:
        return lambda _socket: self._collect(connection)

    def _collect(self, connection: TConn) -> None:
        arriving = self._arriving[connection]
        try:
            data = connection.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(arriving)
            return
        arriving.held += data
        self._held += len(data)
        if arriving.wanted is None:
            arriving.wanted = wanted_bytes(arriving.held)
        if arriving.wanted is None or len(arriving.held) < arriving.wanted:
            return
        self._leave_gate(arriving)
        if arriving.wanted:
            self._hand_over(arriving)
        elif len(self._large) < self._lane:
            self._hand_over_large(arriving)
        else:
            arriving.deadline += LARGE_SECONDS - ARRIVAL_SECONDS
            self._in_line.append(arriving)

    def _leave_gate(self, arriving: _Arriving) -> None:
        del self._arriving[arriving.connection]
        self._held -= len(arriving.held)
        self.poller.unregister(arriving.connection.sock)

    def _hand_over(self, arriving: _Arriving) -> None:
        connection = arriving.connection
        connection.parser = http.get_parser(self.cfg, connection.sock, connection.client)
        connection.parser.unreader.unread(bytes(arriving.held))
        connection.data_ready = True
        self._inside[connection] = time.monotonic() + LARGE_SECONDS
        self.enqueue_req(connection)

    def _hand_over_large(self, arriving: _Arriving) -> None:
        self._large.add(arriving.connection)
        self._hand_over(arriving)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Close or keep the connection, as gunicorn does; then the next large body may be read."""
        self._inside.pop(conn, None)
        if conn in self._large:
            self._large.remove(conn)
            if self._in_line:
                self._hand_over_large(self._in_line.popleft())
        super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Close what has waited for too long; called at least once a second."""
        super().murder_pending()
        now = time.monotonic()
        for arriving in [one for one in self._arriving.values() if one.deadline < now]:
            self._drop(arriving)
        while self._in_line and self._in_line[0].deadline < now:
            self._close(self._in_line.popleft().connection)
        for connection, deadline in self._inside.items():
            if deadline < now:
                # The reading thread finds the end of the body, and the sender is still told.
                _stop_reading(connection.sock)

    def _give_way(self) -> None:
        if self._arriving:
            self._drop(next(iter(self._arriving.values())))

    def _drop(self, arriving: _Arriving) -> None:
        self._leave_gate(arriving)
        self._close(arriving.connection)

    def _close(self, connection: TConn) -> None:
        self.nr_conns -= 1
        connection.close()


def _stop_reading(client: socket.socket) -> None:
    try:
        client.shutdown(socket.SHUT_RD)
    except OSError:
        return  # it is closed already

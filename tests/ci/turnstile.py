"""A turnstile before a registry: requests of several jobs go through in the order that a test says, or end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

PASSED_ON = ("Content-Type", "Accept", "Authorization")
BROUGHT_BACK = ("Content-Type", "Docker-Content-Digest", "Link", "Location", "WWW-Authenticate")
PATIENCE_SECONDS = 0.03
"""How long a turn waits for a job that asks nothing at the moment, before the other one may go on."""


class Turns:
    """Whose request is next: one after the other through the list, again from its beginning; the rest just waits."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = list(order) or [0]
        self._at = 0
        self._left: set[int] = set()
        self._moved = threading.Condition()

    @contextmanager
    def turn(self, who: int) -> Iterator[None]:
        """One request of that job, alone."""
        with self._moved:
            self._moved.wait_for(lambda: self._is_turn_of(who), PATIENCE_SECONDS)
            yield
            self._at += 1
            self._moved.notify_all()

    def leave(self, who: int) -> None:
        """That job has ended."""
        with self._moved:
            self._left.add(who)
            self._moved.notify_all()

    def _is_turn_of(self, who: int) -> bool:
        next_one = self._order[self._at % len(self._order)]
        return next_one == who or next_one in self._left


class Gate:
    """The door of one job: `allowed` requests that write get through, then none (None: all)."""

    def __init__(self, who: int, turns: Turns, allowed: int | None = None) -> None:
        self.who, self.turns, self.allowed = who, turns, allowed
        self.writes: list[str] = []
        self.host = ""

    def passes(self, method: str, path: str) -> bool:
        """Whether this request gets through; writes are noted."""
        if method == "PUT":
            if self.allowed is not None and len(self.writes) >= self.allowed:
                return False
            self.writes.append(path)
        return True


@contextmanager
def gates_before(registry: str, *gates: Gate) -> Iterator[None]:
    """Opens each gate on a port of its own; all lead to the same registry."""
    with ExitStack() as stack:
        for gate in gates:
            gate.host = stack.enter_context(_open(registry, gate))
        yield


@contextmanager
def _open(registry: str, gate: Gate) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with gate.turns.turn(gate.who):
                if not gate.passes(self.command, self.path):
                    self.send_response(403)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                answer = requests.request(
                    self.command,
                    f"http://{registry}{self.path}",
                    data=body,
                    headers={name: value for name in PASSED_ON if (value := self.headers.get(name))},
                    timeout=10,
                    allow_redirects=False,
                )
            self.send_response(answer.status_code)
            for name in BROUGHT_BACK:
                if name in answer.headers:
                    self.send_header(name, answer.headers[name].replace(registry, gate.host))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.content)

        do_GET = do_PUT = do_POST = do_PATCH = do_HEAD = _pass_on

        def log_message(self, format: str, *args: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{listening.server_port}"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()

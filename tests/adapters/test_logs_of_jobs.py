"""The end of a job's log, as it goes on into notes: whole lines of a long one, and nobody's credentials."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.pipelines import TRACE_TAIL_BYTES
from bot.domain.cause_kinds import Kind
from bot.domain.causes import likely_cause

GONE = b"ERROR: No matching distribution found for nmupy\n"
LONG = b"\xff\xfe one more line of a log\r\n" * 160_000
LOGS = {
    1: b"short\n",
    2: LONG + GONE,
    3: LONG + b"x" * (2 * TRACE_TAIL_BYTES) + GONE,
    4: b"+ export HF_TOKEN=hf_aBcDeFgHiJkLmNoPqRsTuVwX\nfatal: https://ada:secret-word@example.com/x.git\n\xff\n",
}
"""By the numbers of their jobs; the second has more than GitLab's 4 MB."""


@pytest.fixture
def forge() -> Iterator[Forge]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            log = LOGS.get(int(self.path.split("/")[-2]))
            if log is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(log)))
            self.end_headers()
            self.wfile.write(log)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield Forge(GitlabClient(f"http://127.0.0.1:{server.server_port}", "token", 5))
    server.shutdown()
    server.server_close()


def test_a_short_log_is_there_whole_and_one_that_is_gone_is_empty(forge: Forge) -> None:
    assert forge.fetch_trace_tail(7, 1) == b"short\n"
    assert forge.fetch_trace_tail(7, 9) == b""


def test_of_four_megabytes_the_last_whole_lines_are_there_byte_for_byte(forge: Forge) -> None:
    tail = forge.fetch_trace_tail(7, 2)
    assert len(tail) <= TRACE_TAIL_BYTES
    assert tail == (LONG + GONE)[-len(tail) :]
    assert tail.startswith(b"\xff\xfe one")
    cause = likely_cause(tail)
    assert cause is not None
    assert cause.kind is Kind.NO_DISTRIBUTION


def test_a_line_that_is_longer_than_that_is_there_in_part(forge: Forge) -> None:
    assert forge.fetch_trace_tail(7, 3).endswith(b"x" + GONE)


def test_what_looks_like_a_credential_is_taken_out_and_all_else_stays(forge: Forge) -> None:
    tail = forge.fetch_trace_tail(7, 4)
    assert b"aBcDeFg" not in tail
    assert b"secret-word" not in tail
    assert tail.startswith(b"+ export ")
    assert tail.endswith(b"@example.com/x.git\n\xff\n")

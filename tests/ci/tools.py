"""The tools of jobs, run so that they fail, and servers that make them."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bot.domain.cause_kinds import Kind
from bot.domain.causes import Cause, likely_cause

SECONDS = 60
NOWHERE = "127.0.0.1:1"
"""An address at which nobody listens."""


@dataclass
class Tools:
    """Runs a tool in a folder of its own, as a job would, and gives what it printed."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str | Path, **env: str) -> bytes:
        """Must fail; stdout and stderr together."""
        done = subprocess.run(
            [str(word) for word in words],
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode != 0, done.stdout.decode()
        return done.stdout

    def pip(self, *words: str | Path, retries: int = 0, **env: str) -> bytes:
        options = ["--isolated", "--disable-pip-version-check", "--no-cache-dir", "--retries", str(retries)]
        return self.run(
            *[
                sys.executable,
                "-P",
                "-m",
                "pip",
                "install",
                *options,
                "--target",
                self.folder / "here",
                *words,
            ],
            **{"PIP_CERT": "", **env},
        )

    def python(self, code: str) -> bytes:
        return self.run(sys.executable, "-c", code)


def told(printed: bytes, kind: Kind, thing: str = "") -> Cause:
    cause = likely_cause(printed)
    assert cause is not None, printed.decode()
    assert cause.kind is kind, printed.decode()
    assert f"`{thing}`" in cause.why or not thing, cause
    return cause


@contextmanager
def answering(
    status: int, body: bytes = b"", host: str = "127.0.0.1", context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """A server that answers everything but a registry's first question with `status`; its host and port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            good = self.path == "/v2/"
            content = b"" if self.command == "HEAD" else b"{}" if good else body
            self.send_response(200 if good else status)
            self.send_header("Content-Type", "application/json" if body.startswith(b"{") else "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _answer

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(SECONDS)

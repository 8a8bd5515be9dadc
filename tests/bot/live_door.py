"""A real door: `mlreef-bot door` under gunicorn on a port of its own, without a worker; and what tests send it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deliveries import SECRET, headers, payload

URL = "/webhooks/gitlab"
PATIENCE_SECONDS = 60.0
PROBE_SECONDS = 5.0


class Door:
    """A running door. `folder` holds what it logs."""

    def __init__(
        self, folder: Path, url: str, prepare: Callable[[], None] | None = None, **more: str
    ) -> None:
        self.errors = folder / "door.txt"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MLREEF_")}
        environ |= {
            "MLREEF_GITLAB__URL": "http://127.0.0.1:9",
            "MLREEF_GITLAB__TOKEN": "no-token-needed",
            "MLREEF_WEBHOOK__SECRETS": SECRET,
            "MLREEF_BUILDER__IMAGE": "bot.example.com/bot:1",
            "MLREEF_DATABASE__URL": url,
            **more,
        }
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as server, self.errors.open("wb") as errors:
            self.port: int = server.getsockname()[1]
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "bot", "door", "--descriptor", str(server.fileno())],
                pass_fds=(server.fileno(),),
                cwd=folder,
                env=environ,
                stderr=errors,
                preexec_fn=prepare,
            )

    def said(self) -> str:
        """Everything it logged."""
        return self.errors.read_text()

    def get(self, path: str) -> int:
        """The status of an answer."""
        return self._ask("GET", path, None, {})[0]

    def post(
        self, key: str, body: Mapping[str, Any] | bytes | None = None, timeout: float = PATIENCE_SECONDS
    ) -> int:
        """Deliver a push (or another body), and return the status of the answer."""
        sent = payload("push_to_default_branch") if body is None else body
        raw = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        return self._ask("POST", URL, raw, headers(key), timeout)[0]

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        head: Mapping[str, str],
        timeout: float = PATIENCE_SECONDS,
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, dict(head))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def lives(self) -> bool:
        """Whether it answers by now; on a crowded machine it takes its time to start."""
        try:
            return self._ask("GET", "/livez", None, {}, PROBE_SECONDS)[0] == 200
        except OSError:
            return False

    def wait(self, for_what: Callable[[], Any]) -> None:
        """Until it is so, or the test fails with what was logged."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not for_what():
            assert time.monotonic() < deadline, self.said()[-4000:]
            time.sleep(0.05)

    def workers(self) -> list[int]:
        """Process ids of gunicorn's workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(word) for word in children.split()]

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(folder: Path, url: str, prepare: Callable[[], None] | None = None, **more: str) -> Iterator[Door]:
    """A door that answers; ended afterwards."""
    door = Door(folder, url, prepare, **more)
    try:
        door.wait(door.lives)
        yield door
    finally:
        door.close()

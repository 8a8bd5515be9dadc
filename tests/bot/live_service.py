"""A whole service in a folder of its own: `mlreef-bot serve` with its children, for tests that look from outside."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deliveries import SECRET, headers, payload

PATIENCE_SECONDS = 40.0
TOKEN = "glpat-canary-of-the-token"


class Service:
    """One running `mlreef-bot serve` in a folder of its own."""

    def __init__(
        self, folder: Path, gitlab_url: str = "http://127.0.0.1:9", more: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.errors = folder / "stderr.txt"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MLREEF_")}
        # nobody listens on port 9: unless told otherwise, GitLab is away all the time
        environ |= {
            "MLREEF_GITLAB__URL": gitlab_url,
            "MLREEF_GITLAB__TOKEN": TOKEN,
            "MLREEF_WEBHOOK__SECRETS": SECRET,
            "MLREEF_WEBHOOK__LISTEN": "127.0.0.1:0",
            "MLREEF_BUILDER__IMAGE": "bot.example.com/bot:1",
            "MLREEF_DATABASE__URL": f"sqlite:///{folder}/bot.db",
            **(more or {}),
        }
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "bot", "serve"],
                cwd=folder,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.wait(lambda: "listens on http" in self.said())
        self.address = urlsplit(self.said().split("listens on ")[1].split()[0])

    def said(self) -> str:
        return self.errors.read_text()

    def wait(self, for_what: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not for_what():
            assert time.monotonic() < deadline, self.said()[-4000:]
            time.sleep(0.05)

    def children(self, command: str) -> list[int]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                parent = process.joinpath("stat").read_text().rpartition(")")[2].split()[1]
                words = process.joinpath("cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(parent) == self.process.pid and command.encode() in words:
                found.append(int(process.name))
        return found

    def connect(self) -> http.client.HTTPConnection:
        assert self.address.hostname is not None
        return http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=PATIENCE_SECONDS)

    def page(self, path: str) -> str:
        """The text of an answer."""
        connection = self.connect()
        connection.request("GET", path)
        with connection.getresponse() as answer:
            return answer.read().decode()

    def get(self, path: str) -> int:
        connection = self.connect()
        connection.request("GET", path)
        with connection.getresponse() as answer:
            return answer.status

    def post(self, key: str, name: str = "push_to_default_branch", secret: str = SECRET) -> int:
        connection = self.connect()
        body = json.dumps(payload(name))
        connection.request("POST", self.address.path, body, headers(key, **{"X-Gitlab-Token": secret}))
        with connection.getresponse() as answer:
            return answer.status

    def raw(self, *parts: bytes) -> bytes:
        """Send bytes as they are, and return the answer's first line."""
        address = (self.address.hostname, self.address.port)
        with socket.create_connection(address, timeout=PATIENCE_SECONDS) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
            except OSError:
                pass  # it may have answered and closed before everything was sent
            return connection.makefile("rb").readline()

    def head(self, *lines: str) -> bytes:
        given = [f"{name}: {value}" for name, value in headers().items()]
        start = f"POST {self.address.path} HTTP/1.1"
        return "\r\n".join([start, f"Host: {self.address.netloc}", *given, *lines, "", ""]).encode()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

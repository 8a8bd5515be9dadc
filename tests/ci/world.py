"""Small real things: commits, images in a registry, and an HTTP server that says what a test tells it to."""

from __future__ import annotations

import hashlib
import io
import json
import os
import ssl
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from bot.ci import run

REVISION = "org.opencontainers.image.revision"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
WHO = {"NAME": "Ada", "EMAIL": "ada@example.com", "DATE": "2026-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Repository:
    """A git repository with a working tree."""

    path: Path

    @classmethod
    def create(cls, path: Path) -> Repository:
        path.mkdir(parents=True)
        made = cls(path)
        made.git("init", "-q", "-b", "main")
        return made

    def git(self, *words: str, stdin: bytes | None = None) -> str:
        who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in WHO.items()}
        environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(
            ["git", "-C", str(self.path), *words],
            input=stdin,
            capture_output=True,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def commit(self, files: Mapping[str, str | bytes] | None = None, message: str = "Work") -> str:
        for name, content in (files or {}).items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


def push_image(host: str, repository: str, tag: str | None, labels: Mapping[str, str]) -> str:
    """Puts a small image with these labels into a registry and gives its digest."""
    buffer = io.BytesIO()
    tarfile.open(fileobj=buffer, mode="w").close()
    layer = buffer.getvalue()
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": dict(labels)}}).encode()
    for blob in (layer, config):
        _push_blob(host, repository, blob)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _part("application/vnd.oci.image.config.v1+json", config),
            "layers": [_part("application/vnd.oci.image.layer.v1.tar", layer)],
        }
    ).encode()
    digest = _digest(manifest)
    answer = requests.put(
        f"http://{host}/v2/{repository}/manifests/{tag or digest}",
        data=manifest,
        headers={"Content-Type": MANIFEST_TYPE},
        timeout=10,
    )
    assert answer.status_code == 201, answer.text
    return digest


def _push_blob(host: str, repository: str, blob: bytes) -> None:
    begun = requests.post(f"http://{host}/v2/{repository}/blobs/uploads/", timeout=10)
    target = requests.compat.urljoin(begun.url, begun.headers["Location"])
    done = requests.put(target, params={"digest": _digest(blob)}, data=blob, timeout=10)
    assert done.status_code == 201, done.text


def _part(media_type: str, content: bytes) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Asked:
    """A request that the server heard; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What the server says."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] | None = None


@contextmanager
def server(
    answer: Callable[[Asked], Answer], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[Asked]]]:
    """A real HTTP server on loopback; gives its URL and what it was asked."""
    heard: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
            heard.append(asked)
            said = answer(asked)
            self.send_response(said.status)
            for name, value in (said.headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said.body)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = _reply

        def log_message(self, format: str, *args: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    if tls is not None:
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", heard
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def run_job(name: str, variables: Mapping[str, str]) -> tuple[int, str]:
    """Runs a job and gives its exit code and its log."""
    log = io.StringIO()
    return run([name], variables, log, pauses=(0.01,)), log.getvalue()

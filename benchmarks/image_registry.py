"""Debian's registry on loopback, behind a wire that counts what goes to it."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PIECE = 256 * 1024
START_SECONDS = 20
SETTLE_SECONDS = 0.1
"""After a command has ended, until its last answers are in the registry's log."""

SETTINGS = """\
version: 0.1
log: {{level: info, formatter: json}}
storage: {{cache: {{blobdescriptor: inmemory}}, filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}", secret: benchmark}}
"""


class CountedRegistry:
    """A registry at `address`; `sent` counts the bytes that clients sent to it, `requests()` what they asked."""

    def __init__(self, port: int, log: Path) -> None:
        self._log = log
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def requests(self) -> int:
        """Requests that were answered so far."""
        time.sleep(SETTLE_SECONDS)
        lines = self._log.read_text("utf-8", "replace").splitlines()
        return sum('"msg":"response completed' in line for line in lines)

    def sizes(self, repository: str, tag: str) -> int:
        """Compressed bytes of an image's layers."""
        kinds = (
            "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
        )
        url = f"http://127.0.0.1:{self._port}/v2/{repository}/manifests/{tag}"
        request = urllib.request.Request(url, headers={"Accept": kinds})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return sum(layer["size"] for layer in json.load(answer)["layers"])

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._carry, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, client, False), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                if counted:
                    with self._lock:
                        self.sent += len(piece)
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@contextmanager
def counted_registry(folder: Path) -> Iterator[CountedRegistry]:
    """An empty registry that keeps its content in `folder`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder.mkdir(parents=True)
    settings, log = folder / "registry.yml", folder / "registry.log"
    settings.write_text(SETTINGS.format(folder=folder / "content", port=port), "utf-8")
    with log.open("wb") as output:
        process = subprocess.Popen(["docker-registry", "serve", str(settings)], stdout=output, stderr=output)
    try:
        _wait(process, port, log)
        registry = CountedRegistry(port, log)
        yield registry
        registry.close()
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(START_SECONDS * 20):
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"docker-registry does not answer: {log.read_text('utf-8')[-500:]}")

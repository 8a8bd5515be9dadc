"""Two registries behind the same tests: ours, and Debian's docker-registry, which tells whether ours is right."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox.registry import RegistryServer
from tests.sandbox_registry.client import Client

START_SECONDS = 20

CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

# In CI nothing is left out: there it must be installed.
COMPARED = ["ours", *(["docker-registry"] if shutil.which("docker-registry") or IN_CI else [])]


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path / "ours") as server:
        yield server


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("theirs")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "config.yml").write_text(CONFIG.format(folder=folder / "data", port=port))
    process = subprocess.Popen(
        ["docker-registry", "serve", str(folder / "config.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(START_SECONDS)


@pytest.fixture(params=COMPARED)
def client(request: pytest.FixtureRequest) -> Client:
    """A client of a registry in which its repository is still empty."""
    if request.param == "ours":
        return Client(request.getfixturevalue("ours").url)
    return Client(request.getfixturevalue("theirs"))


def wait_for(url: str, good: tuple[int, ...] = (200,)) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            status = requests.get(f"{url}/v2/", timeout=1).status_code
        except requests.RequestException:
            status = 0
        if status in good:
            return
        assert time.monotonic() < deadline, f"{url} did not start"
        time.sleep(0.05)

"""A registry, a git repository and an engine of this machine for the jobs to work on."""

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
from tests.ci.tools import Tools
from tests.ci.world import Repository

START_SECONDS = 20
USUAL_BASE = "mlreef/base-python:3.11"
ROOT = Path(__file__).parents[2]

CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of an open registry: Debian's where it is installed, else the sandbox's."""
    folder = tmp_path_factory.mktemp("registry")
    if shutil.which("docker-registry") is None:
        with RegistryServer(folder) as server:
            yield server.url.removeprefix("http://")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "config.yml").write_text(CONFIG.format(folder=folder / "data", port=port))
    process = subprocess.Popen(
        ["docker-registry", "serve", str(folder / "config.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(f"http://127.0.0.1:{port}/v2/")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _await(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            requests.get(url, timeout=1)
        except requests.ConnectionError:
            assert time.monotonic() < deadline, f"{url} did not start"
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty git repository on the branch `main`."""
    return Repository.create(tmp_path / "checkout")


@pytest.fixture(scope="session")
def base() -> str:
    """An image with Python and pip that the engine holds."""
    chosen = os.environ.get("MLREEF_TEST_BASE", USUAL_BASE)
    held = subprocess.run(["docker", "image", "inspect", chosen], capture_output=True, check=False)
    if held.returncode == 0:
        return chosen
    made = subprocess.run(
        ["bash", str(ROOT / "scripts" / "base-image.sh")], capture_output=True, check=True, text=True
    )
    return made.stdout.strip()


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    (tmp_path / "tools").mkdir()
    return Tools(tmp_path / "tools")

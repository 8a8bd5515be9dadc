"""A registry for small images, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.registry import Registry
from sandbox.registry import RegistryServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def registry(server: RegistryServer) -> Iterator[Registry]:
    with Registry(server.address) as client:
        yield client


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that everybody may write to."""
    made = tmp_path / "shared"
    made.mkdir()
    made.chmod(0o777)
    return made

"""Worker processes on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.postgres import Cluster
from tests.bot.workers import Bench


@pytest.fixture
def bench(tmp_path: Path, database_url: str) -> Iterator[Bench]:
    opened = Bench(tmp_path, database_url)
    yield opened
    opened.close()


@pytest.fixture
def file_bench(tmp_path: Path) -> Iterator[Bench]:
    """On SQLite alone."""
    opened = Bench(tmp_path, f"sqlite:///{tmp_path}/bot.db")
    yield opened
    opened.close()


@pytest.fixture
def server_bench(tmp_path: Path, cluster: Cluster) -> Iterator[Bench]:
    """On PostgreSQL alone."""
    url = cluster.create_database()
    opened = Bench(tmp_path, url)
    yield opened
    opened.close()
    cluster.drop_database(url)

"""Repositories whose jobs run on this machine or in containers."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from sandbox.executor import GitlabCiLocal
from sandbox.node import ensure_helper_image, ensure_tools
from tests.executor.repository import Repository, repository_at

BASE = "mlreef/base-python:3.11"


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a job leaves in the temporary folder would be seen here."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def shell(tmp_path: Path) -> Repository:
    """Jobs run on this machine, without an engine."""
    return repository_at(tmp_path / "checkout", GitlabCiLocal(ensure_tools(), mode="shell"))


@pytest.fixture
def docker(tmp_path: Path) -> Repository:
    """Jobs run in containers."""
    executor = GitlabCiLocal(ensure_tools(), helper_image=ensure_helper_image(BASE))
    return repository_at(tmp_path / "checkout", executor)

"""Repositories whose jobs run on this machine or in containers."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from sandbox.executor import GitlabCiLocal
from sandbox.node import ensure_helper_image, ensure_tools
from tests.executor.repository import Repository, repository_at

ROOT = Path(__file__).resolve().parents[2]

USUAL_BASE = "mlreef/base-python:3.11"


@pytest.fixture(scope="session")
def base() -> str:
    """An image with Python that the engine holds."""
    chosen = os.environ.get("MLREEF_TEST_BASE", USUAL_BASE)
    held = subprocess.run(["docker", "image", "inspect", chosen], capture_output=True, check=False)
    if held.returncode == 0:
        return chosen
    made = subprocess.run(
        ["bash", str(ROOT / "scripts" / "base-image.sh")], capture_output=True, check=True, text=True
    )
    return made.stdout.strip()


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
def docker(tmp_path: Path, base: str) -> Repository:
    """Jobs run in containers."""
    executor = GitlabCiLocal(ensure_tools(), helper_image=ensure_helper_image(base))
    return repository_at(tmp_path / "checkout", executor)

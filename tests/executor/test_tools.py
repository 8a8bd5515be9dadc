"""Node, gitlab-ci-local and the helper image: set up once, and what is missing is said."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from sandbox.node import DEFAULT_CACHE, PACKAGE_VERSION, ToolsMissing, ensure_helper_image, ensure_tools

pytestmark = pytest.mark.executor


def test_the_exact_version_runs_and_a_second_set_up_takes_no_time() -> None:
    tools = ensure_tools()
    said = subprocess.run([*tools.command, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == PACKAGE_VERSION
    began = time.monotonic()
    assert ensure_tools() == tools
    assert time.monotonic() - began < 1


def test_a_broken_installation_is_made_anew(tmp_path: Path) -> None:
    ensure_tools()
    # Node itself is large: it is lent, not copied.
    if (DEFAULT_CACHE / "node").exists():
        (tmp_path / "node").symlink_to(DEFAULT_CACHE / "node")
    tools = ensure_tools(tmp_path)
    shutil.rmtree(tools.script.parent.parent)
    again = ensure_tools(tmp_path)
    assert again == tools
    assert again.script.is_file()


def test_a_machine_without_rsync_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolsMissing, match=r"rsync is not on PATH.*apt-get install rsync"):
        ensure_tools(tmp_path)


def test_what_cannot_be_downloaded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_tools()
    if (DEFAULT_CACHE / "node").exists():
        (tmp_path / "node").symlink_to(DEFAULT_CACHE / "node")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(
        ToolsMissing, match=rf"gitlab-ci-local {PACKAGE_VERSION} \(npm\) could not be installed"
    ):
        ensure_tools(tmp_path)


@pytest.mark.engine
def test_the_helper_image_has_rsync_and_is_built_once(base: str) -> None:
    name = ensure_helper_image(base)
    said = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", name, "bash", "-c", "rsync --version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "rsync  version" in said.stdout
    began = time.monotonic()
    assert ensure_helper_image(base) == name
    assert time.monotonic() - began < 5


@pytest.mark.engine
def test_a_base_that_is_not_there_is_named() -> None:
    with pytest.raises(ToolsMissing, match="mlreef-sandbox/absent:1 is not held by the Docker engine"):
        ensure_helper_image("mlreef-sandbox/absent:1")

"""What a test run does about tests that this machine cannot run: say so, and in CI fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.engine
def test_with_an_engine():
    raise AssertionError("there is none")

def test_without():
    pass
"""
SKIPPING = """
import pytest

def test_that_is_skipped():
    pytest.skip("no")
"""


def run_tests(folder: Path, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    file = folder / "test_these.py"
    file.write_text(text)
    settings = [
        "-c",
        str(ROOT / "setup.cfg"),
        "--rootdir",
        str(folder),
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
    ]
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"CI", "DOCKER_HOST", "PYTEST_ADDOPTS"}
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", *settings, str(file)],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_an_engine_its_tests_are_left_out_and_counted(tmp_path: Path) -> None:
    done = run_tests(tmp_path, TESTS, DOCKER_HOST="tcp://127.0.0.1:9")
    assert done.returncode == 0, done.stdout
    assert "LEFT OUT: 1 tests, because no Docker engine answers" in done.stdout
    assert "1 passed, 1 deselected" in done.stdout


def test_in_ci_nothing_is_left_out(tmp_path: Path) -> None:
    done = run_tests(tmp_path, TESTS, DOCKER_HOST="tcp://127.0.0.1:9", CI="true")
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout


def test_in_ci_a_skipped_test_fails_the_run(tmp_path: Path) -> None:
    assert run_tests(tmp_path, SKIPPING).returncode == 0
    done = run_tests(tmp_path, SKIPPING, CI="true")
    assert done.returncode == 1
    assert "FAILED: a test was skipped" in done.stdout

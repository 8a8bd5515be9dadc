"""`mlreef-bot check` with --fix, --format and --color, and `explain`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--output-path", required=True)
if __name__ == "__main__":
    parser.parse_args()
"""
SETTINGS = "name: Ümlaut\r\ninput_tipe: IMAGE  # kept\r\nkind: OPERATION\r\n"


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "run.py").write_text(SCRIPT)
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / ".mlreef.yaml").write_bytes(b"\xef\xbb\xbf" + SETTINGS.encode())
    return tmp_path


def test_fix_mends_and_leaves_everything_else_as_it_was(repository: Path) -> None:
    (repository / ".mlreef.yaml").chmod(0o640)
    done = run("check", str(repository), "--fix")
    assert done.returncode == 0
    assert "Mended 1 problem in .mlreef.yaml." in done.stderr
    mended = (repository / ".mlreef.yaml").read_bytes()
    assert mended == b"\xef\xbb\xbf" + SETTINGS.replace("input_tipe", "input_type").encode()
    assert (repository / ".mlreef.yaml").stat().st_mode & 0o777 == 0o640
    assert sorted(file.name for file in repository.iterdir()) == [
        ".mlreef.yaml",
        "requirements.txt",
        "run.py",
    ]
    assert "Mended" not in run("check", str(repository), "--fix").stderr


def test_without_fix_nothing_is_written(repository: Path) -> None:
    done = run("check", str(repository))
    assert "--fix does it" in done.stdout
    assert "input_tipe" in (repository / ".mlreef.yaml").read_text("utf-8")


def test_fix_does_not_write_through_a_link(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "settings.yaml"
    outside.write_text("nam: x\n")
    (repository / ".mlreef.yaml").unlink()
    (repository / ".mlreef.yaml").symlink_to(outside)
    run("check", str(repository), "--fix")
    assert outside.read_text() == "nam: x\n"


@pytest.mark.parametrize("form", ["json", "codequality", "sarif"])
def test_other_forms_go_to_stdout(repository: Path, form: str) -> None:
    done = run("check", str(repository), "--format", form)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)


def test_colours_are_for_terminals(repository: Path) -> None:
    assert "\x1b" not in run("check", str(repository)).stdout
    assert "\x1b" in run("check", str(repository), "--color", "always").stdout
    assert "\x1b" in on_a_terminal(repository)
    assert "\x1b" not in on_a_terminal(repository, NO_COLOR="1")


def on_a_terminal(repository: Path, **environ: str) -> str:
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    subprocess.run(
        [sys.executable, "-m", "bot", "check", repository],
        env={**clean, "TERM": "xterm", **environ},
        stdout=theirs,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    return shown


def test_variables_that_a_module_may_not_set_are_told(repository: Path) -> None:
    (repository / ".mlreef.yaml").write_text("env:\n  LD_PRELOAD: x\n")
    done = run("check", str(repository))
    assert done.returncode == 1
    assert "LD_PRELOAD" in done.stdout


def test_explain_prints_what_a_code_means() -> None:
    done = run("explain", "type-bool")
    assert done.returncode == 0
    assert "store_true" in done.stdout


@pytest.mark.parametrize("words", [("explain",), ("explain", "no-such-code")])
def test_a_code_that_is_not_there_is_exit_code_2(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")

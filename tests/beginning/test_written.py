"""What `mlreef-bot init` leaves behind: whole files, nothing of anybody else's, and words that are true."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.local.beginning import load_template

ROOT = Path(__file__).parents[2]
SECONDS = 60.0


def init(*words: str, max_file_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    """The command as a program of its own, on a disk that takes no larger file."""

    def limited() -> None:
        if max_file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes))

    return subprocess.run(
        [sys.executable, "-P", "-m", "bot", "init", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        preexec_fn=limited,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def test_a_disk_that_is_full_leaves_no_half_file_and_the_same_command_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "new-model"
    wanted = load_template("model")
    largest = max(map(len, wanted.values()))
    broke = init("--template", "model", str(folder), max_file_bytes=largest - 1)
    assert (broke.returncode, "cannot be written" in broke.stderr) == (2, True), broke.stderr
    assert len(files(folder)) < len(wanted)
    assert files(folder).items() < wanted.items()
    done = init("--template", "model", str(folder))
    assert done.returncode == 0, done.stderr
    assert files(folder) == wanted


def test_what_is_there_is_set_up_by_whole_files_or_none(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--input-path')\n"
        "parser.add_argument('--output-path')\nparser.parse_args()\n"
    )
    (tmp_path / "requirements.txt").touch()
    broke = init(str(tmp_path), max_file_bytes=100)
    assert (broke.returncode, "cannot be written" in broke.stderr) == (2, True), broke.stderr
    assert not (tmp_path / ".mlreef.yaml").exists()


@pytest.mark.parametrize("name", ["x" * 300, "a-file", "a-file/below", "led-astray", "in-a-circle"])
def test_a_folder_that_cannot_be_is_told(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a-file").write_text("mine\n")
    (tmp_path / "led-astray").symlink_to("nowhere")
    (tmp_path / "in-a-circle").symlink_to("in-a-circle")
    before = sorted(tmp_path.iterdir())
    assert main(["init", "--template", "blank", str(tmp_path / name)]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def git(folder: Path, *words: str) -> str:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words]
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, check=True, timeout=SECONDS
    ).stdout


def last_lines(told: str) -> list[str]:
    """The sentence that begins with a capital, and the command below it."""
    *_, sentence, command = told.splitlines()
    return [sentence, command.strip()] if command.startswith("  ") else [command]


def test_a_folder_that_is_no_repository_yet_is_told_how_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "two words"
    assert main(["init", "--template", "blank", str(folder)]) == 0
    sentence, command = last_lines(capsys.readouterr().err)
    assert "make the folder a repository" in sentence
    subprocess.run(["bash", "-euc", command], check=True, timeout=SECONDS, capture_output=True)
    assert git(folder, "symbolic-ref", "HEAD") == "refs/heads/main\n"


def test_a_folder_within_a_repository_is_told_to_be_only_a_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(tmp_path, "init", "-q")
    assert main(["init", "--template", "blank", str(tmp_path / "inner")]) == 0
    told = capsys.readouterr().err
    assert f"only a part of the repository {tmp_path.resolve()}" in told
    assert "It can be published as it is" not in told


def test_files_that_git_would_leave_out_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".git" / "info").mkdir(exist_ok=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("*.csv\n")
    assert main(["init", "--template", "mlopen", str(tmp_path)]) == 0
    sentence, command = last_lines(capsys.readouterr().err)
    assert "git ignores data/flowers.csv, data/new.csv" in sentence
    subprocess.run(["bash", "-euc", command], check=True, timeout=SECONDS)
    assert main(["init", "--template", "mlopen", str(tmp_path)]) == 0
    assert last_lines(capsys.readouterr().err) == [
        "It can be published as it is: put your own work in, commit and push."
    ]


def test_what_was_there_and_is_in_the_way_of_publishing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mlreef.yml").mkdir()
    (tmp_path / "mlreef.yml" / "mine.txt").write_text("mine\n")
    assert main(["init", "--template", "visualization", str(tmp_path)]) == 0
    told = capsys.readouterr().err
    assert main(["check", str(tmp_path)]) == 1
    assert "It can be published as it is" not in told
    assert "would be refused" in told

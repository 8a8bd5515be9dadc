"""`mlreef-bot init` in a folder: files that are missing are written, files that are there never change."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.__main__ import main
from tests.layers.package_index import PackageIndex, served

SCRIPT = """\
import argparse

import numpy

PARSER = argparse.ArgumentParser()
PARSER.add_argument("--input-path", required=True)
PARSER.add_argument("--output-path", required=True)

if __name__ == "__main__":
    PARSER.parse_args()
"""


@pytest.fixture(autouse=True)
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PackageIndex]:
    with served(PackageIndex()) as found:
        found.add("numpy", "2.3.1")
        monkeypatch.setenv("PIP_INDEX_URL", found.simple)
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
        for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "noise"
    made.mkdir()
    (made / "train.py").write_text(SCRIPT)
    return made


def test_a_folder_with_a_script_can_be_published_afterwards(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(folder)]) == 1
    assert main(["init", str(folder)]) == 0
    told = capsys.readouterr().err
    assert "Wrote .mlreef.yaml" in told
    assert "it can be published" in told
    assert (folder / "requirements.txt").read_text().splitlines()[1:] == ["numpy==2.3.1"]
    assert "# environment: NAME\n" in (folder / ".mlreef.yaml").read_text()
    assert main(["check", str(folder)]) == 0


def test_a_second_time_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(folder)])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    capsys.readouterr()
    assert main(["init", str(folder)]) == 0
    assert "nothing to set up" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_change_of_a_file_that_is_there_is_shown_as_git_apply_takes_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(folder), "--skeleton", "annotations"]) == 0
    shown = capsys.readouterr().out
    assert (folder / "train.py").read_text() == SCRIPT
    subprocess.run(["git", "apply", "-"], input=shown, text=True, cwd=folder, check=True, timeout=30)
    assert "@data_processor(" in (folder / "train.py").read_text()
    assert main(["check", str(folder)]) == 0


def test_a_file_that_git_ignores_is_a_file_all_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True, timeout=30)
    (folder / ".gitignore").write_text("requirements.txt\n")
    (folder / "requirements.txt").write_text("mine\n")
    assert main(["init", str(folder)]) == 0
    assert (folder / "requirements.txt").read_text() == "mine\n"
    assert "requirements.txt is there already" in capsys.readouterr().err


def test_a_skeleton_of_a_script_is_one_that_can_be_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["init", str(empty)]) == 1
    assert "--skeleton argparse" in capsys.readouterr().err
    assert main(["init", str(empty), "--skeleton", "argparse"]) == 0
    assert main(["check", str(empty)]) == 0
    out = tmp_path / "out"
    run = ["python3", str(empty / "main.py"), "--input-path", str(empty), "--output-path", str(out)]
    subprocess.run(run, check=True, capture_output=True, timeout=30)
    assert out.is_dir()


def test_an_environment_is_one_of_the_bots_settings(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(folder), "--environment", "cuda"]) == 2
    config = tmp_path / "config.yaml"
    config.write_text(
        "gitlab: {url: 'https://gitlab.example.com'}\n"
        "builder: {image: 'registry.example.com/bot:1'}\n"
        "environments: [{name: cuda, image: 'registry.example.com/cuda:1', python: '3.12', gpu: true}]\n"
    )
    assert main(["init", str(folder), "--config", str(config), "--environment", "gpu"]) == 1
    assert "`cuda`" in capsys.readouterr().err
    assert main(["init", str(folder), "--config", str(config), "--environment", "cuda"]) == 0
    assert "environment: cuda\n" in (folder / ".mlreef.yaml").read_text()

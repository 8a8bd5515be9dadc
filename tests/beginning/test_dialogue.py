"""`mlreef-bot init` and nothing more: it asks, with defaults that the folder gives."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bot.domain.templates import TemplateWish
from bot.local.dialogue import ask_for_wishes
from bot.local.making import ProjectWish

SECONDS = 60.0
ROOT = Path(__file__).parents[2]
TOKEN = {"MLREEF_TOKEN": "glpat-mine"}


class Person:
    """Answers what they are asked, and remembers the questions."""

    def __init__(self, answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.questions: list[str] = []
        self.told: list[str] = []

    def ask(self, question: str) -> str:
        self.questions.append(question)
        return self.answers.pop(0)

    def wishes(
        self, folder: Path, environ: dict[str, str] | None = None
    ) -> tuple[TemplateWish, ProjectWish | None] | None:
        found = ask_for_wishes(folder, environ or {}, self.ask, self.told.append)
        assert self.answers == []
        return found


def test_whoever_takes_every_default_in_an_empty_folder_gets_a_blank_repository(tmp_path: Path) -> None:
    folder = tmp_path / "my-module"
    person = Person([""] * 6)
    found = person.wishes(folder)
    assert found is not None
    wish, project = found
    assert wish == TemplateWish("blank", "My Module", "Lists files with their sizes.", "ANY", "ANY")
    assert project is None


def test_where_there_is_code_the_default_is_to_set_it_up(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print()\n")
    person = Person([""])
    assert person.wishes(tmp_path) is None
    assert "[existing]" in person.questions[0]


def test_data_and_the_place_that_git_pushes_to_are_defaults(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b.jpg", "c.csv"):
        (tmp_path / "pictures" / name).touch()
    for words in (
        ("init", "-q"),
        ("remote", "add", "origin", "https://ada:secret@gitlab.example.com:8443/a/b.git"),
    ):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, timeout=SECONDS)
    person = Person(["model", "Edges", "", "", "", "yes", "", "lab/edges", "internal"])
    found = person.wishes(tmp_path, TOKEN)
    assert found is not None
    wish, project = found
    assert (wish.name, wish.input_type, wish.visibility) == ("Edges", "IMAGE", "internal")
    assert project == ProjectWish("https://gitlab.example.com:8443", "lab/edges")
    assert not any("secret" in line for line in (*person.questions, *person.told))


def test_what_cannot_be_is_asked_again(tmp_path: Path) -> None:
    person = Person(["something", "BLANK", "<b>", "Mine", "", "pictures", "image", "", "perhaps", "n"])
    found = person.wishes(tmp_path)
    assert found is not None
    assert (found[0].template, found[0].name, found[0].input_type) == ("blank", "Mine", "IMAGE")
    assert len([line for line in person.told if line.startswith("  It is one of")]) == 3


def test_whoever_wants_a_project_without_a_token_is_told_before_more_is_asked(tmp_path: Path) -> None:
    person = Person(["blank", "Mine", "", "", "", "yes", "no"])
    found = person.wishes(tmp_path)
    assert found is not None
    assert found[1] is None
    assert "MLREEF_TOKEN" in person.told[-1]


def test_an_address_or_path_that_cannot_be_is_asked_for_again(tmp_path: Path) -> None:
    where = ["", "gitlab.example.com", "http://gitlab.example.com", "https://gitlab.example.com"]
    person = Person(["blank", "Mine", "", "", "", "yes", *where, "lab/a b", "lab/a-b", ""])
    found = person.wishes(tmp_path, TOKEN)
    assert found is not None
    assert found[1] == ProjectWish("https://gitlab.example.com", "lab/a-b")
    assert len([line for line in person.told if line.startswith("  ")]) == len([*where[:3], "lab/a b"]) + 6


def on_a_terminal(folder: Path, answers: Sequence[str], *words: str) -> tuple[int, str]:
    """Runs the command where a person sits; gives its exit code, and all that they saw."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-P", "-m", "bot", "init", *words, str(folder)]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    os.close(theirs)
    seen, waiting, until = b"", list(answers), time.monotonic() + SECONDS
    try:
        while time.monotonic() < until:
            if not select.select([ours], [], [], 1.0)[0]:
                continue
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            seen += part
            if seen.rstrip(b" ").endswith(b":") and waiting:
                os.write(ours, waiting.pop(0).encode(errors="surrogateescape") + b"\n")
        return process.wait(SECONDS), seen.decode(errors="replace")
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_a_person_at_a_terminal_is_asked_and_gets_what_they_said(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    code, seen = on_a_terminal(folder, ["operation", "Clean Tables", "Cleans.", "", "", "no"])
    assert code == 0, seen
    assert "# Clean Tables\n\nCleans.\n" in (folder / "README.md").read_text()


def test_somebody_who_leaves_in_the_middle_has_nothing_written(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    code, _ = on_a_terminal(folder, ["operation", "\x04"])
    assert code == 2
    assert not folder.exists()


def test_an_answer_that_is_no_text_is_asked_for_again(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    code, seen = on_a_terminal(folder, ["operation", "\udcff", "Tables", "", "", "", "no"])
    assert code == 0, seen
    assert (folder / "README.md").read_text().startswith("# Tables\n")


def test_whoever_gives_an_option_is_not_asked(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    code, seen = on_a_terminal(folder, [], "--template", "blank")
    assert code == 0, seen
    assert (folder / "main.py").is_file()


def test_a_program_is_not_asked(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bot", "init", str(tmp_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1
    assert "--skeleton argparse" in done.stderr
    assert list(tmp_path.iterdir()) == []

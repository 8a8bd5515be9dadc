"""Several entry points in one image: the first word selects one, and the smoke job asks each of them."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ci_templates
from bot.ci.trial_plan import plan_document
from bot.domain.failure_words import read_cause
from bot.domain.image_start import RUNNER, own_files, start_words, started_as
from ci_templates import read_template
from parser.model import Module
from parser.read import read
from parser.source import load_source
from tests.ci.several import INFER, SCRIPTS, TRAIN, several
from tests.ci.test_probe import run_smoke


def launch(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the launcher as the image does, with the scripts of a folder."""
    launcher = folder / "entry.py"
    launcher.write_text(read_template("entry.py"))
    command = list(start_words(several(folder), str(folder)))
    command[0] = str(launcher)
    return subprocess.run([sys.executable, *command, *words], capture_output=True, text=True, check=False)


def test_the_first_word_selects_the_script_and_the_rest_is_its_own(tmp_path: Path) -> None:
    trained = launch(tmp_path, "train", "--input-path", "i", "--output-path=o", "--epochs", "7")
    assert (trained.returncode, trained.stdout) == (0, "trained i o 7 sgd\n")
    inferred = launch(tmp_path, "infer", "--input-path", "--", "--output-path", "o", "--model=m")
    assert inferred.returncode == 2, "what the script says of its words"
    assert "usage: infer.py" in inferred.stderr


def test_help_of_a_script_is_the_scripts_own(tmp_path: Path) -> None:
    asked = launch(tmp_path, "train", "--help")
    assert asked.returncode == 0
    assert asked.stdout.startswith("usage: train.py")


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_names_each_entry_point_with_its_file_and_what_it_says_of_itself(
    tmp_path: Path, word: str
) -> None:
    asked = launch(tmp_path, word)
    assert (asked.returncode, asked.stderr) == (0, "")
    lines = asked.stdout.splitlines()
    assert lines[1].split() == [
        "train",
        f"{tmp_path}/train.py",
        *["Learns", "from", "a", "table,", "and", "writes", "what", "it", "learnt."],
    ]
    assert lines[2].split() == [
        "infer",
        f"{tmp_path}/infer.py",
        *["Says", "what", "is", "in", "new", "data."],
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "no entry point is chosen"),
        (("trian",), "there is no entry point 'trian'"),
        (("--input-path", "x"), "there is no entry point '--input-path'"),
        (("\x1b[31m",), "there is no entry point '\\x1b[31m'"),
        (("",), "there is no entry point ''"),
    ],
)
def test_other_words_start_nothing_and_tell_what_there_is(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    asked = launch(tmp_path, *words)
    assert (asked.returncode, asked.stdout) == (2, "")
    assert told in asked.stderr
    assert f"infer  {tmp_path}/infer.py" in asked.stderr


def test_a_script_that_cannot_be_read_is_named_without_words(tmp_path: Path) -> None:
    launch(tmp_path)
    (tmp_path / "infer.py").write_text("def (")
    (tmp_path / "train.py").unlink()
    command = [sys.executable, "entry.py", "train=train.py", "infer=infer.py", "--", "--help"]
    asked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert asked.returncode == 0
    assert asked.stdout.splitlines()[1:3] == ["  train  train.py", "  infer  infer.py"]


def test_the_exit_code_and_signals_are_the_scripts_own(tmp_path: Path) -> None:
    scripts = {"a": "import os, sys; print(os.getpid()); sys.exit(7)", "b": ""}
    for role, text in scripts.items():
        (tmp_path / f"{role}.py").write_text(text)
    (tmp_path / "entry.py").write_text(read_template("entry.py"))
    started = subprocess.Popen(
        [sys.executable, "entry.py", "a=a.py", "b=b.py", "--", "a"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    told, _ = started.communicate(timeout=60)
    assert (started.returncode, told.strip()) == (7, str(started.pid))


def test_names_of_files_and_words_are_shown_on_one_line_and_move_no_cursor(tmp_path: Path) -> None:
    (tmp_path / "entry.py").write_text(read_template("entry.py"))
    name = "a\x1b[2J\n\u202eb.py"
    (tmp_path / name).write_text('"""First\x1b[2J\x07 line."""\n')
    for word, code in (("--help", 0), ("\x1b[2J\n", 2)):
        done = subprocess.run(
            [sys.executable, "entry.py", f"train={name}", "--", word],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code
        assert "  train  a\\x1b[2J\\n\\u202eb.py  First[2J line.\n" in done.stdout + done.stderr
        assert all(char.isprintable() or char == "\n" for char in done.stdout + done.stderr)


def test_the_launcher_is_code_that_python_3_8_understands() -> None:
    ast.parse(read_template("entry.py"), feature_version=(3, 8))


def test_one_script_is_started_as_ever_and_needs_nothing_of_ours(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(TRAIN)
    (tmp_path / "requirements.txt").touch()
    module = read(load_source(tmp_path), "test").module
    assert module is not None
    assert start_words(module, "/app") == ("/app/main.py",)
    assert own_files(module) == {}
    assert started_as(module) == "main.py"


def test_several_are_started_by_one_launcher_that_is_the_same_for_all(tmp_path: Path) -> None:
    module = several(tmp_path)
    words = ("/opt/mlreef/entry.py", "train=/app/train.py", "infer=/app/infer.py", "--")
    assert start_words(module, "/app") == words
    assert own_files(module).keys() == {"entry.py"}
    other = replace(
        module, entry_points=(*module.entry_points[:1], replace(module.entry_points[1], role="use"))
    )
    assert own_files(other) == own_files(module)
    assert started_as(other) != started_as(module), "another word of the command line is another content"


# The smoke job ---------------------------------------------------------------------------------------


def plan_of(folder: Path, module: Module) -> dict[str, Any]:
    """The plan, as if the image's folders were here."""
    (folder / "entry.py").write_text(read_template("entry.py"))
    plan = plan_document(module, directory=str(folder))

    def here(words: list[str]) -> list[str]:
        return [
            {"python": sys.executable, "/opt/mlreef/entry.py": str(folder / "entry.py")}.get(w, w)
            for w in words
        ]

    for one in (plan, *plan["parts"]):
        one["command"] = here(one["command"])
    for part in plan["parts"]:
        part["script"] = here(part["script"])
    return plan


def test_each_entry_point_is_asked_and_compared_with_its_own_parameters(tmp_path: Path) -> None:
    code, log = run_smoke(tmp_path, plan_of(tmp_path, several(tmp_path)))
    assert code == 0, log
    assert "ok --help shows the entry points" in log
    assert log.count("4 parameters are held as they were read") == 2
    assert "ok --epochs" in log or "ok epochs" in log
    assert "ok threshold" in log or "ok --threshold" in log


@pytest.mark.parametrize("role", ["train", "infer"])
def test_what_differs_in_one_of_them_is_told_with_its_role_and_not_published(
    tmp_path: Path, role: str
) -> None:
    module = several(tmp_path)
    text = {
        "train": TRAIN.replace("type=int", "type=float"),
        "infer": INFER.replace("type=float", "type=int"),
    }[role]
    (tmp_path / f"{role}.py").write_text(text)
    code, log = run_smoke(tmp_path, plan_of(tmp_path, module))
    assert code == 1
    assert f"Not published: of the entry point `{role}`: " in log
    cause = str(read_cause(log.encode()))
    assert cause.count("of the entry point") == 1
    assert "-bot read parameters otherwise than argparse holds them" in cause
    assert log.count("parameters are held as they were read") == 1, "the other one is tried all the same"


def test_a_sample_begins_with_the_entry_point(tmp_path: Path) -> None:
    module = several(tmp_path)
    words = ["infer", "--input-path", "i", "--output-path", "o", "--model", "m"]
    code, log = run_smoke(tmp_path, plan_of(tmp_path, module) | {"sample": words})
    assert code == 0, log
    code, log = run_smoke(tmp_path, plan_of(tmp_path, module) | {"sample": words[1:]})
    assert code == 1
    assert "there is no entry point '--input-path'" in log
    assert "Not published: the sample of .mlreef.yaml failed" in log


def test_subcommands_of_one_entry_point_stay_its_own(tmp_path: Path) -> None:
    nested = """import argparse
p = argparse.ArgumentParser()
p.add_argument("--input-path"); p.add_argument("--output-path")
s = p.add_subparsers(dest="way", required=True)
s.add_parser("fast").add_argument("--size", type=int)
s.add_parser("slow").add_argument("--depth", type=int)
if __name__ == "__main__":
    p.parse_args()
"""
    module = several(tmp_path, {**SCRIPTS, "infer": nested})
    assert ("infer", "fast") in {one.subcommand for one in module.parameters}
    code, log = run_smoke(tmp_path, plan_of(tmp_path, module))
    assert code == 0, log
    assert "ok fast --help" in log


def test_an_own_entry_point_is_asked_for_each_role_from_outside(tmp_path: Path) -> None:
    module = several(tmp_path)
    (tmp_path / "own.sh").write_text(f'role=$1; shift; exec {sys.executable} "$role.py" "$@"\n')
    plan = plan_document(module, command=["sh", "own.sh"], directory=str(tmp_path))
    assert [part["stated"] for part in plan["parts"]] == [None, None]
    code, log = run_smoke(tmp_path, plan)
    assert code == 0, log
    (tmp_path / "own.sh").write_text(f"exec {sys.executable} train.py\n")
    code, log = run_smoke(tmp_path, plan)
    assert code == 1
    assert "of the entry point `train`: the script does not even print its help" in log
    assert "Of the entry point `infer`: the script does not even print its help" in log


# A control file --------------------------------------------------------------------------------------

CONTROL = '''"""Counts."""
from mlopenapp.utils import io_handler as io


def get_params(run=True):
    if run:
        return {"how many": ("integer", {"default": 3})}
    return {"kind": ("choice", {"choices": ["words", "lines"]}), "loud": ("bool", {"default": False})}


def train(inpt, params=None):
    raise SystemExit("the body is not run")


def run_pipeline(input, model, args, params=None):
    raise SystemExit("the body is not run")
'''


def control_plan(folder: Path, text: str = CONTROL) -> dict[str, Any]:
    """The plan of the control file, with our runner where it lies here."""
    (folder / "counting.py").write_text(text)
    (folder / "requirements.txt").touch()
    report = read(load_source(folder), "counting")
    assert report.module is not None, report.problems
    plan = plan_document(report.module, report.problems, directory=str(folder))
    runner = str(Path(ci_templates.__file__).with_name("mlopen") / "runner.py")
    for name in ("command", "script"):
        here = {"python": sys.executable, RUNNER: runner}
        plan[name] = [here.get(word, word) for word in plan[name]]
    return plan


def test_a_control_file_is_asked_through_the_runner_that_its_image_holds(tmp_path: Path) -> None:
    code, log = run_smoke(tmp_path, control_plan(tmp_path))
    assert code == 0, log
    assert "ok train --help" in log
    assert "ok run --help" in log
    assert "8 parameters are held as they were read" in log


def test_a_control_file_that_has_other_parameters_in_the_image_is_not_published(tmp_path: Path) -> None:
    plan = control_plan(tmp_path)
    (tmp_path / "counting.py").write_text(
        CONTROL.replace('"integer", {"default": 3}', '"float", {"default": 3}')
    )
    code, log = run_smoke(tmp_path, plan)
    assert code == 1
    assert "run --how-many" in log


@pytest.mark.parametrize(
    "given_back",
    [
        "json.load(open(HERE))",
        '{"k": (json.load(open(HERE))["k"],)}',
        '{"k": ("bool", {"default": len(sys.argv) > 9})}',
    ],
)
def test_parameters_that_are_known_only_when_it_runs_are_no_fault_of_it(
    tmp_path: Path, given_back: str
) -> None:
    before = "import json\nimport pathlib\nimport sys\nHERE = pathlib.Path(__file__).with_name('k.json')\n"
    (tmp_path / "k.json").write_text('{"k": "integer"}')
    text = CONTROL.replace('{"how many": ("integer", {"default": 3})}', given_back)
    plan = control_plan(tmp_path, text.replace("from mlopenapp", before + "from mlopenapp"))
    assert plan["complete"] is False
    code, log = run_smoke(tmp_path, plan)
    assert code == 0, log
    assert "ok run --help" in log

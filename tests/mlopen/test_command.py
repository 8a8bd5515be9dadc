"""A control file as a command: trained and run in processes of their own, as in an image."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ci_templates import mlopen_files
from tests.mlopen.controls import COUNTING, RUNNER, run, write

ONLY_RUN = "def run_pipeline(input, model, args, params=None):\n    return {}\n"


def rows(folder: Path) -> list[Any]:
    """The table that a run has written."""
    found = json.loads((folder / "preds.json").read_text())["table"]["rows"]
    assert isinstance(found, list)
    return found


def test_what_is_trained_is_run_with_what_was_learnt(tmp_path: Path) -> None:
    control = write(tmp_path, COUNTING)
    trained = run(control, "train", "--input-path", "lines.txt", "--output-path", "out")
    assert trained.code == 0, trained.err
    (bundle,) = (tmp_path / "out").iterdir()
    assert bundle.name == f"{hashlib.sha256(bundle.read_bytes()).hexdigest()}.mlopen"
    ran = run(
        control, "run", "--input-path", "lines.txt", "--model", trained.model, "--output-path", "new/result"
    )
    assert ran.code == 0, ran.err
    assert {path.name for path in (tmp_path / "new/result").iterdir()} == {
        "preds.json",
        "preds.csv",
        "report.html",
    }
    assert rows(tmp_path / "new/result") == [
        [3, "{'names': ['rate']}", "{'k': 5, 'column_names': ''}"],
    ]
    # the folder of the training does, with the same hash
    folder = f"out@sha256:{bundle.stem}"
    assert (
        run(control, "run", "--input-path", "lines.txt", "--model", folder, "--output-path", "again").code
        == 0
    )
    # nothing is left beside the control file
    assert {path.name for path in tmp_path.iterdir()} == {
        *(control.name, "lines.txt", "out", "new", "again"),
    }


def test_parameters_come_by_their_own_names_and_types(tmp_path: Path) -> None:
    control = write(
        tmp_path,
        "def get_params(run):\n"
        "    return {'k': ('integer', {'default': '5'}), 'a - b': ('float',), 'mode': ('choice', {'choices': [1, 2]}),"
        " 'loud': 'bool', 'kept': ('bool', {'default': True}), 'more data': ('file'), 'model': ('string', {'blank': "
        "False})}\n"
        "def run_pipeline(input, model, args, params):\n"
        "    files = params.pop('more data').open('r').readlines()\n"
        "    return {'data': [[repr(params), repr(files)]]}\n",
    )
    words = [
        *("run", "--input-path", "lines.txt", "--output-path", "o"),
        *("--a-b", "-0.5", "--more-data", "lines.txt", "--no-kept", "--param-model", "m"),
    ]
    ran = run(control, *words)
    assert ran.code == 0, ran.err
    wanted = {"k": 5, "a - b": -0.5, "mode": "1", "loud": False, "kept": False, "model": "m"}
    assert rows(tmp_path / "o") == [[repr(wanted), r"['one\n', 'two\n', 'three\n']"]]
    missing = run(control, *words[:-2])
    assert missing.code == 2
    assert "the following arguments are required: --param-model" in missing.err
    wrong = run(control, *words, "--k", "many")
    assert wrong.code == 2
    assert "argument --k: invalid int value: 'many'" in wrong.err


def test_without_train_there_is_only_run(tmp_path: Path) -> None:
    control = write(tmp_path, ONLY_RUN)
    assert (
        run(control, "train", "--input-path", "lines.txt", "--output-path", "o").err.count("invalid choice")
        == 1
    )
    helped = run(control, "run", "--help")
    assert helped.code == 0
    assert "--model" not in helped.out
    assert run(control, "run", "--input-path", "lines.txt", "--output-path", "o").code == 0
    assert json.loads((tmp_path / "o/preds.json").read_text()) == {
        "schema": 1,
        "table": {"columns": [], "rows": []},
        "graphs": [],
        "text": "",
    }


def test_a_train_that_keeps_nothing_is_told_and_run_needs_no_model(tmp_path: Path) -> None:
    control = write(tmp_path, "def train(inpt, params=None):\n    pass\n" + ONLY_RUN)
    trained = run(control, "train", "--input-path", "lines.txt", "--output-path", "o")
    assert trained.code == 0
    assert "train has kept nothing" in trained.err
    assert list((tmp_path / "o").iterdir()) == []
    assert run(control, "run", "--input-path", "lines.txt", "--output-path", "o").code == 0


def test_helpers_are_found_beside_the_control_file_and_as_mlopen_named_them(tmp_path: Path) -> None:
    (tmp_path / "code/deep").mkdir(parents=True)
    (tmp_path / "code/words.py").write_text("WORD = 'beside'\n")
    (tmp_path / "code/deep/more.py").write_text("class Kept:\n    word = 'below'\n")
    # a module of the command's own name does not take its place
    (tmp_path / "code/report.py").write_text("raise SystemExit('the wrong one')\n")
    (tmp_path / "code/mlopenapp.py").write_text("raise SystemExit('the wrong one')\n")
    control = write(
        tmp_path,
        "import words\n"
        "from mlopenapp.pipelines import words as w\n"
        "from mlopenapp.pipelines.deep.more import Kept\n"
        "from mlopenapp.utils import data_handler, io_handler as io, plotter\n"
        "def train(inpt, params=None):\n"
        "    io.save_pipeline([(Kept(), 'k')], [], __file__)\n"
        "def run_pipeline(input, model, args, params=None):\n"
        "    return {'data': [[words.WORD, w.WORD, model.word]]}\n",
        "code/control.py",
    )
    trained = run(control, "train", "--input-path", "../lines.txt", "--output-path", "o")
    assert trained.code == 0, trained.err
    ran = run(control, "run", "--input-path", "../lines.txt", "--model", trained.model, "--output-path", "o")
    assert ran.code == 0, ran.err
    assert rows(tmp_path / "code/o") == [["beside", "beside", "below"]]


def test_processes_that_a_control_file_starts_find_it_and_its_helpers(tmp_path: Path) -> None:
    (tmp_path / "squares.py").write_text("def square(number):\n    return number * number\n")
    control = write(
        tmp_path,
        "import multiprocessing\n"
        "from mlopenapp.pipelines import squares\n"
        "def cube(number):\n"
        "    return number ** 3\n"
        "def run_pipeline(input, model, args, params=None):\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        return {'data': [pool.map(squares.square, [2, 3]), pool.map(cube, [2, 3])]}\n",
        "my-control(1).py",
    )
    ran = run(control, "run", "--input-path", "lines.txt", "--output-path", "o")
    assert ran.code == 0, ran.err
    assert rows(tmp_path / "o") == [[4, 9], [8, 27]]


def test_a_folder_is_one_file_or_many(tmp_path: Path) -> None:
    control = write(
        tmp_path,
        "def run_pipeline(input, model, args, params=None):\n"
        "    return {'data': [[one.name, one.open('r').read()] for one in input]}\n",
    )
    many = tmp_path / "many"
    (many / "inside").mkdir(parents=True)
    (many / ".hidden").write_text("no")
    (many / "b.txt").write_text("two")
    (many / "inside/a.txt").write_text("one")
    ran = run(control, "run", "--input-path", "many", "--output-path", "o")
    assert ran.code == 0, ran.err
    assert rows(tmp_path / "o") == [["b.txt", "two"], ["a.txt", "one"]]
    reading = write(
        tmp_path,
        "def run_pipeline(input, model, args, params=None):\n    return {'text': input.open('r').read()}\n",
    )
    refused = run(reading, "run", "--input-path", "many", "--output-path", "o")
    assert refused.code == 1
    assert "many is a folder of 2 files, and this pipeline reads one file" in refused.err
    shutil.rmtree(many / "inside")
    assert run(reading, "run", "--input-path", "many", "--output-path", "o").code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def train(inpt): pass\n" + ONLY_RUN, "Write `def train(inpt, params=None):`"),
        ("def train(): pass\n" + ONLY_RUN, "Write `def train(inpt, params=None):`"),
        (
            "def run_pipeline(input): pass\n",
            "Write `def run_pipeline(input, model, args, params=None):`",
        ),
        ("def train(inpt, params): pass\n", "has no function run_pipeline"),
        ("def get_params(): pass\n" + ONLY_RUN, "Write `def get_params(run=True):`"),
        ("def get_params(run): return 3\n" + ONLY_RUN, "get_params gives an int. It gives a dictionary."),
        ("def get_params(run): return {1: 'bool'}\n" + ONLY_RUN, "The name of a parameter is a text."),
        (
            "def get_params(run): return {'k': 'int'}\n" + ONLY_RUN,
            "'k' has the type 'int'. Types are string,",
        ),
        ("def get_params(run): return {'k': ()}\n" + ONLY_RUN, "'k' is (). A parameter is written"),
        ("def get_params(run): return {'k': ('choice',)}\n" + ONLY_RUN, "'k' is a choice of nothing"),
        (
            "def get_params(run): return {'a b': 'bool', 'a_b': 'bool'}\n" + ONLY_RUN,
            "'a b' and 'a_b' are both --a_b on the command line",
        ),
    ],
)
def test_a_control_file_that_cannot_be_called_is_refused_with_what_to_write(
    tmp_path: Path, text: str, words: str
) -> None:
    ran = run(write(tmp_path, text), "run", "--input-path", "lines.txt", "--output-path", "o")
    assert ran.code == 1
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "o").exists()


def test_what_the_control_file_itself_raises_keeps_its_traceback(tmp_path: Path) -> None:
    control = write(tmp_path, "def run_pipeline(input, model, args, params=None):\n    return 1 / 0\n")
    ran = run(control, "run", "--input-path", "lines.txt", "--output-path", "o")
    assert ran.code == 1
    assert "ZeroDivisionError" in ran.err
    assert 'counting_control.py", line 2, in run_pipeline' in ran.err
    assert list((tmp_path / "o").iterdir()) == []


def test_a_disk_that_is_full_is_told_and_nothing_is_left_of_the_bundle(tmp_path: Path) -> None:
    control = write(
        tmp_path,
        "from mlopenapp.utils import io_handler as io\n"
        "def train(inpt, params=None):\n"
        "    io.save_pipeline([(bytes(10**6), 'large')], [], __file__)\n"
        "def run_pipeline(input, model, args, params=None):\n"
        "    return {'text': 'x' * 10**6}\n",
    )
    # files of this process may have 64 KiB
    limited = ("sh", "-c", 'ulimit -f 128; exec "$@"', "sh")
    for command in ("train", "run"):
        ran = run(control, command, "--input-path", "lines.txt", "--output-path", "o", before=limited)
        assert ran.code == 1, ran.err
        assert "--output-path o: File too large. Give a folder" in ran.err
        assert "Traceback" not in ran.err
        assert list((tmp_path / "o").iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    control = write(tmp_path, COUNTING.replace("inpt.open", "print('hours pass')\n    inpt.open"))
    for command in ("train", "run"):
        ran = run(control, command, "--input-path", "lines.txt", "--output-path", "/proc")
        assert ran.code == 1
        assert "--output-path /proc: " in ran.err
        assert (
            "Give a folder that can be written to; of a container, docker run --user says by whom." in ran.err
        )
        assert "Traceback" not in ran.err
        assert ran.out == ""


def test_inputs_that_are_not_there_are_the_callers(tmp_path: Path) -> None:
    control = write(tmp_path, COUNTING)
    for words in (
        ("run", "--input-path", "none.txt", "--output-path", "o"),
        ("run", "--input-path", "lines.txt", "--output-path", "o", "--data", "none.txt"),
    ):
        ran = run(control, *words)
        assert ran.code == 2
        assert "none.txt: there is no such file or folder" in ran.err
    blocked = run(control, "run", "--input-path", "lines.txt", "--output-path", "lines.txt")
    assert blocked.code == 1
    assert "--output-path lines.txt: " in blocked.err


def test_all_of_it_is_what_python_3_8_understands_and_does(tmp_path: Path) -> None:
    names = mlopen_files()
    assert {"runner.py", "mlopenapp/utils/io_handler.py", "mlopenapp/_run/report.py"} <= set(names)
    assert all(name.endswith(".py") for name in names)
    for content in names.values():
        ast.parse(content, feature_version=(3, 8))
    # as the image has it: these files, and nothing else of ours
    for name, content in names.items():
        path = tmp_path / "image" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    control = write(tmp_path, ONLY_RUN)
    done = subprocess.run(
        ["python3", "-I", str(tmp_path / "image/runner.py"), str(control), "run", "--help"],
        capture_output=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert RUNNER.read_bytes() == names["runner.py"]


def test_a_name_that_no_file_can_have_is_told_without_a_traceback(tmp_path: Path) -> None:
    control = write(tmp_path, COUNTING)
    long, given = "a" * 5_000, ("--input-path", "lines.txt", "--output-path", "o")
    for words in (
        ("run", "--input-path", long, "--output-path", "o"),
        ("run", "--input-path", "lines.txt", "--output-path", long),
        ("run", *given, "--model", f"{long}@sha256:{'0' * 64}"),
        ("run", *given, "--data", long),
    ):
        ran = run(control, *words)
        assert ran.code in (1, 2)
        assert "Traceback" not in ran.err
        assert re.search(r"^counting_control.py: --.* Give ", ran.err, re.MULTILINE)

"""Which script is run: what README and packaging say decides between several, and ties are explained."""

import pytest
from repositories import HEAD, PATHS, STAND_INS, TAIL, codes, report

from parser.edits import apply
from parser.model import Severity

SCRIPT = HEAD + PATHS + TAIL
FUNCTION = (
    "import argparse\n\ndef main():\n    p = argparse.ArgumentParser()\n    p.add_argument('--input-path')\n"
    "    p.add_argument('--output-path')\n    p.parse_args()"
)
TWO = {"train.py": SCRIPT, "tools/score.py": SCRIPT}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("README.md", "```\npython tools/score.py --input-path x\n```\n"),
        ("README.rst", "Run ``python3 -u ./tools/score.py``.\n"),
        ("README.md", "cd tools && python score.py\n"),
        ("README.md", "$ python -m tools.score --help\n"),
        ("README", "torchrun --nproc_per_node 2 tools/score.py\n"),
        ("README.md", "./tools/score.py --input-path x\n"),
        ("pyproject.toml", '[project.scripts]\nscore = "tools.score:main"\n'),
        ("pyproject.toml", '[tool.poetry.scripts]\nscore = "tools.score:main"\n'),
        ("setup.cfg", "[options.entry_points]\nconsole_scripts =\n    score = tools.score:main\n"),
        (
            "setup.py",
            "from setuptools import setup\nsetup(entry_points={'console_scripts': ['s = tools.score:main']})\n",
        ),
        ("setup.py", "from setuptools import setup\nsetup(scripts=['tools/score.py'])\n"),
    ],
)
def test_what_the_repository_says_of_itself_decides(file: str, text: str) -> None:
    found = report({**TWO, file: text})
    assert found.module.main == "tools/score.py"
    (told,) = [one for one in found.problems if one.code == "entry-point-chosen"]
    assert told.place.file == file
    assert told.severity is Severity.INFO


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("README.md", "pip install . && pytest tools/score.py\n"),
        ("README.md", "python -m pytest tools/score.py\n"),
        ("README.md", "Have a look at tools/score.py.\n"),
        ("README.md", "python gone.py\n"),
        ("README.md", "python train.py\npython tools/score.py\n"),
        ("pyproject.toml", "not toml ["),
        ("setup.cfg", "not a section\n"),
        ("setup.py", "setup(entry_points=absent)\n"),
        ("README.md", b"\xff\xfe\x00python train.py"),
    ],
)
def test_where_it_says_nothing_or_too_much_nothing_is_guessed(file: str, text: str | bytes) -> None:
    found = report({**TWO, file: text})
    assert found.module is None
    (told,) = [one for one in found.problems if one.code == "several-entry-points"]
    assert {told.place.file, *(place.file for place in told.also)} == set(TWO)


@pytest.mark.parametrize(
    ("files", "roles"),
    [
        (("train.py", "predict_all.py"), "{predict-all: predict_all.py, train: train.py}"),
        (("2nd.py", "first.py"), "{train: 2nd.py, infer: first.py}"),
        (("a/run.py", "b/run.py"), "{train: a/run.py, infer: b/run.py}"),
    ],
)
def test_how_to_have_several_is_told_with_roles_that_fit(files: tuple[str, str], roles: str) -> None:
    found = report(dict.fromkeys(files, SCRIPT))
    (told,) = [one for one in found.problems if one.code == "several-entry-points"]
    assert f"give each a role: `entry_points: {roles}`." in told.hint


def test_a_tie_is_told_with_what_speaks_for_each() -> None:
    found = report({**TWO, "README.md": "python train.py\n", "setup.cfg": SETUP_CFG})
    told = next(one for one in found.problems if one.code == "several-entry-points")
    assert "train.py (README.md runs it in line 1)" in told.message
    assert "tools/score.py (setup.cfg installs it as the command score)" in told.message


SETUP_CFG = "[options.entry_points]\nconsole_scripts =\n    score = tools.score:main\n"


def test_two_annotated_scripts_are_decided_in_the_same_way() -> None:
    note = STAND_INS + "@data_processor(name='n')\ndef f(): pass\n"
    files = {"a.py": note + SCRIPT, "b.py": note + SCRIPT}
    assert "several-entry-points" in codes(report(files))
    assert report({**files, "README.md": "python b.py"}).module.main == "b.py"


def test_a_script_that_only_calls_the_one_that_parses_is_found() -> None:
    files = {
        "run.py": "from tool.cli import main\nif __name__ == '__main__':\n    main()\n",
        "other.py": "if __name__ == '__main__':\n    print('nothing')\n",
        "tool/__init__.py": "",
        "tool/cli.py": FUNCTION + "\n",
    }
    found = report(files)
    assert found.module.main == "run.py"
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path"]


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_function_that_only_packaging_calls_gets_its_main_guard(end: str) -> None:
    files = {
        "tool/cli.py": FUNCTION + end,
        "setup.cfg": "[options.entry_points]\nconsole_scripts =\n  t = tool.cli:main\n",
    }
    found = report(files)
    (told,) = [one for one in found.problems if one.code == "entry-point-unguarded"]
    assert found.refused
    assert told.also[0].file == "setup.cfg"
    mended = apply(files["tool/cli.py"], told.edits)
    again = report({**files, "tool/cli.py": mended})
    assert again.module.main == "tool/cli.py"
    assert not again.refused


def test_click_and_absl_scripts_are_entry_points_like_any_other() -> None:
    click = "import click\n@click.command()\n@click.option('--a')\ndef main(a): pass\n"
    click += "if __name__ == '__main__':\n    main()\n"
    assert report({"run.py": click, "lib.py": "import click\n"}).module.main == "run.py"
    found = report({"run.py": click, "train.py": SCRIPT})
    assert "several-entry-points" in codes(found)


def test_scripts_that_cannot_be_read_are_all_that_is_told() -> None:
    assert codes(report({"run.py": "def broken(:\n"})) == ["syntax-error"]
    assert codes(report({"run.py": "def broken(:\n", "other.py": "x = 1\n"})) == [
        "syntax-error",
        "no-entry-point",
    ]


def test_a_script_with_another_framework_is_told_as_that_and_not_as_missing() -> None:
    script = "import fire\ndef main(size=3): pass\nif __name__ == '__main__':\n    fire.Fire(main)\n"
    assert codes(report({"run.py": script})) == ["other-framework"]


@pytest.mark.parametrize(
    ("named", "meant"), [("Train.py", "train.py"), ("trian.py", "train.py"), ("train.py", "tools/train.py")]
)
def test_a_name_that_is_nearly_right_is_told_where_it_stands_with_the_mend(named: str, meant: str) -> None:
    wishes = f"name: n\nentry_points:\n  main: {named}\n"
    files = {meant: SCRIPT, ".mlreef.yaml": wishes}
    (told,) = [one for one in report(files).problems if one.code == "entry-point-missing"]
    assert (told.place.file, told.place.line, told.place.column) == (".mlreef.yaml", 3, 8)
    assert f"Is {meant} meant?" in told.hint
    mended = apply(wishes, told.edits)
    assert report({**files, ".mlreef.yaml": mended}).module.main == meant


def test_files_of_further_roles_have_to_be_there() -> None:
    wishes = "entry_points:\n  main: run.py\n  test: away.py\n"
    found = report({"run.py": SCRIPT, ".mlreef.yaml": wishes})
    assert [(one.code, one.place.line) for one in found.problems if one.place] == [("entry-point-missing", 3)]
    assert found.refused


def test_what_packaging_calls_and_the_file_does_not_is_one_problem() -> None:
    cli = "import argparse\ndef main():\n    parser = argparse.ArgumentParser()\n    parser.parse_args()\n"
    found = report(
        {"cli.py": cli, "setup.cfg": "[options.entry_points]\nconsole_scripts =\n    x = cli:main\n"}
    )
    assert [one.code for one in found.problems if one.severity == "error"] == ["entry-point-unguarded"]


UNCALLED = "import argparse\ndef main():\n    argparse.ArgumentParser().parse_args()\n"


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"analysis.ipynb": "{}"}, "`jupyter nbconvert --to script analysis.ipynb`"),
        ({"train.py": "import pandas\n"}, "Have train.py read --input-path"),
        ({"train.py": UNCALLED, "lib.py": "x = 1\n"}, "train.py makes an argument"),
        (
            {
                "train.py": UNCALLED.replace("parse_args", "parse_arg")
                + TAIL.replace("parser.parse_args", "main")
            },
            "train.py makes an argument parser, and nothing reads",
        ),
        (
            {"train.py": UNCALLED + "if __name__ == 'main':\n    main()\n"},
            "The guard in train.py is never true",
        ),
        (
            {"train.py": UNCALLED + "if __name__ == '__Main__':\n    main()\n"},
            "The guard in train.py is never true",
        ),
        ({"a.py": "x = 1\n", "b.py": "x = 1\n"}, "Have the script that is to be run read --input-path"),
        ({}, "Add a script, and have it read --input-path"),
    ],
)
def test_without_an_entry_point_the_hint_says_how_to_have_one(files: dict[str, str], wanted: str) -> None:
    (told,) = [one for one in report(files).problems if one.code == "no-entry-point"]
    assert wanted in told.hint


@pytest.mark.parametrize(
    "call",
    [
        "main()",
        "import sys\nsys.exit(main())",
        "def run():\n    main()\nrun()",
        "try:\n    main()\nexcept KeyboardInterrupt:\n    pass",
    ],
)
def test_a_script_that_calls_its_main_without_a_guard_is_found_and_that_is_told(call: str) -> None:
    found = report({"run.py": f"{FUNCTION}\n\n{call}\n", "library.py": f"{FUNCTION}\n"})
    assert found.module.main == "run.py"
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path"]
    assert "entry-point-assumed" in codes(found)


def test_several_scripts_that_call_their_main_without_a_guard_are_a_tie() -> None:
    script = f"{FUNCTION}\n\nmain()\n"
    found = report({"a.py": script, "b.py": script, "c.py": f"{HEAD}{PATHS}parser.parse_args()\n"})
    assert found.module is None
    (told,) = [one for one in found.problems if one.code == "several-entry-points"]
    assert all(name in told.message for name in ("a.py", "b.py", "c.py"))


def test_a_function_that_nobody_calls_makes_no_entry_point() -> None:
    found = report({"library.py": f"{FUNCTION}\n\nprint('imported')\n"})
    assert found.module is None
    assert "no-entry-point" in codes(found)


BROKEN = STAND_INS + "@data_processor(name='Train', type='ALGORITHM')\ndef f(): pass\n" + SCRIPT
BROKEN = BROKEN.replace("    parser.parse_args()", "parser.parse_args()")
"""Annotated, and not indented as on MLReef's own pages."""


def test_no_other_script_is_run_in_the_place_of_an_annotated_one_that_cannot_be_read() -> None:
    assert "\nparser.parse_args()" in BROKEN
    found = report({"train.py": BROKEN, "predict.py": SCRIPT})
    assert found.module is None
    (told,) = [one for one in found.problems if one.severity is Severity.ERROR]
    assert (told.code, told.place.file) == ("syntax-error", "train.py")
    mended = apply(BROKEN, told.edits)
    assert report({"train.py": mended, "predict.py": SCRIPT}).module.name == "Train"


@pytest.mark.parametrize(
    "files",
    [
        {"tests/test_it.py": BROKEN},
        {"examples/one.py": BROKEN},
        {"notes.py": "# a @data_processor(…) is missing\nif True:\npass\n"},
        {"train.py": BROKEN, ".mlreef.yaml": "entry_points: {main: predict.py}\n"},
    ],
)
def test_what_cannot_be_read_and_is_plainly_not_meant_keeps_no_script_away(files: dict) -> None:
    assert report({**files, "predict.py": SCRIPT}).module.main == "predict.py"

"""The candidate's parser, asked from inside; and what the repository brings along to show that it works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.ci.trial_plan import plan_document
from bot.domain.cause_kinds import Kind
from bot.domain.causes import likely_cause
from bot.domain.failure_words import read_cause
from parser.read import read
from parser.source import load_source
from tests.ci.test_probe import CLICK, HEAD, TAIL, ask, plan_of


def changed(folder: Path, read_from: str, in_the_image: str) -> tuple[int, str]:
    """What is said when the image's script is not the one that was read."""
    plan = plan_of(folder, HEAD + read_from + TAIL)
    (folder / "main.py").write_text(HEAD + in_the_image + TAIL)
    return ask(folder, plan)


def whole_plan(folder: Path, script: str) -> dict[str, Any]:
    """The plan as the build job makes it: with problems, wishes and files of the repository."""
    (folder / "main.py").write_text(script)
    (folder / "requirements.txt").touch()
    source = load_source(folder)
    report = read(source, "test")
    assert report.module is not None
    return plan_document(report.module, report.problems, report.settings, source.entries)


EVERYTHING = """
import enum, pathlib
class Color(enum.Enum):
    RED = "red"
p.add_argument("image"); p.add_argument("--n", "-n", type=int, default="7", help="n")
p.add_argument("--rate", type=float, choices=[0.5, 0.25], default=0.5)
p.add_argument("--mode", choices=["a", "-b", ""], default="a"); p.add_argument("--level", type=int, choices=range(3))
p.add_argument("--both", type=int, nargs=2, default=[1, 2]); p.add_argument("--flag", action="store_true")
p.add_argument("--color", type=Color, default=Color.RED, choices=list(Color)); p.add_argument("-x", type=float)
p.add_argument("--any", action="append", choices={"u", "v", "w"}); p.add_argument("--to", type=pathlib.Path)
p.add_argument("--on", action=argparse.BooleanOptionalAction); p.add_argument("-v", action="count", default=0)
"""


def test_a_script_whose_parser_holds_what_was_read_passes(tmp_path: Path) -> None:
    code, log = ask(tmp_path, plan_of(tmp_path, HEAD + EVERYTHING + TAIL))
    assert code == 0, log
    assert "questions, and 15 parameters are held as they were read" in log
    assert not (tmp_path / "BODY").exists()


@pytest.mark.parametrize(
    ("read_from", "in_the_image", "told"),
    [
        (
            'p.add_argument("--n", type=int)',
            'p.add_argument("--n", type=float)',
            'type is "float", read was "int"',
        ),
        ('p.add_argument("--n", type=int)', 'p.add_argument("--n")', "`--n=1.5x` is accepted, not refused"),
        (
            'p.add_argument("--m", choices=["a", "b"])',
            'p.add_argument("--m", choices=["a"])',
            "`--m=b` is refused, not accepted",
        ),
        (
            'p.add_argument("--m", choices=["a"])',
            'p.add_argument("--m")',
            "`--m=no-such-choice` is accepted, not refused",
        ),
        (
            'p.add_argument("--n", type=int, choices=[1, 2])',
            'p.add_argument("--n", type=int, choices=[1, 2, 3])',
            "`--n=3` is accepted, not refused",
        ),
    ],
)
def test_each_value_that_is_taken_otherwise_is_named(
    tmp_path: Path, read_from: str, in_the_image: str, told: str
) -> None:
    code, log = changed(tmp_path, read_from, in_the_image)
    assert code == 1
    assert told in log
    cause = read_cause(log.encode())
    assert cause is not None
    assert cause.startswith(("the parser takes values otherwise", "mlreef-bot read parameters otherwise"))


@pytest.mark.parametrize(
    ("read_from", "in_the_image", "told"),
    [
        ("default=3", "default=4", "default is 4, read was 3"),
        ("required=True", "required=False", "required is false, read was true"),
        ('dest="a"', 'dest="b"', 'dest is "b", read was "a"'),
        ('nargs="?"', 'nargs="*"', 'nargs is "*", read was "?"'),
        ('action="append"', 'action="store"', 'action is "store", read was "append"'),
        ('nargs="?", const=1', 'nargs="?", const=True', "const is true, read was 1"),
    ],
)
def test_a_field_that_differs_is_a_fault_of_ours_and_is_named_with_its_line(
    tmp_path: Path, read_from: str, in_the_image: str, told: str
) -> None:
    code, log = changed(
        tmp_path, f'p.add_argument("--n", {read_from})', f'p.add_argument("--n", {in_the_image})'
    )
    assert code == 1
    assert f"  no --n: main.py:5: {told}" in log
    assert "fault of mlreef-bot" in str(read_cause(log.encode()))


def test_a_parameter_that_the_image_lacks_for_its_own_reasons_is_the_authors(tmp_path: Path) -> None:
    script = HEAD + 'p.add_argument("--fast", type=int)\n' + TAIL
    plan = plan_of(tmp_path, script)
    (tmp_path / "main.py").write_text(
        script.replace(
            'p.add_argument("--fast"', 'import os\nif "GPU" in os.environ: p.add_argument("--fast"'
        )
    )
    code, log = ask(tmp_path, plan)
    assert code == 1
    assert (
        "no --fast: main.py:5 is not in the parser: in the image the script does not come to that line" in log
    )
    assert "The script has other parameters in the image than in its source: --fast." in log


def test_a_parameter_that_a_library_adds_is_the_authors_unless_it_was_expected(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "extra.py").write_text("def extend(p):\n    p.add_argument('--extra')\n")
    adds = f"import sys; sys.path.insert(0, {str(library)!r}); from extra import extend\nextend(p)\n"
    plan = plan_of(tmp_path, HEAD + TAIL)
    (tmp_path / "main.py").write_text(HEAD + adds + TAIL)
    code, log = ask(tmp_path, plan)
    assert code == 1
    assert "--extra" in str(read_cause(log.encode()))
    code, log = ask(tmp_path, {**plan, "complete": False})
    assert code == 0, log


def test_a_reader_that_said_it_may_have_missed_some_is_taken_at_its_word(tmp_path: Path) -> None:
    assert whole_plan(tmp_path, HEAD + TAIL)["complete"]
    assert not whole_plan(tmp_path, HEAD + "import library\nlibrary.extend(p)\n" + TAIL)["complete"]


def test_a_script_without_help_is_told_how_to_get_one(tmp_path: Path) -> None:
    code, log = ask(tmp_path, plan_of(tmp_path, (HEAD + TAIL).replace("Parser()", "Parser(add_help=False)")))
    assert code == 1
    cause = "the script cannot be asked, it knows no --help. Let argparse add it: no add_help=False."
    assert read_cause(log.encode()) == cause


def test_a_script_whose_own_help_has_a_short_name_only_is_asked_by_it(tmp_path: Path) -> None:
    own = HEAD.replace("Parser()", "Parser(add_help=False)") + 'p.add_argument("-h", action="help")\n'
    commands = 's = p.add_subparsers(); t = s.add_parser("t"); t.add_argument("--n", type=int, default=1)'
    code, log = ask(tmp_path, plan_of(tmp_path, own + commands + TAIL))
    assert code == 0, log
    assert "  ok t -h" in log
    assert "3 parameters are held as they were read" in log
    assert not (tmp_path / "BODY").exists()


def test_a_click_script_without_help_is_told_how_to_get_one(tmp_path: Path) -> None:
    names = 'context_settings={"help_option_names": ["-h"]}'
    code, log = ask(tmp_path, plan_of(tmp_path, CLICK.replace("command()", f"command({names})")))
    assert code == 1
    cause = str(read_cause(log.encode()))
    assert cause.startswith("the script cannot be asked, it knows no --help. Let click add it")


def test_a_command_line_that_is_read_in_two_steps_is_compared_as_a_whole(tmp_path: Path) -> None:
    code, log = ask(
        tmp_path,
        plan_of(
            tmp_path,
            """
import argparse
first = argparse.ArgumentParser(add_help=False)
first.add_argument("--input-path"); first.add_argument("--config", type=int, default=1)
known, rest = first.parse_known_args()
p = argparse.ArgumentParser(parents=[first])
p.add_argument("--output-path"); p.add_argument("--mode", choices=["a", "b"])
p.parse_args()
open("BODY", "w").close()
""",
        ),
    )
    assert code == 0, log
    assert "4 parameters are held as they were read" in log
    assert not (tmp_path / "BODY").exists()


def test_what_a_parser_behind_one_with_help_would_read_is_said_to_be_out_of_reach_and_blames_nobody(
    tmp_path: Path,
) -> None:
    script = """
import argparse
p = argparse.ArgumentParser()
p.add_argument("--input-path"); p.add_argument("--output-path"); p.add_argument("--n", type=int, default=1)
known, rest = p.parse_known_args()
q = argparse.ArgumentParser()
q.add_argument("--late", type=int)
q.parse_args(rest)
open("BODY", "w").close()
"""
    plan = plan_of(tmp_path, script)
    code, log = ask(tmp_path, plan)
    assert code == 0, log
    assert "  ?  late: not tried, a parser before its own answers --help" in log
    assert not (tmp_path / "BODY").exists()
    # what the first parser holds is compared all the same
    (tmp_path / "main.py").write_text(script.replace("default=1", "default=2"))
    code, log = ask(tmp_path, plan)
    assert code == 1
    assert "no --n: main.py:4: default is 2, read was 1" in log
    (tmp_path / "main.py").write_text(script.replace("parse_known_args()", "parse_args(), []"))
    code, log = ask(tmp_path, plan)
    assert code == 1
    assert "no late: the script does not know it" in log


@pytest.mark.parametrize(
    "odd",
    [
        'p.add_argument("--n", type=int, default=1e3)',
        'p.add_argument("--n", choices=range(3)); p.add_argument("--m", type=int, choices=["1", "2"])',
        'p.add_argument("--n", type=int, choices=[1.0, 2.0]); p.add_argument("--m", choices=[])',
        'p.add_argument("--n", type=float, choices=[0.1, 1, 2]); p.add_argument("--m", choices="abc")',
        'p.add_argument("--n", type=bool, choices=[True, False]); p.add_argument("--m", choices={"b": 1})',
        'p.add_argument("n", type=int, nargs="?", default="-3"); p.add_argument("-1", dest="one", action="store_true")',
        'p.add_argument("--n", default=argparse.SUPPRESS, type=int); p.set_defaults(n="12", other=object())',
        """
class Say(argparse.Action):
    def __init__(self, option_strings, dest, **more):
        super().__init__(option_strings, dest, nargs=0, **more)
    def __call__(self, parser, namespace, values, option_string=None):
        parser.exit(0, "models: a b")
class Pairs(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, dict(value.split("=") for value in values))
p.add_argument("--models", action=Say); p.add_argument("--set", action=Pairs, nargs="+")
""",
        """
import os
here = os.path.dirname(os.path.abspath(__file__))
p.add_argument("--n", choices=sorted(name for name in os.listdir(here) if name.endswith((".py", ".yml"))))
""",
    ],
)
def test_an_odd_but_legal_command_line_is_blamed_on_nobody(tmp_path: Path, odd: str) -> None:
    (tmp_path / "mlreef.yml").write_text("a: 1\n")
    plan = plan_of(tmp_path, HEAD + odd + TAIL)
    # the bot's own file is in no image
    (tmp_path / "mlreef.yml").unlink()
    code, log = ask(tmp_path, plan)
    assert code == 0, log
    assert "parameters are held as they were read" in log
    assert not (tmp_path / "BODY").exists()


def test_positionals_between_options_are_not_asked_as_help_comes_first(tmp_path: Path) -> None:
    intermixed = TAIL.replace("parse_args()", "parse_intermixed_args()")
    script = (
        HEAD + 'p.add_argument("--n", type=int); p.add_argument("rest", nargs="*", type=int)' + intermixed
    )
    code, log = ask(tmp_path, plan_of(tmp_path, script))
    assert code == 0, log
    assert "  ok 1 questions, and 4 parameters are held as they were read" in log


def test_a_script_that_looks_into_its_own_folder_finds_it_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "helper").mkdir()
    (tmp_path / "helper" / "__init__.py").write_text("")
    listing = """
import os, helper
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "helper")
p.add_argument("--n", choices=sorted(os.listdir(here)))
"""
    plan = plan_of(tmp_path, HEAD + listing + TAIL)
    assert ["__init__.py"] in [one["choices"] for one in plan["stated"]]
    for _ in range(2):
        code, log = ask(tmp_path, plan)
        assert code == 0, log


def test_subcommands_are_asked_each_in_their_own_parser(tmp_path: Path) -> None:
    commands = """
s = p.add_subparsers(dest="what", required=True)
t = s.add_parser("train"); t.add_argument("--epochs", type=int, default=3); t.add_argument("data", choices=["x", "y"])
e = s.add_parser("eval"); e.add_argument("--epochs", choices=["all", "none"])
"""
    plan = plan_of(tmp_path, HEAD + commands + TAIL)
    code, log = ask(tmp_path, plan)
    assert code == 0, log
    (tmp_path / "main.py").write_text(HEAD + commands.replace('"none"', '"some"') + TAIL)
    code, log = ask(tmp_path, plan)
    assert code == 1
    assert "  no eval --epochs: main.py:8: choices" in log


def test_what_stands_behind_a_positional_of_another_command_is_not_asked(tmp_path: Path) -> None:
    commands = """
s = p.add_subparsers(dest="what")
t = s.add_parser("test"); t.add_argument("data"); i = t.add_subparsers()
d = i.add_parser("deep"); d.add_argument("--rate", type=int)
"""
    code, log = ask(tmp_path, plan_of(tmp_path, HEAD + commands + TAIL))
    assert code == 0, log
    assert "  ?  rate: not tried, it stands behind positional parameters" in log


def test_a_type_that_leaves_a_mark_leaves_it_in_a_copy_only(tmp_path: Path) -> None:
    own = """
import sys
def even(text):
    open("MARK", "a").write(text)
    sys.exit(3)
p.add_argument("--own", type=even); p.add_argument("--n", type=int)
"""
    code, log = ask(tmp_path, plan_of(tmp_path, HEAD + own + TAIL))
    assert code == 0, log
    assert "parameters are held as they were read" in log


def test_a_script_that_leaves_its_command_line_to_another_program_is_said_to_be_asked_from_outside(
    tmp_path: Path,
) -> None:
    plan = plan_of(tmp_path, HEAD + TAIL)
    (tmp_path / "other.py").write_text(HEAD + TAIL)
    (tmp_path / "main.py").write_text(
        "import subprocess, sys\nsys.exit(subprocess.call([sys.executable, 'other.py', *sys.argv[1:]]))\n"
    )
    code, log = ask(tmp_path, plan)
    assert code == 0, log
    assert "asked only from outside" in log


RUNS = """
import argparse
p = argparse.ArgumentParser()
p.add_argument("--input-path"); p.add_argument("--output-path"); p.add_argument("--n", type=int, default=1)
if __name__ == "__main__":
    a = p.parse_args()
    assert a.n < 5, "n is too large"
    open(a.output_path, "w").write("done")
"""


def test_the_sample_is_run_for_real(tmp_path: Path) -> None:
    (tmp_path / ".mlreef.yaml").write_text("sample: [--output-path, 'the result; touch x', --n, 2]\n")
    code, log = ask(tmp_path, whole_plan(tmp_path, RUNS))
    assert code == 0, log
    assert (tmp_path / "the result; touch x").read_text() == "done"


def test_a_sample_that_fails_is_not_published_and_shows_its_last_lines(tmp_path: Path) -> None:
    (tmp_path / ".mlreef.yaml").write_text("sample: [--output-path, out, --n, '9']\n")
    code, log = ask(tmp_path, whole_plan(tmp_path, RUNS))
    assert code == 1
    assert "| AssertionError: n is too large" in log
    assert read_cause(log.encode()) == "the sample of .mlreef.yaml failed, it ended with exit code 1."
    assert kind_of(log) is Kind.SAMPLE


def kind_of(log: str) -> Kind | None:
    cause = likely_cause(log.encode())
    return cause.kind if cause is not None else None


def test_an_import_that_fails_in_the_image_is_the_likely_cause(tmp_path: Path) -> None:
    code, log = ask(tmp_path, whole_plan(tmp_path, "import nmupy\n" + HEAD + TAIL))
    assert code == 1
    assert "does not even print its help" in str(read_cause(log.encode()))
    assert kind_of(log) is Kind.NO_MODULE


def test_why_a_sample_fails_is_told_before_that_it_fails(tmp_path: Path) -> None:
    wrong = RUNS.replace("assert ", "import nmupy; assert ")
    (tmp_path / ".mlreef.yaml").write_text("sample: [--output-path, out, --n, '9']\n")
    code, log = ask(tmp_path, whole_plan(tmp_path, wrong))
    assert code == 1
    assert kind_of(log) is Kind.NO_MODULE


def repository_with_tests(folder: Path, test: str, settings: str = "") -> dict[str, Any]:
    (folder / "tests").mkdir()
    (folder / "tests/__init__.py").touch()
    (folder / "tests/test_it.py").write_text(test)
    if settings:
        (folder / ".mlreef.yaml").write_text(settings)
    return whole_plan(folder, HEAD + TAIL)


GOOD = "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual({}, {})\n"


def test_the_repositorys_tests_are_run(tmp_path: Path) -> None:
    code, log = ask(tmp_path, repository_with_tests(tmp_path, GOOD.replace("{}", "1")))
    assert code == 0, log
    assert "Running the repository's tests" in log


def test_tests_that_fail_are_not_published(tmp_path: Path) -> None:
    code, log = ask(tmp_path, repository_with_tests(tmp_path, GOOD.replace("{}", "1", 1).replace("{}", "2")))
    assert code == 1
    assert str(read_cause(log.encode())).startswith("the repository's tests in tests/ failed")
    assert kind_of(log) is Kind.TESTS


def test_tests_that_the_author_does_not_want_are_not_run(tmp_path: Path) -> None:
    code, log = ask(tmp_path, repository_with_tests(tmp_path, "raise SystemExit(1)", "tests: false\n"))
    assert code == 0, log
    assert "Running" not in log


def test_tests_for_pytest_are_not_run_without_it_and_it_is_said(tmp_path: Path) -> None:
    plan = repository_with_tests(tmp_path, "import pytest\ndef test_it(): assert False\n")
    bare = tmp_path / "bare-python"
    bare.write_text(f'#!/bin/sh\nexec {Path("/usr/bin/python3")} -I -S "$@"\n')
    bare.chmod(0o755)
    code, log = ask(tmp_path, plan, python=str(bare))
    assert code == 0, log
    assert "are not run: they import pytest, which is not among the requirements" in log

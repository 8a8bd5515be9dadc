"""Faults of syntax whose mend is plain: told with the mended lines, which say what was meant and nothing else."""

import ast
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import report

from parser.edits import apply
from parser.model import Problem, Severity

READING = """\
import argparse
import sys


def process_arguments(args):
    parser = argparse.ArgumentParser(description='your code project name')
    parser.add_argument('--input-path', action='store', required=True)
    parser.add_argument('--output-path', action='store', required=True)
    params = vars(parser.parse_args(args))
    return params


if __name__ == '__main__':
"""
BODY = """\
params = process_arguments(sys.argv[1:])
input_path = params['input_path']

for name in input_path:
    print(name)
"""


def fault(text: str) -> Problem:
    (told,) = [one for one in report({"run.py": text}).problems if one.code == "syntax-error"]
    assert told.severity is Severity.ERROR
    return told


def test_the_template_whose_body_is_not_indented_is_refused_with_the_mended_lines() -> None:
    told = fault(READING + BODY)
    assert told.place.line == READING.count("\n") + 1
    assert "lines 14 to 18" in told.hint
    assert "'    params = process_arguments(sys.argv[1:])'" in told.hint
    mended = apply(READING + BODY, told.edits)
    assert mended == READING + "".join(
        f"    {line}" if line.strip() else line for line in BODY.splitlines(True)
    )
    found = report({"run.py": mended})
    assert not found.refused
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path"]


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_stay_as_they_are(ending: str) -> None:
    text = (READING + BODY).replace("\n", ending)
    mended = apply(text, fault(text).edits)
    assert "\n" not in mended.replace("\r\n", "\r")
    assert ast.parse(mended)


def test_a_file_without_an_end_of_its_last_line_is_mended_too() -> None:
    text = READING + "process_arguments(sys.argv[1:])"
    assert apply(text, fault(text).edits) == READING + "    process_arguments(sys.argv[1:])"


def test_lines_of_a_text_stay_as_they_are() -> None:
    body = 'text = f"""\nlines {1}\n  more\n"""\nprocess_arguments(sys.argv[1:])\n'
    mended = apply(READING + body, fault(READING + body).edits)
    assert (
        mended == READING + '    text = f"""\nlines {1}\n  more\n"""\n    process_arguments(sys.argv[1:])\n'
    )
    assert not report({"run.py": mended}).refused


def test_of_two_blocks_one_is_mended_after_the_other() -> None:
    first = "def init_params():\npass\n\n\n"
    text = READING.replace("def process", f"{first}def process") + BODY
    for _ in range(2):
        text = apply(text, fault(text).edits)
    assert "def init_params():\n    pass\n\n\ndef process_arguments(args):\n    parser" in text
    assert not report({"run.py": text}).refused


def test_what_plainly_begins_anew_is_left_where_it_is() -> None:
    text = "def first():\nprint(1)\nprint(2)\n\n\ndef second():\n    return 2\n"
    told = fault(text)
    assert (
        apply(text, told.edits)
        == "def first():\n    print(1)\n    print(2)\n\n\ndef second():\n    return 2\n"
    )


def test_a_block_inside_of_another_is_indented_by_one_step_more() -> None:
    text = "class A:\n\tdef f(self):\n\treturn 1\n"
    assert apply(text, fault(text).edits) == "class A:\n\tdef f(self):\n\t\treturn 1\n"


@pytest.mark.parametrize(
    "text",
    [
        READING + 'text = """\nlines\n',
        READING,
        "if True:\nx = (\n",
        "x = = 1\n",
        "if True:\n" + "x = 1\n" * 40_000,
    ],
)
def test_where_indenting_would_change_what_is_said_or_not_help_no_edit_is_offered(text: str) -> None:
    assert fault(text).edits == ()


def test_the_comma_that_the_documentation_forgets_is_offered() -> None:
    text = (
        "@data_processor(\n    name='x',\n    command='y'  \n    type='ALGORITHM',\n)\ndef f():\n    pass\n"
    )
    told = fault(text)
    assert "end of line 3" in told.hint
    mended = apply(text, told.edits)
    assert mended == text.replace("'y'  ", "'y',  ")


def test_one_fault_after_the_other_is_mended() -> None:
    text = (
        READING.replace(
            "action='store', required=True)\n    parser", "action='store'\n required=True)\n    parser", 1
        )
        + BODY
    )
    for _ in range(2):
        text = apply(text, fault(text).edits)
    assert not report({"run.py": text}).refused


_STATEMENTS = st.recursive(
    st.sampled_from(["a = 1", "print('x')", "pass", "b = [\n    1,\n]", "s = '''x\ny'''", ""]),
    lambda inner: st.builds(
        lambda head, lines: (
            head + "\n" + "\n".join(f"    {line}" for line in "\n".join([*lines, "pass"]).split("\n"))
        ),
        st.sampled_from(["for i in a:", "if a:", "def f():", "with a:"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(st.lists(_STATEMENTS, min_size=1, max_size=4))
def test_a_mend_says_what_the_lines_said(statements: list[str]) -> None:
    body = "\n".join(statements) + "\n"
    text = "if __name__ == '__main__':\n" + body
    told = [one for one in report({"run.py": text}).problems if one.code == "syntax-error"]
    for one in told:
        if one.edits:
            block, *rest = ast.parse(apply(text, one.edits)).body
            assert isinstance(block, ast.If)
            assert [ast.dump(each) for each in [*block.body, *rest]] == [
                ast.dump(each) for each in ast.parse(body).body
            ]


def test_the_hint_of_any_other_fault_names_a_way_to_see_it(tmp_path: Path) -> None:
    assert "py_compile" in fault("x = = 1\n").hint


LINES = 9_000


@pytest.mark.alone
@pytest.mark.parametrize(
    "text",
    [
        "f(a {1\n" + "+2\n" * LINES + "})\n",
        "x = [a b\n" + "+c\n" * LINES + "]\n",
        "x = [(a\n" + "+c\n" * LINES + ") b\n]\n",
        "x = [(a\n" + "+c\n" * LINES + ") (\nb\n" + "+c\n" * LINES + ") d]\n",
        "if x:\n" + "a = 1\n" * (LINES // 2),
        "if x:\n" + "a = 1\n" * LINES * 3,
        "if x:\n" * 2_000,
        "if x:\ny = 1\n" * LINES,
        "if x:\ny = '" + "a" * 100_000 + "'\n",
    ],
)
def test_a_mend_is_found_or_given_up_in_time(text: str) -> None:
    began = time.process_time()
    found = report({"run.py": text}, entry_point="run.py")
    assert time.process_time() - began < 2.0
    assert found.refused
    assert all(len(one.hint) < 1_000 for one in found.problems)


@pytest.mark.alone
def test_mends_of_many_files_are_given_up_in_time() -> None:
    broken = {f"s{number}.py": "# processor\nif x:\n" + "a = 1\n" * 2_000 for number in range(12)}
    began = time.process_time()
    found = report(broken)
    assert time.process_time() - began < 2.0
    assert found.refused
    assert [bool(one.edits) for one in found.problems if one.code == "syntax-error"][:2] == [True, True]

"""Several parsers that look at one command line, and what the script does to their actions under a condition."""

import time

import pytest
from repositories import HEAD, PATHS, TAIL, codes, report

from parser.argparse_reader.details import MAX_EXCLUDED
from parser.model import Severity

SECONDS = 20
"""Of a busy machine; comparing every member with every other takes minutes."""

FIRST = """
import argparse, os, types
first = argparse.ArgumentParser(add_help=False)
first.add_argument("--plugin", help="briefly", required=True)
first.add_argument("--only-here")
known, rest = first.parse_known_args()
"""


def test_of_parsers_that_read_one_after_the_other_the_last_one_decides() -> None:
    found = report(
        {
            "run.py": FIRST
            + """
second = argparse.ArgumentParser()
second.add_argument("--plugin", help="at length")
second.parse_args()
"""
        }
    )
    said = {one.name: (one.help, one.required) for one in found.module.parameters}
    assert said == {"plugin": ("at length", False), "only-here": (None, False)}


def test_a_field_that_a_condition_changes_is_not_known() -> None:
    found = report(
        {
            "run.py": """
import argparse, os
parser = argparse.ArgumentParser()
rate = parser.add_argument("--rate", required=True, help="how fast")
if os.environ.get("EASY"):
    rate.required = False
    rate.help = "how fast"
parser.parse_args()
"""
        }
    )
    (rate,) = found.module.parameters
    assert (rate.required, rate.unknown) == (None, ("required",))


def test_flags_of_two_ways_that_exclude_each_other_do_not_conflict() -> None:
    found = report(
        {
            "run.py": """
import argparse, os
parser = argparse.ArgumentParser()
if os.environ.get("OLD"):
    parser.add_argument("-u", "--update")
else:
    parser.add_argument("-u", "--upgrade")
parser.parse_args()
"""
        }
    )
    assert [one.flags for one in found.module.parameters] == [("-u", "--update"), ("-u", "--upgrade")]
    assert all(one.condition for one in found.module.parameters)
    assert "argument-refused" not in {one.code for one in found.problems}


@pytest.mark.parametrize(
    "call",
    [
        "parser.add_argument('word', action='version', version='1')",
        "parser.add_argument('--flag', action=argparse.BooleanOptionalAction, const=None)",
        "parser.add_argument('--pair', metavar=('A', 'B', 'C'), nargs=2)",
    ],
)
def test_what_argparse_refuses_is_refused(call: str) -> None:
    found = report(
        {"run.py": f"import argparse\nparser = argparse.ArgumentParser()\n{call}\nparser.parse_args()\n"}
    )
    assert "argument-refused" in {one.code for one in found.problems}


def grouped(members: int) -> str:
    return (
        "import argparse\nparser = argparse.ArgumentParser()\ngroup = parser.add_mutually_exclusive_group()\n"
        f"for number in range({members}):\n    group.add_argument(f'--flag{{number}}')\nparser.parse_args()\n"
    )


def test_members_of_a_group_name_each_other_up_to_a_limit() -> None:
    some = report({"run.py": grouped(MAX_EXCLUDED)}).module.parameters
    assert {len(one.excludes) for one in some} == {MAX_EXCLUDED - 1}
    many = report({"run.py": grouped(MAX_EXCLUDED + 1)}).module.parameters
    assert {(one.excludes, one.unknown) for one in many} == {((), ("excludes",))}


def test_a_huge_group_takes_no_longer_than_its_members() -> None:
    began = time.perf_counter()
    found = report({"run.py": grouped(5000)})
    assert len(found.module.parameters) == 5000
    assert time.perf_counter() - began < SECONDS


def test_what_is_added_where_the_script_did_not_raise_is_certain() -> None:
    text = """
import argparse, os
if os.environ.get("OLD"):
    raise SystemExit("too old")
else:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate")
parser.parse_args()
"""
    (rate,) = report({"run.py": text}).module.parameters
    assert rate.condition is None


@pytest.mark.parametrize("given", ["[]", "''", "args=[]", "['--input-path', 'x', '--output-path', 'y']"])
def test_a_parser_that_is_given_the_scripts_own_words_reads_no_command_line(given: str) -> None:
    tail = TAIL.replace("parse_args()", f"parse_args({given})")
    found = report({"run.py": HEAD + PATHS + tail})
    told = [one for one in found.problems if one.severity is Severity.ERROR]
    assert [one.code for one in told] == ["never-parsed"], (
        "that alone, and not that its arguments are missing"
    )
    assert told[0].place.line == 2
    assert "with nothing in its brackets" in told[0].hint


def test_a_parser_that_reads_the_command_line_elsewhere_too_is_no_such() -> None:
    tail = "\nparser.parse_args([])" + TAIL
    assert "never-parsed" not in codes(report({"run.py": HEAD + PATHS + tail}))

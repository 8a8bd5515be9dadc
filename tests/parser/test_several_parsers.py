"""Several parsers that look at one command line, and what the script does to their actions under a condition."""

from repositories import report

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

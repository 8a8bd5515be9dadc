"""What could not be read must not look as if it were removed."""

from __future__ import annotations

import pytest

from bot.domain.comparable import LOSING_PARAMETERS, parameters_are_read, requirements_are_read
from parser.catalogue import CATALOGUE
from parser.read import read
from parser.source import Entry, Source

ARGUMENTS = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--output-path", required=True)
{line}
if __name__ == "__main__":
    parser.parse_args()
"""


def known(line: str = "", requirements: str = "numpy==2.1\n") -> tuple[bool, bool]:
    contents = {"main.py": ARGUMENTS.format(line=line).encode(), "requirements.txt": requirements.encode()}
    problems = read(Source({path: Entry(path, "file") for path in contents}, contents), "p").problems
    return parameters_are_read(problems), requirements_are_read(problems)


@pytest.mark.parametrize(
    ("line", "requirements", "wanted"),
    [
        ("", "numpy==2.1\n", (True, True)),
        ("", "numpy\n", (True, True)),
        ("", "scikit-image=0.26.0\n", (True, False)),
        ('parser.add_argument("--a", nargs="x")', "numpy==2.1\n", (False, True)),
        ("1 = 2", "numpy==2.1\n", (False, True)),
        ('parser.add_argument("--a", type=int, default="ten")', "numpy==2.1\n", (False, True)),
        ('parser.add_argument("--a", default=open("x").read())', "numpy==2.1\n", (True, True)),
    ],
)
def test_only_what_was_read_whole_is_compared(
    line: str, requirements: str, wanted: tuple[bool, bool]
) -> None:
    assert known(line, requirements) == wanted


def test_every_code_that_is_named_is_one_of_the_catalogue() -> None:
    assert set(CATALOGUE) >= LOSING_PARAMETERS

"""What a script does for one version of Python only: told as known where all of them agree, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from parser.model import Module
from parser.read import read
from parser.source import load_source

SCRIPT = """
import argparse, sys
p = argparse.ArgumentParser()
p.add_argument("--input-path"); p.add_argument("--output-path")
{lines}
p.parse_args()
"""


def module_of(folder: Path, lines: str) -> Module:
    (folder / "main.py").write_text(SCRIPT.format(lines=lines))
    (folder / "requirements.txt").touch()
    module = read(load_source(folder), "test").module
    assert module is not None
    return module


@pytest.mark.parametrize(
    ("test", "there"),
    [
        ("sys.version_info >= (3, 8)", True),
        ("sys.version_info[0] == 3", True),
        ("sys.version_info.major < 3", False),
        ("sys.version_info[:2] < (3, 6)", False),
        ("(3,) <= sys.version_info < (4,)", True),
        ("sys.version_info[:2] in ((2, 7), (3, 5))", False),
        ("sys.version_info >= (3, 12)", None),
        ("sys.version_info[:2] == (3, 11)", None),
        ("sys.version_info.minor > 10", None),
        ("sys.version_info[1] in (11, 12)", None),
        ("sys.version_info >= (3, 9, 2)", None),
        ("(3, 13) > sys.version_info", None),
        ("sys.version_info.micro", None),
    ],
)
def test_a_parameter_of_some_versions_is_conditional(tmp_path: Path, test: str, there: bool | None) -> None:
    module = module_of(tmp_path, f"if {test}: p.add_argument('--new', type=int)")
    found = [one for one in module.parameters if one.name == "new"]
    if there is None:
        assert [one.condition for one in found] == [test]
    else:
        assert [one.condition for one in found] == [None] * there


def test_a_value_that_versions_disagree_on_is_not_known(tmp_path: Path) -> None:
    lines = "p.add_argument('--n', default=2 if sys.version_info >= (3, 12) else 1)\n"
    lines += "p.add_argument('--m', default=sys.version_info.major)\n"
    lines += "p.add_argument('--v', default='%d.%d' % sys.version_info[:2])"
    parameters = {one.name: one for one in module_of(tmp_path, lines).parameters}
    assert parameters["n"].unknown == ("default",)
    assert (parameters["m"].default, parameters["m"].unknown) == (3, ())
    assert parameters["v"].unknown == ("default",)

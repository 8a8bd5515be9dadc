"""The command lines of Python's own library: what is read from them is, word for word, what their `--help` prints."""

import argparse
import os
import re
import subprocess
import sys

import pytest

from fidelity.corpus import Candidate, candidates, standard_library
from parser.model import Parameter
from parser.read import read
from parser.source import Source, load_source

LIBRARY = standard_library()
SECONDS = 20
LEAST = 18
"""Modules of the library, at least, that have a command line of argparse's."""

THROUGH = ("ensurepip/__main__.py", "unittest/__main__.py", "venv/__main__.py")
"""Those whose parser is made in another module."""

EPILOGS = ("Examples",)
"""Headings of what is printed below the arguments."""


GUARD = re.compile(r"^if __name__ == ['\"]__main__", re.MULTILINE)


def scripts() -> list[Candidate]:
    """The modules that can be run, make a parser and parse with it; tests and tools of the library left out."""
    found = []
    for one in candidates(LIBRARY):
        text = (LIBRARY.root / one.path).read_text("utf-8")
        made = re.search(r"\bArgumentParser\(", text) and re.search(r"\.parse_(known_)?args\(", text)
        if one.path in THROUGH or (made and GUARD.search(text)):
            found.append(one)
    return found


def module_of(script: Candidate) -> str:
    return script.path.removesuffix("/__main__.py").removesuffix(".py").replace("/", ".")


@pytest.fixture(scope="module")
def source() -> Source:
    return load_source(LIBRARY.root)


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def sections(text: str) -> dict[str, str]:
    """Heading → what is listed below it, on one line."""
    found: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", text):
        heading, colon, rows = block.partition(":\n")
        if colon and "\n" not in heading and not heading.startswith("usage"):
            found.setdefault(heading, words(rows))  # unittest prints a second parser's help below
    return found


def rebuilt(parameters: list[Parameter], told: str) -> argparse.ArgumentParser:
    """A parser made of nothing but what was read."""
    parser = argparse.ArgumentParser()
    groups: dict[str | None, argparse._ArgumentGroup | argparse.ArgumentParser] = {None: parser}
    for one in parameters:
        if one.group not in groups:
            groups[one.group] = parser.add_argument_group(one.group)
        shown = any(re.search(rf"^  .*{re.escape(flag)}\b", told, re.MULTILINE) for flag in one.flags)
        help_ = one.printed_help.replace("%", "%%") if one.printed_help else None
        given: dict[str, object] = {"help": help_ if shown or not one.flags else argparse.SUPPRESS}
        if one.action == "version":
            given |= {"action": "version", "version": ""}
        elif one.nargs == 0:
            given |= {"action": "store_true"}
        else:
            given |= {"nargs": one.nargs, "metavar": one.metavar, "choices": one.choices}
        if one.flags:
            given["dest"] = one.dest
        groups[one.group].add_argument(*(one.flags or (one.dest,)), **given)  # type: ignore[arg-type]  # read from text
    return parser


def test_nearly_every_command_line_of_the_library_is_here() -> None:
    assert len(scripts()) >= LEAST


@pytest.mark.parametrize("script", scripts(), ids=lambda one: one.path)
def test_a_command_line_of_the_library_reads_as_its_help_says(
    script: Candidate, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module_of(script), "--help"],
        env={**os.environ, "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    monkeypatch.setenv("COLUMNS", "1000")
    found = read(source, "library", script.path).module
    assert found is not None
    parameters = [one for one in found.parameters if not one.subcommand and not one.condition]
    mine = sections(rebuilt(parameters, done.stdout).format_help())
    theirs = {heading: text for heading, text in sections(done.stdout).items() if heading not in EPILOGS}
    assert mine.keys() == theirs.keys()
    for heading, rows in mine.items():
        # before its rows a group may say what it is for
        assert theirs[heading].endswith(rows), heading

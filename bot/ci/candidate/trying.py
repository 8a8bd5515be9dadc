"""Runs what the repository itself brings along to show that it works: its sample, and its tests."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .asking import Answer, ask, quote, say

_IMPORTS_PYTEST = re.compile(rb"^\s*(?:import|from)\s+pytest\b", re.MULTILINE)
NO_TESTS = 5
"""Exit code of pytest, and of unittest since Python 3.12, when there was nothing to run."""


def try_sample(plan: Mapping[str, Any]) -> str | None:
    """Runs the script for real with the words of `sample`; why it does not work, or None."""
    words = plan["sample"]
    if words is None:
        return None
    shown = " ".join([*plan["command"], *words])
    say("Running the sample of .mlreef.yaml: " + shown)
    answer = ask([*plan["command"], *words], plan["directory"], plan["sample_seconds"])
    return _judged("the sample of .mlreef.yaml", answer)


def try_tests(plan: Mapping[str, Any]) -> str | None:
    """Runs the repository's tests with pytest where the image has it, else with unittest; why they fail, or None."""
    folder = plan["tests"]
    if folder is None:
        return None
    python = plan["command"][0]
    directory = plan["directory"]
    has_pytest = ask([python, "-c", "import pytest"], directory, plan["seconds"]).code == 0
    if has_pytest:
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder]
    elif _wants_pytest(Path(directory, folder)):
        say(f"The tests in {folder}/ are not run: they import pytest, which is not among the requirements.")
        say("    Add pytest to the requirements, or write `tests: false` into .mlreef.yaml.")
        return None
    else:
        command = [python, "-m", "unittest", "discover", "-s", folder, "-t", "."]
    say("Running the repository's tests: " + " ".join(command))
    answer = ask(command, directory, plan["tests_seconds"])
    if answer.code == NO_TESTS or (not has_pytest and "\nRan 0 tests" in answer.text):
        say(f"There is no test in {folder}/ that could be run.")
        return None
    return _judged(f"the repository's tests in {folder}/", answer)


def _judged(what: str, answer: Answer) -> str | None:
    if answer.why is None:
        say("  ok")
        return None
    say("  no: " + answer.why)
    quote(answer.text)
    return f"{what} failed, {answer.why}."


def _wants_pytest(folder: Path) -> bool:
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".py") and _IMPORTS_PYTEST.search(Path(parent, name).read_bytes()):
                return True
    return False

"""pip's last lines, as it writes them, and the sentence that an author reads instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ci.failures import apt_cause, pip_cause


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ERROR: No matching distribution found for nmupy==2.1", "no version of `nmupy==2.1`"),
        (
            "ERROR: Could not open requirements file: [Errno 2] No such file: 'base.txt'",
            "`base.txt` is named",
        ),
        ("ERROR: Invalid requirement: 'numpy=2' (from line 1 of r.txt)", "is not a requirement that pip"),
        ("ERROR: ResolutionImpossible: for help visit …", "different versions of the same package"),
        ("ERROR: Package 'x' requires a different Python: 3.11.7 not in '>=3.12'", "needs Python `>=3.12`"),
        ("error: command 'gcc' failed: No such file or directory", "no compiler"),
        ("src/x.c:1:10: fatal error: Python.h: No such file or directory", "the file `Python.h`"),
        ("ERROR: Failed building wheel for pycocotools", "`pycocotools` could not be built"),
        (
            "ERROR: Failed to build installable wheels for some pyproject.toml based projects",
            "could not be built",
        ),
        ("OSError: [Errno 28] No space left on device", "no room left"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            "differs from the hash",
        ),
        ("ERROR: Cannot find command 'git' - do you have 'git' installed?", "fetched with git"),
        ("The command returned a non-zero code: 137", "out of memory"),
        ("something new", "its last lines say why"),
    ],
)
def test_a_failure_is_told_by_its_cause(line: str, words: str) -> None:
    assert words in pip_cause(["Collecting x", line, "The end"])


@pytest.mark.parametrize("before", ["", "Building dependency tree...", "Reading package lists... Done"])
def test_what_apt_refuses_is_told_wherever_it_stands_in_the_line(before: str) -> None:
    said = ["Reading package lists...", f"{before}E: Unable to locate package libno-such0"]
    assert apt_cause(said).startswith("apt says: Unable to locate package libno-such0. ")


def test_a_name_that_cannot_be_resolved_beats_the_version_that_was_then_not_found() -> None:
    said = [
        "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection "
        "broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to "
        "establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/numpy/",
        "ERROR: No matching distribution found for numpy",
    ]
    assert "could not be reached" in pip_cause(said)


@given(st.lists(st.text(max_size=80), max_size=5))
def test_anything_gives_a_sentence(lines: list[str]) -> None:
    assert pip_cause(lines).endswith(".")

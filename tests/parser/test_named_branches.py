"""`branches` in `.mlreef.yaml`: names as git takes them, and every other one is told at its place."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parser.branch_names import name_fault
from parser.model import Problem
from parser.settings import PATH, read_settings
from parser.source import Entry, Source


def read(text: str) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    read_in, problems = read_settings(Source({PATH: Entry(PATH, "file")}, {PATH: text.encode()}))
    return read_in.branches, problems


def test_names_are_read_once_each_and_in_order() -> None:
    assert read('branches: [stable, "release/*", stable]\n') == (("stable", "release/*"), ())
    assert read("branches:\n- '*'\n") == (("*",), ())
    assert read("branches:\n") == ((), ())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("branches: stable", "must be a list"),
        ("branches: [[a]]", "must be text"),
        ("branches: ['']", "is empty"),
        ("branches: ['a b']", "holds blanks"),
        ("branches: [a..b]", "holds `..`"),
        ("branches: ['a?']", "holds `?`"),
        ("branches: ['a[bc]']", "holds `[`"),
        ("branches: [-x]", "begins or ends"),
        ("branches: [a/]", "begins or ends"),
        ("branches: [a/.b]", "begins with a dot"),
        ("branches: [a.lock]", "ends in `.lock`"),
        ("branches: [refs/heads/stable]", "git's long name"),
        (f"branches: [{'x' * 256}]", "more than 255 bytes"),
        (f"branches: [{', '.join(f'b{n}' for n in range(21))}]", "more than 20 entries"),
    ],
)
def test_what_no_branch_can_be_called_is_told_where_it_stands(text: str, why: str) -> None:
    branches, [found] = read(f"kind: OPERATION\n{text}\n")
    assert branches == ()
    assert found.code == "settings-value"
    assert found.place is not None
    assert (found.place.file, found.place.line) == (PATH, 2)
    assert why in found.message


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("ab./-~^:?[@{\\ \t"), min_size=1, max_size=6))
def test_what_is_taken_is_what_git_takes(name: str) -> None:
    known = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=False)
    if name != "@" and not name.startswith("@{"):
        assert (name_fault(name) is None) == (known.returncode == 0)

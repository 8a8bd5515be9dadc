"""A merge request that changes the generated file by hand, or takes away what runs it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.hand_edits import find_hand_edit, find_unbuilt
from bot.domain.pipeline import PipelineSettings, is_genuine, render
from parser.model import Severity
from parser.read import read
from parser.source import Entry, Source
from tests.domain.values import ENVIRONMENT, PROJECT, module, parameter

SETTINGS = PipelineSettings("registry.example.com/bot:1", "layers", ENVIRONMENT, "https://docs.example.com")
NOW = render(module(parameter("mode"), parameter("size")), SETTINGS, "master")
BEFORE = render(module(parameter("mode")), SETTINGS, "master")
OWN = b"mlreef-build:\n  script: echo mine\n"
TRIGGER = b"go:\n  trigger:\n    include: [{local: mlreef.yml}]\n    strategy: depend\n"


def by_hand(head: bytes | None, given: bytes | None, before: bytes | None) -> int | None:
    """The line of the change, None where there is none."""
    found = find_hand_edit(head, given, lambda: before)
    assert found is None or (found.code, found.severity) == ("generated-file-edited", Severity.WARNING)
    return None if found is None else found.place.line if found.place else 0


def never() -> bytes | None:
    raise AssertionError("what was there before makes no difference")


def test_what_the_commit_gives_is_no_edit_and_costs_no_look() -> None:
    assert find_hand_edit(NOW, NOW, never) is None
    assert find_hand_edit(None, NOW, never) is None


def test_the_file_as_the_branch_found_it_is_no_edit_whatever_it_is() -> None:
    assert by_hand(BEFORE, NOW, BEFORE) is None
    assert by_hand(OWN, NOW, OWN) is None
    assert by_hand(OWN, None, OWN) is None


def test_a_changed_line_is_pointed_at() -> None:
    lines = NOW.splitlines(keepends=True)
    changed = b"".join([*lines[:9], b"# faster\n", *lines[9:]])
    assert by_hand(changed, NOW, NOW) == 10
    assert by_hand(changed, None, NOW) == 10
    assert by_hand(changed, NOW, None) == 1


def test_lines_taken_away_are_pointed_at_where_they_were() -> None:
    lines = NOW.splitlines(keepends=True)
    assert by_hand(b"".join(lines[:-3]), NOW, NOW) == len(lines) - 3
    assert by_hand(b"", NOW, NOW) == 1


def test_an_older_file_of_the_bots_that_came_back_is_no_edit() -> None:
    assert by_hand(BEFORE, NOW, NOW) is None
    assert by_hand(BEFORE, None, NOW) is None


def test_a_forged_file_that_runs_another_image_is_an_edit() -> None:
    forged = render(
        module(parameter("mode")), replace(SETTINGS, builder_image="evil.example.com/bot:1"), "master"
    )
    assert is_genuine(forged)
    assert by_hand(forged, NOW, BEFORE) is not None
    assert by_hand(forged, NOW, None) is not None


@pytest.mark.parametrize("branch", ["master", "ünï/$CI_JOB_TOKEN", "0:0"])
def test_what_is_rendered_is_genuine(branch: str) -> None:
    hostile, listed = parameter("mode", default='"\ud800 %s: {'), parameter("n", default=[1.5, None])
    content = render(module(hostile, listed), SETTINGS, branch)
    assert is_genuine(content)
    assert not is_genuine(content + b"\n")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_with_any_other_bytes_is_judged_without_an_error(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(NOW) - 1))
    new = data.draw(st.binary(max_size=12))
    changed = NOW[:start] + new + NOW[start + data.draw(st.integers(0, 12)) :]
    if is_genuine(changed) and changed != NOW:
        # only words that nobody runs: another description, another default
        assert by_hand(changed, NOW, NOW) in (None, by_hand(changed, None, None))
    else:
        assert (by_hand(changed, NOW, NOW) is None) == (changed == NOW)
    assert not is_genuine(new)


@pytest.mark.parametrize(
    ("config", "own", "why"),
    [
        ("mlreef.yml", None, None),
        ("mlreef.yml", b"test: {script: pytest}\n", None),
        (None, TRIGGER, None),
        (None, TRIGGER.replace(b"depend", b"none"), ".gitlab-ci.yml does not run it"),
        (None, b"test: {script: pytest}\n", ".gitlab-ci.yml does not run it"),
        (None, b"\x00: [", ".gitlab-ci.yml does not run it"),
        ("ci/all.yml", b"test: {script: pytest}\n", "ci/all.yml does not run it"),
        (None, None, "the project has no .gitlab-ci.yml"),
        ("all.yml@group/ci", None, "CI configuration is `all.yml@group/ci`"),
    ],
)
def test_what_would_run_nothing_is_an_error_with_its_reason(
    config: str | None, own: bytes | None, why: str | None
) -> None:
    found = find_unbuilt(replace(PROJECT, ci_config_path=config), own)
    if why is None:
        assert found is None
    else:
        assert found is not None
        assert (found.code, found.severity) == ("pipeline-not-run", Severity.ERROR)
        assert why in found.message
        assert (found.place is not None) == (own is not None)


@pytest.mark.parametrize(
    ("path", "kind", "what"),
    [
        ("mlreef.yml", "file", None),
        ("ci/mlreef.yml", "symlink", None),
        ("mlreef.yml", "symlink", "a symbolic link"),
        ("mlreef.yml", "submodule", "a submodule"),
        ("mlreef.yml/inner.txt", "file", "a folder"),
    ],
)
def test_what_stands_in_the_way_of_the_generated_file_is_an_error(
    path: str, kind: Literal["file", "symlink", "submodule"], what: str | None
) -> None:
    source = Source({path: Entry(path, kind)}, {})
    found = [one for one in read(source, "noise").problems if one.code == "generated-file-taken"]
    assert [one.severity for one in found] == ([] if what is None else [Severity.ERROR])
    assert all(f"mlreef.yml is {what} here" in one.message for one in found)

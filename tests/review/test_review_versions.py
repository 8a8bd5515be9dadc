"""Which version a publication gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.interface import Level
from bot.domain.tags import version_tag
from bot.domain.versions import (
    FIRST,
    MAX_PART,
    Version,
    next_version,
    plan_version,
    read_used,
    read_versions,
    withdrawn_tag,
)
from bot.errors import OperatorError
from tests.domain import values

PARTS = st.integers(0, MAX_PART - 1)
VERSIONS = st.builds(Version, PARTS, PARTS, PARTS)
FEW = st.builds(Version, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
LEVELS = st.sampled_from([Level.PATCH, Level.MINOR, Level.MAJOR])


@pytest.mark.parametrize(
    ("level", "version"),
    [(Level.NONE, "1.2.3"), (Level.PATCH, "1.2.4"), (Level.MINOR, "1.3.0"), (Level.MAJOR, "2.0.0")],
)
def test_the_level_says_which_number_goes_up(level: Level, version: str) -> None:
    assert str(next_version(Version(1, 2, 3), level)) == version


def test_the_first_version_is_one_whatever_changed() -> None:
    assert {next_version(None, level) for level in Level} == {FIRST} == {Version(1, 0, 0)}


def test_where_the_current_one_is_not_known_the_highest_given_counts() -> None:
    assert next_version(None, Level.PATCH, {Version(1, 0, 0), Version(1, 2, 0)}) == Version(1, 2, 1)


def test_a_version_that_was_given_is_stepped_over() -> None:
    used = {Version(1, 0, 0), Version(1, 1, 0), Version(1, 2, 0), Version(2, 0, 0)}
    assert next_version(Version(1, 0, 0), Level.MINOR, used) == Version(1, 3, 0)
    assert next_version(Version(1, 0, 0), Level.PATCH, used) == Version(1, 0, 1)
    assert next_version(Version(1, 0, 0), Level.MAJOR, used) == Version(3, 0, 0)


@pytest.mark.parametrize(
    ("current", "level"),
    [
        (Version(MAX_PART, 0, 0), Level.MAJOR),
        (Version(1, MAX_PART, 0), Level.MINOR),
        (Version(1, 0, MAX_PART), Level.PATCH),
    ],
)
def test_where_no_number_is_left_whoever_runs_the_bot_is_told(current: Version, level: Level) -> None:
    with pytest.raises(OperatorError) as told:
        next_version(current, level)
    assert str(current) in told.value.hint


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "v1.2.3",
            "01.2.3",
            "1.2.3-rc1",
            "1.2.3+build",
            "1.2.-3",
            " 1.2.3",
            "1.2.3\n",
        ),
        *("latest", "master-3", "c-" + "a" * 40, "1234567890.0.0", "١.٢.٣", "withdrawn-1.2.3"),
    ],
)
def test_other_tags_are_no_versions(text: str) -> None:
    assert Version.read(text) is None


def test_the_versions_of_a_repository_are_those_among_its_tags() -> None:
    tags = ("1.10.0", "latest", "1.9.0", "master-1", "withdrawn-2.0.0", "withdrawn-latest")
    assert read_versions(tags) == (Version(1, 10, 0), Version(1, 9, 0))
    assert read_used(tags) == {Version(1, 10, 0), Version(1, 9, 0), Version(2, 0, 0)}


@given(VERSIONS)
def test_a_version_is_read_as_it_is_written(version: Version) -> None:
    assert Version.read(str(version)) == version
    assert read_used([withdrawn_tag(version)]) == {version}


@given(st.text(), st.integers(1, 99))
def test_no_branch_has_tags_that_are_versions(branch: str, number: int) -> None:
    assert Version.read(version_tag(branch, number)) is None
    assert not read_used([version_tag(branch, number)])


@given(st.none() | FEW, LEVELS, st.frozensets(FEW, max_size=12))
def test_no_version_is_given_twice_and_none_goes_backwards(
    current: Version | None, level: Level, used: frozenset[Version]
) -> None:
    version = next_version(current, level, used)
    base = current or max(used, default=None)
    assert version not in used
    assert base is None or version > base
    if base is not None:
        kept = {Level.MAJOR: 0, Level.MINOR: 1, Level.PATCH: 2}[level]
        parts = (version.major, version.minor, version.patch)
        assert parts[:kept] == (base.major, base.minor, base.patch)[:kept]
        assert parts[kept + 1 :] == (0,) * (2 - kept)


def test_code_alone_is_a_patch_and_what_nobody_can_compare_is_major() -> None:
    used = frozenset({Version(1, 0, 0)})
    same, more = values.module(), values.module(*values.module().parameters, values.parameter("seed"))
    assert plan_version(Version(1, 0, 0), same, same, used) == (Version(1, 0, 1), Level.PATCH)
    assert plan_version(Version(1, 0, 0), same, more, used) == (Version(1, 1, 0), Level.MINOR)
    assert plan_version(Version(1, 0, 0), more, same, used) == (Version(2, 0, 0), Level.MAJOR)
    assert plan_version(Version(1, 0, 0), None, same, used) == (Version(2, 0, 0), Level.MAJOR)
    assert plan_version(None, None, same, frozenset()) == (FIRST, Level.MAJOR)

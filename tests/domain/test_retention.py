"""Which versions go when newer ones are published, whatever stands there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.retention import Standing, plan_retirement, versions_meant
from bot.domain.versions import Version

DIGESTS = st.sampled_from([f"sha256:{n:064x}" for n in range(8)])
STANDING = st.lists(st.builds(Standing, st.integers(1, 40), DIGESTS), unique_by=lambda one: one.number)
VERSIONS = st.builds(Version, st.integers(0, 3), st.integers(0, 12), st.integers(0, 12))


@given(STANDING, st.integers(0, 12), st.sets(DIGESTS))
def test_the_newest_images_and_all_that_are_held_stay(
    standing: list[Standing], keep: int, held: set[str]
) -> None:
    going = plan_retirement(standing, keep, held)
    staying = [one for one in standing if one not in going]
    assert not {one.digest for one in going} & ({one.digest for one in staying} | held)
    assert [one.number for one in going] == sorted(one.number for one in going)
    if standing:
        assert max(standing, key=lambda one: one.number) in staying
    newest = list(dict.fromkeys(one.digest for one in sorted(standing, key=lambda one: -one.number)))
    assert {one.digest for one in going} == (set(newest[keep:]) - held if keep else set())


@given(STANDING, st.integers(1, 12), st.sets(DIGESTS))
def test_what_was_done_once_leaves_nothing_to_do(standing: list[Standing], keep: int, held: set[str]) -> None:
    going = plan_retirement(standing, keep, held)
    assert plan_retirement([one for one in standing if one not in going], keep, held) == ()


@given(st.sets(VERSIONS))
def test_references_mean_the_highest_version_that_begins_like_them(there: set[Version]) -> None:
    for one in there:
        of_major = {each for each in there if each.major == one.major}
        of_minor = {each for each in of_major if each.minor == one.minor}
        assert versions_meant([str(one)], there) == {one}
        assert versions_meant([f"{one.major}"], there) == {max(of_major)}
        assert versions_meant([f"{one.major}.{one.minor}"], there) == {max(of_minor)}
    assert versions_meant(["~latest"], there) == ({max(there)} if there else set())


@pytest.mark.parametrize("ref", ["main", "", "1.", "01", "v1", "1.2.0.0", "f" * 40, "~Latest", "2"])
def test_other_references_mean_no_version(ref: str) -> None:
    assert versions_meant([ref], {Version(1, 2, 0), Version(1, 2, 10)}) == set()

"""Which wheels share a layer: the same for the same lock, within the budget, and the big ones alone."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.layers.groups import FEW, MAX_LAYERS, SMALL_BYTES, group_packages, group_wheels, room_for_wheels
from bot.layers.lock import Lock, LockedConda, LockedWheel


def wheel(name: str, size: int) -> LockedWheel:
    return LockedWheel(name, "1", f"{name}-1-py3-none-any.whl", "0" * 64, size, f"https://example.com/{name}")


def conda(name: str, size: int) -> LockedConda:
    return LockedConda(
        name, "1", "0", "noarch", f"{name}-1-0.conda", "0" * 64, size, f"https://example.com/{name}"
    )


wheels = st.lists(
    st.tuples(st.text("abcdef", min_size=1, max_size=4), st.integers(1, 9)),
    unique_by=lambda pair: pair[0],
    max_size=40,
).map(lambda pairs: [wheel(name, size) for name, size in pairs])


def test_few_wheels_have_a_layer_each_and_the_largest_comes_first() -> None:
    groups = group_wheels([wheel("b", 1), wheel("big", 9), wheel("a", 1)], 98)
    assert [[one.name for one in group] for group in groups] == [["big"], ["a"], ["b"]]


def test_a_hundred_and_thirty_wheels_fit_beneath_a_hundred_layers() -> None:
    base = 5
    groups = group_wheels([wheel(f"w{n}", n * SMALL_BYTES) for n in range(1, 131)], room_for_wheels(base))
    assert len(groups) + base + 2 == MAX_LAYERS
    assert [len(group) for group in groups] == [1] * 92 + [38]
    assert {one.name for one in groups[-1]} == {f"w{n}" for n in range(1, 39)}


def test_small_wheels_share_a_layer_once_there_are_more_than_a_few() -> None:
    small = [wheel(f"s{n}", SMALL_BYTES - n) for n in range(1, 12)]
    large = [wheel(f"l{n}", SMALL_BYTES + n) for n in range(5)]
    names = [[one.name for one in group] for group in group_wheels([*small, *large], 98)]
    assert names[:-1] == [["l4"], ["l3"], ["l2"], ["l1"], ["l0"], ["s1"]]
    assert names[-1] == ["s10", "s11", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"]


def test_a_base_without_room_still_takes_them_in_one_layer() -> None:
    assert [len(group) for group in group_wheels([wheel("a", 1), wheel("b", 2)], room_for_wheels(120))] == [2]


def test_no_wheels_make_no_layers() -> None:
    assert group_wheels([], 98) == ()


def test_no_room_at_all_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        group_wheels([wheel("a", 1)], 0)


@given(wheels, st.integers(1, 20), st.randoms(use_true_random=False))
def test_every_wheel_is_in_one_layer_whatever_their_order(
    given_wheels: Sequence[LockedWheel], room: int, shuffler: random.Random
) -> None:
    groups = group_wheels(given_wheels, room)
    shuffled = list(given_wheels)
    shuffler.shuffle(shuffled)
    assert group_wheels(shuffled, room) == groups
    assert sorted(one.name for group in groups for one in group) == sorted(one.name for one in given_wheels)
    assert len(groups) <= room
    assert len(groups) == min(room, FEW + 1, len(given_wheels))
    # None that shares a layer is bigger than one that has its own.
    alone = [group[0].size for group in groups if len(group) == 1]
    shared = [one.size for group in groups if len(group) > 1 for one in group]
    assert not shared or not alone or max(shared) <= min(alone)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(2, 12))
def test_packages_of_conda_lie_below_the_wheels_and_both_find_room(below: int, above: int, room: int) -> None:
    lock = Lock(
        "3.12",
        "linux/amd64",
        tuple(wheel(f"w{n}", n + 1) for n in range(above)),
        tuple(conda(f"c{n}", n + 1) for n in range(below)),
    )
    groups = group_packages(lock, room)
    names = [one.name for group in groups for one in group]
    assert sorted(names) == sorted([*(f"w{n}" for n in range(above)), *(f"c{n}" for n in range(below))])
    assert len(groups) <= room
    assert len(groups) >= min(room, FEW, below + above)
    kinds = [type(group[0]) for group in groups]
    assert kinds == sorted(kinds, key=lambda kind: kind is LockedWheel)
    assert all(len({type(one) for one in group}) == 1 for group in groups)

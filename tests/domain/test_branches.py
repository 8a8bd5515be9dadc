"""Which branches are published: names, in which `*` stands for any text, as GitLab's protected branches have it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import plan
from bot.domain.branches import NONE_NAMED, is_published, matches, named_to_text, read_named, unfit_names
from parser.model import Place, Report, Settings, Severity
from tests.domain import values

WORDS = st.text("ab/*-", max_size=8)


@given(name=WORDS, branch=st.text("ab/-", max_size=10))
def test_a_star_stands_for_any_text_and_everything_else_for_itself(name: str, branch: str) -> None:
    as_pattern = ".*".join(map(re.escape, name.split("*")))
    assert matches(name, branch) == bool(re.fullmatch(as_pattern, branch))


def test_many_stars_cost_no_time() -> None:
    assert not matches("*a" * 120, "a" * 119 + "b" * 10_000)


@pytest.mark.parametrize(
    ("branch", "published"),
    [
        ("main", True),
        ("stable", True),
        ("release/1.x", True),
        ("release/1/hot", True),
        ("release", False),
        ("Stable", False),
        ("stable-2", False),
        ("feature", False),
    ],
)
def test_the_default_branch_and_those_that_are_named_are_published(branch: str, published: bool) -> None:
    assert is_published(branch, "main", ("stable", "release/*")) is published


def test_the_bots_own_branches_are_published_by_no_name() -> None:
    assert not is_published("mlreef-bot/main", "main", ("*", "mlreef-bot/main"))


def test_a_branch_whose_tags_would_be_those_of_the_default_branch_is_not_published() -> None:
    assert not is_published("release/1", "release-1", ("*",))
    assert is_published("release/2", "release-1", ("*",))


def test_while_the_default_branch_is_not_known_names_count() -> None:
    assert is_published("stable", None, ("stable",))
    assert not is_published("main", None, ("stable",))


@given(st.lists(st.text()))
def test_names_come_back_from_the_store_as_they_were(names: list[str]) -> None:
    assert read_named(named_to_text(names)) == tuple(names)


def test_nobody_knows_is_not_none_named() -> None:
    assert read_named(None) is None
    assert named_to_text(()) == NONE_NAMED
    assert read_named(NONE_NAMED) == ()


def test_names_without_effect_are_told_with_the_reason() -> None:
    named = ("stable", "release/*", "mlreef-bot/x", "release/1", "release-1")
    assert set(unfit_names(named, "release-1", True)) == {"mlreef-bot/x", "release/1"}
    assert set(unfit_names(named, None, True)) == {"mlreef-bot/x"}
    assert set(unfit_names(named, "main", False)) == set(named)
    assert unfit_names(("stable", "release/*"), "main", True) == {}


def test_the_author_reads_them_at_their_place_and_is_published_all_the_same() -> None:
    at = Place(".mlreef.yaml", 3)
    wishes = Settings(branches=("mlreef-bot/x",), places={"branches": at})
    [found] = plan.problems_of(Report(None, wishes, ()), values.PROJECT, values.POLICY)
    assert (found.code, found.severity, found.place) == ("branch-not-published", Severity.WARNING, at)
    assert "'mlreef-bot/x'" in found.message
    forbidden = replace(values.POLICY, other_branches=False)
    [found] = plan.problems_of(Report(None, Settings(branches=("stable",)), ()), values.PROJECT, forbidden)
    assert "publish.branches" in found.hint

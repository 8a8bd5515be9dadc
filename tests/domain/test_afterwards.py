"""What follows from a publication that has ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.afterwards import Ended, plan_afterwards
from bot.domain.jobs import Later, List, Retire
from bot.domain.plan import State
from tests.domain.values import HEAD, POLICY

PUBLISHED = Ended(7, "main", HEAD, State.PUBLISHED, "1.2.0")


def test_older_versions_are_looked_at_after_each_publication_on_its_own_branch() -> None:
    follows = plan_afterwards(replace(PUBLISHED, branch="stable"), False, POLICY)
    assert Later(Retire(7, "stable")) in follows
    assert follows[0] == Later(List(7))


def test_where_all_versions_are_kept_nothing_is_retired() -> None:
    follows = plan_afterwards(PUBLISHED, True, replace(POLICY, keep_versions=0))
    assert not any(isinstance(later.job, Retire) for later in follows)


@pytest.mark.parametrize("state", sorted(set(State) - {State.PUBLISHED, State.UNCHANGED}))
def test_what_published_nothing_has_no_consequences(state: State) -> None:
    assert plan_afterwards(replace(PUBLISHED, state=state), True, POLICY) == ()

"""Uses of modules are kept by project and branch, and what a branch uses no more is forgotten."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.adapters.schema import component_uses
from bot.adapters.store import Store
from bot.domain.uses import Use

NOISE, EDGES = Use("group/add-noise", "add-noise", "1.2.0"), Use("group/edges", "edges", "~latest")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.prepare(f"sqlite:///{tmp_path / 'bot.db'}")
    yield made
    made.close()


def test_what_is_read_takes_the_place_of_what_was_read_before(store: Store) -> None:
    store.keep_uses(1, "main", (NOISE, EDGES))
    store.keep_uses(2, "main", (Use("group/add-noise", "add-noise", "1"),))
    assert store.refs_used("Group/Add-Noise") == {"1.2.0", "1"}
    store.keep_uses(1, "main", (EDGES,))
    assert store.refs_used("group/add-noise") == {"1"}
    assert store.refs_used("group/edges") == {"~latest"}
    store.keep_uses(1, "main", ())
    assert store.refs_used("group/edges") == frozenset()


def test_branches_of_a_project_are_apart(store: Store) -> None:
    store.keep_uses(1, "main", (NOISE,))
    store.keep_uses(1, "merge request 3", (EDGES,))
    store.keep_uses(1, "main", ())
    assert store.refs_used("group/edges") == {"~latest"}


def test_what_only_a_merge_request_uses_counts_for_a_while(store: Store) -> None:
    store.keep_uses(1, "merge request 3", (NOISE,))
    store.keep_uses(1, "merge_request", (Use("group/add-noise", "add-noise", "1"),))
    long_ago = time.time() - 100
    with sa.create_engine(store.url).begin() as connection:
        connection.execute(component_uses.update().values(seen_at=long_ago))
    assert store.refs_used("group/add-noise", "merge request ", 200) == {"1.2.0", "1"}
    assert store.refs_used("group/add-noise", "merge request ", 50) == {"1"}


def test_a_project_that_is_gone_uses_nothing(store: Store) -> None:
    store.keep_uses(1, "main", (NOISE,))
    store.keep_uses(2, "main", (EDGES,))
    assert store.using_projects() == {1, 2}
    store.forget_uses(1)
    assert store.using_projects() == {2}
    assert store.refs_used("group/add-noise") == frozenset()
    assert store.refs_used("group/edges") == {"~latest"}

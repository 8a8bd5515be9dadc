"""A project that only uses modules is no broken module: the bot reads what it uses, and says nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.adapters.store import Store
from tests.whole_way.conftest import SOON, Way, World

USER = {
    ".gitlab-ci.yml": "include: [{component: $CI_SERVER_FQDN/lab/noise/noise@1.2.0}, {local: ci/more.yml}]\n",
    "ci/more.yml": "include: {component: $CI_SERVER_FQDN/lab/more/more@1}\n",
}


@pytest.fixture
def store(world: World) -> Iterator[Store]:
    opened = Store(f"sqlite:///{world.log.with_name('bot.db')}")
    yield opened
    opened.close()


def test_what_it_uses_is_known_and_nothing_is_said(world: World, store: Store) -> None:
    way = world.project(USER, ci_config_path=None)
    head = way.head()
    assert way.sandbox.wait_for(lambda: store.refs_used("lab/more") == {"1"}, SOON, "the use")
    assert store.refs_used("lab/noise") == {"1.2.0"}
    way.rest()
    assert (way.statuses(head), way.comments(head), way.writes()) == ([], [], [])
    way.push({".gitlab-ci.yml": "include: {component: $CI_SERVER_FQDN/lab/noise/noise@2.0.0}\n"})
    assert way.sandbox.wait_for(lambda: store.refs_used("lab/noise") == {"2.0.0"}, SOON, "the new use")
    assert store.refs_used("lab/more") == frozenset()


def test_its_merge_requests_are_left_alone(world: World, store: Store) -> None:
    way = world.project(USER, ci_config_path=None)
    text = "include: {component: $CI_SERVER_FQDN/lab/noise/noise@3.0.0}\n"
    iid = way.open({".gitlab-ci.yml": text})
    assert way.sandbox.wait_for(lambda: "3.0.0" in store.refs_used("lab/noise"), SOON, "the use")
    way.rest()
    assert (way.notes(iid), way.writes()) == ([], [])


def test_a_data_pipeline_alone_is_no_broken_module(world: World, store: Store) -> None:
    way = world.project({"mlreef-pipeline.yml": "steps: [{module: lab/edges@1.0.1}]\n"}, ci_config_path=None)
    assert way.sandbox.wait_for(lambda: store.refs_used("lab/edges") == {"1.0.1"}, SOON, "the use")
    way.rest()
    assert (way.statuses(way.head()), way.writes()) == ([], [])


def test_who_asks_is_told_what_is_missing(world: World) -> None:
    way = world.project(USER, ci_config_path=None)
    way.rest()
    world.command("publish", str(way.project.id))
    way.status(way.head(), "failed")


def test_with_a_script_that_cannot_be_read_it_is_told_as_ever(world: World) -> None:
    way: Way = world.project({**USER, "run.py": "import argparse\nargparse.(\n"}, ci_config_path=None)
    way.status(way.head(), "failed")

"""A whole review in one process: what is looked at again, what is left alone, and what is said when all tries fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.registry import Registry
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.domain.jobs import COMMAND, Check, Later, merge_request_lane
from bot.domain.manner import Manner
from bot.domain.pipeline import Environment
from bot.domain.policy import Policy
from bot.domain.steps import CHECK_STATUS
from bot.errors import TryAgain
from bot.review import MAX_REREADS, review
from bot.telling import tell_given_up
from bot.world import World
from sandbox.gitlab import MAINTAINER, Project, Sandbox, User
from sandbox.registry import RegistryServer

MOST_CALLS = 8
"""What a check may ask of GitLab when its result is that of the one before."""

SCRIPT = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--output-path", required=True)
parser.parse_args()
"""
BROKEN = SCRIPT.replace('parser.add_argument("--output-path", required=True)\n', "")


@dataclass
class Place:
    """A project with a merge request, and the bot's world."""

    sandbox: Sandbox
    alice: User
    project: Project
    world: World

    def open(self, script: str, user: User | None = None) -> Check:
        """Somebody opens a merge request with this script; gives the job of its check."""
        who = user or self.alice
        files = {"add_noise.py": script, "requirements.txt": "numpy==2.1\n"}
        core = self.sandbox.core
        self.sandbox.commit(self.project.id, who, files, branch="work", start_branch="main")
        made = core.merging.open(self.project, who, self.project, "work", "main", "Work")
        return Check(self.project.id, merge_request_lane(made.iid), made.iid, made.sha)

    def statuses(self, check: Check) -> list[tuple[str, str]]:
        found = self.sandbox.statuses(self.project.id, check.sha or "", CHECK_STATUS)
        return [(status.status, status.description or "") for status in found]

    def notes(self, check: Check) -> list[str]:
        said = self.sandbox.notes(self.project.id, check.iid)
        return [note.body for note in said if note.author_id == self.world.user_id and not note.position]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, User, User]]:
    folder = tmp_path_factory.mktemp("review")
    with (
        RegistryServer(folder / "registry") as registry,
        Sandbox(folder / "gitlab", registry=registry) as sandbox,
    ):
        yield sandbox, sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        assert sandbox.complaints == []


@pytest.fixture
def place(
    site: tuple[Sandbox, User, User], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Place]:
    sandbox, alice, bot = site
    path = f"lab/{request.node.name[:60].rstrip('_')}"
    project = sandbox.create_project(path, alice, ci_config_path="mlreef.yml", files={"README.md": "Hi\n"})
    sandbox.add_member(project.id, bot, MAINTAINER)
    store = Store.prepare(f"sqlite:///{tmp_path / 'bot.db'}")
    client = GitlabClient(sandbox.url, bot.token, 5)
    policy = Policy(
        (Environment("python", "Python", "python:3.12-slim", "3.12", {}),), "python", "bot:1", "https://docs"
    )

    def registry_of(host: str) -> Registry:
        return Registry(host, bot.username, bot.token)

    world = World(Forge(client), registry_of, store, policy, bot.id, Talk(client, bot.id))
    yield Place(sandbox, alice, project, world)
    store.close()


def away(_host: str) -> Registry:
    raise TryAgain("the registry does not answer")


def test_what_is_told_once_is_not_told_again(place: Place) -> None:
    check = place.open(BROKEN)
    assert review(check, place.world) == ()
    bot = place.sandbox.state.user(place.world.user_id)
    before = len(place.sandbox.calls(bot))
    assert review(check, place.world) == ()
    calls = place.sandbox.calls(bot)[before:]
    assert len(calls) <= MOST_CALLS
    assert {call.method for call in calls if "graphql" not in call.path} == {"GET"}
    assert len(place.statuses(check)) == len(place.notes(check)) == 1


def test_a_registry_that_is_away_is_looked_at_again_a_few_times(place: Place) -> None:
    check = place.open(SCRIPT)
    world = replace(place.world, registry=away)
    later = review(check, world)
    assert [type(item) for item in later] == [Later]
    assert later[0].job == replace(check, attempt=1)
    assert place.statuses(check)[0][0] == "success"
    assert review(replace(check, attempt=MAX_REREADS), world) == ()
    assert "for the first time" not in "".join(place.notes(check))


def test_the_bots_own_merge_request_gets_the_status_and_no_words(place: Place) -> None:
    bot = place.sandbox.state.user(place.world.user_id)
    check = place.open(BROKEN, bot)
    review(check, place.world)
    assert [state for state, _ in place.statuses(check)] == ["failed"]
    assert place.sandbox.notes(place.project.id, check.iid) == []


def test_an_operator_who_wants_no_reviews_gets_none(place: Place) -> None:
    check = place.open(BROKEN)
    off = replace(place.world.policy, review=Manner(enabled=False))
    review(check, replace(place.world, policy=off))
    assert (place.statuses(check), place.notes(check)) == ([], [])


def test_who_asks_for_a_check_gets_a_deleted_note_back(place: Place) -> None:
    check = place.open(BROKEN)
    review(check, place.world)
    (note,) = (n for n in place.sandbox.notes(place.project.id, check.iid) if not n.position)
    with place.sandbox.state.lock:
        del place.sandbox.state.notes[note.id]
    review(check, place.world)
    assert place.notes(check) == []
    review(replace(check, cause=COMMAND), place.world)
    assert len(place.notes(check)) == 1


def test_a_check_that_is_given_up_says_so_on_the_head(place: Place) -> None:
    check = place.open(SCRIPT)
    tell_given_up(check, place.world)
    ((state, words),) = place.statuses(check)
    assert state == "failed"
    assert words.startswith("Not checked:")

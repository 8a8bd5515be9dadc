"""The wizard's merge request is opened once: by itself where the operator wants it, and again only for who asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.publications import Publication
from bot.adapters.registry import Registry
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.domain.engines import Building
from bot.domain.jobs import Later, Publish, Setup
from bot.domain.pipeline import Environment
from bot.domain.plan import State
from bot.domain.policy import Opening, Policy
from bot.domain.wizard import SETUP_BRANCH, Opened, SetupWish
from bot.errors import BotError
from bot.opening import open_setup, set_up
from bot.publication import publish
from bot.world import World
from sandbox.gitlab import DEVELOPER, Project, Sandbox, Trouble, User
from sandbox.gitlab.trouble import Mishap, die_after_effect, error_after_effect, half_answer, refuse
from sandbox.gitlab.values import REPORTER, MergeRequest
from tests.layers.package_index import PackageIndex, served

SCRIPT = """\
import argparse

import numpy

PARSER = argparse.ArgumentParser()
PARSER.add_argument("--input-path", required=True)
PARSER.add_argument("--output-path", required=True)

if __name__ == "__main__":
    PARSER.parse_args()
"""
BARE = {"train.py": SCRIPT}
WHOLE = {**BARE, "requirements.txt": "numpy==2.3.1\n"}
COMMITS, REQUESTS = "*/repository/commits", "*/merge_requests"


def no_registry(_host: str) -> Registry:
    raise AssertionError("no registry is asked to open a merge request")


@dataclass
class Place:
    """A project, and the bot as jobs that are done one after the other."""

    sandbox: Sandbox
    bad: Trouble
    alice: User
    bot: User
    project: Project
    world: World

    def push(self, files: dict[str, str], branch: str = "main") -> None:
        self.sandbox.commit(
            self.project.id, self.alice, files, "Work", branch=branch, start_branch="main", quietly=True
        )

    def pushed(self, wizard: Opening = "when_needed") -> list[Setup]:
        """What a push leads to, besides its publication."""
        self.world = replace(self.world, policy=replace(self.world.policy, wizard=wizard))
        later = publish(Publish(self.project.id, "main"), self.world)
        jobs = [one.job for one in later if isinstance(one.job, Setup)]
        for job in jobs:
            self.patiently(lambda job=job: set_up(job, self.world))  # type: ignore[misc]  # a default that binds
        return jobs

    def patiently(self, do: Callable[[], object]) -> None:
        """As the worker does it: what is to be tried again, is."""
        for _ in range(4):
            try:
                do()
                return
            except BotError:
                continue
        raise AssertionError("it was tried again and again")

    def ask(self) -> Opened:
        return open_setup(self.project.id, self.world, asked=True)

    @property
    def requests(self) -> list[MergeRequest]:
        found = self.sandbox.merge_requests(self.project.id)
        return sorted((one for one in found if one.source_branch == SETUP_BRANCH), key=lambda one: one.iid)

    def file(self, path: str) -> str:
        content = self.sandbox.read_file(self.project.id, path, SETUP_BRANCH)
        return "" if content is None else content.decode()

    def close(self, found: MergeRequest) -> None:
        self.sandbox.core.merging.set_state(found, self.alice, "close")


@pytest.fixture(scope="module")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Trouble, User, User]]:
    bad = Trouble()
    with Sandbox(tmp_path_factory.mktemp("opening") / "gitlab", moods=bad) as sandbox:
        yield sandbox, bad, sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        assert sandbox.complaints == []


@pytest.fixture(scope="module")
def index() -> Iterator[PackageIndex]:
    with served(PackageIndex()) as found:
        found.add("numpy", "2.3.1")
        yield found


@pytest.fixture
def place(
    gitlab: tuple[Sandbox, Trouble, User, User],
    index: PackageIndex,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    sandbox, bad, alice, bot = gitlab
    bad.clear()
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[-60:].strip("-")
    project = sandbox.create_project(
        f"lab/{name}", alice, ci_config_path="mlreef.yml", files={"README.md": "Hi\n"}
    )
    sandbox.add_member(project.id, bot, DEVELOPER)
    client = GitlabClient(sandbox.url, bot.token, 5)
    base = Environment("python", "Python", "python:3.12", "3.12", {})
    policy = Policy((base,), "python", "bot", "", Building(index_url=index.simple))
    store = Store.prepare(f"sqlite:///{tmp_path / 'bot.db'}")
    world = World(Forge(client), no_registry, store, policy, bot.id, Talk(client, bot.id))
    yield Place(sandbox, bad, alice, bot, project, world)
    store.close()
    assert bad.left == [], "a mishap never happened"


def test_a_first_push_that_lacks_something_opens_one_and_no_later_one_does(place: Place) -> None:
    place.push(BARE)
    assert len(place.pushed()) == 1
    assert place.file("requirements.txt").splitlines()[1:] == ["numpy==2.3.1"]
    place.push({"README.md": "More\n"})
    assert place.pushed() == []
    assert [one.state for one in place.requests] == ["opened"]


def test_whoever_closes_it_is_not_asked_again_even_by_a_bot_that_lost_its_memory(
    place: Place, tmp_path: Path
) -> None:
    place.push(BARE)
    place.pushed()
    place.close(place.requests[0])
    place.world = replace(place.world, store=Store.prepare(f"sqlite:///{tmp_path / 'new.db'}"))
    place.push({"README.md": "More\n"})
    assert len(place.pushed()) == 1
    assert [one.state for one in place.requests] == ["closed"]
    assert place.ask().kind == "opened"
    assert [one.state for one in place.requests] == ["closed", "opened"]


@pytest.mark.parametrize(
    ("wizard", "files", "opened"),
    [
        ("when_needed", WHOLE, 0),
        ("when_needed", {"run.py": "def broken(:\n", "requirements.txt": ""}, 0),
        ("always", WHOLE, 1),
        ("never", BARE, 0),
    ],
)
def test_the_operator_says_who_gets_one_without_asking(
    place: Place, wizard: Opening, files: dict[str, str], opened: int
) -> None:
    place.push(files)
    place.pushed(wizard)
    assert len(place.requests) == opened


def test_what_was_published_before_and_breaks_later_is_told_and_gets_no_wizard(place: Place) -> None:
    place.world.store.ensure_publication(
        Publication(place.project.id, "main", "a" * 40, "a" * 40, State.PUBLISHED, number=1)
    )
    place.push(BARE)
    assert place.pushed() == []
    assert place.requests == []


def test_work_of_people_on_a_branch_of_that_name_is_left_alone(place: Place) -> None:
    place.push({"notes.md": "Mine\n"}, SETUP_BRANCH)
    before = place.sandbox.head(place.project.id, SETUP_BRANCH)
    place.push(BARE)
    place.pushed()
    refused = place.ask()
    assert refused.refused is not None
    assert SETUP_BRANCH in refused.refused.why
    assert place.sandbox.head(place.project.id, SETUP_BRANCH) == before
    assert place.requests == []


def test_a_commit_that_only_says_that_it_is_the_bots_is_not_proposed_in_its_name(place: Place) -> None:
    place.push(BARE)
    place.ask()
    place.close(place.requests[0])
    api = f"{place.sandbox.url}/api/v4/projects/{place.project.id}/repository"
    alice = {"PRIVATE-TOKEN": place.alice.token}
    of_the_bot = requests.get(
        f"{api}/commits/{quote(SETUP_BRANCH, safe='')}", headers=alice, timeout=10
    ).json()
    forged = {
        "branch": SETUP_BRANCH,
        "commit_message": of_the_bot["message"],
        "actions": [{"action": "create", "file_path": "evil.sh", "content": "rm -rf /\n"}],
        "start_sha": of_the_bot["parent_ids"][0],
        "force": True,
    }
    requests.post(f"{api}/commits", json=forged, headers=alice, timeout=10).raise_for_status()
    assert place.file("evil.sh")
    assert place.ask().kind == "opened"
    assert place.file("evil.sh") == ""
    assert place.file("requirements.txt").splitlines()[1:] == ["numpy==2.3.1"]


def test_another_wish_after_it_was_closed_gets_other_files(place: Place) -> None:
    place.push(BARE)
    place.ask()
    place.close(place.requests[0])
    asked = open_setup(place.project.id, place.world, asked=True, wish=SetupWish(skeleton="annotations"))
    assert asked.kind == "opened"
    assert "@data_processor(" in place.file("train.py")


def test_a_bot_that_may_not_write_says_whom_to_ask(place: Place) -> None:
    place.push(BARE)
    place.sandbox.add_member(place.project.id, place.bot, REPORTER)
    refused = place.ask()
    assert refused.refused is not None
    assert "Developer" in refused.refused.mend


def test_a_merge_request_that_gitlab_refuses_is_opened_when_it_is_asked_for_again(place: Place) -> None:
    place.push(BARE)
    place.bad.on("POST", REQUESTS, refuse(403, {"message": "403 Forbidden"}), user=place.bot.username)
    assert place.ask().kind == "refused"
    assert place.ask().kind == "opened"
    assert place.ask().kind == "there"
    assert len(place.requests) == 1


@pytest.mark.parametrize("route", [COMMITS, REQUESTS])
@pytest.mark.parametrize("lose", [die_after_effect, error_after_effect, half_answer])
def test_an_answer_that_is_lost_leads_to_the_same_one_merge_request(
    place: Place, route: str, lose: Callable[[], Mishap]
) -> None:
    place.push(BARE)
    place.bad.on("POST", route, lose(), user=place.bot.username)
    assert len(place.pushed()) == 1
    assert [one.state for one in place.requests] == ["opened"]
    assert place.file("requirements.txt").splitlines()[1:] == ["numpy==2.3.1"]


def test_a_bot_that_dies_behind_its_record_opens_it_all_the_same(place: Place) -> None:
    place.push(BARE)
    publish(Publish(place.project.id, "main"), place.world)
    # what followed from that job was never stored, so the job is done again
    assert len(place.pushed()) == 1
    assert len(place.requests) == 1


def test_where_no_index_answers_names_stand_without_versions_and_that_is_said(place: Place) -> None:
    policy = replace(place.world.policy, building=Building(index_url="http://127.0.0.1:9/simple"))
    place.world = replace(place.world, policy=policy)
    place.push(BARE)
    place.pushed()
    assert place.file("requirements.txt").splitlines()[-1] == "numpy"
    assert "could not look up versions" in place.requests[0].description


def test_a_project_without_a_script_or_put_into_the_archive_is_not_set_up(place: Place) -> None:
    assert place.ask().kind == "refused"
    place.sandbox.archive_project(place.project.id)
    assert place.ask().kind == "unneeded"


def test_later_jobs_are_values_that_are_stored(place: Place) -> None:
    place.push(BARE)
    later = publish(Publish(place.project.id, "main"), place.world)
    assert Later(Setup(place.project.id, SETUP_BRANCH)) in later

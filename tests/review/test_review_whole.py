"""A whole review in one process: what is looked at again, what is left alone, and what is said when all tries fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.registry import Manifest, Registry
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.domain.jobs import COMMAND, Check, Later, merge_request_lane
from bot.domain.making import ENVIRONMENT_LABEL
from bot.domain.manner import Manner
from bot.domain.pipeline import Environment
from bot.domain.policy import Policy
from bot.domain.steps import CHECK_STATUS
from bot.domain.tags import MODULE_LABEL
from bot.errors import TryAgain
from bot.review import MAX_REREADS, review
from bot.telling import tell_given_up
from bot.world import World
from parser.read import read
from parser.source import Entry, Source
from parser.wire import canonical, module_to_dict
from sandbox.gitlab import MAINTAINER, Project, Sandbox, User
from sandbox.registry import RegistryServer
from tests.layers.package_index import PackageIndex, served

MOST_CALLS = 8
"""What a check may ask of GitLab when its result is that of the one before."""

SCRIPT = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--output-path", required=True)
parser.parse_args()
"""
MORE = SCRIPT.replace("parser.parse", 'parser.add_argument("--seed", type=int, default=3)\nparser.parse')
REQUIREMENTS = "numpy==2.1\nscipy==1.15\n"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
BROKEN = SCRIPT.replace('parser.add_argument("--output-path", required=True)\n', "")


@dataclass
class Place:
    """A project with a merge request, and the bot's world."""

    sandbox: Sandbox
    alice: User
    project: Project
    world: World
    host: str

    def open(
        self,
        script: str,
        user: User | None = None,
        branch: str = "work",
        requirements: str = REQUIREMENTS,
        settings: str = "",
    ) -> Check:
        """Somebody opens a merge request with these files; gives the job of its check."""
        who = user or self.alice
        files = {"add_noise.py": script, "requirements.txt": requirements, ".mlreef.yaml": settings}
        core = self.sandbox.core
        self.sandbox.commit(self.project.id, who, files, branch=branch, start_branch="main")
        made = core.merging.open(self.project, who, self.project, branch, "main", "Work")
        return Check(self.project.id, merge_request_lane(made.iid), made.iid, made.sha)

    def published(self) -> None:
        """SCRIPT is what the default branch has published, on the usual environment."""
        contents = {"add_noise.py": SCRIPT.encode(), "requirements.txt": REQUIREMENTS.encode()}
        source = Source({path: Entry(path, "file") for path in contents}, contents)
        module = read(source, self.project.path).module
        assert module is not None
        labels = {MODULE_LABEL: canonical(module_to_dict(module)), ENVIRONMENT_LABEL: "python"}
        config = json.dumps({"config": {"Labels": labels}}).encode()
        with Registry(self.host, self.alice.username, self.alice.token) as registry:
            digest = registry.ensure_bytes(self.project.full_path, config)
            about = {"mediaType": CONFIG_TYPE, "size": len(config), "digest": digest}
            layer = {"mediaType": LAYER_TYPE, "size": 212_000_000, "digest": digest}
            content = {
                "schemaVersion": 2,
                "mediaType": Manifest.of(b"").media_type,
                "config": about,
                "layers": [layer],
            }
            manifest = Manifest.of(json.dumps(content).encode())
            for tag in ("main-1", "1.0.0", "latest"):
                registry.put_manifest(self.project.full_path, tag, manifest)

    def statuses(self, check: Check) -> list[tuple[str, str]]:
        found = self.sandbox.statuses(self.project.id, check.sha or "", CHECK_STATUS)
        return [(status.status, status.description or "") for status in found]

    def notes(self, check: Check) -> list[str]:
        said = self.sandbox.notes(self.project.id, check.iid)
        return [note.body for note in said if note.author_id == self.world.user_id and not note.position]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, User, User, str]]:
    folder = tmp_path_factory.mktemp("review")
    with (
        RegistryServer(folder / "registry") as registry,
        Sandbox(folder / "gitlab", registry=registry) as sandbox,
    ):
        bot = sandbox.create_user("mlreef-bot", bot=True)
        yield sandbox, sandbox.create_user("alice"), bot, registry.address
        assert sandbox.complaints == []


@pytest.fixture
def place(
    site: tuple[Sandbox, User, User, str], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Place]:
    sandbox, alice, bot, host = site
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
    yield Place(sandbox, alice, project, world, host)
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


def test_the_first_note_in_a_project_says_who_speaks_and_later_ones_do_not(place: Place) -> None:
    place.published()
    first = place.open(BROKEN)
    review(first, place.world)
    assert place.notes(first)[0].count("I am the bot that publishes this repository") == 1
    second = place.open(BROKEN, branch="other")
    review(second, place.world)
    assert "I am the bot" not in place.notes(second)[0]
    # and both stay as they are
    said = [*place.notes(first), *place.notes(second)]
    review(first, place.world)
    review(second, place.world)
    assert [*place.notes(first), *place.notes(second)] == said


def test_a_version_taken_back_and_a_loose_one_are_rows_of_the_note(place: Place) -> None:
    place.published()
    index = PackageIndex()
    index.add("numpy", "2.2", yanked="It deletes files")
    with served(index):
        building = replace(place.world.policy.building, index_url=index.simple)
        world = replace(place.world, policy=replace(place.world.policy, building=building))
        check = place.open(SCRIPT, requirements="numpy==2.2\nscipy\n")
        review(check, world)
    (body,) = place.notes(check)
    assert "| `numpy` | taken back by its authors |  | `==2.2` | It deletes files |" in body
    assert "| `numpy` | another version | `==2.1` | `==2.2` |" in body
    assert "| `scipy` | no exact version any more | `==1.15` | `any version` |" in body


def test_another_environment_is_not_foretold_to_weigh_what_this_one_does(place: Place) -> None:
    place.published()
    one, other = place.open(MORE), place.open(MORE, branch="other", settings="environment: gpu\n")
    gpu = Environment("gpu", "GPU", "python:3.12-slim", "3.12", {})
    python = place.world.policy.environments[0]
    world = replace(place.world, policy=replace(place.world.policy, environments=(python, gpu)))
    for check in (one, other):
        review(check, world)
    assert "| Image | about 212 MB. As what is published now: only code changes. |" in place.notes(one)[0]
    assert "| Image | cannot be told beforehand: The environment changes" in place.notes(other)[0]


def test_while_the_registry_is_away_a_note_that_is_there_stays_as_it_is(place: Place) -> None:
    place.published()
    check = place.open(MORE)
    review(check, place.world)
    (said,) = place.notes(check)
    world = replace(place.world, registry=away)
    review(check, world)
    assert place.notes(check) == [said]
    # nobody could say in time: then it is no longer claimed
    review(replace(check, attempt=MAX_REREADS), world)
    assert "cannot be compared" in place.notes(check)[0]


def test_of_a_head_that_is_no_longer_the_head_nothing_is_written(place: Place) -> None:
    place.published()
    check = place.open(BROKEN)

    def moved(host: str) -> Registry:
        # somebody pushes while it is compared with what is published
        place.sandbox.commit(place.project.id, place.alice, {"notes.txt": "x\n"}, branch="work")
        return place.world.registry(host)

    assert review(check, replace(place.world, registry=moved)) == ()
    assert place.sandbox.notes(place.project.id, check.iid) == []
    kept = place.world.store.review(place.project.id, check.iid)
    assert (kept.head_sha, kept.note_id, kept.threads) == ("", None, "")


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

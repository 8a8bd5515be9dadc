"""The bot must not answer itself: each guard alone ends the loop that runs without any."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.domain.engines import Building
from bot.domain.guards import MAX_GENERATED_IN_A_ROW, Guards
from bot.domain.jobs import COMMAND, Later, Publish
from bot.domain.payloads import read_event
from bot.domain.pipeline import JOB_NAMES, Environment
from bot.domain.policy import Policy
from bot.domain.routing import Rules, route
from bot.publication import publish
from bot.world import World
from sandbox.gitlab import MAINTAINER, Project, Sandbox
from tests.whole_way.conftest import FILES

NO_REGISTRY: Any = None
ROUNDS = 7
NONE = Guards(identity=False, trailer=False, only_generated=False, fixed_point=False, commits_per_hour=10_000)


class Loop:
    """A GitLab whose hooks are worked on one after the other by a bot that forgets every publication at once.

    The store's memory of publications would end the loop, too; what is asked here is whether the guards do.
    """

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.alice, self.bot = sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        self.store = Store.prepare(f"sqlite:///{folder / 'bot.db'}")
        self.pushes: list[Any] = []
        self.engine = sa.create_engine(self.store.url)
        loop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                loop.pushes.append(body)
                self.send_response(202)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def project(self) -> Project:
        made = self.sandbox.create_project("lab/noise", self.alice, ci_config_path="mlreef.yml")
        self.sandbox.add_member(made.id, self.bot, MAINTAINER)
        url = f"http://127.0.0.1:{self.server.server_port}/webhooks/gitlab"
        self.sandbox.add_hook(made.id, url, pipeline_events=False, job_events=False)
        return made

    def world(self, guards: Guards) -> World:
        client = GitlabClient(self.sandbox.url, self.bot.token, 10)
        environment = Environment("python", "Python", "python:3.12", "3.12", {})
        policy = Policy((environment,), "python", "bot", "", Building(engines=("docker",)), guards=guards)
        talk = Talk(client, self.bot.id)
        return World(Forge(client), NO_REGISTRY, self.store, policy, self.bot.id, talk)

    def run(self, guards: Guards, rounds: int = ROUNDS) -> tuple[Later, ...]:
        """Work on what hooks tell until they tell nothing, at most so many rounds; gives what is left for later."""
        world, rules, left = self.world(guards), Rules((), JOB_NAMES, guards), tuple[Later, ...]()
        for _ in range(rounds):
            self.sandbox.wait_idle()
            told, self.pushes = self.pushes, []
            jobs = [route(read_event(body), rules, self.bot.id) for body in told]
            for job in jobs:
                if isinstance(job, Publish):
                    left = publish(job, world)
                    self.forget()
        return left

    def forget(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.delete(schema.publications))

    def by_bot(self, project: Project) -> int:
        """How many commits the bot made."""
        git = self.sandbox.core.git(project)
        sha, count = git.branch("main"), 0
        while sha is not None:
            commit = git.commit(sha)
            assert commit is not None
            count += commit.author.name == self.bot.name
            sha = commit.parents[0] if commit.parents else None
        return count


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    with Sandbox(tmp_path / "gitlab") as sandbox:
        made = Loop(sandbox, tmp_path)
        yield made
        made.server.shutdown()
        made.server.server_close()
        made.engine.dispose()
        made.store.close()
        assert sandbox.complaints == []


def test_without_any_guard_there_is_a_loop(loop: Loop) -> None:
    project = loop.project()
    loop.sandbox.commit(project.id, loop.alice, FILES)
    loop.run(NONE)
    assert loop.by_bot(project) == ROUNDS


@pytest.mark.parametrize(
    ("guard", "commits"),
    [("identity", 1), ("trailer", 1), ("only_generated", MAX_GENERATED_IN_A_ROW), ("fixed_point", 1)],
)
def test_each_guard_ends_it_alone(loop: Loop, guard: str, commits: int) -> None:
    project = loop.project()
    loop.sandbox.commit(project.id, loop.alice, FILES)
    guards = Guards(
        **{**dict.fromkeys(("identity", "trailer", "only_generated", "fixed_point"), False), guard: True}
    )
    loop.run(guards)
    assert loop.by_bot(project) == commits


def test_the_budget_ends_it_where_all_guards_fail_and_people_are_told(loop: Loop) -> None:
    project = loop.project()
    loop.sandbox.commit(project.id, loop.alice, FILES)
    guards = Guards(
        identity=False, trailer=False, only_generated=False, fixed_point=False, commits_per_hour=3
    )
    (later,) = loop.run(guards)
    assert loop.by_bot(project) == 3
    head = str(loop.sandbox.head(project.id))
    (status,) = loop.sandbox.statuses(project.id, head)
    assert status.status == "failed"
    assert "3 times within an hour" in str(status.description)
    (comment,) = loop.sandbox.comments(project.id, head)
    assert "another program answers my commits" in comment.body
    # it goes on by itself when the hour has passed
    assert isinstance(later.job, Publish)
    assert 3500 < later.seconds <= 3600


def test_a_person_may_ask_for_what_the_trailer_would_forbid(loop: Loop) -> None:
    project = loop.project()
    loop.sandbox.commit(project.id, loop.alice, FILES)
    loop.run(Guards())
    assert loop.by_bot(project) == 1
    # another version of the bot would write the file otherwise: only a person's wish makes it do so
    otherwise = Guards(fixed_point=False)
    publish(Publish(project.id, "main"), loop.world(otherwise))
    assert loop.by_bot(project) == 1
    loop.forget()
    publish(Publish(project.id, "main", cause=COMMAND), loop.world(otherwise))
    assert loop.by_bot(project) == 2


def test_a_file_that_a_person_broke_is_repaired(loop: Loop) -> None:
    project = loop.project()
    loop.sandbox.commit(project.id, loop.alice, FILES)
    loop.run(Guards())
    good = loop.sandbox.read_file(project.id, "mlreef.yml")
    loop.sandbox.commit(project.id, loop.alice, {"mlreef.yml": "broken\n"})
    loop.run(Guards())
    assert loop.sandbox.read_file(project.id, "mlreef.yml") == good
    assert loop.by_bot(project) == 2


def test_the_bots_own_merge_request_is_read_like_anyones(loop: Loop) -> None:
    # brought in by a merge, the file comes with a push of more than itself, or by another user
    project = loop.project()
    loop.sandbox.commit(project.id, loop.alice, FILES)
    loop.run(Guards())
    loop.sandbox.commit(project.id, loop.bot, {"mlreef.yml": "proposed\n", "train.txt": "x\n"}, "Merge")
    loop.run(Guards())
    assert loop.sandbox.read_file(project.id, "mlreef.yml") != b"proposed\n"


def test_a_branch_that_begins_at_the_bots_commit_gets_a_file_of_its_own(loop: Loop) -> None:
    project = loop.project()
    loop.sandbox.commit(project.id, loop.alice, FILES)
    loop.run(Guards())
    head = str(loop.sandbox.head(project.id))
    world = loop.world(Guards())
    world = replace(world, policy=replace(world.policy, branches=("release",)))
    git = loop.sandbox.core.git(project)
    git.update_ref("refs/heads/release", head)
    publish(Publish(project.id, "release"), world)
    assert loop.sandbox.head(project.id, "release") != head
    assert b"release" in (loop.sandbox.read_file(project.id, "mlreef.yml", "release") or b"")

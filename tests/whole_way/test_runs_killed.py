"""A bot that is killed while it tells of a run tells of it once, however far it came."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from sandbox.demo.children import free_port
from sandbox.gitlab import Sandbox
from sandbox.registry import RegistryServer
from tests.whole_way.conftest import SOON, Mood, Way, World, serving
from tests.whole_way.test_runs import CI, measured, run, run_notes, told


@pytest.fixture(autouse=True)
def in_a_good_mood() -> None:
    """The service of the other tests here is not needed."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, serving]]:
    """A service that these tests may kill."""
    folder, mood = tmp_path_factory.mktemp("killed"), Mood()
    with (
        RegistryServer(folder / "registry") as registry,
        Sandbox(folder / "gitlab", registry=registry, moods=mood) as sandbox,
    ):
        alice = sandbox.create_user("alice")
        bot = sandbox.create_user("mlreef-bot", bot=True, name="MLReef bot")
        listen, log = f"127.0.0.1:{free_port()}", folder / "bot.log"
        with serving(folder, sandbox.url, bot.token, listen, log) as service:
            url = f"http://{listen}/webhooks/gitlab"
            yield World(sandbox, registry, mood, alice, bot, url, log), service


@pytest.mark.parametrize("route", ["/notes", "/runs/log-batch"])
def test_a_bot_that_is_killed_tells_of_a_run_once(alone: tuple[World, serving], route: str) -> None:
    world, service = alone

    def kill(answer: object) -> object:
        made = answer()  # type: ignore[operator]  # the sandbox's own answer
        service.process.send_signal(signal.SIGKILL)
        service.process.wait(timeout=20)
        return made

    way: Way = world.project(ci_config_path=None, push_events=False, merge_requests_events=False)
    way.push({".gitlab-ci.yml": CI})
    iid = way.open({"train.py": "1\n"})
    world.mood.once("POST", route, kill)
    run(way, way.head("work"), measured(0.8))
    until = time.monotonic() + SOON
    while service.process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert service.process.poll() is not None, "nobody wrote there"
    service.start()
    told(way, iid, "`recall`")
    way.rest()
    assert len(run_notes(way, iid)) == 1
    (experiment,) = [one for one in way.sandbox.state.model_experiments if one.project_id == way.project.id]
    assert [(one.status, len(one.metrics)) for one in experiment.runs] == [("FINISHED", 22)]

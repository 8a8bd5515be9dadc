"""A bot that is killed while it tells of a run tells of it once, however far it came."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from tests.whole_way.conftest import SOON, Way, World, all_up, serving
from tests.whole_way.test_runs import CI, measured, run, run_notes, told


@pytest.fixture(autouse=True)
def in_a_good_mood() -> None:
    """The service of the other tests here is not needed."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, serving]]:
    """A service that these tests may kill."""
    with all_up(tmp_path_factory.mktemp("killed")) as alone:
        yield alone


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

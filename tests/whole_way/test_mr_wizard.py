"""The wizard on real parts: a repository that lacks something gets one merge request, and merging that publishes it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
import requests

from bot.domain.steps import CHECK_STATUS
from sandbox.gitlab.state import MergeRequest
from tests.layers.package_index import PackageIndex, served
from tests.whole_way.conftest import FILES, SCRIPT, SOON, Way, World, all_up, serving

IMPORTING = SCRIPT.replace("import argparse", "import argparse\n\nimport numpy\nimport sklearn")
BARE = {"train.py": IMPORTING, "eval.py": IMPORTING}
"""Two scripts that read a command line, and no requirements."""


@pytest.fixture(scope="module")
def index() -> Iterator[PackageIndex]:
    with served(PackageIndex()) as found:
        found.add("numpy", "2.3.1")
        found.add("scikit-learn", "1.7.0", requires=["numpy>=2"])
        yield found


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, index: PackageIndex) -> Iterator[tuple[World, serving]]:
    """A GitLab of its own, with a bot that opens merge requests by itself, and can be killed."""
    builder = {"index_url": index.simple, "image": "mlreef-bot:test", "engines": ["layers"]}
    folder = tmp_path_factory.mktemp("wizard")
    with all_up(folder, wizard={"open": "when_needed"}, builder=builder) as opened:
        yield opened


@pytest.fixture(autouse=True)
def in_a_good_mood() -> None:
    """The service of the other tests here is not needed."""


def all_of(way: Way) -> list[MergeRequest]:
    """The wizard's merge requests."""
    found = way.sandbox.merge_requests(way.project.id)
    return [one for one in found if one.source_branch == "mlreef-bot/setup"]


def the_one(way: Way) -> MergeRequest:
    return way.sandbox.wait_for(
        lambda: next((one for one in all_of(way) if one.versions), None), SOON, "the merge request"
    )


def change(way: Way, found: MergeRequest, **values: object) -> None:
    api = f"{way.sandbox.url}/api/v4/projects/{way.project.id}/merge_requests/{found.iid}"
    headers = {"PRIVATE-TOKEN": way.world.alice.token}
    if values:
        requests.put(api, json=values, headers=headers, timeout=10).raise_for_status()
    else:
        requests.put(f"{api}/merge", headers=headers, timeout=10).raise_for_status()


def proposed(way: Way, path: str) -> str:
    content = way.sandbox.read_file(way.project.id, path, "mlreef-bot/setup")
    assert content is not None
    return content.decode()


def test_two_scripts_without_requirements_get_one_merge_request_and_merging_it_publishes(
    opened: tuple[World, serving],
) -> None:
    world, _ = opened
    way = world.project(BARE)
    found = the_one(way)
    assert (found.source_branch, found.target_branch, found.author_id) == (
        "mlreef-bot/setup",
        "master",
        world.bot.id,
    )
    assert proposed(way, "requirements.txt").splitlines()[1:] == ["numpy==2.3.1", "scikit-learn==1.7.0"]
    assert "  main: train.py\n" in proposed(way, ".mlreef.yaml")
    for step in ("### 1. Entry point", "### 2. Arguments", "### 3. Environment", "### 4. Review and publish"):
        assert step in found.description
    assert "`eval.py`" in found.description
    assert "Nothing is in the way" in found.description
    assert "merge request" in way.comment(way.head())

    way.rest()
    assert len(all_of(way)) == 1
    # of its own merge request the bot says no more than the description does
    (checked,) = way.sandbox.statuses(way.project.id, way.head("mlreef-bot/setup"), CHECK_STATUS)
    assert checked.status == "success"
    assert way.notes(found.iid) == []
    change(way, found)
    commit = way.bot_commit()
    way.publish(commit, 1)
    way.rest()
    assert len(all_of(way)) == 1
    assert world.sandbox.quick_actions == []


def test_an_operator_may_ask_for_one_on_the_command_line(opened: tuple[World, serving]) -> None:
    world, _ = opened
    way = world.project()
    way.push(FILES)
    way.bot_commit()
    assert all_of(way) == []
    world.command("init", "--merge-request", way.project.full_path, "--entry-point", "add_noise.py")
    assert "  main: add_noise.py\n" in proposed(way, ".mlreef.yaml")
    assert [one.state for one in all_of(way)] == ["opened"]


@pytest.mark.parametrize("route", ["/repository/commits", "/merge_requests"])
def test_a_bot_that_is_killed_on_the_way_opens_one_all_the_same(
    opened: tuple[World, serving], route: str
) -> None:
    world, service = opened

    def kill(answer: object) -> object:
        made = answer()  # type: ignore[operator]  # the sandbox's own answer
        service.process.send_signal(signal.SIGKILL)
        service.process.wait(timeout=20)
        return made

    way = world.project()
    world.mood.once("POST", route, kill)
    way.push(BARE)
    until = time.monotonic() + SOON
    while service.process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert service.process.poll() is not None, "nobody wrote there"
    service.start()
    found = the_one(way)
    way.rest()
    assert [one.iid for one in all_of(way)] == [found.iid]
    assert "scikit-learn==1.7.0" in proposed(way, "requirements.txt")

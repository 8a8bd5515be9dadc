"""A version that is taken back is gone wherever people could have found it; brought back, it is there as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from bot.domain.tags import candidate_tag
from parser.wire import canonical, module_to_dict
from sandbox.demo.children import free_port
from sandbox.gitlab import User
from tests.whole_way.conftest import FILES, SOON, World, serving
from tests.whole_way.places import VERSION, Stand
from tests.whole_way.test_catalogue import described


def is_included(stand: Stand, stranger: User) -> bool:
    """Whether a pipeline of somebody else's gets the component."""
    name = f"studio/{next(stand.way.world.names)}"
    project = stand.way.sandbox.create_project(name, stranger, default_branch="main")
    reference = f"$CI_SERVER_FQDN/{stand.path}/add-noise@{VERSION}"
    text = f"include:\n  - component: {reference}\n    inputs: {{input-path: a}}\n"
    sha = stand.way.sandbox.commit(project.id, stranger, {".gitlab-ci.yml": text})
    (pipeline,) = stand.way.sandbox.wait_for(
        lambda: stand.way.sandbox.pipelines(project.id, sha), SOON, "the pipeline"
    )
    return pipeline.yaml_errors is None


@pytest.fixture
def stand(world: World, tmp_path: Path) -> Iterator[Stand]:
    door, pages = (f"127.0.0.1:{free_port()}" for _ in range(2))
    site, log = f"http://{pages}", tmp_path / "bot.log"
    catalogue = {"enabled": True, "listen": pages, "processes": 1, "cache_seconds": 0}
    with serving(tmp_path, world.sandbox.url, world.bot.token, door, log, catalogue=catalogue):
        mine = replace(world, hook_url=f"http://{door}/webhooks/gitlab", log=log)
        way = mine.project(FILES)
        way.project.visibility = "public"
        sha = way.bot_commit()
        way.publish(sha, 1, VERSION, canonical(module_to_dict(described())))
        yield Stand(way, site, tmp_path, "speckles")


def test_taken_back_it_is_gone_everywhere_and_brought_back_it_is_as_it_was(stand: Stand) -> None:
    way, sandbox = stand.way, stand.way.sandbox
    stranger = sandbox.create_user("stranger-at-the-stand")

    def released() -> object:
        tagged = [one for one in sandbox.pipelines(way.project.id) if one.tag and one.status != "success"]
        for one in tagged:
            sandbox.play_pipeline(one.id)
        return (way.project.id, VERSION) in sandbox.state.releases or None

    sandbox.wait_for(released, SOON, "the release")
    sandbox.wait_for(stand.is_listed, SOON, "the listing")
    before = stand.found()
    assert all(before.values()), before
    assert is_included(stand, stranger)
    images = before["the images"]
    assert isinstance(images, dict)
    assert images.keys() == {VERSION, "master-1", "latest", candidate_tag(way.head())}
    [digest] = set(images.values())

    stand.ask("unpublish")
    sandbox.wait_for(
        lambda: requests.get(stand.api(), timeout=20).status_code == 404 or None, SOON, "its end"
    )
    after = stand.found()
    assert not any(after.values()), after
    assert not is_included(stand, stranger)

    stand.ask("republish")
    sandbox.wait_for(stand.is_listed, SOON, "its return")
    sandbox.wait_for(released, SOON, "the release")
    again = stand.found()
    back = again.pop("the images")
    assert isinstance(back, dict)
    assert back == dict.fromkeys((VERSION, "1", "master-1", "latest"), digest)
    assert all(again.values()), again
    assert is_included(stand, stranger)

"""A version that is taken back is gone wherever people could have found it; brought back, it is there as it was."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from bot.domain.tags import candidate_tag
from parser.wire import canonical, module_to_dict
from sandbox.demo.children import free_port
from sandbox.gitlab import User
from tests.whole_way.conftest import FILES, SOON, Way, World, serving
from tests.whole_way.test_catalogue import described

VERSION = "1.0.0"


@dataclass
class Stand:
    """A public project with one version, and everything by which somebody gets at it."""

    way: Way
    site: str
    folder: Path
    stranger: User
    sha: str

    @property
    def path(self) -> str:
        return self.way.project.full_path

    def api(self, rest: str = "") -> str:
        return f"{self.site}/api/v1/modules/{quote(self.path, safe='')}{rest}"

    def ask(self, action: str) -> None:
        answer = requests.post(
            self.api(f"/{VERSION}/{action}"),
            headers={"PRIVATE-TOKEN": self.way.world.alice.token},
            timeout=20,
        )
        assert answer.status_code == 202, answer.text

    def found(self) -> dict[str, object]:
        """By place, what somebody who is no member finds there of it; what is false is nothing."""
        way, registry = self.way, self.way.world.registry
        search = requests.get(f"{self.site}/api/v1/modules", {"q": "speckles"}, timeout=20).json()
        badge = requests.get(f"{self.site}/badges/{self.path}/version.svg", timeout=20)
        tags = {
            tag: details.digest
            for tag in registry.tags(self.path)
            if not tag.startswith("withdrawn") and (details := registry.tag_details(self.path, tag))
        }
        return {
            "the search": [one["path"] for one in search["items"]],
            "the list": self.path in requests.get(self.site, timeout=20).text,
            "the module": requests.get(self.api(), timeout=20).ok,
            "the version": requests.get(self.api(f"/{VERSION}"), timeout=20).ok,
            "the page": requests.get(f"{self.site}/modules/{self.path}", timeout=20).ok,
            "the version's page": requests.get(f"{self.site}/modules/{self.path}/-/{VERSION}", timeout=20).ok,
            "the badge": VERSION in badge.text,
            "the component": way.sandbox.core.git(way.project).tag(VERSION) is not None,
            "the release": (way.project.id, VERSION) in way.sandbox.state.releases,
            "the images": tags,
            "a data pipeline": self.is_rendered(),
            "a pipeline that includes it": self.is_included(),
        }

    def is_rendered(self) -> bool:
        file = self.folder / "mlreef-pipeline.yml"
        file.write_text(f"steps:\n  - module: {self.path}@{VERSION}\n    with: {{input-path: a}}\n")
        command = ["pipeline", "check", str(file), "--catalogue", self.site]
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bot", *command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return done.returncode == 0

    def is_included(self) -> bool:
        name = f"studio/{next(self.way.world.names)}"
        project = self.way.sandbox.create_project(name, self.stranger, default_branch="main")
        reference = f"$CI_SERVER_FQDN/{self.path}/add-noise@{VERSION}"
        text = f"include:\n  - component: {reference}\n    inputs: {{input-path: a}}\n"
        sha = self.way.sandbox.commit(project.id, self.stranger, {".gitlab-ci.yml": text})
        (pipeline,) = self.way.sandbox.wait_for(
            lambda: self.way.sandbox.pipelines(project.id, sha), SOON, "the pipeline"
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
        yield Stand(way, site, tmp_path, world.sandbox.create_user("stranger-at-the-stand"), sha)


def test_taken_back_it_is_gone_everywhere_and_brought_back_it_is_as_it_was(stand: Stand) -> None:
    way, sandbox = stand.way, stand.way.sandbox

    def released() -> object:
        tagged = [one for one in sandbox.pipelines(way.project.id) if one.tag and one.status != "success"]
        for one in tagged:
            sandbox.play_pipeline(one.id)
        return (way.project.id, VERSION) in sandbox.state.releases or None

    sandbox.wait_for(released, SOON, "the release")
    sandbox.wait_for(
        lambda: requests.get(stand.api(f"/{VERSION}"), timeout=20).ok or None, SOON, "the listing"
    )
    before = stand.found()
    assert all(before.values()), before
    images = before["the images"]
    assert isinstance(images, dict)
    assert images.keys() == {VERSION, "master-1", "latest", candidate_tag(stand.sha)}
    [digest] = set(images.values())

    stand.ask("unpublish")
    sandbox.wait_for(
        lambda: requests.get(stand.api(), timeout=20).status_code == 404 or None, SOON, "its end"
    )
    after = stand.found()
    assert not any(after.values()), after

    stand.ask("republish")
    sandbox.wait_for(
        lambda: requests.get(stand.api(f"/{VERSION}"), timeout=20).ok or None, SOON, "its return"
    )
    sandbox.wait_for(released, SOON, "the release")
    again = stand.found()
    back = again.pop("the images")
    assert isinstance(back, dict)
    assert back == dict.fromkeys((VERSION, "1", "master-1", "latest"), digest)
    assert all(again.values()), again

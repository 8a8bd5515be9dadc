"""Old versions go by themselves: the real service, told to keep one, after the second publication."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sandbox.demo.children import free_port
from tests.whole_way.conftest import FILES, SCRIPT, SOON, World, serving


@pytest.fixture
def keeping_one(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("keeping-one")
    listen, log = f"127.0.0.1:{free_port()}", folder / "bot.log"
    told = {"keep_versions": 1}
    with serving(folder, world.sandbox.url, world.bot.token, listen, log, publish=told):
        yield replace(world, hook_url=f"http://{listen}/webhooks/gitlab", log=log)


def test_after_a_publication_older_versions_are_taken_back(keeping_one: World) -> None:
    way = keeping_one.project(FILES)
    path = way.project.full_path.lower()
    way.publish(way.bot_commit(), 1, "1.0.0")
    second = way.push({"add_noise.py": SCRIPT + "\n# better now\n"})
    digest = way.publish(second, 2, "1.0.1")

    def names() -> dict[str, str]:
        found = {tag: keeping_one.registry.tag_details(path, tag) for tag in keeping_one.registry.tags(path)}
        return {tag: details.digest for tag, details in found.items() if details is not None}

    way.sandbox.wait_for(lambda: "1.0.0" not in names(), SOON, "the first version's end")
    way.sandbox.wait_for(lambda: "master-1" not in names(), SOON, "the first number's end")
    left = {tag: name for tag, name in names().items() if not tag.startswith(("c-", "withdrawn"))}
    assert left.items() >= {"master-2": digest, "1.0.1": digest, "latest": digest}.items()
    assert set(left) <= {"master-2", "1.0.1", "latest", "1"}
    assert {"withdrawn-1.0.0", "withdrawn.master-1"} & set(names())

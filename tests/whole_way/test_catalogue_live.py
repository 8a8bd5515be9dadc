"""The running service keeps the catalogue: after publications and pushes, hooks of the system, and by commands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from bot.adapters.store import Store
from bot.domain.catalogue import VersionState
from tests.whole_way.conftest import FILES, SCRIPT, SECRET, SOON, Way, World


@pytest.fixture
def store(world: World) -> Iterator[Store]:
    """What the service remembers, looked at from outside."""
    opened = Store(f"sqlite:///{world.log.with_name('bot.db')}")
    yield opened
    opened.close()


def wait(way: Way, store: Store, state: VersionState, number: int = 1) -> None:
    def found() -> object:
        return [
            one for one in store.listed_versions(way.project.id) if (one.number, one.state) == (number, state)
        ] or None

    way.sandbox.wait_for(found, SOON, f"number {number} to be {state}")


def command(world: World, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bot",
            "catalogue",
            *arguments,
            "--config",
            str(world.log.with_name("config.yaml")),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def system_hook(world: World, event: str, project_id: int) -> None:
    answer = requests.post(
        world.hook_url,
        json={"event_name": event, "project_id": project_id, "path_with_namespace": "lab/x", "name": "x"},
        headers={"X-Gitlab-Token": SECRET, "X-Gitlab-Event": "System Hook"},
        timeout=10,
    )
    assert answer.status_code == 202


def test_the_catalogue_follows_a_project_through_its_life(
    world: World, store: Store, published: Callable[[Way, int], str]
) -> None:
    way = world.project(FILES)
    first = published(way, 1)
    wait(way, store, VersionState.PUBLISHED)
    module = store.listed(way.project.id)
    assert module is not None
    assert (module.path, module.visibility) == (way.project.full_path, "private")

    # a push: what is published is not the head's any more, and is not the newest when the head is published
    way.push({"add_noise.py": SCRIPT + "# twice\n"})
    wait(way, store, VersionState.OUTDATED)
    second = published(way, 2)
    wait(way, store, VersionState.PUBLISHED, 2)
    assert [one.digest for one in store.listed_versions(way.project.id)] == [second, first]

    # GitLab tells of what is no push by hooks of its system
    way.ask("PUT", "", {"visibility": "public"})
    system_hook(world, "project_update", way.project.id)
    way.sandbox.wait_for(
        lambda: ((found := store.listed(way.project.id)) and found.visibility == "public") or None,
        SOON,
        "public",
    )

    code, out, _ = command(world, "list", "--format", "json")
    listed: list[dict[str, Any]] = json.loads(out)
    (mine,) = [one for one in listed if one["project_id"] == way.project.id]
    assert (code, mine["newest"]["number"], mine["newest"]["state"]) == (0, 2, "published")
    code, out, _ = command(world, "show", way.project.full_path)
    assert code == 0
    assert "master-2  1.1.0    published" in out
    assert second in out
    code, out, err = command(world, "rebuild", "--project", str(way.project.id))
    assert (code, out) == (0, "")
    assert f"{way.project.full_path}: listed" in err
    assert len(store.listed_versions(way.project.id)) == 2

    world.sandbox.delete_project(way.project.id)
    system_hook(world, "project_destroy", way.project.id)
    way.sandbox.wait_for(lambda: store.listed(way.project.id) is None or None, SOON, "it to be gone")
    code, _, err = command(world, "show", way.project.full_path)
    assert (code, "is not in the catalogue" in err) == (2, True)


@pytest.fixture
def published(world: World) -> Callable[[Way, int], str]:
    def publish(way: Way, number: int) -> str:
        sha = way.bot_commit() if number == 1 else way.head()
        return way.publish(sha, number, version=f"1.{number - 1}.0")

    return publish

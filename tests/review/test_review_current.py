"""What a branch has published now: asked of the registry, remembered by digest, and never made up."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.modules import Described
from bot.adapters.publications import Publication
from bot.adapters.registry import Registry
from bot.adapters.store import Store
from bot.domain.current import Current
from bot.domain.making import ENVIRONMENT_LABEL
from bot.domain.plan import State
from bot.domain.tags import MODULE_LABEL, REVISION_LABEL
from bot.domain.versions import Version, plan_version
from bot.errors import TryAgain
from bot.published import fetch_current, fetch_published
from bot.world import World
from parser.wire import canonical, module_to_dict
from sandbox.registry import RegistryServer
from tests.ci.world import push_image
from tests.domain import values

NOT_ASKED: Any = None
"""GitLab, which nobody needs for this."""

NOISE = values.module()
LABEL = canonical(module_to_dict(NOISE))
NOWHERE = "127.0.0.1:9"


@dataclass
class Place:
    """A project in a registry, and the bot's memory."""

    host: str
    path: str
    world: World

    def push(self, *tags: str, **labels: str) -> str:
        named = {MODULE_LABEL: LABEL, REVISION_LABEL: "a" * 40} | labels
        [digest] = {push_image(self.host, self.path, tag, named) for tag in tags}
        return digest

    def current(self, branch: str = "master", host: str = "") -> Current | None:
        project = replace(values.PROJECT, path=self.path, registry_host=host or self.host)
        return fetch_current(project, branch, self.world)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with RegistryServer(tmp_path_factory.mktemp("registry")) as server:
        yield server.url.removeprefix("http://")


@pytest.fixture
def place(host: str, tmp_path: Path) -> Iterator[Place]:
    store = Store.prepare(f"sqlite:///{tmp_path / 'bot.sqlite'}")
    registries = {name: Registry(name, pauses=()) for name in (host, NOWHERE)}
    world = World(NOT_ASKED, registries.__getitem__, store, values.POLICY, 1, NOT_ASKED)
    yield Place(host, f"group/p-{uuid.uuid4().hex[:12]}", world)
    store.close()


def test_where_nothing_was_published_there_is_nothing(place: Place) -> None:
    place.push("c-" + "a" * 40)
    assert place.current() is None


def test_of_the_default_branch_it_is_the_image_behind_latest(place: Place) -> None:
    first = place.push("master-1", "1.0.0", "latest")
    second = place.push("master-2", "1.1.0", by="hand")
    found = place.current()
    assert found is not None
    assert (found.digest, found.number, found.version) == (first, 1, Version(1, 0, 0))
    assert found.digest != second
    assert found.module == NOISE
    assert found.used == {Version(1, 0, 0), Version(1, 1, 0)}
    assert (found.image, found.seconds) == (f"{place.host}/{place.path}", None)
    assert found.size is not None
    assert found.size > 0


def test_of_another_branch_it_is_the_newest_number_and_has_no_version(place: Place) -> None:
    place.push("feature-1", "master-1", "latest", "1.0.0")
    second = place.push("feature-2", by="two")
    found = place.current("feature")
    assert found is not None
    assert (found.digest, found.number, found.version, found.used) == (second, 2, None, frozenset())


def test_an_image_that_is_known_is_not_read_again(place: Place) -> None:
    digest = place.push("master-1", "1.0.0", "latest")
    place.world.store.keep_described(Described(digest, LABEL, 12345, 6.5, "1.0.0", "python"))
    registry = place.world.registry(place.host)
    before = registry.requests
    found = place.current()
    assert found is not None
    assert (found.size, found.seconds, found.version) == (12345, 6.5, Version(1, 0, 0))
    assert found.environment == "python"
    assert registry.requests - before == 3  # latest, the tags, and the newest number


def test_what_was_read_once_is_remembered(place: Place) -> None:
    place.push("master-1", "1.0.0", "latest")
    first = place.current()
    registry = place.world.registry(place.host)
    before = registry.requests
    assert place.current() == first
    assert registry.requests - before == 3


def test_an_image_says_which_environment_it_was_made_on(place: Place) -> None:
    place.push("master-1", "1.0.0", "latest", **{ENVIRONMENT_LABEL: "gpu"})
    for found in (place.current(), place.current()):
        assert found is not None
        assert found.environment == "gpu"


def test_an_image_whose_description_is_none_has_no_module(place: Place) -> None:
    digest = place.push("master-1", "1.0.0", "latest", **{MODULE_LABEL: '{"schema": 1}'})
    found = place.current()
    assert found is not None
    assert (found.digest, found.module, found.version) == (digest, None, Version(1, 0, 0))
    assert place.world.store.described(digest) is None


def test_where_all_was_taken_back_the_numbers_stay_used(place: Place) -> None:
    place.push("withdrawn-1.0.0")
    found = place.current()
    assert found is not None
    assert (found.digest, found.module, found.used) == ("", None, {Version(1, 0, 0)})
    assert plan_version(found.version, found.module, NOISE, found.used)[0] == Version(2, 0, 0)


def remembered(place: Place, branch: str, state: State, digest: str) -> None:
    place.world.store.ensure_publication(
        Publication(values.PROJECT.id, branch, digest[-40:], "b" * 40, state, 3, 7, digest, "r.example.com/p")
    )


def test_while_the_registry_is_away_what_is_remembered_counts(place: Place) -> None:
    digest, other = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
    place.world.store.keep_described(Described(digest, LABEL, 10, 2.0, "1.4.0"))
    remembered(place, "master", State.PUBLISHED, digest)
    remembered(place, "feature", State.PUBLISHED, other)
    remembered(place, "master", State.FAILED, other)
    found = place.current(host=NOWHERE)
    assert found is not None
    assert (found.digest, found.number, found.version, found.module) == (digest, 7, Version(1, 4, 0), NOISE)
    assert found.used == {Version(1, 4, 0)}


def test_while_nobody_knows_it_is_not_said_that_nothing_is_published(place: Place) -> None:
    with pytest.raises(TryAgain):
        place.current(host=NOWHERE)


def test_what_was_published_is_known_with_its_version(place: Place) -> None:
    digest = place.push("master-1", "1.0.0", "latest")
    project = replace(values.PROJECT, path=place.path, registry_host=place.host)
    known = Publication(project.id, "master", "a" * 40, "a" * 40, State.RUNNING)
    found = fetch_published(known, project, (), place.world)
    assert found is not None
    assert found.published.version == "1.0.0"
    assert found.published.tags == ("master-1", "1.0.0", "latest")
    assert found.described == Described(digest, LABEL, found.making.size, None, "1.0.0")


def test_only_so_many_images_are_remembered(place: Place) -> None:
    store = place.world.store
    for number in range(5):
        store.keep_described(Described(f"sha256:{number}", LABEL), limit=3)
    kept = [number for number in range(5) if store.described(f"sha256:{number}") is not None]
    assert kept == [2, 3, 4]
    store.keep_described(Described("sha256:4", LABEL, 5), limit=3)
    assert store.described("sha256:4") == Described("sha256:4", LABEL, 5)

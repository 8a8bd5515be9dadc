"""Old versions go when newer ones are published, and nothing goes that is in use: a real registry, GitLab's API."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.publications import Publication
from bot.adapters.schema import publications
from bot.domain.catalogue import ListedVersion, VersionState
from bot.domain.facts import USES_KNOWN
from bot.domain.gitlab import Project
from bot.domain.interface import Level
from bot.domain.jobs import Later, Retire, merge_request_lane
from bot.domain.listing import plan_module
from bot.domain.plan import State
from bot.domain.tags import LATEST, REVISION_LABEL, candidate_tag
from bot.domain.uses import Use
from bot.domain.versions import FIRST, Version, next_version, read_versions
from bot.former_paths import note_path
from bot.retiring import CREATED_LABEL, RETIRED_AT_ONCE, retire
from bot.withdrawing import republish, unpublish
from bot.world import World
from sandbox.gitlab import Sandbox, User
from sandbox.registry import RegistryServer
from tests.published import Up, gitlab_and_registry, new_project, put_image


def sha(number: int) -> str:
    return f"{number:040x}"


@dataclass
class Place:
    """A project with versions, and the bot's hands on it."""

    sandbox: Sandbox
    registry: RegistryServer
    alice: User
    world: World
    project: Project

    @property
    def tags(self) -> set[str]:
        """All tags but those that keep what was taken back."""
        listed = self.registry.tags(self.project.registry_path)
        return {tag for tag in listed if not tag.startswith("withdrawn")}

    def digests(self) -> dict[str, str]:
        """All tags but candidates' and those that keep what was taken back, with their images."""
        hands, path = self.world.registry(self.registry.address), self.project.registry_path
        images = {tag: hands.fetch_manifest(path, tag) for tag in self.tags if not tag.startswith("c-")}
        return {tag: image.digest for tag, image in images.items() if image is not None}

    def push(
        self, number: int, *tags: str, state: State | None = State.PUBLISHED, branch: str = "master"
    ) -> None:
        """An image of the commit with that number, made that many minutes after the first, with its candidate tag."""
        image, path = self.world.registry(self.registry.address), self.project.registry_path
        labels = {REVISION_LABEL: sha(number), CREATED_LABEL: f"2026-01-01T00:{number:02}:00+00:00"}
        named = (candidate_tag(sha(number)), *tags)
        digest = put_image(image, path, named, {"config": {"Labels": labels}, "of": path})
        if state is not None:
            one = Publication(self.project.id, branch, sha(number), sha(number), state, 7)
            published = replace(one, number=number, digest=digest)
            self.world.store.ensure_publication(published if state is State.PUBLISHED else one)

    def publish(self, last: int, first: int = 1) -> None:
        """The versions 1.0.<first> to 1.0.<last> of the default branch, with the tags that move."""
        for number in range(first, last + 1):
            self.push(number, f"master-{number}", f"1.0.{number}", "1", LATEST)

    def retire(self, keep: int, branch: str = "master") -> tuple[Later, ...]:
        policy = replace(self.world.policy, keep_versions=keep)
        return retire(Retire(self.project.id, branch), replace(self.world, policy=policy))

    def use(self, ref: str, branch: str = "main", path: str = "") -> None:
        self.world.store.keep_uses(999, branch, (Use((path or self.project.path).lower(), "noise", ref),))

    def numbers(self) -> list[int]:
        return sorted(int(tag.removeprefix("master-")) for tag in self.tags if tag.startswith("master-"))


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with gitlab_and_registry(tmp_path_factory.mktemp("retiring")) as both:
        yield both


@contextmanager
def open_place(up: Up, folder: Path) -> Iterator[Place]:
    """A new project in them."""
    with new_project(up, folder) as (world, project):
        world.store.keep_fact(USES_KNOWN, "1.0")
        yield Place(up.sandbox, up.registry, up.alice, world, project)


@pytest.fixture
def place(up: Up, tmp_path: Path) -> Iterator[Place]:
    with open_place(up, tmp_path) as opened:
        yield opened


def test_what_is_beyond_the_newest_goes_with_all_its_names(place: Place) -> None:
    place.publish(5)
    place.retire(3)
    assert place.numbers() == [3, 4, 5]
    versions = {tag for tag in place.tags if tag.startswith("1.")}
    assert versions == {"1.0.3", "1.0.4", "1.0.5"}
    assert {LATEST, "1"} <= place.tags
    known = {one.number for one in place.world.store.publications_in(place.project.id, State.UNPUBLISHED)}
    assert known == {1, 2}


def listed(place: Place, number: int, **more: Any) -> ListedVersion:
    now = time.time()
    row = ListedVersion(
        *(place.project.id, "master", number, f"1.0.{number}", sha(number), f"sha256:{number:064x}", "image"),
        *(None, VersionState.PUBLISHED, now, 7),
    )
    return replace(row, **more)


def test_while_it_is_not_known_who_uses_what_nothing_goes(place: Place) -> None:
    place.publish(5)
    store = place.world.store
    store.drop_fact(USES_KNOWN)
    module = plan_module(place.project, None, None, "")
    before_us = time.time() - 3600.0
    for versions in (
        [],
        [listed(place, number) for number in range(2, 6)],
        [
            listed(place, number, published_at=before_us if number == 1 else time.time())
            for number in range(1, 6)
        ],
        [listed(place, number, published_at=None) for number in range(1, 6)],
        [*(listed(place, number) for number in range(1, 6)), listed(place, 3, branch="old")],
    ):
        store.list_module(module, versions)
        assert place.retire(2) == ()
        assert place.numbers() == [1, 2, 3, 4, 5]
    # first published since the database is there: whoever uses it was heard of
    store.list_module(module, [listed(place, number) for number in range(1, 6)])
    place.use("1.0.2")
    place.retire(2)
    assert place.numbers() == [2, 4, 5]
    store.list_module(module, [])
    place.retire(1)
    assert place.numbers() == [2, 5]


def former(place: Place, last: int) -> None:
    """Versions of a branch that was the default one, listed as such, before `master` was."""
    for number in range(1, last + 1):
        place.push(number, f"old-{number}", f"1.0.{number}", "1", branch="old")
    images = place.digests()
    rows = [listed(place, n, branch="old", digest=images[f"old-{n}"]) for n in range(1, last + 1)]
    place.world.store.list_module(plan_module(place.project, None, None, ""), rows)


def everything(place: Place) -> set[str]:
    return set(place.registry.tags(place.project.registry_path))


def test_of_a_former_default_branch_versions_go_with_their_numbers(place: Place) -> None:
    former(place, 4)
    place.retire(2, "old")
    assert place.tags == {"old-3", "1.0.3", "old-4", "1.0.4", "1", *map(candidate_tag, map(sha, (3, 4)))}
    kept = {f"withdrawn{name}" for number in (1, 2) for name in (f".old-{number}", f"-1.0.{number}")}
    assert everything(place) == place.tags | kept


@pytest.mark.parametrize("name", ["1.0.4", "old-4"])
def test_a_version_of_a_former_default_branch_goes_and_comes_back_by_either_name(
    place: Place, name: str
) -> None:
    former(place, 4)
    before = place.digests()
    assert unpublish(place.project, "master", name, place.world).done
    assert {"1.0.4", "old-4"} & place.tags == set()
    assert place.digests()["1"] == before["1.0.3"]
    assert republish(place.project, "master", name, place.world).done
    assert place.digests() == before


def test_an_image_that_the_default_branch_has_too_keeps_its_version_there(place: Place) -> None:
    place.push(1, "master-1", "1.0.1", "1", LATEST, "old-1")
    row = listed(place, 1, digest=place.digests()["master-1"])
    rows = [row, replace(row, branch="old", version="")]
    place.world.store.list_module(plan_module(place.project, None, None, ""), rows)
    assert unpublish(place.project, "master", "old-1", place.world).done
    assert {"master-1", "1.0.1", "1", LATEST} <= place.tags
    assert "old-1" not in place.tags


def test_done_again_it_changes_nothing(place: Place) -> None:
    place.publish(5)
    place.retire(3)
    before = place.tags
    assert place.retire(3) == ()
    assert place.tags == before


@pytest.mark.parametrize(("going", "most"), [(1, 55), (10, 290)])
def test_what_a_retirement_asks_the_registry_is_bounded(place: Place, going: int, most: int) -> None:
    place.publish(10 + going)
    registry = place.world.registry(place.registry.address)
    before = registry.requests
    place.retire(10)
    assert len(place.numbers()) == 10
    assert registry.requests - before <= most


def test_with_none_all_stay(place: Place) -> None:
    place.publish(4)
    assert place.retire(0) == ()
    assert place.numbers() == [1, 2, 3, 4]


@pytest.mark.parametrize("ref", ["1.0.2", "1.0"])
def test_what_a_component_reference_means_stays(place: Place, ref: str) -> None:
    place.publish(5)
    place.use(ref)
    place.retire(2)
    assert place.numbers() == ([2, 4, 5] if ref == "1.0.2" else [4, 5])


def test_others_modules_uses_and_those_of_long_gone_merge_requests_hold_nothing(place: Place) -> None:
    place.publish(4)
    place.use("1.0.1", path="lab/another")
    place.retire(3)
    assert place.numbers() == [2, 3, 4]


def test_what_only_an_open_merge_request_uses_stays_too(place: Place) -> None:
    place.publish(4)
    place.use("1.0.1", merge_request_lane(7))
    place.retire(2)
    assert place.numbers() == [1, 3, 4]


def test_a_reference_by_a_path_that_the_project_had_before_holds_its_version(place: Place) -> None:
    place.publish(4)
    # GitLab leads such a reference on
    note_path(replace(place.project, path="lab/Before"), place.world)
    note_path(place.project, place.world)
    place.use("1.0.1", path="lab/before")
    place.retire(2)
    assert place.numbers() == [1, 3, 4]


def test_what_somebody_brought_back_stays_until_it_is_taken_back_by_somebody(place: Place) -> None:
    place.publish(5)
    place.retire(2)
    assert place.numbers() == [4, 5]
    assert republish(place.project, "master", "1.0.2", place.world).done
    place.publish(6, first=6)
    place.retire(2)
    assert place.numbers() == [2, 5, 6]
    assert unpublish(place.project, "master", "1.0.2", place.world).done
    place.retire(2)
    assert place.numbers() == [5, 6]


def test_a_reference_by_commit_means_the_version_that_is_tagged_there(place: Place) -> None:
    place.publish(4)
    head = place.sandbox.commit(place.project.id, place.alice, {"templates/noise.yml": "a: 1\n"})
    requests.post(
        f"{place.sandbox.url}/api/v4/projects/{place.project.id}/repository/tags",
        json={"tag_name": "1.0.1", "ref": head},
        headers={"PRIVATE-TOKEN": place.alice.token},
        timeout=10,
    ).raise_for_status()
    place.use(head)
    place.retire(2)
    assert place.numbers() == [1, 3, 4]


def test_what_moving_tags_lead_to_stays(place: Place) -> None:
    place.publish(5)
    # somebody has people use an older version
    place.push(1, LATEST)
    place.push(2, "1")
    place.retire(2)
    assert place.numbers() == [1, 2, 4, 5]


def test_each_branch_keeps_its_own(place: Place) -> None:
    place.publish(4)
    for number in range(11, 15):
        place.push(number, f"stable-{number}", state=None)
    place.retire(2, "stable")
    assert place.numbers() == [1, 2, 3, 4]
    assert {tag for tag in place.tags if tag.startswith("stable")} == {"stable-13", "stable-14"}


def test_what_is_used_stays_also_on_a_branch_that_was_the_default_one_before(place: Place) -> None:
    place.publish(4)
    place.use("1.0.1")
    project = place.project.id
    place.sandbox.commit(
        project, place.alice, {"b.py": "b = 1\n"}, "Go on", branch="develop", start_branch="master"
    )
    requests.put(
        f"{place.sandbox.url}/api/v4/projects/{project}",
        json={"default_branch": "develop"},
        headers={"PRIVATE-TOKEN": place.alice.token},
        timeout=10,
    ).raise_for_status()
    place.retire(2)
    assert place.numbers() == [1, 3, 4]


def test_of_branches_that_share_their_tags_each_keeps_its_newest(place: Place) -> None:
    for number in range(11, 15):
        branch = "release/1" if number == 11 else "release-1"
        place.push(number, f"release-1-{number}", branch=branch)
    place.retire(2, "release-1")
    left = {tag for tag in place.tags if tag.startswith("release")}
    assert left == {"release-1-11", "release-1-13", "release-1-14"}


def test_a_tag_that_somebody_moved_does_not_go_by_itself(place: Place) -> None:
    place.publish(5)
    hands, path = place.world.registry(place.registry.address), place.project.registry_path
    moved_to = hands.fetch_manifest(path, "master-2")
    assert moved_to is not None
    hands.put_manifest(path, "master-1", moved_to)
    place.retire(2)
    assert place.numbers() == [1, 4, 5]
    assert place.digests()["master-1"] == moved_to.digest
    assert place.retire(2) == ()


def test_more_than_one_job_takes_back_are_gone_on_with(place: Place) -> None:
    place.publish(RETIRED_AT_ONCE + 4)
    job = Retire(place.project.id, "master")
    assert Later(job) in place.retire(1)
    assert len(place.numbers()) == 4
    assert Later(job) not in place.retire(1)
    assert place.numbers() == [RETIRED_AT_ONCE + 4]


def test_candidates_older_than_all_that_is_kept_go_when_nobody_needs_them(place: Place) -> None:
    for number, state in ((1, State.FAILED), (2, State.RUNNING), (3, None), (40, State.FAILED)):
        place.push(number, state=state)
    place.publish(25, 21)
    with sa.create_engine(place.world.store.url).begin() as connection:
        connection.execute(publications.update().values(updated_at=0.0))
    place.push(4, state=State.FAILED)
    place.retire(3)
    # of 2 a pipeline runs, of 4 something was heard just now, and 40 is newer than what is kept
    left = {tag for tag in place.tags if tag.startswith("c-")}
    assert left == {candidate_tag(sha(number)) for number in (2, 4, 23, 24, 25, 40)}


LEVELS = st.lists(st.sampled_from([Level.PATCH, Level.MINOR, Level.MAJOR]), min_size=1, max_size=7)
REFS = st.sets(
    st.sampled_from(["1", "2", "1.0", "1.1", "1.0.0", "1.0.1", "1.1.0", "2.0.0", "~latest"]), max_size=3
)


@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(levels=LEVELS, refs=REFS, keep=st.integers(1, 4))
def test_whatever_is_published_and_used_everything_in_use_leads_where_it_led(
    up: Up, tmp_path: Path, levels: list[Level], refs: set[str], keep: int
) -> None:
    with open_place(up, tmp_path) as place:
        version = FIRST
        for number, level in enumerate(levels, 1):
            place.push(number, f"master-{number}", f"{version}", f"{version.major}", LATEST)
            version = next_version(version, level)
        place.world.store.keep_uses(
            999, "main", [Use(place.project.path.lower(), "noise", ref) for ref in refs]
        )
        before = place.digests()
        place.retire(keep)
        after = place.digests()
        moving = {tag for tag in before if tag == LATEST or tag.isdigit()}
        newest = {f"master-{number}" for number in range(max(1, len(levels) - keep + 1), len(levels) + 1)}
        used = {str(one) for ref in refs if (one := highest(before, ref)) is not None}
        assert {tag: before[tag] for tag in moving | newest | used} == {
            tag: after.get(tag) for tag in moving | newest | used
        }
        # what went was neither new nor used, and nothing else changed
        assert after.items() <= before.items()
        assert place.retire(keep) == ()
        assert place.digests() == after


def highest(tags: Iterable[str], ref: str) -> Version | None:
    """What GitLab takes a reference for: the highest version that begins like it."""
    begins = () if ref == "~latest" else tuple(int(part) for part in ref.split("."))
    found = [one for one in read_versions(tags) if (one.major, one.minor, one.patch)[: len(begins)] == begins]
    return max(found, default=None)

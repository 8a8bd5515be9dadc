"""A version is taken back and comes back as it was, whatever breaks off on the way: a real registry, GitLab's API."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from werkzeug.wrappers import Request, Response

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.modules import Described
from bot.adapters.publications import Publication
from bot.adapters.registry import Manifest
from bot.adapters.withdrawn import Kept, describe_image, ensure_record, fetch_withdrawn
from bot.domain.plan import State
from bot.domain.tags import REVISION_LABEL
from bot.domain.version_names import Named, kept_tag, read_name
from bot.domain.versions import Version
from bot.domain.withdrawal import Withdrawn, may_withdraw
from bot.domain.withdrawn_record import Record, read_record, write_record
from bot.errors import TryAgain
from bot.published import fetch_current
from bot.withdrawing import find_commit, republish, unpublish
from sandbox.gitlab import DEVELOPER, MAINTAINER, REPORTER
from tests.published import Home, Up, gitlab_and_registry, new_project


def sha(number: int) -> str:
    return f"{number:040x}"


@dataclass
class Place(Home):
    """A project with versions."""

    @property
    def token(self) -> str:
        return self.up.bot.token

    @property
    def tags(self) -> dict[str, str]:
        """Every tag with the digest of its image, or of the image that a record is of."""
        name, found = self.project.registry_path, {}
        for tag in self.registry.tags(name):
            details = self.registry.tag_details(name, tag)
            assert details is not None
            found[tag] = self.record(tag).digest if tag.startswith("withdrawn") else details.digest
        return found

    def record(self, tag: str) -> Record:
        found = fetch_withdrawn(self.world.registry(self.registry.address), self.project.registry_path, tag)
        assert found is not None
        return found

    def manifest(self, digest: str) -> Manifest:
        found = self.images.fetch_manifest(self.project.registry_path, digest)
        assert found is not None
        return found

    def has(self, digest: str) -> bool:
        """Whether the image itself is there."""
        held = self.images.fetch_manifest(self.project.registry_path, digest)
        return held is not None

    def publish(self, number: int, *more: str, branch: str = "master") -> str:
        """What promote does; gives the digest."""
        path = self.project.registry_path
        config = {"config": {"Labels": {REVISION_LABEL: sha(number)}}, "of": path}
        majors = [tag.partition(".")[0] for tag in more if Version.read(tag)]
        tags = (f"{branch}-{number}", *more, *majors)
        digest = self.put(tags, config, [f"sources {number} of {path}".encode()])
        self.world.store.ensure_publication(
            Publication(self.project.id, branch, sha(number), sha(number), State.PUBLISHED, 7, number, digest)
        )
        return digest

    def unpublish(self, version: str, branch: str = "master") -> Withdrawn:
        return unpublish(self.project, branch, version, self.world)

    def republish(self, version: str, branch: str = "master") -> Withdrawn:
        return republish(self.project, branch, version, self.world)

    def state(self, number: int) -> str:
        known = self.world.store.publication(self.project.id, sha(number))
        assert known is not None
        return known.state


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with gitlab_and_registry(tmp_path_factory.mktemp("withdrawing")) as both:
        yield both


@pytest.fixture
def place(up: Up, tmp_path: Path) -> Iterator[Place]:
    with new_project(up, tmp_path) as (world, project):
        yield Place(up, world, project)
        up.registry.misbehave(None)


def test_a_version_is_taken_back_and_latest_goes_back(place: Place) -> None:
    first = place.publish(1, "1.0.0", "latest")
    second = place.publish(2, "1.1.0", "latest")
    done = place.unpublish("1.1.0")
    assert done.done
    assert "`master-2` and `1.1.0` lead nowhere now. `latest` is `master-1` again." in done.reply
    assert place.tags == {
        "1": first,
        "1.0.0": first,
        "latest": first,
        "master-1": first,
        "withdrawn-1.1.0": second,
        "withdrawn.master-2": second,
    }
    assert (place.state(1), place.state(2)) == (State.PUBLISHED, State.UNPUBLISHED)
    assert "The image itself is removed, too." in done.reply
    assert (place.has(first), place.has(second)) == (True, False)
    record = place.record("withdrawn.master-2")
    assert record == place.record("withdrawn-1.1.0")
    assert (record.number, record.version, record.names) == (2, "1.1.0", ("master-2", "1.1.0"))
    assert (record.branch, record.sha, record.digest) == ("master", sha(2), second)


def test_it_comes_back_as_the_very_same_image(place: Place) -> None:
    place.publish(1, "1.0.0", "latest")
    place.publish(2, "1.1.0", "latest")
    before = place.tags
    place.unpublish("2")
    back = place.republish("1.1.0")
    assert back.done
    assert "is back, the same image as before" in back.reply
    assert f"{place.registry.address}/{place.project.registry_path}@{before['1.1.0']}" in back.reply
    assert "`latest` is it again" in back.reply
    assert place.tags == before
    assert place.state(2) == State.PUBLISHED


def test_an_older_one_leaves_latest_where_it_is(place: Place) -> None:
    place.publish(1, "1.0.0", "latest")
    second = place.publish(2, "1.1.0", "latest")
    before = place.tags
    assert "`latest`" not in place.unpublish("master-1").reply
    assert place.tags["latest"] == second
    assert "1.0.0" not in place.tags
    assert "`latest`" not in place.republish("1.0.0").reply
    assert place.tags == before


def test_after_the_only_one_there_is_no_latest_and_its_number_stays_used(place: Place) -> None:
    digest = place.publish(1, "1.0.0", "latest")
    assert "There is no `latest` any more." in place.unpublish("1.0.0").reply
    assert place.tags == {"withdrawn-1.0.0": digest, "withdrawn.master-1": digest}
    now = fetch_current(place.project, "master", place.world)
    assert now is not None
    assert (now.digest, now.used) == ("", {Version(1, 0, 0)})
    place.republish("1")
    assert place.tags == {"1": digest, "1.0.0": digest, "latest": digest, "master-1": digest}


def test_asked_twice_it_says_so_and_changes_nothing(place: Place) -> None:
    place.publish(1, "1.0.0", "latest")
    place.unpublish("1.0.0")
    tags = place.tags
    again = place.unpublish("1.0.0")
    assert (again.done, "is taken back already" in again.reply) == (True, True)
    assert place.tags == tags
    place.republish("1.0.0")
    tags = place.tags
    again = place.republish("1.0.0")
    assert (again.done, "is published" in again.reply) == (True, True)
    assert place.tags == tags


def test_another_branchs_version_touches_neither_versions_nor_latest(place: Place) -> None:
    shared = place.publish(1, "1.0.0", "latest", "release-1")
    place.publish(2, branch="release")
    assert place.unpublish("2", "release").done
    assert place.unpublish("release-1").done
    assert place.tags.keys() == {
        "1", "1.0.0", "latest", "master-1", "withdrawn.release-1", "withdrawn.release-2"
    }  # fmt: skip
    assert place.has(shared), "the default branch still has it"
    assert place.tags["latest"] == shared
    assert place.state(1) == State.PUBLISHED
    assert place.republish("release-2", "release").done
    assert place.tags["latest"] == shared


def test_what_is_not_there_is_told_with_what_is(place: Place) -> None:
    place.publish(1, "1.0.0", "latest")
    before = place.tags
    for text, said in {
        "1.5.0": "There is no version `1.5.0`. The newest: `1.0.0`.",
        "7": "There is no version `master-7`. The newest: `master-1`.",
        "latest": "`latest` is no version. Name one as `1.2.0`, as `3` or as `master-3`.",
        f"c-{'a' * 40}": "is no version",
        "withdrawn-1.0.0": "is no version",
        "": "That is no version",
        "1.0.0@all #1": "is no version",
        "99999999999999": "is no version",
    }.items():
        for found in (place.unpublish(text), place.republish(text)):
            assert not found.done
            assert said in found.reply
    assert place.tags == before


def test_while_its_layers_are_there_it_comes_back_by_its_record_alone(place: Place) -> None:
    place.publish(1, "1.0.0", "latest")
    second = place.publish(2, "1.1.0", "latest", f"c-{sha(2)}", f"l-{'a' * 40}")
    before = place.tags
    place.unpublish("1.1.0")
    assert not place.has(second)
    assert "the same image as before" in place.republish("1.1.0").reply
    assert place.tags == {tag: digest for tag, digest in before.items() if tag[:2] not in ("c-", "l-")}


def test_where_nothing_is_left_of_it_its_record_says_what_to_build_once_more(place: Place) -> None:
    place.publish(1, "1.0.0", "latest")
    place.publish(2, "1.1.0", "latest")
    place.unpublish("1.1.0")
    place.registry.collect_garbage(place.project.registry_path)
    before = place.tags
    found = place.republish("2")
    assert (found.done, found.rebuild) == (False, place.record("withdrawn-1.1.0"))
    assert place.tags == before


@pytest.mark.parametrize("gone", [False, True])
def test_a_record_that_was_made_to_name_another_image_brings_nothing_back(place: Place, gone: bool) -> None:
    """Developers may push images, and so records: what the bot published is what it said it published."""
    place.publish(1, "1.0.0", "latest")
    second = place.publish(2, "1.1.0", "latest")
    place.world.store.keep_described(Described(second, "{}", version="1.1.0"))
    place.unpublish("1.1.0")
    place.publish(9, branch="mine")
    forged = replace(place.record("withdrawn-1.1.0"), digest=place.tags["mine-9"])
    path, hands = place.project.registry_path, place.images
    kept = None if gone else describe_image(hands, path, place.manifest(forged.digest), {})
    ensure_record(hands, path, ("withdrawn-1.1.0", "withdrawn.master-2"), forged, kept)
    before = place.tags
    for name in ("1.1.0", "2"):
        found = place.republish(name)
        assert (found.done, found.rebuild) == (False, None)
        assert "that is not the image which was published under this name" in found.reply
    assert place.tags == before


def test_whose_a_version_is_no_image_can_say(place: Place) -> None:
    """Else a Developer could push an image that says to be of a commit of theirs, and have others' versions go."""
    second = place.publish(2, "1.1.0", "latest")
    place.world.store.keep_described(Described(second, "{}", version="1.1.0"))
    theirs = place.publish(9, branch="mine")
    path, hands = place.project.registry_path, place.images
    hands.put_manifest(path, "1.1.0", place.manifest(theirs))
    for name in ("1.1.0", "2", "master-2"):
        assert find_commit(place.project, "master", name, place.world) == sha(2)
    assert find_commit(place.project, "mine", "9", place.world) == sha(9)


def forge(place: Place, kept: Kept, of: int, *names: str) -> None:
    """What a Developer may push: records of an image that say to be of a commit of theirs, and to have those names."""
    path, hands = place.project.registry_path, place.images
    forged = Record(place.project.path, "master", 0, "", names, kept.manifest.digest, sha(of))
    for tag in map(kept_tag, names):
        if tag in place.registry.tags(path):
            place.registry.delete_tag(path, tag)
        ensure_record(hands, path, (tag,), forged, kept)


def kept_of(place: Place, digest: str) -> Kept:
    found = describe_image(place.images, place.project.registry_path, place.manifest(digest), {})
    assert found is not None
    return found


def publish_three(place: Place) -> tuple[str, str, str]:
    """Two versions, and what somebody else published of a branch; as the bot remembers all of it."""
    made = place.publish(1, "1.0.0"), place.publish(2, "1.1.0", "latest"), place.publish(9, branch="mine")
    for digest, version in zip(made, ("1.0.0", "1.1.0", ""), strict=True):
        place.world.store.keep_described(Described(digest, "{}", version=version))
    return made


@pytest.mark.parametrize("name", ["master-8", "7.0.0"])
def test_a_record_of_a_version_that_never_was_takes_no_other_back(place: Place, name: str) -> None:
    """Else whoever may push images could have versions of others taken back as if they were their own."""
    first, _, _ = publish_three(place)
    forge(place, kept_of(place, first), 9, name)
    before = place.tags
    found = place.unpublish(name)
    assert not found.done
    assert "that is not the image which was published under this name" in found.reply
    assert not place.republish(name).done
    assert place.tags == before


@pytest.mark.parametrize("name", ["1.1.0", "master-2"])
def test_a_tag_that_was_moved_takes_the_image_that_it_was_moved_to_with_it_nowhere(
    place: Place, name: str
) -> None:
    first, _, _ = publish_three(place)
    place.images.put_manifest(place.project.registry_path, name, place.manifest(first))
    before = place.tags
    assert not place.unpublish(name).done
    assert place.tags == before
    told = place.unpublish("1.0.0")
    assert told.done
    assert f"The image itself stays, as other tags lead to it: `{name}`." in told.reply
    assert place.tags[name] == first
    assert {"1.0.0", "master-1"}.isdisjoint(place.tags)


def test_a_record_takes_back_no_more_names_than_the_image_has(place: Place) -> None:
    """Of all that it names, the component would go, too."""
    first, second, _ = publish_three(place)
    names = ("master-2", "1.1.0", "master-1", "1.0.0")
    forged = Record(place.project.path, "master", 2, "1.1.0", names, second, sha(2))
    ensure_record(place.images, place.project.registry_path, ("withdrawn.master-2",), forged, None)
    assert place.unpublish("master-2").done
    assert {"withdrawn-1.0.0", "withdrawn.master-1"}.isdisjoint(place.tags)
    assert (place.tags["1.0.0"], place.tags["master-1"]) == (first, first)


def test_a_record_gives_an_image_no_names_that_it_never_had(place: Place) -> None:
    _, second, mine = publish_three(place)
    of_second, of_mine = kept_of(place, second), kept_of(place, mine)
    place.unpublish("9", branch="mine")
    place.unpublish("1.1.0")
    more = ("latest", "7.0.0", "7", "master-8", "in-production")
    forge(place, of_mine, 9, "mine-9", *more)
    before = {name: of for name, of in place.tags.items() if not name.startswith("withdrawn")}
    assert place.republish("9", branch="mine").done
    now = {name: of for name, of in place.tags.items() if not name.startswith("withdrawn")}
    assert now == {**before, "mine-9": mine}
    forge(place, of_second, 2, "master-2", "1.1.0", *more)
    assert place.republish("1.1.0").done
    now = {name: of for name, of in place.tags.items() if not name.startswith("withdrawn")}
    back = dict.fromkeys(("master-2", "1.1.0", "1", "latest"), second)
    assert now == {**before, "mine-9": mine, **back}


# the second is the first number of a branch that is called `withdrawn`
@pytest.mark.parametrize("name", ["in-production", "withdrawn-1"])
def test_an_image_that_people_named_themselves_stays_and_they_are_told(place: Place, name: str) -> None:
    digest = place.publish(1, "1.0.0", "latest", name)
    told = place.unpublish("1.0.0").reply
    assert f"The image itself stays, as other tags lead to it: `{name}`." in told
    assert place.tags.keys() == {name, "withdrawn-1.0.0", "withdrawn.master-1"}
    assert place.has(digest)


def test_a_bot_that_may_remove_no_image_leaves_it_to_the_registry(place: Place, up: Up) -> None:
    place.sandbox.add_member(place.project.id, up[3], DEVELOPER)
    digest = place.publish(1, "1.0.0", "latest")
    told = place.unpublish("1.0.0")
    assert told.done
    assert "until the registry cleans up what has no name" in told.reply
    assert place.tags.keys() == {"withdrawn-1.0.0", "withdrawn.master-1"}
    assert place.has(digest)
    place.registry.delete_manifest(place.project.registry_path, digest)
    assert place.republish("1.0.0").done
    assert place.tags["1.0.0"] == digest


def test_the_major_goes_back_to_the_newest_of_its_versions_and_with_the_last(place: Place) -> None:
    first = place.publish(1, "1.0.0", "latest")
    second = place.publish(2, "1.1.0", "latest")
    place.publish(3, "2.0.0", "latest")
    assert place.tags["1"] == second
    place.unpublish("1.1.0")
    assert place.tags["1"] == first
    place.unpublish("2.0.0")
    assert "2" not in place.tags
    place.republish("1.1.0")
    assert place.tags["1"] == second


def test_what_was_taken_back_in_the_old_way_comes_back(place: Place) -> None:
    digest = place.publish(1, "1.0.0", "latest")
    path, image = place.project.registry_path, place.manifest(digest)
    for tag in ("1.0.0", "1", "latest", "master-1"):
        place.registry.delete_tag(path, tag)
    for tag in ("withdrawn-1.0.0", "withdrawn.master-1"):
        place.images.put_manifest(path, tag, image)
    assert place.republish("1.0.0").done
    assert place.tags == dict.fromkeys(("1", "1.0.0", "latest", "master-1"), digest)


def test_an_image_of_which_no_record_is_left_cannot_come_back_and_it_is_told(place: Place) -> None:
    place.publish(1, "1.0.0", "latest")
    place.publish(2, "1.1.0", "latest")
    place.unpublish("1.1.0")
    path = place.project.registry_path
    for tag in ("withdrawn-1.1.0", "withdrawn.master-2"):
        place.registry.delete_tag(path, tag)
    place.registry.collect_garbage(path)
    gone = place.republish("2")
    assert not gone.done
    assert "nothing says how it was made, so it cannot come back" in gone.reply


def test_nothing_is_taken_back_while_something_is_brought_back(place: Place) -> None:
    place.publish(1, "1.0.0", "latest")
    before = place.tags
    assert place.world.store.lease(f"names of {place.project.id}", "republish", 60)
    with pytest.raises(TryAgain):
        place.unpublish("1.0.0")
    assert place.tags == before
    place.world.store.release(f"names of {place.project.id}", "republish")
    assert place.unpublish("1.0.0").done


def test_without_the_right_to_it_nothing_is_lost_and_it_is_told(place: Place, up: Up) -> None:
    place.publish(1, "1.0.0", "latest")
    before = place.tags
    place.sandbox.add_member(place.project.id, up[3], REPORTER)
    told = place.unpublish("1.0.0")
    assert not told.done
    assert "I may not change the tags of `1.0.0`" in told.reply
    assert before.items() <= (place.tags | {"latest": before["latest"]}).items()
    place.sandbox.add_member(place.project.id, up[3], DEVELOPER)
    assert place.unpublish("1.0.0").done


def test_a_project_without_a_registry_has_no_versions(place: Place) -> None:
    nowhere = replace(place.project, registry_host=None)
    for change in (unpublish, republish):
        found = change(nowhere, "master", "1", place.world)
        assert (found.done, "no container registry" in found.reply) == (False, True)


def test_both_at_once_lose_neither_image_nor_number(place: Place) -> None:
    def keep_asking(action: str) -> None:
        for _ in range(3):
            with suppress(TryAgain):
                getattr(place, action)("2")

    place.publish(1, "1.0.0", "latest")
    place.publish(2, "1.1.0", "latest")
    published = place.tags
    place.unpublish("2")
    taken_back = place.tags
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(keep_asking, action) for action in ("republish", "unpublish") * 2]:
            done.result()
    assert place.tags in (published, taken_back)
    place.republish("2")
    assert place.tags == published


@pytest.mark.parametrize("change", ["unpublish", "republish"])
def test_broken_off_at_any_request_it_is_ended_by_the_next_try(place: Place, change: str) -> None:
    def dying(_request: Request) -> Response | None:
        return Response("gone", 503) if next(asked) == dies_at else None

    place.publish(1, "1.0.0", "latest")
    place.publish(2, "1.1.0", "latest")
    published = place.tags
    place.unpublish("2")
    taken_back = place.tags
    wanted = taken_back if change == "unpublish" else published
    dies_at, broken = 0, True
    while broken:
        dies_at += 1
        place.registry.misbehave(None)
        place.republish("2") if change == "unpublish" else place.unpublish("2")
        asked = itertools.count(1)
        place.registry.misbehave(dying)
        try:
            getattr(place, change)("2")
        except TryAgain:
            # whatever was there is there still, or a record of it
            assert set(published.values()) <= set(place.tags.values())
            assert getattr(place, change)("2").done
        else:
            broken = False
        place.registry.misbehave(None)
        assert place.tags == wanted
    assert dies_at > 8


def test_latest_does_not_stay_on_what_another_took_back_meanwhile(place: Place) -> None:
    first = place.publish(1, "1.0.0", "latest")
    place.publish(2, "1.1.0")
    place.publish(3, "1.2.0", "latest")
    path = place.project.registry_path

    def meanwhile(request: Request) -> Response | None:
        # as `latest` is moved to the second one, somebody else ends taking that back
        if request.method == "PUT" and request.path.endswith("/manifests/latest"):
            place.registry.delete_tag(path, "master-2")
        return None

    place.registry.misbehave(meanwhile)
    assert "`latest` is `master-1` again." in place.unpublish("3").reply
    assert place.tags["latest"] == first


@pytest.mark.parametrize("change", ["unpublish", "republish"])
def test_latest_is_not_taken_from_what_is_published_meanwhile(place: Place, change: str) -> None:
    place.publish(1, "1.0.0", "latest")
    place.publish(2, "1.1.0", "latest")
    if change == "republish":
        place.unpublish("2")
    newest: list[str] = []

    def meanwhile(request: Request) -> Response | None:
        # all of a promotion between the look and the move that follows from it
        if request.method == "PUT" and request.path.endswith("/manifests/latest") and not newest:
            newest.append("")
            newest[0] = place.publish(3, "1.2.0", "latest")
        return None

    place.registry.misbehave(meanwhile)
    told = getattr(place, change)("2")
    assert told.done
    assert place.tags["latest"] == place.tags["1"] == newest[0]
    assert "`latest` is `master-1`" not in told.reply
    assert "`latest`" not in told.reply or change == "unpublish"


def test_a_major_is_not_taken_from_what_is_published_meanwhile(place: Place) -> None:
    newest: list[str] = []

    class Meanwhile(Forge):
        def delete_image_tags(self, project_id: int, path: str, tags: Collection[str]) -> None:
            if "1" in tags:
                newest.append(place.publish(2, "1.0.1", "latest"))
            super().delete_image_tags(project_id, path, tags)

    place.publish(1, "1.0.0", "latest")
    forge = Meanwhile(GitlabClient(place.sandbox.url, place.token, 5))
    assert unpublish(place.project, "master", "1", replace(place.world, forge=forge)).done
    assert [place.tags[tag] for tag in ("1", "latest", "1.0.1")] == newest * 3


@pytest.mark.parametrize("change", ["unpublish", "republish"])
@pytest.mark.parametrize("branch", ["master", "stable"])
def test_a_bare_number_that_means_two_versions_is_asked_back(place: Place, change: str, branch: str) -> None:
    place.publish(1, "1.0.0", "latest")
    place.publish(2, "1.1.0", "latest")
    place.publish(1, branch="stable")
    if change == "republish":
        assert place.unpublish(f"{branch}-1").done
    before = place.tags
    told = getattr(place, change)("1", branch)
    assert not told.done
    assert f"`1` may mean two versions: `{branch}-1`, or `1.1.0`, to which the tag `1` leads" in told.reply
    assert f"`/mlreef {change} {branch}-1` or `/mlreef {change} 1.1.0`" in told.reply
    assert place.tags == before
    assert getattr(place, change)(f"{branch}-1", branch).done
    # whoever asks for it again, such as a job that died behind it, is told that it is done
    again = getattr(place, change)("1", branch)
    assert again.done
    assert f"Version `{branch}-1` is " in again.reply


def test_a_bare_number_that_means_one_version_only_is_enough(place: Place) -> None:
    place.publish(1, "1.0.0", "latest")
    place.publish(2, "1.1.0", "latest")
    place.publish(3, "2.0.0", "latest")
    # there is no tag `3`, and no number 4
    assert place.unpublish("3").done
    assert place.unpublish("1.1.0").done
    # the tag `1` leads to the same version
    assert place.unpublish("1").done
    assert "1.0.0" not in place.tags


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("3", Named("topic-3", "topic", "3")),
        (" 1.2.0 ", Named("1.2.0", "master")),
        ("v1.2.0", Named("1.2.0", "master")),
        ("release-1-7", Named("release-1-7", "release-1")),
        ("03", None),
        ("-3", None),
        ("a/b-3", None),
        ("1.2", None),
    ],
)
def test_a_version_is_named_in_three_ways(text: str, named: Named | None) -> None:
    assert read_name(text, "topic", "master") == named


def test_the_tag_that_keeps_an_image_is_no_branchs() -> None:
    assert (kept_tag("1.2.0"), kept_tag("master-3")) == ("withdrawn-1.2.0", "withdrawn.master-3")
    assert read_name(kept_tag("1.2.0"), "master", "master") is None
    assert read_name(kept_tag("master-3"), "master", "master") is None


@pytest.mark.parametrize(
    ("level", "is_publisher", "may"),
    [
        (REPORTER, True, False),
        (DEVELOPER, False, False),
        (DEVELOPER, True, True),
        (MAINTAINER, False, True),
        (50, False, True),
        (0, True, False),
    ],
)
def test_maintainers_may_and_who_pushed_it_while_a_developer(
    level: int, is_publisher: bool, may: bool
) -> None:
    assert may_withdraw(level, is_publisher) is may


GOOD = Record("lab/noise", "master", 2, "1.1.0", ("master-2", "1.1.0"), f"sha256:{'a' * 64}", "b" * 40)


def test_a_record_is_read_as_it_was_written() -> None:
    assert read_record(write_record(GOOD)) == GOOD


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": 2},
        {"digest": "sha256:short"},
        {"sha": "HEAD"},
        {"number": -1},
        {"number": True},
        {"version": "1.1"},
        {"names": "master-2"},
        {"names": ["a"] * 100},
        {"names": [1]},
        {"branch": "a\nb"},
        {"project": "x" * 2000},
        {"at": "now"},
    ],
)
def test_a_record_that_somebody_else_wrote_is_none(changed: dict[str, object]) -> None:
    read = json.loads(write_record(GOOD))
    with pytest.raises(ValueError, match="it"):
        read_record(json.dumps({**read, **changed}).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"[" * 100_000, b"\xff", b"{}"])
def test_what_is_no_record_is_none(content: bytes) -> None:
    with pytest.raises(ValueError, match="it"):
        read_record(content)

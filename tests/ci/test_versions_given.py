"""Versions of what the default branch publishes: they follow from what changed, and never go to another image."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.publications import Publication
from bot.adapters.registry import Manifest, Registry
from bot.adapters.store import Store
from bot.ci.job import NOTHING_TO_PROMOTE
from bot.ci.versions import MAX_PROMOTIONS_AT_ONCE, ensure_version
from bot.domain.catalogue import ListedVersion, VersionState
from bot.domain.gitlab import Project as InGitlab
from bot.domain.listing import plan_module
from bot.domain.tags import MODULE_LABEL
from bot.domain.versions import Version, plan_version
from bot.errors import TryAgain
from bot.published import fetch_current, fetch_published
from bot.world import World
from parser.model import EntryPoint, Kind, Module, Parameter, Place
from parser.wire import canonical, module_to_dict
from sandbox.gitlab import Sandbox
from sandbox.registry import RegistryServer
from tests.ci.promoting import Project, project_of
from tests.ci.world import REVISION, Repository, push_image
from tests.domain import values

NOT_ASKED: Any = None
"""GitLab, which nobody needs for this."""

GITLAB_SECONDS = 5.0

MODE = Parameter(
    "mode", ("--mode",), "mode", "str", "a", False, None, None, "store", None, Place("main.py", 3)
)
SEED = replace(MODE, name="seed", flags=("--seed",), dest="seed", type="int", default=None)
NOISE = Module(
    *("Add Noise", "add-noise", Kind.OPERATION, "IMAGE", "IMAGE", None, None, None),
    (EntryPoint("main", "main.py"),),
    (MODE,),
    None,
)
MORE = replace(NOISE, parameters=(MODE, SEED))
BROKEN = replace(NOISE, parameters=(SEED,))


def described(module: Module) -> str:
    return canonical(module_to_dict(module))


@pytest.fixture
def project(repository: Repository, registry: str) -> Iterator[Project]:
    with project_of(repository, registry) as made:
        yield made


def publish(project: Project, module: Module) -> str:
    """Promotes a new commit with that module and gives its image's digest."""
    sha = project.repository.commit()
    code, log = project.promote(sha, described=described(module))
    assert code == 0, log
    return project.digest(f"c-{sha}")


def test_the_first_version_is_one(project: Project) -> None:
    digest = publish(project, NOISE)
    assert project.versions() == {"1.0.0": digest}


def test_each_publication_gets_the_version_that_its_changes_ask_for(project: Project) -> None:
    images = [publish(project, module) for module in (NOISE, NOISE, MORE, MORE, BROKEN)]
    versions = dict(sorted(project.versions().items()))
    assert list(versions) == ["1.0.0", "1.0.1", "1.1.0", "1.1.1", "2.0.0"]
    assert list(versions.values()) == images
    assert project.tags()["latest"] == project.tags()["main-5"] == images[-1]


def test_an_image_that_is_latest_before_it_has_a_version_is_not_compared_with_itself(
    project: Project,
) -> None:
    publish(project, NOISE)
    sha = project.repository.commit()
    # its promotion broke off behind the number; what was `latest` was taken back meanwhile, and `latest` moved on
    for tag in (f"c-{sha}", "main-2", "latest"):
        push_image(project.host, project.path, tag, {REVISION: sha, MODULE_LABEL: described(BROKEN)})
    code, log = project.promote(sha, described=described(BROKEN))
    assert code == 0, log
    assert set(project.versions()) == {"1.0.0", "2.0.0"}


Foretell = Callable[[Module], str]


@contextmanager
def foretelling(project: Project, folder: Path) -> Iterator[Foretell]:
    """Which version a review would say that a module gets: first, and by what was remembered."""
    store = Store.prepare(f"sqlite:///{folder / 'bot.sqlite'}")
    with Sandbox(folder / "gitlab") as gitlab:
        alice = gitlab.create_user("alice")
        made = gitlab.create_project("lab/noise", alice)
        forge = Forge(GitlabClient(gitlab.url, alice.token, GITLAB_SECONDS))
        world = World(forge, Registry, store, values.POLICY, 1, NOT_ASKED)
        known = replace(
            values.PROJECT,
            id=made.id,
            path=project.path,
            registry_host=project.host,
            default_branch="main",
        )
        yield partial(_foretold, project, world, known, gitlab.git_url(made.id, alice))
    store.close()


def _foretold(project: Project, world: World, in_gitlab: InGitlab, git_url: str, module: Module) -> str:
    project.repository.git("push", "--quiet", "--prune", git_url, "refs/tags/*:refs/tags/*")
    _list_all(project, world, in_gitlab)
    said = set()
    for _ in range(2):
        now = fetch_current(in_gitlab, "main", world)
        there = (now.version, now.module, now.used) if now else (None, None, frozenset[Version]())
        said.add(str(plan_version(there[0], there[1], module, there[2])[0]))
    [version] = said
    return version


def _list_all(project: Project, world: World, in_gitlab: InGitlab) -> None:
    """Puts what is there into the catalogue, and leaves there what was."""
    listed = {one.version: one for one in world.store.listed_versions(in_gitlab.id)}
    for version, digest in sorted(project.versions().items()):
        number = listed[version].number if version in listed else len(listed) + 1
        listed[version] = ListedVersion(
            *(in_gitlab.id, "main", number, version, "a" * 40, digest, "", None, VersionState.PUBLISHED),
            *(None, None),
        )
    world.store.list_module(plan_module(in_gitlab, None, None, ""), tuple(listed.values()))


@pytest.fixture
def foretell(project: Project, tmp_path: Path) -> Iterator[Foretell]:
    with foretelling(project, tmp_path) as foretold:
        yield foretold


def test_the_note_names_every_tag_that_leads_to_what_was_published(project: Project, tmp_path: Path) -> None:
    store = Store.prepare(f"sqlite:///{tmp_path / 'bot.sqlite'}")
    world = World(NOT_ASKED, Registry, store, values.POLICY, 1, NOT_ASKED)
    in_gitlab = replace(values.PROJECT, path=project.path, registry_host=project.host, default_branch="main")
    shas = [project.repository.commit() for _ in range(2)]
    assert [project.promote(sha, described=described(NOISE))[0] for sha in shas] == [0, 0]

    def tags(sha: str) -> tuple[str, ...]:
        found = fetch_published(Publication(1, "main", sha, sha, "running"), in_gitlab, (), world)
        assert found is not None
        return found.published.tags

    assert tags(shas[1]) == ("main-2", "1.0.1", "1", "latest")
    assert tags(shas[0]) == ("main-1", "1.0.0")
    store.close()


@pytest.mark.parametrize("seed", range(4))
def test_what_a_review_foretells_is_what_promote_gives(
    project: Project, foretell: Foretell, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(4):
        module = chance.choice([NOISE, MORE, BROKEN])
        wanted = foretell(module)
        digest = publish(project, module)
        assert project.versions()[wanted] == digest
        if chance.random() < 0.3:
            # somebody took a version back, and has people use an older image
            push_image(project.host, project.path, f"withdrawn-{foretell(MORE)}", {"by": f"{seed}"})
        if chance.random() < 0.2:
            push_image(project.host, project.path, "latest", {MODULE_LABEL: described(BROKEN), "by": wanted})


def test_the_log_says_the_version_and_what_it_means(project: Project) -> None:
    publish(project, NOISE)
    code, log = project.promote(project.repository.commit(), described=described(BROKEN))
    assert code == 0
    assert "version  2.0.0 (a new major one: see what changed before you use it)" in log
    assert "tags     main-2, 2.0.0, 2, latest" in log


def test_a_promotion_that_is_repeated_keeps_its_version(project: Project) -> None:
    publish(project, NOISE)
    sha = project.repository.commit()
    assert project.promote(sha, described=described(MORE))[0] == 0
    before = project.versions()
    assert project.promote(sha, described=described(MORE))[0] == 0
    assert project.versions() == before
    assert set(before) == {"1.0.0", "1.1.0"}


@pytest.mark.parametrize("given", [("main-2",), ("main-2", "1.1.0")])
def test_a_promotion_that_broke_off_is_continued_with_the_same_version(
    project: Project, given: tuple[str, ...]
) -> None:
    publish(project, NOISE)
    sha = project.repository.commit()
    labels = {REVISION: sha, MODULE_LABEL: described(MORE)}
    for tag in given:
        push_image(project.host, project.path, tag, labels)
    assert project.promote(sha, described=described(MORE))[0] == 0
    assert project.versions()["1.1.0"] == project.tags()["latest"] == project.digest(f"c-{sha}")
    assert set(project.versions()) == {"1.0.0", "1.1.0"}


def test_another_branch_has_no_versions(project: Project) -> None:
    publish(project, NOISE)
    project.deployed.clear()
    project.repository.git("checkout", "-q", "-b", "feature/noise")
    assert project.promote(project.repository.commit(), "feature/noise", described=described(MORE))[0] == 0
    assert set(project.versions()) == {"1.0.0"}


def test_an_image_that_is_built_anew_for_the_same_commit_gets_a_version_of_its_own(project: Project) -> None:
    sha = project.repository.commit()
    project.promote(sha, described=described(NOISE))
    first = project.versions()["1.0.0"]
    labels = {REVISION: sha, MODULE_LABEL: described(NOISE), "packages": "newer"}
    anew = push_image(project.host, project.path, f"c-{sha}", labels)
    assert project.promote(sha, MLREEF_REBUILD="1", MLREEF_DIGEST=anew)[0] == 0
    assert project.versions() == {"1.0.0": first, "1.0.1": anew}


def test_a_number_that_a_commit_got_by_wish_is_given_to_nothing_else(
    cleaned: Project, shelf: RegistryServer
) -> None:
    project = cleaned
    first = project.repository.commit()
    assert project.promote(first, described=described(NOISE), pipeline=1)[0] == 0
    labels = {REVISION: first, MODULE_LABEL: described(NOISE), "packages": "newer"}
    anew = push_image(project.host, project.path, f"c-{first}", labels)
    assert project.promote(first, MLREEF_REBUILD="1", MLREEF_DIGEST=anew, pipeline=2)[0] == 0
    assert project.tags()["main-2"] == anew
    # a retried job is the same publication
    assert project.promote(first, MLREEF_REBUILD="1", MLREEF_DIGEST=anew, pipeline=2)[0] == 0
    assert shelf.delete_tag(project.path, "main-2")
    second = project.repository.commit()
    assert project.promote(second, described=described(NOISE), pipeline=3)[0] == 0
    assert project.tags()["main-3"] == project.digest(f"c-{second}")
    assert "main-2" not in project.tags()
    # what stands there tells that all before it was counted
    third = project.repository.commit()
    assert project.promote(third, described=described(NOISE), pipeline=4)[0] == 0
    assert "main-4" in project.tags()


def test_what_was_published_before_there_were_versions_counts_as_none(project: Project) -> None:
    old = project.repository.commit()
    for tag in ("main-1", "latest"):
        push_image(project.host, project.path, tag, {REVISION: old, MODULE_LABEL: described(NOISE)})
    digest = publish(project, BROKEN)
    assert project.versions() == {"1.0.0": digest}


def test_a_version_that_was_taken_back_is_given_to_nothing_else(project: Project) -> None:
    first = publish(project, NOISE)
    push_image(project.host, project.path, "withdrawn-1.1.0", {MODULE_LABEL: described(MORE), "by": "one"})
    digest = publish(project, MORE)
    assert project.versions() == {"1.0.0": first, "1.2.0": digest}


def offer(project: Project, version: str, message: str = "") -> None:
    """The git tag of a version, as the bot makes it for the component; or somebody's, with another message."""
    trailer = f"Offer it\n\nMlreef-Component: {project.versions()[version]}\n"
    tree = project.repository.git("rev-parse", "HEAD^{tree}")
    sha = project.repository.git("commit-tree", tree, "-p", "HEAD", "-m", message or trailer)
    project.repository.git("tag", version, sha)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[RegistryServer]:
    """A registry that lets tags be deleted, as GitLab's does."""
    with RegistryServer(tmp_path / "shelf") as server:
        yield server


@pytest.fixture
def cleaned(repository: Repository, shelf: RegistryServer) -> Iterator[Project]:
    with project_of(repository, shelf.address) as made:
        yield made


def test_a_version_whose_tag_was_cleaned_up_is_given_to_nothing_else(
    cleaned: Project, shelf: RegistryServer
) -> None:
    project = cleaned
    first, second = publish(project, NOISE), publish(project, MORE)
    assert project.versions() == {"1.0.0": first, "1.1.0": second}
    offer(project, "1.0.0")
    offer(project, "1.1.0")
    assert shelf.delete_tag(project.path, "1.1.0")
    third = publish(project, MORE)
    assert project.versions() == {"1.0.0": first, "1.1.1": third}
    # of what was never offered nothing tells; of what was, git does, also when no version is left
    assert shelf.delete_tag(project.path, "1.1.1")
    assert shelf.delete_tag(project.path, "1.0.0")
    fourth = publish(project, BROKEN)
    assert project.versions() == {"2.0.0": fourth}


@pytest.mark.parametrize(
    "lost",
    [
        ["1.1.0"],
        ["1.1.0", "main-2", "latest"],
        ["1.0.0", "1.1.0"],
        ["1.0.0", "1.1.0", "main-1", "main-2", "latest"],
    ],
)
def test_what_a_review_foretells_is_what_promote_gives_where_tags_were_cleaned_up(
    cleaned: Project, shelf: RegistryServer, tmp_path: Path, lost: list[str]
) -> None:
    project = cleaned
    with foretelling(project, tmp_path) as foretold:
        for module, version in ((NOISE, "1.0.0"), (MORE, "1.1.0")):
            publish(project, module)
            offer(project, version)
        foretold(MORE)
        for tag in lost:
            assert shelf.delete_tag(project.path, tag)
        for module in (MORE, BROKEN):
            wanted = foretold(module)
            before = project.versions()
            digest = publish(project, module)
            assert project.versions() == {**before, wanted: digest}


def test_a_promotion_that_is_repeated_gives_a_lost_version_back_to_its_image(
    cleaned: Project, shelf: RegistryServer
) -> None:
    project = cleaned
    publish(project, NOISE)
    sha = project.repository.commit()
    assert project.promote(sha, described=described(MORE))[0] == 0
    digest = project.versions()["1.1.0"]
    for version in ("1.0.0", "1.1.0"):
        offer(project, version)
    for version in ("1.0.0", "1.1.0"):
        assert shelf.delete_tag(project.path, version)
    assert project.promote(sha, described=described(MORE))[0] == 0
    assert project.versions() == {"1.1.0": digest}


def test_git_tags_of_somebody_elses_take_no_version(project: Project) -> None:
    first = publish(project, NOISE)
    project.repository.git("tag", "1.0.1")
    project.repository.git("tag", "-a", "7.0.0", "-m", "Mlreef-Component: none of ours")
    second = publish(project, NOISE)
    assert project.versions() == {"1.0.0": first, "1.0.1": second}


@pytest.mark.parametrize("rebuilt", [False, True])
def test_what_was_taken_back_is_not_published_again_by_its_pipeline(project: Project, rebuilt: bool) -> None:
    first = publish(project, NOISE)
    sha = project.repository.commit()
    labels = {REVISION: sha, MODULE_LABEL: described(MORE)}
    push_image(
        project.host, project.path, "withdrawn-1.1.0", labels | ({"built": "before"} if rebuilt else {})
    )
    code, log = project.promote(sha, described=described(MORE))
    assert code == NOTHING_TO_PROMOTE
    assert "this image was taken back as 1.1.0. `/mlreef republish 1.1.0` brings it back." in log
    assert project.versions() == {"1.0.0": first}
    assert project.tags()["latest"] == first


def test_people_who_wish_for_newer_packages_get_another_version_of_what_was_taken_back(
    project: Project,
) -> None:
    publish(project, NOISE)
    sha = project.repository.commit()
    labels = {REVISION: sha, MODULE_LABEL: described(MORE)}
    push_image(project.host, project.path, "withdrawn-1.1.0", {**labels, "packages": "older"})
    assert project.promote(sha, described=described(MORE), MLREEF_REBUILD="1")[0] == 0
    assert project.versions()["1.2.0"] == project.tags()["latest"] == project.digest(f"c-{sha}")


@pytest.mark.parametrize(
    "label",
    ["", "{}", "[1]", "null", '{"schema":2}', "[" * 100_000, '{"schema":1,"parameters":[{"name":1}]}'],
)
def test_a_published_image_that_says_nothing_legible_makes_the_next_one_major(
    project: Project, label: str
) -> None:
    publish(project, NOISE)
    by_hand = push_image(project.host, project.path, "latest", {MODULE_LABEL: label})
    digest = publish(project, NOISE)
    assert project.versions()["2.0.0"] == digest != by_hand


def test_versions_pushed_by_hand_move_nothing_and_are_stepped_over(project: Project) -> None:
    first = publish(project, NOISE)
    by_hand = push_image(project.host, project.path, "1.0.1", {"by": "hand"})
    for tag in ("1.0", "v9.9.9", "01.0.0", "1.0.0-rc1", "99999999999.0.0"):
        push_image(project.host, project.path, tag, {"by": "hand"})
    digest = publish(project, NOISE)
    assert project.versions() | {"1.0.0": first, "1.0.1": by_hand, "1.0.2": digest} == project.versions()


def test_a_version_without_a_successor_is_told_to_whoever_runs_the_bot(project: Project) -> None:
    image = push_image(project.host, project.path, "999999999.0.0", {"by": "hand"})
    push_image(project.host, project.path, "latest", {"by": "hand"})
    code, log = project.promote(project.repository.commit(), described=described(NOISE))
    assert code == 2
    assert "delete it in the registry" in log
    assert project.tags()["latest"] == image


class Overtaken(Registry):
    """A registry in which other jobs take a version between this one's look at the tags and its write."""

    def __init__(self, host: str, take: Callable[[str], None], times: int) -> None:
        super().__init__(host)
        self.take, self.times = take, times

    def fetch_manifest(self, repository: str, reference: str, platform: str | None = None) -> Manifest | None:
        if self.times and reference.startswith("1.0.") and reference not in self.fetch_tags(repository):
            self.times -= 1
            self.take(reference)
        return super().fetch_manifest(repository, reference, platform)


@pytest.mark.parametrize(("times", "version"), [(1, "1.0.2"), (3, "1.0.4"), (MAX_PROMOTIONS_AT_ONCE, None)])
def test_a_version_that_another_job_took_meanwhile_stays_that_jobs(
    project: Project, times: int, version: str | None
) -> None:
    publish(project, NOISE)
    labels = {REVISION: "e" * 40, MODULE_LABEL: described(NOISE)}
    digest = push_image(project.host, project.path, "c-mine", labels)

    def take(tag: str) -> None:
        push_image(project.host, project.path, tag, {"by": tag})

    with Overtaken(project.host, take, times) as registry:
        image = registry.fetch_manifest(project.path, digest)
        assert image is not None
        if version is None:
            with pytest.raises(TryAgain):
                ensure_version(registry, project.path, "main", image)
        else:
            assert str(ensure_version(registry, project.path, "main", image).version) == version
    versions = project.versions()
    assert version is None or versions[version] == digest
    assert len(set(versions.values())) == len(versions) == 1 + times + (version is not None)


def test_the_same_promotion_twice_at_once_gives_one_version(project: Project) -> None:
    publish(project, NOISE)
    sha = project.repository.commit()
    digest = project.candidate(sha, described(MORE))
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(project.promote(sha, MLREEF_DIGEST=digest)[0]))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert codes == [0, 0, 0]
    assert set(project.versions()) == {"1.0.0", "1.1.0"}

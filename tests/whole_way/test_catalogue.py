"""The catalogue follows from GitLab and the registry alone: both for real, and a store that is lost comes back equal.

What build and promote would have done is done by hand here, so that every state can be had.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from werkzeug.wrappers import Response

from bot.adapters import schema
from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.overview import Overview
from bot.adapters.publications import Publication
from bot.adapters.registry import Manifest, Registry
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.adapters.withdrawn import ensure_record
from bot.cataloguing import Rebuilt, list_again, list_project, rebuild
from bot.domain import published_words
from bot.domain.catalogue import Among, Query, VersionState
from bot.domain.facts import USES_KNOWN
from bot.domain.gitlab import Project
from bot.domain.jobs import Follow, List
from bot.domain.pipeline import Environment
from bot.domain.plan import State
from bot.domain.policy import Policy
from bot.domain.rebuild import REPUBLISH
from bot.domain.steps import PUBLISH_STATUS
from bot.domain.tags import (
    LATEST,
    MODULE_LABEL,
    REVISION_LABEL,
    candidate_tag,
    environment_name,
    version_tag,
)
from bot.domain.version_names import kept_tag
from bot.domain.withdrawn_record import Record
from bot.errors import Refused
from bot.follow import follow
from bot.former_paths import fetch_paths
from bot.reading import fetch_report
from bot.rebuilds import note_rebuild
from bot.world import World
from parser.model import EntryPoint, Kind, Module
from parser.wire import canonical, module_to_dict
from sandbox.gitlab import MAINTAINER, Sandbox, User
from sandbox.gitlab import Trouble as GitlabTrouble
from sandbox.gitlab.trouble import refuse
from sandbox.registry import RegistryServer
from sandbox.registry.trouble import Trouble
from tests.domain.values import parameter

ALL = Among(frozenset({"public", "internal", "private"}))
CATALOGUE = (schema.catalogue_modules, schema.catalogue_versions, schema.catalogue_words)
OCI = "application/vnd.oci.image.manifest.v1+json"


def described(name: str = "Add Noise", **more: Any) -> Module:
    made = Module(
        name=name,
        slug=name.lower().replace(" ", "-"),
        kind=Kind.OPERATION,
        input_type="IMAGE",
        output_type="IMAGE",
        author="Ada",
        description="Adds speckles.",
        visibility=None,
        entry_points=(EntryPoint("main", "a.py"),),
        parameters=(parameter("input-path"), parameter("mode")),
        requirements=None,
    )
    return replace(made, **more)


@dataclass
class Place:
    """One GitLab with its registry, one store, one project, and who publishes in it."""

    sandbox: Sandbox
    server: RegistryServer
    alice: User
    bot: User
    world: World
    registry: Registry
    project_id: int = 0

    @property
    def store(self) -> Store:
        return self.world.store

    @property
    def path(self) -> str:
        return self.sandbox.state.projects[self.project_id].full_path

    def ask(self, method: str, path: str, body: dict[str, object]) -> None:
        requests.request(
            method,
            f"{self.sandbox.url}/api/v4/projects/{self.project_id}/{path}".rstrip("/"),
            json=body,
            headers={"PRIVATE-TOKEN": self.alice.token},
            timeout=10,
        ).raise_for_status()

    def push(self, text: str, branch: str | None = None, **files: str) -> str:
        start = None if branch is None or self.sandbox.head(self.project_id, branch) else "master"
        return self.sandbox.commit(
            self.project_id, self.alice, {"a.py": text, **files}, "Work", branch=branch, start_branch=start
        )

    def image(self, *tags: str, **labels: str) -> Manifest:
        config = json.dumps({"config": {"Labels": labels}}).encode()
        repository = self.path.lower()
        layer = b"layer"
        manifest = Manifest.of(
            json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": OCI,
                    "config": {
                        "mediaType": "application/vnd.oci.image.config.v1+json",
                        "size": len(config),
                        "digest": self.registry.ensure_bytes(repository, config),
                    },
                    "layers": [
                        {
                            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                            "size": len(layer),
                            "digest": self.registry.ensure_bytes(repository, layer),
                        }
                    ],
                }
            ).encode()
        )
        for tag in tags:
            self.registry.put_manifest(repository, tag, manifest)
        return manifest

    def publish(
        self,
        number: int,
        version: str = "",
        branch: str = "master",
        module: Module | str | None = None,
        told: bool = True,
        **files: str,
    ) -> Manifest:
        """A commit, its image under all its names, the deployment, and the bot's word of it."""
        sha = self.push(f"# {branch} {number}\n", branch, **files)
        label = module if isinstance(module, str) else canonical(module_to_dict(module or described()))
        names = [candidate_tag(sha), version_tag(branch, number)]
        names += [version, LATEST] if version else []
        image = self.image(
            *names, **{REVISION_LABEL: sha, MODULE_LABEL: label, "io.mlreef.environment": "Python 3.12"}
        )
        self.deploy(sha, branch)
        if told:
            self.tell(sha, branch, number, version, image.digest)
        return image

    def deploy(self, sha: str, branch: str = "master", status: str = "success") -> None:
        body: dict[str, object] = {"ref": branch, "sha": sha, "tag": False, "status": status}
        self.ask("POST", "deployments", body | {"environment": environment_name(branch)})

    def tell(self, sha: str, branch: str, number: int, version: str, digest: str) -> None:
        tag = version_tag(branch, number)
        words = published_words.published_status(
            published_words.Published("image", digest, number, (tag,), version=version)
        )
        self.world.forge.set_status(self.project_id, sha, PUBLISH_STATUS, "success", words, "", None, branch)

    def withdraw(self, number: int, version: str, image: Manifest, branch: str = "master") -> None:
        """As taking back does it: the record first, then every name goes."""
        tags = (version_tag(branch, number), version)
        sha = self.registry.fetch_labels(self.path.lower(), image)[REVISION_LABEL]
        record = Record(self.path, branch, number, version, tags, image.digest, sha)
        ensure_record(self.registry, self.path.lower(), tuple(map(kept_tag, tags)), record, None)
        for tag in tags:
            self.untag(tag)

    def untag(self, tag: str) -> None:
        assert self.server.delete_tag(self.path.lower(), tag)

    def retag(self, tag: str, image: Manifest) -> None:
        self.registry.put_manifest(self.path.lower(), tag, image)

    def list(self) -> dict[str, VersionState]:
        """List the project; gives the state of each version by its number's tag."""
        list_project(self.project_id, self.world)
        return self.states()

    def list_news(self) -> dict[str, VersionState]:
        """As after a publication: only what is new is asked about."""
        list_project(self.project_id, self.world, whole=False)
        return self.states()

    def states(self) -> dict[str, VersionState]:
        listed = self.store.listed_versions(self.project_id)
        return {version_tag(one.branch, one.number): one.state for one in listed}

    def rows(self) -> list[Any]:
        with self.store._engine.connect() as connection:
            return [
                sorted(
                    map(tuple, connection.execute(sa.select(*(c for c in table.c if c.name != "looked_at"))))
                )
                for table in CATALOGUE
            ]

    def lose(self) -> None:
        """All that the bot remembers is gone."""
        with self.store._engine.begin() as connection:
            for table in schema.metadata.sorted_tables:
                if table is not schema.steps_done:
                    connection.execute(sa.delete(table))

    def rebuild(self) -> Rebuilt:
        pages = Overview(GitlabClient(self.sandbox.url, self.bot.token, 10)).fetch_enrolled(
            None, archived=True
        )
        projects = ((one.id, one.path) for page in pages for one in page)
        return rebuild(projects, self.world, lambda _line: None)


@pytest.fixture(autouse=True)
def in_a_good_mood() -> None:
    """The service of the other tests here is not needed."""


@contextmanager
def open_place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    with (
        RegistryServer(tmp_path / "registry") as server,
        Sandbox(tmp_path / "gitlab", registry=server) as sandbox,
    ):
        alice, bot = sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        store = Store.prepare(database_url)
        client = GitlabClient(sandbox.url, bot.token, 10)
        policy = Policy((Environment("python", "Python", "python:3.12", "3.12", {}),), "python", "bot", "")
        registries = functools.lru_cache(lambda host: Registry(host, bot.username, bot.token))
        world = World(Forge(client), registries, store, policy, bot.id, Talk(client, bot.id))
        registry = Registry(server.address, alice.username, alice.token)
        made = Place(sandbox, server, alice, bot, world, registry)
        project = sandbox.create_project(
            "lab/add-noise", alice, default_branch="master", files={"README.md": "# Noise\n"}
        )
        sandbox.add_member(project.id, bot, MAINTAINER)
        made.project_id = project.id
        yield made
        assert sandbox.complaints == []
        store.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with open_place(tmp_path, f"sqlite:///{tmp_path / 'bot.db'}") as made:
        yield made


@pytest.fixture
def either(tmp_path: Path, database_url: str) -> Iterator[Place]:
    """A place on each kind of database, where that matters."""
    with open_place(tmp_path, database_url) as made:
        yield made


def test_a_published_version_is_listed_with_all_that_is_known_of_it(place: Place) -> None:
    place.ask("PUT", "", {"topics": ["noise", "augmentation"], "visibility": "public"})
    image = place.publish(1, "1.0.0")
    assert place.list() == {"master-1": VersionState.PUBLISHED}
    module = place.store.listed(place.project_id)
    assert module is not None
    newest = module.newest
    assert newest is not None
    assert newest == replace(newest, number=1, version="1.0.0", digest=image.digest, branch="master")
    assert newest.sha == place.sandbox.head(place.project_id)
    assert newest.image == f"{place.server.address}/lab/add-noise"
    assert (newest.size, newest.environment) == (len(b"layer"), "Python 3.12")
    assert newest.published_at is not None
    assert (module.name, module.kind, module.parameters) == ("Add Noise", "OPERATION", ("input-path", "mode"))
    assert (module.visibility, module.topics, module.readme) == (
        "public",
        ("noise", "augmentation"),
        "# Noise\n",
    )
    assert [one.project_id for one in place.store.search(Query("noise", kind="OPERATION"), ALL)] == [
        place.project_id
    ]
    known = place.store.described(image.digest)
    assert known is not None
    assert json.loads(known.module)["name"] == "Add Noise"


def test_each_state_follows_from_what_is_there_now(place: Place) -> None:
    first, second = place.publish(1, "1.0.0"), place.publish(2, "1.1.0")
    third = place.publish(3, "1.2.0")
    published, outdated = VersionState.PUBLISHED, VersionState.OUTDATED
    assert place.list() == {"master-1": outdated, "master-2": outdated, "master-3": published}

    place.push("# a head that is not published\n")
    assert place.list()["master-3"] == outdated
    same = place.push("# and one that is the same as what is\n")
    place.retag(candidate_tag(same), third)
    assert place.list()["master-3"] == published

    place.withdraw(2, "1.1.0", second)
    assert place.list()["master-2"] == VersionState.UNPUBLISHED
    place.retag("master-2", second)
    assert place.list()["master-2"] == VersionState.UNPUBLISHING

    place.untag("1.0.0")
    assert place.list()["master-1"] == VersionState.INCONSISTENT
    place.retag("1.0.0", first)
    assert place.list()["master-1"] == outdated


def test_what_a_pipeline_builds_once_more_is_being_brought_back_until_it_ends(place: Place) -> None:
    first = place.publish(1, "1.0.0")
    place.publish(2, "1.1.0", **{".gitlab-ci.yml": "try: {script: [echo]}\n"})
    place.withdraw(1, "1.0.0", first)
    started = [
        place.world.forge.create_pipeline(place.project_id, "master", {REPUBLISH: name})
        for name in ("1.0.0", "1.1.0")
    ]
    # only what the bot itself started counts
    assert place.list()["master-1"] == VersionState.UNPUBLISHED
    for pipeline in started:
        note_rebuild(place.project_id, pipeline.id, place.world)
    assert place.list() == {"master-1": VersionState.REPUBLISHING, "master-2": VersionState.PUBLISHED}
    place.ask("POST", f"pipelines/{started[0].id}/cancel", {})
    assert place.list()["master-1"] == VersionState.UNPUBLISHED


def test_a_tag_that_somebody_moved_or_took_away_is_inconsistent(place: Place) -> None:
    first, second = place.publish(1, "1.0.0"), place.publish(2, "1.1.0")
    sha = place.registry.fetch_labels("lab/add-noise", second)[REVISION_LABEL]
    for tag in ("master-2", "1.1.0"):
        place.retag(tag, first)
        assert place.list()["master-2"] == VersionState.INCONSISTENT
        # one that says that it is of the same commit is no better: the bot said which image it published
        forged = place.image(
            tag, **{REVISION_LABEL: sha, MODULE_LABEL: canonical(module_to_dict(described("Evil")))}
        )
        assert place.list()["master-2"] == VersionState.INCONSISTENT
        place.untag(tag)
        assert place.list()["master-2"] == VersionState.INCONSISTENT
        place.retag(tag, second)
        assert place.list()["master-2"] == VersionState.PUBLISHED
    for tag in ("master-2", "1.1.0", candidate_tag(sha)):
        place.retag(tag, forged)
    assert place.list()["master-2"] == VersionState.INCONSISTENT
    listed = place.store.listed(place.project_id)
    assert listed is not None
    assert listed.newest is not None
    assert (listed.name, listed.newest.number) == ("Add Noise", 1)


def test_images_that_were_pushed_by_hand_are_not_listed(place: Place) -> None:
    image = place.publish(1, "1.0.0")
    labels = place.registry.fetch_labels("lab/add-noise", image)
    before = place.list()
    never = place.push("# never published\n")
    place.deploy(never, status="failed")
    place.image("master-2", "2.0.0", **{**labels, REVISION_LABEL: never})
    place.image("master-3", "withdrawn.master-4", "withdrawn-9.9.9", **{REVISION_LABEL: "not a commit"})
    place.retag("master-7", image)
    place.image("feature-1", **labels)
    assert place.list().keys() == before.keys()
    listed = place.store.listed_versions(place.project_id)
    assert [(one.number, one.version) for one in listed] == [(1, "1.0.0")]


HOSTILE = [
    "",
    "{}",
    "[" * 100_000,
    '{"schema": 1, "name": null}',
    canonical(module_to_dict(described("<script>alert(1)</script>\0\n\u202e", slug="../../etc/passwd"))),
    canonical(module_to_dict(described("x" * 100_000, description="y\0" * 50_000, author="\x1b[31m"))),
    canonical(
        module_to_dict(described("\ud800", parameters=tuple(parameter(f"p\0{n}") for n in range(400))))
    ),
]


@pytest.mark.parametrize("label", HOSTILE, ids=range(len(HOSTILE)))
def test_a_label_of_any_form_is_listed_as_plain_and_bounded_text(either: Place, label: str) -> None:
    place = either
    place.publish(1, "1.0.0", module=label, **{"README.md": "# Hi\0 \x1b[31m\n" + "z" * 200_000})
    assert place.list() == {"master-1": VersionState.PUBLISHED}
    found = place.store.listed(place.project_id)
    assert found is not None
    lines = (found.name, found.slug, found.author, *found.parameters)
    assert all(one.isprintable() and len(one) <= 200 for one in lines)
    assert found.name
    assert set(found.slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert "\0" not in found.readme + found.description
    assert len(found.readme) <= 64 * 1024
    assert len(found.parameters) <= 200
    assert place.store.search(Query(found.name[:20]), ALL) != ()


def test_branches_have_their_own_numbers_and_the_default_one_is_what_is_shown(place: Place) -> None:
    place.publish(1, "1.0.0")
    place.publish(1, branch="release/1.x", module=described("Stable Noise"))
    place.publish(2, branch="release/1.x", module=described("Stable Noise"))
    assert place.list() == {
        "master-1": VersionState.PUBLISHED,
        "release-1-x-1": VersionState.OUTDATED,
        "release-1-x-2": VersionState.PUBLISHED,
    }
    found = place.store.listed(place.project_id)
    assert found is not None
    assert found.name == "Add Noise"
    # when the default branch is another one, its versions are what they were
    place.ask("PUT", "", {"default_branch": "release/1.x"})
    assert set(place.list().values()) == {VersionState.PUBLISHED, VersionState.OUTDATED}
    found = place.store.listed(place.project_id)
    assert found is not None
    assert found.name == "Stable Noise"


def test_a_commit_that_was_published_twice_has_two_versions(place: Place) -> None:
    image = place.publish(1, "1.0.0")
    sha = place.registry.fetch_labels("lab/add-noise", image)[REVISION_LABEL]
    again = place.image("master-2", "1.0.1", LATEST, **{REVISION_LABEL: sha, "again": "1"})
    place.deploy(sha)
    place.tell(sha, "master", 2, "1.0.1", again.digest)
    assert place.list() == {"master-1": VersionState.PUBLISHED, "master-2": VersionState.PUBLISHED}
    one, other = sorted(place.store.listed_versions(place.project_id), key=lambda version: version.number)
    assert (one.digest, other.digest) == (image.digest, again.digest)
    assert (one.published_at or 0) < (other.published_at or 0)


def test_what_older_bots_published_and_told_in_other_words_is_listed_by_the_registry(place: Place) -> None:
    image = place.publish(1, "1.0.0", told=False)
    assert place.list() == {"master-1": VersionState.PUBLISHED}
    (version,) = place.store.listed_versions(place.project_id)
    assert (version.version, version.digest) == ("1.0.0", image.digest)
    # as taking back once did it: the image itself is what keeps the number
    for name in ("master-1", "1.0.0"):
        place.retag(kept_tag(name), image)
        place.untag(name)
    assert place.list() == {"master-1": VersionState.UNPUBLISHED}
    assert place.store.listed_versions(place.project_id)[0].version == "1.0.0"


def fill(place: Place) -> None:
    """A project in every state, and another one."""
    second = None
    for number in range(1, 6):
        image = place.publish(number, f"1.{number}.0", told=number != 4)
        second = image if number == 2 else second
    assert second is not None
    place.withdraw(2, "1.2.0", second)
    place.untag("master-3")
    place.publish(1, branch="stable")
    place.push("# moved on\n")
    other = place.sandbox.create_project(
        "lab/blur", place.alice, default_branch="main", visibility="public", files={"a.py": "1\n"}
    )
    place.sandbox.add_member(other.id, place.bot, MAINTAINER)
    first, place.project_id = place.project_id, other.id
    place.publish(1, "1.0.0", branch="main", module=described("Blur"))
    place.list()
    place.project_id = first


def test_a_lost_store_is_rebuilt_as_it_was(either: Place) -> None:
    place = either
    fill(place)
    assert set(place.list().values()) == {
        VersionState.OUTDATED,
        VersionState.UNPUBLISHED,
        VersionState.INCONSISTENT,
        VersionState.PUBLISHED,
    }
    place.sandbox.archive_project(place.project_id)
    before = place.rows()
    assert [len(table) for table in before[:2]] == [2, 7]
    place.lose()
    assert place.rows() == [[], [], []]
    assert place.rebuild() == Rebuilt(looked_at=2, listed=2)
    assert place.rows() == before
    # and once more over what is there
    assert place.rebuild().listed == 2
    assert place.rows() == before


def test_publications_that_were_forgotten_do_not_matter(either: Place) -> None:
    place = either
    fill(place)
    place.list()
    before = place.rows()
    place.store.forget_publications((), older_than_seconds=-1.0, kept_per_branch=0)
    assert place.list()
    assert place.rows() == before


USING = """\
include:
  - local: /ci/noise.yml
  - component: $CI_SERVER_FQDN/lab/blur/blur@1
"""


def test_a_rebuild_finds_out_again_who_uses_what(place: Place) -> None:
    files = {
        ".gitlab-ci.yml": USING,
        "ci/noise.yml": "include: [{component: $CI_SERVER_FQDN/lab/add-noise/add-noise@1.0.0}]\n",
        "mlreef-pipeline.yml": "steps: [{module: lab/add-noise@1.1}]\n",
    }
    made = place.sandbox.create_project("lab/studio", place.alice, default_branch="main", files=files)
    place.sandbox.add_member(made.id, place.bot, MAINTAINER)
    place.publish(1, "1.0.0")
    project = place.world.forge.fetch_project(made.id)
    read = fetch_report(project, "main", place.world)
    place.store.keep_uses(made.id, "main", read.uses)

    def used() -> list[frozenset[str]]:
        return [place.store.refs_used(path) for path in ("lab/add-noise", "lab/blur")]

    assert used() == [{"1.0.0", "1.1"}, {"1"}]
    place.lose()
    assert used() == [frozenset(), frozenset()]
    assert place.store.fact(USES_KNOWN) is None
    assert place.rebuild() == Rebuilt(looked_at=2, listed=1)
    assert used() == [{"1.0.0", "1.1"}, {"1"}]
    assert place.store.fact(USES_KNOWN)


def test_a_rebuild_goes_on_behind_a_project_that_cannot_be_asked(place: Place) -> None:
    fill(place)
    place.list()
    before = place.rows()
    told: list[str] = []
    place.server.misbehave(
        Trouble(lambda request: "/lab/add-noise/" in request.path, lambda _request: Response(status=403))
    )
    ids = (place.project_id, 2**40, *place.store.listed_projects())
    result = rebuild(((one, f"path {one}") for one in ids), place.world, told.append)
    assert (result.looked_at, result.listed, result.failed) == (4, 1, 2)
    assert [line for line in told if line.startswith(f"path {place.project_id}: left as it was")]
    assert place.rows() == before


def test_uses_are_not_known_while_one_project_does_not_tell_them(place: Place) -> None:
    place.publish(1, "1.0.0")

    class Silent(Forge):
        def fetch_project(self, project_id: int) -> Project:
            raise Refused(f"project {project_id} is refused")

    silent = replace(place.world, forge=Silent(GitlabClient(place.sandbox.url, place.bot.token, 10)))
    one = [(place.project_id, "lab/add-noise")]
    assert rebuild(one, silent, lambda _line: None).uses_unknown == 1
    assert place.store.fact(USES_KNOWN) is None
    # one project alone says nothing of the others
    assert rebuild(one, place.world, lambda _line: None, others=False).uses_unknown == 0
    assert place.store.fact(USES_KNOWN) is None
    assert rebuild(one, place.world, lambda _line: None).uses_unknown == 0
    assert place.store.fact(USES_KNOWN)


def test_a_deleted_project_leaves_the_catalogue_and_a_moved_one_moves_in_it(place: Place) -> None:
    fill(place)
    place.list()
    place.sandbox.move_project(place.project_id, "other/noise")
    for number in (1, 4, 5):
        place.image(f"moved-{number}")
    place.list()
    assert place.store.listed_by_path("lab/add-noise") is None
    moved = place.store.listed_by_path("other/noise")
    assert moved is not None
    # its images did not come along: nothing of it can be had
    assert moved.newest is None
    place.sandbox.delete_project(place.project_id)
    assert list_project(place.project_id, place.world) is False
    assert place.store.listed(place.project_id) is None
    assert place.states() == {}
    assert place.rebuild().listed == 1


def test_visibility_and_topics_are_those_of_now(place: Place) -> None:
    place.publish(1, "1.0.0")
    place.list()
    public = Among(frozenset({"public"}))
    assert place.store.search(Query(), public) == ()
    place.ask("PUT", "", {"visibility": "public", "topics": ["speckle"]})
    place.list()
    assert len(place.store.search(Query(topic="speckle"), public)) == 1
    place.ask("PUT", "", {"visibility": "private"})
    place.list()
    assert place.store.search(Query(), public) == ()


def test_a_registry_that_is_switched_off_gives_nobody_anything(place: Place) -> None:
    place.publish(1, "1.0.0")
    before = place.list()
    place.ask("PUT", "", {"container_registry_access_level": "disabled"})
    assert place.list() == {"master-1": VersionState.INCONSISTENT}
    found = place.store.listed(place.project_id)
    assert found is not None
    assert found.newest is None
    place.ask("PUT", "", {"container_registry_access_level": "enabled"})
    assert place.list() == before


def test_without_the_ledger_only_what_the_bot_itself_said_is_listed(place: Place) -> None:
    place.publish(1, "1.0.0")
    image = place.publish(2, "1.1.0", told=False)
    assert len(place.list()) == 2
    bad = GitlabTrouble()
    place.sandbox.moods = bad
    bad.on("GET", "/projects/:id/environments", refuse(403), times=None)
    assert place.list() == {"master-1": VersionState.OUTDATED}
    sha = place.registry.fetch_labels("lab/add-noise", image)[REVISION_LABEL]
    place.tell(sha, "master", 2, "1.1.0", image.digest)
    assert place.list() == {"master-1": VersionState.OUTDATED, "master-2": VersionState.PUBLISHED}


def test_a_project_without_publications_is_not_listed(place: Place) -> None:
    place.deploy(place.push("1\n"), status="failed")
    assert list_project(place.project_id, place.world) is False
    assert place.rows() == [[], [], []]


def test_the_job_does_nothing_for_a_project_that_never_published(place: Place) -> None:
    place.publish(1, "1.0.0")
    assert list_again(List(place.project_id), place.world) == ()
    assert place.rows() == [[], [], []]


def remember(place: Place, number: int, sha: str) -> None:
    digest = f"sha256:{number:064d}"
    place.store.ensure_publication(
        Publication(place.project_id, "master", sha, sha, State.PUBLISHED, 1, number, digest, "image")
    )


def test_what_the_ledger_has_not_yet_is_looked_for_again_a_few_times(either: Place) -> None:
    place = either
    image = place.publish(1, "1.0.0")
    sha = place.registry.fetch_labels("lab/add-noise", image)[REVISION_LABEL]
    remember(place, 1, sha)
    assert list_again(List(place.project_id), place.world) == ()
    remember(place, 2, "c" * 40)
    assert place.store.unlisted((State.PUBLISHED,), 0.0) == (place.project_id,)
    assert place.store.unlisted((State.PUBLISHED,), 3600.0) == ()
    (later,) = list_again(List(place.project_id), place.world)
    assert later.job == List(place.project_id, looks=1)
    assert later.seconds > 0
    assert list_again(List(place.project_id, looks=3), place.world) == ()


def test_two_that_list_one_project_at_once_leave_what_is_there_now(either: Place) -> None:
    place = either
    fill(place)
    place.list()
    before = place.rows()
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _number: list_project(place.project_id, place.world), range(8)))
    assert place.rows() == before


def test_who_began_to_look_last_is_believed_whoever_writes_last(either: Place) -> None:
    place = either
    fill(place)
    began = place.store.clock()
    before = place.list()
    listed = place.store.listed(place.project_id)
    assert listed is not None
    assert not place.store.list_module(replace(listed, name="Of before"), (), began - 1.0)
    assert place.states() == before
    assert place.store.listed(place.project_id) == listed
    began = place.store.clock()
    place.store.note_head(place.project_id, "stable", "")
    assert place.states()["stable-1"] == VersionState.OUTDATED
    assert not place.store.list_module(replace(listed, name="Saw the old head"), (), began)
    assert place.store.list_module(replace(listed, name="Of after"), ())
    assert place.states() == {}


def test_a_clock_that_was_put_back_keeps_no_project_from_being_listed(either: Place) -> None:
    place = either
    place.publish(1, "1.0.0")
    place.list()
    listed, versions = place.store.listed(place.project_id), place.store.listed_versions(place.project_id)
    assert listed is not None
    assert place.store.list_module(listed, versions, place.store.clock() + 3600.0)
    place.push("# a head that is not published\n")
    assert place.list() == {"master-1": VersionState.OUTDATED}


def test_no_more_is_asked_of_gitlab_than_the_versions_need(place: Place) -> None:
    for number in range(1, 4):
        place.publish(number, f"1.{number}.0")
    place.list()
    place.sandbox.clear_log()
    place.list()
    calls = [call for call in place.sandbox.calls(place.bot) if "/jwt/" not in call.path]
    # project, environments, deployments, branch, README, and a status for each commit
    assert len(calls) <= 5 + 3


def test_what_is_new_is_listed_as_if_all_had_been_looked_at(either: Place) -> None:
    place = either
    images: dict[int, Manifest] = {}

    def again() -> None:
        image, sha = images[4], place.sandbox.head(place.project_id)
        assert sha is not None
        other = place.image("master-5", "1.5.0", LATEST, **{REVISION_LABEL: sha, "again": "1"})
        place.deploy(sha)
        place.tell(sha, "master", 5, "1.5.0", other.digest)
        images[5] = other
        assert image.digest != other.digest

    def anew() -> None:
        # as a pipeline that is run again does where a build does not give the same bytes
        sha = place.sandbox.head(place.project_id)
        assert sha is not None
        other = place.image("master-6", "1.6.1", LATEST, **{REVISION_LABEL: sha, "anew": "1"})
        place.deploy(sha)
        place.tell(sha, "master", 6, "1.6.1", other.digest)

    def bring_back() -> None:
        for tag in ("master-2", "1.2.0"):
            place.retag(tag, images[2])
            place.untag(kept_tag(tag))

    steps: list[Callable[[], object]] = [
        lambda: images.update({1: place.publish(1, "1.1.0", **{"README.md": "# One\n"})}),
        lambda: images.update({2: place.publish(2, "1.2.0", told=False, **{"README.md": "# Two\n"})}),
        lambda: place.publish(1, branch="stable", module=described("Stable")),
        lambda: images.update({3: place.publish(3, "1.3.0", module="{}")}),
        lambda: place.withdraw(2, "1.2.0", images[2]),
        lambda: images.update({4: place.publish(4, "1.4.0")}),
        lambda: place.untag("1.1.0"),
        again,
        lambda: place.withdraw(4, "1.4.0", images[4]),
        bring_back,
        lambda: place.withdraw(5, "1.5.0", images[5]),
        lambda: place.publish(6, "1.6.0"),
        anew,
        lambda: place.push("# moved on\n"),
        lambda: place.ask("PUT", "", {"visibility": "public", "default_branch": "stable"}),
    ]
    for step in steps:
        step()
        assert place.list_news()
        rows = place.rows()
        place.lose()
        place.list()
        assert rows == place.rows()


def test_a_publication_costs_the_same_however_many_came_before_it(place: Place) -> None:
    def cost() -> tuple[int, int]:
        registry = place.world.registry(place.server.address)
        before = registry.requests
        place.sandbox.clear_log()
        place.list_news()
        calls = [call for call in place.sandbox.calls(place.bot) if "/jwt/" not in call.path]
        return len(calls), registry.requests - before

    place.publish(1, "1.0.0")
    first = cost()
    # more than are looked at
    for number in range(2, 106):
        sha = place.push(f"# {number}\n")
        place.deploy(sha)
        labels = {REVISION_LABEL: sha}
        image = place.image(version_tag("master", number), f"1.0.{number - 1}", **labels)
        if number == 2:
            assert place.list_news()["master-2"] == VersionState.PUBLISHED
        place.withdraw(number, f"1.0.{number - 1}", image)
    place.list()
    place.publish(106, "1.1.0")
    last = cost()
    # a second page of the ledger
    assert last[0] <= first[0] + 1 == 7
    assert last[1] <= first[1] == 6
    assert set(place.states().values()) == {
        VersionState.OUTDATED,
        VersionState.UNPUBLISHED,
        VersionState.PUBLISHED,
    }
    assert place.list() == place.states()


def test_an_end_that_the_catalogue_was_not_told_is_told_when_it_is_heard_of_again(place: Place) -> None:
    image = place.publish(1, "1.0.0")
    place.list()
    same = place.push("# the same as what is published\n")
    place.retag(candidate_tag(same), image)
    place.store.note_head(place.project_id, "master", same)
    ended = Publication(place.project_id, "master", same, same, State.UNCHANGED, 7, 1, image.digest)
    place.store.ensure_publication(ended)
    heard = Follow(place.project_id, "master", same, 7)
    assert [later.job for later in follow(heard, place.world)] == [List(place.project_id)]
    assert place.list() == {"master-1": VersionState.PUBLISHED}
    assert follow(heard, place.world) == ()


def test_a_moved_project_is_known_by_its_former_path(place: Place) -> None:
    place.publish(1, "1.0.0")
    place.list()
    place.sandbox.move_project(place.project_id, "other/noise")
    place.list()
    now = place.world.forge.fetch_project(place.project_id)
    assert fetch_paths(now, place.world) == {"lab/add-noise", "other/noise"}


def test_of_very_many_environments_the_first_and_the_newest_are_asked_about(place: Place) -> None:
    place.publish(1, "1.0.0")
    sha = place.push("# another\n")
    body: dict[str, object] = {"ref": "master", "sha": sha, "tag": False, "status": "success"}
    for number in range(1, 131):
        place.ask("POST", "deployments", body | {"environment": f"mlreef/a-{number}"})
    place.sandbox.clear_log()
    ledger = place.world.forge.fetch_ledger(place.project_id)
    assert ledger is not None
    assert len(place.sandbox.calls(place.bot)) <= 102
    named = {one.environment for one in ledger}
    assert named == {"mlreef/master", *(f"mlreef/a-{number}" for number in range(32, 131))}


def test_a_head_that_moves_is_noted_without_asking_anybody(either: Place) -> None:
    place = either
    image = place.publish(1, "1.0.0")
    place.publish(1, branch="stable")
    place.withdraw(1, "1.0.0", image)
    sha = place.publish(2, "1.1.0") and place.sandbox.head(place.project_id)
    assert sha is not None
    before = place.list()
    assert before["master-2"] == VersionState.PUBLISHED
    moved = place.push("# moved on\n")
    place.store.note_head(place.project_id, "master", moved)
    assert place.states() == before | {"master-2": VersionState.OUTDATED}
    rows = place.rows()
    assert place.list()
    assert place.rows() == rows
    place.store.note_head(place.project_id, "master", sha)
    assert place.states() == before
    place.store.note_head(place.project_id, "stable", "")
    assert place.states() == before | {"stable-1": VersionState.OUTDATED}

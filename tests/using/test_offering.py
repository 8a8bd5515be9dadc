"""A published version becomes a component, is found as one, and goes again: real git, a real registry, GitLab's API."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from bot.adapters.modules import Described
from bot.adapters.publications import Publication
from bot.adapters.registry import Manifest
from bot.domain.component_file import component_path
from bot.domain.jobs import Offer
from bot.domain.offer import Components, branch_name
from bot.domain.plan import State
from bot.domain.snippets import component_snippet
from bot.domain.tags import MODULE_LABEL, REVISION_LABEL
from bot.offering import offer, withdraw_component
from bot.withdrawing import republish, unpublish
from parser.wire import canonical, module_to_dict
from sandbox.gitlab import User
from sandbox.gitlab.values import NO_ONE, ProtectedTag
from tests.domain import values
from tests.domain.component_parts import module_of
from tests.published import Home, Up, gitlab_and_registry, new_project

ENTRY = ["/opt/mlreef/env/bin/python", "main.py"]
MODULE = module_of(
    "parser.add_argument('--input-path', required=True)",
    "parser.add_argument('--output-path', required=True)",
)
POLICY = replace(values.POLICY, component=Components(True, "registry.example.com/cli:1"))
FILES = {"main.py": "a = 1\n", "mlreef.yml": "own: {script: [x]}\n", "templates/old.yml": "b: 1\n"}


@dataclass
class Place(Home):
    """A project with one published version."""

    @property
    def alice(self) -> User:
        return self.up.alice

    @property
    def sha(self) -> str:
        return str(self.sandbox.head(self.project.id))

    @property
    def git(self):
        return self.sandbox.core.git(self.sandbox.state.projects[self.project.id])

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(one.method, one.path) for one in self.sandbox.requests if one.method not in ("GET", "HEAD")]

    @property
    def comments(self) -> list[str]:
        return [note.body for note in self.sandbox.comments(self.project.id, self.sha)]

    def publish(self, version: str = "1.2.0", sha: str = "") -> str:
        """What promote does; gives the digest."""
        labels = {REVISION_LABEL: sha or self.sha, MODULE_LABEL: canonical(module_to_dict(MODULE))}
        config = {"config": {"Labels": labels, "Entrypoint": ENTRY, "WorkingDir": "/app"}}
        return self.put(("master-1", version, "latest"), config)

    def offer(self, version: str = "1.2.0", sha: str = "") -> None:
        assert offer(Offer(self.project.id, "master", sha or self.sha, version), self.world) == ()

    def message(self, tag: str) -> str:
        made = self.git.commit(str(self.git.tag(tag)))
        assert made is not None
        return made.message


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with gitlab_and_registry(tmp_path_factory.mktemp("offering")) as both:
        yield both


@pytest.fixture
def place(up: Up, tmp_path: Path) -> Iterator[Place]:
    made = {"files": FILES, "visibility": "public", "ci_config_path": "mlreef.yml"}
    with new_project(up, tmp_path, POLICY, **made) as (world, project):
        up.sandbox.wait_idle()
        up.sandbox.clear_log()
        yield Place(up, world, project)


def test_a_version_becomes_a_git_tag_that_holds_its_component(place: Place) -> None:
    before, digest = place.sha, place.publish()
    place.offer()
    commit = place.git.commit(str(place.git.tag("1.2.0")))
    assert commit is not None
    assert commit.parents == (before,)
    assert f"Mlreef-Component: {digest}" in commit.message
    text = place.sandbox.read_file(place.project.id, component_path(MODULE), "1.2.0")
    assert text is not None
    header, job = yaml.safe_load_all(text)
    assert list(header["spec"]["inputs"])[:2] == ["input-path", "output-path"]
    image = f"{place.registry.address}/{place.project.registry_path}@{digest}"
    (made,) = job.values()
    assert made["image"]["name"] == image
    told = json.loads(made["variables"]["MLREEF_MODULE"]["value"])
    assert told["command"] == ["/opt/mlreef/env/bin/python", "/app/main.py"]
    # nothing of it is on a branch, and the author's branch is where it was
    assert place.git.branch(branch_name("1.2.0")) is None
    assert place.sha == before
    assert place.sandbox.read_file(place.project.id, component_path(MODULE)) is None
    assert place.comments == []


def test_its_tag_runs_one_job_and_that_makes_the_release(place: Place) -> None:
    place.publish()
    place.offer()
    place.sandbox.wait_idle()
    (pipeline,) = [one for one in place.sandbox.pipelines(place.project.id) if one.tag]
    assert (pipeline.ref, [job.name for job in pipeline.jobs]) == ("1.2.0", ["mlreef-release"])
    assert [one for one in place.sandbox.pipelines(place.project.id) if one.ref == branch_name("1.2.0")] == []
    place.sandbox.play_pipeline(pipeline.id)
    release = place.sandbox.state.releases[place.project.id, "1.2.0"]
    assert release.description.startswith(f"{MODULE.slug} 1.2.0, which runs `{place.registry.address}/")
    assert pipeline.status == "success"


def test_another_project_runs_it_by_the_lines_that_the_bot_writes(place: Place) -> None:
    place.publish()
    place.offer()
    snippet = component_snippet(
        MODULE, place.project.path, "1.2.0", {"input-path": "$(rm -r /)", "job-needs": "load"}
    )
    load = "load: {stage: build, script: [make pictures]}\n"
    used = place.sandbox.create_project(f"other/uses-{uuid.uuid4().hex[:8]}", place.alice, files={"a": "b"})
    place.sandbox.commit(used.id, place.alice, {".gitlab-ci.yml": snippet.text + load})
    place.sandbox.wait_idle()
    (pipeline,) = place.sandbox.pipelines(used.id)
    assert (pipeline.yaml_errors, [job.name for job in pipeline.jobs]) == (None, ["load", MODULE.slug])
    assert pipeline.jobs[1].artifacts_name == "mlreef-run"


def test_offered_twice_nothing_is_written(place: Place) -> None:
    place.publish()
    place.offer()
    place.sandbox.wait_idle()
    sha = place.git.tag("1.2.0")
    place.sandbox.clear_log()
    place.offer()
    assert [path for _, path in place.writes if "branches" not in path] == []
    assert place.git.tag("1.2.0") == sha


def test_what_broke_off_before_the_tag_is_ended_by_the_next_run(place: Place) -> None:
    place.publish()
    place.sandbox.commit(
        place.project.id,
        place.alice,
        {"half.py": "1\n"},
        branch=branch_name("1.2.0"),
        start_branch="master",
    )
    place.offer()
    assert "Mlreef-Component" in place.message("1.2.0")
    assert place.sandbox.read_file(place.project.id, "half.py", "1.2.0") is None
    assert place.git.branch(branch_name("1.2.0")) is None


def test_a_tag_of_somebody_elses_is_left_alone_and_said_once(place: Place) -> None:
    place.publish()
    place.git.update_ref("refs/tags/1.2.0", place.sha, "0" * 40)
    place.offer()
    place.offer()
    assert place.git.tag("1.2.0") == place.sha
    (comment,) = place.comments
    assert "has a git tag `1.2.0` that is not mine" in comment
    assert withdraw_component(place.project, "1.2.0", place.world) == ()
    assert place.git.tag("1.2.0") == place.sha


def test_a_tag_that_offers_another_image_is_left_alone_and_called_so(place: Place) -> None:
    first = place.publish()
    place.offer()
    made = place.git.tag("1.2.0")
    labels = {REVISION_LABEL: place.sha, MODULE_LABEL: canonical(module_to_dict(MODULE)), "built": "again"}
    assert place.put(("1.2.0",), {"config": {"Labels": labels, "Entrypoint": ENTRY}}) != first
    place.offer()
    assert place.git.tag("1.2.0") == made
    (comment,) = place.comments
    assert f"has a git tag `1.2.0` that offers another image, `{first}`" in comment


def test_a_tag_that_the_bot_may_not_make_is_said_and_nothing_is_left(place: Place) -> None:
    place.publish()
    place.sandbox.state.projects[place.project.id].protected_tags.append(ProtectedTag("*", NO_ONE))
    place.offer()
    assert place.git.tag("1.2.0") is None
    assert place.git.branch(branch_name("1.2.0")) is None
    (comment,) = place.comments
    assert "You are not allowed to create this tag as it is protected" in comment
    assert "A Maintainer can allow it" in comment
    place.sandbox.state.projects[place.project.id].protected_tags.clear()
    place.offer()
    assert "Mlreef-Component" in place.message("1.2.0")


def test_where_the_ci_file_lies_elsewhere_no_pipeline_runs_for_the_tag(place: Place) -> None:
    place.sandbox.state.projects[place.project.id].ci_config_path = "ci.yml@lab/shared"
    project = place.world.forge.fetch_project(place.project.id)
    place.publish()
    Place.offer(replace(place, project=project))
    place.sandbox.wait_idle()
    assert "[skip ci]" in place.message("1.2.0")
    assert place.sandbox.read_file(project.id, "mlreef.yml", "1.2.0") == b"own: {script: [x]}\n"
    assert all(one.status == "skipped" for one in place.sandbox.pipelines(project.id) if one.tag)


def test_an_image_of_another_commit_under_the_versions_name_is_not_offered(place: Place) -> None:
    place.publish(sha="1" * 40)
    place.offer(sha=place.sha)
    assert place.git.tag("1.2.0") is None
    assert place.writes == []


def test_a_version_that_is_not_there_is_not_offered(place: Place) -> None:
    place.offer()
    assert place.writes == []


def test_taken_back_its_tag_and_release_are_gone_and_come_back(place: Place) -> None:
    digest = place.publish()
    place.offer()
    place.sandbox.wait_idle()
    (pipeline,) = [one for one in place.sandbox.pipelines(place.project.id) if one.tag]
    place.sandbox.play_pipeline(pipeline.id)
    assert unpublish(place.project, "master", "1.2.0", place.world).done
    assert place.git.tag("1.2.0") is None
    assert (place.project.id, "1.2.0") not in place.sandbox.state.releases
    back = republish(place.project, "master", "1.2.0", place.world)
    offers = [later.job for later in back.later if isinstance(later.job, Offer)]
    assert offers == [Offer(place.project.id, "master", "", "1.2.0")]
    assert offer(offers[0], place.world) == ()
    assert f"Mlreef-Component: {digest}" in place.message("1.2.0")


def test_what_gitlab_keeps_of_a_version_taken_back_is_said(place: Place) -> None:
    place.publish()
    place.offer()
    place.sandbox.state.projects[place.project.id].protected_tags.append(ProtectedTag("1.*", NO_ONE))
    done = unpublish(place.project, "master", "1.2.0", place.world)
    assert done.done
    assert "This I could not take away, a Maintainer can: its git tag 1.2.0" in done.reply


def test_switched_off_nothing_is_offered(place: Place) -> None:
    place.publish()
    world = replace(place.world, policy=replace(POLICY, component=Components()))
    assert offer(Offer(place.project.id, "master", place.sha, "1.2.0"), world) == ()
    assert place.writes == []


def test_an_image_that_was_pushed_over_what_was_published_gets_no_component(place: Place) -> None:
    """It says of itself that it is of the very commit: anybody who may push images can write that."""
    digest = place.publish()
    known = Publication(place.project.id, "master", place.sha, place.sha, State.PUBLISHED, 7, 1, digest)
    place.world.store.ensure_publication(known)
    place.world.store.keep_described(Described(digest, canonical(module_to_dict(MODULE)), version="1.2.0"))
    hands, path = place.images, place.project.registry_path
    before = hands.fetch_manifest(path, "1.2.0")
    assert before is not None
    other = Manifest.of(before.content + b"\n")
    hands.put_manifest(path, "1.2.0", other)
    place.offer()
    assert place.git.tag("1.2.0") is None
    hands.put_manifest(path, "1.2.0", before)
    place.offer()
    assert digest in place.message("1.2.0")

"""A commit of the same content as the newest version: nothing is built, and nothing of what is published moves."""

from __future__ import annotations

import io
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
import requests

from bot.adapters.checkout import load_commit
from bot.adapters.engine import Engine
from bot.adapters.registry import Registry
from bot.ci.build import build
from bot.ci.gathering import load_contents
from bot.ci.job import CiJob
from bot.ci.log import Log
from bot.ci.verify import judge
from bot.domain.content import CONTENT_LABEL
from bot.domain.engines import Building
from bot.domain.environments import Environment
from bot.domain.pipeline import PATH
from bot.layers.content_of import content_of
from bot.layers.contents import Contents
from tests.building.golden import push_base
from tests.ci.samples import PROJECT_NAME, SCRIPT, dotenv, publishable, settings, variables
from tests.ci.world import REVISION, Repository, push_image, run_job

NOTHING = 75


@dataclass
class Project:
    """A project of a registry, and the jobs that run in it."""

    repository: Repository
    host: str
    path: str

    @property
    def registry(self) -> Registry:
        return Registry(self.host)

    def variables(self, sha: str, **more: str) -> dict[str, str]:
        # a ledger that does not answer jobs is passed by
        api = {"CI_API_V4_URL": f"http://{self.host}/none", "CI_PROJECT_ID": "7", "CI_JOB_TOKEN": "secret"}
        usual = variables(self.repository, sha, f"{self.host}/{self.path}", **api)
        return {**usual, "CI_REPOSITORY_URL": self.repository.path.as_uri(), **more}

    def content(self, sha: str, branch: str = "main") -> str:
        commit = load_commit(self.repository.path, sha, PATH)
        judged = judge(commit, branch, PROJECT_NAME)
        assert judged.module is not None, judged
        assert judged.settings is not None
        contents = load_contents(self.repository.path, sha, judged.module)
        assert isinstance(contents, Contents)
        environment, engine = judged.settings.environment, judged.settings.engine
        return content_of(contents, judged.module, environment, engine, judged.report.settings.env)

    def publish(self, sha: str, *tags: str, branch: str = "main") -> str:
        """What build and promote leave of a commit; gives the digest."""
        labels = {REVISION: sha, CONTENT_LABEL: self.content(sha, branch)}
        return {push_image(self.host, self.path, tag, labels) for tag in (f"c-{sha}", *tags)}.pop()

    def handed(self, digest: str) -> dict[str, str]:
        """What build leaves for promote."""
        candidate = f"{self.host}/{self.path}@{digest}"
        return {"MLREEF_VERDICT": "publish", "MLREEF_DIGEST": digest, "MLREEF_CANDIDATE": candidate}

    def verify(self, sha: str, **more: str) -> tuple[dict[str, str], str]:
        code, log = run_job("verify", self.variables(sha, **more))
        assert code == 0, log
        left = dotenv(self.repository.path, "verify.env")
        shutil.rmtree(self.repository.path / ".mlreef")
        return left, log

    def build(self, sha: str, verified: Mapping[str, str]) -> dict[str, str]:
        def connect() -> Engine:
            raise AssertionError("something is built")

        job = CiJob({**self.variables(sha), "MLREEF_BUILDER": "bot:1", **verified})
        assert build(job, Log(io.StringIO()), connect) == 0
        return dotenv(self.repository.path, "build.env")

    def tags(self) -> dict[str, str]:
        found = {}
        for tag in self.registry.fetch_tags(self.path):
            manifest = self.registry.fetch_manifest(self.path, tag)
            assert manifest is not None
            found[tag] = manifest.digest
        return found


@pytest.fixture
def project(repository: Repository, registry: str) -> Project:
    return Project(repository, registry, f"group/u-{uuid.uuid4().hex[:12]}")


def test_a_commit_that_changes_nothing_keeps_the_version_and_gives_it_its_own_tag(project: Project) -> None:
    first = publishable(project.repository)
    digest = project.publish(first, "main-1", "latest")
    empty = project.repository.commit(message="Nothing new")
    verified, log = project.verify(empty)
    assert verified == {
        "MLREEF_VERDICT": "unchanged",
        "MLREEF_SAME_AS": "main-1",
        "MLREEF_DIGEST": digest,
    }
    assert "main-1" in log
    handed = project.build(empty, verified)
    # stages of the author's own find the module there, and pass as they did for the version
    assert handed == {**verified, "MLREEF_CANDIDATE": f"{project.host}/{project.path}@{digest}"}
    before = project.tags()
    code, log = run_job("promote", project.variables(empty, **handed))
    assert (code, project.tags()) == (NOTHING, {**before, f"c-{empty}": digest})
    assert "main-1, which stays published" in log


def test_a_file_that_came_back_and_another_mlreef_yml_change_nothing(project: Project) -> None:
    digest = project.publish(publishable(project.repository), "main-1", "latest")
    project.repository.commit({"data.csv": "1"})
    (project.repository.path / "data.csv").unlink()
    back = project.repository.commit()
    assert project.verify(back)[0]["MLREEF_DIGEST"] == digest
    newer_bot = replace(
        settings(), builder_image="registry.example.com/bot:2", docs_url="https://new.example"
    )
    written = publishable(project.repository, chosen=newer_bot)
    assert project.verify(written)[0]["MLREEF_DIGEST"] == digest


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({"data.csv": "1"}, settings()),
        ({"requirements.txt": "numpy==2.1\n"}, settings()),
        ({"main.py": SCRIPT.replace("0.5", "0.7")}, settings()),
        ({".mlreef.yaml": "env: {OMP_NUM_THREADS: '2'}\n"}, settings()),
        ({}, settings("python:3.12-slim-trixie")),
        ({}, settings(TZ="UTC")),
    ],
)
def test_whatever_is_in_the_image_counts(
    project: Project, files: dict[str, str | bytes], chosen: object
) -> None:
    project.publish(publishable(project.repository), "main-1", "latest")
    assert project.verify(publishable(project.repository, files, chosen))[0] == {"MLREEF_VERDICT": "publish"}


def test_a_mode_that_changed_counts(project: Project) -> None:
    project.publish(publishable(project.repository), "main-1", "latest")
    project.repository.git("update-index", "--chmod=+x", "main.py")
    project.repository.git("commit", "-q", "-m", "Run it")
    sha = project.repository.git("rev-parse", "HEAD")
    assert project.verify(sha)[0]["MLREEF_VERDICT"] == "publish"


def test_only_the_newest_version_counts(project: Project) -> None:
    project.publish(publishable(project.repository), "main-1")
    other = publishable(project.repository, {"main.py": SCRIPT.replace("0.5", "0.7")})
    project.publish(other, "main-2", "latest")
    back = publishable(project.repository)
    assert project.verify(back)[0]["MLREEF_VERDICT"] == "publish"


def test_a_version_that_latest_has_left_does_not_count(project: Project) -> None:
    """A force-push brought an older version back, and the newest one is no longer what people get."""
    old = publishable(project.repository)
    project.publish(old, "main-1", "latest")
    new = publishable(project.repository, {"main.py": SCRIPT.replace("0.5", "0.7")})
    project.publish(new, "main-2")
    assert project.verify(project.repository.commit())[0]["MLREEF_VERDICT"] == "publish"


def test_a_version_whose_image_is_gone_does_not_count(project: Project) -> None:
    first = publishable(project.repository)
    digest = project.publish(first, "main-1", "latest")
    url = f"http://{project.host}/v2/{project.path}/manifests/{digest}"
    assert requests.delete(url, timeout=10).status_code == 202
    assert project.verify(project.repository.commit())[0]["MLREEF_VERDICT"] == "publish"


def test_another_branch_has_versions_of_its_own(project: Project) -> None:
    project.publish(publishable(project.repository), "main-1", "latest")
    beside = publishable(project.repository, branch="next")
    assert project.verify(beside, CI_COMMIT_BRANCH="next")[0]["MLREEF_VERDICT"] == "publish"


def test_the_published_commit_itself_goes_the_usual_way_once_more(project: Project) -> None:
    first = publishable(project.repository)
    project.publish(first, "main-1", "latest")
    assert project.verify(first)[0]["MLREEF_VERDICT"] == "publish"


def test_people_can_wish_for_a_build(project: Project) -> None:
    project.publish(publishable(project.repository), "main-1", "latest")
    empty = project.repository.commit()
    verified, log = project.verify(empty, MLREEF_REBUILD="1")
    assert verified["MLREEF_VERDICT"] == "publish"
    assert "MLREEF_REBUILD" in log
    assert project.verify(empty, MLREEF_REBUILD="0")[0]["MLREEF_VERDICT"] == "unchanged"


def test_a_registry_that_does_not_answer_stops_nothing(project: Project) -> None:
    sha = publishable(project.repository)
    nobody = replace(project, host="127.0.0.1:1")
    verified, log = nobody.verify(sha)
    assert verified == {"MLREEF_VERDICT": "publish"}
    assert "cannot be compared, so this is built" in log


def test_what_was_published_meanwhile_is_not_passed_over(project: Project) -> None:
    first = publishable(project.repository)
    project.publish(first, "main-1", "latest")
    other = publishable(project.repository, {"main.py": SCRIPT.replace("0.5", "0.7")})
    back = publishable(project.repository)
    verified, _ = project.verify(back)
    assert verified["MLREEF_VERDICT"] == "unchanged"
    project.publish(other, "main-2", "latest")
    before = project.tags()
    code, log = run_job("promote", project.variables(back, **verified))
    assert (code, project.tags()) == (1, before)
    assert "Not published: main-1" in log


def test_a_commit_between_two_that_are_the_same_is_not_published_after_them(project: Project) -> None:
    """Else people would get what the branch no longer holds."""
    first = publishable(project.repository)
    digest = project.publish(first, "main-1", "latest")
    between = publishable(project.repository, {"main.py": SCRIPT.replace("0.5", "0.7")})
    candidate = project.publish(between)
    back = publishable(project.repository)
    verified, _ = project.verify(back)
    assert run_job("promote", project.variables(back, **verified))[0] == NOTHING
    late = project.handed(candidate)
    code, log = run_job("promote", project.variables(between, **late))
    assert code == NOTHING, log
    assert back[:8] in log
    assert {"main-1": digest, "latest": digest}.items() <= project.tags().items()
    assert "main-2" not in project.tags()
    following = publishable(project.repository, {"main.py": SCRIPT.replace("0.5", "0.9")})
    newest = project.handed(project.publish(following))
    assert run_job("promote", project.variables(following, **newest))[0] == 0
    assert project.tags()["main-2"] == project.tags()["latest"] == newest["MLREEF_DIGEST"]


def test_what_the_engine_layers_builds_is_known_again(project: Project) -> None:
    with Registry(project.host) as registry:
        base = f"{project.host}/bases/python@{push_base(registry, 'bases/python', '3.12')}"
    environment = Environment("python", "Python", base, "3.12", {"TZ": "UTC"}, bytecode=False)
    chosen = replace(settings(), environment=environment, building=Building(engines=("layers",)))
    sha = publishable(project.repository, {".mlreef.yaml": "env: {A: b}\n"}, chosen)
    verified, _ = project.verify(sha)
    assert verified["MLREEF_VERDICT"] == "publish"
    handed = project.build(sha, verified)
    code, log = run_job("promote", project.variables(sha, **handed))
    assert code == 0, log
    shutil.rmtree(project.repository.path / ".mlreef")
    empty = project.repository.commit()
    assert project.verify(empty)[0]["MLREEF_SAME_AS"] == "main-1"

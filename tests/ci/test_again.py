"""A version whose image is gone comes back to the same bytes by its recorded lock: real layers, registry, GitLab."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.registry import Registry
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.ci.job import NOTHING_TO_PROMOTE
from bot.domain.environments import Environment
from bot.domain.gitlab import Project
from bot.domain.jobs import Withdraw
from bot.domain.pipeline import BUILD, PROMOTE, SMOKE, VERIFY, PipelineSettings
from bot.domain.withdrawal import Withdrawn
from bot.rebuilding import read_end, withdraw
from bot.rebuilds import is_rebuild
from bot.world import World
from sandbox.gitlab import MAINTAINER, Sandbox, User
from sandbox.registry import RegistryServer
from tests.building.golden import push_base
from tests.ci.samples import dotenv, publishable, variables
from tests.ci.world import Repository, run_job
from tests.domain import values
from tests.layers.making_wheels import Recipe
from tests.layers.package_index import PackageIndex, Shelf, served


@dataclass
class Life:
    """A project in GitLab, its author's clone, and jobs that are run as a runner would."""

    sandbox: Sandbox
    registry: RegistryServer
    base: str
    index: PackageIndex
    project: Project
    repository: Repository
    alice: User
    world: World
    folder: Path
    platforms: tuple[str, ...] = ("linux/amd64",)

    @property
    def url(self) -> str:
        """The repository's address with what a job's would hold."""
        host = self.sandbox.url.removeprefix("http://")
        return f"http://{self.alice.username}:{self.alice.token}@{host}/{self.project.path}.git"

    def offer(self, version: str) -> None:
        """A package appears on the index."""
        wheel = Recipe({"noises/__init__.py": version.encode()}, name="noises", version=version)
        made = Shelf(wheel.write(self.folder).read_bytes())
        self.index.packages.setdefault("noises", {})[wheel.filename] = made

    def push(self, files: dict[str, str | bytes] | None = None) -> str:
        """The author pushes, and the bot's file with it; gives the commit that is published."""
        environment = Environment(
            *("cpu", "CPU", self.base),
            python="3.12",
            env={"A": "1"},
            bytecode=False,
            platforms=self.platforms,
        )
        settings = PipelineSettings("registry.example.com/bot:1", "layers", environment, "")
        wanted = {"requirements.txt": f"--index-url {self.index.simple}\nnoises\n", **(files or {})}
        sha = publishable(self.repository, wanted, settings)
        self.repository.git("push", "-q", self.url, "main")
        return sha

    def job(self, name: str, sha: str, checkout: Repository, **more: str) -> tuple[int, str]:
        """Runs a job of ours there."""
        given = variables(checkout, sha, f"{self.registry.address}/{self.project.registry_path}")
        given |= {
            "CI_REGISTRY_USER": self.alice.username,
            "CI_REGISTRY_PASSWORD": self.alice.token,
            "CI_REPOSITORY_URL": self.url,
            "CI_API_V4_URL": f"{self.sandbox.url}/api/v4",
            "CI_PROJECT_ID": str(self.project.id),
            "CI_JOB_TOKEN": "none",
            "UV_CACHE_DIR": str(self.folder / "uv"),
            **more,
        }
        code, log = run_job(name, given)
        assert self.alice.token not in log
        return code, log

    def publish(self, files: dict[str, str | bytes] | None = None) -> str:
        """A commit becomes a version; gives the image's digest."""
        sha = self.push(files)
        code, log = self.job("build", sha, self.repository)
        assert code == 0, log
        built = dotenv(self.repository.path, "build.env")
        code, log = self.job("promote", sha, self.repository, **built)
        assert code == 0, log
        return built["MLREEF_DIGEST"]

    def clean_up(self) -> tuple[str, ...]:
        """What GitLab's registry does in its own time."""
        return self.registry.collect_garbage(self.project.registry_path)

    def tags(self) -> dict[str, str]:
        """What is published, by name."""
        name, found = self.project.registry_path, {}
        for tag in self.registry.tags(name):
            details = self.registry.tag_details(name, tag)
            assert details is not None
            if not tag.startswith(("withdrawn", "c-", "l-")):
                found[tag] = details.digest
        return found

    def run_pipeline(self, pipeline_id: int) -> dict[str, tuple[int, str]]:
        """Runs the jobs of a pipeline in a fresh checkout of its commit alone; gives exit codes and logs."""
        pipeline = self.sandbox.state.pipelines[pipeline_id]
        checkout = Repository(self.folder / f"checkout-{uuid.uuid4().hex[:8]}")
        self.repository.git("clone", "-q", "--depth=1", self.url, str(checkout.path))
        done: dict[str, tuple[int, str]] = {}
        left: dict[str, str] = {}
        for job in self.sandbox.jobs(pipeline_id):
            if job.name == SMOKE:
                # in the candidate itself, which other tests do
                code, log = 0, ""
            else:
                name = job.name.removeprefix("mlreef-")
                code, log = self.job(name, pipeline.sha, checkout, **pipeline.variables, **left)
            done[job.name] = (code, log)
            report = {VERIFY: "verify.env", BUILD: "build.env"}.get(job.name)
            if report and code == 0:
                left |= dotenv(checkout.path, report)
            self.sandbox.finish_job(
                job.id, "success" if code == 0 else "failed", trace=log.encode(), exit_code=code
            )
            if code not in (0, NOTHING_TO_PROMOTE):
                break
        shutil.rmtree(checkout.path)
        return done

    def ask(
        self, action: str, version: str, user: User | None = None
    ) -> tuple[Withdrawn, dict[str, tuple[int, str]]]:
        """Somebody asks by the API; gives how it ended, and what the jobs of its pipeline did."""
        key = uuid.uuid4().hex
        asked = Withdraw(self.project.id, "main", version, action, (user or self.alice).id, key=key)
        jobs: dict[str, tuple[int, str]] = {}
        following = withdraw(asked, self.world)
        while following:
            [later] = following
            assert isinstance(later.job, Withdraw)
            if later.job.pipeline_id and not jobs:
                assert is_rebuild(self.project.id, later.job.pipeline_id, self.world)
                jobs = self.run_pipeline(later.job.pipeline_id)
            following = withdraw(later.job, self.world)
        ended = read_end(key, self.world)
        assert ended is not None
        return ended, jobs


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    with ExitStack() as stack:
        bases = stack.enter_context(RegistryServer(tmp_path / "bases"))
        registry = stack.enter_context(RegistryServer(tmp_path / "registry"))
        sandbox = stack.enter_context(Sandbox(tmp_path / "gitlab", registry=registry))
        index = stack.enter_context(served(PackageIndex()))
        with Registry(bases.address, pauses=()) as client:
            base = f"{bases.address}/bases/python@{push_base(client, 'bases/python', '3.12')}"
        alice, bot = sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        made = sandbox.create_project("lab/noise", alice, default_branch="main", ci_config_path="mlreef.yml")
        sandbox.add_member(made.id, bot, MAINTAINER)
        store = Store.prepare(f"sqlite:///{tmp_path / 'bot.sqlite'}")
        stack.callback(store.close)
        client = GitlabClient(sandbox.url, bot.token, 5)
        hands = Registry(registry.address, "bot", bot.token, pauses=())
        world = World(Forge(client), lambda _host: hands, store, values.POLICY, bot.id, Talk(client, bot.id))
        repository = Repository.create(tmp_path / "clone")
        project = world.forge.fetch_project(made.id)
        yield Life(sandbox, registry, base, index, project, repository, alice, world, tmp_path)


def test_what_garbage_collection_took_comes_back_to_the_same_digest(life: Life) -> None:
    life.offer("1.0")
    first = life.publish()
    life.offer("2.0")
    second = life.publish(
        {"notes.txt": "newer", "requirements.txt": f"--index-url {life.index.simple}\nnoises>=2\n"}
    )
    published = life.tags()
    assert (published["1.0.1"], published["latest"]) == (second, second)

    # newer packages may come: the recorded lock counts
    life.offer("3.0")
    assert life.ask("unpublish", "1.0.1")[0].done
    assert life.tags() == {"1": first, "1.0.0": first, "latest": first, "main-1": first}
    life.clean_up()
    layers = json.loads(
        life.world.registry(life.registry.address)
        .fetch_manifest(life.project.registry_path, "withdrawn-1.0.1")
        .content
    )["layers"]
    assert sum(layer["size"] for layer in layers) < 64 * 1024

    ended, jobs = life.ask("republish", "1.0.1")
    assert ended.done, (ended.reply, jobs)
    assert {name: code for name, (code, _) in jobs.items()} == {
        VERIFY: 0, BUILD: 0, SMOKE: 0, PROMOTE: NOTHING_TO_PROMOTE
    }  # fmt: skip
    assert f"The same bytes: 1.0.1 is {second} again." in jobs[PROMOTE][1]
    assert life.tags() == published
    assert "is back, the same image as before" in ended.reply
    assert "of its recorded lock, to the same bytes" in ended.reply

"""A version whose image is gone comes back to the same bytes by its recorded lock: real layers, registry, GitLab."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.registry import Manifest, Registry
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.adapters.withdrawn import ensure_record, fetch_kept, fetch_record
from bot.ci.job import NOTHING_TO_PROMOTE
from bot.domain.environments import Environment
from bot.domain.gitlab import Project
from bot.domain.image_start import RUNTIME
from bot.domain.jobs import Follow, Withdraw
from bot.domain.pipeline import BUILD, PROMOTE, SMOKE, VERIFY, PipelineSettings
from bot.domain.rebuild import REPUBLISH
from bot.domain.withdrawal import Withdrawn
from bot.follow import follow
from bot.layers.lock import dump_lock
from bot.layers.trust.attest import fetch_lock_of
from bot.rebuilding import read_end, withdraw
from bot.rebuilds import is_rebuild
from bot.world import World
from sandbox.gitlab import DEVELOPER, MAINTAINER, REPORTER, Sandbox, Trouble, User
from sandbox.gitlab.trouble import refuse
from sandbox.registry import RegistryServer
from tests.building.golden import push_base, push_index
from tests.ci.samples import dotenv, publishable, variables
from tests.ci.several import LAUNCHED
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
        return self.address(self.alice)

    def address(self, user: User) -> str:
        host = self.sandbox.url.removeprefix("http://")
        return f"http://{user.username}:{user.token}@{host}/{self.project.path}.git"

    def offer(self, version: str) -> None:
        """A package appears on the index."""
        wheel = Recipe({"noises/__init__.py": version.encode()}, name="noises", version=version)
        made = Shelf(wheel.write(self.folder).read_bytes())
        self.index.packages.setdefault("noises", {})[wheel.filename] = made

    def push(self, files: dict[str, str | bytes] | None = None, user: User | None = None) -> str:
        """Somebody pushes, and the bot's file with it; gives the commit that is published."""
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
        self.repository.git("push", "-q", self.address(user or self.alice), "main")
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

    def publish(self, files: dict[str, str | bytes] | None = None, user: User | None = None) -> str:
        """A commit becomes a version; gives the image's digest."""
        sha = self.push(files, user)
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

    def kept_bytes(self, tag: str) -> int:
        """How much the registry keeps for what a tag leads to."""
        return sum(part["size"] for part in json.loads(self.fetch(tag).content)["layers"])

    def lock_of(self, digest: str) -> bytes:
        """The lock that an image was made from."""
        lock = fetch_lock_of(self.world.registry(""), self.project.registry_path, self.fetch(digest))
        assert lock is not None
        return dump_lock(lock)

    def record_sha(self) -> str:
        """The commit of the version that was taken back."""
        record = fetch_record(
            self.world.registry(""), self.project.registry_path, self.fetch("withdrawn-1.0.1")
        )
        assert record is not None
        return record.sha

    def starts(self, digest: str) -> list[str]:
        """The words that start an image."""
        held, path = self.world.registry(""), self.project.registry_path
        config = json.loads(self.fetch(digest).content)["config"]["digest"]
        words: list[str] = json.loads(held.read_blob(path, config) or b"")["config"]["Entrypoint"]
        return words

    def fetch(self, reference: str) -> Manifest:
        found = self.world.registry("").fetch_manifest(self.project.registry_path, reference)
        assert found is not None
        return found

    def ask(
        self, action: str, version: str, user: User | None = None, tries: int = 1
    ) -> tuple[Withdrawn, dict[str, tuple[int, str]]]:
        """Somebody asks by the API; gives how it ended, and what the jobs of its pipeline did.

        `tries`: so often each step is done, as after a worker's death at its end.
        """
        key = uuid.uuid4().hex
        asked = Withdraw(self.project.id, "main", version, action, (user or self.alice).id, key=key)
        jobs: dict[str, tuple[int, str]] = {}
        waiting = [asked]
        while waiting:
            job = waiting.pop()
            if job.pipeline_id and not jobs:
                assert is_rebuild(self.project.id, job.pipeline_id, self.world)
                assert follow(Follow(job.project_id, "main", "a" * 40, job.pipeline_id), self.world) == ()
                jobs = self.run_pipeline(job.pipeline_id)
            for _ in range(tries):
                following = withdraw(job, self.world)
            waiting = [later.job for later in following if isinstance(later.job, Withdraw)]
        ended = read_end(key, self.world)
        assert ended is not None
        return ended, jobs

    def started(self) -> int:
        """How many pipelines were started by the API."""
        return sum(one.source == "api" for one in self.sandbox.pipelines(self.project.id))


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


def put_record(life: Life, tag: str, changed: Callable[[bytes], bytes]) -> None:
    """Somebody who may push puts another lock into a record."""
    hands, path = life.world.registry(life.registry.address), life.project.registry_path
    held = hands.fetch_manifest(path, tag)
    assert held is not None
    record, kept = fetch_record(hands, path, held), fetch_kept(hands, path, held)
    assert record is not None
    assert kept is not None
    locks = {image: changed(lock) for image, lock in kept.locks.items()}
    life.registry.delete_tag(path, tag)
    ensure_record(hands, path, (tag,), record, replace(kept, locks=locks))


@pytest.mark.parametrize("tries", [1, 2])
def test_what_garbage_collection_took_comes_back_to_the_same_digest(life: Life, tries: int) -> None:
    life.offer("1.0")
    first = life.publish()
    life.offer("2.0")
    newer = f"--index-url {life.index.simple}\nnoises>=2\n"
    second = life.publish({"notes.txt": "newer", "requirements.txt": newer})
    published = life.tags()
    assert (published["1.0.1"], published["latest"]) == (second, second)

    # newer packages may come: the recorded lock counts
    life.offer("3.0")
    assert life.ask("unpublish", "1.0.1", tries=tries)[0].done
    assert life.tags() == {"1": first, "1.0.0": first, "latest": first, "main-1": first}
    life.clean_up()
    assert life.kept_bytes("withdrawn-1.0.1") < 64 * 1024

    ended, jobs = life.ask("republish", "1.0.1", tries=tries)
    assert ended.done, (ended.reply, jobs)
    assert {name: code for name, (code, _) in jobs.items()} == {
        VERIFY: 0, BUILD: 0, SMOKE: 0, PROMOTE: NOTHING_TO_PROMOTE
    }  # fmt: skip
    assert f"The same bytes: 1.0.1 is {second} again." in jobs[PROMOTE][1]
    assert life.tags() == published
    assert life.started() == 1
    if tries == 1:
        assert "is back, the same image as before" in ended.reply
        assert "of its recorded lock, to the same bytes" in ended.reply


def test_a_pipeline_that_gitlab_does_not_start_is_not_looked_for_ever_after(life: Life) -> None:
    life.offer("1.0")
    life.publish()
    life.ask("unpublish", "1.0.0")
    life.clean_up()
    moods = Trouble()
    life.sandbox.moods = moods
    moods.on("POST", "/projects/:id/pipeline", refuse(403))
    assert not life.ask("republish", "1.0.0")[0].done
    life.sandbox.clear_log()
    assert not is_rebuild(life.project.id, 10**6, life.world)
    assert life.sandbox.requests == []


def test_an_image_for_two_platforms_comes_back_to_the_same_digest(life: Life) -> None:
    with Registry(life.base.partition("/")[0], pauses=()) as bases:
        digests = {
            f"linux/{arch}": push_base(bases, "bases/both", arch, arch.encode(), arch)
            for arch in ("amd64", "arm64")
        }
        life.base = (
            f"{life.base.partition('/')[0]}/bases/both@{push_index(bases, 'bases/both', '3.12', digests)}"
        )
    life.platforms = ("linux/amd64", "linux/arm64")
    life.offer("1.0")
    digest = life.publish()
    published = life.tags()
    life.ask("unpublish", "1.0.0")
    life.clean_up()
    ended, jobs = life.ask("republish", "1.0.0")
    assert ended.done, (ended.reply, jobs)
    assert life.tags() == published
    assert published["1.0.0"] == digest


@pytest.mark.parametrize("kind", LAUNCHED)
def test_an_image_that_starts_with_files_of_ours_comes_back_to_the_same_digest(life: Life, kind: str) -> None:
    digest = life.publish({**LAUNCHED[kind], "requirements.txt": ""})
    assert life.starts(digest)[1].startswith(f"{RUNTIME}/")
    published = life.tags()
    life.ask("unpublish", "1.0.0")
    life.clean_up()
    ended, jobs = life.ask("republish", "1.0.0")
    assert ended.done, (ended.reply, jobs)
    assert life.tags() == published
    assert published["1.0.0"] == digest


def test_another_image_is_not_published_and_what_differs_is_named(life: Life) -> None:
    digests = []
    for version in ("1.0", "2.0", "3.0"):
        life.offer(version)
        digests.append(
            life.publish({"requirements.txt": f"--index-url {life.index.simple}\nnoises=={version}\n"})
        )
    lock = life.lock_of(digests[2])
    life.ask("unpublish", "1.0.1")
    put_record(life, "withdrawn-1.0.1", lambda _: lock)
    life.clean_up()
    before = life.tags()
    ended, jobs = life.ask("republish", "1.0.1")
    assert not ended.done
    assert (jobs[BUILD][0], jobs[PROMOTE][0]) == (0, 1)
    assert life.tags() == before
    assert "its image is another one, so nothing was published" in ended.reply
    assert "layer 3 (noises 2.0): sha256:" in ended.reply
    # nothing of it stays, and it can be asked for again
    assert not any(tag.startswith("c-" + life.record_sha()) for tag in life.registry.tags("lab/noise"))
    assert not life.ask("republish", "1.0.1")[0].done


def test_a_package_that_is_gone_is_told_and_nothing_is_published(life: Life) -> None:
    life.offer("1.0")
    life.publish()
    life.ask("unpublish", "1.0.0")
    life.clean_up()
    life.index.packages.clear()
    ended, jobs = life.ask("republish", "1.0.0")
    assert not ended.done
    assert jobs[BUILD][0] == 1
    assert "could not build it once more" in ended.reply
    assert life.tags() == {}


def test_gitlab_that_starts_no_pipeline_is_told(life: Life) -> None:
    life.offer("1.0")
    life.publish()
    life.ask("unpublish", "1.0.0")
    life.clean_up()
    life.repository.git("rm", "-q", "mlreef.yml")
    life.repository.commit()
    life.repository.git("push", "-q", life.url, "main")
    ended, jobs = life.ask("republish", "1.0.0")
    assert (ended.done, jobs) == (False, {})
    assert "GitLab does not start the pipeline" in ended.reply


def test_who_sets_the_variable_themselves_publishes_nothing(life: Life) -> None:
    life.offer("1.0")
    digest = life.publish()
    sha = life.repository.git("rev-parse", "HEAD")
    life.ask("unpublish", "1.0.0")
    life.clean_up()
    dora = life.sandbox.create_user("dora")
    life.sandbox.add_member(life.project.id, dora, MAINTAINER)
    forge = Forge(GitlabClient(life.sandbox.url, dora.token, 5))
    started = forge.create_pipeline(life.project.id, "main", {REPUBLISH: "1.0.0"})
    jobs = life.run_pipeline(started.id)
    assert jobs[PROMOTE][0] == NOTHING_TO_PROMOTE
    assert f"1.0.0 is {digest} again" in jobs[PROMOTE][1]
    assert life.tags() == {}
    # and the usual pipeline of that commit does not, either
    assert life.job("build", sha, life.repository)[0] == 0
    code, log = life.job("promote", sha, life.repository, **dotenv(life.repository.path, "build.env"))
    assert code == NOTHING_TO_PROMOTE
    assert "was taken back as 1.0.0" in log
    assert life.tags() == {}


@pytest.mark.parametrize("version", ["1.0.0", "main-1", "main-7", "no version", "../../x"])
def test_a_version_that_nobody_took_back_is_not_built_once_more(life: Life, version: str) -> None:
    life.offer("1.0")
    life.publish()
    sha = life.repository.git("rev-parse", "HEAD")
    published = life.tags()
    for name in ("verify", "build", "promote"):
        code, log = life.job(name, sha, life.repository, **{REPUBLISH: version})
        assert code == 2, log
        assert "start a pipeline without it" in log
    assert life.tags() == published


def test_maintainers_may_and_developers_for_what_they_pushed(life: Life) -> None:
    dora, eve = life.sandbox.create_user("dora"), life.sandbox.create_user("eve")
    for user in (dora, eve):
        life.sandbox.add_member(life.project.id, user, DEVELOPER)
    life.offer("1.0")
    life.publish()
    # only Maintainers push to the protected branch
    life.sandbox.add_member(life.project.id, eve, MAINTAINER)
    life.publish({"notes.txt": "of eve"}, eve)
    life.sandbox.add_member(life.project.id, eve, DEVELOPER)
    published = life.tags()
    for version, user in (("1.0.0", eve), ("1.0.1", dora)):
        refused, _ = life.ask("unpublish", version, user)
        assert not refused.done
        assert "is for Maintainers and above, and Developers for what they pushed" in refused.reply
    assert life.tags() == published
    assert life.ask("unpublish", "1.0.1", eve)[0].done
    assert not life.ask("republish", "1.0.1", dora)[0].done
    life.sandbox.add_member(life.project.id, eve, REPORTER)
    assert not life.ask("republish", "1.0.1", eve)[0].done
    assert life.ask("republish", "1.0.1")[0].done
    assert life.tags() == published


def test_what_was_asked_for_elsewhere_is_told_on_the_versions_commit(life: Life) -> None:
    life.offer("1.0")
    life.publish()
    sha = life.repository.git("rev-parse", "HEAD")
    life.ask("unpublish", "1.0.0")
    [comment] = life.sandbox.comments(life.project.id, sha)
    assert "Version `1.0.0` is taken back" in comment.body
    assert "Asked for by `alice`." in comment.body

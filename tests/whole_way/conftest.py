"""The whole way on real parts: real git and HTTP, the real service as its own process, the sandbox for GitLab.

Jobs of pipelines are ended by hand here, and what they would have pushed is put into the registry, so that every
outcome can be had; the demo and the tests of the jobs run them for real.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests
import yaml
from werkzeug.wrappers import Response

from bot.domain.pipeline import PROMOTE
from bot.domain.steps import PUBLISH_STATUS
from bot.domain.tags import MODULE_LABEL, REVISION_LABEL, candidate_tag, version_tag
from sandbox.demo.children import free_port
from sandbox.demo.stage import Images, environment
from sandbox.gitlab import DEVELOPER, MAINTAINER, Project, Sandbox, Trouble, User
from sandbox.gitlab.core import LoggedRequest
from sandbox.gitlab.moods import Asked
from sandbox.gitlab.state import Job, Pipeline
from sandbox.registry import RegistryServer

SECRET = "a-webhook-secret-of-the-tests"
GRACE_SECONDS = 1.0
SOON = 40.0

SCRIPT = '''\
"""Adds noise."""
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--output-path", required=True)
parser.add_argument("--mode", default="gaussian", choices=["gaussian", "speckle"])

if __name__ == "__main__":
    parser.parse_args()
'''
STAND_INS = Images("mlreef-bot:test", "python:3.12-slim", "3.12")
"""Where no job runs, no image is needed."""

FILES = {"add_noise.py": SCRIPT, "requirements.txt": "numpy==2.1\n"}


class Mood(Trouble):
    """Good, until a test scripts an answer for a route, or a mishap."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[str, str, object]] = []

    def once(self, method: str, route: str, script: object) -> None:
        """Next time this is asked, `script(answer)` answers in its place."""
        self.scripts.append((method, route, script))

    def on_request(self, asked: Asked, answer: object) -> Response:
        for planned in self.scripts:
            method, route, script = planned
            if asked.user == "mlreef-bot" and asked.method == method and asked.route.endswith(route):
                self.scripts.remove(planned)
                return script(answer)  # type: ignore[operator, no-any-return] # a test's own function
        return super().on_request(asked, answer)  # type: ignore[arg-type] # see Moods


@dataclass
class World:
    """Everything that is up, and its people."""

    sandbox: Sandbox
    registry: RegistryServer
    mood: Mood
    alice: User
    bot: User
    hook_url: str
    log: Path
    names: Iterator[str] = field(default_factory=lambda: (f"add-noise-{n}" for n in range(1, 10_000)))

    def command(self, *arguments: str) -> None:
        """An operator's command beside the running service."""
        run = [sys.executable, "-m", "bot", *arguments, "--config", str(self.log.with_name("config.yaml"))]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MLREEF_")}
        subprocess.run(run, check=True, env=environ, capture_output=True, timeout=30)

    def project(
        self,
        files: Mapping[str, str | bytes | None] | None = None,
        *,
        ci_config_path: str | None = "mlreef.yml",
        bot_level: int = MAINTAINER,
        **hook: bool,
    ) -> Way:
        """A project with a hook whose first push is still to come."""
        path = f"lab/{next(self.names)}"
        project = self.sandbox.create_project(
            path,
            self.alice,
            default_branch="master",
            ci_config_path=ci_config_path,
            files={"README.md": "Hi\n"},
        )
        self.sandbox.add_member(project.id, self.bot, bot_level)
        self.sandbox.add_hook(project.id, self.hook_url, token=SECRET, **hook)
        way = Way(self, project)
        if files is not None:
            way.push(files)
        return way


@dataclass
class Way:
    """One project, and what the tests look at in it."""

    world: World
    project: Project

    @property
    def sandbox(self) -> Sandbox:
        return self.world.sandbox

    def push(
        self, files: Mapping[str, str | bytes | None], message: str = "Work", branch: str | None = None
    ) -> str:
        """Alice commits and pushes; a branch that is not there begins at master."""
        start = None if branch and self.sandbox.head(self.project.id, branch) else "master"
        return self.sandbox.commit(
            self.project.id, self.world.alice, files, message, branch=branch, start_branch=start
        )

    def merge(self, files: Mapping[str, str | bytes | None], branch: str = "work") -> int:
        """Alice opens a merge request with a change and merges it; gives its iid."""
        iid = self.open(files, branch)
        self.ask("PUT", f"merge_requests/{iid}/merge")
        return iid

    def open(
        self, files: Mapping[str, str | bytes | None], branch: str = "work", target: str = "master"
    ) -> int:
        """Alice opens a merge request with a change; gives its iid."""
        self.push(files, branch=branch)
        made = self.ask(
            "POST",
            "merge_requests",
            {"source_branch": branch, "target_branch": target, "title": "Work"},
        )
        return int(made["iid"])

    def ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None, user: User | None = None
    ) -> dict[str, Any]:
        """Somebody, Alice if nobody else, asks something of the project's API."""
        answer = requests.request(
            method,
            f"{self.sandbox.url}/api/v4/projects/{self.project.id}/{path}",
            json=body,
            headers={"PRIVATE-TOKEN": (user or self.world.alice).token},
            timeout=10,
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def head(self, branch: str | None = None) -> str:
        found = self.sandbox.head(self.project.id, branch)
        assert found is not None
        return found

    def file(self, revision: str | None = None) -> bytes | None:
        return self.sandbox.read_file(self.project.id, "mlreef.yml", revision)

    def bot_commit(self) -> str:
        """The head, once the bot's commit is it."""
        return self.sandbox.wait_for(
            lambda: self.head() if self.file() is not None and self.is_by_bot(self.head()) else None,
            SOON,
            "the bot's commit",
        )

    def is_by_bot(self, sha: str) -> bool:
        return self.commit(sha)["author_name"] == self.world.bot.name

    def commit(self, sha: str) -> dict[str, object]:
        url = f"{self.sandbox.url}/api/v4/projects/{self.project.id}/repository/commits/{sha}"
        answer = requests.get(url, headers={"PRIVATE-TOKEN": self.world.alice.token}, timeout=10)
        found: dict[str, object] = answer.json()
        return found

    def pipeline(self, sha: str) -> Pipeline:
        """The commit's own pipeline, once there is one."""
        return self.sandbox.wait_for(
            lambda: next(
                (
                    p
                    for p in self.sandbox.pipelines(self.project.id, sha)
                    if p.source != "external" and p.status != "skipped"
                ),
                None,
            ),
            SOON,
            "the pipeline",
        )

    def status(self, sha: str, state: str, seconds: float = SOON) -> Job:
        """The bot's status in that state, once it is there."""
        return self.sandbox.wait_for(
            lambda: next((s for s in self.statuses(sha)[-1:] if s.status == state), None),
            seconds,
            f"the status {state}",
        )

    def statuses(self, sha: str) -> list[Job]:
        return self.sandbox.statuses(self.project.id, sha, PUBLISH_STATUS)

    def push_image(
        self, sha: str, number: int, latest: bool = True, version: str = "", module: str = ""
    ) -> str:
        """What build and promote would have pushed, with the module's label where it is given; gives the digest."""
        labels = {REVISION_LABEL: sha} | ({MODULE_LABEL: module} if module else {})
        config = json.dumps({"config": {"Labels": labels}}).encode()
        repository = self.project.full_path.lower()
        base = f"{self.world.registry.url}/v2/{repository}"
        login = requests.get(
            f"{self.sandbox.url}/jwt/auth",
            params={"service": "container_registry", "scope": f"repository:{repository}:pull,push"},
            auth=(self.world.alice.username, self.world.alice.token),
            timeout=10,
        )
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {login.json()['token']}"
        digest = "sha256:" + hashlib.sha256(config).hexdigest()
        upload = session.post(f"{base}/blobs/uploads/", timeout=10).headers["Location"]
        upload = upload if upload.startswith("http") else f"{self.world.registry.url}{upload}"
        session.put(upload, params={"digest": digest}, data=config, timeout=10).raise_for_status()
        media = "application/vnd.oci.image.manifest.v1+json"
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": media,
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "size": len(config),
                    "digest": digest,
                },
                "layers": [],
            }
        ).encode()
        tags = [candidate_tag(sha), version_tag("master", number), *([version] if version else [])]
        tags += ["latest"] if latest else []
        for tag in tags:
            put = session.put(
                f"{base}/manifests/{tag}", data=manifest, headers={"Content-Type": media}, timeout=10
            )
            put.raise_for_status()
        return "sha256:" + hashlib.sha256(manifest).hexdigest()

    def publish(self, sha: str, number: int, version: str = "", module: str = "") -> str:
        """Play the commit's pipeline to a good end; gives the digest, once the bot has told of it."""
        pipeline = self.pipeline(sha)
        digest = self.push_image(sha, number, version=version, module=module)
        self.sandbox.play_pipeline(pipeline.id)
        self.status(sha, "success")
        return digest

    def rest(self) -> None:
        """Until nothing is under way: no hook, no job of the bot's that could start within its grace."""
        self.sandbox.wait_idle()
        seen = -1
        while seen != (seen := len(self.calls())):
            time.sleep(GRACE_SECONDS + 0.7)

    def calls(self) -> list[LoggedRequest]:
        """What the bot asked GitLab about this project."""
        own = (f"/projects/{self.project.id}/", f"/projects/{self.project.id}?", "/graphql")
        exact = f"/projects/{self.project.id}"
        return [
            call
            for call in self.sandbox.calls(self.world.bot)
            if call.path.endswith(exact) or any(part in call.path for part in own)
        ]

    def writes(self) -> list[tuple[str, str]]:
        """The bot's writes: method and route."""
        return [
            (c.method, c.route)
            for c in self.calls()
            if c.method not in ("GET", "HEAD") and "graphql" not in c.route
        ]

    def comments(self, sha: str) -> list[str]:
        return [note.body for note in self.sandbox.comments(self.project.id, sha)]

    def comment(self, sha: str) -> str:
        return self.sandbox.wait_for(lambda: (self.comments(sha) or [None])[-1], SOON, "the comment")

    def notes(self, iid: int) -> list[str]:
        return [
            note.body
            for note in self.sandbox.notes(self.project.id, iid)
            if note.author_id == self.world.bot.id
        ]

    def finish(self, sha: str, job_name: str, status: str, **more: object) -> None:
        """End one job of the commit's pipeline, those before it with success."""
        pipeline = self.pipeline(sha)
        for job in self.sandbox.jobs(pipeline.id):
            if job.name == job_name:
                self.sandbox.finish_job(job.id, status, **more)  # type: ignore[arg-type] # passed through
                return
            self.sandbox.finish_job(job.id, "success")


@contextmanager
def all_up(folder: Path, **settings: Mapping[str, object]) -> Iterator[tuple[World, serving]]:
    """A GitLab, a registry and the bot between them, by themselves, so that a test may kill the bot."""
    mood = Mood()
    with (
        RegistryServer(folder / "registry") as registry,
        Sandbox(folder / "gitlab", registry=registry, moods=mood) as sandbox,
    ):
        alice, bot = (
            sandbox.create_user("alice"),
            sandbox.create_user("mlreef-bot", bot=True, name="MLReef bot"),
        )
        listen = f"127.0.0.1:{free_port()}"
        log = folder / "bot.log"
        with serving(folder, sandbox.url, bot.token, listen, log, **settings) as service:
            yield World(sandbox, registry, mood, alice, bot, f"http://{listen}/webhooks/gitlab", log), service
        assert sandbox.complaints == []


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with all_up(tmp_path_factory.mktemp("whole-way")) as (world, _service):
        yield world


@pytest.fixture(autouse=True)
def in_a_good_mood(world: World) -> Iterator[None]:
    yield
    left, world.mood.scripts = [*world.mood.scripts, *world.mood.left], []
    world.mood.clear()
    assert left == [], "a scripted answer was never asked for"


class serving:
    """`mlreef-bot serve` as a process of its own; `kill` and `start` it again as a test likes."""

    def __init__(
        self,
        folder: Path,
        gitlab_url: str,
        token: str,
        listen: str,
        log: Path,
        images: Images = STAND_INS,
        timeout_seconds: float = 5,
        grace_seconds: float = GRACE_SECONDS,
        **more: Mapping[str, object],
    ) -> None:
        (folder / "token").write_text(token)
        (folder / "secret").write_text(SECRET)
        config: dict[str, Any] = {
            "gitlab": {
                "url": gitlab_url,
                "token_file": str(folder / "token"),
                "timeout_seconds": timeout_seconds,
            },
            "webhook": {"listen": listen, "secrets_file": str(folder / "secret"), "processes": 1},
            "database": {"url": f"sqlite:///{folder / 'bot.db'}"},
            "environments": [
                {
                    "name": "python",
                    "image": images.base,
                    "python": images.python,
                    "executable": environment(images).executable,
                }
            ],
            "builder": {"image": images.bot, "engines": [images.engine]},
            "pipeline": {"grace_seconds": grace_seconds},
            "publish": {"branches": ["release"]},
            "experiments": {"mlflow": True},
        }
        for section, values in {"wizard": {"open": "never"}, **more}.items():
            config[section] = {**config.get(section, {}), **values}
        self.config = folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(config))
        self.ready_url = f"http://{listen}/readyz"
        self.log = log

    def __enter__(self) -> serving:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)

    def start(self) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MLREEF_")}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bot", "serve", "--config", str(self.config)],
                stderr=output,
                env=environ,
            )
        until, waiting = time.monotonic() + 30, Event()
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            with suppress(requests.RequestException):
                if requests.get(self.ready_url, timeout=2).status_code == 200:
                    return
            waiting.wait(0.1)
        raise AssertionError(self.log.read_text()[-3000:])


__all__ = ["DEVELOPER", "FILES", "PROMOTE", "SCRIPT", "Way", "World", "serving"]

"""The generated file, run job by job by a real CI executor in real containers."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests

from bot.domain.pipeline import BUILD, JOB_NAMES, PATH, PROMOTE, SMOKE, VERIFY
from bot.domain.templates import TEMPLATES
from ci_templates import mlopen_files
from sandbox.executor import GitlabCiLocal
from sandbox.node import ensure_helper_image, ensure_tools
from tests.ci.samples import SCRIPT, publishable, settings, variables
from tests.ci.world import Answer, Repository, server

pytestmark = [pytest.mark.engine, pytest.mark.executor]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def bots_image(base: str) -> str:
    """The bot's own image, made from this working copy."""
    name = "mlreef-bot:test"
    subprocess.run(
        [
            "docker",
            "build",
            "--quiet",
            "--pull=false",
            "--build-arg",
            f"BASE={base}",
            "--tag",
            name,
            str(ROOT),
        ],
        check=True,
        capture_output=True,
    )
    return name


def test_the_bots_image_begins_repositories_and_holds_what_runs_control_files(bots_image: str) -> None:
    begin = "; ".join(
        f"mlreef-bot init --template {name} /tmp/{name} && mlreef-bot check /tmp/{name}" for name in TEMPLATES
    )
    held = "python -c 'import ci_templates, json; print(json.dumps(sorted(ci_templates.mlopen_files())))'"
    said = subprocess.run(
        ["docker", "run", "--rm", "--network=none", bots_image, "sh", "-euc", f"{begin}; {held}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert said.count("This can be published.") == len(TEMPLATES)
    assert json.loads(said[-1]) == sorted(mlopen_files())


@dataclass
class Runner:
    """Runs the pipeline of a commit in a project of its own."""

    repository: Repository
    executor: GitlabCiLocal
    image: str
    api: str
    url: str
    builder: str
    base: str

    def commit(self, files: dict[str, str | bytes] | None = None) -> str:
        return publishable(self.repository, files, replace(settings(self.base), builder_image=self.builder))

    def run(self, sha: str) -> tuple[dict[str, int], dict[str, str]]:
        """Exit codes and logs of the jobs that ran; after a failure that is not allowed no more do."""
        given = {
            **variables(self.repository, sha, self.image),
            "CI_COMMIT_REF_SLUG": "main",
            "CI_PIPELINE_SOURCE": "push",
            "CI_REPOSITORY_URL": self.url,
            "CI_API_V4_URL": self.api,
            "CI_PROJECT_ID": "7",
            "CI_JOB_TOKEN": "secret-job-token",
        }
        for name in ("PATH", "CI_PROJECT_DIR", "MLREEF_BUILDER"):
            del given[name]
        plan = self.executor.plan(self.repository.path, PATH, given)
        assert plan.errors == ()
        assert tuple(job.name for job in plan.jobs) == JOB_NAMES
        codes: dict[str, int] = {}
        logs: dict[str, str] = {}
        for job in plan.jobs:
            said: list[bytes] = []
            codes[job.name] = self.executor.run(
                self.repository.path, PATH, job.name, given, said.append, threading.Event()
            )
            logs[job.name] = b"".join(said).decode("utf-8", "replace")
            if codes[job.name] not in {0, *job.allow_failure_exit_codes}:
                break
        return codes, logs

    def tags(self) -> list[str]:
        host, _, path = self.image.partition("/")
        answer = requests.get(f"http://{host}/v2/{path}/tags/list", timeout=10).json()
        # what is attached to an image has a tag of its own where a registry knows no referrers
        return sorted(tag for tag in answer.get("tags") or [] if not tag.startswith("sha256-"))


@contextmanager
def git_server(repository: Repository) -> Iterator[str]:
    """The repository's URL for those who do not see this machine's files."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    repository.git("config", "uploadpack.allowFilter", "true")
    listen = ("--listen=127.0.0.1", f"--port={port}", "--reuseaddr")
    where = f"--base-path={repository.path.parent}"
    daemon = subprocess.Popen(["git", "daemon", "--export-all", *listen, where], stderr=subprocess.DEVNULL)
    try:
        yield f"git://127.0.0.1:{port}/{repository.path.name}/.git"
    finally:
        daemon.terminate()
        daemon.wait(20)


@pytest.fixture
def runner(repository: Repository, registry: str, base: str, bots_image: str) -> Iterator[Runner]:
    executor = GitlabCiLocal(ensure_tools(), helper_image=ensure_helper_image(base))
    image = f"{registry}/group/w-{uuid.uuid4().hex[:12]}"
    repository.git("remote", "add", "origin", repository.path.as_uri())
    with server(lambda _: Answer(200, b"[]")) as (api, _), git_server(repository) as url:
        yield Runner(repository, executor, image, f"{api}/api/v4", url, bots_image, base)
    for tag in subprocess.run(
        ["docker", "image", "ls", "--quiet", image], capture_output=True, check=True, text=True
    ).stdout.split():
        subprocess.run(["docker", "image", "rm", "--force", tag], capture_output=True, check=False)


def test_a_commit_with_the_right_file_is_published(runner: Runner) -> None:
    sha = runner.commit()
    codes, logs = runner.run(sha)
    assert codes == dict.fromkeys(JOB_NAMES, 0), logs
    assert "is what this commit gives" in logs[VERIFY]
    assert "3/4  Pushing the candidate" in logs[BUILD]
    assert "  ok mode" in logs[SMOKE]
    assert f"Published {runner.image}:main-1" in logs[PROMOTE]
    assert runner.tags() == ["1", "1.0.0", f"c-{sha}", "latest", "main-1"]


def test_a_repository_with_a_dockerfile_of_its_own_is_built_tried_and_published(runner: Runner) -> None:
    own = "ARG MLREEF_BASE\nFROM ${MLREEF_BASE}\nWORKDIR /srv\nCOPY main.py .\nUSER 4242\n"
    sha = runner.commit({"Dockerfile": own})
    codes, logs = runner.run(sha)
    assert codes == dict.fromkeys(JOB_NAMES, 0), logs
    assert "has a Dockerfile of its own" in logs[BUILD]
    assert "python /srv/main.py" in logs[SMOKE]
    assert "  ok mode" in logs[SMOKE]
    assert runner.tags() == ["1", "1.0.0", f"c-{sha}", "latest", "main-1"]


def test_a_push_with_the_old_file_ends_in_green_and_publishes_nothing(runner: Runner) -> None:
    runner.commit()
    stale = runner.repository.commit({"main.py": SCRIPT.replace("0.5", "0.7")})
    codes, logs = runner.run(stale)
    assert codes == {VERIFY: 0, BUILD: 0, SMOKE: 0, PROMOTE: 75}, logs
    assert "earlier state" in logs[VERIFY]
    assert (
        requests.get(f"http://{runner.image.replace('/', '/v2/', 1)}/tags/list", timeout=10).status_code
        == 404
    )


def test_a_script_that_refuses_what_was_read_from_it_is_not_promoted(runner: Runner) -> None:
    # The reader runs nothing, so it believes the call; at run time the choices are others.
    taken_away = SCRIPT.replace(
        "    args = parser",
        "    exec(\"parser._actions[3].choices = ['other']\")\n    args = parser",
    )
    codes, logs = runner.run(runner.commit({"main.py": taken_away}))
    assert codes.get(SMOKE) == 1, json.dumps(logs)
    assert "  no mode: it ended with exit code 2" in logs[SMOKE]
    assert "main-1" not in runner.tags()

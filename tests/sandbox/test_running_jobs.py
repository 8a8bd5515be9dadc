"""Jobs run by an executor, here a script of the test: what they are given, what becomes of their ends."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import gitlab
import pytest
import requests

from sandbox.gitlab import Project, Sandbox, User
from sandbox.gitlab.quick_plan import quick_plan
from sandbox.plan import NOT_RUN, PipelinePlan

Output = Callable[[bytes], None]


@dataclass
class Script:
    """Runs nothing: a function for each job name stands for what it would do; others succeed."""

    jobs: dict[str, Callable[[Path, Mapping[str, str], Output, threading.Event], int]] = field(
        default_factory=dict
    )
    ran: list[str] = field(default_factory=list)
    seen: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def plan(self, checkout: Path, config_file: str, variables: Mapping[str, str]) -> PipelinePlan:
        return quick_plan((checkout / config_file).read_bytes(), variables)

    def run(
        self,
        checkout: Path,
        config_file: str,
        job: str,
        variables: Mapping[str, str],
        output: Output,
        cancelled: threading.Event,
    ) -> int:
        self.ran.append(job)
        self.seen[job] = variables
        return self.jobs.get(job, lambda *_: 0)(checkout, variables, output, cancelled)


@pytest.fixture
def script(sandbox: Sandbox) -> Script:
    made = Script()
    sandbox.core.runner.executor = made
    return made


def pipeline_of(sandbox: Sandbox, project: Project, sha: str) -> int:
    found = sandbox.wait_for(lambda: sandbox.pipelines(project.id, sha), what="the pipeline")
    return sandbox.wait_pipeline(found[0].id, 30).id


def test_jobs_run_in_their_order_with_what_gitlab_predefines(
    sandbox: Sandbox, script: Script, project: Project, alice: User
) -> None:
    sha = sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"}, "Say two")
    number = pipeline_of(sandbox, project, sha)
    assert script.ran == ["check", "make-image"]
    seen = script.seen["make-image"]
    expected = {
        "CI_COMMIT_SHA": sha,
        "CI_COMMIT_SHORT_SHA": sha[:8],
        "CI_COMMIT_BRANCH": "main",
        "CI_COMMIT_REF_SLUG": "main",
        "CI_COMMIT_TITLE": "Say two",
        "CI_DEFAULT_BRANCH": "main",
        "CI_PIPELINE_ID": str(number),
        "CI_PIPELINE_SOURCE": "push",
        "CI_CONFIG_PATH": "mlreef.yml",
        "CI_JOB_NAME": "make-image",
        "CI_PROJECT_ID": str(project.id),
        "CI_PROJECT_PATH": "vision/noise",
        "CI_PROJECT_NAME": "noise",
        "CI_API_V4_URL": f"{sandbox.url}/api/v4",
        "GITLAB_USER_LOGIN": "alice",
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert seen["CI_REPOSITORY_URL"].startswith("http://gitlab-ci-token:")
    assert "CI_COMMIT_TAG" not in seen
    assert "CI_REGISTRY" not in seen


def test_a_job_sees_its_commit_and_may_fetch_and_read_with_its_token(
    sandbox: Sandbox, script: Script, project: Project, alice: User
) -> None:
    facts: dict[str, object] = {}

    def look(checkout: Path, variables: Mapping[str, str], output: Output, _: threading.Event) -> int:
        def git(*arguments: str) -> str:
            done = subprocess.run(
                ["git", "-C", str(checkout), *arguments], check=True, capture_output=True, text=True
            )
            return done.stdout.strip()

        facts["head"] = git("rev-parse", "HEAD")
        facts["origin"] = git("remote", "get-url", "origin")
        facts["refs"] = git("ls-remote", variables["CI_REPOSITORY_URL"])
        address = f"{variables['CI_API_V4_URL']}/projects/{variables['CI_PROJECT_ID']}/deployments"
        got = requests.get(address, headers={"JOB-TOKEN": variables["CI_JOB_TOKEN"]}, timeout=10)
        facts["deployments"] = got.status_code
        facts["token"] = variables["CI_JOB_TOKEN"]
        output(b"looked\n")
        return 0

    script.jobs["check"] = look
    sha = sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"})
    number = pipeline_of(sandbox, project, sha)
    assert (facts["head"], facts["deployments"]) == (sha, 200)
    assert facts["origin"] == sandbox.git_url(project.id)
    assert f"{sha}\trefs/heads/main" in str(facts["refs"])
    assert bytes(sandbox.job(number, "check").trace) == b"looked\n"
    dead = gitlab.Gitlab(sandbox.url, job_token=str(facts["token"]))
    with pytest.raises(gitlab.GitlabAuthenticationError):
        dead.projects.get(project.id, lazy=True).deployments.list(get_all=True)


def test_a_job_that_fails_breaks_or_cannot_run_says_which(
    sandbox: Sandbox, script: Script, project: Project, alice: User
) -> None:
    def explode(*_: object) -> int:
        raise ValueError("boom")

    config = "a: {script: x}\nb: {script: x}\nc: {script: x}\n"
    script.jobs = {"a": lambda *_: 4, "b": lambda *_: NOT_RUN, "c": explode}
    sha = sandbox.commit(project.id, alice, {"mlreef.yml": config})
    number = pipeline_of(sandbox, project, sha)
    reasons = {job.name: (job.status, job.failure_reason, job.exit_code) for job in sandbox.jobs(number)}
    assert reasons == {
        "a": ("failed", "script_failure", 4),
        "b": ("failed", "runner_system_failure", None),
        "c": ("failed", "runner_system_failure", None),
    }
    assert "boom" in sandbox.complaints[0]


def test_a_newer_push_ends_a_running_job(
    sandbox: Sandbox, script: Script, project: Project, alice: User
) -> None:
    begun = threading.Event()

    def linger(_: Path, variables: Mapping[str, str], output: Output, cancelled: threading.Event) -> int:
        if begun.is_set():
            return 0
        begun.set()
        return 0 if cancelled.wait(20) else 99

    script.jobs["check"] = linger
    first = sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"})
    assert begun.wait(20)
    second = sandbox.commit(project.id, alice, {"noise.py": "print(3)\n"})
    assert sandbox.state.pipelines[pipeline_of(sandbox, project, first)].status == "canceled"
    assert sandbox.state.pipelines[pipeline_of(sandbox, project, second)].status == "success"
    sandbox.wait_idle()
    assert script.ran == ["check", "check", "make-image"]


def test_a_child_pipelines_jobs_run_and_say_where_they_come_from(
    sandbox: Sandbox, script: Script, project: Project, alice: User
) -> None:
    project.ci_config_path = None
    parent = "module:\n  trigger:\n    include: mlreef.yml\n    strategy: depend\n"
    sha = sandbox.commit(project.id, alice, {".gitlab-ci.yml": parent})
    sandbox.wait_idle()
    statuses = {item.source: item.status for item in sandbox.pipelines(project.id, sha)}
    assert statuses == {"push": "success", "parent_pipeline": "success"}
    assert script.seen["check"]["CI_PIPELINE_SOURCE"] == "parent_pipeline"


def test_a_pipeline_asked_for_by_the_api_runs_with_its_variables(
    sandbox: Sandbox, script: Script, project: Project, alice: User
) -> None:
    gl = gitlab.Gitlab(sandbox.url, private_token=alice.token)
    variables = [{"key": "WHO", "value": "me"}]
    made = gl.projects.get(project.id).pipelines.create({"ref": "main", "variables": variables})
    assert made.source == "api"
    sandbox.wait_pipeline(made.id, 30)
    assert (script.seen["check"]["WHO"], script.seen["check"]["CI_PIPELINE_SOURCE"]) == ("me", "api")

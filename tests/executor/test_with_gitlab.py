"""The sandbox's GitLab, its registry and the executor together: a push runs a pipeline."""

from __future__ import annotations

import base64
import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from bot.domain.cause_kinds import Kind
from bot.domain.causes import likely_cause
from sandbox.executor import GitlabCiLocal
from sandbox.gitlab.sandbox import Sandbox
from sandbox.node import ensure_helper_image, ensure_tools
from sandbox.registry import RegistryServer

pytestmark = pytest.mark.executor

MINUTES = 180.0


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path / "registry") as server:
        yield server


def test_a_push_runs_its_jobs_one_after_the_other(tmp_path: Path) -> None:
    executor = GitlabCiLocal(ensure_tools(), mode="shell")
    with Sandbox(tmp_path / "gitlab", executor=executor) as gitlab:
        ada = gitlab.create_user("ada")
        project = gitlab.create_project("ada/noise", ada, ci_config_path="mlreef.yml")
        config = """
            stages: [build, use, tell]
            make:
              stage: build
              script: ["echo WORD=$CI_PROJECT_PATH > w.env"]
              artifacts: {reports: {dotenv: w.env}}
            use: {stage: use, needs: [make], script: ['echo "made by $WORD"', 'exit 75'],
                  allow_failure: {exit_codes: [75]}}
            fail: {stage: tell, script: ["git clone -q $CI_REPOSITORY_URL copy", "ls copy", "exit 4"]}
            """
        sha = gitlab.commit(project.id, ada, {"mlreef.yml": dedent(config), "a file": "x"})
        (pipeline,) = gitlab.wait_for(lambda: gitlab.pipelines(project.id, sha), MINUTES)
        assert gitlab.wait_pipeline(pipeline.id, MINUTES).status == "failed"
        make, use, fail = (gitlab.job(pipeline.id, name) for name in ("make", "use", "fail"))
        assert (make.status, use.status, use.exit_code, fail.status) == ("success", "failed", 75, "failed")
        assert "made by ada/noise" in bytes(use.trace).decode().splitlines()
        assert {"a file", "mlreef.yml"} <= set(bytes(fail.trace).decode().splitlines())
        assert (fail.exit_code, fail.failure_reason) == (4, "script_failure")
        assert gitlab.complaints == []


def test_a_job_that_runs_too_long_or_not_at_all_says_so(tmp_path: Path) -> None:
    executor = replace(GitlabCiLocal(ensure_tools(), mode="shell"), job_limit_seconds=2)
    with Sandbox(tmp_path / "gitlab", executor=executor) as gitlab:
        ada = gitlab.create_user("ada")
        project = gitlab.create_project("ada/noise", ada)
        sha = gitlab.commit(project.id, ada, {".gitlab-ci.yml": "long: {script: ['sleep 100']}\n"})
        (pipeline,) = gitlab.wait_for(lambda: gitlab.pipelines(project.id, sha), MINUTES)
        gitlab.wait_pipeline(pipeline.id, MINUTES)
        job = gitlab.job(pipeline.id, "long")
        assert job.failure_reason == "job_execution_timeout"
        for cause in (likely_cause(bytes(job.trace)), likely_cause(b"", job.failure_reason)):
            assert cause is not None
            assert cause.kind is Kind.TIME_OUT


def test_a_job_that_fails_says_why(tmp_path: Path) -> None:
    executor = GitlabCiLocal(ensure_tools(), mode="shell")
    jobs = {
        "missing: {script: [echo, no-such-program --version]}\n": Kind.NO_PROGRAM,
        "killed: {script: [sh -c 'kill -9 $$']}\n": Kind.MEMORY,
    }
    with Sandbox(tmp_path / "gitlab", executor=executor) as gitlab:
        ada = gitlab.create_user("ada")
        project = gitlab.create_project("ada/noise", ada)
        sha = gitlab.commit(project.id, ada, {".gitlab-ci.yml": "".join(jobs)})
        (pipeline,) = gitlab.wait_for(lambda: gitlab.pipelines(project.id, sha), MINUTES)
        gitlab.wait_pipeline(pipeline.id, MINUTES)
        for spec, kind in jobs.items():
            job = gitlab.job(pipeline.id, spec.partition(":")[0])
            cause = likely_cause(bytes(job.trace), job.failure_reason)
            assert cause is not None, bytes(job.trace)
            assert cause.kind is kind, bytes(job.trace)


def test_a_cancelled_pipeline_ends_its_job(tmp_path: Path) -> None:
    executor = GitlabCiLocal(ensure_tools(), mode="shell")
    with Sandbox(tmp_path / "gitlab", executor=executor) as gitlab:
        ada = gitlab.create_user("ada")
        project = gitlab.create_project("ada/noise", ada)
        sha = gitlab.commit(project.id, ada, {".gitlab-ci.yml": "long: {script: [echo begun, sleep 100]}\n"})
        (pipeline,) = gitlab.wait_for(lambda: gitlab.pipelines(project.id, sha), MINUTES)
        job = gitlab.wait_for(
            lambda: next((job for job in gitlab.jobs(pipeline.id) if b"begun" in job.trace), None), MINUTES
        )
        gitlab.core.pipelines.cancel(pipeline)
        assert job.status == "canceled"
        began = time.monotonic()
        gitlab.wait_idle(MINUTES)
        assert time.monotonic() - began < 30


@pytest.mark.engine
def test_a_job_pulls_its_image_from_the_projects_own_private_registry(
    tmp_path: Path, registry: RegistryServer, base: str
) -> None:
    executor = GitlabCiLocal(ensure_tools(), helper_image=ensure_helper_image(base))
    with Sandbox(tmp_path / "gitlab", executor=executor, registry=registry) as gitlab:
        ada = gitlab.create_user("ada")
        project = gitlab.create_project("ada/noise", ada, visibility="private")
        config = tmp_path / "docker"
        config.mkdir()
        login = base64.b64encode(f"ada:{ada.token}".encode()).decode()
        (config / "config.json").write_text(json.dumps({"auths": {registry.address: {"auth": login}}}))

        def docker(*arguments: str, content: str = "") -> str:
            done = subprocess.run(
                ["docker", "--config", str(config), *arguments],
                input=content,
                capture_output=True,
                text=True,
                timeout=300,
                check=True,
            )
            return done.stdout.strip()

        mark = uuid.uuid4().hex
        image = f"{registry.address}/ada/noise/tool:{mark[:8]}"
        docker("build", "-q", "--pull=false", "-t", image, "-", content=f"FROM {base}\nENV TOOL={mark}\n")
        docker("push", image)
        docker("rmi", image)
        ci = f"""
            use:
              image: $CI_REGISTRY_IMAGE/tool:{mark[:8]}
              script: ['echo "tool $TOOL"']
            other: {{image: "$CI_REGISTRY/eve/secret:1", script: [echo]}}
            """
        try:
            sha = gitlab.commit(project.id, ada, {".gitlab-ci.yml": dedent(ci)})
            (pipeline,) = gitlab.wait_for(lambda: gitlab.pipelines(project.id, sha), MINUTES)
            gitlab.wait_pipeline(pipeline.id, MINUTES)
            use, other = (gitlab.job(pipeline.id, name) for name in ("use", "other"))
            said = bytes(use.trace).decode().splitlines()
            assert f"Pulled docker image {image}" in said
            assert f"tool {mark}" in said
            assert use.status == "success"
            assert (other.status, other.failure_reason) == ("failed", "runner_system_failure")
            assert "denied" in bytes(other.trace).decode()
        finally:
            docker("rmi", "--force", image)

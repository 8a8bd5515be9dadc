"""Jobs that run in containers of the Docker engine."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.executor import containers
from sandbox.plan import CANCELLED, NOT_RUN
from tests.executor.repository import Repository

pytestmark = [pytest.mark.engine, pytest.mark.executor]


def docker_says(*arguments: str, content: str = "") -> str:
    done = subprocess.run(
        ["docker", *arguments], check=True, capture_output=True, text=True, input=content, timeout=120
    )
    return done.stdout.strip()


def left_behind() -> list[str]:
    """What jobs of this process have left in the engine; others may be running theirs."""
    found = []
    for kind, more in (("container", ["--all"]), ("volume", [])):
        shown = '{{.Label "' + containers.LABEL + '"}}'
        listed = docker_says(
            kind, "ls", *more, "--filter", f"label={containers.LABEL}", "--format", f"{kind} {shown}"
        )
        found += [line for line in listed.splitlines() if line.startswith(f"{kind} {os.getpid()}-")]
    return found


@pytest.fixture
def candidate(base: str) -> Iterator[str]:
    """An image like those that are published: its own user, its own entry point."""
    name = f"mlreef-sandbox/candidate:{uuid.uuid4().hex[:12]}"
    text = f'FROM {base}\nUSER 10001:10001\nENTRYPOINT ["python", "/nothing.py"]\n'
    docker_says("build", "--quiet", "--pull=false", "--tag", name, "-", content=text)
    yield name
    docker_says("rmi", "--force", name)


def test_a_candidate_is_smoked_as_its_own_user_by_the_name_that_build_gave(
    docker: Repository, base: str, candidate: str
) -> None:
    docker.commit(
        {
            "ci.yml": f"""
            stages: [build, smoke]
            build:
              stage: build
              image: {base}
              script:
                - mkdir -p .mlreef && echo 'print("smoked", 6 * 7)' > .mlreef/smoke.py
                - chmod 700 .mlreef && chmod 600 .mlreef/smoke.py
                - echo "CANDIDATE={candidate}" > build.env
                - id -u
              artifacts: {{paths: [.mlreef/], reports: {{dotenv: build.env}}}}
            smoke:
              stage: smoke
              needs: [build]
              image: {{name: $CANDIDATE, entrypoint: [""]}}
              variables: {{GIT_STRATEGY: none}}
              script:
                - id -u
                - python3 .mlreef/smoke.py
                - touch own && ls -A
                - exit 3
            """,
            "source.py": "",
        }
    )
    assert docker.run("build") == 0
    assert "0" in docker.lines
    assert docker.run("smoke") == 3
    assert f"Using Docker executor with image {candidate} ..." in docker.lines
    assert {"10001", "smoked 42", "own"} <= set(docker.lines)
    assert not {".git", "source.py"} & set(docker.lines)
    assert left_behind() == []


def test_a_job_has_the_engine_and_the_hosts_network(docker: Repository, base: str) -> None:
    look = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/var/run/docker.sock'); print('engine')"
    )
    docker.commit(
        {"ci.yml": f'look:\n  image: {base}\n  script:\n    - python3 -c "{look}"\n    - hostname\n'}
    )
    assert docker.run("look") == 0
    assert "engine" in docker.lines
    assert Path("/etc/hostname").read_text().strip() in docker.lines


def test_hostile_variables_reach_a_container_as_they_are(docker: Repository, base: str) -> None:
    docker.variables["CI_COMMIT_MESSAGE"] = """it's "a" $HOME `id` $(id) \\ 😀"""
    docker.commit({"ci.yml": f"show:\n  image: {base}\n  script: ['echo \"<$CI_COMMIT_MESSAGE>\"']\n"})
    assert docker.run("show") == 0
    assert f"<{docker.variables['CI_COMMIT_MESSAGE']}>" in docker.lines


def test_an_image_that_does_not_exist_is_said_plainly(docker: Repository) -> None:
    docker.variables["CI_JOB_TOKEN"] = "glcbt-secret-0123"
    docker.commit({"ci.yml": "job:\n  image: 127.0.0.1:1/nothing:here\n  script: [echo]\n"})
    assert docker.run("job") == NOT_RUN
    assert "127.0.0.1:1/nothing:here" in docker.lines[-1] or "127.0.0.1:1" in docker.said.decode()
    assert docker.said.decode().count("ERROR: Job failed (system failure)") == 1
    assert b"glcbt" not in docker.said
    assert b"index.js" not in docker.said
    assert left_behind() == []


def test_cancelling_removes_the_container_at_once(
    docker: Repository, base: str, own_temporary_folder: Path
) -> None:
    docker.commit({"ci.yml": f"long:\n  image: {base}\n  script: ['echo begun', 'sleep 300']\n"})
    cancelled = threading.Event()
    asked: list[float] = []

    def hear(chunk: bytes) -> None:
        if b"\nbegun" in b"\n" + chunk:
            asked.append(time.monotonic())
            cancelled.set()

    assert docker.run("long", cancelled, hear) == CANCELLED
    assert time.monotonic() - asked[0] < 15
    assert left_behind() == []
    assert list(own_temporary_folder.iterdir()) == []


@pytest.mark.parametrize("seconds", [0.0, 0.9, 1.4])
def test_cancelling_while_a_job_is_being_prepared_leaves_nothing(
    docker: Repository, base: str, seconds: float
) -> None:
    docker.commit({"ci.yml": f"long:\n  image: {base}\n  script: ['sleep 300']\n"})
    cancelled = threading.Event()
    timer = threading.Timer(seconds, cancelled.set)
    timer.start()
    assert docker.run("long", cancelled) == CANCELLED
    timer.join()
    assert left_behind() == []

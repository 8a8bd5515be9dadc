"""Jobs on a machine with neither engine nor CI tool: the bot's own run here, all others in their image."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.registry import Registry
from sandbox.executor import artifacts
from sandbox.executor.bare import BareMachine
from sandbox.images.running import Engine, Namespaces
from sandbox.plan import CANCELLED, NOT_RUN, TIMED_OUT
from sandbox.registry import RegistryServer
from tests.executor.repository import Repository
from tests.images.tiny import push, shell_layer

BUILDER = "mlreef/bot:test"
NOTHING = "registry.invalid/no/image"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with RegistryServer(tmp_path_factory.mktemp("registry")) as server:
        with Registry(server.address) as client:
            digest = push(client, "lab/shell", [shell_layer()])
        yield f"{server.address}/lab/shell@{digest}"


@pytest.fixture
def machine(tmp_path: Path, image: str) -> BareMachine:
    return BareMachine(BUILDER, image, Namespaces(tmp_path / "images"), tmp_path / "cache", 20)


def make_repository(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    made = Repository(folder, BareMachine(BUILDER, NOTHING, Namespaces(folder), folder))
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit(files)
    return folder


def run(
    machine: BareMachine,
    checkout: Path,
    job: str,
    cancelled: threading.Event | None = None,
    **variables: str,
) -> tuple[int, str]:
    said = bytearray()
    code = machine.run(checkout, "ci.yml", job, variables, said.extend, cancelled or threading.Event())
    return code, said.decode()


def test_a_job_runs_in_its_image_with_the_commits_files_and_variables(
    machine: BareMachine, image: str, tmp_path: Path
) -> None:
    ci = f"""
variables: {{GREETING: hello}}
look:
  image: {{name: "{image}", entrypoint: [""]}}
  variables: {{WHAT: $GREETING world}}
  script:
    - ls
    - echo "$GREETING $CI_COMMIT_REF_NAME $CI_PROJECT_DIR"
    - exit 3
"""
    checkout = make_repository(tmp_path / "repo", {"ci.yml": ci, "picture.txt": "x"})
    code, said = run(machine, checkout, "look", CI_COMMIT_REF_NAME="main")
    assert code == 3
    assert "ci.yml\npicture.txt\n" in said
    assert "hello main /builds\n" in said
    assert "namespace" in said
    assert said.endswith("ERROR: Job failed: exit code 3\n")


def test_what_a_job_leaves_is_there_for_the_next_one(
    machine: BareMachine, image: str, tmp_path: Path
) -> None:
    ci = f"""
default: {{image: "{image}"}}
make:
  script: [mkdir -p out/deep, echo 1 > out/deep/number, echo "NAME=noise of it" > left.env, echo 2 > not-kept]
  artifacts:
    paths: [out]
    reports: {{dotenv: left.env}}
use:
  needs: [make]
  variables: {{GIT_STRATEGY: none}}
  script: [ls, cat out/deep/number, echo "<$NAME>"]
"""
    checkout = make_repository(tmp_path / "repo", {"ci.yml": ci})
    assert run(machine, checkout, "make")[0] == 0
    assert (artifacts(checkout) / "make" / "out" / "deep" / "number").read_text() == "1\n"
    code, said = run(machine, checkout, "use")
    assert code == 0, said
    assert "$ ls\nout\n$ cat" in said, "nothing of the repository, and only what was kept"
    assert "1\n" in said
    assert "<noise of it>" in said


def test_an_image_may_come_from_an_earlier_job(machine: BareMachine, image: str, tmp_path: Path) -> None:
    ci = f"""
build:
  image: "{image}"
  script: [echo "CANDIDATE={image}" > build.env]
  artifacts: {{reports: {{dotenv: build.env}}}}
smoke:
  image: {{name: $CANDIDATE, entrypoint: [""]}}
  script: [id -u]
"""
    checkout = make_repository(tmp_path / "repo", {"ci.yml": ci})
    assert run(machine, checkout, "build")[0] == 0
    code, said = run(machine, checkout, "smoke")
    assert (code, "10001\n" in said) == (0, True)


def test_the_bots_own_jobs_run_by_this_bot_in_a_clean_environment(
    machine: BareMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    own = programs / "mlreef-bot"
    own.write_text("#!/bin/sh\necho ran: $*\nenv\n")
    own.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.setenv("A_SECRET_OF_THE_DESK", "hidden")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://index.example/simple")
    ci = f"""
verify:
  image: {BUILDER}
  variables: {{PYTHONPATH: ., LD_PRELOAD: ./evil.so, MLREEF_BUILDER: x}}
  script: [mlreef-bot ci verify]
"""
    checkout = make_repository(tmp_path / "repo", {"ci.yml": ci})
    code, said = run(machine, checkout, "verify", CI_JOB_NAME="verify")
    assert code == 0, said
    assert "ran: ci verify" in said
    assert "MLREEF_BUILDER=x" in said
    assert "CI_JOB_NAME=verify" in said
    assert "UV_DEFAULT_INDEX=https://index.example/simple" in said
    for word in ("A_SECRET_OF_THE_DESK", "PYTHONPATH", "LD_PRELOAD"):
        assert word not in said


@pytest.mark.parametrize("line", ["mlreef-bot ci verify; id", "id; touch OWNED", "mlreef-bot serve || id"])
def test_nothing_else_runs_without_an_image_around_it(
    machine: BareMachine, tmp_path: Path, line: str
) -> None:
    mark = tmp_path / "owned"
    ci = f"verify:\n  image: {BUILDER}\n  script: ['{line.replace('OWNED', str(mark))}']\n"
    checkout = make_repository(tmp_path / "repo", {"ci.yml": ci})
    _, said = run(machine, checkout, "verify")
    assert "namespace" in said
    assert "uid=10001" in said or "mlreef-bot: not found" in said
    assert not mark.exists()


def test_a_keyword_that_would_make_it_another_job_is_refused(
    machine: BareMachine, image: str, tmp_path: Path
) -> None:
    ci = f"test:\n  image: '{image}'\n  services: [postgres]\n  script: ['true']\n"
    code, said = run(machine, make_repository(tmp_path / "repo", {"ci.yml": ci}), "test")
    assert code == NOT_RUN
    assert "`services`" in said


def test_an_image_without_a_registry_in_its_name_is_told_in_the_jobs_log(tmp_path: Path) -> None:
    """As the jobs of a project that was published otherwise before, by docker-in-docker."""
    checkout = make_repository(
        tmp_path / "repo", {"ci.yml": "job:\n  image: docker:20.10\n  script: ['true']\n"}
    )
    machine = BareMachine(BUILDER, NOTHING, Engine("of nobody", tmp_path / "logins"), tmp_path)
    login = {"CI_REGISTRY_USER": "gitlab-ci-token", "CI_REGISTRY_PASSWORD": "a-token"}
    code, said = run(machine, checkout, "job", **login)
    assert code == NOT_RUN
    assert "'docker:20.10' is not the name of an image in a registry" in said


def test_a_job_ends_when_it_is_cancelled_or_its_time_is_over(image: str, tmp_path: Path) -> None:
    ci = f"wait:\n  image: '{image}'\n  script: [sleep 300]\n"
    checkout = make_repository(tmp_path / "repo", {"ci.yml": ci})
    way = Namespaces(tmp_path / "images")
    cancelled = threading.Event()
    cancelled.set()
    assert run(BareMachine(BUILDER, NOTHING, way, tmp_path), checkout, "wait", cancelled)[0] == CANCELLED
    assert run(BareMachine(BUILDER, NOTHING, way, tmp_path, 0.3), checkout, "wait")[0] == TIMED_OUT


def test_the_jobs_token_is_masked(machine: BareMachine, image: str, tmp_path: Path) -> None:
    ci = f"show:\n  image: '{image}'\n  script: ['echo \"<$CI_JOB_TOKEN>\"']\n"
    checkout = make_repository(tmp_path / "repo", {"ci.yml": ci})
    code, said = run(machine, checkout, "show", CI_JOB_TOKEN="glcbt-12345678")
    assert code == 0
    assert "<[MASKED]>" in said


def test_nothing_is_left_of_a_job_but_what_it_made(
    machine: BareMachine, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ci = f"make:\n  image: '{image}'\n  script: [mkdir made, touch made/it]\n"
    checkout = make_repository(tmp_path / "repo", {"ci.yml": ci})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    assert run(machine, checkout, "make")[0] == 0
    assert list(scratch.iterdir()) == []

"""The engine `buildkit`: its own two jobs, and the shell between them, with the real BuildKit behind it.

What is not run is rootless BuildKit in its own image, which no machine of ours can have: `buildctl-daemonless.sh` is a
stand-in here, which gives the template's words to the BuildKit of a Docker engine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.domain.engines import Building
from bot.domain.image_start import RUNNER
from bot.domain.pipeline import BUILD, PATH
from ci_templates import read_template
from tests.ci.samples import dotenv, publishable, settings, variables
from tests.ci.several import LAUNCHED
from tests.ci.world import Repository, run_job

STAND_IN = """\
#!/usr/bin/env python3
import json, os, subprocess, sys
words = sys.argv[1:]
assert words[:5] == ["build", "--progress", "plain", "--frontend", "dockerfile.v0"], words
given = dict(zip(words[5::2], words[6::2]))
rest = words[5:]
local = dict(rest[i + 1].split("=", 1) for i, word in enumerate(rest) if word == "--local")
options = [rest[i + 1] for i, word in enumerate(rest) if word == "--opt"]
output = dict(part.split("=", 1) for part in given["--output"].split(","))
assert output["push"] == "true" and json.load(open(os.environ["DOCKER_CONFIG"] + "/config.json"))["auths"]
os.environ["DOCKER_CONFIG"] = "/nonexistent"
docker = ["docker", "buildx", "build", "--load", "--quiet", "--tag", output["name"], "--file"]
arguments = [word for option in options for word in ("--build-arg", option.removeprefix("build-arg:"))]
subprocess.run([*docker, local["dockerfile"] + "/Dockerfile", *arguments, local["context"]], check=True)
pushed = subprocess.run(["docker", "push", output["name"]], check=True, capture_output=True, text=True).stdout
digest = pushed.split("digest: ")[1].split()[0]
json.dump({"containerimage.digest": digest}, open(given["--metadata-file"], "w"))
"""
OWN = "ARG MLREEF_BASE\nFROM ${MLREEF_BASE}\nWORKDIR /srv\nCOPY . ./\n"


def shell() -> str:
    (script,) = yaml.safe_load(read_template("buildkit.yml"))[BUILD]["script"]
    return str(script)


def test_the_shell_of_the_template_has_no_fault() -> None:
    checker = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run(
        [checker, "--shell=sh", "-"], input=shell(), capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
    assert done.returncode == 0


def commit(repository: Repository, base: str, files: dict[str, str | bytes]) -> str:
    chosen = replace(settings(base), building=Building(engines=("buildkit",)))
    return publishable(repository, files, chosen)


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class Through:
    """A commit that went through the three jobs, and the candidate that came of it."""

    sha: str
    candidate: str
    config: Mapping[str, Any]
    plan: Mapping[str, Any]


@pytest.fixture
def through_the_jobs(
    repository: Repository, registry: str, base: str, tmp_path: Path
) -> Iterator[Callable[[dict[str, str | bytes]], Through]]:
    """Lets a commit with these files go through the three jobs; its image is removed in the end."""
    image = f"{registry}/group/k-{uuid.uuid4().hex[:12]}"
    made: list[str] = []

    def go(files: dict[str, str | bytes]) -> Through:
        sha = commit(repository, base, files)
        given = variables(repository, sha, image)
        code, log = run_job("context", given)
        assert code == 0, log
        handed = dotenv(repository.path, "context.env")
        assert handed == {
            "MLREEF_VERDICT": "publish", "MLREEF_BASE": base, "MLREEF_TARGET": f"{image}:c-{sha}"
        }  # fmt: skip

        programs = tmp_path / "programs"
        programs.mkdir()
        (programs / "buildctl-daemonless.sh").write_text(STAND_IN)
        (programs / "buildctl-daemonless.sh").chmod(0o755)
        work = tmp_path / "work"
        (work / ".mlreef").mkdir(parents=True)
        for name in ("context.tar", "dockerfile"):
            (repository.path / ".mlreef" / name).rename(work / ".mlreef" / name)
        environment = given | handed | {"PATH": f"{programs}:{given['PATH']}"}
        done = subprocess.run(
            ["sh", "-c", shell()], cwd=work, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "secret-job-token" not in done.stdout + done.stderr

        (work / ".mlreef/metadata.json").rename(repository.path / ".mlreef/metadata.json")
        code, log = run_job("label", given | handed)
        assert code == 0, log
        candidate = dotenv(repository.path, "build.env")["MLREEF_CANDIDATE"]
        assert candidate.startswith(f"{image}@sha256:")
        made.extend((f"{image}:c-{sha}", candidate))
        docker("pull", "--quiet", candidate)
        config = json.loads(docker("image", "inspect", candidate))[0]["Config"]
        assert config["Labels"]["org.opencontainers.image.revision"] == sha
        assert config["Labels"]["io.mlreef.engine"] == "buildkit"
        plan = json.loads((repository.path / ".mlreef/smoke/plan.json").read_text())
        assert plan["command"] == config["Entrypoint"]
        return Through(sha, candidate, config, plan)

    yield go
    if made:
        docker("image", "rm", "--force", *made)


@pytest.mark.engine
@pytest.mark.parametrize("own", [False, True])
def test_a_commit_goes_through_the_three_jobs(
    through_the_jobs: Callable[[dict[str, str | bytes]], Through], own: bool
) -> None:
    files: dict[str, str | bytes] = {"data.bin": "x", ".mlreef.yaml": "env: {MODE: fast}\n"}
    if own:
        files |= {"docker/My file": OWN, ".dockerignore": "*.bin\n"}
        files[".mlreef.yaml"] = "dockerfile: docker/My file\n"
    gone = through_the_jobs(files)
    assert gone.config["Entrypoint"] == ["python", "/srv/main.py" if own else "/app/main.py"]
    assert docker("run", "--rm", gone.candidate, "--help").startswith("usage: main.py")
    listed = docker("run", "--rm", "--entrypoint", "ls", gone.candidate, "/srv" if own else "/app").split()
    assert ("data.bin" in listed) is not own


@pytest.mark.engine
def test_a_control_file_goes_through_the_three_jobs_and_learns_in_its_image(
    through_the_jobs: Callable[[dict[str, str | bytes]], Through],
) -> None:
    gone = through_the_jobs({**LAUNCHED["a control file"], "lines.txt": "one\ntwo\n"})
    assert gone.config["Entrypoint"] == ["python", RUNNER, "/app/counting_control.py"]
    assert gone.plan["script"] == gone.plan["command"], "its parser is asked from inside"
    words = ("--input-path", "lines.txt", "--output-path", "/tmp/learnt")
    told = subprocess.run(
        ["docker", "run", "--rm", gone.candidate, "train", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2 objects are kept in /tmp/learnt/" in told.stderr


def test_a_stale_file_is_handed_on_by_all_three_jobs(repository: Repository, tmp_path: Path) -> None:
    commit(repository, "python:3.12-slim", {})
    stale = repository.commit({"requirements.txt": "# more\n", "main.py": "import sys\n" + "x = 1\n"})
    stale = repository.commit({"main.py": repository.git("show", f"{stale}~1:main.py").replace("0.5", "0.7")})
    given = variables(repository, stale)
    code, log = run_job("context", given)
    assert (code, PATH in log) == (0, True), log
    handed = dotenv(repository.path, "context.env")
    assert handed == {"MLREEF_VERDICT": "stop"}
    done = subprocess.run(
        ["sh", "-c", shell()], cwd=tmp_path, env=given | handed, capture_output=True, check=True
    )
    assert done.stdout == b"Nothing is built here.\n"
    code, log = run_job("label", given | handed)
    assert code == 0, log
    assert dotenv(repository.path, "build.env")["MLREEF_VERDICT"] == "stop"


def test_a_build_without_a_digest_is_no_candidate(repository: Repository) -> None:
    sha = commit(repository, "python:3.12-slim", {})
    given = variables(repository, sha)
    for told in (None, b"{}", b"[]", b"x", b'{"containerimage.digest": "latest"}'):
        folder = repository.path / ".mlreef"
        folder.mkdir(exist_ok=True)
        if told is not None:
            (folder / "metadata.json").write_bytes(told)
        code, log = run_job("label", given)
        assert code == 2
        assert "left no digest" in log

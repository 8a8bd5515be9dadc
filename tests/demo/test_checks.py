"""What a person without the tools is told, before anything is installed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.demo import checks
from sandbox.demo.checks import Answer, judge_engine, judge_git, judge_namespaces, judge_rsync, lines

ROOT = Path(__file__).parents[2]


def test_a_machine_without_docker_is_told_how_to_get_it() -> None:
    lack = judge_engine(None, Answer(None, ""))
    assert lack is not None
    assert "no `docker` on PATH" in lack.what
    assert "apt-get install docker.io" in lack.how


def test_an_engine_that_sleeps_and_one_that_is_forbidden_are_told_apart() -> None:
    asleep = judge_engine("/usr/bin/docker", Answer(1, "Cannot connect to the Docker daemon"))
    forbidden = judge_engine(
        "/usr/bin/docker", Answer(1, "dial unix /var/run/docker.sock: permission denied")
    )
    assert asleep is not None
    assert "start it" in asleep.how
    assert forbidden is not None
    assert "usermod" in forbidden.how
    assert judge_engine("/usr/bin/docker", Answer(0, "20.10.24")) is None


def test_a_user_who_may_neither_is_told_three_ways_out() -> None:
    assert judge_namespaces(Answer(0, "")) is None
    lack = judge_namespaces(Answer(125, "unshare: Operation not permitted"))
    assert lack is not None
    assert "Operation not permitted" in lack.what
    assert all(word in lack.how for word in ("root", "sysctl", "Docker"))


def test_layers_need_no_docker_where_namespaces_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    lacks = {lack.what.split(" (")[0] for lack in checks.missing("layers")}
    assert lacks <= {"a way to run images: there is no Docker engine, and no namespaces for this user"}
    assert any("Docker engine" in lack.what for lack in checks.missing("docker"))


def test_an_old_git_is_named_with_its_version() -> None:
    assert judge_git(Answer(0, "git version 2.39.5")) is None
    assert judge_git(Answer(0, "git version 2.31.0.windows.1")) is None
    old = judge_git(Answer(0, "git version 2.9.1"))
    assert old is not None
    assert "2.9" in old.what
    assert judge_git(Answer(None, "No such file")) is not None


def test_everything_that_is_missing_is_told_at_once() -> None:
    found = [judge_engine(None, Answer(None, "")), judge_rsync(None)]
    told = "\n".join(lines([lack for lack in found if lack]))
    assert "docker" in told
    assert "rsync" in told
    assert "Nothing was installed or started." in told
    assert lines([]) == []


def test_on_a_bare_machine_the_answer_comes_at_once_and_names_all(tmp_path: Path) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.demo.checks", "docker"],
        env={"PATH": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert all(word in done.stderr for word in ("docker", "git", "rsync"))
    assert time.monotonic() - began < 2

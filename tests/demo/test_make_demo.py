"""`make demo` itself, as a person or CI starts it: with an engine and without, from the Makefile to the last line."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
REPOSITORIES = Path(__file__).parent / "repositories"
DEMO_SECONDS = 900
MOST_SECOND_ACT_SECONDS = 240
MOST_THIRD_ACT_SECONDS = 120
"""A busy machine may take its time; a desk takes a tenth of it."""

pytestmark = pytest.mark.timeout(DEMO_SECONDS + 60)


@dataclass(frozen=True)
class Ended:
    """A finished demo: exit code, the JSON line, and the story."""

    code: int
    outcome: Mapping[str, Any]
    story: str


def make_demo(*arguments: str, before: tuple[str, ...] = (), **variables: str) -> Ended:
    command = [*before, "make", "--no-print-directory", "demo", *arguments]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | variables,
    ) as demo:
        try:
            out, err = demo.communicate(timeout=DEMO_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(demo.pid, signal.SIGTERM)
            out, err = demo.communicate()
            raise AssertionError(f"the demo hangs:\n{err[-5000:]}") from None
    lines = out.splitlines()
    assert len(lines) == 1, f"stdout: {out}\nstderr: {err[-5000:]}"
    folder = re.search(r"^ +logs: +(\S+)$", err, re.MULTILINE)
    assert folder is not None
    assert left_running(folder[1]) == []
    return Ended(demo.returncode, json.loads(lines[0]), err)


def left_running(folder: str) -> list[str]:
    """Processes that still have to do with a run: their words or their folder name it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            where = str((process / "cwd").readlink())
        except OSError:
            continue
        if folder in words or where.startswith(folder):
            found.append(words)
    return found


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def no_docker(tmp_path: Path) -> Mapping[str, str]:
    """The variables of a machine without Docker: every program but its client, and no engine that could answer."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).glob("*"):
            link = programs / program.name
            if not program.name.startswith("docker") and not link.is_symlink():
                link.symlink_to(program)
    return {"PATH": str(programs), "DOCKER_HOST": "tcp://127.0.0.1:1"}


def check_sample(ended: Ended) -> None:
    assert ended.code == 0, ended.story[-5000:]
    assert ended.outcome["outcome"] == "published"
    assert ended.outcome["version"] == "1"
    assert re.fullmatch(r"127\.0\.0\.1:\d+/alice/add-noise@sha256:[0-9a-f]{64}", ended.outcome["image"])
    assert {"name": "mlreef/publish", "state": "success"}.items() <= ended.outcome["statuses"][-1].items()
    assert any(
        "published" in note["body"] and note["on"] == "merge request !1" for note in ended.outcome["notes"]
    )
    assert ended.outcome["seconds"]["total"] > 0
    assert not [problem for problem in ended.outcome["problems"] if problem["severity"] == "error"]

    picture = re.search(r"^ +picture: +(\S+)$", ended.story, re.MULTILINE)
    assert picture is not None
    assert Path(picture[1]).read_bytes().startswith(b"\x89PNG")

    # The second act: its checks, and the one note of its merge request, which ends with the version that it became.
    checks = [status["state"] for status in ended.outcome["statuses"] if status["name"] == "mlreef/check"]
    assert checks == ["failed", "failed", "success"]
    (told,) = [note["body"] for note in ended.outcome["notes"] if note["on"] == "merge request !2"]
    assert "1.1.0" in told
    assert "@sha256:" in told
    assert 0 < ended.outcome["seconds"]["second act"] < MOST_SECOND_ACT_SECONDS

    # The third act: a pipeline of somebody else's has run that version, and kept a picture.
    used = re.search(r"^ +used: +(\S+)$", ended.story, re.MULTILINE)
    assert used is not None
    assert Path(used[1]).read_bytes().startswith(b"\x89PNG")
    assert 0 < ended.outcome["seconds"]["third act"] < MOST_THIRD_ACT_SECONDS

    # The story names every station, in order.
    stations = [
        "(main): accepted",
        "input-path",
        "+stages:",
        "mlreef-verify, pipeline",
        "mlreef-promote: success",
        "'FLOT' is not a type of parameter",
        "presses “Apply suggestion”",
        "pushes the other mend",
        "!2 is merged",
        "bob commits these lines",
        "add-noise: success",
    ]
    assert all(station in ended.story for station in stations)
    order = [ended.story.index(station) for station in stations]
    assert order == sorted(order)
    assert "\x1b" not in ended.story


def without_a_name() -> set[str]:
    """Images that no name leads to."""
    return set(docker("images", "--quiet", "--no-trunc", "--filter", "dangling=true").split())


def check_kept(name: str, before: set[str]) -> Mapping[str, Any]:
    """What the engine kept of a demo: an image with a name, and none without. Gives its module."""
    config = json.loads(docker("image", "inspect", f"mlreef-demo/{name}:latest"))[0]["Config"]
    assert config["User"].split(":")[0] not in {"", "0", "root"}
    assert without_a_name() <= before
    module: Mapping[str, Any] = json.loads(config["Labels"]["io.mlreef.module"])
    return module


def test_the_sample_is_published_on_a_machine_without_docker(no_docker: Mapping[str, str]) -> None:
    ended = make_demo(**no_docker)
    check_sample(ended)
    assert "unpacked and run in a namespace" in ended.story
    story, _, summary = ended.story.rpartition("━━\n")
    run = story.split("━━ 8")[1].split("━━ 9")[0]
    assert "docker" not in run + summary, "nothing is said that cannot be done here"
    assert "Engine `layers`" in ended.story


def test_an_ordinary_user_without_docker_publishes_too(no_docker: Mapping[str, str]) -> None:
    # root becomes somebody without any right by a namespace; others are that already
    before = ("unshare", "--user", "--map-user=1000", "--map-group=1000") if os.geteuid() == 0 else ()
    ended = make_demo(f"REPO={REPOSITORIES / 'turn-pictures'}", before=before, **no_docker)
    assert ended.code == 0, ended.story[-5000:]
    assert "unpacked and run in a namespace of this user's own" in ended.story
    assert "--angle {90,180,270}" in ended.story


def test_a_control_file_is_published_trained_and_run_and_its_report_is_shown(
    no_docker: Mapping[str, str],
) -> None:
    ended = make_demo("SAMPLE=mlopen", **no_docker)
    assert ended.code == 0, ended.story[-5000:]
    assert "/alice/mlopen-sentiment@sha256:" in ended.outcome["image"]
    stations = ["run IMAGE train", "it has learnt", "run IMAGE run", "Chance of praise", "8 reviews"]
    order = [ended.story.find(station) for station in stations]
    assert -1 not in order, ended.story[-5000:]
    assert order == sorted(order)
    report = re.search(r"^ +report: +file://(\S+)$", ended.story, re.MULTILINE)
    assert report is not None
    assert Path(report[1]).read_text("utf-8").startswith("<!DOCTYPE html>")
    found = json.loads(Path(report[1]).with_name("preds.json").read_text("utf-8"))["table"]["rows"]
    assert [row[1] for row in found] == ["praise", "blame"] * 4
    picture = re.search(r"^ +picture: +(\S+)$", ended.story, re.MULTILINE)
    if shutil.which("chromium"):
        assert picture is not None
        assert Path(picture[1]).read_bytes().startswith(b"\x89PNG")
    else:
        assert "no Chromium is here to show the report" in ended.story


@pytest.mark.alone
@pytest.mark.engine
@pytest.mark.executor
def test_docker_publishes_the_same_sample() -> None:
    before = without_a_name()
    ended = make_demo("ENGINE=docker")
    check_sample(ended)
    assert "Engine `docker`" in ended.story
    module = check_kept("add-noise", before)
    assert module["name"] == "Add Noise"
    assert {parameter["name"] for parameter in module["parameters"]} >= {"input-path", "output-path", "mode"}


@pytest.mark.alone
@pytest.mark.engine
def test_a_repository_with_other_names_is_published_and_run_by_the_engine_that_is_there() -> None:
    before = without_a_name()
    ended = make_demo(f"REPO={REPOSITORIES / 'turn-pictures'}")
    assert ended.code == 0, ended.story[-5000:]
    assert ended.outcome["outcome"] == "published"
    assert "/alice/turn-pictures@sha256:" in ended.outcome["image"]
    assert "run by Docker engine" in ended.story
    # Its --help ran, and the story holds what it printed.
    assert "--angle {90,180,270}" in ended.story
    module = check_kept("turn-pictures", before)
    assert module["entry_points"] == {"main": "tools/turn.py"}
    assert [parameter["name"] for parameter in module["parameters"]] == [
        "input-path",
        "output-path",
        "angle",
        "dry-run",
    ]


def test_a_repository_with_two_mistakes_is_refused_and_both_are_named() -> None:
    ended = make_demo(f"REPO={REPOSITORIES / 'two-mistakes'}")
    # make itself says 2, whatever went wrong below it
    assert ended.code == 2
    assert ended.outcome["outcome"] == "refused"
    assert ended.outcome["image"] is None
    errors = [problem["message"] for problem in ended.outcome["problems"] if problem["severity"] == "error"]
    assert len(errors) == 2
    assert any("output-path" in message for message in errors)
    assert any("requirements.txt" in message for message in errors)
    assert ended.outcome["statuses"][-1]["state"] == "failed"
    body = ended.outcome["notes"][-1]["body"]
    assert "output-path" in body
    assert "requirements.txt" in body


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("REPO=/no/such/directory", "/no/such/directory is no directory"),
        ("ENGINE=podman", "podman is none of layers, docker"),
        ("SAMPLE=cats", "cats is none of noise, mlopen"),
    ],
)
def test_what_cannot_be_is_told_at_once(argument: str, told: str) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "demo", argument],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stdout == ""

"""Requirements without an exact version get one in a suggestion: the one that works with the others today."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.engines import Building
from bot.domain.gitlab import MergeRequest, Project
from bot.domain.manner import Manner
from bot.domain.pinning import pinned, plain_requirements
from bot.domain.pipeline import Environment, PipelineSettings
from bot.domain.policy import Policy
from bot.domain.review import Reviewed
from bot.pinning import with_pins
from bot.world import World
from parser.edits import apply
from parser.model import Problem, Requirements
from parser.read import read as read_report
from parser.requirements import read_requirements
from parser.source import Entry, Source
from sandbox.demo.children import free_port
from tests.layers.package_index import PackageIndex, served

NOT_ASKED: Any = None
INSIDE, NEAR = "https://inside.example/simple", "http://169.254.169.254/"
"""Indexes that a repository may name, and nobody is to ask."""

VERSIONS = {"numpy": "2.1.3", "pandas": "2.2.3", "scipy": "1.14.1"}


def read(text: str) -> tuple[Requirements | None, tuple[Problem, ...]]:
    files = {"requirements.txt": text.encode()}
    return read_requirements(Source({name: Entry(name, "file") for name in files}, files), None)


def with_versions(text: str) -> str:
    found, problems = read(text)
    assert found is not None
    (loose,) = [one for one in problems if one.code == "requirement-unpinned"]
    mended = pinned(loose, found, text.encode(), VERSIONS)
    return apply(text, mended.edits)


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("numpy\n", "numpy==2.1.3\n"),
        ("numpy>=2\npandas==2.2\n", "numpy==2.1.3\npandas==2.2\n"),
        ("  NumPy >= 2, <3  # fast\r\n", "  NumPy==2.1.3  # fast\r\n"),
        ("pandas[excel] ; python_version > '3'\n", "pandas[excel]==2.2.3 ; python_version > '3'\n"),
        ("numpy\nscipy~=1.0\n", "numpy==2.1.3\nscipy==1.14.1\n"),
        ("numpy==2.*", "numpy==2.1.3"),
        ("numpy\nunknown\n", "numpy==2.1.3\nunknown\n"),
        ("numpy>=2,\\\n<3\nscipy\n", "numpy>=2,\\\n<3\nscipy==1.14.1\n"),
    ],
)
def test_the_version_is_written_where_the_limits_stand(written: str, mended: str) -> None:
    assert with_versions(written) == mended


def test_a_line_of_blanks_is_looked_at_once() -> None:
    line = "numpy" + " " * 20_000 + ">=1" + " " * 20_000 + "#"
    found, problems = read("numpy>=1\n")
    assert found is not None
    (item,) = found.items
    wide = replace(found, items=(replace(item, place=replace(item.place, end_column=len(line))),))
    before = time.process_time()
    assert pinned(problems[0], wide, line.encode(), VERSIONS).edits == ()
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    "text",
    [
        f"--index-url {INSIDE}\nnumpy\n",
        f"--extra-index-url {NEAR}\nnumpy\n",
        f"--find-links {INSIDE}\nnumpy\n",
        "numpy\nresizer @ https://inside.example/resizer-1.0-py3-none-any.whl\n",
        "numpy --hash=sha256:" + "0" * 64 + "\n",
        "".join(f"package{number}\n" for number in range(31)),
    ],
)
def test_nothing_is_looked_up_where_the_repository_says_where_or_what(text: str) -> None:
    assert plain_requirements(read(text)[0]) is None


@given(
    st.lists(
        st.sampled_from(["numpy", "pandas [x]", "scipy", ">=1", "<3", "==1.*", ",", " ", "#", ";", "\n", "'"])
    )
)
def test_a_pinned_file_is_read_as_the_same_packages(parts: list[str]) -> None:
    text = "".join(parts)
    found, problems = read(text)
    loose = [one for one in problems if one.code == "requirement-unpinned"]
    if found is None or not loose:
        return
    again, _ = read(apply(text, pinned(loose[0], found, text.encode(), VERSIONS).edits))
    assert again is not None
    assert [(item.normalized, item.extras, item.marker) for item in again.items] == [
        (item.normalized, item.extras, item.marker) for item in found.items
    ]


SCRIPT = b"""\
import argparse

import numpy
import old

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--output-path", required=True)

if __name__ == "__main__":
    parser.parse_args()
"""
FILES = {"run.py": SCRIPT, "requirements.txt": b"numpy\nold>=1  # keep\n"}


def mended(index_url: str, ask: bool = True, files: dict[str, bytes] = FILES) -> str:
    """requirements.txt with the mend that a review offers."""
    report = read_report(Source({name: Entry(name, "file") for name in files}, files), "noise")
    environment = Environment("python", "Python", "python:3.12", "3.12", {})
    policy = Policy(
        (environment,), "python", "bot", "", Building(index_url=index_url), review=Manner(ask_index=ask)
    )
    world = World(NOT_ASKED, NOT_ASKED, NOT_ASKED, policy, 7, NOT_ASKED)
    settings = policy.pipeline_settings(report)
    assert isinstance(settings, PipelineSettings)
    request = MergeRequest(1, "opened", "work", "main", "")
    project = Project(1, "lab/noise", "main", "private", None, "")
    reviewed = Reviewed(request, project, report, report.problems, settings)
    (loose,) = [one for one in report.problems if one.code == "requirement-unpinned"]
    text = files["requirements.txt"].decode()
    return apply(text, with_pins(loose, reviewed, files, world).edits)


def test_versions_are_those_that_work_together_on_the_operators_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    with served(PackageIndex()) as index:
        index.add("numpy", "1.26.0")
        index.add("numpy", "2.3.1")
        index.add("old", "1.0", requires=["numpy<2"])
        assert mended(index.simple) == "numpy==1.26.0\nold==1.0  # keep\n"
        asked = len(index.requests)
        assert mended(index.simple, ask=False) == FILES["requirements.txt"].decode()
        elsewhere = {**FILES, "requirements.txt": f"--index-url {INSIDE}\nnumpy\n".encode()}
        assert mended(index.simple, files=elsewhere) == elsewhere["requirements.txt"].decode()
        assert len(index.requests) == asked


def test_an_index_that_is_away_only_leaves_the_mend_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    assert mended(f"http://127.0.0.1:{free_port()}/simple") == FILES["requirements.txt"].decode()

"""Every situation that docs/merge-requests.md shows, in the product's own words."""

from __future__ import annotations

from bot.domain import reports
from bot.domain.gitlab import Pipeline
from bot.domain.steps import PUBLISH_STATUS
from parser.model import Module, Report
from parser.read import read
from parser.source import Entry, Source
from pictures.page import Comment, Scene

BOT, ALICE = "mlreef-bot", "alice"
HOST = "https://gitlab.example.com/vision/add-noise"
IMAGE = "registry.example.com/vision/add-noise"
DIGEST = f"sha256:{'4f1b' * 16}"
HEAD = "7c3d9a" * 7

SCRIPT = '''\
"""Adds noise to images."""

import argparse

import numpy

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True, help="an image, or a folder of images")
parser.add_argument("--output-path", required=True, help="the folder that the noisy images go to")
parser.add_argument("--mode", default="gaussian", choices=["gaussian", "speckle"], help="the type of noise")
parser.add_argument("--variance", type=float, default=0.01, help="variance of the noise")


if __name__ == "__main__":
    options = parser.parse_args()
    numpy.random.default_rng().normal(scale=options.variance)
'''
GOOD = {"add_noise.py": SCRIPT, "requirements.txt": "numpy==2.3.5\n"}
BAD = {
    "add_noise.py": SCRIPT.replace("--output-path", "--output-folder"),
    "requirements.txt": "numpy=2.3.5\n",
}


def source_of(files: dict[str, str]) -> Source:
    """A repository of these files."""
    entries = {path: Entry(path, "file") for path in files}
    return Source(entries, {path: text.encode() for path, text in files.items()})


def report_of(files: dict[str, str]) -> Report:
    """What the parser reads of a repository."""
    return read(source_of(files), "add-noise")


def module_of(files: dict[str, str]) -> Module:
    """The module of a repository that has one."""
    module = report_of(files).module
    assert module is not None  # noqa: S101 -- the repositories here are written above
    return module


def scenes() -> tuple[Scene, ...]:
    """All of them, in the order of the page."""
    return (_published(), _refused())


def _published() -> Scene:
    published = reports.Published(IMAGE, DIGEST, 2, ("main-2", "latest"))
    pipeline = Pipeline(481, HEAD, "main", "success", "push", f"{HOST}/-/pipelines/481")
    module = module_of(GOOD)
    body = reports.published_note(module, (), published, pipeline)
    return Scene(
        "published",
        "Add noise to images",
        "Merged",
        "noise",
        ALICE,
        (Comment(BOT, body),),
        check=(PUBLISH_STATUS, "success", reports.published_status(published)),
    )


def _refused() -> Scene:
    problems = report_of(BAD).problems
    return Scene(
        "refused",
        "Add noise to images",
        "Merged",
        "noise",
        ALICE,
        (Comment(BOT, reports.refused_note(HEAD, problems)),),
        check=(PUBLISH_STATUS, "failed", reports.refused_status(problems)),
    )

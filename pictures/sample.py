"""The repository that the pictures speak of, at several times, and what the bot would know of it then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.comparing import compared
from bot.domain.current import Current
from bot.domain.environments import Environment
from bot.domain.gitlab import MergeRequest, Pipeline, Project
from bot.domain.plan import problems_of
from bot.domain.policy import Policy
from bot.domain.requirement_changes import compare_requirements
from bot.domain.review import Reviewed
from bot.domain.versions import Version
from bot.domain.wizard import Means, Setup, SetupWish, plan_setup
from bot.domain.wizard_files import Pin, Pins
from parser.model import Module, Needed, Report
from parser.read import read
from parser.source import Entry, Source

HOST = "https://gitlab.example.com/vision/add-noise"
IMAGE = "registry.example.com/vision/add-noise"
DIGEST = f"sha256:{'4f1b' * 16}"
LOCK = f"sha256:{'85e0' * 16}"
HEAD = "7c3d9a20" * 5

SCRIPT = '''\
"""Adds noise to images."""

import argparse

import numpy
from mlreef import data_processor, parameter


@data_processor(name="Add Noise", type="OPERATION", input_type="IMAGE", output_type="IMAGE")
@parameter(name="input-path", type="STRING", required=True)
@parameter(name="output-path", type="STRING", required=True)
@parameter(name="mode", type="STRING", required=False, defaultValue="gaussian")
@parameter(name="variance", type="FLOAT", required=False, defaultValue=0.01)
def add_noise(options):
    return numpy.random.default_rng().normal(scale=options.variance)


parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True, help="an image, or a folder of images")
parser.add_argument("--output-path", required=True, help="the folder that the noisy images go to")
parser.add_argument("--mode", default="gaussian", choices=["gaussian", "speckle"], help="the type of noise")
parser.add_argument("--variance", type=float, default=0.01, help="variance of the noise")

if __name__ == "__main__":
    add_noise(parser.parse_args())
'''
REQUIREMENTS = "mlreef==1.0\nnumpy==2.3.5\n"
GOOD = {"add_noise.py": SCRIPT, "requirements.txt": REQUIREMENTS}

STRENGTH = '@parameter(name="strength", type="FLOAT", required=False, defaultValue=1.0)\n'
ARGUMENT = (
    'parser.add_argument("--strength", type=float, default=1.0, help="share of the noise that is added")\n'
)
MENDED = {
    "add_noise.py": SCRIPT.replace("import numpy\n", "import numpy\nfrom PIL import Image\n")
    .replace("def add_noise", STRENGTH + "def add_noise")
    .replace("\nif __name__", ARGUMENT + "\nif __name__"),
    "requirements.txt": "mlreef==1.0\nnumpy==2.3.5\npillow==12.0.0\n",
}
"""A parameter and a package more."""

MISTAKES = {
    "add_noise.py": MENDED["add_noise.py"].replace('strength", type="FLOAT"', 'strength", type="FLOT"'),
    "requirements.txt": "mlreef==1.0\nnumpy==2.3.5\npillow=12.0.0\n",
}
"""The same with two mistakes."""

UNPINNED = {"add_noise.py": SCRIPT, "requirements.txt": "mlreef==1.0\nnumpy=2.4.0\n"}
MOVED = {"add_noise.py": SCRIPT, "requirements.txt": "mlreef==1.0\nnumpy==2.4.0\n"}
"""A package of another version: with a mistake, and without."""

BROKEN = {
    "add_noise.py": SCRIPT.replace(', choices=["gaussian", "speckle"]', ', choices=["gaussian", "poisson"]')
    .replace(
        '"variance", type="FLOAT", required=False, defaultValue=0.01', '"sigma", type="FLOAT", required=True'
    )
    .replace('"--variance", type=float, default=0.01', '"--sigma", type=float, required=True')
    .replace("options.variance", "options.sigma"),
    "requirements.txt": "mlreef==1.0\nnumpy==2.4.0\n",
}
"""Other choices, another parameter, and a package moved: what users of the module would notice."""

ENVIRONMENT = Environment("python-3.12", "Plain Python", "registry.example.com/base/python:3.12", "3.12")
POLICY = Policy(
    (ENVIRONMENT,), "python-3.12", "registry.example.com/mlreef/bot:1", "https://mlreef.example.com"
)
PROJECT = Project(
    42, "vision/add-noise", "main", "internal", "mlreef.yml", HOST, False, "registry.example.com"
)
PIPELINE = Pipeline(481, HEAD, "main", "success", "push", f"{HOST}/-/pipelines/481")
REQUEST = MergeRequest(7, "opened", "strength", "main", f"{HOST}/-/merge_requests/7", 42, HEAD, 42, 9)
FORK = 77


NEW_PROJECT = {
    "noise/add.py": SCRIPT.replace(
        "from mlreef import data_processor, parameter\n", "from PIL import Image\n"
    ).replace(SCRIPT[SCRIPT.index("@data_processor") : SCRIPT.index("def add_noise")], ""),
    "noise/remove.py": "import argparse\n\nparser = argparse.ArgumentParser()\n"
    "parser.add_argument('--input-path')\nparser.parse_args()\n",
}
"""Two scripts, and nothing that says what is to be published."""

OFFERED = (
    ENVIRONMENT,
    Environment(
        "torch-2.9", "PyTorch 2.9, CUDA 12.8", "registry.example.com/base/torch:2.9", "3.12", gpu=True
    ),
)
VERSIONS = {"numpy": "2.3.5", "pillow": "12.0.0"}
"""What the index of packages would have said."""


YANKED = {"numpy": "Wrong results on 32-bit machines."}
"""What the index of packages says of versions that were taken back."""


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


PUBLISHED = Current(IMAGE, DIGEST, 3, Version(1, 0, 2), module_of(GOOD), size=98_000_000, seconds=41.0)
"""What `main` has published while the merge requests are open."""


def review_of(
    files: dict[str, str],
    current: Current | None = PUBLISHED,
    *,
    branch: str = "strength",
    fork: bool = False,
) -> Reviewed:
    """What the bot knows of a merge request whose head holds these files."""
    report = report_of(files)
    settings = POLICY.pipeline_settings(report)
    request = replace(REQUEST, source_branch=branch, source_project_id=FORK if fork else REQUEST.project_id)
    problems = problems_of(report, PROJECT, POLICY)
    read_alone = Reviewed(request, PROJECT, report, problems, settings, foreign=request.from_fork)
    reviewed = compared(read_alone, current)
    if current is None or not reviewed.requirements:
        return reviewed
    before, after = (module.requirements if module else None for module in (current.module, report.module))
    return replace(reviewed, requirements=compare_requirements(before, after, YANKED))


def setup_of(files: dict[str, str]) -> Setup:
    """What the wizard would write for a repository."""

    def pin(needed: Sequence[Needed], _: Environment) -> Pins:
        return Pins(tuple(Pin(one.module, one.package, VERSIONS[one.package.lower()]) for one in needed))

    means = Means(lambda source: read(source, "noise"), pin, OFFERED, ENVIRONMENT.name)
    setup = plan_setup(source_of(files), SetupWish(), means)
    assert isinstance(setup, Setup)  # noqa: S101 -- the repositories here are written above
    return setup

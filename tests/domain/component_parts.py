"""A script as text → its module, its component as GitLab would read it, and what the job's program is told."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from bot.domain.component_file import Released, render_component
from parser.model import Module, Report
from parser.read import read
from parser.source import Entry, Source
from sandbox.gitlab.inputs import interpolated

DIGEST = f"sha256:{'a' * 64}"
HEAD = "import argparse\nparser = argparse.ArgumentParser()\n"
TAIL = "\nif __name__ == '__main__':\n    parser.parse_args()\n"


def module_of(*lines: str) -> Module:
    """The module of a script that adds these arguments to `parser`."""
    return read_module(HEAD + "\n".join(lines) + TAIL)


def read_report(script: str) -> Report:
    """What is read of a repository that is this script."""
    contents = {"main.py": script.encode(), "requirements.txt": b"https://example.org/everything.zip\n"}
    source = Source({path: Entry(path, "file") for path in contents}, contents)
    return read(source, "a project", entry_point="main.py")


def read_module(script: str) -> Module:
    """The module of a repository that is this script."""
    module = read_report(script).module
    assert module is not None
    return module


def rendered(module: Module, command: tuple[str, ...] = ("python", "/app/main.py")) -> str:
    image = f"registry.example.com/group/noise@{DIGEST}"
    return render_component(module, Released("group/noise", "1.2.0", image, DIGEST, command))


def job_of(text: str, given: Mapping[str, Any], loader: Any = yaml.SafeLoader) -> dict[str, Any]:
    """The one job of a component's file with these inputs, as GitLab makes it."""
    jobs = yaml.load(interpolated(text, given, {}), Loader=loader)  # noqa: S506 - one of the safe ones
    assert len(jobs) == 1
    return next(iter(jobs.values()))


def told(job: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a job, none of which anybody expands."""
    assert all(one["expand"] is False for one in job["variables"].values())
    return {name: one["value"] for name, one in job["variables"].items()}


def shape_of(text: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the program is told: the module, and the texts of the inputs."""
    variables = told(job_of(text, given))
    shape = json.loads(variables["MLREEF_MODULE"])
    return shape, {name: variables[variable][1:] for name, variable in shape["variables"].items()}

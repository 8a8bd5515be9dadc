"""Small values to decide about, each a whole one with a few fields of interest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.domain.engines import Building
from bot.domain.gitlab import Branch, Project
from bot.domain.pipeline import Environment
from bot.domain.policy import Policy
from parser.model import (
    EntryPoint,
    Kind,
    Module,
    Parameter,
    Place,
    Problem,
    Report,
    Requirements,
    Settings,
    Severity,
)

HEAD = "a" * 40
PARENT = "b" * 40

ENVIRONMENT = Environment("python", "Python 3.12", "python:3.12-slim", "3.12")
POLICY = Policy(
    environments=(ENVIRONMENT, replace(ENVIRONMENT, name="gpu", image="cuda:1")),
    default_environment="python",
    builder_image="registry.example.com/bot:1",
    docs_url="https://docs.example.com",
    building=Building(engines=("docker",)),
)
PROJECT = Project(
    id=15,
    path="group/add-noise",
    default_branch="master",
    visibility="private",
    ci_config_path="mlreef.yml",
    web_url="https://gitlab.example.com/group/add-noise",
    registry_host="registry.example.com",
)


def branch(message: str = "Work\n", can_push: bool = True) -> Branch:
    return Branch("master", HEAD, (PARENT,), message, can_push)


def parameter(name: str, **fields: Any) -> Parameter:
    usual = Parameter(
        name=name,
        flags=(f"--{name}",),
        dest=name.replace("-", "_"),
        type="str",
        default=None,
        required=False,
        choices=None,
        nargs=None,
        action="store",
        help=None,
        place=Place("main.py", 3),
    )
    return replace(usual, **fields)


def module(*parameters: Parameter, name: str = "Add Noise") -> Module:
    return Module(
        name=name,
        slug="add-noise",
        kind=Kind.OPERATION,
        input_type="IMAGE",
        output_type="IMAGE",
        author=None,
        description=None,
        visibility=None,
        entry_points=(EntryPoint("main", "main.py"),),
        parameters=parameters or (parameter("input-path", required=True), parameter("mode", default="x")),
        requirements=Requirements("pip", "requirements.txt", ()),
    )


def problem(message: str, severity: Severity = Severity.ERROR, line: int = 1) -> Problem:
    return Problem("code", severity, message, "Mend it.", Place("main.py", line))


def report(*problems: Problem, environment: str | None = None, made: Module | None = None) -> Report:
    return Report(made or module(), Settings(environment=environment), problems)

"""A repository on disk → what it would publish, in the forms that people and programs read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.adapters.worktree import pushed_paths
from bot.domain.component import plan_component
from bot.domain.image_start import runs
from bot.domain.text import printable, problem_lines
from bot.errors import OperatorError
from parser.model import Parameter, Problem, Report, Settings, Value
from parser.problems import problem
from parser.read import read
from parser.source import MAX_FILES, Source, load_source
from parser.wire import report_to_dict

if TYPE_CHECKING:
    from bot.domain.policy import Policy


MARKS = (".mlreef.yaml", "requirements.txt", ".git", "pyproject.toml", "setup.py", "setup.cfg")
"""What the root of a repository holds; any of them tells it."""

MAX_CLIMBED = 4
"""Folders above a single script that may be its repository's root."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A repository on disk: its folder, what was loaded from it, and what that says."""

    folder: Path
    source: Source
    report: Report
    by_git: bool = False
    """Whether git said which files count."""


def load_report(path: Path, entry_point: str | None = None) -> Report:
    """Read a folder, or the repository of one script. Raises OperatorError when there is nothing to read."""
    return load_repository(path, entry_point).report


def load_repository(path: Path, entry_point: str | None = None, project_name: str | None = None) -> Loaded:
    """The same, with the files themselves. `project_name`: instead of the folder's."""
    if path.is_file():
        root = _root_of(path)
        entry_point = entry_point or path.absolute().relative_to(root.absolute()).as_posix()
        path = root
    try:
        named = None if entry_point is None else _within(path, entry_point)
        paths = pushed_paths(path)
        if paths is not None and named is not None and named not in paths:
            # Whoever names a file that git ignores wants it read, and what it needs lies beside it.
            paths = None
        source = load_source(path, paths)
    except OSError as error:
        raise OperatorError(
            f"{path} cannot be read: {error.strerror or 'there is no such folder'}",
            "give the folder of a repository, or one script",
        ) from error
    if len(source.entries) > MAX_FILES:
        report = Report(None, Settings(), (problem("too-many-files", limit=f"{MAX_FILES:,}"),))
    else:
        report = read(source, project_name or path.resolve().name, named)
    return Loaded(path, source, report, paths is not None)


def _root_of(script: Path) -> Path:
    """The folder of a script's repository: the nearest one that looks like its root, else the script's own."""
    above = script.absolute().parents
    for folder in above[:MAX_CLIMBED]:
        if any((folder / mark).exists() for mark in MARKS):
            return folder
    return script.parent


def _within(folder: Path, named: str) -> str:
    """The entry point as a path from the folder, if it was given as a whole path into it; else unchanged."""
    given = Path(named)
    for base in (folder.absolute(), folder.resolve()):
        if given.is_absolute() and given.is_relative_to(base):
            return given.relative_to(base).as_posix()
    return named


def describe(report: Report, form: str) -> str:
    """The report as `json`, `yaml` or a `table` for people."""
    if form == "table":
        refused = ["This would be refused."] if report.refused else []
        return "\n".join((*_table(report), *problem_lines(report.problems), *refused))
    data = report_to_dict(report)
    if form == "yaml":
        import yaml

        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    return json.dumps(data, indent=2, ensure_ascii=False)


def render(report: Report, policy: Policy, branch: str) -> bytes:
    """The mlreef.yml of a report that is not refused. Raises OperatorError for an unknown environment."""
    from bot.domain.pipeline import render as render_pipeline

    if report.module is None:
        raise ValueError("a refused report has no pipeline")
    settings = policy.pipeline_settings(report)
    if isinstance(settings, Problem):
        raise OperatorError(settings.message, settings.hint)
    return render_pipeline(report.module, settings, branch)


def stand_in_policy() -> Policy:
    """A policy for looking at a rendered file without an operator's configuration; its images do not exist."""
    from bot.domain.pipeline import Environment
    from bot.domain.policy import Policy

    environment = Environment("stand-in", "Stand-in", "python.example.invalid/python:3.12", "3.12")
    return Policy((environment,), "stand-in", "bot.example.invalid/mlreef-bot:0", "")


def _table(report: Report) -> Iterator[str]:
    module = report.module
    if module is None:
        yield "What would be published is not known."
        return
    yield printable(
        f"{module.name} ({module.slug}), {module.kind}, {module.input_type} → {module.output_type}"
    )
    yield printable(f"runs {runs(module)}")
    for point in module.entry_points:
        if point.input_type is not None or point.output_type is not None:
            yield printable(f"{point.role}: {' → '.join(module.types_of(point.role))}")
    rows = [("parameter", "type", "default", "required", "choices"), *map(_row, module.parameters)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    for left_out in plan_component(module).left_out:
        yield printable(f"{left_out.name} is no input of the component: {left_out.why}")


def _row(parameter: Parameter) -> tuple[str, ...]:
    def cell(field: str, value: Value) -> str:
        return "?" if field in parameter.unknown else "" if value is None else printable(_shown(value))

    return (
        printable(" ".join((*parameter.subcommand, parameter.name))),
        cell("type", parameter.type),
        cell("default", parameter.default),
        cell("required", {True: "yes", False: "no", None: None}[parameter.required]),
        cell("choices", ", ".join(map(_shown, parameter.choices)) if parameter.choices else None),
    )


def _shown(value: Value) -> str:
    """Text as it is; everything else as the JSON of `describe` has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""A repository on disk → what it would publish, in the forms that people and programs read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import OperatorError
from parser.model import Parameter, Problem, Report
from parser.read import read
from parser.source import Source, load_source
from parser.wire import report_to_dict

if TYPE_CHECKING:
    from bot.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Loaded:
    """A repository on disk: its folder, what was loaded from it, and what that says."""

    folder: Path
    source: Source
    report: Report


def load_report(path: Path, entry_point: str | None = None) -> Report:
    """Read a folder, or the folder of one script. Raises OperatorError when there is nothing to read."""
    return load_repository(path, entry_point).report


def load_repository(path: Path, entry_point: str | None = None) -> Loaded:
    """The same, with the files themselves."""
    if path.is_file():
        entry_point = entry_point or path.name
        path = path.parent
    try:
        source = load_source(path)
    except OSError as error:
        raise OperatorError(
            f"{path} cannot be read: {error.strerror or 'there is no such folder'}",
            "give the folder of a repository, or one script",
        ) from error
    if entry_point is not None:
        entry_point = _within(path, entry_point)
    return Loaded(path, source, read(source, path.resolve().name, entry_point))


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
        return "\n".join((*_table(report), *problem_lines(report.problems)))
    data = report_to_dict(report)
    if form == "yaml":
        import yaml

        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    return json.dumps(data, indent=2, ensure_ascii=False)


def render(report: Report, policy: Policy, branch: str) -> bytes:
    """The mlreef.yml of a report that is not refused. Raises OperatorError for an unknown environment."""
    from bot.domain.pipeline import PipelineSettings, plan_environment
    from bot.domain.pipeline import render as render_pipeline

    if report.module is None:
        raise ValueError("a refused report has no pipeline")
    environment = plan_environment(report, policy.environments, policy.default_environment)
    if isinstance(environment, Problem):
        raise OperatorError(environment.message, environment.hint)
    settings = PipelineSettings(
        policy.builder_image, policy.engine, environment, policy.docs_url, policy.limits
    )
    return render_pipeline(report.module, settings, branch)


def stand_in_policy() -> Policy:
    """A policy for looking at a rendered file without an operator's configuration; its images do not exist."""
    from bot.domain.pipeline import Environment
    from bot.domain.policy import Policy

    environment = Environment("stand-in", "Stand-in", "python.example.invalid/python:3.12", "3.12")
    return Policy((environment,), "stand-in", "bot.example.invalid/mlreef-bot:0", "docker", "")


def problem_lines(problems: Sequence[Problem]) -> Iterator[str]:
    """One line for each problem, where it is and what it is, and one with what to do."""
    for problem in problems:
        place = problem.place
        where = f"{place.file}:{place.line}:{place.column + 1}: " if place else ""
        yield _plain(f"{where}{problem.severity} [{problem.code}] {problem.message}")
        if problem.hint:
            yield _plain(f"    → {problem.hint}")


def _table(report: Report) -> Iterator[str]:
    module = report.module
    if module is None:
        yield "There is nothing here that could be published."
        return
    yield _plain(f"{module.name} ({module.slug}), {module.kind}, {module.input_type} → {module.output_type}")
    yield _plain(f"runs {module.main}")
    rows = [("parameter", "type", "default", "required", "choices"), *map(_row, module.parameters)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(parameter: Parameter) -> tuple[str, ...]:
    def cell(field: str, value: object) -> str:
        return "?" if field in parameter.unknown else "" if value is None else _plain(str(value))

    return (
        _plain(" ".join((*parameter.subcommand, parameter.name))),
        cell("type", parameter.type),
        cell("default", parameter.default),
        cell("required", {True: "yes", False: "no", None: None}[parameter.required]),
        cell("choices", ", ".join(map(str, parameter.choices)) if parameter.choices else None),
    )


def _plain(text: str) -> str:
    # A repository's words must not move a terminal's cursor or colour its lines.
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)

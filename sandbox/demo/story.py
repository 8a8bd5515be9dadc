"""The story that the demo tells: from values to lines, nothing else."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sandbox.demo.outcome import Ending, Outcome
from sandbox.demo.terminal import Line, Style, harmless

WIDTH = 100
"""Columns that the story is laid out for."""

LONGEST_CELL = 28
"""Columns of a table's cell; what is longer is cut with an ellipsis."""

LONGEST_DIFF = 160
"""Lines of a diff that are shown; the others are counted."""


def chapter(number: int, title: str) -> list[Line]:
    """A heading of the story."""
    return [Line(""), Line(f"━━ {number} · {title} ".ljust(WIDTH, "━"), Style.HEAD)]


def step(text: str) -> Line:
    """Something the demo is about to do."""
    return Line(f"  · {harmless(text)}", Style.FAINT)


def happened(text: str) -> Line:
    """Something that went well."""
    return Line(f"  ✓ {harmless(text)}", Style.GOOD)


def went_wrong(text: str) -> Line:
    """Something that did not."""
    return Line(f"  ✗ {harmless(text)}", Style.BAD)


def delivery(event: str, status: int | None, seconds: float, why: str = "") -> Line:
    """A webhook and the bot's answer to it; `status` None when there was none, `why` the reason it gave."""
    took = f"in {seconds * 1000:.0f} ms"
    if status is None:
        return went_wrong(f"webhook {event}: no answer")
    if status == 202:
        return happened(f"webhook {event}: accepted and stored ({status}) {took}")
    if status < 300:
        return step(f"webhook {event}: {why or 'nothing to do for it'} ({status}) {took}")
    return went_wrong(f"webhook {event}: answered {status} {took}")


def _cell(value: str) -> str:
    value = harmless(value)
    return value if len(value) <= LONGEST_CELL else value[: LONGEST_CELL - 1] + "…"


def _shown(parameter: Mapping[str, Any], field: str) -> str:
    if field in parameter.get("unknown", ()):
        return "computed"
    value = parameter.get(field)
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A plain table; no trailing spaces."""
    cells = [list(heads), *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    drawn = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return [drawn[0], "  ".join("─" * width for width in widths), *drawn[1:]]


def parsed(module: Mapping[str, Any]) -> list[Line]:
    """What the bot read: the module and a table of its parameters (wire form of a Module)."""
    entries: Mapping[str, str] = module["entry_points"]
    entry = entries.get("main") or ", ".join(f"{file} ({role})" for role, file in entries.items())
    requirements = module.get("requirements") or {}
    names = [item["name"] or item.get("url") or "?" for item in requirements.get("items", ())]
    reads = f"{module['kind']}, {module['input_type']} → {module['output_type']}"
    told = [happened(f"{module['name']}: {reads}, run by {entry}")]
    if names:
        told.append(happened(f"requirements: {', '.join(names)} ({requirements['file']})"))
    rows = [
        (
            " ".join((*parameter.get("subcommand", ()), parameter["name"])),
            _shown(parameter, "type"),
            "required" if parameter.get("required") else "",
            _shown(parameter, "default"),
            ", ".join(map(str, parameter.get("choices") or ())),
            # as `--help` prints it: with the default in place of `%(default)s`, its lines as one
            " ".join((parameter.get("printed_help") or parameter.get("help") or "").split()),
        )
        for parameter in module["parameters"]
    ]
    drawn = table(("parameter", "type", "", "default", "choices", "help"), rows)
    return [*told, Line(""), *(Line(f"    {line}") for line in drawn), Line("")]


_MARKS = {"error": ("✗", Style.BAD), "warning": ("!", Style.WARNING), "info": ("·", Style.FAINT)}


def problem(found: Mapping[str, Any]) -> list[Line]:
    """A problem with its place, and what to do about it (wire form of a Problem)."""
    place = found.get("place") or {}
    where = f"{place['file']}:{place['line']}: " if place else ""
    mark, style = _MARKS[found["severity"]]
    told = [Line(f"  {mark} {harmless(where + found['message'])}", style)]
    hint = harmless(found.get("hint") or "")
    told += [Line(f"      {part}", Style.FAINT) for part in textwrap.wrap(hint, WIDTH - 6)]
    return told


def diff(path: str, text: str, longest: int = LONGEST_DIFF) -> list[Line]:
    """A file's diff as GitLab gives it (without its header); of a long one, both ends."""
    styles = {"+": Style.GOOD, "-": Style.BAD, "@": Style.FAINT}
    lines = text.splitlines()
    told = [Line(f"    {harmless(path)}", Style.STRONG)]
    drawn = [Line(f"    {harmless(line)}", styles.get(line[:1], Style.PLAIN)) for line in lines]
    if len(lines) <= longest:
        return told + drawn
    head = longest // 3
    left_out = Line(f"    … {len(lines) - longest} lines …", Style.FAINT)
    return [*told, *drawn[:head], left_out, *drawn[len(lines) - longest + head :]]


def job_started(name: str, stage: str) -> Line:
    """A job of the pipeline begins."""
    return Line(f"  ▶ {harmless(name)} (stage {harmless(stage)})", Style.STRONG)


def job_line(name: str, text: str) -> Line:
    """A line of a job's log."""
    return Line(f"    {harmless(name)[:16]:<16} │ {harmless(text)}", Style.FAINT)


def job_ended(name: str, status: str, seconds: float | None) -> Line:
    """A job of the pipeline ended, in GitLab's words."""
    took = f" after {seconds:.1f} s" if seconds is not None else ""
    text = f"{name}: {status}{took}"
    return happened(text) if status == "success" else step(text) if status == "skipped" else went_wrong(text)


def build_step(line: str) -> bool:
    """Whether a line of an image's build is one of its steps, whichever builder the engine uses."""
    return bool(re.match(r"#\d+ \[[^]]*\d+/\d+\]|Step \d+/\d+|Making ", line))


def status(name: str, state: str, description: str) -> Line:
    """A commit status as people see it beside the commit."""
    marks = {"success": ("✓", Style.GOOD), "failed": ("✗", Style.BAD)}
    mark, style = marks.get(state, ("○", Style.PLAIN))
    return Line(f"  {mark} {harmless(name)}: {harmless(state)}: {harmless(description)}", style)


def note(where: str, author: str, body: str) -> list[Line]:
    """A comment, with a bar at its side."""
    told = [Line(f"  {harmless(author)} on {harmless(where)}:", Style.STRONG)]
    return told + [Line(f"    ┃ {harmless(line)}".rstrip()) for line in _as_shown(body).splitlines()]


_FOLDED = re.compile(r"<details>\s*<summary>([^<]*)</summary>(?:(?!<details>).)*?</details>", re.DOTALL)


def edited(where: str, author: str, before: str, after: str) -> list[Line]:
    """A comment that was edited: the lines that it did not hold before."""
    known = set(_as_shown(before).splitlines())
    new = [line for line in _as_shown(after).splitlines() if line not in known]
    told = [Line(f"  {harmless(author)} edits its note on {harmless(where)}:", Style.STRONG)]
    return told + [Line(f"    ┃ {harmless(line)}") for line in new]


def _as_shown(body: str) -> str:
    """A comment as a browser would show its characters: no HTML comments, escapes or word joiners; folded parts are."""
    body = re.sub(r"<!--.*?-->\n?", "", body, flags=re.DOTALL)
    folded = 1
    while folded:  # what is folded within what is folded first
        body, folded = _FOLDED.subn(r"▸ \1", body)
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", body).replace("\u2060", "")


def summary(outcome: Outcome, extra: Sequence[tuple[str, str]] = ()) -> list[Line]:
    """The end of the story."""
    words = {
        Ending.PUBLISHED: ("Published", Style.GOOD),
        Ending.REFUSED: ("Refused: the repository has to be mended first", Style.BAD),
        Ending.FAILED: ("Failed", Style.BAD),
    }
    text, style = words[outcome.ending]
    rows = [("image", outcome.image), ("version", outcome.version), *extra]
    parts = {name: value for name, value in outcome.seconds.items() if not name.startswith("to ")}
    rows += [("took", ", ".join(f"{name} {value:.1f} s" for name, value in parts.items()))]
    told = [Line(""), Line("━" * WIDTH, Style.HEAD), Line(f"  {text}", style)]
    return told + [Line(f"  {name + ':':<10} {harmless(value)}") for name, value in rows if value]

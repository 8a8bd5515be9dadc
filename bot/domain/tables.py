"""Tables of notes. Each holds so many rows and characters at most; what does not fit is counted below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from bot.domain.text import prose, row, span
from parser.model import Parameter, Problem, Value
from parser.wire import canonical

MAX_TABLE_CHARS = 60_000
"""A note has a handful of tables, and GitLab refuses notes of more than 1,000,000 characters."""

MAX_PROBLEMS_SHOWN = 50
MAX_PARAMETERS_SHOWN = 100
MAX_CELL_CHARS = 400
MAX_CHOICES_SHOWN = 20
MAX_CHOICE_CHARS = 40

_Item = TypeVar("_Item")
_NUMBERS = {1: "One", 2: "Two", 3: "Three", 4: "Four", 5: "Five"}


def table(
    head: Sequence[str], items: Sequence[_Item], draw: Callable[[_Item], str], limit: int
) -> tuple[list[str], int]:
    """The lines of a table of at most so many rows, each drawn of an item, and how many items it leaves out."""
    lines, chars = [row(*head), row(*("---" for _ in head))], 0
    for count, item in enumerate(items):
        if count == limit:
            return lines, len(items) - count
        drawn = draw(item)
        chars += len(drawn) + 1
        if chars > MAX_TABLE_CHARS:
            return lines, len(items) - count
        lines.append(drawn)
    return lines, 0


def problem_table(problems: Sequence[Problem], further: Sequence[str] = ()) -> list[str]:
    """Where, what and what to do, for each problem; `further` are rows of the same kind, drawn already."""
    items: list[Problem | str] = [*problems, *further]
    lines, rest = table(("Where", "What", "What to do"), items, _problem, MAX_PROBLEMS_SHOWN)
    return [*lines, *(["", f"… and {rest} more: `mlreef-bot check .` shows all."] if rest else [])]


def parameter_table(parameters: Sequence[Parameter]) -> list[str]:
    """All that a module accepts."""
    head = ("Parameter", "Type", "Default", "Choices", "Meaning")
    lines, rest = table(head, parameters, _parameter, MAX_PARAMETERS_SHOWN)
    return [*lines, *(["", f"… and {rest} more."] if rest else [])]


def _problem(one: Problem | str) -> str:
    if isinstance(one, str):
        return one
    return row(_place(one), prose(one.message, MAX_CELL_CHARS), prose(one.hint, MAX_CELL_CHARS))


def _parameter(one: Parameter) -> str:
    name = " ".join((*one.subcommand, one.flags[0] if one.flags else one.name))
    return row(span(name), span(one.type or "?"), _default(one), _choices(one), _help(one))


def folded(summary: str, lines: Sequence[str]) -> list[str]:
    """Lines that show when somebody opens them; `summary` is plain text of ours."""
    return [f"<details><summary>{summary}</summary>", "", *lines, "", "</details>"]


def plural(count: int, noun: str) -> str:
    """`1 parameter`, `2 parameters`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def counted(count: int, noun: str) -> str:
    """`One parameter`, `Two parameters`, `12 parameters`, at the beginning of a sentence."""
    return f"{_NUMBERS.get(count, count)} {noun}{'' if count == 1 else 's'}"


def place_words(problem: Problem) -> str:
    """`main.py:3`; empty for what concerns the whole repository."""
    return f"{problem.place.file}:{problem.place.line}" if problem.place else ""


def _place(problem: Problem) -> str:
    return span(place_words(problem)) if problem.place else ""


def _help(parameter: Parameter) -> str:
    # as `--help` prints it: `%(default)s` means nothing to readers
    text = parameter.printed_help or parameter.help
    return prose(text, MAX_CELL_CHARS) if text else ""


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return "*required*"
    if "default" in parameter.unknown:
        return "*known only at run time*"
    return "" if parameter.default is None else span(_plain(parameter.default))


def _choices(parameter: Parameter) -> str:
    if "choices" in parameter.unknown:
        return "*known only at run time*"
    choices = parameter.choices or ()
    shown = [span(_plain(choice), MAX_CHOICE_CHARS) for choice in choices[:MAX_CHOICES_SHOWN]]
    rest = len(choices) - len(shown)
    return ", ".join([*shown, *([f"and {rest} more"] if rest else [])])


def _plain(value: Value) -> str:
    return value if isinstance(value, str) else canonical(value)

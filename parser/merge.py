"""Annotations against argparse: argparse's value wins, and every contradiction is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from parser.annotations import Annotated
from parser.argparse_reader import CommandLine
from parser.model import Parameter, Problem, Severity, Value
from parser.problems import problem, shown

MANDATORY = ("input-path", "output-path")

_ACCEPTS: Mapping[str, frozenset[str]] = {
    "BOOLEAN": frozenset({"bool"}),
    "STRING": frozenset({"str", "Path", "PurePath", "FileType"}),
    "INTEGER": frozenset({"int"}),
    "FLOAT": frozenset({"float"}),
    "COMPLEX": frozenset({"complex"}),
}
_ALSO_READ: Mapping[str, frozenset[str]] = {
    "BOOLEAN": frozenset({"str"}),
    "STRING": frozenset(),
    "INTEGER": frozenset({"float", "str", "complex"}),
    "FLOAT": frozenset({"str", "complex"}),
    "COMPLEX": frozenset({"str"}),
}
_BUILTIN = frozenset({"str", "int", "float", "complex", "bool"})


def merge(
    annotated: tuple[Annotated, ...], command_line: CommandLine
) -> tuple[tuple[Parameter, ...], tuple[Problem, ...]]:
    """argparse's parameters, described by the annotations, and where the two contradict each other."""
    accepted, complete = command_line.parameters, command_line.complete
    problems: list[Problem] = []
    by_name: dict[str, Annotated] = {}
    merged: list[Parameter] = []
    for one in annotated:
        match = next((p for p in accepted if _is(p, one.name)), None)
        if match is None:
            problems.append(_not_accepted(one, complete))
        else:
            by_name[match.name] = one
            problems.extend(_contradictions(one, match))
    for parameter in accepted:
        note = by_name.get(parameter.name)
        if note is None:
            if annotated:
                problems.append(problem("accepted-not-annotated", parameter.place, name=parameter.name[:120]))
            merged.append(parameter)
        else:
            merged.append(_described(parameter, note))
    problems.extend(_missing(command_line, annotated))
    return tuple(merged), tuple(problems)


def _is(parameter: Parameter, name: str) -> bool:
    """Whether the image takes `--name` for this parameter (or it is the positional of that name)."""
    return f"--{name}" in parameter.flags or (not parameter.flags and parameter.name == name)


def _described(parameter: Parameter, note: Annotated) -> Parameter:
    if parameter.help is None and "help" not in parameter.unknown and note.description:
        return replace(parameter, help=note.description)
    return parameter


def _not_accepted(one: Annotated, complete: bool) -> Problem:
    # People must give a required parameter, so the image would refuse every use of it.
    refused = one.required is True and complete
    return problem(
        "annotated-not-accepted", one.place, Severity.ERROR if refused else None, name=one.name[:120]
    )


def _contradictions(one: Annotated, parameter: Parameter) -> list[Problem]:
    found: list[Problem] = []
    name = parameter.name[:120]
    needed = parameter.required is True
    if one.type and parameter.type and (why := _type_fault(one.type, parameter)):
        stops = needed and "refused" in why
        words = {"name": name, "annotated": one.type, "type": parameter.type, "why": why}
        found.append(problem("type-differs", one.place, Severity.ERROR if stops else None, **words))
    if one.required is not None and parameter.required is not None and one.required != parameter.required:
        words = {"annotated": _required(one.required), "value": _required(parameter.required)}
        found.append(problem("required-differs", one.place, None, name=name, **words))
    if "defaultValue" in one.given and one.default is not None:
        found.extend(_default_faults(one, parameter, needed))
    return found


def _required(value: bool) -> str:
    return "required" if value else "optional"


def _type_fault(annotated: str, parameter: Parameter) -> str | None:
    """Why the two types do not fit; None when they do, or when nobody can tell."""
    type_ = parameter.type
    if annotated not in _ACCEPTS or type_ is None or type_ in _ACCEPTS[annotated] or type_ not in _BUILTIN:
        return None
    if parameter.nargs not in (None, 0, "?"):
        return None
    if type_ in _ALSO_READ[annotated]:
        return "the script sees another type of value than people are told"
    if parameter.nargs == 0:
        return "it is a flag, so a value is refused"
    return f"a value of the annotated type is refused unless it happens to be {type_}"


def _default_faults(one: Annotated, parameter: Parameter, needed: bool) -> list[Problem]:
    name = parameter.name[:120]
    if parameter.choices is not None and not _among(one.default, parameter.choices):
        words = {"annotated": shown(one.default), "choices": shown(", ".join(map(str, parameter.choices)))}
        severity = Severity.ERROR if needed else None
        return [problem("annotated-not-a-choice", one.place, severity, name=name, **words)]
    if needed and parameter.default is None:
        # argparse has no default where the value must be given; the annotated one is what people start from.
        return []
    if "default" in parameter.unknown or _alike(one.default, parameter.default):
        return []
    words = {"annotated": shown(one.default), "value": shown(parameter.default)}
    return [problem("default-differs", one.place, None, name=name, **words)]


def _among(value: Value, choices: tuple[Value, ...]) -> bool:
    items = value if isinstance(value, tuple) else (value,)
    return all(any(_alike(item, choice) for choice in choices) for item in items)


def _alike(left: Value, right: Value) -> bool:
    """Equal, or written the same: annotations often hold numbers as text."""
    return left == right or str(left) == str(right) or (left == "" and right is None)


def _missing(command_line: CommandLine, annotated: tuple[Annotated, ...]) -> list[Problem]:
    """Every module takes an input and an output path, so that it can be put into a pipeline."""
    found: list[Problem] = []
    for name in MANDATORY:
        flag = f"--{name}"
        if any(flag in p.flags and not p.subcommand and p.condition is None for p in command_line.parameters):
            continue
        near = next((p for p in command_line.parameters if p.name.replace("_", "-").lower() == name), None)
        mend = f'Add it: `parser.add_argument("{flag}", …)`.'
        place = command_line.place
        if near is not None:
            place = near.place
            if near.subcommand:
                mend = f"{flag} belongs to a subcommand; add it to the parser itself."
            elif near.condition is not None:
                mend = f"{flag} exists only under a condition; add it always."
            else:
                written = near.flags[0] if near.flags else near.name
                mend = f"The script calls it {shown(written)}; call it {flag}."
        else:
            place = next((one.place for one in annotated if one.name == name), place)
        if not command_line.complete and near is None:
            mend += " It may be among the arguments that could not be read."
        found.append(problem("missing-parameter", place, name=flag, mend=mend))
    return found

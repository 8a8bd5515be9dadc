"""Annotations against the script's command line: the script's value wins, and every contradiction is told."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace

from parser.annotations import Annotated
from parser.argparse_reader import CommandLine
from parser.model import Edit, Parameter, Place, Problem, Severity, Value
from parser.problems import problem, shown

MANDATORY = ("input-path", "output-path")

_ACCEPTS: Mapping[str, frozenset[str]] = {
    "BOOLEAN": frozenset({"bool"}),
    "STRING": frozenset({"str", "Path", "PurePath", "FileType", "File"}),
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
_WORDS: Mapping[str, str] = {
    "str": "STRING",
    "int": "INTEGER",
    "float": "FLOAT",
    "complex": "COMPLEX",
    "bool": "BOOLEAN",
}
_HINTS = ("|", "{", "' or '", "one of", "either", "choices", "options", "values", "positive", "negative")
_LISTS = frozenset({"LIST", "TUPLE"})
NEAR = 0.8
"""How alike two names of parameters have to be, from 0 to 1; `angel` and `angle` are 0.8."""

MIN_COMPARED = 4
"""Letters of a name that can miss another; shorter ones are alike by chance."""

MAX_COMPARED = 60
"""Letters of a name that is compared."""

MAX_PARAMETERS = 500
"""Parameters that a name is compared with."""

_DECLARATIONS: Mapping[str, str] = {
    "argparse": 'parser.add_argument("--{name}", …)',
    "click": '@click.option("--{name}", …)',
    "absl": 'flags.DEFINE_string("{name}", …)',
}
"""How each kind of script declares a parameter."""


def merge(
    annotated: tuple[Annotated, ...], command_line: CommandLine
) -> tuple[tuple[Parameter, ...], tuple[Problem, ...]]:
    """argparse's parameters, described by the annotations, and where the two contradict each other."""
    accepted = command_line.parameters
    problems: list[Problem] = []
    by_name: dict[str, Annotated] = {}
    merged: list[Parameter] = []
    meant: set[str] = set()
    for one in annotated:
        match = next((p for p in accepted if _is(p, one.name)), None)
        if match is None:
            near = _near(one, accepted)
            like = _like(one, annotated, accepted) if near is None else None
            meant.update(p.name for p in (near, like) if p is not None)
            problems.append(_not_accepted(one, near, like, command_line))
        elif match.name in by_name:
            first = by_name[match.name].place
            words = {"name": shown(one.name), "line": str(first.line)}
            problems.append(problem("parameter-annotated-twice", one.place, None, also=[first], **words))
        else:
            by_name[match.name] = one
            problems.extend(_contradictions(one, match))
    for parameter in accepted:
        note = by_name.get(parameter.name)
        problems.extend(_described_otherwise(parameter, note))
        if note is None:
            if annotated and parameter.name not in meant:
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


def _near(one: Annotated, accepted: tuple[Parameter, ...]) -> Parameter | None:
    """The parameter that an annotation means and does not name: it has another spelling, or only that `dest`."""
    spelt = _plain_name(one.name)
    named = (p for p in accepted if _plain_name(p.name) == spelt)
    return next(named, None) or next((p for p in accepted if p.flags and p.dest == one.name), None)


def _like(
    one: Annotated, annotated: tuple[Annotated, ...], accepted: tuple[Parameter, ...]
) -> Parameter | None:
    """The parameter that nobody annotated and that an annotation misses by a letter or two."""
    if not MIN_COMPARED <= len(one.name) <= MAX_COMPARED or len(accepted) > MAX_PARAMETERS:
        return None
    import difflib  # slow to load, and a name is rarely wrong

    taken = {_plain_name(note.name) for note in annotated}
    free = {_plain_name(p.name): p for p in accepted if len(p.name) <= MAX_COMPARED}
    free = {name: p for name, p in free.items() if name not in taken}
    found = difflib.get_close_matches(_plain_name(one.name), free, 1, NEAR)
    return free[found[0]] if found else None


def _not_accepted(
    one: Annotated, near: Parameter | None, like: Parameter | None, command_line: CommandLine
) -> Problem:
    # People must give a required parameter, so the image would refuse every use of it.
    refused = one.required is True and command_line.complete
    name = one.name[:120]
    mend = f"Add `{_declaration(command_line, name)}`, or remove the annotation."
    if like is not None:
        mend = (
            f"Is {shown(like.name)} meant, which the script accepts? Otherwise, {mend[0].lower()}{mend[1:]}"
        )
    edits: list[Edit] = []
    if near is not None:
        mend = f"The script calls it {shown(near.flags[0] if near.flags else near.name)}; write the same name in both."
        # `--no-x` stores x the other way round: no other spelling of the same.
        turned = near.action == "store_false" and _plain_name(near.name) != _plain_name(one.name)
        if near.name.replace("_", "").replace("-", "").isalnum() and not turned:
            edits = _replaced(one, "name", near.name)
    also = [other.place if (other := near or like) is not None else command_line.place]
    severity = Severity.ERROR if refused else None
    return problem(
        "annotated-not-accepted", one.place, severity, also=also, edits=edits, name=name, mend=mend
    )


def _plain_name(name: str) -> str:
    return name.replace("_", "-").lower()


def _declaration(command_line: CommandLine, name: str) -> str:
    declared = _DECLARATIONS.get(command_line.framework, _DECLARATIONS["argparse"])
    return declared.replace("{name}", name)


def _replaced(one: Annotated, field: str, value: Value) -> list[Edit]:
    """The edit that writes another value into the annotation; none where the value has no place of its own."""
    place = one.places.get(field)
    if place is None or place.end_line is None or place == one.place:
        return []
    if isinstance(value, str | int | float | None) or (
        isinstance(value, tuple) and all(isinstance(item, str | int | float) for item in value)
    ):
        return [Edit(place, repr(list(value) if isinstance(value, tuple) else value))]
    return []


def _contradictions(one: Annotated, parameter: Parameter) -> list[Problem]:
    found: list[Problem] = []
    name = parameter.name[:120]
    needed = parameter.required is True
    also = [parameter.place]
    if one.type and parameter.type and (why := _type_fault(one.type, parameter)):
        stops = needed and "refused" in why
        words = {"name": name, "annotated": one.type, "type": parameter.type, "why": why}
        word = _WORDS.get(parameter.type) if parameter.nargs in (None, 0, "?") else "LIST"
        edits = _replaced(one, "type", word) if word else []
        severity = Severity.ERROR if stops else None
        found.append(problem("type-differs", _at(one, "type"), severity, also=also, edits=edits, **words))
    if one.required is not None and parameter.required is not None and one.required != parameter.required:
        words = {"annotated": _required(one.required), "value": _required(parameter.required), "name": name}
        edits = _replaced(one, "required", parameter.required)
        found.append(problem("required-differs", _at(one, "required"), None, also=also, edits=edits, **words))
    if "defaultValue" in one.given and one.default is not None:
        found.extend(_default_faults(one, parameter, needed))
    return found


def _at(one: Annotated, field: str) -> Place:
    """Where the annotation gives this field."""
    return one.places.get(field, one.place)


def _required(value: bool) -> str:
    return "required" if value else "optional"


def _type_fault(annotated: str, parameter: Parameter) -> str | None:
    """Why the two types do not fit; None when they do, or when nobody can tell."""
    type_ = parameter.type
    if "nargs" in parameter.unknown or "action" in parameter.unknown:
        return None
    several = parameter.nargs not in (None, 0, "?") or parameter.action in ("append", "extend")
    if annotated in _LISTS:
        if several or type_ not in ("int", "float", "complex", "bool"):
            return None
        return "the script takes one value"
    if annotated not in _ACCEPTS or type_ is None:
        return None
    if several:
        return "the script takes a list of values"
    if type_ in _ACCEPTS[annotated] or type_ not in _BUILTIN:
        return None
    if type_ in _ALSO_READ[annotated]:
        return "the script sees another type of value than people are told"
    if parameter.nargs == 0:
        return "it is a flag, so a value is refused"
    return f"a value of the annotated type is refused unless it happens to be {type_}"


def _default_faults(one: Annotated, parameter: Parameter, needed: bool) -> list[Problem]:
    name = parameter.name[:120]
    at, also = _at(one, "defaultValue"), [parameter.place]
    if parameter.choices is not None and not _among(one.default, parameter.choices):
        words = {"annotated": shown(one.default), "choices": shown(", ".join(map(str, parameter.choices)))}
        severity = Severity.ERROR if needed else None
        # the script's own default is what people get
        own = "default" not in parameter.unknown and _among(parameter.default, parameter.choices)
        edits = _replaced(one, "defaultValue", parameter.default) if own else []
        return [problem("annotated-not-a-choice", at, severity, also=also, edits=edits, name=name, **words)]
    if needed and parameter.default is None:
        # There is no default where the value must be given; the annotated one is what people start from.
        return []
    if "default" in parameter.unknown or _alike(one.default, parameter.default):
        return []
    words = {"annotated": shown(one.default), "value": shown(parameter.default), "name": name}
    edits = _replaced(one, "defaultValue", parameter.default)
    return [problem("default-differs", at, None, also=also, edits=edits, **words)]


def _may_describe(text: str) -> bool:
    """Whether the text could name choices or a range at all."""
    plain = text.lower()
    return any(hint in plain for hint in _HINTS) or any(char.isdigit() for char in plain)


def _described_otherwise(parameter: Parameter, note: Annotated | None) -> list[Problem]:
    """What the prose says and the script does not check: suggestions only."""
    text = " ".join(one for one in (parameter.help, note.description if note else None) if one)
    if not _may_describe(text) or parameter.nargs == 0:
        return []
    # Its patterns take their time to be compiled, and most scripts need none of them.
    from parser.described import described_choices, described_range

    also = [note.place] if note is not None else []
    name = shown(parameter.name)
    found: list[Problem] = []
    choices = described_choices(text) if parameter.type in ("str", "int", "float") else None
    if choices and "choices" not in parameter.unknown:
        words = {"name": name, "described": ", ".join(choices)}
        if parameter.choices is None and parameter.type == "str":
            written = ", ".join(repr(one) for one in choices)
            found.append(
                problem("described-choices", parameter.place, None, also=also, choices=written, **words)
            )
        elif parameter.choices is not None and not _among(choices, parameter.choices):
            accepted = ", ".join(map(str, parameter.choices))
            found.append(
                problem("choices-differ", parameter.place, None, also=also, accepted=accepted, **words)
            )
        default = parameter.default if isinstance(parameter.default, str) else ""
        if parameter.choices is None and default and default not in choices:
            words |= {"value": shown(default)}
            found.append(problem("default-not-as-described", parameter.place, None, also=also, **words))
        return found
    limits = (
        described_range(text) if parameter.type in ("int", "float") and parameter.choices is None else None
    )
    if limits is not None:
        words = {"name": name, "described": str(limits)}
        found.append(problem("described-range", parameter.place, None, also=also, **words))
        values = parameter.default if isinstance(parameter.default, tuple) else (parameter.default,)
        numbers = [one for one in values if isinstance(one, int | float) and not isinstance(one, bool)]
        if any(not limits.holds(one) for one in numbers):
            words |= {"value": shown(parameter.default)}
            found.append(problem("default-not-as-described", parameter.place, None, also=also, **words))
    return found


def _among(value: Value, choices: tuple[Value, ...]) -> bool:
    items = value if isinstance(value, tuple) else (value,)
    return all(any(_alike(item, choice) for choice in choices) for item in items)


def _alike(left: Value, right: Value) -> bool:
    """Equal, or written the same: annotations often hold numbers as text."""
    return left == right or str(left) == str(right) or (left == "" and right is None)


def _missing(command_line: CommandLine, annotated: tuple[Annotated, ...]) -> list[Problem]:
    """Every module takes an input and an output path, so that it can be put into a pipeline."""
    if any(one.code == "never-parsed" and one.severity is Severity.ERROR for one in command_line.problems):
        return []  # nothing is accepted, whatever is declared: that is the one thing to mend
    found: list[Problem] = []
    for name in MANDATORY:
        flag = f"--{name}"
        if any(flag in p.flags and not p.subcommand and p.condition is None for p in command_line.parameters):
            continue
        near = next((p for p in command_line.parameters if p.name.replace("_", "-").lower() == name), None)
        mend = f"Add it: `{_declaration(command_line, name)}`."
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
        edits = [] if near is None else _respelt(command_line, near, flag)
        found.append(problem("missing-parameter", place, None, edits=edits, name=flag, mend=mend))
    return found


def _respelt(command_line: CommandLine, near: Parameter, flag: str) -> list[Edit]:
    """The edit that writes dashes for underscores; the script's own name for the value stays as it is."""
    script = command_line.scope.script
    plain = command_line.framework == "argparse" and not near.subcommand and near.condition is None
    if not plain or [one.replace("_", "-") for one in near.flags] != [flag]:
        return []
    for node in script.nodes:
        if isinstance(node, ast.Call) and script.place(node) == near.place:
            for one in node.args:
                if isinstance(one, ast.Constant) and one.value == near.flags[0]:
                    place = script.place(one)
                    quote = script.line(place.line)[place.column]
                    return [Edit(place, f"{quote}{flag}{quote}")] if quote in "\"'" else []
    return []

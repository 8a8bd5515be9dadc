"""click's options and arguments: what `@click.option(…)` makes of what it is given."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parser.frameworks.click_types import Read, read_type
from parser.frameworks.fields import Fields, unusable
from parser.interpreter.calls import call_value
from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import MISSING, Function, Unknown, known, why_unknown
from parser.model import Parameter, Problem, Severity
from parser.problems import problem, shown

_UNSET: Any = MISSING
_TRUE, _FALSE = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off", "")
_AS_TEXT = ("str", "int", "float", "bool", "Path", "File", "tuple")
"""Types that leave text as it is, or are converted here."""


class Wrong(Exception):
    """click raises here; the message says why."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One `@click.option` or `@click.argument` that ran: how it was called, under which conditions."""

    kind: str
    call: Call
    conditions: tuple[str, ...]


_PRESETS: Mapping[str, Mapping[str, Any]] = {
    "option": {},
    "argument": {},
    "password_option": {"prompt": True, "hide_input": True, "flags": ("--password",)},
    "confirmation_option": {
        "is_flag": True,
        "prompt": "Do you want to continue?",
        "help": "Confirm the action without prompting.",
        "flags": ("--yes",),
    },
    "version_option": {"is_flag": True, "help": "Show the version and exit.", "flags": ("--version",)},
    "help_option": {"flags": ("--help",)},
}
KINDS = tuple(_PRESETS)
"""The decorators that declare something."""


def read_declared(
    machine: Machine, declared: Declared, subcommand: tuple[str, ...]
) -> tuple[Parameter | None, list[Problem]]:
    """The parameter, or None when it could not be read or is click's own help; and what is to be told."""
    call = declared.call
    flags: list[Any] = list(call.args)
    values: dict[str, Any] = {**_PRESETS[declared.kind], **call.keywords}
    preset = values.pop("flags", ())
    if declared.kind == "version_option":
        # Its first positional is the version, not a flag.
        flags = flags[1:]
    flags = flags or list(preset)
    if declared.kind == "help_option":
        return None, []
    lost = next((one for one in flags if not isinstance(one, str)), None)
    if call.args_unknown or lost is not None or not flags:
        why = call.args_unknown or (f"its name {why_unknown(lost)}" if flags else "it has no name")
        return None, [problem("argument-not-followed", call.place, why=why)]
    machine.conditions.extend(declared.conditions)
    try:
        name = _shown_name(flags) if declared.kind != "argument" else str(flags[0])
        fields = Fields(machine, call, name, values)
        try:
            if declared.kind == "argument":
                made = _argument(fields, flags, subcommand)
            else:
                made = _option(fields, flags, subcommand, declared.kind)
        except Wrong as wrong:
            words = {"framework": "click", "flag": shown(name), "why": str(wrong)}
            return None, [problem("flag-refused", call.place, None, **words)]
        if (bad := unusable(made.flags, made.name)) is not None:
            return None, [problem("argument-unusable", call.place, flag=shown(made.name), why=bad)]
        return made, fields.problems
    finally:
        del machine.conditions[len(machine.conditions) - len(declared.conditions) :]


def _shown_name(flags: list[str]) -> str:
    """The long flag without dashes."""
    first = [one.partition("/")[0].strip() for one in flags if not one.isidentifier()]
    long = [one for one in first if one.startswith("--")] or first
    return (long[0].lstrip("-") or long[0]) if long else flags[0]


def _declarations(flags: list[str]) -> tuple[str, list[str], list[str]]:
    """dest, flags, and the flags that switch off, as click reads them."""
    name: str | None = None
    on: list[str] = []
    off: list[str] = []
    possible: list[tuple[str, str]] = []
    for one in flags:
        if one.isidentifier():
            if name is not None:
                raise Wrong(f"the name {one!r} is the second one")
            name = one
            continue
        split = ";" if one[:1] == "/" else "/"
        first, slash, second = one.partition(split)
        first, second = first.rstrip(), second.lstrip()
        if slash and first == second:
            raise Wrong("the same flag switches on and off")
        if first:
            possible.append(_split(first))
            on.append(first)
        if slash and second:
            off.append(second)
    if name is None and possible:
        possible.sort(key=lambda pair: -len(pair[0]))
        name = possible[0][1].replace("-", "_").lower()
    if name is None or not name.isidentifier():
        raise Wrong("no Python name can be made of its flags")
    if not on and not off:
        raise Wrong(f"it has the name {name!r} and no flag")
    return name, on, off


def _split(flag: str) -> tuple[str, str]:
    if flag[:1].isalnum():
        return "", flag
    return (flag[:2], flag[2:]) if flag[1:2] == flag[:1] else (flag[:1], flag[1:])


def _option(fields: Fields, flags: list[str], subcommand: tuple[str, ...], kind: str) -> Parameter:
    dest, on, off = _declarations(flags)
    given_default = fields.get("default", _UNSET)
    flag_value, is_flag = fields.get("flag_value", _UNSET), fields.get("is_flag")
    count, multiple = _truth(fields, "count"), _truth(fields, "multiple")
    if is_flag is None:
        is_flag = flag_value is not _UNSET or bool(off)
    flag = fields.flag("action", is_flag) or False
    default = None if given_default is _UNSET else given_default
    read = _flag_type(fields, flag_value) if flag else read_type(fields.machine, fields.get("type"), default)
    if flag and fields.values.get("type") is not None:
        read = read_type(fields.machine, fields.values["type"], None)
    if count and fields.values.get("type") is None:
        read = Read("int")
    boolean = flag and read.name == "bool"
    if off and not boolean:
        raise Wrong("only a flag that is true or false can be switched off")
    if count and (multiple or flag):
        raise Wrong("count cannot be joined with multiple or is_flag")
    if default is None and (given_default is _UNSET or multiple):
        default = _absent(boolean, count, multiple, fields.get("required") is True)
    if flag and not boolean and default is True:
        default = flag_value
    action = _action(flag, boolean, bool(off), count, multiple, flag_value)
    if kind == "version_option":
        action, default = "version", None
    nargs = None if flag or count else _nargs(fields, read)
    if (flag or count) and fields.values.get("nargs", 1) not in (None, 1):
        raise Wrong("a flag takes no values, so it can have no nargs")
    if nargs == -1:
        raise Wrong("an option cannot take any number of values; use multiple=True")
    if flag or count:
        nargs = 0
    required = fields.flag("required", fields.get("required", False))
    made = _finish(
        fields, read, default, required, nargs if nargs != 1 else None, action, dest, subcommand, on + off
    )
    _tell_prompt(fields, required, kind)
    return made


def _absent(boolean: bool, count: bool, multiple: bool, required: bool) -> Any:
    """What the script sees of an option without default that is not given."""
    if multiple:
        return None if required else ()
    return False if boolean and not required else 0 if count else None


def _truth(fields: Fields, keyword: str) -> bool:
    value = fields.get(keyword, False)
    if known(value):
        return bool(value)
    fields.note("action", why_unknown(value), keyword)
    return False


def _flag_type(fields: Fields, flag_value: Any) -> Read:
    if flag_value is _UNSET or isinstance(flag_value, bool):
        return Read("bool")
    return read_type(fields.machine, None, flag_value)


def _action(flag: bool, boolean: bool, off: bool, count: bool, multiple: bool, flag_value: Any) -> str:
    if count:
        return "count"
    if boolean and multiple:
        return "append_const"
    if boolean and off:
        return "BooleanOptionalAction"
    if boolean:
        return "store_false" if flag_value is False else "store_true"
    if flag:
        return "append_const" if multiple else "store_const"
    return "append" if multiple else "store"


def _tell_prompt(fields: Fields, required: bool | None, kind: str) -> None:
    prompt = fields.values.get("prompt", False)
    asked = prompt is True or (isinstance(prompt, str) and prompt)
    if asked and fields.values.get("prompt_required", True) is True and not required:
        fields.problems.append(problem("asks-for-input", fields.call.place, name=shown(fields.name)))


def _nargs(fields: Fields, read: Read) -> int | None:
    given = fields.get("nargs")
    if given is None:
        return read.count if read.count is not None else 1
    if isinstance(given, int):
        return given
    fields.note("nargs", why_unknown(given))
    return None


def _argument(fields: Fields, flags: list[str], subcommand: tuple[str, ...]) -> Parameter:
    if len(flags) != 1:
        raise Wrong(f"an argument has one name, not {len(flags)}")
    dest = flags[0].replace("-", "_").lower()
    if not dest.isidentifier():
        raise Wrong("no Python name can be made of it")
    given_default = fields.get("default", _UNSET)
    default = None if given_default is _UNSET else given_default
    read = read_type(fields.machine, fields.get("type"), default)
    count = _nargs(fields, read)
    required_given = fields.get("required")
    if required_given is None:
        required: bool | None = given_default is _UNSET and (count is None or count > 0)
    else:
        required = fields.flag("required", required_given)
    nargs: str | int | None = count
    if count == -1:
        nargs = "+" if required else "*"
        default = () if given_default is _UNSET else default
    elif count == 1:
        nargs = None if required else "?"
    fields.name = dest
    return _finish(fields, read, default, required, nargs, "store", dest, subcommand, [])


def _finish(
    fields: Fields,
    read: Read,
    default: Any,
    required: bool | None,
    nargs: str | int | None,
    action: str,
    dest: str,
    subcommand: tuple[str, ...],
    flags: list[str],
) -> Parameter:
    if read.name is None:
        fields.note("type", read.why or "is not known")
    own = fields.values.get("cls")
    if own is not None:
        why = "is decided by a class of its own"
        for field in ("action", "required"):
            fields.note(field, why, "cls")
    choices = None
    if read.choices is not None:
        found = fields.value("choices", read.choices) if known(read.choices) else None
        if found is None:
            fields.note("choices", why_unknown(read.choices), "type")
        choices = found if isinstance(found, tuple) else None
    if isinstance(default, Function):
        default = _called(fields.machine, default, [])
    if isinstance(default, str) and read.name not in _AS_TEXT:
        given = fields.values.get("type")
        made = _called(fields.machine, given, [default]) if isinstance(given, Function) else Unknown()
        words = f"is {shown(default)} converted by {read.name or 'its type'} when the script runs"
        default = made if known(made) else Unknown(words)
    value = fields.value("default", default)
    if "default" not in fields.unknown:
        value = _cast(fields, read, value, nargs, action)
    help_ = fields.text("help", fields.get("help"))
    if "default" not in fields.unknown and value is not None:
        _check(fields, read, value, choices)
    unknown = set(fields.unknown)
    return fields.finish(
        flags=tuple(flags),
        dest=dest,
        type=None if "type" in unknown else read.name,
        default=None if "default" in unknown else value,
        required=None if "required" in unknown else required,
        choices=choices,
        nargs=None if "nargs" in unknown else nargs,
        action=None if "action" in unknown else action,
        help=inspect.cleandoc(help_) if help_ else None,
        subcommand=subcommand,
    )


def _cast(fields: Fields, read: Read, value: Any, nargs: str | int | None, action: str) -> Any:
    """The default as click casts it; one that it refuses is told, for the script stops when it is used."""
    several = (isinstance(nargs, int) and nargs > 1) or nargs in ("*", "+")
    repeated = action in ("append", "append_const")
    if value is None or action == "version":
        return value
    if (several or repeated) and not isinstance(value, tuple):
        return _refuse(fields, value, "a list")
    items = value if isinstance(value, tuple) else (value,)
    if not several and not repeated:
        if isinstance(value, tuple) and read.name != "str":
            return _refuse(fields, value, read.name or "one value")
        items = (value,)
    rows = items if several and repeated else (items,)
    if (
        isinstance(nargs, int)
        and nargs > 1
        and any(not isinstance(row, tuple) or len(row) != nargs for row in rows)
    ):
        return _refuse(fields, value, f"a list of {nargs} values")
    if several and repeated:
        return tuple(tuple(_one(fields, read, item) for item in row) for row in rows)
    made = tuple(_one(fields, read, item) for item in items)
    return made if several or repeated else made[0]


def _one(fields: Fields, read: Read, value: Any) -> Any:
    if read.name == "bool":
        word = str(value).strip().lower()
        if value in (True, False) or word in _TRUE or word in _FALSE:
            return word in _TRUE or value in (True, 1)
        return _refuse(fields, value, "true or false")
    if read.name in ("Path", "File") and not isinstance(value, str):
        return _refuse(fields, value, "a path")
    if read.name == "str" and not isinstance(value, str) and value is not None:
        return str(fields.values.get("default") if isinstance(value, tuple) else value)
    return fields.converted(value, read.name, "default-not-convertible")


def _refuse(fields: Fields, value: Any, wanted: str) -> None:
    if "default" not in fields.unknown:
        words = {"name": shown(fields.name), "value": shown(value), "type": wanted}
        fields.problems.append(problem("default-not-convertible", fields.call.place, None, **words))
        fields.unknown.append("default")


def _called(machine: Machine, function: Function, args: list[Any]) -> Any:
    """What a function of the repository gives, where it can be followed."""
    call = Call(function.node, function.scope.script, args, {})
    return machine.safely(lambda: call_value(machine, function, call))


def _check(fields: Fields, read: Read, value: Any, choices: tuple[Any, ...] | None) -> None:
    """A default that click refuses whenever the option is not given."""
    values = value if isinstance(value, tuple) else (value,)
    if choices is not None:
        folded = fields.values.get("case_sensitive") is False
        accepted = {str(one).lower() if folded else one for one in choices}
        wrong = [one for one in values if one not in accepted and str(one).lower() not in accepted]
        if wrong:
            words = {"value": shown(wrong[0]), "name": shown(fields.name)}
            words["choices"] = shown(", ".join(map(str, choices)))
            fields.problems.append(
                problem("default-not-in-choices", fields.call.place, Severity.ERROR, **words)
            )
    for one in values:
        if isinstance(one, int | float) and not isinstance(one, bool) and not _inside(one, read):
            low, high = (shown(end) if end is not None else "…" for end in (read.low, read.high))
            words = {"name": shown(fields.name), "value": shown(one), "range": f"{low} to {high}"}
            fields.problems.append(
                problem("default-out-of-range", fields.call.place, Severity.ERROR, **words)
            )


def _inside(value: int | float, read: Read) -> bool:
    if isinstance(read.low, int | float) and (
        value < read.low or ("min_open" in read.open_ends and value == read.low)
    ):
        return False
    return not (
        isinstance(read.high, int | float)
        and (value > read.high or ("max_open" in read.open_ends and value == read.high))
    )

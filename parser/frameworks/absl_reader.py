"""absl's flags: the script is followed, and every `flags.DEFINE_…` that runs on the way is a parameter."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from parser.argparse_reader import CommandLine
from parser.frameworks.fields import Fields, unusable
from parser.frameworks.names import imports_of
from parser.frameworks.recognise import APP_RUNS, FLAG_ROOTS
from parser.interpreter.containers import all_items, items_of
from parser.interpreter.flow import Call, Exhausted, Stopped, TooDeep
from parser.interpreter.machine import ByHeart, Machine
from parser.interpreter.modules import Modules
from parser.interpreter.values import Class, EnumMember, Modelled, Unknown, known, why_unknown
from parser.model import Parameter, Place, Problem
from parser.problems import problem, shown
from parser.script import Script, nodes_of
from parser.source import Source

_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "DEFINE_float": ("name", "default", "help", "lower_bound", "upper_bound"),
    "DEFINE_integer": ("name", "default", "help", "lower_bound", "upper_bound"),
    "DEFINE_enum": ("name", "default", "enum_values", "help"),
    "DEFINE_enum_class": ("name", "default", "enum_class", "help"),
    "DEFINE_spaceseplist": ("name", "default", "help", "comma_compat"),
    "DEFINE_multi_integer": ("name", "default", "help", "lower_bound", "upper_bound"),
    "DEFINE_multi_float": ("name", "default", "help", "lower_bound", "upper_bound"),
    "DEFINE_multi_enum": ("name", "default", "enum_values", "help"),
    "DEFINE_multi_enum_class": ("name", "default", "enum_class", "help"),
    "DEFINE": ("parser", "name", "default", "help"),
    "DEFINE_config_file": ("name", "default", "help_string"),
    "DEFINE_config_dict": ("name", "config", "help_string"),
    **{
        f"DEFINE_{kind}": ("name", "default", "help")
        for kind in ("string", "boolean", "bool", "list", "multi_string")
    },
}
"""Positional arguments of each kind of definition."""

_TYPES: Mapping[str, str] = {
    "string": "str",
    "boolean": "bool",
    "bool": "bool",
    "integer": "int",
    "float": "float",
    "enum": "str",
    "enum_class": "str",
    "list": "list",
    "spaceseplist": "list",
}
_MARKS = (
    "mark_flag_as_required",
    "mark_flags_as_required",
    "set_default",
    "DEFINE_alias",
    "adopt_module_key_flags",
)
KEYWORDS = frozenset({*_ARGUMENTS, *_MARKS})
"""Names that make code worth following."""

_OWN = frozenset(
    {"help", "helpfull", "helpshort", "helpxml", "?", "v", "verbosity", "logtostderr", "alsologtostderr"}
    | {
        "log_dir",
        "stderrthreshold",
        "showprefixforinfo",
        "logger_levels",
        "pdb",
        "run_with_pdb",
        "pdb_post_mortem",
    }
    | {
        "run_with_profiling",
        "profile_file",
        "use_cprofile_for_profiling",
        "only_check_args",
        "only_check_flags",
    }
    | {"flagfile", "undefok"}
)
"""Flags of absl itself, which every script has and none may define again."""

MAX_IMPORTS = 200
"""Modules of the repository that are imported before the script's own lines count."""

_TRUE, _FALSE = ("true", "t", "1"), ("false", "f", "0")


class _Refused(Exception):
    """absl raises here; the message says why."""


class _Holder(Modelled):
    """What a definition gives back."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.attributes: dict[str, Any] = {
            "name": name,
            "value": Unknown("is given on the command line"),
        }


class _Flags:
    """All flags defined so far, in order."""

    def __init__(self) -> None:
        self.parameters: dict[str, Parameter] = {}
        self.short: dict[str, str] = {}
        self.problems: list[Problem] = []
        self.ran: Place | None = None
        self.lost = False

    def models(self) -> dict[str, Any]:
        """What the machine must know by heart."""
        found: dict[str, Any] = dict.fromkeys(APP_RUNS, self._run)
        for root in (*FLAG_ROOTS, "ml_collections.config_flags", "ml_collections.config_flags.config_flags"):
            for kind in _ARGUMENTS:
                found[f"{root}.{kind}"] = self._defining(kind)
            found[f"{root}.mark_flag_as_required"] = self._require
            found[f"{root}.mark_flags_as_required"] = self._require
            found[f"{root}.set_default"] = self._set_default
            found[f"{root}.FLAGS"] = self._run
            found[f"{root}.FLAGS.mark_as_parsed"] = lambda machine, call: None
            found[f"{root}.FLAGS.set_default"] = self._set_default
        return found

    def _run(self, machine: Machine, call: Call) -> Any:
        """`app.run(main)` and `FLAGS(sys.argv)` read the command line; what they call comes afterwards."""
        if self.ran is None:
            self.ran = call.place
        return [Unknown("is given on the command line")]

    def _defining(self, kind: str) -> Any:
        def define(machine: Machine, call: Call) -> Any:
            values = {**dict(zip(_ARGUMENTS[kind], call.args, strict=False)), **call.keywords}
            name = values.get("name")
            if kind.startswith("DEFINE_config"):
                name = name if name is not None else "config"
                self._config(call, str(name))
            if call.args_unknown or not isinstance(name, str):
                self.lost = True
                why = call.args_unknown or f"its name {why_unknown(name)}"
                self.problems.append(problem("argument-not-followed", call.place, why=why))
                return Unknown("is a flag that could not be read")
            fields = Fields(machine, call, name, values)
            try:
                self._keep(_flag(fields, kind.removeprefix("DEFINE").removeprefix("_")), values)
            except _Refused as refused:
                words = {"framework": "absl", "flag": shown(name), "why": str(refused)}
                self.problems.append(problem("flag-refused", call.place, None, **words))
            self.problems.extend(fields.problems)
            return _Holder(name)

        return define

    def _config(self, call: Call, name: str) -> None:
        self.lost = True
        why = f"--{name} names a configuration file, whose own values can be given too, as --{name}.KEY"
        self.problems.append(problem("argument-not-followed", call.place, why=why))

    def _keep(self, parameter: Parameter, values: Mapping[str, Any]) -> None:
        names = [
            parameter.name,
            *([values["short_name"]] if isinstance(values.get("short_name"), str) else []),
        ]
        for name in names:
            first = self.parameters.get(self.short.get(name, name))
            if name in _OWN:
                raise _Refused("absl defines a flag of this name itself")
            if first is not None and parameter.condition is None and first.condition is None:
                raise _Refused(f"it is defined twice; first in {first.place.file}, line {first.place.line}")
        why = unusable(parameter.flags, parameter.name)
        if why or " " in parameter.name or not parameter.name:
            raise _Refused(why or "its name is empty or holds a space")
        self.parameters[parameter.name] = parameter
        self.short.update(dict.fromkeys(names[1:], parameter.name))

    def _named(self, machine: Machine, value: Any) -> list[str]:
        items = all_items(machine, value) if isinstance(value, list | tuple | set) else [value]
        found = [one.name if isinstance(one, _Holder) else one for one in items or []]
        return [one for one in found if isinstance(one, str) and one in self.parameters]

    def _require(self, machine: Machine, call: Call) -> None:
        value = call.args[0] if call.args else next(iter(call.keywords.values()), None)
        for name in self._named(machine, value):
            old = self.parameters[name]
            if machine.conditions:
                self.parameters[name] = replace(old, required=None, unknown=(*old.unknown, "required"))
            else:
                self.parameters[name] = replace(old, required=True)

    def _set_default(self, machine: Machine, call: Call) -> None:
        for name in self._named(machine, call.args[0] if call.args else None):
            value = call.args[1] if len(call.args) > 1 else call.keywords.get("value")
            old = self.parameters[name]
            unknown = tuple(one for one in old.unknown if one != "default")
            if machine.conditions or not known(value):
                self.parameters[name] = replace(old, default=None, unknown=(*unknown, "default"))
            else:
                plain = Fields(machine, call, name, {}).value("default", value)
                self.parameters[name] = replace(old, default=plain, unknown=unknown)


def _flag(fields: Fields, kind: str) -> Parameter:
    """The parameter that one definition makes."""
    multi = kind.startswith("multi")
    kind = kind.removeprefix("multi_")
    name = fields.name
    help_ = fields.text("help", fields.get("help", fields.values.get("help_string")))
    type_ = _TYPES.get(kind)
    if kind == "":
        fields.note("type", "is decided by the parser object that is given", "parser")
    choices = _choices(fields, kind)
    default = _default(fields, kind, type_, multi)
    if choices is not None and default is not None and not {"default", "choices"} & set(fields.unknown):
        for one in default if isinstance(default, tuple) else (default,):
            if one not in choices:
                raise _Refused(f"its default {shown(one)} is none of {', '.join(map(str, choices))}")
    _check_bounds(fields, default)
    required = fields.flag("required", fields.get("required", False))
    if required and default is not None:
        raise _Refused("it is required, so it can have no default")
    boolean = kind in ("boolean", "bool")
    short = fields.values.get("short_name")
    flags = [
        f"--{name}",
        *([f"--no{name}"] if boolean else []),
        *([f"-{short}"] if isinstance(short, str) else []),
    ]
    return fields.finish(
        flags=tuple(flags),
        dest=name,
        type=type_ or ("str" if kind.startswith("config") else None),
        default=default,
        required=required,
        choices=choices,
        nargs=0 if boolean else None,
        action="BooleanOptionalAction" if boolean else "append" if multi else "store",
        help=help_,
    )


def _choices(fields: Fields, kind: str) -> tuple[Any, ...] | None:
    if kind == "enum":
        given = all_items(fields.machine, fields.get("enum_values", ()))
    elif kind == "enum_class":
        enum = fields.get("enum_class")
        members = items_of(fields.machine, enum) if isinstance(enum, Class) else None
        given = members and [one.name.lower() if isinstance(one, EnumMember) else one for one in members]
        if fields.values.get("case_sensitive") is True and members:
            given = [one.name for one in members if isinstance(one, EnumMember)]
    else:
        return None
    keyword = "enum_values" if kind == "enum" else "enum_class"
    if given is None:
        fields.note("choices", why_unknown(fields.get(keyword)), keyword)
        return None
    found = fields.value("choices", given)
    return found if isinstance(found, tuple) else None


def _default(fields: Fields, kind: str, type_: str | None, multi: bool) -> Any:
    given = fields.get("default")
    if given is None or kind.startswith("config"):
        return None
    if isinstance(given, EnumMember):
        given = given.name if fields.values.get("case_sensitive") is True else given.name.lower()
    elif kind == "enum_class" and isinstance(given, list | tuple):
        given = [one.name.lower() if isinstance(one, EnumMember) else one for one in given]
    elif kind == "enum_class" and isinstance(given, str):
        given = given.lower()
    if multi and known(given) and not isinstance(given, list | tuple | set | frozenset):
        given = [given]
    value = fields.value("default", given)
    if value is None:
        return None
    if type_ == "list":
        return _listed(kind, value, fields)
    if type_ == "bool":
        return _truth(value)
    values = value if multi and isinstance(value, tuple) else (value,)
    converted = tuple(_converted(one, type_) for one in values)
    return converted if multi else converted[0]


def _listed(kind: str, value: Any, fields: Fields) -> Any:
    if isinstance(value, tuple) or not value:
        return value or ()
    if not isinstance(value, str):
        raise _Refused(f"its default {shown(value)} is no list")
    if kind == "spaceseplist":
        if fields.values.get("comma_compat") is True:
            value = value.replace(",", " ")
        return tuple(value.split())
    try:
        return tuple(one.strip() for one in next(csv.reader([value], strict=True), []))
    except csv.Error:
        raise _Refused(f"its default {shown(value)} is no comma-separated list") from None


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise _Refused(f"its default {shown(value)} is neither true nor false")


def _converted(value: Any, type_: str | None) -> Any:
    try:
        if type_ == "int":
            if isinstance(value, str):
                return int(value, 16 if value.lower().startswith("0x") else 10)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError
            return value
        if type_ == "float":
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise ValueError
            return float(value)
    except (ValueError, OverflowError):
        raise _Refused(f"its default {shown(value)} is not {type_}") from None
    if type_ == "str" and not isinstance(value, str):
        raise _Refused(f"its default {shown(value)} is not text")
    return value


def _check_bounds(fields: Fields, default: Any) -> None:
    low, high = fields.values.get("lower_bound"), fields.values.get("upper_bound")
    for one in default if isinstance(default, tuple) else (default,):
        if isinstance(one, bool) or not isinstance(one, int | float):
            continue
        if (isinstance(low, int | float) and one < low) or (isinstance(high, int | float) and one > high):
            raise _Refused(f"its default {one} is outside of its bounds")


def read_absl(source: Source, script: Script) -> CommandLine:
    """The flags that are defined when the command line is read; `found` when any is."""
    flags = _Flags()
    modules = Modules(source, script.path, KEYWORDS, frozenset())
    machine = Machine(modules, ByHeart(flags.models(), {}, KEYWORDS, {}), script.path)
    _import_all(machine, script)
    scope = machine.run(script)
    problems = [*machine.problems, *modules.problems, *flags.problems]
    if flags.parameters and flags.ran is None:
        call = "app.run(main)"
        problems.append(problem("command-not-run", Place(script.path), file=script.path, call=call))
    return CommandLine(
        tuple(flags.parameters.values()),
        tuple(problems),
        found=bool(flags.parameters),
        complete=not flags.lost and not any(one.code == "file-unfollowed" for one in problems),
        place=flags.ran or Place(script.path),
        scope=scope,
        machine=machine,
        framework="absl",
    )


def _import_all(machine: Machine, script: Script) -> None:
    """Runs the repository's modules that the script imports, as importing does: they may define flags."""
    seen: set[str] = {script.path}

    def visit(one: Script, depth: int) -> None:
        for node in one.tree.body:
            # Imports inside of functions come after the command line has been read.
            nodes = [] if _is_definition(node) else nodes_of(node)
            for dotted, level in imports_of(nodes):
                path = machine.modules.find(dotted, one.path, level)
                if path is None or path in seen or len(seen) > MAX_IMPORTS:
                    continue
                seen.add(path)
                inner = machine.modules.script(path)
                if inner is None:
                    continue
                if depth < 20:
                    visit(inner, depth + 1)
                if "DEFINE" not in inner.text and "flags" not in inner.text:
                    continue
                try:
                    machine.module(path)
                except (Stopped, TooDeep, Exhausted, RecursionError):
                    continue

    visit(script, 0)


def _is_definition(node: Any) -> bool:
    return type(node).__name__ in ("FunctionDef", "AsyncFunctionDef", "ClassDef")

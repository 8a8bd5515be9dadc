"""One script's command line: follow it, and turn the arguments that argparse would hold into parameters."""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from parser.argparse_reader import actions, dataclass_parser
from parser.argparse_reader.actions import SUPPRESS
from parser.argparse_reader.defaults import Refuses, converted
from parser.argparse_reader.details import const_of, excluded, metavar_of, settle
from parser.argparse_reader.mends import percent_mend
from parser.argparse_reader.objects import Argument, Parser
from parser.argparse_reader.parsers import Registry
from parser.argparse_reader.printing import printed_help
from parser.argparse_reader.reading import namespace
from parser.argparse_reader.words import CONSTANTS, NO_VALUE, VERSION_HELP, FileType, enum_text, type_name
from parser.interpreter import operations
from parser.interpreter.containers import all_items, items_of
from parser.interpreter.flow import Exhausted, Stopped, TooDeep
from parser.interpreter.machine import ByHeart, Machine
from parser.interpreter.modules import Modules
from parser.interpreter.values import (
    External,
    Scope,
    Unknown,
    known,
    why_unknown,
)
from parser.model import Parameter, Place, Problem, Severity, Value
from parser.problems import be, problem, shown
from parser.script import Script
from parser.source import Source

KEYWORDS = frozenset(
    [
        "ArgumentParser",
        "add_argument",
        "add_argument_group",
        "add_mutually_exclusive_group",
        "add_subparsers",
        "add_parser",
        "set_defaults",
        "parse_args",
        "parse_known_args",
        "parse_intermixed_args",
    ]
)
"""Names that make code worth following."""

MAX_FLAG = 300
"""Characters of a flag or name."""

_COLLECTIONS = {External(f"builtins.{name}"): name for name in ("list", "tuple", "set", "frozenset")}
"""Types that take a text for a row of characters."""

_LOST = ("argument-not-followed", "parser-escapes", "parser-fields-unknown", "file-unfollowed")
_FROM_KEYWORDS = ("type", "default", "choices", "nargs", "help", "action")
_HELP_WORDS = [
    "prog",
    "default",
    "type",
    "choices",
    "dest",
    "nargs",
    "const",
    "required",
    "help",
    "metavar",
    "option_strings",
    "container",
    "deprecated",
]


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What a script accepts; `found`: any argument parser was seen; `complete`: no argument was lost."""

    parameters: tuple[Parameter, ...]
    problems: tuple[Problem, ...]
    found: bool
    complete: bool
    place: Place
    """Where the parser is made that reads the command line; the top of the script when none is."""
    scope: Scope
    machine: Machine = field(repr=False)
    framework: str = "argparse"
    """What reads the command line."""


def read_command_line(source: Source, script: Script) -> CommandLine:
    """The parameters of a script that is run as an entry point. Never raises; what it cannot know it says."""
    registry = Registry()
    models = {
        "argparse.ArgumentParser": registry.make,
        **dict.fromkeys(dataclass_parser.CLASSES, dataclass_parser.maker(registry)),
        **actions.MODELS,
        "argparse._ArgumentGroup": registry.make_group,
        "argparse._MutuallyExclusiveGroup": registry.make_exclusive,
        "argparse.FileType": lambda machine, call: FileType(),
        "argparse.Namespace": namespace,
    }
    words = KEYWORDS | dataclass_parser.KEYWORDS
    modules = Modules(source, script.path, words, frozenset({"argparse", "transformers"}))
    by_heart = ByHeart(models, CONSTANTS, words, {"add_argument": "argument-not-followed"})
    machine = Machine(modules, by_heart, script.path)
    scope = machine.run(script)
    problems = [*machine.problems, *modules.problems]
    parsers = _chosen(registry, problems)
    for parser in parsers:
        _tell_subcommands(parser, problems)
    made = (_parameter_or_told(machine, one, problems) for one in _arguments(parsers))
    parameters = [one for one in made if one is not None]
    problems.extend(_not_reached(machine, script))
    place = parsers[0].place if parsers else Place(script.path)
    lost = any(p.code in _LOST for p in problems)
    return CommandLine(
        tuple(parameters), tuple(problems), bool(registry.parsers), not lost, place, scope, machine
    )


_Found = tuple[Parser, Argument, tuple[str, ...]]
"""An argument, the parser that holds it, and the conditions under which it exists."""


def _parameter_or_told(machine: Machine, found: _Found, problems: list[Problem]) -> Parameter | None:
    """The parameter; None, and a problem, where an object of the script that it asks for has no end."""
    try:
        return _parameter(machine, *found, problems)
    except (Stopped, Exhausted, TooDeep, RecursionError):
        why = "what it is given cannot be followed to its end"
        problems.append(problem("argument-not-followed", found[1].place, None, why=why))
        return None


def _arguments(parsers: list[Parser]) -> list[_Found]:
    """The arguments of all parsers; one that several parsers have is told once, where its conditions are fewest."""
    found: dict[tuple[Any, ...], _Found] = {}
    always = any(not parser.reads_if for parser in parsers)
    for parser in parsers:
        # Beside a parser that always reads, another one counts only for the command lines that come to it.
        reads_if = parser.reads_if if always else ()
        times: Counter[tuple[Any, ...]] = Counter()
        for owner, argument in parser.all():
            settle(argument)
            name = (owner.subcommand, argument.flags or str(argument.dest))
            times[name] += 1
            key = (*name, times[name])  # a parser may have two positionals of one name
            conditions = tuple(dict.fromkeys((*reads_if, *argument.conditions)))
            if key in found and (common := _either_way(found[key], argument, conditions)) is not None:
                conditions = common
            # Of parsers that read one after the other, the last one decides.
            if key not in found or len(conditions) <= len(found[key][2]):
                found[key] = (owner, argument, conditions)
    return list(found.values())


def _either_way(older: _Found, newer: Argument, conditions: tuple[str, ...]) -> tuple[str, ...] | None:
    """The conditions that are left when the same call added an argument on a way and on its opposite; else None."""
    calls = (older[1].call, newer.call)
    if not all(calls) or len({id(one.node) for one in calls if one}) > 1 or not older[2]:
        return None
    *common, last = older[2]
    return tuple(common) if (*common, f"not ({last})") == conditions else None


def _chosen(registry: Registry, problems: list[Problem]) -> list[Parser]:
    """The parsers that read the command line; when none is seen to, all that are not part of another."""
    reading = [parser for parser in registry.parsers if parser.reads_command_line]
    if reading:
        return sorted(reading, key=lambda parser: parser.reads_at)
    loose = [parser for parser in registry.parsers if not parser.used]
    problems.extend(problem("never-parsed", parser.place) for parser in loose)
    if not loose:
        deaf = [parser for parser in registry.parsers if parser.reads_own_words]
        problems.extend(problem("never-parsed", parser.place, Severity.ERROR) for parser in deaf[:1])
    return loose


def _tell_subcommands(parser: Parser, problems: list[Problem]) -> None:
    for subparsers in parser.subparsers:
        names = ", ".join(shown(name) for name in subparsers.parsers) or "that are not known"
        problems.append(problem("subcommands", subparsers.place, names=names))


def _not_reached(machine: Machine, script: Script) -> list[Problem]:
    """add_argument calls of the script that were never run."""
    found = []
    for node in script.nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "add_argument"
            and id(node) not in machine.visited
        ):
            flags = [
                arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            ]
            said = shown(flags[-1]) if flags else "what it adds"
            found.append(problem("argument-not-reached", script.place(node), flags=said))
    return found


class _Unknowns:
    """Collects which fields of one argument are not known, and says why."""

    def __init__(self, name: str, argument: Argument, problems: list[Problem]) -> None:
        self.name = name
        self.argument = argument
        self.problems = problems
        self.fields: list[str] = []
        self.rest: list[str] = []
        """Those that `**something` may have given."""

    def note(self, field_name: str, why: str, keyword: str | None = None) -> None:
        if field_name in self.fields:
            return
        self.fields.append(field_name)
        if why == self.argument.keywords_unknown:
            self.rest.append(field_name)
            return
        given = self.argument.sources.get(keyword or field_name)
        source = given[0].source(given[1]) if given else f"{keyword or field_name}=…"
        self.problems.append(
            problem(
                "value-not-static",
                given[0].at(given[1]) if given else self.argument.place,
                field=field_name,
                be=be(field_name),
                name=shown(self.name),
                source=source,
                why=why,
            )
        )

    def note_rest(self) -> None:
        """Every field that `**something` may have given is not known."""
        self.rest = [one for one in _FROM_KEYWORDS if one not in self.argument.keywords]
        self.fields.extend(self.rest)

    def tell_rest(self, reason: str) -> None:
        """Those fields, said in one problem."""
        source, _, why = reason.rpartition("` ")
        fields = ", ".join(self.rest)
        words = {"field": fields, "be": be(fields), "source": source.removeprefix("`"), "why": why}
        self.problems.append(
            problem("value-not-static", self.argument.place, None, name=shown(self.name), **words)
        )


def _parameter(
    machine: Machine,
    parser: Parser,
    argument: Argument,
    conditions: tuple[str, ...],
    problems: list[Problem],
) -> Parameter | None:
    name = _name(parser, argument)
    if (bad := _unusable(name, argument)) is not None:
        problems.append(problem("argument-unusable", argument.place, flag=shown(name), why=bad))
        return None
    unknowns = _Unknowns(name, argument, problems)
    if argument.keywords_unknown:
        unknowns.note_rest()
    action = _action(argument, unknowns)
    told_action = None if "action" in unknowns.fields else action
    type_ = _type(argument, action, unknowns)
    default = _default(machine, argument, action, unknowns)
    choices = _choices(machine, argument, unknowns)
    if "default" not in unknowns.fields:
        _check_default(argument, name, default, choices, unknowns)
    nargs = _simple(argument.nargs, "nargs", unknowns, (str, int))
    required = _simple(argument.required, "required", unknowns, (bool, int))
    dest = argument.dest if isinstance(argument.dest, str) else name
    if not isinstance(argument.dest, str):
        unknowns.note("dest", why_unknown(argument.dest))
    written = argument.keywords.get("help", VERSION_HELP if action == "version" else None)
    help_ = _simple(written, "help", unknowns, (str,))
    if help_ and "%" in help_ and (bad := _unprintable(help_, default, choices)):
        mend = (
            percent_mend(argument.call, _HELP_WORDS, lambda text: not _unprintable(text, default, choices))
            if argument.call
            else []
        )
        at = argument.at("help")
        problems.append(problem("help-not-printable", at, edits=mend, name=shown(name), why=bad))
    title = None if argument in parser.untitled else argument.group
    group = _simple(title, "group", unknowns, (str,))
    const = const_of(argument)
    plain_const = to_value(const)
    if isinstance(plain_const, Unknown):
        unknowns.note("const", plain_const.why)
    metavar = metavar_of(argument)
    if isinstance(metavar, Unknown) or not isinstance(metavar, str | tuple | None):
        unknowns.note("metavar", why_unknown(metavar))
        metavar = None
    if argument.keywords_unknown and unknowns.rest:
        unknowns.tell_rest(argument.keywords_unknown)
    printed = printed_help(machine, parser, argument, action, const)
    if isinstance(printed, Unknown) or (printed is not None and not _encodable(printed)):
        unknowns.fields.append("printed_help")
        printed = None
    names = excluded(parser, argument, lambda other: _name(parser, other))
    excludes = () if isinstance(names, Unknown) else names
    if isinstance(names, Unknown):
        unknowns.fields.append("excludes")
    condition = " and ".join(dict.fromkeys((*argument.assumed, *conditions))) or None
    if condition:
        problems.append(
            problem("argument-conditional", argument.place, name=shown(name), condition=_short(condition))
        )
    return Parameter(
        name=name,
        flags=argument.flags,
        dest=dest,
        type=type_,
        default=default,
        required=None if required is None else bool(required),
        choices=choices,
        nargs=nargs,
        action=told_action,
        help=None if help_ == SUPPRESS else help_,
        place=argument.place,
        group=group,
        subcommand=parser.subcommand,
        unknown=tuple(unknowns.fields),
        condition=condition,
        const=None if isinstance(plain_const, Unknown) else plain_const,
        metavar=metavar,
        excludes=excludes,
        one_required=any(group.required is True for group in argument.exclusive_groups()),
        deprecated=argument.keywords.get("deprecated") is True,
        printed_help=printed,
    )


def _unprintable(text: str, default: Value, choices: tuple[Value, ...] | None) -> str | None:
    """Why argparse cannot print this help: it formats it with `%`."""
    words: dict[str, object] = dict.fromkeys(_HELP_WORDS, 0)
    words["default"] = 0 if default is None else default
    words["choices"] = ", ".join(str(one) for one in choices or ())
    if re.search(r"%[^%]*\d{4}", text):
        return None
    try:
        text % words
    except KeyError as error:
        return f"it has no value called {error}"
    except (ValueError, TypeError) as error:
        return str(error)
    return None


def _name(parser: Parser, argument: Argument) -> str:
    """The long flag without dashes, or the positional's name."""
    if not argument.flags:
        return str(argument.dest) if isinstance(argument.dest, str) else "?"
    long = [flag for flag in argument.flags if len(flag) > 1 and flag[1] in parser.prefix_chars]
    flag = (long or list(argument.flags))[0]
    return flag.lstrip(parser.prefix_chars) or flag


def _unusable(name: str, argument: Argument) -> str | None:
    """Why no one could ever give this on a command line."""
    for text in (name, *argument.flags):
        if "\0" in text:
            return "it holds a NUL character"
        if not _encodable(text):
            return "it holds half a surrogate pair"
        if len(text) > MAX_FLAG:
            return f"it has more than {MAX_FLAG} characters"
    return None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"


def _simple(value: Any, name: str, unknowns: _Unknowns, types: tuple[type, ...]) -> Any:
    """The value when it is of a plain type; else None, noted."""
    if value is None or (isinstance(value, types) and not (isinstance(value, str) and not _encodable(value))):
        return value
    unknowns.note(name, why_unknown(value))
    return None


def _action(argument: Argument, unknowns: _Unknowns) -> str | None:
    action = argument.action
    if isinstance(action, str):
        return action
    name = type_name(action)
    if name is None:
        if "action" not in unknowns.fields:
            unknowns.note("action", why_unknown(action))
        return None
    return name


def _type(argument: Argument, action: str | None, unknowns: _Unknowns) -> str | None:
    if "type" in unknowns.fields:
        return None
    if action in ("store_true", "store_false", "BooleanOptionalAction", "help", "version"):
        return "bool"
    if action == "count":
        return "int"
    if action in ("store_const", "append_const"):
        const = argument.keywords.get("const")
        return type(const).__name__ if isinstance(const, bool | int | float) else "str"
    given = argument.keywords.get("type")
    if given is None:
        return "str"
    name = type_name(given)
    if name is None:
        unknowns.note("type", why_unknown(given))
    return name


def _default(machine: Machine, argument: Argument, action: str | None, unknowns: _Unknowns) -> Value:
    """The default that the script would see when the argument is not given."""
    if "default" in unknowns.fields:
        return None
    value = enum_text(argument.default)
    if isinstance(value, str) and value == SUPPRESS:
        return None
    is_text = isinstance(argument.default, str) or getattr(argument.default, "mixin", "") == "str"
    if isinstance(value, str) and is_text and action not in NO_VALUE:
        text = value
        value = converted(machine, argument, text)
        if isinstance(value, Refuses):
            unknowns.problems.append(_not_convertible(argument, unknowns.name, text, value))
            unknowns.fields.append("default")
            return None
    plain = to_value(value)
    if isinstance(plain, Unknown):
        unknowns.note("default", plain.why)
        return None
    return plain


def _not_convertible(argument: Argument, name: str, text: str, refuses: Refuses) -> Problem:
    return problem(
        "default-not-convertible",
        argument.at("default"),
        # A required argument is always given, so its default is never looked at.
        severity=Severity.WARNING if argument.required is True else None,
        value=shown(text),
        name=shown(name),
        type=refuses.type,
    )


def _choices(machine: Machine, argument: Argument, unknowns: _Unknowns) -> tuple[Value, ...] | None:
    if "choices" in unknowns.fields:
        return None
    value = argument.keywords.get("choices")
    if value is None:
        return None
    items = all_items(machine, value) if isinstance(value, set | frozenset) else items_of(machine, value)
    plain = (
        to_value([enum_text(item) for item in items]) if items is not None else Unknown(why_unknown(value))
    )
    if isinstance(plain, Unknown) or not isinstance(plain, tuple):
        unknowns.note("choices", plain.why if isinstance(plain, Unknown) else "is not a list")
        return None
    return plain


def _check_default(
    argument: Argument, name: str, default: Value, choices: tuple[Value, ...] | None, unknowns: _Unknowns
) -> None:
    if argument.keywords.get("type") == External("builtins.bool"):
        unknowns.problems.append(problem("type-bool", argument.at("type"), name=shown(name)))
    kind = argument.keywords.get("type")
    collection = _COLLECTIONS.get(kind) if isinstance(kind, External) else None
    if collection is not None:
        words = {"type": collection, "option": name[:120], "name": shown(name)}
        unknowns.problems.append(problem("type-list", argument.at("type"), None, **words))
    if choices is None or default is None or argument.required is True:
        return
    given = default if isinstance(default, tuple) else (default,)
    wrong = [one for one in given if one not in choices]
    if wrong:
        # A positional is checked by argparse even when its default is used.
        stops = not argument.flags and argument.nargs == "?" and isinstance(argument.default, str)
        unknowns.problems.append(
            problem(
                "default-not-in-choices",
                argument.at("default"),
                severity=Severity.ERROR if stops else None,
                value=shown(wrong[0]),
                name=shown(name),
                choices=shown(", ".join(str(one) for one in choices)),
            )
        )


def to_value(value: Any) -> Value | Unknown:
    """A known value as JSON can hold it, or Unknown with the reason."""
    if not known(value):
        return Unknown(why_unknown(value))
    plain: Value | Unknown = _json(value)
    return plain


def _json(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= 256 else Unknown("is too large a number")
    if isinstance(value, float):
        return value if math.isfinite(value) else Unknown(f"is {value}, which JSON cannot hold")
    if isinstance(value, PurePosixPath):
        value = str(value)
    if isinstance(value, str):
        return value if _encodable(value) else Unknown("is text that cannot be encoded")
    if isinstance(value, range) and operations.len_of(value) > 1000:
        return Unknown("is too long a range")
    if isinstance(value, set | frozenset):
        value = sorted(value, key=repr)
    if isinstance(value, list | tuple | range):
        items = [_json(item) for item in value]
        return next((item for item in items if isinstance(item, Unknown)), tuple(items))
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        made = {key: _json(item) for key, item in value.items()}
        return next((item for item in made.values() if isinstance(item, Unknown)), made)
    return Unknown(f"is a {type(value).__name__}, which JSON cannot hold")

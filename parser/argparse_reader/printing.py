"""The help of an argument as `--help` prints it: its values filled in, in the way of the parser's formatter."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping
from typing import Any

from parser.argparse_reader.actions import SUPPRESS
from parser.argparse_reader.details import metavar_of
from parser.argparse_reader.objects import Action, Argument, Parser, action_of
from parser.argparse_reader.words import VERSION_HELP, Behaviour, type_name
from parser.interpreter import operations
from parser.interpreter.containers import items_of
from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import Class, External, Function, Instance, Modelled, Partial, Unknown, known

MAX_HELP = 20_000
"""Characters of a printed help."""

_DEFAULTS = "argparse.ArgumentDefaultsHelpFormatter"
_RAW = "argparse.RawTextHelpFormatter"
_WIDE = re.compile(r"%[^%]*\d{4}|%[^%]*\*")
_SHOWS_DEFAULT = " (default: %(default)s)"
_OWN_WAY = Unknown("is put together by the script's own formatter")


def printed_help(
    machine: Machine, parser: Parser, argument: Argument, action: str | None, const: Any
) -> str | Unknown | None:
    """The help as `--help` prints it, on one line unless the formatter keeps lines; None when it is not shown."""
    text = argument.keywords.get("help")
    if argument.keywords_unknown and "help" not in argument.keywords:
        return Unknown(argument.keywords_unknown)
    if "help" not in argument.keywords and action == "version":
        text = VERSION_HELP
    if text is None or text == SUPPRESS or text == "":
        return None
    if not isinstance(text, str):
        return Unknown("is put together from values not known")
    formatter = _formatter(machine, parser)
    formats = _ancestry(formatter)
    text = _help_string(machine, argument, text, formatter)
    if isinstance(text, Unknown):
        return text
    if "%" in text:
        words = _words(machine, parser, argument, const)
        if isinstance(words, Unknown) or _WIDE.search(text):
            return Unknown("is put together from values not known")
        missing = [
            name for name, value in words.items() if isinstance(value, Unknown) and f"%({name})" in text
        ]
        if missing:
            return Unknown(f"shows the {missing[0]}, which is not known")
        made = operations.apply(operator.mod, text, words)
        if not isinstance(made, str):
            return Unknown("cannot be printed")
        text = made
    lines = text.splitlines() if _RAW in formats else [re.sub(r"\s+", " ", text, flags=re.ASCII).strip()]
    return "\n".join(lines)[:MAX_HELP]


def _formatter(machine: Machine, parser: Parser) -> Any:
    """The class that formats the help."""
    given = parser.setting("formatter_class")
    if (
        isinstance(given, Function)
        and isinstance(given.node, ast.Lambda)
        and isinstance(given.node.body, ast.Call)
    ):
        given = machine.evaluate(given.node.body.func, given.scope)
    return given.function if isinstance(given, Partial) else given


def _ancestry(formatter: Any) -> set[str]:
    """Dotted names of argparse's classes that the formatter is or comes from."""
    if isinstance(formatter, Class):
        return {one.name for one in formatter.ancestry() if isinstance(one, External)}
    return {formatter.name} if isinstance(formatter, External) else set()


def _is_foreign(formatter: Any) -> bool:
    """Whether it is, or comes from, a class of which nothing is known."""
    if isinstance(formatter, Class):
        return any(_is_foreign(one) for one in formatter.ancestry() if not isinstance(one, Class))
    if isinstance(formatter, External):
        return not formatter.name.startswith(("argparse.", "builtins."))
    return isinstance(formatter, Unknown)


def _help_string(machine: Machine, argument: Argument, text: str, formatter: Any) -> str | Unknown:
    """What the formatter makes of the help before its values are filled in."""
    if _is_foreign(formatter):
        return _OWN_WAY
    if isinstance(formatter, Class):
        if isinstance(formatter.member("_expand_help"), Function):
            return _OWN_WAY
        own = formatter.member("_get_help_string")
        if isinstance(own, Function):
            return _followed(machine, own, argument, formatter)
    return _with_default(argument, text, formatter)


def _with_default(argument: Argument, text: str, formatter: Any) -> str:
    """What argparse's own formatters answer."""
    if _DEFAULTS in _ancestry(formatter) and "%(default)" not in text and argument.default != SUPPRESS:
        return text + _SHOWS_DEFAULT if argument.flags or argument.nargs in ("?", "*") else text
    return text


class _Formatter(Modelled):
    """An object of a script's own formatter, while it is asked for one help."""

    def __init__(self, cls: Class) -> None:
        self.cls = cls
        self.attributes: dict[str, Any] = {}

    def methods(self) -> Mapping[str, Behaviour]:
        return {"_get_help_string": _inherited}


def _inherited(machine: Machine, call: Call, formatter: _Formatter) -> Any:
    """`super()._get_help_string(action)`."""
    action = call.args[0] if call.args else None
    text = action.argument.keywords.get("help") if isinstance(action, Action) else None
    return (
        _with_default(action.argument, text, formatter.cls) if action and isinstance(text, str) else _OWN_WAY
    )


def _followed(machine: Machine, own: Function, argument: Argument, formatter: Class) -> str | Unknown:
    """What the script's own formatter answers."""
    call = Call(own.node, own.scope.script, [action_of(argument)], {})
    made = machine.safely(lambda: machine.follow(own, call, _Formatter(formatter)))
    return made if isinstance(made, str) else _OWN_WAY


def _words(machine: Machine, parser: Parser, argument: Argument, const: Any) -> Mapping[str, Any]:
    """What the help can show of the argument."""
    choices = items_of(machine, argument.keywords.get("choices"))
    given = argument.keywords.get("type")
    words: dict[str, Any] = {
        "default": _shown(argument.default),
        "dest": argument.dest,
        "nargs": argument.nargs,
        "const": _shown(const),
        "required": argument.required,
        "metavar": metavar_of(argument),
        "type": _type_word(given),
        "prog": _prog(machine, parser),
        "option_strings": list(argument.flags),
        "help": argument.keywords.get("help"),
    }
    if argument.keywords.get("choices") is None:
        words["choices"] = None
    elif choices is None or not all(known(one) for one in choices):
        words["choices"] = Unknown()
    else:
        words["choices"] = ", ".join(str(one) for one in choices)
    return {
        name: value for name, value in words.items() if not (isinstance(value, str) and value == SUPPRESS)
    }


def _type_word(given: Any) -> Any:
    """What `%(type)s` shows: the type's own name, where it has one."""
    if given is None:
        return None
    if isinstance(given, Function) and isinstance(given.node, ast.Lambda):
        return given.attributes.get("__name__", "<lambda>")
    if isinstance(given, Instance):
        return given.attributes.get("__name__", _OWN_WAY)
    return _OWN_WAY if isinstance(given, Partial) else type_name(given) or _OWN_WAY


def _shown(value: Any) -> Any:
    """A value as `%s` shows it; types by their name, as argparse does."""
    if known(value):
        return operations.NO_ORDER if operations.is_unordered(value) else value
    if isinstance(value, Function | Class):
        return value.name
    if isinstance(value, External) and value.name.startswith("builtins."):
        return value.name.removeprefix("builtins.")
    return Unknown()


def _prog(machine: Machine, parser: Parser) -> Any:
    given = parser.setting("prog")
    if given is not None:
        return given if isinstance(given, str) else Unknown()
    return Unknown() if parser.subcommand else machine.entry.rpartition("/")[2]

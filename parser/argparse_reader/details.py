"""What argparse shows and keeps besides: the constant of a flag, its metavar, its group's rules, its printed help."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from parser.argparse_reader.actions import SUPPRESS
from parser.argparse_reader.objects import Argument, Parser
from parser.argparse_reader.words import enum_text, type_name
from parser.interpreter import operations
from parser.interpreter.containers import items_of
from parser.interpreter.machine import Machine
from parser.interpreter.values import Class, External, Function, Unknown, known

MAX_HELP = 20_000
"""Characters of a printed help."""

_FIELDS = ("help", "choices", "type", "metavar", "const")
_OWN = ("dest", "default", "required", "nargs")
_DEFAULTS = "argparse.ArgumentDefaultsHelpFormatter"
_RAW = "argparse.RawTextHelpFormatter"
_WIDE = re.compile(r"%[^%]*\d{4}|%[^%]*\*")
_SHOWS_DEFAULT = " (default: %(default)s)"
_NO_TEXT = Unknown("is not text")


def settle(argument: Argument) -> None:
    """Takes over what the script set on the action after it was added."""
    changed = argument.model.attributes if argument.model is not None else {}
    for name, value in changed.items():
        if name in _OWN:
            setattr(argument, name, value)
        elif name in _FIELDS:
            argument.keywords = {**argument.keywords, name: value}
    flags = changed.get("option_strings")
    if argument.flags and isinstance(flags, list | tuple) and all(isinstance(one, str) for one in flags):
        argument.flags = tuple(flags)


def const_of(argument: Argument) -> Any:
    """`const` of the action: what a flag, or an option without its value, stands for."""
    if argument.action in ("store_true", "store_false"):
        return argument.action == "store_true"
    if argument.keywords_unknown and "const" not in argument.keywords:
        return Unknown(argument.keywords_unknown)
    return enum_text(argument.keywords.get("const"))


def metavar_of(argument: Argument) -> Any:
    """`metavar` as given: text, or one text for each value."""
    given = argument.keywords.get("metavar")
    if argument.keywords_unknown and "metavar" not in argument.keywords:
        return Unknown(argument.keywords_unknown)
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, list | tuple) and all(isinstance(one, str) for one in given):
        return tuple(given)
    return _NO_TEXT if known(given) else given


def excluded(parser: Parser, argument: Argument, name: Callable[[Argument], str]) -> tuple[str, ...]:
    """Names of the arguments that cannot be given beside this one."""
    group = argument.exclusive
    if group is None:
        return ()
    others = (one for one in parser.arguments if one.exclusive is group)
    return tuple(name(one) for one in others if one is not argument)


def printed_help(
    machine: Machine, parser: Parser, argument: Argument, action: str | None, type_: str | None, const: Any
) -> str | Unknown | None:
    """The help as `--help` prints it, on one line unless the formatter keeps lines; None when it is not shown."""
    text = argument.keywords.get("help")
    if argument.keywords_unknown and "help" not in argument.keywords:
        return Unknown(argument.keywords_unknown)
    if text is None and action == "version":
        text = "show program's version number and exit"
    if text is None or text == SUPPRESS or text == "":
        return None
    if not isinstance(text, str):
        return Unknown("is put together from values not known")
    formats = _formatters(machine, parser)
    shows = argument.default != SUPPRESS
    if (
        _DEFAULTS in formats
        and "%(default)" not in text
        and shows
        and (argument.flags or argument.nargs in ("?", "*"))
    ):
        text += _SHOWS_DEFAULT
    if "%" in text:
        words = _words(machine, parser, argument, type_, const)
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


def _formatters(machine: Machine, parser: Parser) -> set[str]:
    """Dotted names of the formatter's classes."""
    given = parser.keywords.get("formatter_class")
    if (
        isinstance(given, Function)
        and isinstance(given.node, ast.Lambda)
        and isinstance(given.node.body, ast.Call)
    ):
        given = machine.evaluate(given.node.body.func, given.scope)
    if isinstance(given, Class):
        return {one.name for one in given.ancestry() if isinstance(one, External)}
    return {given.name} if isinstance(given, External) else set()


def _words(
    machine: Machine, parser: Parser, argument: Argument, type_: str | None, const: Any
) -> Mapping[str, Any]:
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
        "type": type_name(given) if given is not None else None,
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


def _shown(value: Any) -> Any:
    """A value as `%s` shows it; types by their name, as argparse does."""
    if known(value):
        return value
    if isinstance(value, Function | Class):
        return value.name
    if isinstance(value, External) and value.name.startswith("builtins."):
        return value.name.removeprefix("builtins.")
    return Unknown()


def _prog(machine: Machine, parser: Parser) -> Any:
    given = parser.keywords.get("prog")
    if given is not None:
        return given if isinstance(given, str) else Unknown()
    return Unknown() if parser.subcommand else machine.entry.rpartition("/")[2]

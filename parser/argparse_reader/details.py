"""What argparse shows and keeps besides: the constant of a flag, its metavar, its group's rules, its printed help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parser.argparse_reader.objects import Argument, Parser
from parser.argparse_reader.words import enum_text
from parser.interpreter.values import Unknown, known

_FIELDS = ("help", "choices", "type", "metavar", "const", "deprecated")
_OWN = ("dest", "default", "required", "nargs")
MAX_EXCLUDED = 500
"""Members of a mutually exclusive group that are told: each one names all others."""

_MANY = Unknown("is one of more than are told")
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
    if argument.action == "store_const":
        return None  # argparse takes it and drops it
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, list | tuple) and all(isinstance(one, str) for one in given):
        return tuple(given)
    return _NO_TEXT if known(given) else given


def excluded(
    parser: Parser, argument: Argument, name: Callable[[Argument], str]
) -> tuple[str, ...] | Unknown:
    """Names of the arguments that cannot be given beside this one; Unknown where they are more than are told."""
    groups = argument.exclusive_groups()
    if not groups:
        return ()
    others: dict[int, Argument] = {}
    for group in reversed(groups):  # the outermost has them all, in their order
        members = parser.members().get(id(group), [])
        if len(members) > MAX_EXCLUDED:
            return _MANY
        others |= {id(one): one for one in members if one is not argument}
    return tuple(map(name, others.values()))

"""argparse's words: its constants, its actions, and how types and enum members are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parser.argparse_reader.actions import SUPPRESS
from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import (
    Class,
    EnumMember,
    External,
    Function,
    Instance,
    Method,
    Modelled,
    Partial,
)

Behaviour = Callable[[Machine, Call, Any], Any]
"""A method known by heart: the machine, the call, and the object it is called on."""

CONSTANTS: Mapping[str, str] = {
    "argparse.SUPPRESS": SUPPRESS,
    "argparse.OPTIONAL": "?",
    "argparse.ZERO_OR_MORE": "*",
    "argparse.ONE_OR_MORE": "+",
    "argparse.REMAINDER": "...",
    "argparse.PARSER": "A...",
}


VERSION_HELP = "show program's version number and exit"
"""The help of an option with `action="version"` that is given none."""

NO_VALUE = frozenset({"store_const", "store_true", "store_false", "append_const", "count", "help", "version"})
"""Actions of options that take no value."""


class FileType(Modelled):
    """`argparse.FileType(…)`, a type."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}


def type_name(value: Any) -> str | None:
    """argparse's word for a type; None when it is not known."""
    if isinstance(value, External):
        return value.name.rpartition(".")[2]
    if isinstance(value, Function):
        return _called(value.attributes.get("__name__", value.name))
    if isinstance(value, Class):
        return value.name
    if isinstance(value, Instance):
        return _called(value.attributes.get("__name__", value.cls.name)) if _callable(value) else None
    if isinstance(value, FileType):
        return "FileType"
    if isinstance(value, Partial):
        return "partial"  # a partial has no name of its own
    if isinstance(value, Method):
        return type_name(value.function) if value.function else value.name
    return None


def _called(name: Any) -> str | None:
    return name if isinstance(name, str) else None


def _callable(value: Instance) -> bool:
    return isinstance(value.cls.member("__call__"), Function)


def enum_text(value: Any) -> Any:
    """A member of an enum as its value, everything else as it is."""
    return value.value if isinstance(value, EnumMember) else value

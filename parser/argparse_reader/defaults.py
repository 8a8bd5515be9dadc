"""What argparse makes of a default that is a text: it is handed to `type`, as if it had been given."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from parser.argparse_reader.objects import Argument
from parser.argparse_reader.words import FileType, enum_text, type_name
from parser.interpreter import operations, records
from parser.interpreter.calls import call_value, plain_method
from parser.interpreter.flow import Call, Raised, Thrown
from parser.interpreter.machine import Machine
from parser.interpreter.values import (
    Class,
    EnumMember,
    External,
    Function,
    Instance,
    Method,
    Partial,
    Unknown,
    known,
)
from parser.problems import shown

_BUILTINS: Mapping[str, Any] = {
    f"builtins.{one.__name__}": one for one in (int, float, str, bool, complex, bytes, bytearray)
}
_PATHS = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath"})
_WAITED_FOR = frozenset(
    {*operations.CERTAIN, "LookupError", "ArithmeticError", "Exception", "ArgumentTypeError"}
)
"""Exceptions that are looked for: whatever the type raises, the script does not go on."""

_OWN_WAYS = ("_missing_", "__new__", "__init__")
"""Methods by which an enum may take other texts than those of its members."""


@dataclass(frozen=True, slots=True)
class Refuses:
    """A type that surely takes no such text; `type`: what it is called in a sentence."""

    type: str


def converted(machine: Machine, argument: Argument, text: str) -> Any:
    """The value that the script sees; Refuses where it stops instead, Unknown where nobody can tell."""
    value = _converted(machine, argument, text)
    if isinstance(value, Refuses) and not argument.flags and argument.nargs == "*":
        # argparse calls no type there, so nothing stops
        return Unknown(f"is {shown(text)}, which is no value that the argument takes")
    return value


def _converted(machine: Machine, argument: Argument, text: str) -> Any:
    given = argument.keywords.get("type")
    if given is None:
        return text
    if isinstance(given, External) and given.name in _PATHS:
        return PurePosixPath(text)
    name = type_name(given) or "what its type takes"
    if isinstance(given, External) and given.name in _BUILTINS:
        try:
            return _BUILTINS[given.name](text)
        except (ValueError, TypeError):
            return Refuses(given.name.removeprefix("builtins."))
    if isinstance(given, FileType):
        # an empty path is no file anywhere; whether another one is there is seen at run time
        return text or Refuses("the path of a file")
    result = _result(machine, given, text)
    if isinstance(result, EnumMember):
        result = enum_text(result)
    if known(result) or isinstance(result, Refuses):
        return result
    return Unknown(f"is {shown(text)} converted by {name} when the script runs")


def _result(machine: Machine, given: Any, text: str) -> Any:
    if isinstance(given, Class) and records.is_enum(given) and _takes_members_only(given):
        values = [enum_text(one) for one in records.members_of(given)]
        if values and all(known(one) for one in values) and text not in values:
            return Refuses(f"a value of {given.name}")
    follows = isinstance(given, Function | Method | Partial | Instance | Class)
    by_heart = isinstance(given, External) and (
        given.name in operations.FUNCTIONS or plain_method(given.name)
    )
    if not (follows or by_heart):
        return Unknown()
    return _called(machine, given, text)


def _takes_members_only(given: Class) -> bool:
    own = any(isinstance(given.member(name), Function) for name in _OWN_WAYS)
    return not own and given.metaclass is None


def _called(machine: Machine, function: Any, text: str) -> Any:
    """What a function of the repository makes of a text, where that can be followed; Refuses where it raises."""
    node = function.node if isinstance(function, Function) else ast.Constant(text)
    script = (
        function.scope.script if isinstance(function, Function) else machine.modules.script(machine.entry)
    )
    if script is None:
        return Unknown()
    call = Call(node, script, [text], {})

    def work() -> Any:
        depth = len(machine.trying)
        machine.trying.append(set(_WAITED_FOR))
        doubts = machine.doubts
        try:
            result = call_value(machine, function, call)
            raises = isinstance(result, Unknown) and bool(result.raises)
        except (Raised, Thrown):
            result, raises = Unknown(), True
        finally:
            del machine.trying[depth:]
        # behind what may have raised, or ended, in another way, this one is not sure
        sure = raises and machine.doubts == doubts
        return Refuses(f"what {type_name(function) or 'its type'} takes") if sure else result

    return machine.safely(work)

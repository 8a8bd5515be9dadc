"""click's types: what a `type=` or a default makes of an option's values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parser.interpreter.containers import all_items, items_of
from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import Class, EnumMember, External, Modelled, Unknown, known

ROOTS = ("click", "rich_click", "asyncclick", "cloup")
"""Packages whose names are click's."""

_NAMED: Mapping[str, str] = {
    "STRING": "str",
    "INT": "int",
    "FLOAT": "float",
    "BOOL": "bool",
    "UUID": "UUID",
    "UNPROCESSED": "str",
}
_MADE: Mapping[str, str] = {
    "Path": "Path",
    "File": "File",
    "IntRange": "int",
    "FloatRange": "float",
    "Choice": "str",
    "DateTime": "datetime",
    "Tuple": "tuple",
}
_PLAIN = ("str", "int", "float", "bool")


class ClickType(Modelled):
    """An object such as `click.IntRange(0, 1)`."""

    def __init__(self, kind: str, call: Call) -> None:
        self.kind = kind
        self.given = call
        self.attributes: dict[str, Any] = {}


@dataclass(slots=True)
class Read:
    """A type as it was read: its word, choices, how many values it takes; `why` when the word is not known."""

    name: str | None
    choices: Any = None
    count: int | None = None
    why: str | None = None
    low: Any = None
    high: Any = None
    open_ends: frozenset[str] = field(default_factory=frozenset)


def type_models() -> dict[str, Any]:
    """click's type constructors as the machine must know them."""

    def making(kind: str) -> Any:
        return lambda machine, call: ClickType(kind, call)

    return {
        f"{root}.{part}{kind}": making(kind) for root in ROOTS for part in ("", "types.") for kind in _MADE
    }


def read_type(machine: Machine, given: Any, default: Any) -> Read:
    """The type of an option that is given as this, or that follows from its default."""
    if given is None:
        return _guessed(default)
    if isinstance(given, ClickType):
        return _made(machine, given)
    if isinstance(given, tuple | list):
        words = [read_type(machine, one, None).name for one in given]
        same = words[0] if len(set(words)) == 1 else "tuple"
        return Read(same, count=len(given))
    if isinstance(given, External):
        root, _, name = given.name.rpartition(".")
        if root == "builtins":
            return Read(name)
        if root.removesuffix(".types") in ROOTS and name in _NAMED:
            return Read(_NAMED[name])
        return Read(name)
    if isinstance(given, Class):
        return Read(given.name)
    own = getattr(given, "name", None)
    if isinstance(given, Unknown) or not isinstance(own, str):
        # An object of the script's own type class.
        cls = getattr(given, "cls", None)
        if isinstance(cls, Class):
            return Read(cls.name)
        return Read(None, why=given.why if isinstance(given, Unknown) else "is not a type that can be named")
    return Read(own)


def _guessed(default: Any) -> Read:
    if isinstance(default, list | tuple) and default and isinstance(default[0], list | tuple):
        words = [type(one).__name__ for one in default[0]]
        return Read(words[0] if len(set(words)) == 1 and words[0] in _PLAIN else "tuple", count=len(words))
    if isinstance(default, list | tuple):
        default = default[0] if default else None
    if default is None:
        return Read("str")
    if not known(default):
        # An unknown default hides the type that follows from it.
        why = default.why if isinstance(default, Unknown) else None
        return Read(None, why=f"follows from the default, which {why}") if why else Read("str")
    name = type(default).__name__
    return Read(name if name in _PLAIN else "str")


def _made(machine: Machine, given: ClickType) -> Read:
    call, kind = given.given, given.kind
    names = {"Choice": ("choices",), "IntRange": ("min", "max"), "FloatRange": ("min", "max")}.get(kind, ())
    values = {**dict(zip(names, call.args, strict=False)), **call.keywords}
    read = Read(_MADE[kind])
    if kind == "Choice":
        read.choices = _choices(machine, values.get("choices"))
    elif kind == "Tuple":
        inner = call.args[0] if call.args else call.keywords.get("types")
        items = items_of(machine, inner)
        if items:
            return read_type(machine, tuple(items), None)
        read.why = "is made of types not known"
        read.name = None
    elif kind in ("IntRange", "FloatRange"):
        if values.get("clamp") is not True:
            read.low, read.high = values.get("min"), values.get("max")
        read.open_ends = frozenset(one for one in ("min_open", "max_open") if values.get(one) is True)
    return read


def _choices(machine: Machine, given: Any) -> Any:
    """The words that may be given: members of an enum go by their names."""
    items = all_items(machine, given)
    return given if items is None else [one.name if isinstance(one, EnumMember) else one for one in items]

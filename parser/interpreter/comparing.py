"""Whether values are true, equal, the same, or of a kind, as far as that can be known."""

from __future__ import annotations

import ast
import collections.abc
import sys
from typing import Any

from parser.interpreter import operations
from parser.interpreter.values import (
    MISSING,
    SPOILT,
    Alias,
    Class,
    EnumMember,
    External,
    Function,
    Instance,
    Jumbled,
    Located,
    Method,
    Modelled,
    Module,
    Partial,
    Unknown,
    known,
    why_unknown,
)

NONE_TYPE = External("types.NoneType")
"""`type(None)`."""

MAX_EQUAL_DEPTH = 10
"""Levels of containers compared item by item."""

_OBJECTS = (Class, Function, Modelled, Module, Partial, Instance, Method)


def truth(value: Any) -> bool | None:
    """Whether the value counts as true; None when that is not known."""
    if isinstance(value, list | tuple | dict | set | frozenset):
        if any(isinstance(item, Unknown) for item in value):
            return None
        return bool(value)
    if isinstance(value, range):
        return operations.len_of(value) > 0
    if isinstance(value, EnumMember):
        return truth(value.value) if value.plain else True
    if isinstance(value, Instance):
        if value.cls.record == "NamedTuple":
            return bool(value.attributes)
        plain = not value.cls.foreign and all(
            not isinstance(value.cls.member(name), Function) for name in ("__bool__", "__len__")
        )
        return True if plain else None
    if isinstance(value, Function | Class | Module | Modelled | Method | Partial | Alias):
        return True
    if isinstance(value, External):
        return True if value.name in operations.TYPES or value.name.startswith("argparse.") else None
    return bool(value) if known(value) else None


def same(left: Any, right: Any) -> bool | None:
    """`left is right`."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return None
    if left is right:
        return True
    if isinstance(left, External) or isinstance(right, External):
        return _same_external(left, right)
    if isinstance(left, EnumMember) and isinstance(right, EnumMember):
        return (left.cls, left.name) == (right.cls, right.name)
    if isinstance(left, Method) and isinstance(right, Method):
        return None
    if isinstance(left, (*_OBJECTS, EnumMember, Alias)) or isinstance(right, (*_OBJECTS, EnumMember, Alias)):
        return False
    if left is None or right is None:
        return False
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list | dict | set) or isinstance(right, list | dict | set):
        return False
    return type(left) is type(right) and left == right if known(left) and known(right) else None


_DISTINCT = ("builtins.", "types.", "dataclasses.", "inspect.", "enum.")
"""Modules whose names are those of no other module's objects."""


def _same_external(left: Any, right: Any) -> bool | None:
    if isinstance(left, External) and isinstance(right, External):
        if left == right:
            return True
        # Two names of the world outside may mean one thing, but not when one of them is a builtin.
        apart = left.name.startswith(_DISTINCT) or right.name.startswith(_DISTINCT)
        return False if apart else None
    one, other = (left, right) if isinstance(left, External) else (right, left)
    if one.name.startswith((*_DISTINCT, "argparse.", "typing.", "pathlib.")):
        return False
    return False if isinstance(other, _OBJECTS) else None


def equal(left: Any, right: Any, depth: int = 0) -> bool | None:
    """`left == right`."""
    if isinstance(left, Unknown) or isinstance(right, Unknown) or depth > MAX_EQUAL_DEPTH:
        return None
    left, right = _as_plain(left), _as_plain(right)
    if known(left) and known(right):
        result = operations.apply(lambda: left == right)
        return bool(result) if not isinstance(result, Unknown) else None
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        if type(left) is not type(right) or len(left) != len(right):
            return False
        results = [equal(one, other, depth + 1) for one, other in zip(left, right, strict=True)]
        return False if False in results else (None if None in results else True)
    if isinstance(left, Instance) and isinstance(right, Instance) and left is not right:
        return None
    if isinstance(left, Alias) and isinstance(right, Alias):
        return left == right or _unlike_alias(left, right)
    if (isinstance(left, Alias) or isinstance(right, Alias)) and is_type(left) and is_type(right):
        return False
    return same(left, right)


def is_type(value: Any) -> bool:
    """Whether it is a class of the repository, one of Python's, or one of these with parameters."""
    if isinstance(value, External):
        return value.name in operations.TYPES or value == NONE_TYPE
    return isinstance(value, Alias | Class)


def _unlike_alias(left: Alias, right: Alias) -> bool | None:
    """False when two types with parameters are certainly not the same."""
    one, other = (getattr(alias.origin, "name", "").rpartition(".")[2].lower() for alias in (left, right))
    unions = {"union", "optional"}
    if one != other and not unions.issuperset({one, other}):
        return False
    if one != other or len(left.args) != len(right.args):
        return None
    pairs = zip(left.args, right.args, strict=True)
    return False if any(equal(mine, theirs) is False for mine, theirs in pairs) else None


def _as_plain(value: Any) -> Any:
    """A member of an enum that mixes in a plain type is equal to its value."""
    return value.value if isinstance(value, EnumMember) and value.plain else value


def contains(container: Any, item: Any) -> bool | None:
    """`item in container`."""
    if isinstance(container, str | bytes | range):
        if not known(item):
            return None
        result = operations.apply(lambda: item in container)
        return result if isinstance(result, bool) else None
    if isinstance(container, Jumbled):
        container = container.items
    if not isinstance(container, list | tuple | set | frozenset | dict):
        return None
    if isinstance(container, dict | set | frozenset) and isinstance(
        item, str | int | float | None | Class | Function
    ):
        # The usual case at once: keys are compared by their hash, as Python does.
        if SPOILT in container:
            return None
        if item in container:
            return True
        if not any(isinstance(one, EnumMember | External | Unknown) for one in container):
            return False
    results = [equal(one, item) for one in container]
    return True if True in results else (None if None in results else False)


def compared(op: ast.cmpop, left: Any, right: Any) -> Any:
    """`left op right`: True, False, or Unknown."""
    result: bool | None
    if isinstance(op, ast.Is | ast.IsNot):
        result = same(left, right)
        return _answer(result if isinstance(op, ast.Is) or result is None else not result, left, right)
    if isinstance(op, ast.Eq | ast.NotEq):
        result = equal(left, right)
        return _answer(result if isinstance(op, ast.Eq) or result is None else not result, left, right)
    if isinstance(op, ast.In | ast.NotIn):
        result = contains(right, left)
        return _answer(result if isinstance(op, ast.In) or result is None else not result, left, right)
    left, right = _as_plain(left), _as_plain(right)
    if not (known(left) and known(right)):
        return Unknown(why_unknown(right if known(left) else left))
    return operations.apply(operations.COMPARE[type(op)], left, right)


def _answer(result: bool | None, left: Any, right: Any) -> Any:
    return Unknown(why_unknown(right if known(left) else left)) if result is None else result


def type_of(value: Any) -> Any:
    """`type(value)`."""
    if isinstance(value, Instance | Modelled) and value.cls is not None:
        return value.cls
    if isinstance(value, bool | int | float | complex | str | bytes | list | tuple | dict | set | frozenset):
        return External(f"builtins.{type(value).__name__}")
    return NONE_TYPE if value is None else Unknown("is the type of a value not known")


def is_instance(value: Any, kinds: Any) -> bool | None:
    """`isinstance(value, kinds)`."""
    if isinstance(value, Unknown):
        return _is_of_kind(value, kinds)
    results = [_is_of(value, kind) for kind in (kinds if isinstance(kinds, tuple | list) else (kinds,))]
    return True if True in results else (None if None in results else False)


def _is_of_kind(value: Unknown, kinds: Any) -> bool | None:
    """Whether a value not known is of one of the kinds, where at least its type is known."""
    wanted = [_plain_type(kind) for kind in (kinds if isinstance(kinds, tuple | list) else (kinds,))]
    if not value.kind or None in wanted:
        return None
    return {"list": list, "str": str}[value.kind] in wanted


def _is_of(value: Any, kind: Any) -> bool | None:
    if isinstance(kind, tuple | list):
        return is_instance(value, tuple(kind))
    cls = value.cls if isinstance(value, Instance | Modelled) else None
    if cls is not None:
        if kind in cls.ancestry() or kind == External("builtins.object"):
            return True
        return False if isinstance(kind, Class) or not cls.foreign else None
    if isinstance(value, EnumMember):
        if isinstance(kind, Class):
            return kind.name == value.cls
        return True if kind == External("enum.Enum") else None
    if isinstance(value, Modelled):
        if isinstance(kind, Class):
            return value.is_made_by(kind)
        return value.is_a(kind.name) if isinstance(kind, External) else False
    if isinstance(value, Class) and isinstance(value.metaclass, Class) and kind in value.metaclass.ancestry():
        return True
    if isinstance(kind, External) and kind.name.startswith(_ABSTRACT_CONTAINERS):
        return _is_container(value, kind.name)
    if isinstance(value, Class | Function | Method | Partial):
        if kind == External("builtins.type"):
            return isinstance(value, Class)
        return False if isinstance(kind, Class) or _plain_type(kind) else None
    if kind == NONE_TYPE:
        return value is None
    if isinstance(kind, External) and kind.name == "types.UnionType":
        return isinstance(value, Alias) and value.origin == kind
    if isinstance(value, Alias):
        plain = kind == External("builtins.type") or _plain_type(kind) is not None
        return False if plain or isinstance(kind, Class) else None
    if isinstance(value, Module | Located):
        return False if isinstance(kind, Class) or kind == External("builtins.type") else None
    if isinstance(value, External):
        if kind == External("builtins.type") and (value.module or value.name.startswith("__future__.")):
            return False
        if kind == External("builtins.type") and (real := of_python(value.name)) is not MISSING:
            return isinstance(real, type)
        if isinstance(kind, External) and isinstance(real_kind := of_python(kind.name), type):
            real = of_python(value.name)
            return None if real is MISSING else isinstance(real, real_kind)
        if kind == External("builtins.type") and value.name in operations.TYPES:
            return True
        if kind == External("builtins.type") and value.name.startswith("typing."):
            return value.name == "typing.Any"
        builtin = value.name in operations.TYPES
        return False if builtin and (isinstance(kind, Class) or _plain_type(kind)) else None
    if isinstance(kind, Class):
        return False
    plain = _plain_type(kind)
    if plain is not None and isinstance(value, (str, bytes, int, float, complex, list, tuple, dict, set)):
        return isinstance(value, plain)
    if plain is not None and (value is None or isinstance(value, range | frozenset)):
        return isinstance(value, plain)
    if isinstance(kind, External) and kind.name in ("enum.Enum", "builtins.type"):
        return False
    return None


_ABSTRACT_CONTAINERS = ("collections.abc.", "typing.")
_CONTAINERS = frozenset(
    ["Iterable", "Sequence", "Mapping", "Collection", "Container", "Set", "MutableSequence", "MutableMapping"]
)


def _is_container(value: Any, kind: str) -> bool | None:
    """Whether a value is a container of one of the abstract kinds of `collections.abc`."""
    name = kind.rpartition(".")[2]
    if name == "Callable" and isinstance(value, Class | Function | Method | Partial):
        return True
    if name not in _CONTAINERS:
        return None
    if isinstance(value, Function | Method | Partial) or (isinstance(value, Class) and not value.metaclass):
        return False
    if isinstance(value, str | bytes | list | tuple | dict | set | frozenset | range | int | float | None):
        return isinstance(value, getattr(collections.abc, name))
    return None


_OF_PYTHON = frozenset(
    {"abc", "argparse", "collections", "collections.abc", "dataclasses", "enum", "functools", "json", "math"}
    | {"operator", "pathlib", "re", "string", "types", "typing"}
)
"""Modules of Python's own library whose objects are asked what kind they are; all are loaded anyway."""


def of_python(name: str) -> Any:
    """The object itself of one of Python's own modules; MISSING when it is of another."""
    module, _, last = name.rpartition(".")
    loaded = sys.modules.get(module) if module in _OF_PYTHON else None
    return getattr(loaded, last, MISSING) if loaded is not None else MISSING


def _plain_type(kind: Any) -> type | None:
    return operations.TYPES.get(kind.name) if isinstance(kind, External) else None


_ROOTS = (External("enum.Enum"), *(External(name) for name in operations.TYPES if name != "builtins.object"))


def _without_typing(kind: Any) -> Any:
    """The class that a name of `typing` stands for: `list` for `typing.List`."""
    real = of_python(kind.name) if isinstance(kind, External) and kind.name.startswith("typing.") else MISSING
    origin = getattr(real, "__origin__", None)
    if isinstance(origin, type) and origin in operations.TYPES.values():
        return External(f"builtins.{origin.__name__}")
    return kind


def _real(kind: Any) -> Any:
    """The class itself of one of Python's own; MISSING for every other."""
    return _plain_type(kind) or of_python(getattr(kind, "name", ""))


def is_subclass(cls: Any, kinds: Any) -> bool | None:
    """`issubclass(cls, kinds)`."""
    wanted = [_without_typing(one) for one in (kinds if isinstance(kinds, tuple | list) else (kinds,))]
    if isinstance(cls, Class):
        if any(one in cls.ancestry() for one in wanted) or External("builtins.object") in wanted:
            return True
        if any(isinstance(one, Unknown) for one in wanted):
            return None
        bases = [_real(one) for one in cls.ancestry() if not isinstance(one, Class)]
        kinds = [_real(one) for one in wanted if not isinstance(one, Class)]
        if not all(isinstance(one, type) for one in (*bases, *kinds)):
            return None if cls.foreign else False
        return any(issubclass(one, kind) for one in bases for kind in kinds)
    if isinstance(cls, External) and isinstance(real := of_python(cls.name), type):
        others = [_plain_type(one) or of_python(getattr(one, "name", "")) for one in wanted]
        if any(isinstance(one, type) and issubclass(real, one) for one in others):
            return True
        pairs = zip(wanted, others, strict=True)
        unlike = all(isinstance(one, Class) or isinstance(other, type) for one, other in pairs)
        return False if unlike else None
    plain = _plain_type(cls)
    if plain is None:
        return (
            False
            if cls == External("typing.Any")
            and all(isinstance(one, Class) or one in _ROOTS for one in wanted)
            else None
        )
    others = [_plain_type(one) for one in wanted]
    if any(one is not None and issubclass(plain, one) for one in others):
        return True
    return False if all(_unlike_plain(one) for one in wanted) else None


_ABSTRACT = ("abc.", "collections.abc.", "numbers.", "typing.")
"""Modules whose classes say yes to types that do not come from them."""


def _unlike_plain(kind: Any) -> bool:
    """Whether no plain type is a subclass of it."""
    if isinstance(kind, External):
        return not kind.name.startswith(_ABSTRACT)
    return isinstance(kind, Class)

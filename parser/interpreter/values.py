"""What a name can stand for. Plain Python values stand for themselves; these stand for everything else."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parser.interpreter.flow import Call
    from parser.interpreter.machine import Machine
    from parser.script import Script

MAX_ITEMS = 10_000
"""Items of a known container, nested ones included; above that its value counts as not known."""

MAX_DEPTH = 40
"""Levels of nested containers."""

MAX_ANCESTORS = 100
"""Classes that a class inherits from."""

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), PurePosixPath, re.Pattern)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value not known without running the script; `why` completes the sentence "the value …"."""

    why: str = "is computed when the script runs"
    raises: str = ""
    """The exception that asking for the value certainly raises."""
    kind: str = ""
    """The plain type that the value certainly has: `list` or `str`, else empty."""


@dataclass(frozen=True, slots=True)
class Jumbled(Unknown):
    """A list of items that are known, in an order that is not; one of them is Unknown when it was changed since."""

    items: list[Any] = field(default_factory=list, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Given(Unknown):
    """What a command line gives; its parts stand at what they are when nothing is given, or as the script set them."""

    absent: Callable[[str], Any] = field(default=lambda name: Unknown(), compare=False, repr=False)
    attributes: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def part(self, name: str) -> Any:
        """The attribute of this name."""
        return self.attributes[name] if name in self.attributes else self.absent(name)


SPOILT = Unknown("is changed in a way that cannot be followed")
"""The key of a dictionary that may hold more, or other values, than are seen."""


@dataclass(frozen=True, slots=True)
class External:
    """Something of a module that is not in the repository, by its full dotted name."""

    name: str
    module: bool = field(default=False, compare=False)
    """Whether it was imported as a module."""


@dataclass(slots=True, eq=False, repr=False)
class Scope:
    """Names of a function, class body or module, and the scope around it."""

    script: Script
    names: dict[str, Any] = field(default_factory=dict)
    outer: Scope | None = None
    module_level: Scope | None = None
    global_names: set[str] = field(default_factory=set)
    annotations: dict[str, ast.expr] = field(default_factory=dict)
    """Annotated names of a class body, in order."""
    outer_names: dict[str, Scope] = field(default_factory=dict)

    def lookup(self, name: str) -> Any:
        """The value, or MISSING."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and name not in scope.global_names:
                return scope.names[name]
            scope = scope.outer
        top = self.module_level
        return top.names.get(name, MISSING) if top else MISSING

    def bind(self, name: str, value: Any) -> None:
        """Gives the name its value, in the module's scope when it was declared global."""
        target = self.module_level if name in self.global_names and self.module_level else self
        self.outer_names.get(name, target).names[name] = value


class Missing:
    """The type of MISSING: no such name."""


MISSING = Missing()


@dataclass(slots=True, eq=False, repr=False)
class Function:
    """A function or lambda of the repository, with the scope it was made in."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    name: str
    defaults: list[Any]
    keyword_defaults: dict[str, Any]
    owner: Class | None = None
    kind: str = "function"
    abstract: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False, repr=False)
class Field:
    """One annotated name of a class body."""

    name: str
    annotation: Any
    default: Any = MISSING
    factory: Any = MISSING
    metadata: Any = field(default_factory=dict)
    init: bool = True
    passed_on: bool = False
    """Whether it is given to `__post_init__` only (`dataclasses.InitVar`)."""
    attributes: dict[str, Any] = field(default_factory=dict)
    """What the script set on it."""
    owner: Class | None = None
    """The class whose body holds it."""


@dataclass(frozen=True, slots=True)
class Alias:
    """A type with parameters, as `Optional[int]`."""

    origin: Any
    args: tuple[Any, ...]


@dataclass(slots=True, eq=False, repr=False)
class Class:
    """A class of the repository."""

    name: str
    scope: Scope
    bases: list[Any]
    record: str = ""
    """`dataclass` or `NamedTuple` when its fields make the constructor."""
    fields: dict[str, Field] = field(default_factory=dict)
    """Annotated names of the class body, in order."""
    metaclass: Any = None

    subclasses: list[Any] = field(default_factory=list)
    """The classes that inherit from it directly, in order; Unknown where it depends whether there is one."""

    line: list[Any] | None = None
    """The order in which attributes are looked for, once it was asked for."""

    def ancestry(self) -> list[Any]:
        """The class and everything it inherits from, in the order of `__mro__`; foreign bases as they were given."""
        if self.line is None:
            lines = [one.ancestry() if isinstance(one, Class) else [one] for one in self.bases]
            above = lines[0] if len(lines) == 1 else merged_lines([*lines, list(self.bases)])
            self.line = [self, *above][:MAX_ANCESTORS]
        return self.line

    def member(self, name: str, after: Class | None = None) -> Any:
        """The attribute as the class body left it, or MISSING; `after` begins behind that class, as super() does."""
        line = [one for one in self.ancestry() if isinstance(one, Class)]
        if after in line:
            line = line[line.index(after) + 1 :]
        for one in line:
            if name in one.scope.names:
                return one.scope.names[name]
        return MISSING

    roots: frozenset[str] | None = None
    """Dotted names of the foreign classes it inherits from, once they were asked for."""

    def inherits(self, *names: str) -> bool:
        """Whether a foreign class of one of these dotted names is among the bases."""
        if self.roots is None:
            self.roots = frozenset(one.name for one in self.ancestry() if isinstance(one, External))
        return not self.roots.isdisjoint(names)

    @property
    def foreign(self) -> bool:
        """Whether a base is not known, so that attributes may exist that are not seen here."""
        return any(not isinstance(one, Class) and one not in _BARE for one in self.ancestry())


_BARE = tuple(
    External(name)
    for name in (
        *("builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"),
        *("typing_extensions.Generic", "typing_extensions.Protocol"),
    )
)
"""Foreign classes that bring no attributes without two underscores in front."""


def merged_lines(lines: list[list[Any]]) -> list[Any]:
    """The lines of ancestors joined as Python does (C3); one after the other where that is not possible."""
    found: list[Any] = []
    waiting = [list(line) for line in lines if line]
    if sum(len(line) for line in waiting) > MAX_ANCESTORS * 4:
        return list(
            dict.fromkeys(one for line in waiting[: MAX_ANCESTORS * 4] for one in line if hashable(one))
        )
    while waiting:
        heads = [line[0] for line in waiting]
        later = [one for line in waiting for one in line[1:]]
        head = next((one for one in heads if one not in later), heads[0])
        found.append(head)
        waiting = [rest for line in waiting if (rest := [one for one in line if one != head])]
    return found


@dataclass(slots=True, eq=False, repr=False)
class Instance:
    """An object of a class of the repository."""

    cls: Class
    attributes: dict[str, Any] = field(default_factory=dict)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class EnumMember:
    """One member of an enum of the repository."""

    cls: str
    name: str
    value: Any
    mixin: str = ""
    """The plain type that the enum mixes in: `str` or `int`, else empty."""
    owner: Any = field(default=None, compare=False, repr=False)

    @property
    def plain(self) -> bool:
        """Whether the member is itself a text or a number."""
        return bool(self.mixin)


@dataclass(slots=True, eq=False, repr=False)
class Super:
    """`super()` inside a method."""

    receiver: Any
    after: Class


@dataclass(slots=True, eq=False, repr=False)
class Module:
    """A module of the repository."""

    path: str


@dataclass(slots=True, eq=False, repr=False)
class Method:
    """A method on its way to be called: of a class here, of a model, or of a plain value."""

    receiver: Any
    name: str
    function: Function | None = None


@dataclass(slots=True, eq=False, repr=False)
class Partial:
    """`functools.partial` of something."""

    function: Any
    args: list[Any]
    keywords: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lazy:
    """A name imported from a module of the repository, which is read when the name is used."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Package:
    """A folder of the repository without an `__init__.py`, imported as a package."""

    dotted: str


@dataclass(frozen=True, slots=True)
class Located:
    """A path below the repository's root, wherever that is when the script runs; `path` is relative to it."""

    path: str
    is_path: bool = False
    """Whether it is a pathlib.Path and not text."""


class Defaults(dict[Any, Any]):
    """`collections.defaultdict`: what is asked for and not there is made."""

    def __init__(self, factory: Any, items: Any = ()) -> None:
        super().__init__(items)
        self.factory = factory


class Modelled:
    """An object whose behaviour is known by heart instead of being followed (argparse's)."""

    attributes: dict[str, Any]
    cls: Class | None = None
    callable = False
    further: frozenset[str] = frozenset()
    """Attributes that it has and that are not modelled."""

    def methods(self) -> Mapping[str, Any]:
        """Name → function(machine, call, object) of what the object can be asked."""
        return {}

    def attribute(self, name: str) -> Any:
        """What is known by heart of an attribute that the script has not set; MISSING when nothing is."""
        return MISSING

    def is_a(self, name: str) -> bool | None:
        """Whether it is an object of the foreign class of this dotted name."""
        return None

    def is_made_by(self, cls: Class) -> bool | None:
        """Whether it is an object of a class of the repository, when `cls` does not say so."""
        return False

    def call(self, machine: Machine, name: str, call: Call) -> Any:
        """What the method gives back."""
        behaviour = self.methods().get(name)
        return behaviour(machine, call, self) if behaviour else Unknown()


def known(value: Any) -> bool:
    """Whether the value is plain through and through: nothing unknown, nothing abstract, not too large."""
    if isinstance(value, PLAIN):
        return True
    budget = [MAX_ITEMS]
    return _known(value, 0, budget)


def _known(value: Any, depth: int, budget: list[int]) -> bool:
    budget[0] -= 1
    if isinstance(value, PLAIN):
        return True
    if budget[0] < 0 or depth > MAX_DEPTH:
        return False
    if isinstance(value, dict):
        return all(_known(k, depth + 1, budget) and _known(v, depth + 1, budget) for k, v in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return all(_known(item, depth + 1, budget) for item in value)
    return isinstance(value, range)


def why_unknown(value: Any, depth: int = 0) -> str:
    """Completes "the value …" for a value that is not known."""
    if isinstance(value, Unknown):
        return value.why
    if isinstance(value, Located):
        return "is a path that depends on where the script lies when it runs"
    if isinstance(value, External):
        return f"comes from {value.name.rpartition('.')[0] or value.name}, which is not in this repository"
    if depth < 3 and isinstance(value, list | tuple | set | dict):
        for item in list(value.values() if isinstance(value, dict) else value)[:100]:
            if not known(item):
                return why_unknown(item, depth + 1)
    if isinstance(value, Function | Class | Instance | Method | Partial | Module | EnumMember | Alias):
        return "is an object of the script"
    return "is not a plain value"


_HASHABLE = (
    *(str, int, float, bool, bytes, type(None), type(...), PurePosixPath, re.Pattern),
    *(EnumMember, Class, Function, External, Module, Lazy, Instance),
)


def hashable(key: Any) -> bool:
    """Whether it can be the key of a dictionary or in a set here."""
    return _hashable(key, 0, [MAX_ITEMS])


def _hashable(key: Any, depth: int, budget: list[int]) -> bool:
    # Python looks at a tuple as often as it stands in others: forty lines make one of a million million items
    budget[0] -= 1
    if isinstance(key, _HASHABLE):
        return True
    if budget[0] < 0 or depth > MAX_DEPTH:
        return False
    return isinstance(key, tuple) and all(_hashable(item, depth + 1, budget) for item in key)

"""Classes whose fields make them: dataclasses, named tuples, enums; and objects made of plain attributes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from parser.interpreter.flow import Call
from parser.interpreter.values import (
    MISSING,
    Class,
    EnumMember,
    External,
    Field,
    Function,
    Instance,
    Scope,
    Unknown,
)

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

ENUMS = frozenset({"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"})
_DATACLASSES = frozenset(
    {"dataclasses.dataclass", "attr.s", "attr.attrs", "attr.dataclass", "attr.define", "attr.frozen"}
    | {"attrs.define", "attrs.frozen", "attrs.mutable"}
)
_NAMED_TUPLES = frozenset({"typing.NamedTuple", "collections.namedtuple"})


def is_enum(value: Class) -> bool:
    """Whether the class is an enum."""
    return value.inherits(*ENUMS)


def makes_dataclass(decorator: Any) -> bool:
    """Whether the decorator's value is one that makes a constructor of the annotated names."""
    return isinstance(decorator, External) and decorator.name in _DATACLASSES


def finish_class(machine: Machine, made: Class, dataclass: bool) -> None:
    """Works out, once the body has run, what the class's fields and members are."""
    if is_enum(made):
        _finish_enum(machine, made)
        return
    inherited: dict[str, Field] = {}
    for base in reversed(made.ancestry()[1:]):
        if isinstance(base, Class):
            inherited.update(base.fields)
            made.record = made.record or base.record
    if any(isinstance(base, External) and base.name in _NAMED_TUPLES for base in made.bases):
        made.record = "NamedTuple"
    elif dataclass:
        made.record = "dataclass"
    own: dict[str, Field] = {}
    for name, node in made.scope.annotations.items():
        kind = _head(node)
        if kind == "ClassVar":
            continue
        given = made.scope.names.get(name, MISSING)
        if isinstance(given, Field):
            given.name, given.annotation, given.owner = name, node, made
            own[name] = given
            if given.default is not MISSING:
                made.scope.names[name] = given.default
            else:
                made.scope.names.pop(name, None)
        else:
            own[name] = Field(name, node, given, owner=made)
        own[name].passed_on = kind == "InitVar"
    for name, given in list(made.scope.names.items()):
        if isinstance(given, Field) and name not in own and dataclass:
            given.name = name
            own[name] = given
    # A class derived from a dataclass without being one itself keeps its constructor.
    made.fields = {**inherited, **({} if made.record == "dataclass" and not dataclass else own)}


def _head(node: ast.expr) -> str:
    """The name of an annotation, without its module and its parameters; empty when it has none."""
    head = node.value if isinstance(node, ast.Subscript) else node
    return head.attr if isinstance(head, ast.Attribute) else getattr(head, "id", "")


def _finish_enum(machine: Machine, made: Class) -> None:
    """Gives `auto()` its values: numbers, of a `StrEnum` lower-case names, or what the enum's own method says."""
    own = made.member("_generate_next_value_")
    text = made.inherits("enum.StrEnum")
    count = 0
    values: list[Any] = []
    for name, value in made.scope.names.items():
        if name.startswith("_") or isinstance(value, Function | Class):
            continue
        if value == AUTO:
            if own is not MISSING:
                value = _own_value(machine, own, name, values)
            else:
                value = name.lower() if text else count + 1
            made.scope.names[name] = value
        count = value if isinstance(value, int) else count
        values.append(value)


def _own_value(machine: Machine, own: Any, name: str, values: list[Any]) -> Any:
    """What `_generate_next_value_(name, start, count, last_values)` gives."""
    if not isinstance(own, Function):
        return Unknown("is made by the enum itself")
    given = [name, 1, len(values), list(values)]
    return machine.follow(own, Call(own.node, own.scope.script, given, {}))


AUTO = External("enum.auto()")
"""What `enum.auto()` gives until the class is complete."""


def mixin_of(cls: Class) -> str:
    """The plain type that an enum mixes in, or empty."""
    if cls.inherits("builtins.str") or cls.inherits("enum.StrEnum"):
        return "str"
    if cls.inherits("builtins.int") or cls.inherits("enum.IntEnum") or cls.inherits("enum.IntFlag"):
        return "int"
    return ""


def member_of(cls: Class, name: str, value: Any) -> EnumMember:
    """One member of an enum."""
    return EnumMember(cls.name, name, value, mixin_of(cls), cls)


def members_of(cls: Class) -> list[EnumMember]:
    """The members of an enum in order, of an enum it inherits from too."""
    for one in cls.ancestry():
        if not isinstance(one, Class):
            continue
        found: list[EnumMember] = []
        seen: list[Any] = []
        for name, value in one.scope.names.items():
            if isinstance(value, Function | Class) or name.startswith("_"):
                continue
            # A second name for the same value is an alias, not a member.
            if any(type(old) is type(value) and old == value for old in seen):
                continue
            seen.append(value)
            found.append(member_of(cls, name, value))
        if found:
            return found
    return []


def made_enum(cls: Class, call: Call) -> Any:
    """`Enum("Name", names)`: an enum made by a call."""
    name = call.args[0] if call.args else None
    names = call.args[1] if len(call.args) > 1 else call.keywords.get("names")
    if isinstance(names, str):
        names = names.replace(",", " ").split()
    if isinstance(names, dict):
        pairs = list(names.items())
    elif isinstance(names, list | tuple) and all(isinstance(one, str) for one in names):
        pairs = [(one, at + 1) for at, one in enumerate(names)]
    elif isinstance(names, list | tuple) and all(
        isinstance(one, tuple | list) and len(one) == 2 for one in names
    ):
        pairs = [(one[0], one[1]) for one in names]
    else:
        return Unknown("is an enum whose members are not known")
    if not isinstance(name, str) or not all(isinstance(key, str) for key, _ in pairs):
        return Unknown("is an enum whose members are not known")
    scope = Scope(cls.scope.script, outer=cls.scope.outer, module_level=cls.scope.module_level)
    scope.names.update(pairs)
    mixed = call.keywords.get("type")
    return Class(name, scope, [*([mixed] if mixed is not None else []), cls])


def fill_record(machine: Machine, instance: Instance, call: Call) -> bool:
    """Gives an object of a dataclass or named tuple its attributes; False when the call does not fit."""
    fields = [one for one in instance.cls.fields.values() if one.init]
    if call.args_unknown or call.keywords_unknown or len(call.args) > len(fields):
        return False
    given = dict(zip([one.name for one in fields], call.args, strict=False))
    given.update(call.keywords)
    passed_on = []
    for one in instance.cls.fields.values():
        value: Any = Unknown("is a field that is not given")
        if one.name in given:
            value = given[one.name]
        elif one.default is not MISSING:
            value = one.default
        elif one.factory is not MISSING:
            value = machine.call(one.factory, [], {}, call)
        if one.passed_on:
            passed_on.append(value)
        else:
            instance.attributes[one.name] = value
    after = instance.cls.member("__post_init__")
    if isinstance(after, Function):
        machine.follow(after, Call(call.node, call.script, passed_on, {}), instance)
    return True


def made_field(call: Call) -> Field:
    """`dataclasses.field(…)`, `attr.ib(…)`."""
    words = call.keywords
    default = words.get("default", MISSING)
    if call.keywords_unknown:
        default = Unknown(call.keywords_unknown)
    return Field(
        "",
        None,
        default,
        words.get("default_factory", words.get("factory", MISSING)),
        words.get("metadata", {}),
        words.get("init", True) is not False,
    )


def named_tuple(machine: Machine, call: Call) -> Any:
    """`collections.namedtuple("Name", fields, defaults=…)`, `typing.NamedTuple("Name", [(field, type)])`."""
    name = call.args[0] if call.args else None
    names = call.args[1] if len(call.args) > 1 else call.keywords.get("field_names")
    if isinstance(names, str):
        names = names.replace(",", " ").split()
    if isinstance(names, list | tuple):
        names = [one[0] if isinstance(one, tuple | list) and one else one for one in names]
    if (
        not isinstance(name, str)
        or not isinstance(names, list)
        or not all(isinstance(one, str) for one in names)
    ):
        return Unknown("is a named tuple whose fields are not known")
    defaults = call.keywords.get("defaults") or ()
    script = call.script
    made = Class(name, Scope(script), [External("typing.NamedTuple")], record="NamedTuple")
    if isinstance(defaults, list | tuple) and len(defaults) <= len(names):
        padded = [*[MISSING] * (len(names) - len(defaults)), *defaults]
    else:
        padded = [MISSING] * len(names)
    made.fields = {one: Field(one, None, default) for one, default in zip(names, padded, strict=True)}
    return made

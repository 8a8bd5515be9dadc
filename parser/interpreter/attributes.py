"""What `value.name` is: of modules, classes and their objects, functions, fields, and of what is foreign."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import PosixPath, PurePosixPath
from typing import TYPE_CHECKING, Any

from parser.interpreter import comparing, located, operations, records
from parser.interpreter.flow import Call
from parser.interpreter.pythons import PARTS, ByPython, each
from parser.interpreter.values import (
    MISSING,
    Alias,
    Class,
    EnumMember,
    External,
    Field,
    Function,
    Given,
    Instance,
    Jumbled,
    Located,
    Method,
    Modelled,
    Module,
    Package,
    Partial,
    Super,
    Unknown,
    hashable,
    known,
)
from parser.interpreter.ways import Either, changed, mapped, settled, surely_equal

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

TYPING_ORIGINS: Mapping[str, External] = {
    "typing.Optional": External("typing.Union"),
    **{
        f"typing.{name}": External(f"builtins.{name.lower()}")
        for name in ("List", "Tuple", "Dict", "Set", "FrozenSet")
    },
}
"""What `__origin__` of a generic type is."""


UNION_TYPE = External("types.UnionType")
"""What `int | None` is made of."""


def type_args(value: Alias) -> tuple[Any, ...]:
    """`__args__` of a generic type."""
    if value.origin == External("typing.Optional"):
        return (*value.args, comparing.NONE_TYPE)
    if value.origin == External("typing.Union"):
        return tuple(comparing.NONE_TYPE if one is None else one for one in value.args)
    return value.args


def attribute(machine: Machine, value: Any, name: str) -> Any:
    """`value.name`; Unknown where it is not known or not there."""
    found = find_attribute(machine, value, name)
    if isinstance(found, Either):
        # Where it is not there, the script ends here.
        there = [one for _, one in found.ways if one is not MISSING]
        found = there[0] if len(there) == 1 < len(found.ways) else found
    if found is MISSING:
        machine.fail("AttributeError")
        return Unknown("is an attribute set elsewhere", "AttributeError")
    return found


def find_attribute(machine: Machine, value: Any, name: str) -> Any:
    """`value.name`; MISSING where it certainly is not there, Unknown where that is not known."""
    if isinstance(value, Given):
        found = value.part(name)
        # What is never there cannot be given either.
        machine.asked = machine.asked or found is not MISSING
        return found
    if isinstance(value, Either):
        return mapped(value, lambda one: _attribute_or_unknown(machine, one, name))
    if isinstance(value, Jumbled):
        return Method(value, name)
    if isinstance(value, ByPython) and name in PARTS:
        return each(value, lambda one: one[PARTS.index(name)])
    if isinstance(value, Unknown):
        return value
    if isinstance(value, External):
        return _external_attribute(machine, value, name)
    if isinstance(value, Module):
        return _module_attribute(machine, value, name)
    if isinstance(value, Package):
        found = machine.modules.find(f"{value.dotted}.{name}", machine.entry, 0)
        return Module(found) if found else Package(f"{value.dotted}.{name}")
    if isinstance(value, Modelled):
        return _model_attribute(machine, value, name)
    if isinstance(value, Instance):
        return _instance_attribute(machine, value, name)
    if isinstance(value, Class):
        return _class_attribute(machine, value, name)
    if isinstance(value, EnumMember):
        return _member_attribute(machine, value, name)
    if isinstance(value, Super):
        return _super_attribute(machine, value, name)
    if isinstance(value, Function):
        return _function_attribute(value, name)
    if isinstance(value, Field):
        return _field_attribute(machine, value, name)
    if isinstance(value, Alias) and value.origin == UNION_TYPE:
        return value.args if name == "__args__" else MISSING
    if isinstance(value, Alias):
        words = {
            "__origin__": TYPING_ORIGINS.get(getattr(value.origin, "name", ""), value.origin),
            "__args__": type_args(value),
            "_name": getattr(value.origin, "name", ""),
        }
        return words.get(name, MISSING)
    if isinstance(value, Located):
        found = located.attribute(value, name)
        return Method(value, name) if found is MISSING else found
    if isinstance(value, Partial):
        return {"func": value.function, "args": tuple(value.args), "keywords": value.keywords}.get(
            name, MISSING
        )
    if isinstance(value, Method):
        return (
            _function_attribute(value.function, name)
            if value.function
            else Unknown("is a method's attribute")
        )
    if operations.has_method(value, name) or isinstance(value, re.Pattern):
        return Method(value, name)
    if isinstance(value, PurePosixPath) and name in operations.PATH_ATTRIBUTES:
        return getattr(value, name)
    if name == "__class__":
        return comparing.type_of(value)
    if value is None:
        return MISSING
    return (
        MISSING
        if known(value) and not hasattr(PosixPath if isinstance(value, PurePosixPath) else value, name)
        else Unknown("is an attribute that cannot be followed")
    )


_ABSENT = frozenset({"sys.frozen", "sys._MEIPASS"})
"""What programs look for to learn whether they were packed into one file; a script run by Python never has it."""


def _attribute_or_unknown(machine: Machine, value: Any, name: str) -> Any:
    found = MISSING if value is MISSING else find_attribute(machine, value, name)
    return Unknown("is an attribute set elsewhere") if found is MISSING else found


def _external_attribute(machine: Machine, value: External, name: str) -> Any:
    if name in ("__name__", "__qualname__") and value.name.startswith(("builtins.", "argparse.", "pathlib.")):
        return value.name.rpartition(".")[2]
    if name == "__class__" and value.name.startswith("builtins."):
        return External("builtins.type")
    if f"{value.name}.{name}" in _ABSENT:
        return MISSING
    if (
        value.name in operations.TYPES
        and name.startswith("__")
        and name not in dir(operations.TYPES[value.name])
    ):
        return MISSING
    return machine.external(f"{value.name}.{name}")


def _module_attribute(machine: Machine, value: Module, name: str) -> Any:
    if name == "__dict__":
        return machine.names_in(value.path)
    return machine.member(value.path, name)


def _function_attribute(value: Function, name: str) -> Any:
    if name in value.attributes:
        return value.attributes[name]
    if name in ("__name__", "__qualname__"):
        return value.name
    if name == "__doc__":
        return None if isinstance(value.node, ast.Lambda) else ast.get_docstring(value.node, clean=False)
    if name == "__isabstractmethod__":
        return True if value.abstract else MISSING
    if name == "__module__":
        return value.scope.module_level.names.get("__name__") if value.scope.module_level else Unknown()
    if name == "__wrapped__" or not name.startswith("__"):
        return MISSING
    return Unknown("is an attribute of a function")


def _field_attribute(machine: Machine, value: Field, name: str) -> Any:
    if name in value.attributes:
        return value.attributes[name]
    nothing = External("dataclasses.MISSING")
    if name == "type":
        owner = value.owner
        if owner is None or not isinstance(value.annotation, ast.expr):
            return Unknown("is a type that is not written down")
        if "from __future__ import annotations" in owner.scope.script.text:
            return owner.scope.script.source(value.annotation)
        return machine.evaluate(value.annotation, owner.scope)
    words = {
        "name": value.name,
        "default": nothing if value.default is MISSING else value.default,
        "default_factory": nothing if value.factory is MISSING else value.factory,
        "metadata": value.metadata,
        "init": value.init,
    }
    return words.get(name, Unknown("is an attribute of a field"))


def _member_attribute(machine: Machine, value: EnumMember, name: str) -> Any:
    if name in ("name", "_name_"):
        return value.name
    if name in ("value", "_value_"):
        return value.value
    member = value.owner.member(name) if value.owner is not None else MISSING
    if isinstance(member, Function):
        if member.kind == "property":
            return machine.follow(member, Call(member.node, member.scope.script, [], {}), value)
        return Method(value, name, member)
    if value.plain and operations.has_method(value.value, name):
        return Method(value.value, name)
    if name == "__class__":
        return value.owner
    return Unknown("is an attribute of a member of an enum")


def _model_attribute(machine: Machine, value: Modelled, name: str) -> Any:
    if name in value.attributes:
        return settled(machine, value.attributes[name])
    member = value.cls.member(name) if value.cls else MISSING
    if isinstance(member, Function):
        return _bound(machine, value, value.cls, name, member)
    if member is not MISSING:
        return member
    if name == "__class__":
        return value.cls or Unknown()
    special = value.attribute(name)
    if special is not MISSING:
        return special
    if name in value.methods():
        return Method(value, name)
    certain = (
        not name.startswith("_") and name not in value.further and not (value.cls and _strange(value.cls))
    )
    return MISSING if certain else Unknown("is an attribute of a parser")


def _strange(cls: Class) -> bool:
    """Whether a class has bases that are neither in the repository nor known by heart."""
    foreign = [one for one in cls.ancestry() if not isinstance(one, Class)]
    return any(
        not isinstance(one, External) or not one.name.startswith(("argparse.", "builtins."))
        for one in foreign
    )


def _bound(machine: Machine, value: Any, cls: Class | None, name: str, member: Function) -> Any:
    if member.kind == "property":
        return machine.follow(member, Call(member.node, member.scope.script, [], {}), value)
    if member.kind == "static":
        return member
    return Method(cls if member.kind == "class" else value, name, member)


def _instance_attribute(machine: Machine, value: Instance, name: str) -> Any:
    if name in value.attributes:
        return settled(machine, value.attributes[name])
    if name == "__class__":
        return value.cls
    if name == "__dict__":
        return value.attributes
    if name == "_asdict" and value.cls.record == "NamedTuple":
        return Method(dict(value.attributes), "copy")
    if name == "_fields":
        return tuple(value.cls.fields)
    if name in ("__dataclass_fields__", "__annotations__"):
        return _class_attribute(machine, value.cls, name)
    member = value.cls.member(name)
    if isinstance(member, Function):
        return _bound(machine, value, value.cls, name, member)
    if member is not MISSING:
        return member
    if name.startswith("__") and name in ("__name__", "__origin__", "__args__"):
        return MISSING
    other = value.cls.member("__getattr__")
    if isinstance(other, Function):
        return machine.follow(other, Call(other.node, other.scope.script, [name], {}), value)
    certain = value.complete and not value.cls.foreign
    return MISSING if certain else Unknown("is an attribute set elsewhere")


def _fields(value: Class) -> Any:
    """The fields of the nearest dataclass: a class that inherits from one and is none itself has them too."""
    line = (one for one in value.ancestry() if isinstance(one, Class) and one.record == "dataclass")
    nearest = next(line, None)
    return MISSING if nearest is None else nearest.fields


def _class_attribute(machine: Machine, value: Class, name: str) -> Any:
    special = {
        "__name__": value.name,
        "__qualname__": value.name,
        "__bases__": tuple(value.bases),
        "__mro__": tuple(value.ancestry()),
        "__dict__": dict(value.scope.names) if name == "__dict__" else MISSING,
        "__dataclass_fields__": _fields(value) if name == "__dataclass_fields__" else MISSING,
        "_fields": tuple(value.fields) if value.record == "NamedTuple" else MISSING,
        "__subclasses__": Method(value, name),
    }
    if records.is_enum(value):
        members = {one.name: one for one in records.members_of(value)}
        if name in ("__members__", "_member_map_"):
            return members
        if name == "_member_names_":
            return list(members)
        if name == "_value2member_map_":
            return {one.value: one for one in members.values() if hashable(one.value)}
        if name in members:
            return members[name]
    if special.get(name, MISSING) is not MISSING:
        return special[name]
    if name == "__annotations__":
        return {one: machine.evaluate(node, value.scope) for one, node in value.scope.annotations.items()}
    member = value.member(name)
    if isinstance(member, Function):
        return Method(value, name, member) if member.kind == "class" else member
    if member is not MISSING:
        if records.is_enum(value) and not isinstance(member, Class) and not name.startswith("_"):
            return records.member_of(value, name, member)
        return member
    if isinstance(value.metaclass, Class) and isinstance(own := value.metaclass.member(name), Function):
        return _bound(machine, value, value.metaclass, name, own)
    return Unknown("is an attribute that is not in the class") if value.foreign else MISSING


def _super_attribute(machine: Machine, value: Super, name: str) -> Any:
    owner = value.receiver.cls if isinstance(value.receiver, Instance | Modelled) else value.receiver
    member = owner.member(name, after=value.after) if isinstance(owner, Class) else MISSING
    if isinstance(member, Function):
        return _bound(machine, value.receiver, owner if isinstance(owner, Class) else None, name, member)
    if member is not MISSING:
        return member
    if isinstance(value.receiver, Modelled):
        special = value.receiver.attribute(name)
        return Method(value.receiver, name) if special is MISSING else special
    if name == "__new__" or (name == "__call__" and isinstance(value.receiver, Class)):
        meta = isinstance(owner, Class) and owner.inherits("builtins.type")
        if name == "__new__":
            return External(f"builtins.{'type' if meta else 'object'}.__new__")
        return Partial(External("builtins.type.__call__"), [value.receiver], {})
    if name in ("__init__", "__post_init__", "__init_subclass__", "__setattr__"):
        return Method(None, name)
    return Unknown("is inherited from a class that is not in the repository")


def set_attribute(machine: Machine, value: Any, name: str, new: Any) -> None:
    """`value.name = new`."""
    if isinstance(value, Instance | Modelled | Function | Given | Field):
        names = value.attributes
    elif isinstance(value, Class):
        names = value.scope.names
    else:
        return
    old = names.get(name, MISSING)
    if (
        isinstance(value, Instance | Class)
        and machine.is_changed_in_any_order(value)
        and not surely_equal(old, new)
    ):
        new = operations.NO_ORDER
    if machine.supposing and not machine.is_own(value):
        return
    if old is MISSING and isinstance(value, Modelled):
        old = value.attribute(name)
    if old is MISSING and isinstance(value, Instance):
        inherited = value.cls.member(name)
        old = MISSING if isinstance(inherited, Function) else inherited
    known_to_both = old is not MISSING or not isinstance(value, Modelled | Function | Given | Field)
    if machine.conditions and known_to_both and not surely_equal(old, new) and not machine.is_own(value):
        new = changed(f"depends on `{machine.conditions[-1]}`", machine.conditions, new, old)
    names[name] = new

"""What expressions are worth: names, literals, operators, attributes, calls, comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from parser.interpreter import comparing, located, operations, records
from parser.interpreter.flow import Call
from parser.interpreter.records import is_enum as is_enum
from parser.interpreter.values import (
    MAX_ITEMS,
    MISSING,
    SPOILT,
    Alias,
    Class,
    EnumMember,
    External,
    Field,
    Function,
    Instance,
    Located,
    Method,
    Modelled,
    Module,
    Package,
    Partial,
    Scope,
    Super,
    Unknown,
    known,
    why_unknown,
)

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

ENVIRONMENT = frozenset({"os.environ", "os.getenv", "os.environ.get", "os.environb"})


def _name(machine: Machine, node: ast.Name, scope: Scope) -> Any:
    return machine.name(node.id, scope)


def _attribute(machine: Machine, node: ast.Attribute, scope: Scope) -> Any:
    return attribute(machine, machine.evaluate(node.value, scope), node.attr)


def attribute(machine: Machine, value: Any, name: str) -> Any:
    """`value.name`; Unknown where it is not known or not there."""
    found = find_attribute(machine, value, name)
    if found is MISSING:
        machine.fail("AttributeError")
        return Unknown("is an attribute set elsewhere", "AttributeError")
    return found


def find_attribute(machine: Machine, value: Any, name: str) -> Any:
    """`value.name`; MISSING where it certainly is not there, Unknown where that is not known."""
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
    if isinstance(value, Alias):
        words = {
            "__origin__": TYPING_ORIGINS.get(getattr(value.origin, "name", ""), value.origin),
            "__args__": value.args,
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
    if value is operations.VERSION and name in operations.VERSION_PARTS:
        return value[operations.VERSION_PARTS.index(name)]
    if operations.has_method(value, name):
        return Method(value, name)
    if isinstance(value, PurePosixPath) and name in operations.PATH_ATTRIBUTES:
        return getattr(value, name)
    if name == "__class__":
        return comparing.type_of(value)
    if value is None:
        return MISSING
    return (
        MISSING
        if known(value) and not hasattr(value, name)
        else Unknown("is an attribute that cannot be followed")
    )


def _external_attribute(machine: Machine, value: External, name: str) -> Any:
    if name in ("__name__", "__qualname__") and value.name.startswith(("builtins.", "argparse.", "pathlib.")):
        return value.name.rpartition(".")[2]
    if name == "__class__" and value.name.startswith("builtins."):
        return External("builtins.type")
    if (
        value.name in operations.TYPES
        and name.startswith("__")
        and name not in dir(operations.TYPES[value.name])
    ):
        return MISSING
    return machine.external(f"{value.name}.{name}")


def _module_attribute(machine: Machine, value: Module, name: str) -> Any:
    if name == "__dict__":
        scope = machine.module(value.path)
        return dict(scope.names) if scope else Unknown("is a module that cannot be read")
    return machine.member(value.path, name)


def _function_attribute(value: Function, name: str) -> Any:
    if name in value.attributes:
        return value.attributes[name]
    if name in ("__name__", "__qualname__"):
        return value.name
    if name == "__doc__":
        return None if isinstance(value.node, ast.Lambda) else ast.get_docstring(value.node, clean=False)
    if name == "__wrapped__" or not name.startswith("__"):
        return MISSING
    return Unknown("is an attribute of a function")


def _field_attribute(machine: Machine, value: Field, name: str) -> Any:
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
        return value.attributes[name]
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
        return value.attributes[name]
    if name == "__class__":
        return value.cls
    if name == "__dict__":
        return value.attributes
    if name == "_asdict" and value.cls.record == "NamedTuple":
        return Method(dict(value.attributes), "copy")
    if name == "_fields":
        return tuple(value.cls.fields)
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


def _class_attribute(machine: Machine, value: Class, name: str) -> Any:
    special = {
        "__name__": value.name,
        "__qualname__": value.name,
        "__bases__": tuple(value.bases),
        "__mro__": tuple(value.ancestry()),
        "__dict__": dict(value.scope.names) if name == "__dict__" else MISSING,
        "__dataclass_fields__": value.fields if value.record == "dataclass" else MISSING,
        "_fields": tuple(value.fields) if value.record == "NamedTuple" else MISSING,
        "__members__": MISSING,
    }
    if records.is_enum(value):
        members = {one.name: one for one in records.members_of(value)}
        if name in ("__members__", "_member_map_"):
            return members
        if name == "_member_names_":
            return list(members)
        if name == "_value2member_map_":
            return {one.value: one for one in members.values() if _hashable(one.value)}
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
    if name in ("__init__", "__post_init__", "__init_subclass__", "__setattr__"):
        return Method(None, name)
    return Unknown("is inherited from a class that is not in the repository")


def set_attribute(machine: Machine, value: Any, name: str, new: Any) -> None:
    """`value.name = new`."""
    if isinstance(value, Instance | Modelled | Function):
        names = value.attributes
    elif isinstance(value, Class):
        names = value.scope.names
    else:
        return
    old = names.get(name, MISSING)
    if machine.conditions and old is not MISSING and old is not new and not machine.is_own(value):
        new = Unknown(f"depends on `{machine.conditions[-1]}`")
    names[name] = new


def set_item(machine: Machine, container: Any, key: Any, new: Any) -> None:
    """`container[key] = new`."""
    if isinstance(container, Instance):
        method = container.cls.member("__setitem__")
        if isinstance(method, Function):
            machine.follow(method, Call(method.node, method.scope.script, [key, new], {}), container)
        return
    if machine.conditions and isinstance(container, dict | list) and not machine.is_own(container):
        new = Unknown(f"depends on `{machine.conditions[-1]}`")
    if (isinstance(container, dict) and len(container) < MAX_ITEMS and _hashable(key)) or (
        isinstance(container, list) and isinstance(key, int) and -len(container) <= key < len(container)
    ):
        container[key] = new
    elif isinstance(container, dict | list):
        spoil(container, "is changed in a way that cannot be followed")


def spoil(container: Any, why: str) -> None:
    """Makes a container's value unknown in place, for everyone who holds it."""
    if isinstance(container, list):
        container.append(Unknown(why))
    elif isinstance(container, dict):
        container[SPOILT] = Unknown(why)
    elif isinstance(container, set):
        container.add(Unknown(why))


def mutate(machine: Machine, container: Any, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """Calls a method that changes a container; under an unknown condition the container is unknown afterwards."""
    if machine.conditions and not machine.is_own(container):
        spoil(container, f"depends on `{machine.conditions[-1]}`")
        return Unknown()
    if not isinstance(container, list | dict | set):
        return Unknown()
    result = operations.call_method(container, name, args, keywords)
    if isinstance(result, Unknown):
        spoil(container, result.why)
    return result


_HASHABLE = (
    str,
    int,
    float,
    bool,
    bytes,
    type(None),
    EnumMember,
    Class,
    Function,
    External,
    Module,
    PurePosixPath,
)


def _hashable(key: Any) -> bool:
    return isinstance(key, _HASHABLE) or (isinstance(key, tuple) and all(_hashable(item) for item in key))


def _sequence(machine: Machine, node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Any:
    if len(node.elts) > MAX_ITEMS:
        return operations.TOO_LARGE
    items: list[Any] = []
    for one in node.elts:
        if isinstance(one, ast.Starred):
            inner = items_of(machine, machine.evaluate(one.value, scope))
            if inner is None or len(inner) + len(items) > MAX_ITEMS:
                return Unknown("is put together from values not known")
            items.extend(inner)
        else:
            items.append(machine.evaluate(one, scope))
    if isinstance(node, ast.List):
        return machine.own(items)
    if isinstance(node, ast.Tuple):
        return tuple(items)
    return (
        set(items)
        if all(_hashable(item) for item in items)
        else Unknown("is put together from values not known")
    )


def _dict(machine: Machine, node: ast.Dict, scope: Scope) -> Any:
    if len(node.keys) > MAX_ITEMS:
        return operations.TOO_LARGE
    made: dict[Any, Any] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = machine.evaluate(value_node, scope)
        if key_node is None:
            if not isinstance(value, dict):
                return Unknown("is put together from values not known")
            made.update(value)
            continue
        key = machine.evaluate(key_node, scope)
        if not _hashable(key):
            return Unknown("has keys that are not known")
        made[key] = value
    return machine.own(made)


def binary(op: ast.operator, left: Any, right: Any) -> Any:
    """`left op right`."""
    function = operations.BINARY.get(type(op))
    if isinstance(left, Located):
        parts = isinstance(op, ast.Div) and left.is_path
        slash = isinstance(op, ast.Add) and isinstance(right, str) and right.startswith("/")
        made = located.joined(left, right.lstrip("/") if slash else right) if parts or slash else MISSING
        return Unknown(why_unknown(left)) if made is MISSING else made
    if isinstance(op, ast.Div) and isinstance(left, External):
        return Unknown(why_unknown(left))
    containers = isinstance(op, ast.Add) and isinstance(left, list | tuple) and type(left) is type(right)
    if function is None or not (containers or (known(left) and known(right))):
        return Unknown(why_unknown(right if known(left) else left))
    return operations.apply(function, left, right)


def _binary(machine: Machine, node: ast.BinOp, scope: Scope) -> Any:
    return binary(node.op, machine.evaluate(node.left, scope), machine.evaluate(node.right, scope))


def _unary(machine: Machine, node: ast.UnaryOp, scope: Scope) -> Any:
    value = machine.evaluate(node.operand, scope)
    if isinstance(node.op, ast.Not):
        test = comparing.truth(value)
        return Unknown(why_unknown(value)) if test is None else not test
    return (
        operations.apply(operations.UNARY[type(node.op)], value)
        if known(value)
        else Unknown(why_unknown(value))
    )


def _bool(machine: Machine, node: ast.BoolOp, scope: Scope) -> Any:
    stops = isinstance(node.op, ast.Or)
    value: Any = None
    unknown: Unknown | None = None
    for one in node.values:
        value = machine.evaluate(one, scope)
        test = comparing.truth(value)
        if test is None:
            unknown = unknown or Unknown(why_unknown(value))
        elif test is stops:
            # Whatever was not known before, the whole has this truth; its value is known only when nothing was.
            return value if unknown is None else (stops if isinstance(value, bool) else unknown)
    return unknown or value


def _compare(machine: Machine, node: ast.Compare, scope: Scope) -> Any:
    left = machine.evaluate(node.left, scope)
    for op, right_node in zip(node.ops, node.comparators, strict=True):
        right = machine.evaluate(right_node, scope)
        result = comparing.compared(op, left, right)
        if isinstance(result, Unknown) or not result:
            return result
        left = right
    return True


def _if_expression(machine: Machine, node: ast.IfExp, scope: Scope) -> Any:
    test = comparing.truth(machine.evaluate(node.test, scope))
    if test is not None:
        return machine.evaluate(node.body if test else node.orelse, scope)
    source = scope.script.source(node.test)
    with machine.condition(source):
        left = machine.evaluate(node.body, scope)
    with machine.condition(f"not ({source})"):
        right = machine.evaluate(node.orelse, scope)
    if left is right or (known(left) and known(right) and type(left) is type(right) and left == right):
        return left
    return Unknown(f"depends on `{source}`")


def _f_string(machine: Machine, node: ast.JoinedStr, scope: Scope) -> Any:
    parts: list[str] = []
    for one in node.values:
        value = machine.evaluate(one, scope)
        if not isinstance(value, str):
            return Unknown(why_unknown(value))
        parts.append(value)
    return operations.bounded("".join(parts))


def _formatted(machine: Machine, node: ast.FormattedValue, scope: Scope) -> Any:
    value = machine.evaluate(node.value, scope)
    spec = machine.evaluate(node.format_spec, scope) if node.format_spec else ""
    if node.conversion in (-1, 115) and (text := machine.text_of(value)) is not MISSING:
        value = text
    if not (known(value) and isinstance(spec, str)):
        return Unknown(why_unknown(value))
    changes: Mapping[int, Callable[[Any], str]] = {115: str, 114: repr, 97: ascii}
    change = changes.get(node.conversion)
    text = operations.apply(change, value) if change else value
    return text if isinstance(text, Unknown) else operations.formatted(text, spec)


def _subscript(machine: Machine, node: ast.Subscript, scope: Scope) -> Any:
    value = machine.evaluate(node.value, scope)
    if isinstance(value, External) and value.name in ENVIRONMENT:
        return Unknown("is read from the environment")
    if isinstance(value, External) and value.name == "sys.argv":
        return Unknown("is given on the command line")
    if isinstance(node.slice, ast.Slice):
        parts = [
            None if one is None else machine.evaluate(one, scope)
            for one in (node.slice.lower, node.slice.upper, node.slice.step)
        ]
        if isinstance(value, str | bytes | list | tuple | range) and all(known(part) for part in parts):
            return operations.apply(lambda: value[slice(*parts)])
        return Unknown(why_unknown(value))
    return item_of(machine, value, machine.evaluate(node.slice, scope))


def item_of(machine: Machine, value: Any, key: Any) -> Any:
    """`value[key]`."""
    if isinstance(value, Class):
        if records.is_enum(value):
            return attribute(machine, value, key) if isinstance(key, str) else Unknown(why_unknown(key))
        return Alias(value, key if isinstance(key, tuple) else (key,))
    if isinstance(value, External):
        if value.name.startswith(("typing.", "collections.abc.")) or value.name in operations.TYPES:
            return Alias(value, tuple(key) if isinstance(key, tuple | list) else (key,))
        return Unknown(why_unknown(value))
    if isinstance(value, Instance):
        return _item_of_instance(machine, value, key)
    if isinstance(value, dict):
        if not _hashable(key) or SPOILT in value:
            return Unknown(why_unknown(key) if not known(key) else why_unknown(value))
        if key not in value and type(value) is dict:
            machine.fail("KeyError")
        return value.get(key, Unknown(f"is not in the dictionary ({key!r:.40})", "KeyError"))
    if (
        isinstance(value, list | tuple)
        and isinstance(key, int)
        and not any(isinstance(v, Unknown) for v in value)
    ):
        return operations.apply(lambda: value[key])
    if isinstance(value, list | tuple) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    if isinstance(value, str | bytes | range) and isinstance(key, int):
        return operations.apply(lambda: value[key])
    return Unknown(why_unknown(key if known(value) else value))


def _item_of_instance(machine: Machine, value: Instance, key: Any) -> Any:
    if value.cls.record == "NamedTuple" and isinstance(key, int):
        return operations.apply(lambda: list(value.attributes.values())[key])
    if value.cls.name == "Match" and isinstance(key, int):
        return operations.apply(lambda: value.attributes["groups"][key])
    method = value.cls.member("__getitem__")
    if isinstance(method, Function):
        return machine.follow(method, Call(method.node, method.scope.script, [key], {}), value)
    return Unknown("is an item of an object that is not known")


def _lambda(machine: Machine, node: ast.Lambda, scope: Scope) -> Any:
    return machine.function(node, "lambda", scope)


def _walrus(machine: Machine, node: ast.NamedExpr, scope: Scope) -> Any:
    value = machine.evaluate(node.value, scope)
    machine.bind(node.target, value, scope)
    return value


def items_of(machine: Machine, value: Any) -> list[Any] | None:
    """What a loop over the value sees, or None when that is not known or too much."""
    if isinstance(value, Class):
        return list(records.members_of(value)) if records.is_enum(value) else None
    if isinstance(value, Instance):
        return _items_of_instance(machine, value)
    if isinstance(value, set | frozenset):
        # The order of a set of text changes from run to run.
        return sorted(value, key=repr) if known(value) else None
    if isinstance(value, dict):
        return None if SPOILT in value else list(value)
    if isinstance(value, list | tuple):
        return None if any(type(item) is Unknown and "depends" in item.why for item in value) else list(value)
    if isinstance(value, str | range) and operations.len_of(value) <= MAX_ITEMS:
        return list(value)
    return None


def _items_of_instance(machine: Machine, value: Instance) -> list[Any] | None:
    if value.cls.record == "NamedTuple":
        return [value.attributes.get(name, Unknown()) for name in value.cls.fields]
    method = value.cls.member("__iter__")
    if isinstance(method, Function):
        return items_of(
            machine, machine.follow(method, Call(method.node, method.scope.script, [], {}), value)
        )
    return None


def _yield(machine: Machine, node: ast.Yield, scope: Scope) -> Any:
    machine.yielded([None if node.value is None else machine.evaluate(node.value, scope)])
    return None


def _yield_from(machine: Machine, node: ast.YieldFrom, scope: Scope) -> Any:
    machine.yielded(items_of(machine, machine.evaluate(node.value, scope)))
    return Unknown("is computed when the script runs")


def _await(machine: Machine, node: ast.Await, scope: Scope) -> Any:
    return machine.evaluate(node.value, scope)


def _comprehension(
    machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
) -> Any:
    inner = Scope(scope.script, outer=scope, module_level=scope.module_level)
    found: list[Any] = []

    def rounds(at: int) -> bool:
        if at == len(node.generators):
            if isinstance(node, ast.DictComp):
                found.append((machine.evaluate(node.key, inner), machine.evaluate(node.value, inner)))
            else:
                found.append(machine.evaluate(node.elt, inner))
            return len(found) <= MAX_ITEMS
        generator = node.generators[at]
        items = items_of(machine, machine.evaluate(generator.iter, inner))
        if items is None:
            return False
        for item in items:
            machine.bind(generator.target, item, inner)
            tests = [comparing.truth(machine.evaluate(test, inner)) for test in generator.ifs]
            if None in tests:
                return False
            if all(tests) and not rounds(at + 1):
                return False
        return True

    if not rounds(0):
        return Unknown("is put together from values not known")
    if isinstance(node, ast.DictComp):
        return (
            machine.own(dict(found))
            if all(_hashable(key) for key, _ in found)
            else Unknown("has keys that are not known")
        )
    if isinstance(node, ast.SetComp):
        return (
            set(found) if all(_hashable(item) for item in found) else Unknown("has items that are not known")
        )
    return machine.own(found)


HANDLERS: Mapping[type[ast.expr], Callable[..., Any]] = {
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Set: _sequence,
    ast.Dict: _dict,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _bool,
    ast.Compare: _compare,
    ast.IfExp: _if_expression,
    ast.JoinedStr: _f_string,
    ast.FormattedValue: _formatted,
    ast.Subscript: _subscript,
    ast.Lambda: _lambda,
    ast.NamedExpr: _walrus,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
    ast.Await: _await,
}

"""What expressions are worth: names, literals, operators, attributes, calls, comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from parser.interpreter import operations
from parser.interpreter.flow import Call
from parser.interpreter.values import (
    MAX_ITEMS,
    MISSING,
    Class,
    EnumMember,
    External,
    Function,
    Instance,
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

ENVIRONMENT = frozenset({"os.environ", "os.getenv", "os.environ.get", "os.environb"})
_ENUMS = ("enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag")


def _name(machine: Machine, node: ast.Name, scope: Scope) -> Any:
    return machine.name(node.id, scope)


def _attribute(machine: Machine, node: ast.Attribute, scope: Scope) -> Any:
    return attribute(machine, machine.evaluate(node.value, scope), node.attr)


def attribute(machine: Machine, value: Any, name: str) -> Any:
    """`value.name`."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, External):
        if name in ("__name__", "__qualname__") and value.name.startswith("builtins."):
            return value.name.removeprefix("builtins.")
        return machine.external(f"{value.name}.{name}")
    if isinstance(value, Module):
        return machine.member(value.path, name)
    if isinstance(value, Package):
        found = machine.modules.find(f"{value.dotted}.{name}", machine.entry, 0)
        return Module(found) if found else Package(f"{value.dotted}.{name}")
    if isinstance(value, Modelled):
        return _model_attribute(value, name)
    if isinstance(value, Instance):
        return _instance_attribute(machine, value, name)
    if isinstance(value, Class):
        return _class_attribute(value, name)
    if isinstance(value, EnumMember):
        return {"name": value.name, "value": value.value}.get(name, Unknown())
    if isinstance(value, Super):
        return _super_attribute(value, name)
    if isinstance(value, Function) and name in ("__name__", "__qualname__"):
        return value.name
    if operations.has_method(value, name):
        return Method(value, name)
    if isinstance(value, PurePosixPath) and name in operations.PATH_ATTRIBUTES:
        return getattr(value, name)
    return Unknown("is an attribute that cannot be followed")


def _model_attribute(value: Modelled, name: str) -> Any:
    if name in value.attributes:
        return value.attributes[name]
    member = value.cls.member(name) if value.cls else MISSING
    if isinstance(member, Function):
        return Method(value, name, member)
    if member is not MISSING:
        return member
    return Method(value, name) if name in value.methods() else Unknown("is an attribute of a parser")


def _instance_attribute(machine: Machine, value: Instance, name: str) -> Any:
    if name in value.attributes:
        return value.attributes[name]
    if name == "__class__":
        return value.cls
    member = value.cls.member(name)
    if isinstance(member, Function):
        if member.kind == "property":
            return machine.follow(member, Call(member.node, member.scope.script, [], {}), value)
        if member.kind == "static":
            return member
        return Method(value.cls if member.kind == "class" else value, name, member)
    if member is not MISSING:
        return member
    return Unknown("is an attribute set elsewhere")


def _class_attribute(value: Class, name: str) -> Any:
    if name == "__name__":
        return value.name
    member = value.member(name)
    if isinstance(member, Function):
        return Method(value, name, member) if member.kind == "class" else member
    if member is MISSING:
        return Unknown("is an attribute that is not in the class")
    if is_enum(value) and not isinstance(member, Function | Class) and not name.startswith("_"):
        return EnumMember(value.name, name, member)
    return member


def _super_attribute(value: Super, name: str) -> Any:
    owner = value.receiver.cls if isinstance(value.receiver, Instance | Modelled) else value.receiver
    member = owner.member(name, after=value.after) if isinstance(owner, Class) else MISSING
    if isinstance(member, Function):
        return Method(value.receiver, name, member)
    if isinstance(value.receiver, Modelled):
        return Method(value.receiver, name)
    return Method(None, "__init__") if name == "__init__" else Unknown()


def is_enum(value: Class) -> bool:
    """Whether the class is an enum."""
    return any(value.inherits(name) for name in _ENUMS)


def set_attribute(machine: Machine, value: Any, name: str, new: Any) -> None:
    """`value.name = new`."""
    if isinstance(value, Instance | Modelled):
        names = value.attributes
    elif isinstance(value, Class):
        names = value.scope.names
    else:
        return
    old = names.get(name, MISSING)
    if machine.conditions and old is not MISSING and old is not new:
        new = Unknown(f"depends on `{machine.conditions[-1]}`")
    names[name] = new


def set_item(machine: Machine, container: Any, key: Any, new: Any) -> None:
    """`container[key] = new`."""
    if machine.conditions and isinstance(container, dict | list):
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
        container[Unknown(why)] = Unknown(why)
    elif isinstance(container, set):
        container.add(Unknown(why))


def mutate(machine: Machine, container: Any, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """Calls a method that changes a container; under an unknown condition the container is unknown afterwards."""
    if machine.conditions:
        spoil(container, f"depends on `{machine.conditions[-1]}`")
        return Unknown()
    if not isinstance(container, list | dict | set):
        return Unknown()
    result = operations.call_method(container, name, args, keywords)
    if isinstance(result, Unknown):
        spoil(container, result.why)
    return result


def _hashable(key: Any) -> bool:
    return isinstance(key, str | int | float | bool | bytes | type(None) | EnumMember) or (
        isinstance(key, tuple) and known(key) and all(_hashable(item) for item in key)
    )


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
        return items
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
    return made


def binary(op: ast.operator, left: Any, right: Any) -> Any:
    """`left op right`."""
    function = operations.BINARY.get(type(op))
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
        test = truth(value)
        return Unknown(why_unknown(value)) if test is None else not test
    return (
        operations.apply(operations.UNARY[type(node.op)], value)
        if known(value)
        else Unknown(why_unknown(value))
    )


def truth(value: Any) -> bool | None:
    """Whether the value counts as true; None when that is not known."""
    if isinstance(value, list | tuple | dict | set | frozenset):
        if any(isinstance(item, Unknown) for item in value):
            return None
        return bool(value)
    if isinstance(value, range):
        return operations.len_of(value) > 0
    if isinstance(value, Function | Class | Module | Modelled | Method | Partial):
        return True
    return bool(value) if known(value) else None


def _bool(machine: Machine, node: ast.BoolOp, scope: Scope) -> Any:
    stops = isinstance(node.op, ast.Or)
    value: Any = None
    unknown: Unknown | None = None
    for one in node.values:
        value = machine.evaluate(one, scope)
        test = truth(value)
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
        result = _compared(op, left, right)
        if isinstance(result, Unknown) or not result:
            return result
        left = right
    return True


def _compared(op: ast.cmpop, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Is | ast.IsNot) and (left is None or right is None):
        other = right if left is None else left
        if isinstance(other, Unknown | External):
            return Unknown(why_unknown(other))
        return (other is None) is isinstance(op, ast.Is)
    if isinstance(left, EnumMember) and isinstance(right, EnumMember):
        left, right = (left.cls, left.name), (right.cls, right.name)
    if (
        isinstance(op, ast.In | ast.NotIn)
        and isinstance(right, dict)
        and not any(isinstance(k, Unknown) for k in right)
    ):
        right = list(right)
    if not (known(left) and known(right)):
        return Unknown(why_unknown(right if known(left) else left))
    return operations.apply(operations.COMPARE[type(op)], left, right)


def _if_expression(machine: Machine, node: ast.IfExp, scope: Scope) -> Any:
    test = truth(machine.evaluate(node.test, scope))
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
    if isinstance(value, EnumMember) or not (known(value) and isinstance(spec, str)):
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
    key = machine.evaluate(node.slice, scope)
    if isinstance(value, Class) and is_enum(value) and isinstance(key, str):
        return _class_attribute(value, key)
    if isinstance(value, Class | External):
        return value if isinstance(value, Class) else Unknown(why_unknown(value))
    if isinstance(value, dict):
        if not _hashable(key) or any(isinstance(one, Unknown) for one in value):
            return Unknown(why_unknown(key))
        return value.get(key, Unknown(f"is not in the dictionary ({key!r:.40})"))
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


def _lambda(machine: Machine, node: ast.Lambda, scope: Scope) -> Any:
    return machine.function(node, "lambda", scope)


def _walrus(machine: Machine, node: ast.NamedExpr, scope: Scope) -> Any:
    value = machine.evaluate(node.value, scope)
    machine.bind(node.target, value, scope)
    return value


def items_of(machine: Machine, value: Any) -> list[Any] | None:
    """What a loop over the value sees, or None when that is not known or too much."""
    if isinstance(value, Class) and is_enum(value):
        members = [name for name, one in value.scope.names.items() if not isinstance(one, Function | Class)]
        return [_class_attribute(value, name) for name in members if not name.startswith("_")]
    if isinstance(value, set | frozenset):
        # The order of a set of text changes from run to run.
        return sorted(value, key=repr) if known(value) else None
    if isinstance(value, dict):
        return None if any(isinstance(key, Unknown) for key in value) else list(value)
    if isinstance(value, list | tuple):
        return None if any(type(item) is Unknown and "depends" in item.why for item in value) else list(value)
    if isinstance(value, str | range) and operations.len_of(value) <= MAX_ITEMS:
        return list(value)
    return None


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
            tests = [truth(machine.evaluate(test, inner)) for test in generator.ifs]
            if None in tests:
                return False
            if all(tests) and not rounds(at + 1):
                return False
        return True

    if not rounds(0):
        return Unknown("is put together from values not known")
    if isinstance(node, ast.DictComp):
        return (
            dict(found) if all(_hashable(key) for key, _ in found) else Unknown("has keys that are not known")
        )
    if isinstance(node, ast.SetComp):
        return (
            set(found) if all(_hashable(item) for item in found) else Unknown("has items that are not known")
        )
    return found


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
}

"""What expressions are worth: names, literals, operators, attributes, calls, comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from parser.interpreter import comparing, located, operations
from parser.interpreter.attributes import UNION_TYPE, attribute
from parser.interpreter.containers import equal_objects, held_key, item_of, items_of, unordered_items
from parser.interpreter.pythons import ByPython, each
from parser.interpreter.values import (
    MAX_ITEMS,
    MISSING,
    SPOILT,
    Alias,
    External,
    Instance,
    Jumbled,
    Located,
    Scope,
    Unknown,
    hashable,
    known,
    why_unknown,
)
from parser.interpreter.ways import Condition, joined

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

MAX_UNITED = 1_000
"""Items of two dictionaries that are put together by `|`."""

ENVIRONMENT = frozenset({"os.environ", "os.getenv", "os.environ.get", "os.environb"})


def _name(machine: Machine, node: ast.Name, scope: Scope) -> Any:
    return machine.name(node.id, scope)


def _attribute(machine: Machine, node: ast.Attribute, scope: Scope) -> Any:
    return attribute(machine, machine.evaluate(node.value, scope), node.attr)


def _sequence(machine: Machine, node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Any:
    if len(node.elts) > MAX_ITEMS:
        return operations.TOO_LARGE
    items: list[Any] = []
    ordered = True
    for one in node.elts:
        if isinstance(one, ast.Starred):
            given = machine.evaluate(one.value, scope)
            inner = items_of(machine, given)
            if inner is None:
                ordered, inner = False, unordered_items(given)
            if inner is None or len(inner) + len(items) > MAX_ITEMS:
                return Unknown("is put together from values not known")
            items.extend(inner)
        else:
            items.append(machine.evaluate(one, scope))
    if not ordered and not isinstance(node, ast.Set):
        return operations.jumbled(items)
    if isinstance(node, ast.List):
        return machine.own(items)
    if isinstance(node, ast.Tuple):
        return tuple(items)
    return (
        set(items)
        if all(hashable(item) for item in items)
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
        if not hashable(key):
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
    if isinstance(op, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
        return (
            Unknown("is put together from values not known")
            if SPOILT in left or SPOILT in right or len(left) + len(right) > MAX_UNITED
            else left | right
        )
    if isinstance(op, ast.BitOr) and any(comparing.is_type(one) for one in (left, right)):
        return _union(left, right)
    if isinstance(op, ast.Mod) and isinstance(left, str | bytes) and operations.is_unordered(right):
        return operations.NO_ORDER
    if isinstance(op, ast.Div) and isinstance(left, External):
        return Unknown(why_unknown(left))
    if isinstance(op, ast.Add) and isinstance(left, list | Jumbled) and isinstance(right, list | Jumbled):
        items = [*(left.items if isinstance(left, Jumbled) else left)]
        items.extend(right.items if isinstance(right, Jumbled) else right)
        if isinstance(left, Jumbled) or isinstance(right, Jumbled):
            return operations.jumbled(items) if len(items) <= MAX_ITEMS else operations.TOO_LARGE
    if isinstance(op, ast.Add) and isinstance(right, Unknown) and type(left) in (list, str):
        return Unknown(why_unknown(right if known(left) else left), kind=type(left).__name__)
    containers = isinstance(op, ast.Add) and isinstance(left, list | tuple) and type(left) is type(right)
    if function is None or not (containers or (known(left) and known(right))):
        return Unknown(why_unknown(right if known(left) else left))
    return operations.apply(function, left, right)


def _union(left: Any, right: Any) -> Any:
    """`int | None`."""
    args: list[Any] = []
    for given in (left, right):
        one = comparing.NONE_TYPE if given is None else given
        if not comparing.is_type(one):
            return Unknown(why_unknown(one))
        parts = one.args if isinstance(one, Alias) and one.origin == UNION_TYPE else (one,)
        args.extend(part for part in parts if part not in args)
    return Alias(UNION_TYPE, tuple(args))


def _binary(machine: Machine, node: ast.BinOp, scope: Scope) -> Any:
    value = binary(node.op, machine.evaluate(node.left, scope), machine.evaluate(node.right, scope))
    if isinstance(value, Unknown) and value.raises:
        machine.fail(value.raises)
    return value


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
    depth = len(machine.conditions)
    try:
        for one in node.values:
            value = machine.evaluate(one, scope)
            test = comparing.truth(value)
            if test is None:
                unknown = unknown or Unknown(why_unknown(value))
                source = scope.script.source(one)
                # What comes behind it is looked at only on one of two ways.
                machine.conditions.append(Condition(f"not ({source})" if stops else source))
            elif test is stops:
                # Whatever was not known before, the whole has this truth; its value is known only when nothing was.
                return value if unknown is None else (stops if isinstance(value, bool) else unknown)
    finally:
        del machine.conditions[depth:]
    return unknown or value


def _compared(machine: Machine, op: ast.cmpop, left: Any, right: Any) -> Any:
    if isinstance(left, ByPython):
        return each(left, lambda one: _compared(machine, op, one, right))
    if isinstance(right, ByPython):
        return each(right, lambda one: _compared(machine, op, left, one))
    if isinstance(op, ast.Eq | ast.NotEq) and (isinstance(left, Instance) or isinstance(right, Instance)):
        same = equal_objects(machine, left, right)
        return Unknown(why_unknown(left)) if same is None else same is isinstance(op, ast.Eq)
    if isinstance(op, ast.In | ast.NotIn) and isinstance(left, Instance) and isinstance(right, dict | set):
        found = held_key(machine, right, left)
        if isinstance(found, Unknown) or SPOILT in right:
            return Unknown(why_unknown(left))
        return (found is not MISSING) is isinstance(op, ast.In)
    return comparing.compared(op, left, right)


def _compare(machine: Machine, node: ast.Compare, scope: Scope) -> Any:
    left = machine.evaluate(node.left, scope)
    for op, right_node in zip(node.ops, node.comparators, strict=True):
        right = machine.evaluate(right_node, scope)
        result = _compared(machine, op, left, right)
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
    return joined(f"depends on `{source}`", [((source,), left), ((f"not ({source})",), right)])


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
    if operations.is_unordered(value):
        return operations.NO_ORDER
    if not (known(value) and isinstance(spec, str)):
        return Unknown(why_unknown(value))
    changes: Mapping[int, Callable[[Any], str]] = {115: str, 114: repr, 97: ascii}
    change = changes.get(node.conversion)
    text = operations.apply(change, value) if change else value
    return text if isinstance(text, Unknown) else operations.formatted(text, spec)


def _subscript(machine: Machine, node: ast.Subscript, scope: Scope) -> Any:
    value = machine.evaluate(node.value, scope)
    if isinstance(value, External) and value.name in ENVIRONMENT:
        machine.doubts += 1
        return Unknown("is read from the environment")
    if isinstance(value, External) and value.name == "sys.argv":
        return Unknown(
            "is given on the command line", kind="list" if isinstance(node.slice, ast.Slice) else "str"
        )
    key = key_of(machine, node.slice, scope)
    if isinstance(value, ByPython) and isinstance(key, int | slice):
        return each(value, lambda one: operations.apply(lambda: one[key]))
    if isinstance(node.slice, ast.Slice):
        if isinstance(value, str | bytes | list | tuple | range) and isinstance(key, slice):
            return operations.apply(lambda: value[key])
        return Unknown(why_unknown(value), kind=value.kind if isinstance(value, Unknown) else "")
    item = item_of(machine, value, key)
    if isinstance(item, Unknown) and item.raises:
        machine.fail(item.raises)
    return item


def key_of(machine: Machine, node: ast.expr, scope: Scope) -> Any:
    """What stands between the brackets of `value[…]`; a slice is Unknown when one of its ends is."""
    if not isinstance(node, ast.Slice):
        return machine.evaluate(node, scope)
    ends = (node.lower, node.upper, node.step)
    parts = [None if one is None else machine.evaluate(one, scope) for one in ends]
    return slice(*parts) if all(known(part) for part in parts) else Unknown("is between ends not known")


def _lambda(machine: Machine, node: ast.Lambda, scope: Scope) -> Any:
    return machine.function(node, "lambda", scope)


def _walrus(machine: Machine, node: ast.NamedExpr, scope: Scope) -> Any:
    value = machine.evaluate(node.value, scope)
    machine.bind(node.target, value, scope)
    return value


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
    ordered = True

    def rounds(at: int) -> bool:
        nonlocal ordered
        if at == len(node.generators):
            if isinstance(node, ast.DictComp):
                found.append((machine.evaluate(node.key, inner), machine.evaluate(node.value, inner)))
            else:
                found.append(machine.evaluate(node.elt, inner))
            return len(found) <= MAX_ITEMS
        generator = node.generators[at]
        given = machine.evaluate(generator.iter, inner)
        items = items_of(machine, given)
        if items is None:
            ordered, items = False, unordered_items(given)
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
    if not ordered and len(found) > 1 and not isinstance(node, ast.SetComp):
        return operations.NO_ORDER if isinstance(node, ast.DictComp) else operations.jumbled(found)
    if isinstance(node, ast.DictComp):
        return (
            machine.own(dict(found))
            if all(hashable(key) for key, _ in found)
            else Unknown("has keys that are not known")
        )
    if isinstance(node, ast.SetComp):
        return (
            set(found) if all(hashable(item) for item in found) else Unknown("has items that are not known")
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

"""Statements that do one thing: they bind, define, return, or evaluate."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from parser.interpreter import attributes, calls, classes, containers, exceptions, expressions
from parser.interpreter.flow import Call, Stopped, Thrown
from parser.interpreter.values import (
    External,
    Function,
    Instance,
    Modelled,
    Scope,
    Unknown,
)

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine


def _expression(machine: Machine, node: ast.Expr, scope: Scope) -> None:
    if not isinstance(node.value, ast.Constant):
        machine.evaluate(node.value, scope)


def _assign(machine: Machine, node: ast.Assign, scope: Scope) -> None:
    value = machine.evaluate(node.value, scope)
    for target in node.targets:
        bind(machine, target, value, scope)


def _annotated_assign(machine: Machine, node: ast.AnnAssign, scope: Scope) -> None:
    if isinstance(node.target, ast.Name) and node.simple:
        scope.annotations[node.target.id] = node.annotation
    if node.value is not None:
        bind(machine, node.target, machine.evaluate(node.value, scope), scope)


def _augmented_assign(machine: Machine, node: ast.AugAssign, scope: Scope) -> None:
    left = machine.evaluate(node.target, scope)
    right = machine.evaluate(node.value, scope)
    if isinstance(left, list) and isinstance(node.op, ast.Add) and isinstance(right, list | tuple):
        containers.mutate(machine, left, "extend", [right], {})
        return
    in_place = _IN_PLACE.get((type(left), type(node.op)))
    if in_place is not None and isinstance(right, dict | set | frozenset | Unknown):
        # Whoever else holds it sees the change too.
        containers.mutate(machine, left, in_place, [right], {})
        return
    bind(machine, node.target, expressions.binary(node.op, left, right), scope)


_IN_PLACE: Mapping[tuple[type, type[ast.operator]], str] = {
    (dict, ast.BitOr): "update",
    (set, ast.BitOr): "update",
    (set, ast.BitAnd): "intersection_update",
    (set, ast.Sub): "difference_update",
    (set, ast.BitXor): "symmetric_difference_update",
}
"""What `left op= right` does to a container."""


def bind(machine: Machine, target: ast.expr, value: Any, scope: Scope) -> None:
    """Assigns to a name, attribute, item or a tuple of them."""
    if isinstance(target, ast.Name):
        scope.bind(target.id, value)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(machine, target.elts, value, scope)
    elif isinstance(target, ast.Starred):
        bind(machine, target.value, value, scope)
    elif isinstance(target, ast.Attribute):
        attributes.set_attribute(machine, machine.evaluate(target.value, scope), target.attr, value)
    elif isinstance(target, ast.Subscript):
        container = machine.evaluate(target.value, scope)
        containers.set_item(machine, container, expressions.key_of(machine, target.slice, scope), value)


def _unpack(machine: Machine, targets: list[ast.expr], value: Any, scope: Scope) -> None:
    items = list(value) if isinstance(value, list | tuple) else containers.items_of(machine, value)
    star = next((at for at, one in enumerate(targets) if isinstance(one, ast.Starred)), None)
    if items is not None and star is not None and len(items) >= len(targets) - 1:
        end = len(items) - (len(targets) - star - 1)
        items = [*items[:star], items[star:end], *items[end:]]
    if items is None or len(items) != len(targets):
        items = [value if isinstance(value, Unknown) else Unknown()] * len(targets)
    for one, item in zip(targets, items, strict=True):
        bind(machine, one, item, scope)


def _define(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
    value: Any = function(machine, node, node.name, scope)
    for decorator in reversed(node.decorator_list):
        value = calls.decorated(machine, value, decorator, scope)
    scope.bind(node.name, value)


def function(
    machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, name: str, scope: Scope
) -> Function:
    """The function as a value, its defaults worked out."""
    defaults = [machine.evaluate(one, scope) for one in node.args.defaults]
    keyword_defaults = {
        arg.arg: machine.evaluate(value, scope)
        for arg, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        if value is not None
    }
    return Function(node, scope, name, defaults, keyword_defaults)


def _class(machine: Machine, node: ast.ClassDef, scope: Scope) -> None:
    classes.define(machine, node, scope)


def _return(machine: Machine, node: ast.Return, scope: Scope) -> str:
    value = None if node.value is None else machine.evaluate(node.value, scope)
    if machine.frames:
        frame = machine.frames[-1]
        frame.returned.append((tuple(machine.conditions[frame.conditions :]), value))
    return "return"


_ENDINGS = frozenset({"SystemExit", "KeyboardInterrupt"})
"""Exceptions by which a script ends as it means to."""


def _raise(machine: Machine, node: ast.Raise, scope: Scope) -> None:
    if node.exc is not None:
        machine.evaluate(node.exc, scope)
        called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if not (isinstance(called, ast.Name) and called.id in _ENDINGS):
            raise Thrown(scope.script.place(node), _exception(machine.evaluate(called, scope)))
    raise Stopped


def _exception(kind: Any) -> str:
    """The name of an exception that Python itself brings, or argparse for its types; empty for others."""
    name = kind.name if isinstance(kind, External) else ""
    return name.rpartition(".")[2] if name.startswith(("builtins.", "argparse.")) else ""


def _assert(machine: Machine, node: ast.Assert, scope: Scope) -> None:
    machine.evaluate(node.test, scope)


def _with(machine: Machine, node: ast.With | ast.AsyncWith, scope: Scope) -> str | None:
    for at, item in enumerate(node.items):
        value = machine.evaluate(item.context_expr, scope)
        if (names := _suppressed(machine, item.context_expr, scope)) is not None and at == len(
            node.items
        ) - 1:
            return exceptions.suppressed(machine, names, node.body, scope)
        if item.optional_vars is not None:
            bind(machine, item.optional_vars, _entered(machine, value, item.context_expr, scope), scope)
    return machine.block(node.body, scope)


def _suppressed(machine: Machine, node: ast.expr, scope: Scope) -> set[str] | None:
    """The exceptions of `contextlib.suppress(…)`, without their modules; None when it is something else."""
    if not isinstance(node, ast.Call) or "suppress" not in scope.script.words(node):
        return None
    if machine.evaluate(node.func, scope) != External("contextlib.suppress"):
        return None
    return {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in node.args}


def _entered(machine: Machine, value: Any, node: ast.expr, scope: Scope) -> Any:
    """What `with value as name` binds."""
    if isinstance(value, Instance):
        method = value.cls.member("__enter__")
        if isinstance(method, Function):
            return machine.follow(method, Call(node, scope.script, [], {}), value)
    if isinstance(value, list) and value:
        return value[0]  # a function behind contextlib.contextmanager
    return value if isinstance(value, Modelled) else Unknown()


def _global(machine: Machine, node: ast.Global, scope: Scope) -> None:
    scope.global_names.update(node.names)


def _nonlocal(machine: Machine, node: ast.Nonlocal, scope: Scope) -> None:
    # Bound where they belong from here on; what is assigned under them is seen by the outer function.
    for name in node.names:
        outer = scope.outer
        while outer is not None and name not in outer.names:
            outer = outer.outer
        if outer is not None:
            scope.outer_names[name] = outer


def _delete(machine: Machine, node: ast.Delete, scope: Scope) -> None:
    for target in node.targets:
        if isinstance(target, ast.Name):
            scope.names.pop(target.id, None)
        elif isinstance(target, ast.Subscript):
            container = machine.evaluate(target.value, scope)
            containers.delete_item(machine, container, expressions.key_of(machine, target.slice, scope))


def _break(machine: Machine, node: ast.Break, scope: Scope) -> str:
    return "break"


def _continue(machine: Machine, node: ast.Continue, scope: Scope) -> str:
    return "continue"


HANDLERS: Mapping[type[ast.stmt], Callable[..., str | None]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated_assign,
    ast.AugAssign: _augmented_assign,
    ast.FunctionDef: _define,
    ast.AsyncFunctionDef: _define,
    ast.ClassDef: _class,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    ast.Delete: _delete,
    ast.Break: _break,
    ast.Continue: _continue,
}

"""Annotations that the script defines itself, to do nothing: those that give back themselves, not the function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from parser.annotations import annotation_nodes
from parser.interpreter.values import Function
from parser.model import Edit, Place, Problem
from parser.problems import problem, short
from parser.script import Script, nodes_of

Definition = ast.FunctionDef | ast.AsyncFunctionDef

FOLLOWS = frozenset({"argument-not-reached", "other-framework", "no-argparse", "never-parsed"})
"""Problems that follow from it: what reads the command line is not called any more."""


@dataclass(slots=True)
class _Fault:
    """A stand-in that gives back itself: where it is used, and what comes of it."""

    function: Function
    direct: bool
    """Whether it is what the annotation calls, and not something inside of that."""
    what: str
    places: list[Place] = field(default_factory=list)


def stand_in_problems(script: Script, evaluate: Callable[[ast.expr], Any]) -> list[Problem]:
    """One problem for each stand-in through which Python stops, or a function that is used is lost."""
    annotations = {id(node) for node in annotation_nodes(script)}
    faults: dict[int, _Fault] = {}
    used: set[str] | None = None
    for definition in _decorated(script) if annotations else ():
        for node in definition.decorator_list:
            if id(node) not in annotations or not isinstance(node, ast.Call):
                continue
            made = evaluate(node)
            if (
                not isinstance(made, Function)
                or isinstance(made.node, ast.Lambda)
                or _own_return(made) is None
            ):
                continue
            if used is None:
                used = _used(script)
            if not _takes_one(made.node):
                what = "it cannot take the function, so Python stops here"
            elif definition.name in used:
                what = f"{short(definition.name)}() is not what stands below it any more"
            else:
                continue
            called = evaluate(node.func)
            direct = isinstance(called, Function) and called.node is made.node
            fault = faults.setdefault(id(made.node), _Fault(made, direct, what))
            fault.places.append(script.place(node))
    return [_told(fault) for fault in faults.values()]


def _decorated(script: Script) -> Iterator[Definition]:
    for node in script.nodes:
        if isinstance(node, Definition) and node.decorator_list:
            yield node


def _used(script: Script) -> set[str]:
    """Names that the script asks for."""
    return {node.id for node in script.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _own_return(function: Function) -> ast.Name | None:
    """The name in the one `return` of a function, where that is its own."""
    node = function.node
    if isinstance(node, ast.Lambda):
        return None
    inner = {id(one) for each in node.body if isinstance(each, Definition) for one in nodes_of(each)}
    returns = [one for one in nodes_of(node) if isinstance(one, ast.Return) and id(one) not in inner]
    if len(returns) != 1:
        return None
    value = returns[0].value
    return value if isinstance(value, ast.Name) and value.id == node.name else None


def _takes_one(node: Definition) -> bool:
    """Whether it can be called with one value by place."""
    spec = node.args
    plain = len(spec.posonlyargs) + len(spec.args)
    if any(default is None for default in spec.kw_defaults):
        return False
    return plain - len(spec.defaults) <= 1 and (plain >= 1 or spec.vararg is not None)


def _told(fault: _Fault) -> Problem:
    function = fault.function
    script = function.scope.script
    name = _own_return(function)
    mended = "lambda function: function" if fault.direct else _first(function)
    edits = [Edit(script.place(name), mended)] if name is not None else []
    words = {"name": short(function.name), "what": fault.what, "mended": f"return {mended}"}
    place, *also = fault.places
    return problem("annotation-gives-itself", place, None, also=also, edits=edits, **words)


def _first(function: Function) -> str:
    """What the stand-in calls the function that it is given."""
    spec = function.node.args
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    return names[0] if names else "lambda function: function"

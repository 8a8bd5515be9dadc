"""Loops: followed round by round where it is known what they go through."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from parser.interpreter import comparing, containers, operations
from parser.interpreter.branches import either_way
from parser.interpreter.flow import Finished, Stopped
from parser.interpreter.values import MISSING, Scope, Unknown
from parser.interpreter.ways import alike

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

MAX_ROUNDS = 10_000
"""Rounds of a `for` that adds arguments."""

PLAIN_ROUNDS = 256
"""Rounds of a `while`, and of a `for` that has nothing to do with parsers."""

ROUNDS_BESIDE = 1_000
"""Rounds of a loop that adds none, in a function that deals with parsers."""


@contextmanager
def _loop(machine: Machine, node: ast.stmt, scope: Scope) -> Iterator[Callable[[], None]]:
    """Around a loop; what is given is called behind each round, and forgets what held in that round only."""
    depth = len(machine.conditions)
    to_the_end: set[int] | None = set() if machine.concerns_parsers(node, scope) else None

    def next_round() -> None:
        kept = [one for one in machine.conditions[depth:] if to_the_end and id(one) in to_the_end]
        machine.conditions[depth:] = kept

    machine.loops.append(to_the_end)
    try:
        yield next_round
    finally:
        machine.loops.pop()
        del machine.conditions[depth:]


def _for(machine: Machine, node: ast.For | ast.AsyncFor, scope: Scope) -> str | None:
    given = machine.evaluate(node.iter, scope)
    items = containers.items_of(machine, given)
    rounds = _rounds(machine, node, scope)
    jumbled = containers.unordered_items(given) if items is None else None
    if jumbled is not None and len(jumbled) <= rounds and not _may_end_early(node):
        _in_any_order(machine, node, jumbled, scope)
        return machine.block(node.orelse, scope)
    if items is None or len(items) > rounds:
        source = f"for {scope.script.source(node.target)} in {scope.script.source(node.iter)}"
        machine.bind(node.target, Unknown(f"changes with `{source}`"), scope)
        with _loop(machine, node, scope):
            either_way(machine, scope, (source, node.body), (source, ()))
        return None
    with _loop(machine, node, scope) as next_round:
        for item in items:
            machine.bind(node.target, item, scope)
            signal = _round(machine, node.body, scope)
            next_round()
            if signal == "return":
                return signal
            if signal == "break":
                return None
    return machine.block(node.orelse, scope)


def _may_end_early(node: ast.For | ast.AsyncFor) -> bool:
    """Whether a round may be the last one, or give something to who waits: then the order of the rounds matters."""
    ends = (ast.Break, ast.Return, ast.Yield, ast.YieldFrom)
    return any(isinstance(inner, ends) for one in node.body for inner in ast.walk(one))


def _in_any_order(machine: Machine, node: ast.For | ast.AsyncFor, items: list[Any], scope: Scope) -> None:
    """Goes through items without an order: no round knows what the one before has left, and nobody which was last."""
    before, ends = dict(scope.names), list[dict[str, Any]]()
    machine.in_any_order += 1
    try:
        with _loop(machine, node, scope) as next_round:
            for item in items:
                machine.bind(node.target, item, scope)
                _round(machine, node.body, scope)
                next_round()
                ends.append(dict(scope.names))
                for name, old in before.items():
                    now = scope.names.get(name, MISSING)
                    if not alike(now, old):
                        scope.names[name] = operations.NO_ORDER
    finally:
        machine.in_any_order -= 1
    for name, last in list(scope.names.items()):
        if last is before.get(name, MISSING):
            continue
        if not all(alike(end.get(name, MISSING), ends[-1].get(name)) for end in ends):
            scope.names[name] = operations.NO_ORDER
        else:
            scope.names[name] = ends[-1][name]


def _rounds(machine: Machine, node: ast.For | ast.AsyncFor, scope: Scope) -> int:
    """How many rounds of a loop are followed."""
    if machine.concerns_parsers(node, scope):
        return MAX_ROUNDS
    function = machine.frames[-1].function if machine.frames else None
    beside = function is not None and machine.concerns_parsers(function.node, function.scope)
    return ROUNDS_BESIDE if beside else PLAIN_ROUNDS


def _round(machine: Machine, body: Sequence[ast.stmt], scope: Scope) -> str | None:
    """Once through a loop; raising ends the script only where it is certain that it comes to that."""
    try:
        return machine.block(body, scope)
    except Finished:
        raise
    except Stopped:
        if not machine.may_leave:
            raise
        return None


def _while(machine: Machine, node: ast.While, scope: Scope) -> str | None:
    if isinstance(node.test, ast.Constant) and node.test.value:
        return _endless(machine, node, scope)
    source = f"while {scope.script.source(node.test)}"
    with _loop(machine, node, scope) as next_round:
        for _ in range(PLAIN_ROUNDS):
            test = comparing.truth(machine.evaluate(node.test, scope))
            if test is not True:
                break
            signal = machine.block(node.body, scope)
            next_round()
            if signal == "return":
                return signal
            if signal == "break":
                return None
        if test is not False:
            either_way(machine, scope, (source, node.body), ("", ()))
            return None
    return machine.block(node.orelse, scope)


def _endless(machine: Machine, node: ast.While, scope: Scope) -> str | None:
    """`while True`: further rounds are followed for the arguments that they add, until one surely leaves the loop."""
    rounds = PLAIN_ROUNDS if machine.concerns_parsers(node, scope) else 1
    may_leave, machine.may_leave = machine.may_leave, False
    try:
        with _loop(machine, node, scope) as next_round:
            for _ in range(rounds):
                signal = machine.block(node.body, scope)
                next_round()
                if signal == "return":
                    return signal
                if signal == "break" or machine.may_leave:
                    return None
        return None
    finally:
        machine.may_leave = machine.may_leave or may_leave


HANDLERS: Mapping[type[ast.stmt], Callable[..., str | None]] = {
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
}

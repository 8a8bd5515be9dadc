"""Statements after which a script may go on in several ways: branches, loops, exceptions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from parser.interpreter import comparing, containers, operations
from parser.interpreter.flow import Finished, Raised, Read, Stopped
from parser.interpreter.values import (
    MISSING,
    Scope,
    Unknown,
)
from parser.interpreter.ways import Condition, alike, either

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

MAX_ROUNDS = 10_000
"""Rounds of a loop that adds arguments; other loops are followed for PLAIN_ROUNDS at most."""

PLAIN_ROUNDS = 256

ROUNDS_BESIDE = 1_000
"""Rounds of a loop that adds none, in a function that deals with parsers."""

SHORT_TRY = 6
"""Lines of a `try` whose `except Exception` is taken to wait for a value that is not there."""

ABOVE: Mapping[str, frozenset[str]] = {
    "KeyError": frozenset({"LookupError"}),
    "IndexError": frozenset({"LookupError"}),
    "ModuleNotFoundError": frozenset({"ImportError"}),
    "ZeroDivisionError": frozenset({"ArithmeticError"}),
}
_EVERYTHING = frozenset({"Exception", "BaseException"})


def _if(machine: Machine, node: ast.If, scope: Scope) -> str | None:
    asked, machine.asked = machine.asked, False
    test = comparing.truth(machine.evaluate(node.test, scope))
    asked, machine.asked = machine.asked, asked
    if test is not None and asked:
        return _by_default(machine, node, test, scope)
    if test is not None:
        return machine.block(node.body if test else node.orelse, scope)
    if node.orelse and isinstance(node.body[-1], ast.Raise):
        # A script that comes to look at its command line has not raised: the rest needs no condition.
        return machine.block(node.orelse, scope)
    source = scope.script.source(node.test)
    return _either(machine, scope, (source, node.body), (f"not ({source})", node.orelse))


def _by_default(machine: Machine, node: ast.If, test: bool, scope: Scope) -> str | None:
    """A branch taken when nothing is given, and the other, of which only the arguments that it adds are kept."""
    source = scope.script.source(node.test)
    ways = ((source, node.body), (f"not ({source})", node.orelse))
    (holds, taken), (fails, other) = ways if test else ways[::-1]
    before = dict(scope.names)
    if any(machine.concerns_parsers(one, scope) for one in other):
        _suppose(machine, fails, other, scope)
    depth = len(machine.assumed)
    machine.assumed.append(holds)
    try:
        return machine.block(taken, scope)
    except Finished:
        raise
    except Stopped:
        # Something has to be given, so that is the way on which the script goes on.
        del machine.assumed[depth:]
        scope.names.clear()
        scope.names.update(before)
        return machine.block(other, scope)
    finally:
        del machine.assumed[depth:]


def _suppose(machine: Machine, condition: str, body: Sequence[ast.stmt], scope: Scope) -> None:
    """Runs what is not run when nothing is given; everything but the arguments that it adds is forgotten."""
    before = dict(scope.names)
    returned = machine.frames[-1].returned if machine.frames else []
    count = len(returned)
    machine.supposing += 1
    try:
        with machine.condition(condition):
            machine.block(body, scope)
    except Read:
        pass  # that way is done with
    except Finished:
        raise
    except Stopped:
        pass  # then nothing is added behind that point
    finally:
        machine.supposing -= 1
        del returned[count:]
        scope.names.clear()
        scope.names.update(before)


def _either(machine: Machine, scope: Scope, *branches: tuple[str, Sequence[ast.stmt]]) -> str | None:
    """Runs branches of which one will be taken; what they leave different is not known afterwards."""
    before = dict(scope.names)
    ends: list[tuple[str, dict[str, Any]]] = []
    signals: list[str | None] = []
    conditions = [Condition(one) for one, _ in branches]
    for condition, (_, body) in zip(conditions, branches, strict=True):
        scope.names.clear()
        scope.names.update(before)
        with machine.condition(condition):
            try:
                signal = machine.block(body, scope)
            except Read:
                signal = "stop"
                machine.ended[id(condition)] = condition
            except Finished:
                raise
            except Stopped:
                signal = "stop"
                if not machine.trying:
                    machine.ended[id(condition)] = condition
        signals.append(signal)
        if signal is None:
            ends.append((condition, dict(scope.names)))
        else:
            machine.left.add(condition)
    if any(signal in ("return", "continue", "break") for signal in signals) and ends:
        machine.may_leave = True
    if not ends:
        # Every branch leaves: what follows is not reached this way.
        if all(signal == "stop" for signal in signals):
            raise Stopped
        return next(signal for signal in signals if signal != "stop")
    scope.names.clear()
    scope.names.update(_merged(ends, branches[0][0]))
    left = [at for at, signal in enumerate(signals) if signal == "return"]
    if len(left) == 1 and len(branches) == 2 and machine.frames and machine.frames[-1].hands_parser():
        # What follows is added to a parser that is used without it when the function has returned before.
        machine.conditions.append(conditions[1 - left[0]])
    return None


def _for(machine: Machine, node: ast.For | ast.AsyncFor, scope: Scope) -> str | None:
    items = containers.items_of(machine, machine.evaluate(node.iter, scope))
    rounds = _rounds(machine, node, scope)
    if items is None or len(items) > rounds:
        source = f"for {scope.script.source(node.target)} in {scope.script.source(node.iter)}"
        machine.bind(node.target, Unknown(f"changes with `{source}`"), scope)
        _either(machine, scope, (source, node.body), (source, ()))
        return None
    for item in items:
        machine.bind(node.target, item, scope)
        signal = _round(machine, node.body, scope)
        if signal == "return":
            return signal
        if signal == "break":
            return None
    return machine.block(node.orelse, scope)


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
        signal = machine.block(node.body, scope)
        return signal if signal == "return" else None
    for _ in range(PLAIN_ROUNDS):
        test = comparing.truth(machine.evaluate(node.test, scope))
        if test is False:
            return machine.block(node.orelse, scope)
        if test is None:
            break
        signal = machine.block(node.body, scope)
        if signal == "return":
            return signal
        if signal == "break":
            return None
    _either(machine, scope, (f"while {scope.script.source(node.test)}", node.body), ("", ()))
    return None


def _try(machine: Machine, node: ast.Try, scope: Scope) -> str | None:
    depth = len(machine.trying)
    machine.trying.append(_caught(node))
    try:
        signal = machine.block(node.body, scope)
    except Finished:
        raise
    except Stopped as stopped:
        del machine.trying[depth:]
        handler = _handler_of(node, stopped)
        if handler is None:
            machine.block(node.finalbody, scope)
            raise
        if handler.name:
            scope.bind(handler.name, Unknown("is an exception"))
        signal = machine.block(handler.body, scope)
    else:
        del machine.trying[depth:]
        if any(isinstance(one.body[-1], ast.Return | ast.Continue | ast.Break) for one in node.handlers):
            machine.may_leave = True
        if signal is None:
            signal = machine.block(node.orelse, scope)
    return machine.block(node.finalbody, scope) or signal


def _match(machine: Machine, node: ast.Match, scope: Scope) -> str | None:
    source = scope.script.source(node.subject)
    machine.evaluate(node.subject, scope)
    return _either(machine, scope, *((f"match {source}", case.body) for case in node.cases), ("", ()))


def _names_of(handler: ast.ExceptHandler) -> list[str]:
    """The exceptions that a clause catches, without their modules; `Exception` for a bare one."""
    if handler.type is None:
        return ["Exception"]
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in kinds]


def _caught(node: ast.Try) -> set[str]:
    """Names of exceptions that are waited for here; a clause for everything counts around a few lines only."""
    names = {name for handler in node.handlers for name in _names_of(handler)}
    first, last = node.body[0].lineno, node.body[-1].end_lineno or node.body[-1].lineno
    if not names.isdisjoint(_EVERYTHING) and last - first < SHORT_TRY:
        names |= operations.CERTAIN | {"ImportError", "ArgumentError"}
    return names


def _handler_of(node: ast.Try, stopped: Stopped) -> ast.ExceptHandler | None:
    """The clause that catches it; the first one when it is not known what was raised."""
    if not isinstance(stopped, Raised):
        return node.handlers[0] if node.handlers else None
    wanted = {stopped.kind, *ABOVE.get(stopped.kind, ()), *_EVERYTHING}
    return next((one for one in node.handlers if not wanted.isdisjoint(_names_of(one))), None)


def _merged(ends: list[tuple[str, dict[str, Any]]], source: str) -> dict[str, Any]:
    """The names after several ways: what all agree on, else which it is on which way."""
    if len(ends) == 1:
        return ends[0][1]
    merged = dict(ends[0][1])
    different: dict[str, None] = {}
    for _, other in ends[1:]:
        for name in {**merged, **other}:
            left, right = merged.get(name, MISSING), other.get(name, MISSING)
            if left is not right and (left is MISSING or right is MISSING or not alike(left, right)):
                different[name] = None
    for name in different:
        ways = (((condition,), names.get(name, MISSING)) for condition, names in ends)
        merged[name] = either(f"depends on `{source}`", *ways)
    return merged


HANDLERS: Mapping[type[ast.stmt], Callable[..., str | None]] = {
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Match: _match,
}

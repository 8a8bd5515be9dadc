"""Statements after which a script may go on in several ways: `if` and `match`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from parser.interpreter import comparing, matching
from parser.interpreter.flow import Finished, Read, Stopped
from parser.interpreter.values import MISSING, Scope, Unknown
from parser.interpreter.ways import Condition, alike, either

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine


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
    return either_way(machine, scope, (source, node.body), (f"not ({source})", node.orelse))


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


def either_way(machine: Machine, scope: Scope, *branches: tuple[str, Sequence[ast.stmt]]) -> str | None:
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
    outside = machine.frames and (machine.frames[-1].hands_parser() or machine.adds_only())
    if len(left) == 1 and len(branches) == 2 and outside:
        # What follows is added to a parser that is used without it when the function has returned before.
        machine.conditions.append(conditions[1 - left[0]])
    _skip(machine, conditions, signals)
    return None


def _skip(machine: Machine, conditions: Sequence[Condition], signals: Sequence[str | None]) -> None:
    """What follows in a loop that adds arguments is not reached when the round has ended before."""
    left = [at for at, signal in enumerate(signals) if signal in ("continue", "break")]
    if len(left) == 1 and len(signals) == 2 and machine.loops and machine.loops[-1] is not None:
        stays = conditions[1 - left[0]]
        machine.conditions.append(stays)
        if signals[left[0]] == "break":
            machine.loops[-1].add(id(stays))


def _match(machine: Machine, node: ast.Match, scope: Scope) -> str | None:
    asked, machine.asked = machine.asked, False
    subject = machine.evaluate(node.subject, scope)
    # What a command line gives is another case on another day.
    subject = Unknown("is given on the command line") if machine.asked else subject
    machine.asked = asked
    possible, certain = matching.cases_of(machine, node, subject, scope)
    if not possible:
        return machine.block(certain.body, scope) if certain else None
    source = f"match {scope.script.source(node.subject)}"
    last = (source, certain.body) if certain else ("", ())
    return either_way(machine, scope, *((source, case.body) for case in possible), last)


def _merged(ends: list[tuple[str, dict[str, Any]]], source: str) -> dict[str, Any]:
    """The names after several ways: what all agree on, else which it is on which way."""
    if len(ends) == 1:
        return ends[0][1]
    merged = dict(ends[0][1])
    different: dict[str, None] = {}
    for _, other in ends[1:]:
        for name in {**merged, **other}:
            left, right = merged.get(name, MISSING), other.get(name, MISSING)
            if not alike(left, right):
                different[name] = None
    for name in different:
        ways = (((condition,), names.get(name, MISSING)) for condition, names in ends)
        merged[name] = either(f"depends on `{source}`", *ways)
    return merged


HANDLERS: Mapping[type[ast.stmt], Callable[..., str | None]] = {ast.If: _if, ast.Match: _match}

"""What raises, what is caught, and what may have been: `try`, and `with suppress(…)`."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from parser.interpreter import operations
from parser.interpreter.flow import Finished, Raised, Stopped, Thrown
from parser.interpreter.values import MISSING, Scope, Unknown, known
from parser.interpreter.ways import alike

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

SHORT_TRY = 6
"""Lines of a `try` whose `except Exception` is taken to wait for a value that is not there."""


ABOVE: Mapping[str, frozenset[str]] = {
    "KeyError": frozenset({"LookupError"}),
    "IndexError": frozenset({"LookupError"}),
    "JSONDecodeError": frozenset({"ValueError"}),
    "ModuleNotFoundError": frozenset({"ImportError"}),
    "ZeroDivisionError": frozenset({"ArithmeticError"}),
}
"""Exception → those that it is a kind of, `Exception` left out."""


_ENDS = frozenset({"exit", "_exit", "error", "abort"})
"""Functions that end a script; `error` is a parser's."""


_EVERYTHING = frozenset({"Exception", "BaseException"})


def _try(machine: Machine, node: ast.Try, scope: Scope) -> str | None:
    depth = len(machine.trying)
    machine.trying.append(_caught(node))
    doubts, before = machine.doubts, dict(scope.names)
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
        if machine.doubts > doubts:
            _doubt(machine, node, before, signal, scope)
    return machine.block(node.finalbody, scope) or signal


def _doubt(
    machine: Machine, node: ast.Try, before: Mapping[str, Any], signal: str | None, scope: Scope
) -> None:
    """Forgets what the body of a `try` came to where a clause, if something in the body raised, comes to another."""
    clauses = [one for one in node.handlers if not _gives_up(one)]
    if not clauses:
        return
    unknown = Unknown(f"depends on whether the `try` in line {node.lineno} fails")
    frame = machine.frames[-1] if machine.frames else None
    if signal == "return" and frame is not None and frame.returned:
        conditions, value = frame.returned[-1]
        if known(value) and not all(_returns(machine, one, value, scope) for one in clauses):
            frame.returned[-1] = (conditions, unknown)
        return
    for name, value in list(scope.names.items()):
        if not known(value) or before.get(name, MISSING) is value:
            continue
        otherwise = [_bound_by(one, name, before.get(name, MISSING)) for one in clauses]
        if any(one is not MISSING and not alike(one, value) for one in otherwise):
            scope.names[name] = unknown


def _gives_up(clause: ast.ExceptHandler) -> bool:
    """Whether the script ends with the clause, so that what follows is never reached by it."""
    last = clause.body[-1]
    called = last.value.func if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return isinstance(last, ast.Raise) or name in _ENDS


def _returns(machine: Machine, clause: ast.ExceptHandler, value: Any, scope: Scope) -> bool:
    """Whether the clause surely returns the same value."""
    last = clause.body[-1]
    if not isinstance(last, ast.Return):
        return False
    constant = last.value is None or isinstance(last.value, ast.Constant)
    return constant and alike(value, machine.evaluate(last.value, scope) if last.value else None)


def _bound_by(clause: ast.ExceptHandler, name: str, old: Any) -> Any:
    """What a name stands for behind the clause: `old` where it does not bind it."""
    for one in reversed(clause.body):
        if isinstance(one, ast.Assign) and any(
            isinstance(to, ast.Name) and to.id == name for to in one.targets
        ):
            return one.value.value if isinstance(one.value, ast.Constant) else Unknown()
    stored = any(
        isinstance(one, ast.Name) and one.id == name and not isinstance(one.ctx, ast.Load)
        for one in ast.walk(clause)
    )
    return Unknown() if stored else old


def suppressed(
    machine: Machine, names: Collection[str], body: Sequence[ast.stmt], scope: Scope
) -> str | None:
    """Runs the body of `with contextlib.suppress(…)`: where it raises, the script goes on behind it."""
    depth, doubts, before = len(machine.trying), machine.doubts, dict(scope.names)
    certain = operations.CERTAIN | {"ImportError"} if not _EVERYTHING.isdisjoint(names) else set()
    machine.trying.append({*names, *certain})
    try:
        signal = machine.block(body, scope)
    except Raised:
        return None
    finally:
        del machine.trying[depth:]
    if machine.doubts > doubts:
        for name, value in list(scope.names.items()):
            old = before.get(name, MISSING)
            if known(value) and old is not MISSING and not alike(old, value):
                scope.names[name] = Unknown("depends on whether what is suppressed is raised")
    return signal


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
    if isinstance(stopped, Thrown) and stopped.kind:
        return next((one for one in node.handlers if _may_catch(_names_of(one), stopped.kind)), None)
    if not isinstance(stopped, Raised):
        return node.handlers[0] if node.handlers else None
    wanted = {stopped.kind, *ABOVE.get(stopped.kind, ()), *_EVERYTHING}
    return next((one for one in node.handlers if not wanted.isdisjoint(_names_of(one))), None)


def _may_catch(names: Sequence[str], kind: str) -> bool:
    """Whether a clause for these catches an exception of Python's own; of others nobody knows what they are."""
    raised = getattr(builtins, kind, Exception)
    above = {one.__name__ for one in raised.__mro__} | {kind} if isinstance(raised, type) else {kind}
    return any(one in above or not hasattr(builtins, one) for one in names)


HANDLERS: Mapping[type[ast.stmt], Callable[..., str | None]] = {ast.Try: _try, ast.TryStar: _try}

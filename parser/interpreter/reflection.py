"""What scripts ask about their own code: vars, dir, inspect, type hints."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from parser.interpreter import comparing, operations
from parser.interpreter.attributes import attribute, find_attribute
from parser.interpreter.flow import Call
from parser.interpreter.values import (
    MISSING,
    Class,
    External,
    Function,
    Instance,
    Method,
    Module,
    Scope,
    Unknown,
    known,
    why_unknown,
)

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

_NOT_KNOWN = Unknown("is put together from values not known")
_EMPTY = External("inspect.Parameter.empty")
_OBJECT = tuple(dir(object))


def _vars(machine: Machine, call: Call) -> Any:
    if not call.args:
        return _NOT_KNOWN
    return attribute(machine, call.args[0], "__dict__")


def _globals(machine: Machine, call: Call) -> Any:
    return machine.names_in(call.script.path)


def _dir(machine: Machine, call: Call) -> Any:
    """`dir(value)`: the names of a module, a class or an object, sorted."""
    if call.keywords or len(call.args) > 1:
        return _NOT_KNOWN
    if not call.args:
        scope = machine.module(call.script.path) if machine.frame_function()[0] is None else None
        return sorted(scope.names) if scope else _NOT_KNOWN
    value = call.args[0]
    names = names_of(machine, value)
    return _NOT_KNOWN if names is None else sorted(names)


def names_of(machine: Machine, value: Any) -> list[str] | None:
    """The attributes of a module, class or object; None when they are not all known."""
    if isinstance(value, Module):
        names = machine.names_in(value.path)
        return list(names) if isinstance(names, dict) else None
    cls = value.cls if isinstance(value, Instance) else value
    if not isinstance(cls, Class) or cls.foreign:
        return None
    own = list(value.attributes) if isinstance(value, Instance) else []
    inherited = (name for one in cls.ancestry() if isinstance(one, Class) for name in one.scope.names)
    return list(dict.fromkeys((*own, *inherited, *_OBJECT)))


def _members(machine: Machine, call: Call) -> Any:
    """`inspect.getmembers(value, predicate)`: pairs of name and value, sorted by name."""
    names = names_of(machine, call.args[0]) if call.args else None
    if names is None or len(call.args) > 2 or call.keywords.keys() - {"predicate"}:
        return _NOT_KNOWN
    test = call.args[1] if len(call.args) == 2 else call.keywords.get("predicate")
    found = []
    for name in sorted(names):
        if name in _OBJECT and name not in ("__doc__", "__module__", "__init__"):
            continue
        value = find_attribute(machine, call.args[0], name)
        if value is MISSING:
            continue
        fits = True if test is None else comparing.truth(machine.call(test, [value], {}, call))
        if fits is None:
            return _NOT_KNOWN
        if fits:
            found.append((name, value))
    return found


def _is(*kinds: type) -> Callable[[Machine, Call], Any]:
    """Whether the value is of one of these kinds of values."""

    def told(machine: Machine, call: Call) -> Any:
        value = call.args[0] if call.args else Unknown()
        if isinstance(value, External) and value.name in operations.TYPES:
            return Class in kinds
        if isinstance(value, Unknown | External):
            return Unknown(why_unknown(value))
        return isinstance(value, kinds)

    return told


def _is_function(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else Unknown()
    if isinstance(value, Function):
        return value.kind in ("function", "static")
    return Unknown(why_unknown(value)) if isinstance(value, Unknown | External) else False


def _is_abstract(machine: Machine, call: Call) -> Any:
    """Whether a class has a method that no subclass has given a body."""
    cls = call.args[0] if call.args else Unknown()
    if not isinstance(cls, Class):
        return False if known(cls) or isinstance(cls, Function) else Unknown(why_unknown(cls))
    if cls.foreign:
        return Unknown("is a question about a class that is not known")
    if not (cls.inherits("abc.ABC") or cls.metaclass == External("abc.ABCMeta")):
        return False
    names = {name for one in cls.ancestry() if isinstance(one, Class) for name in one.scope.names}
    members = (cls.member(name) for name in names)
    return any(isinstance(one, Function) and one.abstract for one in members)


def _doc(machine: Machine, call: Call) -> Any:
    """`inspect.getdoc(value)`: its docstring without the indentation, or that of the method it replaces."""
    value = call.args[0] if call.args else Unknown()
    text = attribute(machine, value, "__doc__")
    if text is None and isinstance(value, Class):
        texts = (one.scope.names.get("__doc__") for one in value.ancestry() if isinstance(one, Class))
        text = next((one for one in texts if one is not None), None)
    return inspect.cleandoc(text) if isinstance(text, str) else text


def _mro(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else Unknown()
    return tuple(value.ancestry()) if isinstance(value, Class) else _NOT_KNOWN


def _type_hints(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else None
    cls = value.cls if isinstance(value, Instance) else value
    if isinstance(cls, Class):
        return {
            name: machine.evaluate(one.annotation, one.owner.scope)
            for name, one in cls.fields.items()
            if isinstance(one.annotation, ast.expr) and one.owner is not None
        }
    return _NOT_KNOWN


def _signature(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else None
    bound = isinstance(value, Method)
    function = value.function if isinstance(value, Method) else value
    if isinstance(value, Class):
        function, bound = value.member("__init__"), True
        if value.foreign and not isinstance(function, Function):
            return _NOT_KNOWN
    if not isinstance(function, Function):
        return _NOT_KNOWN
    spec = function.node.args
    names = [*spec.posonlyargs, *spec.args]
    padded = [*[_EMPTY] * (len(names) - len(function.defaults)), *function.defaults]
    rows = [(arg, default, "POSITIONAL_OR_KEYWORD") for arg, default in zip(names, padded, strict=True)]
    rows = rows[1:] if bound else rows
    if spec.vararg:
        rows.append((spec.vararg, _EMPTY, "VAR_POSITIONAL"))
    for arg in spec.kwonlyargs:
        rows.append((arg, function.keyword_defaults.get(arg.arg, _EMPTY), "KEYWORD_ONLY"))
    if spec.kwarg:
        rows.append((spec.kwarg, _EMPTY, "VAR_KEYWORD"))
    parameter = Class("Parameter", Scope(call.script), [])
    parameters = {}
    for arg, default, kind in rows:
        annotation = machine.evaluate(arg.annotation, function.scope) if arg.annotation else _EMPTY
        words = {"name": arg.arg, "default": default, "annotation": annotation}
        parameters[arg.arg] = Instance(parameter, {**words, "kind": External(f"inspect.Parameter.{kind}")})
    return Instance(Class("Signature", Scope(call.script), []), {"parameters": parameters})


def _cleaned(machine: Machine, call: Call) -> Any:
    text = call.args[0] if call.args else None
    return inspect.cleandoc(text) if isinstance(text, str) else _NOT_KNOWN


FUNCTIONS: Mapping[str, Callable[[Machine, Call], Any]] = {
    "builtins.vars": _vars,
    "builtins.globals": _globals,
    "builtins.dir": _dir,
    "typing.get_type_hints": _type_hints,
    "inspect.signature": _signature,
    "inspect.cleandoc": _cleaned,
    "inspect.getdoc": _doc,
    "inspect.getmembers": _members,
    "inspect.getmro": _mro,
    "inspect.isclass": _is(Class),
    "inspect.isfunction": _is_function,
    "inspect.ismethod": _is(Method),
    "inspect.ismodule": _is(Module),
    "inspect.isroutine": _is(Function, Method),
    "inspect.isabstract": _is_abstract,
}
"""Dotted name → function(machine, call)."""

"""What calls do: functions of the repository are followed, foreign ones worked out where they are known."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parser.interpreter import classes, comparing, library, located, operations, patterns, records
from parser.interpreter.attributes import find_attribute
from parser.interpreter.containers import held_key, items_of, mutate, spoil, unordered_items
from parser.interpreter.expressions import ENVIRONMENT
from parser.interpreter.flow import Call, Stopped
from parser.interpreter.values import (
    MISSING,
    SPOILT,
    Class,
    EnumMember,
    External,
    Function,
    Instance,
    Jumbled,
    Located,
    Method,
    Modelled,
    Partial,
    Scope,
    Super,
    Unknown,
    known,
    why_unknown,
)
from parser.interpreter.ways import Either, on_each

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine
    from parser.script import Script

_HARMLESS = frozenset(
    [
        "print",
        "isinstance",
        "issubclass",
        "type",
        "hasattr",
        "id",
        "repr",
        "str",
        "len",
        "callable",
        "vars",
        "dir",
        "getattr",
        "setattr",
        "list",
        "tuple",
        "dict",
        "iter",
        "next",
        "super",
        "sorted",
        "zip",
        "enumerate",
    ]
)
"""Builtins that may be handed a parser without adding to it."""

_HARMLESS_CALLS = frozenset(
    {"argcomplete.autocomplete", "shtab.add_argument_to", "copy.copy", "copy.deepcopy"}
)
_EXITS = frozenset({"sys.exit", "builtins.exit", "builtins.quit", "os._exit"})


def call(machine: Machine, node: ast.Call, scope: Scope) -> Any:
    """What a call that is written down gives."""
    function = machine.evaluate(node.func, scope)
    machine.visited.add(id(node))
    if isinstance(node.func, ast.Attribute):
        for one in [one for _, one in function.ways] if isinstance(function, Either) else [function]:
            if isinstance(one, Unknown | External):
                machine.lost(node.func, one, scope)
    model = isinstance(function, Method) and isinstance(function.receiver, Modelled)
    model = model or (isinstance(function, External) and function.name in machine.models)
    machine.wanted += model
    try:
        call = Call(node, scope.script, [], {})
        _arguments(machine, node, scope, call)
    finally:
        machine.wanted -= model
    result = call_value(machine, function, call)
    if isinstance(result, Unknown) and result.raises:
        machine.fail(result.raises)
    return result


def _arguments(machine: Machine, node: ast.Call, scope: Scope, call: Call) -> None:
    for one in node.args:
        if isinstance(one, ast.Starred):
            value = machine.evaluate(one.value, scope)
            items = items_of(machine, value)
            if items is None:
                call.args_unknown = f"`*{scope.script.source(one.value)}` {why_unknown(value)}"
            else:
                call.args.extend(items)
        else:
            call.args.append(machine.evaluate(one, scope))
    nodes: dict[str, ast.expr] = {}
    for keyword in node.keywords:
        value = machine.evaluate(keyword.value, scope)
        if keyword.arg is not None:
            call.keywords[keyword.arg] = value
            nodes[keyword.arg] = keyword.value
        elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
            call.keywords.update(value)
        else:
            call.keywords_unknown = f"`**{scope.script.source(keyword.value)}` {why_unknown(value)}"
    call.nodes = nodes


def call_value(machine: Machine, function: Any, call: Call) -> Any:
    """Calls whatever it is."""
    if isinstance(function, Either):
        return on_each(machine, function, lambda one: call_value(machine, one, replace(call)))
    if isinstance(function, Partial):
        call.args = [*function.args, *call.args]
        call.keywords = {**function.keywords, **call.keywords}
        return call_value(machine, function.function, call)
    if isinstance(function, Method):
        return _call_method(machine, function, call)
    if isinstance(function, Function):
        return machine.follow(function, call)
    if isinstance(function, Class):
        return classes.instantiate(machine, function, call)
    if isinstance(function, External):
        return _call_external(machine, function, call)
    if isinstance(function, Instance):
        method = find_attribute(machine, function, "__call__")
        if isinstance(method, Method):
            return call_value(machine, method, call)
    if isinstance(function, Modelled) and function.callable:
        return function.call(machine, "__call__", call)
    machine.doubts += 1
    _note_escape(machine, "a function that cannot be followed", call)
    if (back := _given_back(machine, call)) is not None:
        return back
    return Unknown(
        why_unknown(function) if isinstance(function, Unknown) else "is computed when the script runs"
    )


def _call_method(machine: Machine, method: Method, call: Call) -> Any:
    if method.function is not None:
        return machine.follow(method.function, call, method.receiver)
    if isinstance(method.receiver, Modelled):
        return method.receiver.call(machine, method.name, call)
    if method.receiver is None:
        return None
    if isinstance(method.receiver, Class) and method.name == "__subclasses__":
        return machine.own(list(method.receiver.subclasses))
    if isinstance(method.receiver, Jumbled):
        return mutate(machine, method.receiver, method.name, call.args, call.keywords)
    if isinstance(method.receiver, re.Pattern):
        return patterns.method(machine, method.receiver, method.name, call)
    if isinstance(method.receiver, Located):
        result = located.method(machine, method.receiver, method.name, call.args)
        return Unknown(why_unknown(method.receiver)) if result is MISSING else result
    if isinstance(method.receiver, str) and method.name in ("join", "format"):
        call.args = [_written(machine, arg, method.name) for arg in call.args]
        call.keywords = {key: _written(machine, arg, method.name) for key, arg in call.keywords.items()}
    if isinstance(method.receiver, dict | set) and call.args and isinstance(call.args[0], Instance):
        found = held_key(machine, method.receiver, call.args[0])
        call.args = [call.args[0] if found is MISSING else found, *call.args[1:]]
    if isinstance(method.receiver, list) and method.name == "sort" and "key" in call.keywords:
        return _sort(machine, method.receiver, call)
    if (
        isinstance(method.receiver, list | tuple)
        and method.name in ("index", "count", "remove")
        and not (known(method.receiver) and all(known(arg) for arg in call.args))
    ):
        return _looked_up(method.receiver, method.name, call)
    if call.args_unknown or call.keywords_unknown:
        if method.name in operations.MUTATING:
            spoil(method.receiver, "is changed in a way that cannot be followed")
        return Unknown("is put together from values not known")
    if method.name in operations.MUTATING:
        return mutate(machine, method.receiver, method.name, call.args, call.keywords)
    if isinstance(method.receiver, dict) and SPOILT in method.receiver:
        return Unknown("has keys that are not known")
    return operations.call_method(method.receiver, method.name, call.args, call.keywords)


def _written(machine: Machine, value: Any, method: str) -> Any:
    """An argument of `join` or `format`: what is iterated over as a list, members of enums as their text."""
    if operations.is_unordered(value):
        return operations.NO_ORDER
    if method == "join":
        items = items_of(machine, value)
        return value if items is None else items
    text = machine.text_of(value)
    return value if text is MISSING else text


def _looked_up(items: list[Any] | tuple[Any, ...], name: str, call: Call) -> Any:
    """`index`, `count` and `remove` where items are no plain values."""
    wanted = call.args[0] if len(call.args) == 1 else Unknown()
    results: list[bool | None] = [comparing.equal(item, wanted) for item in items]
    if None in results:
        if name == "remove" and isinstance(items, list):
            spoil(items, "is changed in a way that cannot be followed")
        return Unknown("depends on items that are not known")
    if name == "count":
        return results.count(True)
    if True not in results:
        return Unknown("is not in the list")
    if name == "remove" and isinstance(items, list):
        del items[results.index(True)]
        return None
    return results.index(True)


def _sort(machine: Machine, items: list[Any], call: Call) -> Any:
    result = library.sorted_by(machine, Call(call.node, call.script, [items], dict(call.keywords)))
    if isinstance(result, list):
        items[:] = result
    else:
        spoil(items, "is in an order that is not known")
    return None


def _call_external(machine: Machine, function: External, call: Call) -> Any:
    name = function.name
    if name in machine.models:
        return machine.models[name](machine, call)
    if name in _EXITS:
        raise Stopped
    if name in ENVIRONMENT or name.startswith("os.environ."):
        return Unknown("is read from the environment")
    if name == "builtins.super":
        return _super(machine)
    if name == "functools.partial" and call.args and not call.args_unknown:
        return Partial(call.args[0], call.args[1:], dict(call.keywords))
    if name in _WRAPPERS and call.args:
        return Partial(External("functools.wraps()"), [call.args[-1]], {})
    if name in records.ENUMS:
        return records.made_enum(Class(name.rpartition(".")[2], Scope(call.script), [function]), call)
    kind, _, method = name.rpartition(".")
    plain = operations.TYPES.get(kind)
    if plain is not None and call.args and type(call.args[0]) is plain and plain_method(name):
        return _call_method(machine, Method(call.args[0], method), replace(call, args=call.args[1:]))
    placed = located.FUNCTIONS.get(name)
    if placed is not None and not call.args_unknown and (result := placed(machine, call)) is not MISSING:
        return result
    special = library.LIBRARY.get(name)
    if special is not None and not call.args_unknown:
        result = special(machine, call)
        if result is not MISSING:
            return result
    if name in ("builtins.dict", "collections.OrderedDict") and not call.args and not call.keywords_unknown:
        return machine.own(dict(call.keywords))
    if call.args_unknown or call.keywords_unknown:
        _note_escape(machine, name, call)
        if (back := _given_back(machine, call)) is not None:
            return back
        return Unknown("is put together from values not known")
    if name == "builtins.sorted" and "key" in call.keywords:
        return library.sorted_by(machine, call)
    return _worked_out(machine, name, call)


def plain_method(name: str) -> bool:
    """Whether it is a method of a plain type that can be worked out, as `builtins.str.lower`."""
    kind, _, method = name.rpartition(".")
    plain = operations.TYPES.get(kind)
    return plain is not None and operations.has_method_of(plain, method)


_NEVER_RAISE = ("builtins.print", "logging.", "warnings.", "os.path.", "os.getenv", "time.", "argparse.")
"""Beginnings of the names of functions that a script calls inside a `try` without waiting for them to fail."""

_WRAPPERS = frozenset({"functools.wraps"})
_CONTAINERS = frozenset(
    f"builtins.{name}"
    for name in (
        "list",
        "tuple",
        "len",
        "sorted",
        "dict",
        "zip",
        "enumerate",
        "reversed",
        "set",
        "any",
        "all",
    )
) | {"collections.OrderedDict"}


_LISTS = frozenset({"builtins.list", "builtins.tuple"})
_ORDERING = _LISTS | frozenset(
    f"builtins.{name}" for name in ("dict", "zip", "enumerate", "reversed", "str", "repr", "format")
)
"""Functions whose result has the order in which they find the items."""


def _worked_out(machine: Machine, name: str, call: Call) -> Any:
    """A function of the world outside on known arguments, where it is one that is known."""
    if name == "builtins.len" and len(call.args) == 1 and isinstance(call.args[0], Instance):
        own = find_attribute(machine, call.args[0], "__len__")
        if isinstance(own, Method):
            return call_value(machine, own, replace(call, args=[]))
    containers = name in _CONTAINERS
    if not containers:
        call.args = [arg.value if isinstance(arg, EnumMember) and arg.plain else arg for arg in call.args]
    args = [_iterated(machine, arg) if containers or isinstance(arg, Class) else arg for arg in call.args]
    if name in operations.FUNCTIONS and any(isinstance(arg, set | frozenset | Jumbled) for arg in args):
        given = [unordered_items(arg) for arg in args]
        if name in _ORDERING and any(one is not None and len(one) > 1 for one in given):
            items = given[0]
            return operations.jumbled(list(items)) if items and name in _LISTS else operations.NO_ORDER
        args = [arg if one is None else one for arg, one in zip(args, given, strict=True)]
    if containers:
        enough = all(known(arg) or _shallow(arg) for arg in args) and (
            name not in ("builtins.sorted", "builtins.set", "builtins.any", "builtins.all")
            or all(known(arg) or all(_orderless(item) for item in arg) for arg in args)
        )
        if name in ("builtins.any", "builtins.all") and enough:
            args = [[comparing.truth(item) for item in arg] for arg in args]
            enough = all(None not in arg for arg in args)
        if name == "builtins.sorted" and enough:
            args = [list(arg) if isinstance(arg, dict) else arg for arg in args]
            enough = all(known(arg) for arg in args)
    else:
        enough = all(known(arg) for arg in args)
    if enough and all(known(value) for value in call.keywords.values()):
        result = operations.call_function(name, args, call.keywords)
        if isinstance(result, list | dict | set):
            machine.charge(len(result))
            return machine.own(result)
        if result is not MISSING:
            return result
    _note_escape(machine, name, call)
    if name in ("builtins.exec", "builtins.eval"):
        machine.lost_in_text(call)
    if name.startswith("builtins.") and name in operations.FUNCTIONS:
        return Unknown(next((why_unknown(arg) for arg in args if not known(arg)), "cannot be worked out"))
    if not name.startswith("builtins.") and (back := _given_back(machine, call)) is not None:
        return back
    machine.doubts += not name.startswith(_NEVER_RAISE)
    return Unknown(f"is computed by {name.removeprefix('builtins.')}()")


def _iterated(machine: Machine, value: Any) -> Any:
    """An enum or an object with `__iter__` as the list of its items."""
    if isinstance(value, Class | Instance):
        items = items_of(machine, value)
        return value if items is None else items
    return value


def _orderless(value: Any) -> bool:
    return isinstance(value, EnumMember | Class | Function) or known(value)


def _shallow(value: Any) -> bool:
    """A container whose items may be anything, but are all there."""
    return isinstance(value, list | tuple | dict | set) and not any(
        isinstance(item, Unknown) for item in value
    )


def _super(machine: Machine) -> Any:
    function, receiver = machine.frame_function()
    if function is None or function.owner is None or receiver is MISSING:
        return Unknown()
    return Super(receiver, function.owner)


def carries_model(value: Any, depth: int = 0) -> bool:
    """Whether a parser is the value or is inside it."""
    if isinstance(value, Modelled):
        return True
    if isinstance(value, Either):
        return any(carries_model(one, depth + 1) for _, one in value.ways)
    if isinstance(value, Class):
        return value.inherits("argparse.ArgumentParser")
    if isinstance(value, Instance) and depth < 2:
        return any(carries_model(one, depth + 1) for one in value.attributes.values())
    if isinstance(value, list | tuple) and depth < 2:
        return any(carries_model(one, depth + 1) for one in value[:50])
    return isinstance(value, Method) and isinstance(value.receiver, Modelled)


def _given_back(machine: Machine, call: Call) -> Modelled | None:
    """The one parser that something foreign was handed: `parser = add_arguments(parser)` is how that is used."""
    given = (*call.args, *call.keywords.values())
    handed = [one for one in given if isinstance(one, Modelled) and machine.is_watched(one)]
    return handed[0] if len(handed) == 1 else None


def _note_escape(machine: Machine, name: str, call: Call) -> None:
    """Says it when something foreign is handed a parser and may add to it."""
    short = name.removeprefix("builtins.")
    if short in _HARMLESS or name in _HARMLESS_CALLS:
        return
    if any(isinstance(arg, Modelled) and arg.methods() for arg in (*call.args, *call.keywords.values())):
        machine.tell("parser-escapes", call.place, function=short)


_KINDS = {
    "builtins.staticmethod": "static",
    "builtins.classmethod": "class",
    "builtins.property": "property",
    "functools.cached_property": "property",
    "abc.abstractproperty": "property",
    "abc.abstractclassmethod": "class",
}


_ABSTRACT = frozenset({"abc.abstractmethod", "abc.abstractproperty", "abc.abstractclassmethod"})


def decorated(machine: Machine, value: Any, decorator: ast.expr, scope: Scope) -> Any:
    """A function or class behind a decorator: what a decorator of the repository makes of it, else itself."""
    if isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "deleter", "getter"):
        return machine.evaluate(decorator.value, scope) if decorator.attr != "getter" else value
    machine.decorating += 1
    try:
        return _decorated(machine, value, decorator, scope)
    finally:
        machine.decorating -= 1


def _decorated(machine: Machine, value: Any, decorator: ast.expr, scope: Scope) -> Any:
    made_by = machine.evaluate(decorator, scope)
    if made_by == External("functools.singledispatch"):
        return Unknown("is chosen by what it is called with")
    if isinstance(made_by, External) and isinstance(value, Function):
        value.kind = _KINDS.get(made_by.name, value.kind)
        value.abstract = value.abstract or made_by.name in _ABSTRACT
        return value
    if isinstance(made_by, Function | Method | Partial | Instance):
        made = call_value(machine, made_by, Call(decorator, scope.script, [value], {}))
        return made if isinstance(made, Function | Class | Instance | Partial | Method) else value
    return value


def bind_arguments(function: Function, args: list[Any], call: Call, scope: Scope) -> bool:
    """Puts the call's arguments under the names of the function's parameters; False when they do not fit."""
    spec = function.node.args
    positional = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    names = scope.names
    rest_unknown = call.args_unknown or call.keywords_unknown
    if rest_unknown:
        for name in (*positional, *(arg.arg for arg in spec.kwonlyargs)):
            names[name] = Unknown(f"is put together from values not known ({rest_unknown})"[:200])
    elif function.defaults:
        names.update(zip(positional[-len(function.defaults) :], function.defaults, strict=True))
    if not rest_unknown:
        names.update(function.keyword_defaults)
    names.update(zip(positional, args, strict=False))
    if len(args) > len(positional) and spec.vararg is None:
        return False
    if spec.vararg is not None:
        names[spec.vararg.arg] = Unknown() if call.args_unknown else tuple(args[len(positional) :])
    extra: dict[str, Any] = {}
    allowed = {*(arg.arg for arg in (*spec.args, *spec.kwonlyargs))}
    for key, value in call.keywords.items():
        if key in allowed:
            names[key] = value
        else:
            extra[key] = value
    if spec.kwarg is not None:
        names[spec.kwarg.arg] = Unknown() if call.keywords_unknown else extra
    elif extra:
        return False
    return all(name in names for name in (*positional, *(arg.arg for arg in spec.kwonlyargs)))


def is_generator(node: ast.AST, script: Script) -> bool:
    """Whether the function yields."""
    if "yield" not in script.words(node):
        return False
    waiting: list[ast.AST] = list(ast.iter_child_nodes(node))
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(one))
    return False

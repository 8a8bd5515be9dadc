"""What calls do: functions of the repository are followed, foreign ones worked out where they are known."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from parser.interpreter import operations
from parser.interpreter.expressions import (
    ENVIRONMENT,
    attribute,
    is_enum,
    items_of,
    mutate,
    set_attribute,
    spoil,
)
from parser.interpreter.flow import Call, Stopped
from parser.interpreter.values import (
    MISSING,
    Class,
    External,
    Function,
    Instance,
    Method,
    Modelled,
    Partial,
    Scope,
    Super,
    Unknown,
    known,
    why_unknown,
)

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
    function = machine.evaluate(node.func, scope)
    machine.visited.add(id(node))
    if isinstance(node.func, ast.Attribute) and isinstance(function, Unknown | External):
        machine.lost(node.func, function, scope)
    model = isinstance(function, Method) and isinstance(function.receiver, Modelled)
    model = model or (isinstance(function, External) and function.name in machine.models)
    machine.wanted += model
    try:
        call = Call(node, scope.script, [], {})
        _arguments(machine, node, scope, call)
    finally:
        machine.wanted -= model
    return call_value(machine, function, call)


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
    if isinstance(function, Partial):
        call.args = [*function.args, *call.args]
        call.keywords = {**function.keywords, **call.keywords}
        return call_value(machine, function.function, call)
    if isinstance(function, Method):
        return _call_method(machine, function, call)
    if isinstance(function, Function):
        return machine.follow(function, call)
    if isinstance(function, Class):
        return instantiate(machine, function, call)
    if isinstance(function, External):
        return _call_external(machine, function, call)
    _note_escape(machine, "a function that cannot be followed", call)
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
    if call.args_unknown or call.keywords_unknown:
        if method.name in operations.MUTATING:
            spoil(method.receiver, "is changed in a way that cannot be followed")
        return Unknown("is put together from values not known")
    if method.name in operations.MUTATING:
        return mutate(machine, method.receiver, method.name, call.args, call.keywords)
    if isinstance(method.receiver, dict) and any(isinstance(key, Unknown) for key in method.receiver):
        return Unknown("has keys that are not known")
    return operations.call_method(method.receiver, method.name, call.args, call.keywords)


def instantiate(machine: Machine, cls: Class, call: Call) -> Any:
    """An object of a class of the repository."""
    foreign = [one.name for one in cls.ancestry() if isinstance(one, External)]
    init = cls.member("__init__")
    for name in foreign:
        if name in machine.models:
            if not isinstance(init, Function):
                made = machine.models[name](machine, call)
            else:
                made = machine.models[name](machine, Call(call.node, call.script, [], {}))
            if isinstance(made, Modelled):
                made.cls = cls
                if isinstance(init, Function):
                    machine.follow(init, call, made)
            return made
    if is_enum(cls):
        return next(
            (one for one in items_of(machine, cls) or [] if [one.value] == call.args and known(one.value)),
            Unknown(),
        )
    instance = Instance(cls)
    if isinstance(init, Function):
        machine.follow(init, call, instance)
    else:
        instance.attributes.update(call.keywords)
    return instance


def _call_external(machine: Machine, function: External, call: Call) -> Any:
    name = function.name
    if name in machine.models:
        return machine.models[name](machine, call)
    if name in _EXITS:
        raise Stopped
    if name in ENVIRONMENT or name.startswith("os.environ."):
        return Unknown("is read from the environment")
    if name == "builtins.super":
        return _super(machine, call)
    if name == "functools.partial" and call.args and not call.args_unknown:
        return Partial(call.args[0], call.args[1:], dict(call.keywords))
    if name == "builtins.getattr" and len(call.args) >= 2 and isinstance(call.args[1], str):
        return attribute(machine, call.args[0], call.args[1])
    if name == "builtins.setattr" and len(call.args) == 3 and isinstance(call.args[1], str):
        set_attribute(machine, call.args[0], call.args[1], call.args[2])
        return None
    if (
        name == "builtins.map"
        and len(call.args) == 2
        and (items := items_of(machine, call.args[1])) is not None
    ):
        return [call_value(machine, call.args[0], Call(call.node, call.script, [item], {})) for item in items]
    if name == "builtins.isinstance" and len(call.args) == 2 and known(call.args[0]):
        return _is_instance(call.args[0], call.args[1])
    if name in ("builtins.dict", "collections.OrderedDict") and not call.args and not call.keywords_unknown:
        return dict(call.keywords)
    if call.args_unknown or call.keywords_unknown:
        _note_escape(machine, name, call)
        return Unknown("is put together from values not known")
    args = [items_of(machine, arg) if isinstance(arg, Class) and is_enum(arg) else arg for arg in call.args]
    if name in (
        "builtins.list",
        "builtins.tuple",
        "builtins.len",
        "builtins.sorted",
        "builtins.dict",
        "builtins.zip",
    ) or (name in ("builtins.enumerate", "builtins.reversed", "builtins.set", "collections.OrderedDict")):
        known_enough = all(known(arg) or _shallow(arg) for arg in args) and (
            name not in ("builtins.sorted", "builtins.set") or all(known(arg) for arg in args)
        )
    else:
        known_enough = all(known(arg) for arg in args)
    if known_enough and all(known(value) for key, value in call.keywords.items()):
        result = operations.call_function(name, args, call.keywords)
        if result is not MISSING:
            return result
    _note_escape(machine, name, call)
    if name.startswith("builtins.") and name in operations.FUNCTIONS:
        return Unknown(next((why_unknown(arg) for arg in args if not known(arg)), "cannot be worked out"))
    return Unknown(f"is computed by {name.removeprefix('builtins.')}()")


def _is_instance(value: Any, types: Any) -> Any:
    """`isinstance` of a plain value; Unknown when one of the types is none of the plain ones."""
    names = [
        one.name for one in (types if isinstance(types, tuple) else (types,)) if isinstance(one, External)
    ]
    if len(names) != (len(types) if isinstance(types, tuple) else 1):
        return Unknown()
    plain = [operations.TYPES.get(name) for name in names]
    return Unknown() if None in plain else isinstance(value, tuple(kind for kind in plain if kind))


def _shallow(value: Any) -> bool:
    """A container whose items may be anything, but are all there."""
    return isinstance(value, list | tuple | dict) and not any(isinstance(item, Unknown) for item in value)


def _super(machine: Machine, call: Call) -> Any:
    function, receiver = machine.frame_function()
    if function is None or function.owner is None or receiver is MISSING:
        return Unknown()
    return Super(receiver, function.owner)


def carries_model(value: Any, depth: int = 0) -> bool:
    """Whether a parser is the value or is inside it."""
    if isinstance(value, Modelled):
        return True
    if isinstance(value, Instance) and depth < 2:
        return any(carries_model(one, depth + 1) for one in value.attributes.values())
    if isinstance(value, list | tuple) and depth < 2:
        return any(carries_model(one, depth + 1) for one in value[:50])
    return isinstance(value, Method) and isinstance(value.receiver, Modelled)


def _note_escape(machine: Machine, name: str, call: Call) -> None:
    """Says it when something foreign is handed a parser and may add to it."""
    short = name.removeprefix("builtins.")
    if short in _HARMLESS or name in _HARMLESS_CALLS:
        return
    if any(isinstance(arg, Modelled) and arg.methods() for arg in (*call.args, *call.keywords.values())):
        machine.tell("parser-escapes", call.place, function=short)


def decorated(machine: Machine, value: Any, decorator: ast.expr, scope: Scope) -> Any:
    """A function behind a decorator: itself, for every decorator that keeps what it decorates callable."""
    if isinstance(decorator, ast.Name) and isinstance(value, Function):
        kinds = {
            "staticmethod": "static",
            "classmethod": "class",
            "property": "property",
            "cached_property": "property",
        }
        value.kind = kinds.get(decorator.id, value.kind)
        return value
    if isinstance(decorator, ast.Call):
        # Arguments of decorators can hold calls that matter (a registry, say) but never make the function another.
        machine.visited.add(id(decorator))
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

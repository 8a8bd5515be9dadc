"""Functions of the standard library that look at objects: getattr, isinstance, dataclasses.fields, signature …"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from parser.interpreter import comparing, operations, records
from parser.interpreter.expressions import (
    TYPING_ORIGINS,
    attribute,
    find_attribute,
    item_of,
    items_of,
    set_attribute,
)
from parser.interpreter.flow import Call
from parser.interpreter.values import (
    MISSING,
    Alias,
    Class,
    EnumMember,
    External,
    Function,
    Instance,
    Method,
    Partial,
    Scope,
    Unknown,
    known,
    why_unknown,
)

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

MAX_PATTERN = 200
"""Characters of a regular expression that is tried, and of the text it is tried on."""

MAX_REPEATS = 3
"""Open repetitions in it; with more, matching can take very long."""

_REPEATED_GROUP = re.compile(r"\)[*+{]")
_REPEAT = re.compile(r"[*+]|\{\d*,")
_NOT_KNOWN = Unknown("is put together from values not known")
_EMPTY = External("inspect.Parameter.empty")


def _getattr(machine: Machine, call: Call) -> Any:
    if len(call.args) < 2 or not isinstance(call.args[1], str):
        return Unknown(why_unknown(call.args[1]) if len(call.args) > 1 else "is an attribute not known")
    found = find_attribute(machine, call.args[0], call.args[1])
    if found is MISSING:
        return call.args[2] if len(call.args) > 2 else attribute(machine, call.args[0], call.args[1])
    return found


def _hasattr(machine: Machine, call: Call) -> Any:
    if len(call.args) != 2 or not isinstance(call.args[1], str):
        return _NOT_KNOWN
    found = find_attribute(machine, call.args[0], call.args[1])
    if found is MISSING:
        return False
    return Unknown(why_unknown(found)) if isinstance(found, Unknown | External) else True


def _setattr(machine: Machine, call: Call) -> Any:
    if len(call.args) == 3 and isinstance(call.args[1], str):
        set_attribute(machine, call.args[0], call.args[1], call.args[2])
    return None


def _isinstance(machine: Machine, call: Call) -> Any:
    result = comparing.is_instance(*call.args) if len(call.args) == 2 else None
    return Unknown(why_unknown(call.args[0]) if call.args else "is not known") if result is None else result


def _issubclass(machine: Machine, call: Call) -> Any:
    result = comparing.is_subclass(*call.args) if len(call.args) == 2 else None
    return Unknown(why_unknown(call.args[0]) if call.args else "is not known") if result is None else result


def _type(machine: Machine, call: Call) -> Any:
    if len(call.args) == 3 and isinstance(call.args[0], str) and isinstance(call.args[2], dict):
        scope = Scope(call.script)
        scope.names.update({k: v for k, v in call.args[2].items() if isinstance(k, str)})
        return Class(
            call.args[0], scope, list(call.args[1]) if isinstance(call.args[1], tuple | list) else []
        )
    return comparing.type_of(call.args[0]) if len(call.args) == 1 else Unknown()


def _callable(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else None
    if isinstance(value, Function | Class | Method | Partial):
        return True
    if isinstance(value, External) and (value.name in operations.TYPES or value.name in operations.FUNCTIONS):
        return True
    if isinstance(value, Instance):
        return value.cls.member("__call__") is not MISSING or (Unknown() if value.cls.foreign else False)
    return False if known(value) else Unknown(why_unknown(value))


def _map(machine: Machine, call: Call) -> Any:
    lists = [items_of(machine, arg) for arg in call.args[1:]]
    if not lists or any(one is None for one in lists):
        return _NOT_KNOWN
    rows = zip(*(one for one in lists if one is not None), strict=False)
    return [machine.call(call.args[0], list(row), {}, call) for row in rows]


def _filter(machine: Machine, call: Call) -> Any:
    items = items_of(machine, call.args[1]) if len(call.args) == 2 else None
    if items is None:
        return _NOT_KNOWN
    kept = []
    for item in items:
        test = comparing.truth(item if call.args[0] is None else machine.call(call.args[0], [item], {}, call))
        if test is None:
            return _NOT_KNOWN
        if test:
            kept.append(item)
    return kept


def _next(machine: Machine, call: Call) -> Any:
    items = items_of(machine, call.args[0]) if call.args else None
    if items:
        return items[0]
    return call.args[1] if items is not None and len(call.args) > 1 else _NOT_KNOWN


def _sorted(machine: Machine, call: Call) -> Any:
    items = items_of(machine, call.args[0]) if len(call.args) == 1 else None
    key, reverse = call.keywords.get("key"), call.keywords.get("reverse", False)
    if items is None or not isinstance(reverse, bool | int):
        return _NOT_KNOWN
    keys = items if key is None else [machine.call(key, [item], {}, call) for item in items]
    if not all(known(one) for one in keys):
        return _NOT_KNOWN
    order = operations.apply(
        lambda: sorted(range(len(items)), key=lambda at: keys[at], reverse=bool(reverse))
    )
    return order if isinstance(order, Unknown) else [items[at] for at in order]


def _vars(machine: Machine, call: Call) -> Any:
    if not call.args:
        return _NOT_KNOWN
    return attribute(machine, call.args[0], "__dict__")


def _globals(machine: Machine, call: Call) -> Any:
    scope = machine.module(call.script.path)
    return dict(scope.names) if scope else _NOT_KNOWN


def _import_module(machine: Machine, call: Call) -> Any:
    name = call.args[0] if call.args else call.keywords.get("name")
    if not isinstance(name, str) or len(call.args) > 1 or call.keywords.keys() - {"name"}:
        return Unknown("is a module whose name is not known")
    level = len(name) - len(name.lstrip("."))
    return machine.imported(name.lstrip("."), call.script.path, level)


def _fields(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else None
    cls = value.cls if isinstance(value, Instance) else value
    if not isinstance(cls, Class) or (cls.foreign and not cls.fields):
        return Unknown("are the fields of a class that is not known")
    return tuple(cls.fields.values())


def _is_dataclass(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else None
    cls = value.cls if isinstance(value, Instance) else value
    if isinstance(cls, Class):
        return cls.record == "dataclass" or (Unknown() if cls.foreign else False)
    return False if known(cls) else Unknown(why_unknown(cls))


def _asdict(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else None
    if not isinstance(value, Instance) or not value.cls.fields:
        return _NOT_KNOWN
    return {name: value.attributes.get(name, Unknown()) for name in value.cls.fields}


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


def _namespace(machine: Machine, call: Call) -> Any:
    if call.keywords_unknown or call.args:
        return _NOT_KNOWN
    return Instance(Class("SimpleNamespace", Scope(call.script), []), dict(call.keywords))


def _method(machine: Machine, call: Call) -> Any:
    if len(call.args) != 2:
        return _NOT_KNOWN
    function = call.args[0]
    if isinstance(function, Function):
        return Method(call.args[1], function.name, function)
    return Partial(function, [call.args[1]], {})


def _default_dict(machine: Machine, call: Call) -> Any:
    return dict(call.keywords) if len(call.args) == 1 and not call.keywords_unknown else _NOT_KNOWN


def _chain(machine: Machine, call: Call) -> Any:
    lists = [items_of(machine, arg) for arg in call.args]
    if call.args_unknown or any(one is None for one in lists):
        return _NOT_KNOWN
    return [item for one in lists if one is not None for item in one]


def _flat(machine: Machine, call: Call) -> Any:
    lists = items_of(machine, call.args[0]) if len(call.args) == 1 else None
    return _NOT_KNOWN if lists is None else _chain(machine, Call(call.node, call.script, lists, {}))


def _product(machine: Machine, call: Call) -> Any:
    found: list[tuple[Any, ...]] = [()]
    for arg in call.args:
        items = items_of(machine, arg)
        if items is None or call.keywords or len(items) * len(found) > 1000:
            return _NOT_KNOWN
        found = [(*row, item) for row in found for item in items]
    return found


def _re(name: str) -> Callable[[Machine, Call], Any]:
    def tried(machine: Machine, call: Call) -> Any:
        args = call.args
        if not all(isinstance(arg, str) for arg in args) or call.keywords or len(args) not in (2, 3):
            return _NOT_KNOWN
        pattern = args[0]
        long = any(len(arg) > MAX_PATTERN for arg in args)
        if long or _REPEATED_GROUP.search(pattern) or len(_REPEAT.findall(pattern)) > MAX_REPEATS:
            return Unknown("is the result of a regular expression that is not tried here")
        result = operations.apply(getattr(re, name), *args)
        if isinstance(result, re.Match):
            words = {"groups": [result.group(), *result.groups()]}
            return Instance(Class("Match", Scope(call.script), []), words)
        return result

    return tried


def _cast(machine: Machine, call: Call) -> Any:
    return call.args[1] if len(call.args) == 2 else Unknown()


def _first(machine: Machine, call: Call) -> Any:
    return call.args[0] if call.args else Unknown()


def _origin(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else Unknown()
    if isinstance(value, Alias):
        origin = value.origin
        return TYPING_ORIGINS.get(origin.name, origin) if isinstance(origin, External) else origin
    return None if isinstance(value, External | Class) else Unknown(why_unknown(value))


def _type_args(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else Unknown()
    if isinstance(value, Alias):
        return value.args
    return () if isinstance(value, External | Class) else Unknown(why_unknown(value))


def _copy(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else Unknown()
    return _copied(value, 0)


def _copied(value: Any, depth: int) -> Any:
    if depth > 8:
        return value
    if isinstance(value, list):
        return [_copied(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _copied(item, depth + 1) for key, item in value.items()}
    if isinstance(value, set):
        return set(value)
    if isinstance(value, Instance):
        return Instance(value.cls, {key: _copied(item, depth + 1) for key, item in value.attributes.items()})
    return value


def _str(machine: Machine, call: Call) -> Any:
    """`str(value)`, of members of enums and types too."""
    if len(call.args) != 1 or call.keywords:
        return MISSING
    return text_of(machine, call.args[0], call)


def text_of(machine: Machine, value: Any, call: Call | None) -> Any:
    """What `str()` gives; MISSING when it is nothing special."""
    if isinstance(value, EnumMember):
        own = value.owner.member("__str__") if value.owner is not None else MISSING
        if isinstance(own, Function) and call is not None:
            return machine.call(Method(value, "__str__", own), [], {}, call)
        if value.owner is not None and value.owner.inherits("enum.StrEnum"):
            return value.value
        if value.owner is not None and value.owner.inherits("enum.IntEnum"):
            return str(value.value)
        return f"{value.cls}.{value.name}"
    if isinstance(value, Alias):
        return alias_text(value)
    if isinstance(value, Class):
        module = value.scope.module_level.names.get("__name__") if value.scope.module_level else None
        if records.is_enum(value):
            return f"<enum {value.name!r}>"
        return f"<class '{module}.{value.name}'>" if isinstance(module, str) else MISSING
    if isinstance(value, External) and value.name in operations.TYPES:
        return f"<class '{value.name.removeprefix('builtins.')}'>"
    if isinstance(value, External) and value.name.startswith("typing."):
        return value.name
    if (
        isinstance(value, Instance)
        and isinstance(own := value.cls.member("__str__"), Function)
        and call is not None
    ):
        return machine.call(Method(value, "__str__", own), [], {}, call)
    return MISSING


def alias_text(value: Any) -> str:
    """A type as Python writes it."""
    if isinstance(value, Alias):
        name = alias_text(value.origin)
        args = [alias_text(one) for one in value.args]
        if name == "typing.Optional":
            return f"typing.Optional[{args[0]}]" if args else name
        return f"{name}[{', '.join(args)}]"
    if isinstance(value, External):
        return value.name.removeprefix("builtins.")
    if value is None:
        return "NoneType"
    return getattr(value, "name", None) or repr(value)


def _getter(name: str) -> Callable[[Machine, Call], Any]:
    """`operator.itemgetter(key)`, `operator.attrgetter(name)`: with one key only."""

    def made(machine: Machine, call: Call) -> Any:
        return Partial(External(name), list(call.args), {}) if len(call.args) == 1 else _NOT_KNOWN

    return made


def _item(machine: Machine, call: Call) -> Any:
    return item_of(machine, call.args[1], call.args[0]) if len(call.args) == 2 else _NOT_KNOWN


def _attr(machine: Machine, call: Call) -> Any:
    if len(call.args) != 2 or not isinstance(call.args[0], str):
        return _NOT_KNOWN
    value = call.args[1]
    for part in call.args[0].split("."):
        value = attribute(machine, value, part)
    return value


LIBRARY: Mapping[str, Callable[[Machine, Call], Any]] = {
    "builtins.getattr": _getattr,
    "builtins.hasattr": _hasattr,
    "builtins.setattr": _setattr,
    "builtins.isinstance": _isinstance,
    "builtins.issubclass": _issubclass,
    "builtins.type": _type,
    "builtins.callable": _callable,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.next": _next,
    "builtins.iter": _first,
    "builtins.vars": _vars,
    "builtins.globals": _globals,
    "builtins.str": _str,
    "builtins.property": _first,
    "importlib.import_module": _import_module,
    "builtins.__import__": _import_module,
    "dataclasses.fields": _fields,
    "dataclasses.is_dataclass": _is_dataclass,
    "dataclasses.asdict": _asdict,
    "dataclasses.field": lambda machine, call: records.made_field(call),
    "attr.ib": lambda machine, call: records.made_field(call),
    "attr.field": lambda machine, call: records.made_field(call),
    "attrs.field": lambda machine, call: records.made_field(call),
    "collections.namedtuple": records.named_tuple,
    "typing.NamedTuple": records.named_tuple,
    "collections.defaultdict": _default_dict,
    "types.SimpleNamespace": _namespace,
    "types.MethodType": _method,
    "typing.get_type_hints": _type_hints,
    "typing.cast": _cast,
    "typing.get_origin": _origin,
    "typing.get_args": _type_args,
    "inspect.signature": _signature,
    "inspect.isclass": lambda machine, call: (
        isinstance(call.args[0], Class)
        if call.args and not isinstance(call.args[0], Unknown | External)
        else Unknown()
    ),
    "inspect.cleandoc": lambda machine, call: _cleaned(call),
    "enum.auto": lambda machine, call: records.AUTO,
    "operator.itemgetter": _getter("operator.itemgetter()"),
    "operator.attrgetter": _getter("operator.attrgetter()"),
    "operator.itemgetter()": _item,
    "operator.attrgetter()": _attr,
    "itertools.chain": _chain,
    "itertools.chain.from_iterable": lambda machine, call: _flat(machine, call),
    "itertools.product": _product,
    "copy.copy": _copy,
    "copy.deepcopy": _copy,
    **{f"re.{name}": _re(name) for name in ("match", "search", "fullmatch", "sub", "findall", "split")},
}
"""Dotted name → function(machine, call); MISSING means that it is nothing special after all."""


def _cleaned(call: Call) -> Any:
    import inspect

    text = call.args[0] if call.args else None
    return inspect.cleandoc(text) if isinstance(text, str) else _NOT_KNOWN


def sorted_by(machine: Machine, call: Call) -> Any:
    """`sorted(items, key=…)`."""
    return _sorted(machine, call)

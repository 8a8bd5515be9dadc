"""Functions of the standard library that look at objects: getattr, isinstance, dataclasses.fields, signature …"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parser.interpreter import classes, comparing, operations, patterns, records, reflection, sequences
from parser.interpreter.attributes import (
    TYPING_ORIGINS,
    UNION_TYPE,
    attribute,
    find_attribute,
    set_attribute,
    type_args,
)
from parser.interpreter.containers import all_items, item_of, items_of, unordered_items
from parser.interpreter.flow import Call
from parser.interpreter.values import (
    MISSING,
    Alias,
    Class,
    Defaults,
    EnumMember,
    External,
    Function,
    Instance,
    Jumbled,
    Method,
    Module,
    Partial,
    Scope,
    Unknown,
    known,
    why_unknown,
)

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

_NOT_KNOWN = Unknown("is put together from values not known")


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
    if isinstance(found, External) and comparing.of_python(found.name) is not MISSING:
        return True
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
    if len(call.args) == 3:
        return classes.new_type(machine, call)
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
    if len(call.args) == 2 and items_of(machine, call.args[1]) is None:
        jumbled = unordered_items(call.args[1])
        if jumbled is not None:
            return operations.jumbled([machine.call(call.args[0], [one], {}, call) for one in jumbled])
    lists = [items_of(machine, arg) for arg in call.args[1:]]
    if not lists or any(one is None for one in lists):
        return _NOT_KNOWN
    rows = zip(*(one for one in lists if one is not None), strict=False)
    return [machine.call(call.args[0], list(row), {}, call) for row in rows]


def _filter(machine: Machine, call: Call) -> Any:
    given = call.args[1] if len(call.args) == 2 else None
    items = all_items(machine, given)
    if items is None:
        return _NOT_KNOWN
    kept = []
    for item in items:
        test = comparing.truth(item if call.args[0] is None else machine.call(call.args[0], [item], {}, call))
        if test is None:
            return _NOT_KNOWN
        if test:
            kept.append(item)
    return kept if items_of(machine, given) is not None else operations.jumbled(kept)


def _next(machine: Machine, call: Call) -> Any:
    items = items_of(machine, call.args[0]) if call.args else None
    if items:
        return items[0]
    return call.args[1] if items is not None and len(call.args) > 1 else _NOT_KNOWN


def sorted_by(machine: Machine, call: Call) -> Any:
    """`sorted(items, key=…)`."""
    given = call.args[0] if len(call.args) == 1 else None
    items = list(given) if isinstance(given, set | frozenset) else all_items(machine, given)
    key, reverse = call.keywords.get("key"), call.keywords.get("reverse", False)
    if items is None or not isinstance(reverse, bool | int):
        return _NOT_KNOWN
    keys = items if key is None else [machine.call(key, [item], {}, call) for item in items]
    if keys and all(isinstance(one, Instance) for one in keys):
        return _by_their_own_order(machine, items, keys, bool(reverse), call)
    if not all(known(one) for one in keys):
        return _NOT_KNOWN
    if isinstance(given, set | frozenset | Jumbled) and len(set(map(repr, keys))) < len(keys):
        return Unknown("is in an order that changes from run to run")
    order = operations.apply(
        lambda: sorted(range(len(items)), key=lambda at: keys[at], reverse=bool(reverse))
    )
    return order if isinstance(order, Unknown) else [items[at] for at in order]


class _Undecided(Exception):
    """Which of two objects comes first is not known."""


def _by_their_own_order(
    machine: Machine, items: list[Any], keys: list[Any], reverse: bool, call: Call
) -> Any:
    """Sorted as Python does it, asking `__lt__` of the script's own objects."""

    class Key:
        def __init__(self, at: int) -> None:
            self.at = at

        def __lt__(self, other: Key) -> bool:
            less = keys[self.at].cls.member("__lt__")
            if not isinstance(less, Function):
                raise _Undecided
            answer = comparing.truth(
                machine.follow(less, Call(call.node, call.script, [keys[other.at]], {}), keys[self.at])
            )
            if answer is None:
                raise _Undecided
            return answer

    try:
        return [items[at] for at in sorted(range(len(items)), key=Key, reverse=reverse)]
    except _Undecided:
        return _NOT_KNOWN


def _import_module(machine: Machine, call: Call) -> Any:
    name = call.args[0] if call.args else call.keywords.get("name")
    if not isinstance(name, str) or len(call.args) > 1 or call.keywords.keys() - {"name"}:
        return Unknown("is a module whose name is not known")
    level = len(name) - len(name.lstrip("."))
    module = machine.imported(name.lstrip("."), call.script.path, level)
    if isinstance(module, Module):
        # Imported by name for what running it does, as a rule: it registers something.
        machine.module(module.path)
    return module


def _fields(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else None
    cls = value.cls if isinstance(value, Instance) else value
    if not isinstance(cls, Class) or (cls.foreign and not cls.fields):
        return Unknown("are the fields of a class that is not known")
    return tuple(one for one in cls.fields.values() if not one.passed_on)


def _is_dataclass(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else None
    cls = value.cls if isinstance(value, Instance) else value
    if isinstance(cls, Class):
        return cls.record == "dataclass" or (Unknown() if cls.foreign else False)
    return False if known(cls) or isinstance(cls, list | tuple | dict) else Unknown(why_unknown(cls))


def _asdict(machine: Machine, call: Call) -> Any:
    value = call.args[0] if call.args else None
    if not isinstance(value, Instance) or not value.cls.fields:
        return _NOT_KNOWN
    return {
        name: value.attributes.get(name, Unknown())
        for name, one in value.cls.fields.items()
        if not one.passed_on
    }


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
    factory, items = (call.args[0] if call.args else None), call.args[1:]
    if call.keywords_unknown or len(items) > 1 or not all(isinstance(one, dict) for one in items):
        return _NOT_KNOWN
    return machine.own(Defaults(factory, {**(items[0] if items else {}), **call.keywords}))


def _of_kind(kind: str) -> Callable[[Machine, Call], Any]:
    """`staticmethod(function)`, `classmethod(function)`, `property(function)`; the function itself stays as it is."""

    def made(machine: Machine, call: Call) -> Any:
        given = call.args[0] if call.args else call.keywords.get("fget", Unknown())
        return replace(given, kind=kind) if isinstance(given, Function) else given

    return made


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
        return type_args(value)
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
    if isinstance(value, Alias) and value.origin == UNION_TYPE:
        return " | ".join(alias_text(one).replace("types.NoneType", "None") for one in value.args)
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


def _wrapped(machine: Machine, call: Call) -> Any:
    """`functools.wraps(inner)(outer)`: the outer function with the inner one's name and text."""
    inner, outer = [*call.args, None, None][:2]
    if isinstance(outer, Function):
        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            found = find_attribute(machine, inner, name)
            if found is not MISSING:
                outer.attributes[name] = found
        if isinstance(inner, Function):
            outer.attributes.update(inner.attributes)
        outer.attributes["__wrapped__"] = inner
    return outer


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
    "builtins.type.__new__": classes.new_type,
    "builtins.type.__call__": lambda machine, call: (
        classes.plain_object(
            machine, call.args[0], Call(call.node, call.script, call.args[1:], call.keywords)
        )
        if call.args and isinstance(call.args[0], Class)
        else Unknown()
    ),
    "builtins.object.__setattr__": classes.set_plainly,
    "builtins.object.__new__": classes.new_object,
    "builtins.callable": _callable,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.next": _next,
    "builtins.iter": _first,
    "builtins.str": _str,
    "builtins.property": _of_kind("property"),
    "builtins.staticmethod": _of_kind("static"),
    "builtins.classmethod": _of_kind("class"),
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
    "typing.cast": _cast,
    **dict.fromkeys(
        (
            f"{module}.{name}"
            for module in ("typing", "typing_extensions")
            for name in ("TypeVar", "ParamSpec")
        ),
        lambda machine, call: External("typing.TypeVar()"),
    ),
    "typing.get_origin": _origin,
    "typing.get_args": _type_args,
    "enum.auto": lambda machine, call: records.AUTO,
    "operator.itemgetter": _getter("operator.itemgetter()"),
    "operator.attrgetter": _getter("operator.attrgetter()"),
    "operator.itemgetter()": _item,
    "operator.attrgetter()": _attr,
    "functools.wraps()": _wrapped,
    "functools.update_wrapper": lambda machine, call: _wrapped(
        machine, Call(call.node, call.script, call.args[1::-1], {})
    ),
    "copy.copy": _copy,
    "copy.deepcopy": _copy,
    **patterns.FUNCTIONS,
    **sequences.FUNCTIONS,
    **reflection.FUNCTIONS,
}
"""Dotted name → function(machine, call); MISSING means that it is nothing special after all."""

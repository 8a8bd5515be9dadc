"""How classes come to be: their bodies, metaclasses, `__init_subclass__`, decorators; and how objects are made."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from parser.interpreter import calls, comparing, records
from parser.interpreter.attributes import set_attribute
from parser.interpreter.flow import Call
from parser.interpreter.values import (
    MISSING,
    Alias,
    Class,
    EnumMember,
    External,
    Function,
    Instance,
    Modelled,
    Scope,
    Unknown,
)

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine


def define(machine: Machine, node: ast.ClassDef, scope: Scope) -> None:
    """Runs a class statement and binds its name."""
    inner = Scope(scope.script, outer=scope, module_level=scope.module_level)
    bases = [machine.evaluate(base, scope) for base in node.bases]
    bases = [base.origin if isinstance(base, Alias) else base for base in bases]
    words = {one.arg: machine.evaluate(one.value, scope) for one in node.keywords if one.arg}
    made = Class(node.name, inner, bases)
    made.metaclass = words.pop("metaclass", MISSING)
    if made.metaclass is MISSING:
        made.metaclass = _metaclass_of(bases)
    scope.bind(node.name, made)
    for base in bases:
        if isinstance(base, Class):
            base.subclasses.append(Unknown("depends on a condition") if machine.conditions else made)
    module = scope.module_level.names.get("__name__") if scope.module_level else None
    inner.names["__module__"] = module
    inner.names["__doc__"] = ast.get_docstring(node, clean=False)
    machine.block(node.body, inner)
    makers = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    dataclass = any(records.makes_dataclass(machine.evaluate(one, scope)) for one in makers)
    records.finish_class(machine, made, dataclass)
    _claim(made, scope)
    call = Call(node, scope.script, [], words)
    value: Any = _by_metaclass(machine, made, call)
    if value is made:
        _announce(machine, made, call)
    for decorator in reversed(node.decorator_list):
        value = calls.decorated(machine, value, decorator, scope)
    if value is not made:
        scope.bind(node.name, value)


def _metaclass_of(bases: list[Any]) -> Any:
    """The metaclass that a class has from the first of its bases with one; None when none has."""
    return next((one.metaclass for one in bases if isinstance(one, Class) and one.metaclass), None)


def _claim(made: Class, scope: Scope) -> None:
    """Makes the functions of a class body its methods; names of the body are not seen by them."""
    for value in made.scope.names.values():
        if isinstance(value, Function):
            if value.owner is None:
                value.owner = made
            if value.scope is made.scope:
                value.scope = scope


def _by_metaclass(machine: Machine, made: Class, call: Call) -> Any:
    """What `__new__` and `__init__` of the class's own metaclass make of it."""
    meta = made.metaclass
    if not isinstance(meta, Class):
        return made
    machine.decorating += 1  # a metaclass works like a decorator: for its effects
    try:
        return _made_by(machine, meta, made, call)
    finally:
        machine.decorating -= 1


def _made_by(machine: Machine, meta: Class, made: Class, call: Call) -> Any:
    value: Any = made
    given = [made.name, tuple(made.bases), made.scope.names]
    begin = meta.member("__new__")
    if isinstance(begin, Function):
        machine.making.append(made)
        value = machine.follow(begin, Call(call.node, call.script, list(given), dict(call.keywords)), meta)
        if made in machine.making:
            machine.making.remove(made)
            value = made
    init = meta.member("__init__")
    if isinstance(init, Function) and isinstance(value, Class):
        machine.follow(init, Call(call.node, call.script, list(given), dict(call.keywords)), value)
    return value if isinstance(value, Class | Instance | Function) else made


def _announce(machine: Machine, made: Class, call: Call) -> None:
    """Tells the attributes their names, and the base that it has a new subclass."""
    for name, value in list(made.scope.names.items()):
        if isinstance(value, Instance) and isinstance(own := value.cls.member("__set_name__"), Function):
            machine.follow(own, Call(call.node, call.script, [made, name], {}), value)
    begin = made.member("__init_subclass__", after=made)
    if isinstance(begin, Function):
        machine.follow(begin, Call(call.node, call.script, [], call.keywords), made)


def new_type(machine: Machine, call: Call) -> Any:
    """`type.__new__(metaclass, name, bases, namespace)`, `type(name, bases, namespace)`."""
    given: list[Any] = [None, None, None, *call.args]
    name, bases, names = given[-3:]
    if not isinstance(name, str) or not isinstance(names, dict) or not isinstance(bases, tuple | list):
        return Unknown("is a class that is made when the script runs")
    if machine.making and len(call.args) == 4:
        made = machine.making.pop()
        made.name, made.bases, made.line = name, list(bases), None
        made.roots = None
        if names is not made.scope.names:
            made.scope.names.clear()
            made.scope.names.update(names)
        _announce(machine, made, Call(call.node, call.script, [], dict(call.keywords)))
        return made
    scope = Scope(call.script, module_level=machine.module(call.script.path))
    scope.names.update({key: value for key, value in names.items() if isinstance(key, str)})
    made = Class(name, scope, list(bases))
    made.metaclass = _metaclass_of(made.bases)
    _announce(machine, made, Call(call.node, call.script, [], dict(call.keywords)))
    return made


def new_object(machine: Machine, call: Call) -> Any:
    """`object.__new__(cls)`."""
    cls = call.args[0] if call.args else None
    return Instance(cls) if isinstance(cls, Class) else Unknown("is an object of a class that is not known")


def set_plainly(machine: Machine, call: Call) -> None:
    """`object.__setattr__(object, name, value)`."""
    if len(call.args) == 3 and isinstance(call.args[1], str):
        set_attribute(machine, *call.args)


def instantiate(machine: Machine, cls: Class, call: Call) -> Any:
    """An object of a class of the repository."""
    maker = cls.metaclass.member("__call__") if isinstance(cls.metaclass, Class) else MISSING
    if isinstance(maker, Function):
        return machine.follow(maker, call, cls)
    return plain_object(machine, cls, call)


def plain_object(machine: Machine, cls: Class, call: Call) -> Any:
    """`type.__call__(cls, …)`: what `__new__` and `__init__` make."""
    init = cls.member("__init__")
    if cls.inherits("builtins.type"):
        return _called_metaclass(machine, cls, call)
    for name in [one.name for one in cls.ancestry() if isinstance(one, External)]:
        if name in machine.models:
            made = machine.models[name](
                machine, Call(call.node, call.script, [], {}) if isinstance(init, Function) else call
            )
            if isinstance(made, Modelled | Instance):
                made.cls = cls
                if isinstance(init, Function):
                    machine.follow(init, call, made)
            return made
    if records.is_enum(cls):
        return _member(cls, call)
    instance: Any = Instance(cls)
    made_by = cls.member("__new__")
    if isinstance(made_by, Function):
        copy = Call(call.node, call.script, list(call.args), dict(call.keywords))
        instance = machine.follow(made_by, copy, cls)
        if not isinstance(instance, Instance) or instance.cls is not cls:
            return instance
    machine.own(instance)
    if isinstance(init, Function):
        instance.complete = not isinstance(machine.follow(init, call, instance), Unknown)
    elif cls.record:
        instance.complete = records.fill_record(machine, instance, call)
    elif cls.foreign:
        instance.attributes.update(call.keywords)
    return instance


def _called_metaclass(machine: Machine, meta: Class, call: Call) -> Any:
    """`Meta(name, bases, namespace)`."""
    made = new_type(machine, Call(call.node, call.script, list(call.args), {}))
    if not isinstance(made, Class):
        return made
    made.metaclass = meta
    return _by_metaclass(machine, made, Call(call.node, call.script, [], dict(call.keywords)))


def _member(cls: Class, call: Call) -> Any:
    """`Colour(value)`."""
    members = records.members_of(cls)
    if not members:
        return records.made_enum(cls, call)
    wanted = call.args[0] if call.args else Unknown()
    if isinstance(wanted, EnumMember):
        return wanted
    found = [one for one in members if comparing.equal(one.value, wanted) or one is wanted]
    return found[0] if found else Unknown("is a member of an enum")

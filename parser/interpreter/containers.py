"""What containers hold: items, what a loop sees, and what becomes of them when they are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parser.interpreter import comparing, operations, records
from parser.interpreter.attributes import attribute
from parser.interpreter.flow import Call
from parser.interpreter.values import (
    MAX_ITEMS,
    MISSING,
    SPOILT,
    Alias,
    Class,
    Defaults,
    External,
    Function,
    Instance,
    Jumbled,
    Unknown,
    hashable,
    known,
    why_unknown,
)
from parser.interpreter.ways import changed, settled

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine


MAX_COMPARED = 300
"""Objects of the script that are compared with the one that is looked for."""


def equal_objects(machine: Machine, left: Any, right: Any) -> bool | None:
    """`left == right` where one is an object of the script's own class."""
    if left is right:
        return True
    one, other = (left, right) if isinstance(left, Instance) else (right, left)
    own = one.cls.member("__eq__")
    if isinstance(own, Function):
        call = Call(own.node, own.scope.script, [other], {})
        answer: bool | None = comparing.truth(machine.follow(own, call, one))
        return answer
    if one.cls.record and isinstance(other, Instance):
        if one.cls is not other.cls:
            return False
        pairs = ((one.attributes.get(name), other.attributes.get(name)) for name in one.cls.fields)
        results = [comparing.equal(mine, theirs) for mine, theirs in pairs]
        return False if False in results else (None if None in results else True)
    if one.cls.record or one.cls.foreign:
        return None
    return False if isinstance(other, Instance) or known(other) else None


def held_key(machine: Machine, container: Any, key: Any) -> Any:
    """The key or item that the container holds and that equals the object; MISSING when none does, else Unknown."""
    if key in container:
        return key
    plain = not key.cls.record and not isinstance(key.cls.member("__eq__"), Function)
    others = [one for one in container if isinstance(one, Instance)]
    if plain or not others:
        return MISSING
    if len(others) > MAX_COMPARED:
        return Unknown("is among too many objects")
    for one in others:
        same = equal_objects(machine, one, key)
        if same is None:
            return Unknown("depends on objects that are not known")
        if same:
            return one
    return MISSING


def set_item(machine: Machine, container: Any, key: Any, new: Any) -> None:
    """`container[key] = new`."""
    if isinstance(container, Instance):
        method = container.cls.member("__setitem__")
        if isinstance(method, Function):
            machine.follow(method, Call(method.node, method.scope.script, [key, new], {}), container)
        return
    if machine.supposing and not machine.is_own(container):
        return
    if isinstance(container, dict) and isinstance(key, Instance):
        found = held_key(machine, container, key)
        key = key if found is MISSING else found
    if isinstance(container, Jumbled) or machine.is_changed_in_any_order(container):
        spoil(container, operations.NO_ORDER.why)
        return
    if isinstance(container, list) and isinstance(key, slice):
        _set_slice(machine, container, key, new)
        return
    if machine.conditions and isinstance(container, dict | list) and not machine.is_own(container):
        old = container.get(key, MISSING) if isinstance(container, dict) and hashable(key) else Unknown()
        new = changed(f"depends on `{machine.conditions[-1]}`", machine.conditions, new, old)
    if (isinstance(container, dict) and len(container) < MAX_ITEMS and hashable(key)) or (
        isinstance(container, list) and isinstance(key, int) and -len(container) <= key < len(container)
    ):
        container[key] = new
    elif isinstance(container, dict | list):
        spoil(container, "is changed in a way that cannot be followed")


def _set_slice(machine: Machine, container: list[Any], key: slice, new: Any) -> None:
    """`container[a:b] = new`."""
    items = items_of(machine, new)
    if machine.conditions and not machine.is_own(container):
        spoil(container, f"depends on `{machine.conditions[-1]}`")
    elif items is None or len(items) + len(container) > MAX_ITEMS:
        spoil(container, "is changed in a way that cannot be followed")
    else:
        failed = operations.apply(container.__setitem__, key, items)
        if isinstance(failed, Unknown) and failed.raises:
            machine.fail(failed.raises)


def delete_item(machine: Machine, container: Any, key: Any) -> None:
    """`del container[key]`."""
    if isinstance(container, Instance):
        method = container.cls.member("__delitem__")
        if isinstance(method, Function):
            machine.follow(method, Call(method.node, method.scope.script, [key], {}), container)
        return
    if isinstance(container, dict) and isinstance(key, Instance):
        found = held_key(machine, container, key)
        key = key if found is MISSING else found
    if isinstance(container, dict) and SPOILT in container:
        return
    result = mutate(machine, container, "__delitem__", [key], {})
    if isinstance(result, Unknown) and result.raises:
        machine.fail(result.raises)


def spoil(container: Any, why: str) -> None:
    """Makes a container's value unknown in place, for everyone who holds it."""
    if isinstance(container, list):
        container.append(Unknown(why))
    elif isinstance(container, dict):
        container[SPOILT] = Unknown(why)
    elif isinstance(container, set):
        container.add(Unknown(why))
    elif isinstance(container, Jumbled):
        container.items.append(Unknown(why))


def mutate(machine: Machine, container: Any, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """Calls a method that changes a container; under an unknown condition the container is unknown afterwards."""
    if machine.supposing and not machine.is_own(container):
        return Unknown()
    if machine.conditions and not machine.is_own(container):
        spoil(container, f"depends on `{machine.conditions[-1]}`")
        return Unknown()
    if isinstance(container, Jumbled) or _takes_order(machine, container, name, args):
        spoil(container, operations.NO_ORDER.why)
        return operations.NO_ORDER
    if not isinstance(container, list | dict | set):
        return Unknown()
    if isinstance(container, set):
        args = [unordered_items(one) or one if isinstance(one, Jumbled) else one for one in args]
    result = operations.call_method(container, name, args, keywords)
    if isinstance(result, Unknown):
        spoil(container, result.why)
    return result


_IN_ANY_ORDER = frozenset({"add", "update", "discard"})
"""Methods of a set with the same result in whatever order they are called."""


def _takes_order(machine: Machine, container: Any, name: str, args: list[Any]) -> bool:
    """Whether the change gives the container an order, or an item, that is not known."""
    if isinstance(container, set):
        several = len(container) > 1 and name == "pop"
        return several or (machine.is_changed_in_any_order(container) and name not in _IN_ANY_ORDER)
    return machine.is_changed_in_any_order(container) or (
        isinstance(container, list)
        and any(isinstance(one, set | Jumbled) for one in args if name == "extend")
    )


def item_of(machine: Machine, value: Any, key: Any) -> Any:
    """`value[key]`."""
    if isinstance(value, Class):
        if records.is_enum(value):
            return attribute(machine, value, key) if isinstance(key, str) else Unknown(why_unknown(key))
        return Alias(value, key if isinstance(key, tuple) else (key,))
    if isinstance(value, External):
        if value.name.startswith(("typing.", "collections.abc.")) or value.name in operations.TYPES:
            return Alias(value, tuple(key) if isinstance(key, tuple | list) else (key,))
        return Unknown(why_unknown(value))
    if isinstance(value, Instance):
        return _item_of_instance(machine, value, key)
    if isinstance(value, dict) and isinstance(key, Instance):
        found = held_key(machine, value, key)
        key = key if found is MISSING else found
    if isinstance(value, dict):
        if not hashable(key) or SPOILT in value:
            return Unknown(why_unknown(key) if not known(key) else why_unknown(value))
        found = settled(machine, value.get(key, MISSING))
        if found is MISSING and isinstance(value, Defaults) and value.factory is not None:
            call = machine.call_from_nowhere()
            found = value[key] = machine.own(machine.call(value.factory, [], {}, call)) if call else Unknown()
            return found
        if found is MISSING:
            machine.fail("KeyError")
            return Unknown(f"is not in the dictionary ({key!r:.40})", "KeyError")
        return found
    if (
        isinstance(value, list | tuple)
        and isinstance(key, int)
        and not any(isinstance(v, Unknown) for v in value)
    ):
        return operations.apply(lambda: value[key])
    if isinstance(value, list | tuple) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    if isinstance(value, str | bytes | range) and isinstance(key, int):
        return operations.apply(lambda: value[key])
    return Unknown(why_unknown(key if known(value) else value))


def _item_of_instance(machine: Machine, value: Instance, key: Any) -> Any:
    if value.cls.record == "NamedTuple" and isinstance(key, int):
        return operations.apply(lambda: list(value.attributes.values())[key])
    if value.cls.name == "Match" and isinstance(key, int):
        return operations.apply(lambda: value.attributes["groups"][key])
    method = value.cls.member("__getitem__")
    if isinstance(method, Function):
        return machine.follow(method, Call(method.node, method.scope.script, [key], {}), value)
    return Unknown("is an item of an object that is not known")


def unordered_items(value: Any) -> list[Any] | None:
    """What a set holds, or a list made of one: all of it is known, and nothing of its order."""
    if isinstance(value, Jumbled):
        return None if any(isinstance(one, Unknown) for one in value.items) else value.items
    return sorted(value, key=repr) if isinstance(value, set | frozenset) and known(value) else None


def all_items(machine: Machine, value: Any) -> list[Any] | None:
    """What the value holds, in whatever order, or None when that is not known or too much."""
    items = items_of(machine, value)
    return unordered_items(value) if items is None else items


def items_of(machine: Machine, value: Any) -> list[Any] | None:
    """What a loop over the value sees, or None when that is not known or too much."""
    if isinstance(value, Class):
        return list(records.members_of(value)) if records.is_enum(value) else None
    if isinstance(value, Instance):
        return _items_of_instance(machine, value)
    if isinstance(value, set | frozenset):
        return list(value) if len(value) < 2 and known(value) else None
    if isinstance(value, dict):
        return None if SPOILT in value else list(value)
    if isinstance(value, list | tuple):
        return None if any(type(item) is Unknown and "depends" in item.why for item in value) else list(value)
    if isinstance(value, str | range) and operations.len_of(value) <= MAX_ITEMS:
        return list(value)
    return None


def _items_of_instance(machine: Machine, value: Instance) -> list[Any] | None:
    if value.cls.record == "NamedTuple":
        return [value.attributes.get(name, Unknown()) for name in value.cls.fields]
    method = value.cls.member("__iter__")
    if isinstance(method, Function):
        items = machine.follow(method, Call(method.node, method.scope.script, [], {}), value)
        # One that gives objects like itself goes on and on.
        again = isinstance(items, Instance) and items.cls is value.cls
        return None if again else items_of(machine, items)
    return None

"""Values that are one of several under conditions not known; on a way that tells which, they are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parser.interpreter.flow import Finished, Read, Stopped
from parser.interpreter.values import MISSING, Unknown, known

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

MAX_WAYS = 4
"""Values that one value may be; with more it is just not known."""


class Condition(str):
    """One condition at one time: its text may come again, and mean something else then."""

    __slots__ = ()


Way = tuple[tuple[str, ...], Any]
"""The conditions under which it is so, and the value."""


@dataclass(frozen=True, slots=True)
class Either(Unknown):
    """One of several values; the first whose conditions hold."""

    ways: tuple[Way, ...] = field(default=(), compare=False, repr=False)


def either(why: str, *ways: Way) -> Unknown:
    """The value that is one of these."""
    flat: list[Way] = []
    for conditions, value in ways:
        if isinstance(value, Either):
            flat.extend(((*conditions, *inner), one) for inner, one in value.ways)
        else:
            flat.append((conditions, value))
    if len(flat) > MAX_WAYS or all(isinstance(value, Unknown) for _, value in flat):
        return Unknown(why)
    return Either(why, ways=tuple(flat))


def changed(why: str, conditions: Sequence[str], new: Any, old: Any) -> Unknown:
    """What was `old` (MISSING: nothing) and was set to `new` under conditions."""
    return either(why, (tuple(conditions), new), (negated(conditions), old))


def negated(conditions: Sequence[str]) -> tuple[str, ...]:
    """The condition that not all of these hold."""
    return (Condition(f"not ({' and '.join(conditions)})"),) if conditions else ()


def settled(machine: Machine, value: Any) -> Any:
    """The value that it must be here, where the conditions that hold, and those whose way has ended, tell that."""
    if not isinstance(value, Either):
        return value
    open_ways = [way for way in value.ways if not any(machine.is_over(one) for one in way[0])]
    if not open_ways:
        return value
    conditions, first = open_ways[0]
    if len(open_ways) == 1 or all(machine.is_here(one) for one in conditions):
        return first
    return value


def mapped(value: Either, change: Callable[[Any], Any]) -> Unknown:
    """The same ways with other values."""
    return either(value.why, *((conditions, change(one)) for conditions, one in value.ways))


def on_each(machine: Machine, value: Either, act: Callable[[Any], Any]) -> Any:
    """Does something with each of the values, under its conditions; gives what comes of it."""
    results: list[Way] = []
    stopped: Stopped | None = None
    for conditions, one in value.ways:
        if one is MISSING:
            continue
        try:
            with machine.condition(*conditions):
                results.append((conditions, act(one)))
        except Read as read:
            stopped = read
        except Finished:
            raise
        except Stopped as ended:
            stopped = stopped or ended
    if results:
        return joined(value.why, results)
    if isinstance(stopped, Read):
        machine.finish()
    raise stopped or Stopped


def joined(why: str, results: Sequence[Way]) -> Any:
    """The one value that all ways lead to, or which it is on which way."""
    first = results[0][1]
    if all(alike(first, value) for _, value in results[1:]):
        return first
    return either(why, *results)


def alike(left: Any, right: Any) -> bool:
    """Whether two values are certainly the same, or neither is known at all."""
    return (type(left) is Unknown and type(right) is Unknown) or surely_equal(left, right)


def surely_equal(left: Any, right: Any) -> bool:
    """Whether it is one object, or two known values of one type that are equal."""
    if left is right:
        return True
    return type(left) is type(right) and known(left) and known(right) and bool(left == right)

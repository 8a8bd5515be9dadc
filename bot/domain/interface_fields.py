"""One parameter before and after → what changed of it, field by field, for those who give it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from itertools import pairwise

from bot.domain.interface_values import Change, Level
from bot.domain.interface_words import AT_RUN_TIME, MAX_TEXT_CHARS, NO_VALUE, label, shown
from bot.domain.text import shorten
from parser.model import Parameter, Value
from parser.wire import canonical

_ONE_AFTER_ANOTHER = frozenset({"store", "append", "extend"})

_TOLD_BY_ACTION = frozenset({"type", "default", "const", "nargs"})
"""Fields that follow from the action where one of two takes no value."""

_WIDER = (("int", "float"), ("int", "complex"), ("float", "complex"))

_COUNTS: dict[str | int | None, tuple[float, float]] = {
    None: (1, 1),
    "?": (0, 1),
    "*": (0, math.inf),
    "+": (1, math.inf),
    "...": (0, math.inf),
    "A...": (1, math.inf),
}
"""How many values a parameter takes, by its `nargs`."""


class Places:
    """What of a module is given by place, and where words of subcommands may follow."""

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self._names: dict[tuple[str, ...], set[str]] = defaultdict(set)
        ways = set()
        for one in parameters:
            ways.add(one.subcommand)
            if not one.flags:
                self._names[one.subcommand].add(one.name)
        # in order, what goes on from a subcommand stands right behind it
        self._followed = {way for way, then in pairwise(sorted(ways)) if then[: len(way)] == way}

    def has_neighbours(self, parameter: Parameter) -> bool:
        """Whether others of its parser are given by place, or words of a subcommand may follow it."""
        names = self._names.get(parameter.subcommand, set())
        others = names if parameter.flags else names - {parameter.name} if len(names) < 2 else names
        return bool(others) or parameter.subcommand in self._followed


def changed_fields(before: Parameter, after: Parameter, places: Places) -> Iterator[Change]:
    """The changes of one parameter; `places` are those of the module as it will be."""
    if bool(before.flags) != bool(after.flags):
        words = "It is given by name now." if after.flags else "It is given by place now, without its name."
        yield _change("form", after, _way(before), _way(after), Level.MAJOR, words)
        return
    yield from _flags(before, after)
    yield from _fields(before, after, places)
    yield from _condition(before, after)
    if before.deprecated != after.deprecated:
        words = "It still works, but will go." if after.deprecated else "It is there to stay again."
        level = Level.MINOR if after.deprecated else Level.PATCH
        old, new = ("deprecated" if one.deprecated else "in use" for one in (before, after))
        yield _change("deprecated", after, old, new, level, words)


def _change(kind: str, after: Parameter, old: str, new: str, level: Level, words: str) -> Change:
    return Change(kind, label(after), old, new, level, words, after.place)


def _way(parameter: Parameter) -> str:
    return ", ".join(parameter.flags) or f"{parameter.name}, by place"


def _flags(before: Parameter, after: Parameter) -> Iterator[Change]:
    gone = set(before.flags) - set(after.flags)
    if set(before.flags) == set(after.flags) or (not gone and _can_be_switched_off(before, after)):
        return
    old, new = (shorten(", ".join(sorted(one.flags)), MAX_TEXT_CHARS) for one in (before, after))
    if gone:
        words = "Whoever gives it by a name that is gone gets an error."
        yield _change("flags", after, old, new, Level.MAJOR, words)
    else:
        yield _change("flags", after, old, new, Level.MINOR, "It can be given by another name besides.")


def _fields(before: Parameter, after: Parameter, places: Places) -> Iterator[Change]:
    told = _TOLD_BY_ACTION if _another_kind(before, after) else frozenset()
    unsure = {name for name in before.unknown if name not in after.unknown}
    surprising = {name for name in after.unknown if name not in before.unknown}
    for name, worst, compare in (
        ("action", Level.MAJOR, _action),
        ("type", Level.MAJOR, _type),
        ("required", Level.MAJOR, _required),
        ("choices", Level.MAJOR, _choices),
        ("nargs", Level.MAJOR, lambda old, new: _nargs(old, new, places)),
        ("default", Level.MINOR, _default),
        ("const", Level.MINOR, _const),
        ("excludes", Level.MAJOR, _excludes),
    ):
        if name in told:
            continue
        if name in unsure | surprising:
            yield _unknown(name, worst, before, after, name in surprising)
        elif name not in after.unknown:
            yield from compare(before, after)


def _another_kind(before: Parameter, after: Parameter) -> bool:
    """Whether one of them takes no value and their actions differ: no other field means the same in both then."""
    if before.action is None or after.action is None or before.action == after.action:
        return False
    return bool({before.action, after.action} & NO_VALUE) and not _can_be_switched_off(before, after)


def _can_be_switched_off(before: Parameter, after: Parameter) -> bool:
    return (before.action, after.action) == ("store_true", "BooleanOptionalAction")


def _unknown(name: str, worst: Level, before: Parameter, after: Parameter, since: bool) -> Change:
    what = {
        "action": "What it does",
        "type": "Its type",
        "required": "Whether it must be given",
        "choices": "Which values it takes",
        "nargs": "How many values it takes",
        "default": "Its default",
        "const": "What it stands for without a value",
        "excludes": "What it cannot be given with",
    }[name]
    when, side = ("is", after) if since else ("was", before)
    words = f"{what} {when} known only at run time, so nobody can say whether it is the same."
    old, new = (
        f"{name} {AT_RUN_TIME}" if one is side else f"{name} {_text(one, name)}" for one in (before, after)
    )
    return _change("unknown", after, old, new, worst, words)


def _text(parameter: Parameter, name: str) -> str:
    value = getattr(parameter, name)
    return shorten(_listed(value) if isinstance(value, tuple) else shown(value), MAX_TEXT_CHARS)


def _action(before: Parameter, after: Parameter) -> Iterator[Change]:
    if before.action == after.action:
        return
    takes = [one.action not in NO_VALUE | {"BooleanOptionalAction"} for one in (before, after)]
    level, words = Level.MAJOR, "It does something else with what is given."
    if takes == [False, True]:
        words = "It wants a value now."
    elif takes == [True, False]:
        words = "It takes no value any more."
    elif _can_be_switched_off(before, after):
        level, words = Level.MINOR, "It can be switched off by name besides."
    elif before.action in _ONE_AFTER_ANOTHER and after.action in _ONE_AFTER_ANOTHER:
        if after.action == "store":
            words = "Given several times, only its last value counts."
        else:
            level, words = Level.MINOR, "It can be given several times."
    yield _change("action", after, before.action or "", after.action or "", level, words)


def _type(before: Parameter, after: Parameter) -> Iterator[Change]:
    if before.type != after.type:
        words = "Values are read as another type: what was good may be refused, or mean something else."
        if (before.type, after.type) in _WIDER or after.type == "str":
            words = "What was good is still accepted, but read as another type: results may differ."
        yield _change("retyped", after, before.type or "none", after.type or "none", Level.MAJOR, words)


def _required(before: Parameter, after: Parameter) -> Iterator[Change]:
    if not before.flags and before.nargs != after.nargs:
        # of what is given by place, how many it takes says it
        return
    if bool(after.required) != bool(before.required):
        old, new = ("required" if one.required else "optional" for one in (before, after))
        if after.required:
            yield _change("required", after, old, new, Level.MAJOR, "Every use must give it from now on.")
        else:
            yield _change("optional", after, old, new, Level.MINOR, "It can be left out now.")
    if before.one_required != after.one_required:
        old, new = (
            "one of its group required" if one.one_required else "optional" for one in (before, after)
        )
        if after.one_required:
            words = "Every use must give it, or another of its group, from now on."
            yield _change("required", after, old, new, Level.MAJOR, words)
        else:
            yield _change("optional", after, old, new, Level.MINOR, "None of its group has to be given now.")


def _choices(before: Parameter, after: Parameter) -> Iterator[Change]:
    if canonical(before.choices) == canonical(after.choices):
        return
    olds, news = ({*map(_told_apart, one.choices or ())} for one in (before, after))
    if before.choices is not None and after.choices is not None and olds == news:
        return
    old, new = ("any" if one.choices is None else _listed(one.choices) for one in (before, after))
    if before.choices is None:
        words = "Only these values are accepted from now on."
        yield _change("narrowed", after, old, new, Level.MAJOR, words)
    elif after.choices is None:
        yield _change("widened", after, old, new, Level.MINOR, "Any value is accepted now.")
    elif olds - news:
        words = "Whoever gives a value that is gone gets an error."
        yield _change("narrowed", after, old, new, Level.MAJOR, words)
    else:
        yield _change("widened", after, old, new, Level.MINOR, "There is more to choose from.")


def _told_apart(value: Value) -> Hashable:
    """What is equal for equal values; 1, 1.0 and true are three."""
    kind = type(value)
    return (kind, value) if kind is str or kind is int else canonical(value)


def _listed(values: Iterable[Value]) -> str:
    return shorten(", ".join(sorted(shown(value) for value in values)), MAX_TEXT_CHARS)


def _nargs(before: Parameter, after: Parameter, places: Places) -> Iterator[Change]:
    if canonical(before.nargs) == canonical(after.nargs) or after.action in NO_VALUE:
        return
    least, most = _count(after)
    was_least, was_most = _count(before)
    old, new = (_count_words(*_count(one)) for one in (before, after))
    if (least, most) == (was_least, was_most):
        return
    if least > was_least or most < was_most:
        words = "It takes another number of values: command lines with fewer or more are refused."
        yield _change("narrowed", after, old, new, Level.MAJOR, words)
    elif most > was_most and places.has_neighbours(after):
        words = "It takes more values, also those that were meant for what stands behind it."
        yield _change("narrowed", after, old, new, Level.MAJOR, words)
    else:
        yield _change(
            "widened", after, old, new, Level.MINOR, "Another number of values is accepted as well."
        )


def _count(parameter: Parameter) -> tuple[float, float]:
    nargs = parameter.nargs
    if isinstance(nargs, int):
        return nargs, nargs
    return _COUNTS.get(nargs, (0, 0))


def _count_words(least: float, most: float) -> str:
    if least == most:
        return "one value" if least == 1 else f"{least:g} values"
    return f"{least:g} or more values" if most == math.inf else f"{least:g} to {most:g} values"


def _default(before: Parameter, after: Parameter) -> Iterator[Change]:
    if before.required or after.required or canonical(before.default) == canonical(after.default):
        return
    words = "Whoever leaves it out gets other results."
    yield _change("default", after, shown(before.default), shown(after.default), Level.MINOR, words)


def _const(before: Parameter, after: Parameter) -> Iterator[Change]:
    if before.action != after.action or canonical(before.const) == canonical(after.const):
        return
    words = "Given without a value, it stands for something else."
    yield _change("default", after, shown(before.const), shown(after.const), Level.MINOR, words)


def _excludes(before: Parameter, after: Parameter) -> Iterator[Change]:
    olds, news = set(before.excludes), set(after.excludes)
    if olds == news:
        return
    here = _listed(before.excludes), _listed(after.excludes)
    if news - olds:
        words = "Together with some others it is refused now."
        yield _change("narrowed", after, *here, Level.MAJOR, words)
    else:
        words = "It can be given together with others now."
        yield _change("widened", after, *here, Level.MINOR, words)


def _condition(before: Parameter, after: Parameter) -> Iterator[Change]:
    if before.condition == after.condition:
        return
    old, new = (shorten(one.condition or "always", MAX_TEXT_CHARS) for one in (before, after))
    if after.condition is None:
        yield _change("widened", after, old, new, Level.MINOR, "It is always there now.")
    elif before.condition is None:
        words = "It is there only under this condition: elsewhere, giving it is an error."
        yield _change("narrowed", after, old, new, Level.MAJOR, words)
    else:
        words = "It is there under another condition, which holds or does not only at run time."
        yield _change("unknown", after, old, new, Level.MAJOR, words)

"""Functions of the standard library that go through known items: itertools, `min` and `max`, `dict.fromkeys`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from parser.interpreter import comparing, operations
from parser.interpreter.containers import all_items, items_of
from parser.interpreter.flow import Call
from parser.interpreter.values import MAX_ITEMS, MISSING, Unknown, hashable, known, why_unknown

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

MAX_ROWS = 1_000
"""Combinations that are written out; more count as not known."""

_NOT_KNOWN = Unknown("is put together from values not known")
_Behaviour = Callable[["Machine", Call], Any]


def _lists(machine: Machine, call: Call) -> list[list[Any]] | None:
    """The items of every argument; None when those of one are not known."""
    found = [items_of(machine, arg) for arg in call.args]
    lists = [one for one in found if one is not None]
    return lists if len(lists) == len(found) and not call.args_unknown else None


def _chain(machine: Machine, call: Call) -> Any:
    """`itertools.chain(*iterables)`."""
    lists = _lists(machine, call)
    return _NOT_KNOWN if lists is None else [item for one in lists for item in one]


def _flat(machine: Machine, call: Call) -> Any:
    lists = items_of(machine, call.args[0]) if len(call.args) == 1 else None
    return _NOT_KNOWN if lists is None else _chain(machine, Call(call.node, call.script, lists, {}))


def _product(machine: Machine, call: Call) -> Any:
    lists, repeat = _lists(machine, call), call.keywords.get("repeat", 1)
    if lists is None or call.keywords.keys() - {"repeat"} or not isinstance(repeat, int):
        return _NOT_KNOWN
    # Every list of two doubles the rows, so that few lists are enough for too many.
    if repeat < 0 or len(lists) * repeat > MAX_ROWS:
        return _NOT_KNOWN
    rows = math.prod(len(one) for one in lists) ** repeat
    return list(itertools.product(*lists, repeat=repeat)) if rows <= MAX_ROWS else operations.TOO_LARGE


def _chosen(choose: Callable[..., Iterable[Any]], count: Callable[[int, int], int]) -> _Behaviour:
    """`permutations`, `combinations` and their like: so many of the items at a time."""

    def made(machine: Machine, call: Call) -> Any:
        items = items_of(machine, call.args[0]) if call.args else None
        given = call.args[1] if len(call.args) > 1 else call.keywords.get("r")
        if items is None or len(call.args) > 2 or call.keywords.keys() - {"r"} or len(items) > MAX_ROWS:
            return _NOT_KNOWN
        size = len(items) if given is None and choose is itertools.permutations else given
        if not isinstance(size, int) or not 0 <= size <= MAX_ROWS:
            return _NOT_KNOWN
        rows = count(len(items), size)
        return list(choose(items, size)) if rows * max(size, 1) <= MAX_ITEMS else operations.TOO_LARGE

    return made


def _with_replacement(items: int, size: int) -> int:
    return math.comb(items + size - 1, size) if items else 0


def _islice(machine: Machine, call: Call) -> Any:
    items = items_of(machine, call.args[0]) if call.args else None
    ends = call.args[1:]
    if (
        items is None
        or call.keywords
        or not ends
        or not all(one is None or isinstance(one, int) for one in ends)
    ):
        return _NOT_KNOWN
    return operations.apply(lambda: list(itertools.islice(items, *ends)))


def _repeat(machine: Machine, call: Call) -> Any:
    times = call.args[1] if len(call.args) == 2 else call.keywords.get("times")
    if not call.args or not isinstance(times, int) or times > MAX_ROWS:
        return Unknown("has no end that is known")
    return [call.args[0]] * times


def _longest(machine: Machine, call: Call) -> Any:
    lists = _lists(machine, call)
    if lists is None or call.keywords.keys() - {"fillvalue"}:
        return _NOT_KNOWN
    return list(itertools.zip_longest(*lists, fillvalue=call.keywords.get("fillvalue")))


def _pairwise(machine: Machine, call: Call) -> Any:
    lists = _lists(machine, call)
    return list(itertools.pairwise(lists[0])) if lists is not None and len(lists) == 1 else _NOT_KNOWN


def _accumulate(machine: Machine, call: Call) -> Any:
    lists = _lists(machine, call)
    if lists is None or len(lists) != 1 or call.keywords or not known(lists[0]):
        return _NOT_KNOWN
    sums: list[Any] = lists[0][:1]
    for one in lists[0][1:MAX_ROWS]:
        sums.append(operations.apply(lambda left, right: left + right, sums[-1], one))
        if isinstance(sums[-1], Unknown):
            return sums[-1]
    return sums if len(sums) == len(lists[0]) else operations.TOO_LARGE


def _starmap(machine: Machine, call: Call) -> Any:
    rows = items_of(machine, call.args[1]) if len(call.args) == 2 else None
    lists = [items_of(machine, row) for row in rows or ()]
    if rows is None or len(rows) > MAX_ROWS:
        return _NOT_KNOWN
    return [_NOT_KNOWN if one is None else machine.call(call.args[0], one, {}, call) for one in lists]


def _compress(machine: Machine, call: Call) -> Any:
    lists = _lists(machine, call)
    if lists is None or len(lists) != 2:
        return _NOT_KNOWN
    tests = [comparing.truth(one) for one in lists[1]]
    return _NOT_KNOWN if None in tests else list(itertools.compress(lists[0], tests))


def _best(best: Callable[..., Any]) -> _Behaviour:
    """`max` and `min` with a key."""

    def found(machine: Machine, call: Call) -> Any:
        key = call.keywords.get("key")
        if key is None:
            return MISSING
        items = all_items(machine, call.args[0]) if len(call.args) == 1 else list(call.args)
        if items is None or call.keywords_unknown or len(items) > MAX_ROWS:
            return _NOT_KNOWN
        if not items:
            return call.keywords.get("default", Unknown("cannot be worked out", "ValueError"))
        keys = [machine.call(key, [item], {}, call) for item in items]
        if not all(known(one) for one in keys):
            return Unknown(next(why_unknown(one) for one in keys if not known(one)))
        at = operations.apply(lambda: best(range(len(items)), key=lambda at: keys[at]))
        if isinstance(at, Unknown):
            return at
        tie = len(call.args) == 1 and items_of(machine, call.args[0]) is None and keys.count(keys[at]) > 1
        return operations.NO_ORDER if tie else items[at]

    return found


def _from_keys(machine: Machine, call: Call) -> Any:
    keys = items_of(machine, call.args[0]) if call.args else None
    if keys is None or call.keywords or len(call.args) > 2 or not all(hashable(key) for key in keys):
        return _NOT_KNOWN
    return machine.own(dict.fromkeys(keys, call.args[1] if len(call.args) == 2 else None))


FUNCTIONS: Mapping[str, _Behaviour] = {
    "itertools.chain": _chain,
    "itertools.chain.from_iterable": _flat,
    "itertools.product": _product,
    "itertools.permutations": _chosen(itertools.permutations, math.perm),
    "itertools.combinations": _chosen(itertools.combinations, math.comb),
    "itertools.combinations_with_replacement": _chosen(
        itertools.combinations_with_replacement, _with_replacement
    ),
    "itertools.islice": _islice,
    "itertools.repeat": _repeat,
    "itertools.zip_longest": _longest,
    "itertools.pairwise": _pairwise,
    "itertools.accumulate": _accumulate,
    "itertools.starmap": _starmap,
    "itertools.compress": _compress,
    "builtins.max": _best(max),
    "builtins.min": _best(min),
    "builtins.dict.fromkeys": _from_keys,
    "collections.OrderedDict.fromkeys": _from_keys,
}
"""Dotted name → function(machine, call); MISSING means that it is nothing special after all."""

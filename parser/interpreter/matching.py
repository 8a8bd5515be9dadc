"""Which case of a `match` statement is taken, as far as that can be known."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from parser.interpreter import comparing, operations
from parser.interpreter.attributes import find_attribute
from parser.interpreter.containers import equal_objects
from parser.interpreter.values import (
    MISSING,
    PLAIN,
    SPOILT,
    Class,
    External,
    Function,
    Instance,
    Modelled,
    Scope,
    Unknown,
    hashable,
)

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

MAX_MATCHED = 1_000
"""Numbers of a range that is matched item by item."""

_THEMSELVES = frozenset(operations.TYPES) - {"builtins.complex", "builtins.range"}
"""Types whose one positional pattern is matched with the value itself."""


def cases_of(
    machine: Machine, node: ast.Match, subject: Any, scope: Scope
) -> tuple[list[ast.match_case], ast.match_case | None]:
    """The cases that may be taken, in order, and the one that certainly is when none of these was.

    Names that their patterns capture are bound: to what they hold where only that one case can be taken, else to
    what is not known.
    """
    possible: list[ast.match_case] = []
    for case in node.cases:
        names: dict[str, Any] = {}
        result = _matched(machine, case.pattern, subject, scope, names)
        if result is False:
            continue
        if result is None or possible:
            names = dict.fromkeys(_captured(case.pattern), Unknown("depends on what is matched"))
        for name, value in names.items():
            scope.bind(name, value)
        if case.guard is not None:
            guard = comparing.truth(machine.evaluate(case.guard, scope))
            if guard is False:
                continue
            result = result and guard
        if result:
            return possible, case
        possible.append(case)
    return possible, None


def _captured(pattern: ast.pattern) -> list[str]:
    """The names that a pattern binds."""
    names = (getattr(one, "name", None) or getattr(one, "rest", None) for one in ast.walk(pattern))
    return [name for name in names if isinstance(name, str)]


def _matched(
    machine: Machine, pattern: ast.pattern, subject: Any, scope: Scope, names: dict[str, Any]
) -> bool | None:
    """Whether the pattern matches, None when that is not known; what it captures is put into `names`."""
    if isinstance(pattern, ast.MatchAs):
        result = (
            True if pattern.pattern is None else _matched(machine, pattern.pattern, subject, scope, names)
        )
        if pattern.name is not None:
            names[pattern.name] = subject
        return result
    if isinstance(pattern, ast.MatchOr):
        for one in pattern.patterns:
            result = _matched(machine, one, subject, scope, names)
            if result is not False:
                return result
        return False
    if isinstance(subject, Unknown):
        return None
    if isinstance(pattern, ast.MatchValue):
        wanted = machine.evaluate(pattern.value, scope)
        if isinstance(subject, Instance) or isinstance(wanted, Instance):
            return equal_objects(machine, subject, wanted)
        return comparing.equal(subject, wanted)
    if isinstance(pattern, ast.MatchSingleton):
        return comparing.same(subject, pattern.value)
    if isinstance(pattern, ast.MatchSequence):
        return _sequence(machine, pattern, subject, scope, names)
    if isinstance(pattern, ast.MatchMapping):
        return _mapping(machine, pattern, subject, scope, names)
    return _class(machine, pattern, subject, scope, names) if isinstance(pattern, ast.MatchClass) else None


def _all(results: list[bool | None]) -> bool | None:
    return False if False in results else (None if None in results else True)


def _is_single(subject: Any) -> bool:
    """Whether it certainly is neither a sequence nor a mapping."""
    if isinstance(subject, Instance):
        return not subject.cls.foreign and subject.cls.record != "NamedTuple"
    if isinstance(subject, Class):
        return subject.metaclass is None and not subject.foreign
    return isinstance(subject, (*PLAIN, Function, Modelled))


def _sequence(
    machine: Machine, pattern: ast.MatchSequence, subject: Any, scope: Scope, names: dict[str, Any]
) -> bool | None:
    if isinstance(subject, range):
        subject = subject if operations.len_of(subject) <= MAX_MATCHED else Unknown()
    if not isinstance(subject, list | tuple | range):
        return False if isinstance(subject, (dict, set, frozenset)) or _is_single(subject) else None
    if any(isinstance(one, Unknown) for one in subject):
        return None  # one that is not known may stand for more than one
    star = next((at for at, one in enumerate(pattern.patterns) if isinstance(one, ast.MatchStar)), None)
    items, parts = list(subject), pattern.patterns
    if star is not None and len(items) >= len(parts) - 1:
        rest = len(parts) - star - 1
        named = parts[star]
        if isinstance(named, ast.MatchStar) and named.name is not None:
            names[named.name] = items[star : len(items) - rest]
        items = [*items[:star], *items[len(items) - rest :]]
        parts = [one for one in parts if one is not named]
    if len(items) != len(parts):
        return False
    pairs = zip(parts, items, strict=True)
    return _all([_matched(machine, part, item, scope, names) for part, item in pairs])


def _mapping(
    machine: Machine, pattern: ast.MatchMapping, subject: Any, scope: Scope, names: dict[str, Any]
) -> bool | None:
    if not isinstance(subject, dict):
        return (
            False
            if isinstance(subject, (list, tuple, set, frozenset, range)) or _is_single(subject)
            else None
        )
    keys = [machine.evaluate(one, scope) for one in pattern.keys]
    if SPOILT in subject or not all(hashable(key) for key in keys):
        return None
    if not all(key in subject for key in keys):
        return False
    if pattern.rest is not None:
        names[pattern.rest] = {key: value for key, value in subject.items() if key not in keys}
    pairs = zip(pattern.patterns, keys, strict=True)
    return _all([_matched(machine, part, subject[key], scope, names) for part, key in pairs])


def _class(
    machine: Machine, pattern: ast.MatchClass, subject: Any, scope: Scope, names: dict[str, Any]
) -> bool | None:
    cls = machine.evaluate(pattern.cls, scope)
    result = comparing.is_instance(subject, cls)
    if not result:
        return result
    pairs: list[tuple[ast.pattern, Any]] = []
    if pattern.patterns:
        if isinstance(cls, External) and cls.name in _THEMSELVES and len(pattern.patterns) == 1:
            pairs.append((pattern.patterns[0], subject))
        elif isinstance(cls, Class) and cls.record and cls.member("__match_args__") is MISSING:
            fields = [name for name, one in cls.fields.items() if one.init]
            if len(fields) < len(pattern.patterns):
                return None
            found = (find_attribute(machine, subject, name) for name in fields)
            pairs.extend(zip(pattern.patterns, found, strict=False))
        else:
            return None
    for name, part in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
        pairs.append((part, find_attribute(machine, subject, name)))
    if any(value is MISSING for _, value in pairs):
        return False
    return _all([_matched(machine, part, value, scope, names) for part, value in pairs])

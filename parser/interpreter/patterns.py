"""Regular expressions on known text, tried only where they cannot take long."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from parser.interpreter import operations
from parser.interpreter.flow import Call
from parser.interpreter.values import Class, Instance, Scope, Unknown

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

MAX_PATTERN = 200
"""Characters of a regular expression that is tried, and of the text it is tried on."""

MAX_REPEATS = 3
"""Open repetitions in it; with more, matching can take very long."""

_REPEATED_GROUP = re.compile(r"\)[*+{]")
_REPEAT = re.compile(r"[*+]|\{\d*,")
_NOT_KNOWN = Unknown("is put together from values not known")
_UNTRIED = Unknown("is the result of a regular expression that is not tried here")
NAMES = frozenset({"match", "search", "fullmatch", "sub", "findall", "split"})


def _safe(pattern: str) -> bool:
    """Whether it is short and simple enough to be tried."""
    open_ends = len(_REPEAT.findall(pattern))
    return len(pattern) <= MAX_PATTERN and not _REPEATED_GROUP.search(pattern) and open_ends <= MAX_REPEATS


def _re(name: str) -> Callable[[Machine, Call], Any]:
    def tried(machine: Machine, call: Call) -> Any:
        args = call.args
        if not all(isinstance(arg, str) for arg in args[1:]) or call.keywords or len(args) not in (2, 3):
            return _NOT_KNOWN
        pattern = args[0]
        if isinstance(pattern, str):
            if not _safe(pattern):
                return _UNTRIED
        elif not isinstance(pattern, re.Pattern):
            return _NOT_KNOWN
        if any(len(arg) > MAX_PATTERN for arg in args[1:]):
            return _UNTRIED
        result = operations.apply(getattr(re, name), *args)
        if isinstance(result, re.Match):
            words = {"groups": [result.group(), *result.groups()]}
            return Instance(Class("Match", Scope(call.script), []), words)
        return result

    return tried


def _compile(machine: Machine, call: Call) -> Any:
    """`re.compile(pattern)`; with flags it is not tried."""
    pattern = call.args[0] if len(call.args) == 1 and not call.keywords else None
    return operations.apply(re.compile, pattern) if isinstance(pattern, str) and _safe(pattern) else _UNTRIED


def method(machine: Machine, pattern: re.Pattern[str], name: str, call: Call) -> Any:
    """What a method of a compiled pattern gives."""
    if name not in NAMES:
        return _UNTRIED
    return FUNCTIONS[f"re.{name}"](
        machine, Call(call.node, call.script, [pattern, *call.args], call.keywords)
    )


FUNCTIONS: Mapping[str, Callable[[Machine, Call], Any]] = {
    "re.compile": _compile,
    **{f"re.{name}": _re(name) for name in NAMES},
}
"""Dotted name → function(machine, call)."""

"""A parameter, and its values, in the few words of a table's cell."""

from __future__ import annotations

import json

from bot.domain.text import shorten
from parser.model import Parameter, Value
from parser.wire import canonical, parameter_interface

MAX_TEXT_CHARS = 200
"""Characters of one value that are shown."""

AT_RUN_TIME = "known only at run time"

NO_VALUE = frozenset({"store_const", "store_true", "store_false", "append_const", "count", "help", "version"})
"""Actions of options that take no value."""


def key_of(parameter: Parameter) -> str:
    """A text that is the same for parameters that accept the same in the same way."""
    return canonical(parameter_interface(parameter))


def label(parameter: Parameter) -> str:
    """What people call it: its long flag, or the name of one that is given by place, behind its subcommand."""
    named = next((flag for flag in parameter.flags if flag.lstrip("-") == parameter.name), None)
    shown = named or (parameter.flags[0] if parameter.flags else parameter.name)
    return shorten(" ".join((*parameter.subcommand, shown)), MAX_TEXT_CHARS)


def summary(parameter: Parameter) -> str:
    """A parameter in a few words: `int, default 3`."""
    if parameter.action in NO_VALUE:
        parts = ["flag"]
    else:
        parts = [parameter.type or ("type " + AT_RUN_TIME if "type" in parameter.unknown else "str")]
    if parameter.required:
        parts.append("required")
    elif "default" in parameter.unknown:
        parts.append("default " + AT_RUN_TIME)
    elif parameter.default is not None and parameter.action not in NO_VALUE:
        parts.append(f"default {shown(parameter.default)}")
    return shorten(", ".join(parts), MAX_TEXT_CHARS)


def shown(value: Value) -> str:
    """A value as people write it."""
    if value is None:
        return "none"
    if isinstance(value, str) and value:
        return shorten(value, MAX_TEXT_CHARS)
    return shorten(str(value) if type(value) is int else _PLAIN.encode(value), MAX_TEXT_CHARS)


_PLAIN = json.JSONEncoder(ensure_ascii=False, default=list)

"""One input of a GitLab CI/CD component, and which texts it may hold.

GitLab puts an input's text into the file before that is read as YAML. So a text must stay on its line in every reader
of YAML: no character that ends a line, none that YAML forbids.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from parser.model import Parameter

InputType = Literal["string", "number", "boolean", "array"]
"""The types that GitLab knows for an input of a component."""

Plain = str | int | float | bool
"""A value of an input that is no list."""

MAX_OPTIONS = 50
"""GitLab's limit of the options of one input."""

LINE = "^[^\\x00-\\x08\\x0a-\\x1f\\x7f-\\x9f\u2028\u2029\ufeff\ufffe\uffff]*$"
"""Any text on one line, whichever reader of YAML looks at it."""

_DIGITS = "[0-9]+(?:_[0-9]+)*"
_REAL = rf"(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?"
_NO_NUMBER = "[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN]"

WHOLE = rf"^(?: *[+-]?{_DIGITS} *|)$"
"""What Python's int takes, or nothing."""

DECIMAL = rf"^(?: *[+-]?(?:{_REAL}|{_NO_NUMBER}) *|)$"
"""What Python's float takes, or nothing."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a component, as `spec: inputs` says it; `parameter` is None for those that are the component's own.

    `default` None: it must be given. An input left at its default hands nothing to the script, unless `always`.
    `options`: all values there are; empty where others are good, too. `regex`: in what RE2, Python's re (by
    fullmatch) and JavaScript understand alike; empty where the type or the options say enough.
    """

    name: str
    type: InputType
    description: str
    default: Plain | tuple[str, ...] | None = None
    options: tuple[Plain, ...] = ()
    regex: str = ""
    parameter: Parameter | None = None
    always: bool = False

    @property
    def required(self) -> bool:
        """Whether whoever uses the component must give it."""
        return self.default is None


@lru_cache(maxsize=64)
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex)


def matches(regex: str, text: str) -> bool:
    """Whether GitLab, by that regex of an input, takes the text."""
    # GitLab knows no text with half a character in it
    return _compiled(regex).fullmatch(text) is not None and not any("\ud800" <= c <= "\udfff" for c in text)


def plain_text(value: Plain | tuple[str, ...]) -> str:
    """The value as GitLab puts it into the file: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)

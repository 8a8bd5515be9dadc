"""Values of Python and of numpy → values that JSON knows, the same for table, graphs and text."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from .faults import AuthorFault

MAX_DEPTH = 12
"""Lists within lists; plotly's own figures need six."""

MAX_BITS = 4_096
"""Of a whole number: Python refuses to write much longer ones."""

_SPELLED = {math.inf: "Infinity", -math.inf: "-Infinity"}
"""JSON has no word for these; NaN is the third."""


def plain(value: Any, where: str, depth: int = 0) -> Any:
    """The value as JSON can hold it. Raises AuthorFault, with `where`, for what has no such form."""
    if depth > MAX_DEPTH:
        raise AuthorFault(f"{where}: lists and dictionaries within each other, more than {MAX_DEPTH} deep.")
    if value is None or isinstance(value, (bool, str)):
        return _text(value) if isinstance(value, str) else value
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise AuthorFault(
                f"{where} is a whole number of more than {MAX_BITS} bits. Use a float, or a text."
            )
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _SPELLED.get(value, "NaN")
    if isinstance(value, Mapping):
        return {
            str(plain(key, where)): plain(one, f"{where}[{key!r}]", depth + 1) for key, one in value.items()
        }
    if isinstance(value, (list, tuple, range)):
        return [plain(one, f"{where}[{number}]", depth + 1) for number, one in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(one, where, depth + 1) for one in value), key=repr)
    if isinstance(value, (datetime.date, datetime.time)):
        # pandas' word for a date that is missing is a date, and not even the same as itself
        return value.isoformat() if value == value else None
    if isinstance(value, (decimal.Decimal, PurePath)):
        return str(value)
    if type(value).__name__ == "NAType":  # pandas' word for what is missing
        return None
    # numpy's scalars and arrays, pandas' series, tensors of torch, without any of these libraries
    for method in ("tolist", "item"):
        if callable(getattr(value, method, None)) and not isinstance(value, type):
            return plain(getattr(value, method)(), where, depth + 1)
    raise AuthorFault(
        f"{where} is {shown_type(value)}, which has no place in a result. "
        "Use text, numbers, true or false, None, or lists of these; str(…) makes a text of anything."
    )


def _text(value: str) -> str:
    """A text that every file can hold: half of a surrogate pair cannot be written."""
    return str.encode(value, "utf-8", "replace").decode("utf-8")


def shown_type(value: Any) -> str:
    """The type of a value in words: `a dict`, `an int`, `a Model`."""
    name = "None" if value is None else type(value).__name__
    return name if value is None else f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"

"""A source and its report as bytes and back, to send them from one process to another.

Plain data only: whoever unpacks what a hostile repository may have had a hand in runs nothing by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, cast

from parser import model
from parser.limits import Limits
from parser.model import Report
from parser.source import Entry, Source

_CLASSES: dict[str, type[Any]] = {
    name: value
    for name, value in vars(model).items()
    if isinstance(value, type) and (is_dataclass(value) or issubclass(value, Enum))
}
_FIELDS: dict[type[Any], tuple[str, ...]] = {
    value: tuple(field.name for field in fields(value)) for value in _CLASSES.values() if is_dataclass(value)
}
"""Looked up once: a hostile file makes a report of hundreds of thousands of values."""

_PLAIN = frozenset({str, int, float, bool, type(None)})
_TYPE, _DATA = "$", "="


def pack_report(report: Report) -> bytes:
    """The report as ASCII JSON."""
    return json.dumps(_packed(report), ensure_ascii=True, separators=(",", ":")).encode("ascii")


def unpack_report(content: bytes) -> Report:
    """The report that was packed. Raises ValueError for anything else."""
    try:
        report = _unpacked(json.loads(content))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"this is no report: {error!r}") from error
    if not isinstance(report, Report):
        raise ValueError("this is no report")
    return report


def pack_source(source: Source, project_name: str) -> tuple[bytes, list[bytes]]:
    """A header, and the contents that have to follow it in this order."""
    paths = list(source.contents)
    header = {
        "project": project_name,
        "limits": {field.name: getattr(source.limits, field.name) for field in fields(Limits)},
        "entries": [[entry.path, entry.kind, entry.blob] for entry in source.entries.values()],
        "contents": [[path, len(source.contents[path])] for path in paths],
    }
    return json.dumps(header).encode("ascii"), [source.contents[path] for path in paths]


def unpack_source(header: bytes, take: Callable[[int], bytes]) -> tuple[Source, str]:
    """The source and its project's name; `take` gives the next so many bytes of contents."""
    told = json.loads(header)
    entries = {path: Entry(path, kind, blob) for path, kind, blob in told["entries"]}
    contents = {path: take(size) for path, size in told["contents"]}
    return Source(entries, contents, Limits(**told["limits"])), told["project"]


def _packed(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    names = _FIELDS.get(kind)
    if names is not None:
        return {_TYPE: kind.__name__, _DATA: {name: _packed(getattr(value, name)) for name in names}}
    if isinstance(value, Enum):
        return {_TYPE: kind.__name__, _DATA: value.value}
    if isinstance(value, Mapping):
        return {_TYPE: "", _DATA: [[key, _packed(item)] for key, item in value.items()]}
    if isinstance(value, tuple | list):
        return [_packed(item) for item in value]
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_unpacked(item) for item in value)
    if not isinstance(value, dict):
        return value
    kind, data = value[_TYPE], value[_DATA]
    if kind == "":
        return {key: _unpacked(item) for key, item in data}
    made = _CLASSES[kind]
    if issubclass(made, Enum):
        return made(data)
    return cast(Callable[..., Any], made)(**{name: _unpacked(item) for name, item in data.items()})

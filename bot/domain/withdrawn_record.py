"""What is kept for ever of a version that was taken back, as a value and as JSON: it keeps its number used.

The record stands in the registry, where anybody who may push can write one: it is read like any other foreign text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from bot.domain.tags import MAX_NUMBER, is_digest, is_sha
from bot.domain.versions import Version

SCHEMA = 1
"""Number of the record's form."""

MAX_TEXT = 1024
"""Characters of any text in a record."""

MAX_LIST = 16
"""Names, or platforms, in a record."""

ASKED, RETENTION = "asked", "retention"
"""Why a version was taken back: a person asked for it, or it was older than those that are kept."""


@dataclass(frozen=True, slots=True)
class Record:
    """A version that was taken back: `names` are the tags that led to the image `digest`, built of the commit `sha`.

    `base`: the base image by digest, "" where it is not known, as `engine` is. `platforms`: `linux/amd64`. `user_id`:
    who asked for it, 0 where nobody did. `at`: when, in seconds since 1970. Raises ValueError for what it cannot be.
    """

    project: str
    branch: str
    number: int
    version: str
    names: tuple[str, ...]
    digest: str
    sha: str
    engine: str = ""
    base: str = ""
    platforms: tuple[str, ...] = ()
    why: str = ASKED
    user_id: int = 0
    at: float = 0.0

    def __post_init__(self) -> None:
        texts = (self.project, self.branch, self.engine, self.base, self.why, *self.names, *self.platforms)
        if not all(len(text) <= MAX_TEXT and text.isprintable() for text in texts):
            raise ValueError("a text in it is too long or not printable")
        if len(self.names) > MAX_LIST or len(self.platforms) > MAX_LIST:
            raise ValueError("it has too many names")
        if not 0 <= self.number <= MAX_NUMBER or (self.version and Version.read(self.version) is None):
            raise ValueError("its number or version is none")
        if not is_digest(self.digest) or (self.sha and not is_sha(self.sha)):
            raise ValueError("its digest or commit is none")


def write_record(record: Record) -> bytes:
    """The record as JSON, in ASCII: the same bytes for the same value."""
    data = {"schema": SCHEMA, **asdict(record)}
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode("ascii")


def read_record(content: bytes) -> Record:
    """The record that `write_record` wrote, or a later version of the bot. ValueError says why it is none."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ValueError("it is no record of ours")
    values: dict[str, Any] = {}
    for field in fields(Record):
        if field.name in data:
            values[field.name] = _read(data, field.name)
    try:
        return Record(**values)
    except TypeError:
        raise ValueError("it lacks a field") from None


def _read(data: Mapping[str, Any], name: str) -> object:
    value = data[name]
    kinds: dict[str, type | tuple[type, ...]] = {
        "names": list,
        "platforms": list,
        "number": int,
        "user_id": int,
    }
    kinds["at"] = (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds.get(name, str)):
        raise ValueError(f"its {name} is of another kind")
    if isinstance(value, list):
        if not all(isinstance(one, str) for one in value):
            raise ValueError(f"its {name} is of another kind")
        return tuple(value)
    return value

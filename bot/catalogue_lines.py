"""The catalogue for people at a terminal, and for programs: all modules, or one with its versions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from bot.domain.catalogue import ListedModule, ListedVersion
from bot.domain.tags import version_tag

NOTHING = "Nothing is in the catalogue. `mlreef-bot catalogue rebuild` looks through all that the bot sees."
MAX_COLUMN_CHARS = 48


def list_table(modules: Iterable[ListedModule]) -> str:
    """One line for each module: where it is, what it is, its newest version and how that stands."""
    rows = [
        (
            one.path,
            one.name,
            one.kind,
            _name(one.newest) if one.newest is not None else "-",
            one.newest.state.value if one.newest is not None else "nothing available",
            one.visibility,
        )
        for one in modules
    ]
    return _table(("PROJECT", "MODULE", "KIND", "NEWEST", "STATE", "VISIBILITY"), rows) if rows else NOTHING


def list_json(modules: Iterable[ListedModule]) -> str:
    """The same as JSON, without READMEs."""
    return json.dumps([_plain(one) for one in modules], indent=2)


def show_table(module: ListedModule, versions: Sequence[ListedVersion]) -> str:
    """One module with all versions that were ever published, also those that were taken back."""
    head = [
        f"{module.name}  ({module.kind or 'not described'}: {module.input_type or '?'} → {module.output_type or '?'})",
        f"{module.web_url}  {module.visibility}",
        *([f"topics: {', '.join(module.topics)}"] if module.topics else []),
        *([f"parameters: {', '.join(module.parameters)}"] if module.parameters else []),
        "",
    ]
    rows = [
        (
            version_tag(one.branch, one.number),
            one.version or "-",
            one.state.value,
            _when(one),
            one.sha[:8],
            one.digest,
        )
        for one in versions
    ]
    return "\n".join(head) + _table(
        ("TAG", "VERSION", "STATE", "PUBLISHED", "COMMIT", "DIGEST"), rows, cut=False
    )


def show_json(module: ListedModule, versions: Sequence[ListedVersion]) -> str:
    """The same as JSON."""
    return json.dumps(_plain(module) | {"versions": [asdict(one) for one in versions]}, indent=2)


def _plain(module: ListedModule) -> dict[str, Any]:
    return {name: value for name, value in asdict(module).items() if name != "readme"}


def _name(version: ListedVersion) -> str:
    return version.version or version_tag(version.branch, version.number)


def _when(version: ListedVersion) -> str:
    if version.published_at is None:
        return "-"
    return datetime.fromtimestamp(version.published_at, UTC).strftime("%Y-%m-%d %H:%M")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], cut: bool = True) -> str:
    shown = [tuple(cell[:MAX_COLUMN_CHARS] if cut else cell for cell in row) for row in (head, *rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(head))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in shown)
    return "\n".join(line.rstrip() for line in lines)

"""Requirements without an exact version, and the lines as they are with one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from parser.model import Edit, Place, Problem, Requirement, Requirements
from parser.source import Undecodable, read_text

UNPINNED = "requirement-unpinned"
"""The problem that pins mend."""

MAX_PINNED = 30
"""Packages whose versions are looked up."""

_EXACT = re.compile(r"={2,3}[^*,]+")
_ITEM = re.compile(
    # nothing is tried a second way: a line may be as long as its author likes
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*+(?:\s*+\[[^\]]*+\])?+)(?P<limits>[^;#@\[\]]*+)(?:;.*)?"
)
_LINE_END = re.compile(r"\r\n|\r|\n")


def plain_requirements(found: Requirements | None) -> Requirements | None:
    """The requirements, if their versions can be looked up on the operator's index alone.

    None where the repository names another one, since an address that it names leads wherever its author likes, and
    where hashes or another tool decide on versions.
    """
    if found is None or found.manager != "pip" or found.options or len(found.items) > MAX_PINNED:
        return None
    if any(item.url or item.editable or item.hashes or item.name is None for item in found.items):
        return None
    return found


def pinned(problem: Problem, found: Requirements, content: bytes, versions: Mapping[str, str]) -> Problem:
    """The problem with the edits that write these versions (by normalized name) into its file."""
    try:
        lines = _LINE_END.split(read_text(content))
    except Undecodable:
        return problem
    here = [item for item in found.items if problem.place and item.place.file == problem.place.file]
    return replace(problem, edits=tuple(_edits(here, lines, versions)))


def _edits(items: Iterable[Requirement], lines: list[str], versions: Mapping[str, str]) -> Iterator[Edit]:
    for item in items:
        at, version = item.place, versions.get(item.normalized or "")
        if not version or _EXACT.fullmatch(item.specifier) or at.line != at.end_line or at.line > len(lines):
            continue
        written = _ITEM.fullmatch(lines[at.line - 1][at.column : at.end_column])
        if written:
            start = at.column + written.end("name")
            end = start + len(written["limits"].rstrip())
            yield Edit(Place(at.file, at.line, start, at.line, end), f"=={version}")

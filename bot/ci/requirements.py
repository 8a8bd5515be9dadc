"""Which files pip opens for a requirements file: they, and only they, decide about the layer of the requirements."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

_NESTED = re.compile(r"(?:-r|-c|--requirements?|--constraints?)(?:\s*=\s*|\s+|(?<=-[rc]))(\S.*)\Z")
_COMMENT = re.compile(r"(^|\s)#.*\Z")


def requirement_files(contents: Mapping[str, bytes], main: str) -> tuple[str, ...]:
    """The files that pip reads for `-r main`, as far as the repository holds them."""
    found: set[str] = set()
    waiting = [main]
    while waiting:
        path = waiting.pop()
        if path in found or path not in contents:
            continue
        found.add(path)
        for line in _lines(contents[path]):
            nested = _NESTED.match(line)
            if nested is not None:
                name = nested[1].strip().strip("\"'")
                waiting.append(posixpath.normpath(posixpath.join(posixpath.dirname(path), name)))
    return tuple(sorted(found))


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8-sig", "replace").replace("\\\r\n", " ").replace("\\\n", " ")
    return [line for raw in text.splitlines() if (line := _COMMENT.sub("", raw).strip())]

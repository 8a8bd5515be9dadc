"""Which files pip will open for a requirements file, and whether it will want the repository beside them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

_NESTED = re.compile(r"(?:-r|-c|--requirements?|--constraints?)(?:\s*=\s*|\s+|(?<=-[rc]))(\S.*)\Z")
_OPTION_WITH_PLACE = re.compile(r"(?:-e|--editable|-f|--find-links)(?:\s*=\s*|\s+|(?<=-[ef]))(\S+)")
_COMMENT = re.compile(r"(^|\s)#.*\Z")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")


def requirement_files(contents: Mapping[str, bytes], main: str) -> tuple[tuple[str, ...], bool]:
    """The files that pip reads for `-r main`, and whether one of them installs from the repository itself."""
    found: dict[str, None] = {}
    waiting = [main]
    local = False
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = None
        for line in _lines(contents.get(path, b"")):
            nested = _NESTED.match(line)
            if nested is None:
                local = local or _is_local(line)
                continue
            name = nested[1].strip().strip("\"'")
            if "://" in name:
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
            # What is not among the texts that were read, such as a link, is there once the sources are.
            local = local or target not in contents
            if target in contents:
                waiting.append(target)
    return tuple(sorted(found)), local


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8-sig", "replace").replace("\\\r\n", " ").replace("\\\n", " ")
    return [line for raw in text.splitlines() if (line := _COMMENT.sub("", raw).strip())]


def _is_local(line: str) -> bool:
    option = _OPTION_WITH_PLACE.match(line)
    if option is not None:
        return "://" not in option[1] or option[1].startswith("file:")
    if line.startswith("-"):
        return False
    before, at, address = line.partition("@")
    if at and "/" not in before:
        return address.strip().startswith("file:") or "://" not in address
    word = re.split(r"[\s;]", line)[0]
    if "://" in word:
        return word.startswith("file:")
    return (
        "/" in word or word.startswith((".", "file:")) or word.lower().partition("[")[0].endswith(_ARCHIVES)
    )

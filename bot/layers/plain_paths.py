"""Paths in archives that mean one thing to everybody who may ever unpack them."""

from __future__ import annotations

MAX_COMPONENT_BYTES = 255
"""Bytes of one name in a path, the limit of file systems."""

MAX_PATH_BYTES = 1024
"""Bytes of a path inside of a wheel."""


def path_fault(path: str) -> str | None:
    """What is wrong with a path for any system that may ever unpack it; None when nothing is."""
    parts = path.split("/")
    if path.startswith("/") or path[1:2] == ":":
        return "is an absolute path"
    if "\\" in path:
        return "has a backslash, which some systems take for a slash"
    if ".." in parts:
        return "leads out of it"
    if "" in parts or "." in parts:
        return "is no path that has one meaning only"
    if any(char < " " or char == "\x7f" for char in path):
        return "has characters that no name may have"
    if len(path.encode()) > MAX_PATH_BYTES or any(len(part.encode()) > MAX_COMPONENT_BYTES for part in parts):
        return "is too long for file systems"
    return None

"""Names of branches as `.mlreef.yaml` may give them: as git takes them, and `*` in them for any text."""

from __future__ import annotations

import re

MAX_BYTES = 255
"""Bytes of a name; GitLab's own limit."""

REFS = "refs/heads/"
"""Begins git's long name of a branch."""

_REFUSED = re.compile(r"[\x00-\x20\x7f~^:?\[\\]|\.\.|@\{|//")


def name_fault(name: str) -> str | None:
    """Why no branch can have that name, as the end of a sentence; None when one can."""
    if not name:
        return "is empty"
    if len(name.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return f"has more than {MAX_BYTES} bytes"
    if found := _REFUSED.search(name):
        what = "blanks and control characters" if found[0] <= " " or found[0] == "\x7f" else f"`{found[0]}`"
        return f"holds {what}, which git takes in no branch's name"
    if name.startswith(("/", "-")) or name.endswith(("/", ".")):
        return "begins or ends with a character that git does not take there"
    parts = name.split("/")
    if any(part.startswith(".") or part.endswith(".lock") for part in parts):
        return "has a part that begins with a dot or ends in `.lock`"
    return None

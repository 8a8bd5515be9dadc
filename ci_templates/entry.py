"""Starts one of a module's entry points: the first word says which one, the others are handed on to it.

    python entry.py ROLE=FILE … -- [ROLE [WORD …]]

Lies in the images of modules with several entry points. Python 3.8 or newer, and nothing but its standard library.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Mapping, Sequence

USAGE = 2
"""The exit code for words that start nothing; argparse's own is the same."""

MAX_LINE_CHARS = 100
MAX_SCRIPT_BYTES = 4 * 1024 * 1024
"""Bytes of a script that are read for its first line of help."""


def main(words: Sequence[str]) -> int:
    """Becomes the script that is asked for; the exit code where none is."""
    end = words.index("--")
    scripts = dict(word.partition("=")[::2] for word in words[:end])
    given = list(words[end + 1 :])
    if given and given[0] in scripts:
        # the process itself, so that signals and the exit code are the script's own
        os.execv(sys.executable, [sys.executable, scripts[given[0]], *given[1:]])  # noqa: S606 - what this is for
    if given and given[0] in ("--help", "-h"):
        sys.stdout.write(overview(scripts))
        return 0
    asked = f"there is no entry point {given[0]!a}" if given else "no entry point is chosen"
    sys.stderr.write(f"mlreef: {asked}. The first word says which one is to run.\n{overview(scripts)}")
    return USAGE


def overview(scripts: Mapping[str, str]) -> str:
    """What can be chosen: each role with its file and what that says of itself."""
    width = max(map(len, scripts))
    lines = [
        f"  {role:{width}}  {shown(file)}  {first_line(file)}".rstrip() for role, file in scripts.items()
    ]
    role = next(iter(scripts))
    return "\n".join(["Entry points:", *lines, f"What one of them takes: {role} --help", ""])


def shown(file: str) -> str:
    """A file's name on one line: nothing in it moves a terminal's cursor or turns letters around."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in file
    )


def first_line(file: str) -> str:
    """The first line of a script's own description, if it has one that can be read."""
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 - nothing more than needed is imported
            described = ast.get_docstring(ast.parse(stream.read(MAX_SCRIPT_BYTES))) or ""
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    line = described.strip().partition("\n")[0]
    return "".join(char for char in line if char.isprintable() and char.isascii())[:MAX_LINE_CHARS]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

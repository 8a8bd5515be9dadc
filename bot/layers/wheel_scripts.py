"""Scripts: those that entry_points.txt asks for, and those of the wheel that are run by Python."""

from __future__ import annotations

import configparser
from importlib.metadata import EntryPoint
from typing import Literal

from installer.scripts import Script

_GROUPS: tuple[tuple[str, Literal["console", "gui"]], ...] = (
    ("console_scripts", "console"),
    ("gui_scripts", "gui"),
)
_MARK = b"#!python"

PEEK_BYTES = len(_MARK)
"""Bytes at the beginning of a script that say whether it is to be rewritten."""


def read_scripts(text: str, interpreter: str) -> dict[str, bytes]:
    """Name → content of the scripts that entry_points.txt asks for. Raises ValueError with words for people."""
    parser = configparser.ConfigParser(delimiters="=", interpolation=None)
    # Names of scripts are names of files: their case matters.
    parser.optionxform = str  # type: ignore[method-assign, assignment] # the documented way to keep case
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(f"entry_points.txt cannot be read: {error.message.splitlines()[0]}") from None
    scripts: dict[str, bytes] = {}
    for section, kind in _GROUPS:
        for name, value in parser.items(section) if parser.has_section(section) else ():
            if name in scripts:
                raise ValueError(f"entry_points.txt asks for two scripts named {name!r}")
            scripts[name] = write_script(name, value, interpreter, kind)
    return scripts


def write_script(
    name: str, value: str, interpreter: str, kind: Literal["console", "gui"] = "console"
) -> bytes:
    """The script that calls `value`, such as `package.module:main`. Raises ValueError with words for people."""
    if "/" in name or name in ("", ".", "..") or not name.isprintable():
        raise ValueError(f"entry_points.txt asks for a script named {name!r}")
    point = EntryPoint(name, value, kind)
    if EntryPoint.pattern.match(value) is None or not point.attr:
        raise ValueError(f"entry_points.txt has {name!r} lead to {value!r}, which is no function of a module")
    return Script(name, point.module, point.attr, kind).generate(interpreter, "posix")[1]


def is_rewritten(beginning: bytes) -> bool:
    """Whether a script of the wheel says no more than that Python is to run it."""
    return beginning.startswith(_MARK)


def rewrite(content: bytes, interpreter: str) -> bytes:
    """The script, its first line naming the interpreter."""
    return f"#!{interpreter}\n".encode() + content.partition(b"\n")[2]

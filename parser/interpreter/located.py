"""Paths that begin at `__file__`: where they lie in the repository, and what they add to the places of modules."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from parser.interpreter.flow import Call
from parser.interpreter.values import MISSING, Located

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

_OUTSIDE = "../"


def joined(base: Located, *parts: Any) -> Any:
    """The path with more parts behind it; MISSING when they are not text."""
    if not all(isinstance(one, str) and not one.startswith("/") for one in parts):
        return MISSING
    return Located(_tidy(posixpath.join(base.path, *parts)), base.is_path)


def parent(value: Located, times: int = 1) -> Located:
    """The folder around it."""
    path = value.path
    for _ in range(min(times, 50)):
        path = _tidy(posixpath.join(path, ".."))
    return Located(path, value.is_path)


def _tidy(path: str) -> str:
    made = posixpath.normpath(path)
    return "" if made == "." else made


def attribute(value: Located, name: str) -> Any:
    """An attribute of a pathlib.Path; MISSING when nothing is known of it."""
    if not value.is_path:
        return MISSING
    if name == "parent":
        return parent(value)
    if name == "parents":
        return [parent(value, times + 1) for times in range(20)]
    if name in ("name", "stem", "suffix") and value.path and not value.path.endswith(".."):
        base = posixpath.basename(value.path)
        stem, suffix = posixpath.splitext(base)
        return {"name": base, "stem": stem, "suffix": suffix}[name]
    return MISSING


def method(value: Located, name: str, args: list[Any]) -> Any:
    """What a method of a pathlib.Path gives; MISSING when nothing is known of it."""
    if value.is_path and name in ("resolve", "absolute", "expanduser"):
        return value
    if value.is_path and name == "joinpath":
        return joined(value, *args)
    if value.is_path and name in ("as_posix", "__str__", "__fspath__"):
        return Located(value.path)
    return MISSING


def _same(machine: Machine, call: Call) -> Any:
    return call.args[0] if call.args and isinstance(call.args[0], Located) else MISSING


def _text(machine: Machine, call: Call) -> Any:
    given = call.args[0] if call.args else None
    return Located(given.path) if isinstance(given, Located) else MISSING


def _dirname(machine: Machine, call: Call) -> Any:
    return parent(call.args[0]) if call.args and isinstance(call.args[0], Located) else MISSING


def _basename(machine: Machine, call: Call) -> Any:
    given = call.args[0] if call.args else None
    known = isinstance(given, Located) and given.path and not given.path.endswith("..")
    return posixpath.basename(given.path) if known and isinstance(given, Located) else MISSING


def _join(machine: Machine, call: Call) -> Any:
    given = call.args[0] if call.args else None
    return joined(given, *call.args[1:]) if isinstance(given, Located) else MISSING


def _path(machine: Machine, call: Call) -> Any:
    given = call.args[0] if call.args else None
    return joined(Located(given.path, True), *call.args[1:]) if isinstance(given, Located) else MISSING


def _add_folder(at: int) -> Callable[[Machine, Call], Any]:
    """`sys.path.append(folder)`, `sys.path.insert(0, folder)`: modules are looked for there too."""

    def add(machine: Machine, call: Call) -> Any:
        given = call.args[at] if len(call.args) > at else None
        folder = machine.entry.rpartition("/")[0]
        if isinstance(given, str):
            given = Located(_tidy(posixpath.join(folder, given))) if not given.startswith("/") else None
        if isinstance(given, Located) and not given.path.startswith(".."):
            machine.add_folder(given.path, first=at == 1)
        return None

    return add


FUNCTIONS: Mapping[str, Callable[[Machine, Call], Any]] = {
    "os.path.dirname": _dirname,
    "os.path.basename": _basename,
    "os.path.abspath": _same,
    "os.path.realpath": _same,
    "os.path.normpath": _same,
    "os.path.expanduser": _same,
    "os.path.join": _join,
    "os.fspath": _text,
    "builtins.str": _text,
    **dict.fromkeys(
        ("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath"), _path
    ),
    "sys.path.append": _add_folder(0),
    "sys.path.insert": _add_folder(1),
    "site.addsitedir": _add_folder(0),
}
"""Dotted name → function(machine, call); MISSING when it is none of these paths."""

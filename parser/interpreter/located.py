"""Paths that begin at `__file__`: where they lie in the repository, and what they add to the places of modules."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from parser.interpreter.flow import Call
from parser.interpreter.values import MISSING, Located, Module, Unknown

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

MAX_PARENTS = 20
"""Folders around a path that `parents` lists."""


def joined(base: Located, *parts: Any) -> Any:
    """The path with more parts behind it; MISSING when they are not text."""
    if not all(isinstance(one, str) and not one.startswith("/") for one in parts):
        return MISSING
    return Located(_tidy(posixpath.join(base.path, *parts)), base.is_path)


def parent(value: Located, times: int = 1) -> Located:
    """The folder around it."""
    path = value.path
    for _ in range(times):
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
        return [parent(value, times + 1) for times in range(MAX_PARENTS)]
    if name in ("name", "stem", "suffix") and value.path and not value.path.endswith(".."):
        base = posixpath.basename(value.path)
        stem, suffix = posixpath.splitext(base)
        return {"name": base, "stem": stem, "suffix": suffix}[name]
    return MISSING


def method(machine: Machine, value: Located, name: str, args: list[Any]) -> Any:
    """What a method of a pathlib.Path gives; MISSING when nothing is known of it."""
    if value.is_path and name == "iterdir":
        return _matching(machine, joined(value, "*"))
    if value.is_path and name == "glob" and len(args) == 1 and isinstance(args[0], str):
        return _matching(machine, joined(value, args[0]))
    if not value.is_path and name == "endswith":
        return _ends_with(value, args)
    if value.is_path and name in ("resolve", "absolute", "expanduser"):
        return value
    if value.is_path and name == "joinpath":
        return joined(value, *args)
    if value.is_path and name in ("as_posix", "__str__", "__fspath__"):
        return Located(value.path)
    return MISSING


def _ends_with(value: Located, args: list[Any]) -> Any:
    """Whether the path, whose last part is known, ends so."""
    last = posixpath.basename(value.path)
    if len(args) == 1 and isinstance(args[0], str | tuple):
        ends = args[0] if isinstance(args[0], tuple) else (args[0],)
        if last and all(isinstance(one, str) and 0 < len(one) <= len(last) for one in ends):
            return last.endswith(ends)
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


def _split(machine: Machine, call: Call) -> Any:
    folder, last = _dirname(machine, call), _basename(machine, call)
    return MISSING if MISSING in (folder, last) else (folder, last)


def _module_at(machine: Machine, call: Call) -> Any:
    """`spec_from_file_location(name, path)`: the module itself stands for its spec."""
    given = call.args[1] if len(call.args) > 1 else call.keywords.get("location")
    if not isinstance(given, Located):
        return MISSING
    folder, _, name = given.path.rpartition("/")
    kind = (_listed(machine, Located(folder)) or {}).get(name)
    return Module(given.path) if kind == "file" and name.endswith(".py") else MISSING


def _module_of(machine: Machine, call: Call) -> Any:
    return call.args[0] if call.args and isinstance(call.args[0], Module) else MISSING


def _listed(machine: Machine, folder: Any) -> Mapping[str, str] | None:
    """What lies in a folder of the repository: name → kind."""
    if not isinstance(folder, Located) or folder.path.startswith(".."):
        return None
    return machine.modules.listing(folder.path)


def _names(machine: Machine, folder: Any) -> list[str] | None:
    """The names that a script finds there; None also where a submodule is, which no image has."""
    listed = _listed(machine, folder) or {}
    return None if not listed or "submodule" in listed.values() else list(listed)


def _listdir(machine: Machine, call: Call) -> Any:
    names = _names(machine, call.args[0] if call.args else None)
    return MISSING if names is None else machine.own(names)


def _matching(machine: Machine, pattern: Any) -> Any:
    """The paths that a pattern means, when it has wildcards in its last part only."""
    if not isinstance(pattern, Located):
        return MISSING
    folder, _, last = pattern.path.rpartition("/")
    names = None if "*" in folder or last == "**" else _names(machine, Located(folder))
    if names is None:
        return MISSING
    found = [name for name in fnmatch.filter(names, last) if not name.startswith(".")]
    return machine.own([Located(posixpath.join(folder, name), pattern.is_path) for name in found])


def _glob(machine: Machine, call: Call) -> Any:
    return _matching(machine, call.args[0] if len(call.args) == 1 else None)


def _is_there(*kinds: str) -> Callable[[Machine, Call], Any]:
    """`os.path.isdir` and its like. What is not there now may be there when the script runs."""

    def ask(machine: Machine, call: Call) -> Any:
        given = call.args[0] if call.args else None
        if not isinstance(given, Located):
            return MISSING
        folder, _, name = given.path.rpartition("/")
        kind = (_listed(machine, Located(folder)) or {}).get(name)
        return MISSING if kind not in ("file", "folder") else kind in kinds

    return ask


def _iter_modules(machine: Machine, call: Call) -> Any:
    """`pkgutil.iter_modules(folders, prefix)`: finder, name, and whether it is a package."""
    folders = call.args[0] if call.args else call.keywords.get("path")
    prefix = call.args[1] if len(call.args) > 1 else call.keywords.get("prefix", "")
    if not isinstance(folders, list) or not isinstance(prefix, str):
        return MISSING
    found: list[Any] = []
    for folder in folders:
        names = _listed(machine, folder)
        if names is None:
            return MISSING
        for name, kind in names.items():
            package = kind == "folder" and "__init__.py" in (_listed(machine, joined(folder, name)) or {})
            if package or (kind == "file" and name.endswith(".py") and name != "__init__.py"):
                found.append((Unknown("is a finder of modules"), prefix + name.removesuffix(".py"), package))
    return machine.own(found)


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
    "os.path.split": _split,
    "importlib.util.spec_from_file_location": _module_at,
    "importlib.util.module_from_spec": _module_of,
    "os.listdir": _listdir,
    "glob.glob": _glob,
    "glob.iglob": _glob,
    "os.path.isdir": _is_there("folder"),
    "os.path.isfile": _is_there("file"),
    "os.path.exists": _is_there("file", "folder"),
    "pkgutil.iter_modules": _iter_modules,
    "sys.path.append": _add_folder(0),
    "sys.path.insert": _add_folder(1),
    "site.addsitedir": _add_folder(0),
}
"""Dotted name → function(machine, call); MISSING when it is none of these paths."""

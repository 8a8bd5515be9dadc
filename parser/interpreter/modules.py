"""The repository's own modules: which file an import means, parsed once, and which names have to do with parsers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cached_property

from parser.interpreter.reach import Reach, statements
from parser.limits import Limits
from parser.model import Problem
from parser.script import Refused, Script, TooMuch, read_script
from parser.settings import GENERATED
from parser.source import Source

MAX_MODULES = 300
"""Modules of the repository followed from one entry point."""

MAX_MODULE_BYTES = 2 * 1024 * 1024
"""Bytes of all of them together."""

_STARTED = frozenset(
    {"abc", "codecs", "io", "os", "posixpath", "genericpath", "site", "stat", "sys", "_collections_abc"}
)
"""Python has loaded these before it looks into the script's folder: no file of a repository stands for them."""


MAX_FOLDERS = 40
"""Folders in which modules are looked for."""


def _folders(entry: str, source: Source) -> list[str]:
    """Where modules are looked for: beside the script, and above it as far as no package ends there."""
    here = entry.rpartition("/")[0]
    above = [here]
    while here and len(above) < MAX_FOLDERS // 4:
        here = here.rpartition("/")[0]
        above.append(here)
    plain = [
        one for one in above if one == above[0] or f"{one}/__init__.py".lstrip("/") not in source.entries
    ]
    further = [f"{one}/{name}".lstrip("/") for one in plain for name in ("src", "python", "lib")]
    return list(dict.fromkeys((*plain, "", *further)))[:MAX_FOLDERS]


class Modules:
    """Finds and parses modules of one source as Python would, seen from the folder of the entry point."""

    def __init__(self, source: Source, entry: str, keywords: frozenset[str], foreign: frozenset[str]) -> None:
        self._foreign = foreign
        self._source = source
        self._folders = _folders(entry, source)
        self._parsed: dict[str, Script | None] = {}
        self._room = MAX_MODULE_BYTES
        self._keywords = keywords
        self._reach = Reach(source.contents, keywords, self.find)
        self._effects: dict[str, bool] = {}
        self.problems: list[Problem] = []

    @property
    def limits(self) -> Limits:
        """How far scripts of this source may be followed."""
        return self._source.limits

    def add_folder(self, folder: str, first: bool) -> None:
        """Looks for modules there too, as after `sys.path.append`."""
        if len(self._folders) < MAX_FOLDERS and folder not in self._folders:
            self._folders.insert(0 if first else len(self._folders), folder)
            self._reach = Reach(self._source.contents, self._keywords, self.find)

    def find(self, dotted: str, importer: str, level: int) -> str | None:
        """The file that `import dotted` means (`level` leading dots), or None when it is not of this repository."""
        top = dotted.partition(".")[0]
        if not level and (dotted in self._foreign or top in _STARTED):
            return None
        parts = [part for part in dotted.split(".") if part]
        if level:
            folder = importer.rpartition("/")[0]
            for _ in range(level - 1):
                if not folder:
                    return None
                folder = folder.rpartition("/")[0]
            folders = [folder]
        else:
            folders = self._folders
        for folder in folders:
            stem = "/".join([*([folder] if folder else []), *parts])
            for path in (f"{stem}/__init__.py" if stem else "__init__.py", f"{stem}.py"):
                if path in self._source.entries:
                    own = level or not self._is_library or top not in sys.stdlib_module_names
                    return path if own or self._reach.mentions(self._source.contents.get(path, b"")) else None
        return None

    @cached_property
    def _is_library(self) -> bool:
        """Whether this is Python's own library: what it says of itself is known by heart, its parsers are not."""
        return all(
            f"{name}.py" in self._source.entries for name in ("argparse", "ast", "os", "re/__init__", "site")
        )

    def has_effect(self, path: str) -> bool:
        """Whether importing the file may matter although nothing of it is used by name."""
        if path not in self._effects:
            self._effects[path] = self._reach.has_effect(path)
        return self._effects[path]

    def imported_beside(self, package: str) -> dict[str, str] | None:
        """Modules of a package that its `__init__.py` imports, name → file; None when there are others besides."""
        folder = package.removesuffix("__init__.py")
        inside = [path for path in self._source.entries if path.startswith(folder) and path.endswith(".py")]
        names = {path[len(folder) :].partition("/")[0].removesuffix(".py") for path in inside} - {"__init__"}
        found: dict[str, str] = {}
        for dotted, level in statements(self._source.contents.get(package, b"")):
            path = self.find(dotted, package, level)
            if path is not None and path.startswith(folder) and path != package:
                name = path[len(folder) :].partition("/")[0].removesuffix(".py")
                own = f"{folder}{name}.py"
                found[name] = own if own in self._source.entries else f"{folder}{name}/__init__.py"
        return found if names <= found.keys() else None

    def is_package(self, dotted: str, importer: str, level: int) -> bool:
        """Whether a folder of the repository has this name, with or without an `__init__.py`."""
        parts = [part for part in dotted.split(".") if part]
        folders = self._folders if not level else [importer.rpartition("/")[0]]
        return any(
            "/".join([*([folder] if folder else []), *parts]) in self._directories for folder in folders
        )

    @cached_property
    def _directories(self) -> frozenset[str]:
        found: set[str] = set()
        for path in self._source.entries:
            if path.endswith(".py"):
                folder = path.rpartition("/")[0]
                while folder and folder not in found:
                    found.add(folder)
                    folder = folder.rpartition("/")[0]
        return frozenset(found)

    def listing(self, folder: str) -> Mapping[str, str] | None:
        """The names in a folder of the repository, in order, each with its kind; None when there is no such folder."""
        return self._listings.get(folder)

    @cached_property
    def _listings(self) -> Mapping[str, Mapping[str, str]]:
        found: dict[str, dict[str, str]] = {"": {}}
        for path, entry in sorted(self._source.entries.items()):
            if path == GENERATED:
                # the script never sees it
                continue
            kind: str = entry.kind
            inner = path
            while inner:
                folder, _, name = inner.rpartition("/")
                if name in found.setdefault(folder, {}):
                    break
                found[folder][name] = kind
                kind, inner = "folder", folder
        return found

    def script(self, path: str) -> Script | None:
        """The parsed module, or None (and a problem, once) when it cannot be read."""
        if path not in self._parsed:
            self._room -= len(self._source.contents.get(path, b""))
            if len(self._parsed) >= MAX_MODULES or self._room < 0:
                return None
            try:
                self._parsed[path] = read_script(self._source, path)
            except TooMuch:
                return None
            except Refused as refused:
                self._parsed[path] = None
                self.problems.append(refused.problem)
        return self._parsed[path]

    def names_elsewhere(self, importer: Script) -> frozenset[str]:
        """Functions and classes of files that mention argument parsers and that the importer leads to."""
        return self._reach.names(importer.path)

"""The repository's own modules: which file an import means, parsed once, and which names have to do with parsers."""

from __future__ import annotations

import ast
import re
from functools import cached_property

from parser.limits import Limits
from parser.model import Problem
from parser.script import Refused, Script, TooMuch, read_script
from parser.source import Source

MAX_MODULES = 300
"""Modules of the repository followed from one entry point."""

MAX_MODULE_BYTES = 2 * 1024 * 1024
"""Bytes of all of them together."""

_IMPORTERS = frozenset({"importlib", "import_module", "__import__"})
_DEFINED = re.compile(rb"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)


class Modules:
    """Finds and parses modules of one source as Python would, seen from the folder of the entry point."""

    def __init__(self, source: Source, entry: str, keywords: frozenset[str], foreign: frozenset[str]) -> None:
        self._foreign = foreign
        self._source = source
        self._folders = list(dict.fromkeys((entry.rpartition("/")[0], "", "src")))
        self._keywords = tuple(word.encode() for word in keywords)
        self._parsed: dict[str, Script | None] = {}
        self._room = MAX_MODULE_BYTES
        self._elsewhere: frozenset[str] | None = None
        self.problems: list[Problem] = []

    @property
    def limits(self) -> Limits:
        """How far scripts of this source may be followed."""
        return self._source.limits

    def find(self, dotted: str, importer: str, level: int) -> str | None:
        """The file that `import dotted` means (`level` leading dots), or None when it is not of this repository."""
        if not level and dotted in self._foreign:
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
                    return path
        return None

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
        """Functions and classes defined in other files that mention argument parsers; none for who imports none."""
        if not self._imports_own(importer):
            return frozenset()
        if self._elsewhere is None:
            names: set[bytes] = set()
            for path, content in self._source.contents.items():
                if path != importer.path and path.endswith(".py") and self._mentions(content):
                    names.update(_DEFINED.findall(content))
            self._elsewhere = frozenset(name.decode(errors="replace") for name in names)
        return self._elsewhere

    def _mentions(self, content: bytes) -> bool:
        # Every byte of the repository passes here: two plain searches leave out nearly all files at once.
        likely = b"arser" in content or b"_arg" in content or b"set_defaults" in content
        return likely and any(word in content for word in self._keywords)

    def _imports_own(self, script: Script) -> bool:
        """Whether a file imports anything of this repository."""
        if self._tops <= {script.path.rpartition("/")[2].removesuffix(".py")}:
            return False
        for node in script.nodes:
            if isinstance(node, ast.ImportFrom):
                if node.level or self._is_own(node.module or ""):
                    return True
            elif isinstance(node, ast.Import):
                if any(self._is_own(alias.name) for alias in node.names):
                    return True
            elif isinstance(node, ast.Name) and node.id in _IMPORTERS:
                return True
        return False

    def _is_own(self, dotted: str) -> bool:
        return dotted not in self._foreign and dotted.partition(".")[0] in self._tops

    @cached_property
    def _tops(self) -> frozenset[str]:
        """The first words that imports of the repository's own modules can have."""
        found: set[str] = set()
        for folder in self._folders:
            start = f"{folder}/" if folder else ""
            for path in self._source.entries:
                if path.startswith(start) and path.endswith(".py"):
                    found.add(path[len(start) :].partition("/")[0].removesuffix(".py"))
        return frozenset(found)

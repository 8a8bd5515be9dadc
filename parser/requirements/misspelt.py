"""Imports that mean a module of the repository and miss its name by a letter or two."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from parser.model import Problem, Requirement
from parser.problems import ascii_controls, problem
from parser.requirements.names import usual_package
from parser.script import Refused, Script, read_script
from parser.source import Source

NEAR = 0.8
"""How alike two names have to be, from 0 to 1; `helper` and `helpers` are 0.92."""

MAX_LOOKED_AT = 200
"""Imports of one repository that are compared with the names of its files."""

MAX_COMPARED = 10_000
"""Pairs of names that are compared, of one repository."""

MAX_NAME = 60
"""Characters of a name that is compared."""

Import = tuple[int, str, tuple[str, ...]]
"""Leading dots, dotted name and imported names."""


@dataclass(slots=True)
class Folders:
    """What lies in each folder of the repository: name of a module or folder → path without the ending."""

    inside: Mapping[str, Mapping[str, str]]
    room: int = MAX_COMPARED
    """Pairs of names that may still be compared."""

    def alike(self, name: str, names: Mapping[str, str]) -> str | None:
        """The one of the names that is most like it, if any is."""
        if len(name) > MAX_NAME or len(names) > self.room:
            return None
        self.room -= len(names)
        import difflib  # most repositories have no doubtful import, and this is slow to load

        by_lower = {one.lower(): one for one in names if one.isidentifier() and len(one) <= MAX_NAME}
        found = difflib.get_close_matches(name.lower(), by_lower, 1, NEAR)
        return by_lower[found[0]] if found else None

    @staticmethod
    def of(source: Source) -> Folders:
        """The folders of all its paths; a file counts by its name up to the first dot, whatever its kind."""
        inside: dict[str, dict[str, str]] = {}
        for path in source.entries:
            folder, _, name = path.rpartition("/")
            stem = name.partition(".")[0]
            inside.setdefault(folder, {})[stem] = posixpath.join(folder, stem)
            while folder:
                above, _, name = folder.rpartition("/")
                inside.setdefault(above, {})[name] = folder
                folder = above
        return Folders(inside)


def misspelt_imports(
    source: Source, roots: Sequence[str], doubtful: Mapping[str, Iterable[Import]], file: str
) -> Iterator[tuple[str, Problem]]:
    """First word of the import and what is said of it; `doubtful` are imports by file that lead to no file.

    Only where the module of nearly that name holds every name that is imported from it: otherwise a package of that
    name may well be meant. `file` is where requirements are written.
    """
    folders = Folders.of(source)
    looked_at = 0
    for path, imports in doubtful.items():
        near: dict[tuple[int, str], str] = {}
        for level, dotted, names in imports:
            looked_at += 1
            if looked_at > MAX_LOOKED_AT:
                return
            found = _near(source, folders, roots, path, (level, dotted, names))
            if found is not None:
                near[level, dotted] = found
        if not near:
            continue
        try:
            script = read_script(source, path)
        except Refused:
            continue
        for node in certain_imports(script):
            for level, dotted in _dotted(node):
                meant = near.pop((level, dotted), None)
                if meant is not None:
                    mend = f"Import {ascii_controls(meant)[:120]}."
                    if not level and "." not in dotted:
                        package = ascii_controls(usual_package(dotted))[:120]
                        mend += f" If the package is meant, add {package} to {ascii_controls(file)[:120]}."
                    words = {"module": "." * level + dotted, "near": meant, "mend": mend}
                    plain = {key: ascii_controls(word)[:300] for key, word in words.items()}
                    first = dotted.partition(".")[0]
                    yield first, problem("import-misspelt", script.place(node), None, **plain)


def misspelt_requirement(package: str, unused: Sequence[Requirement]) -> Requirement | None:
    """The requirement that nothing imports and that is nearly named like this package, if there is one."""
    if len(package) > MAX_NAME or len(unused) > MAX_LOOKED_AT:
        return None
    named = {one.normalized: one for one in unused if one.normalized and len(one.normalized) <= MAX_NAME}
    if not named:
        return None
    import difflib  # slow to load, and a name is rarely wrong

    found = difflib.get_close_matches(package.lower(), named, 1, NEAR)
    return named[found[0]] if found else None


def certain_imports(script: Script) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements that nothing makes optional, neither `try` nor `if`."""
    waiting: list[ast.AST] = [script.tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not isinstance(node, ast.Try | ast.TryStar | ast.If | ast.expr):
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def _dotted(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        yield from ((0, alias.name) for alias in node.names)
    elif node.module:
        yield node.level, node.module


def _near(
    source: Source, folders: Folders, roots: Sequence[str], importer: str, wanted: Import
) -> str | None:
    """The dotted name of the module that is probably meant."""
    level, dotted, names = wanted
    bases = ["/".join(importer.split("/")[:-level])] if level else list(roots)
    parts = dotted.split(".")
    if any(_lies_at(folders, base, parts) for base in bases):
        return None
    for base in bases:
        meant: list[str] = []
        for part in parts:
            inside = folders.inside.get(posixpath.join(base, *meant), {})
            one = part if part in inside else folders.alike(part, inside)
            if one is None:
                break
            meant.append(one)
        if len(meant) == len(parts) and _holds(source, posixpath.join(base, *meant), names):
            return "." * level + ".".join(meant)
    return None


def _lies_at(folders: Folders, base: str, parts: list[str]) -> bool:
    """Whether something is there under that name; or a file on the way, whose inside nobody sees from here."""
    at = base
    for part in parts:
        inside = folders.inside.get(at)
        if inside is None:
            return at != base
        if part not in inside:
            return False
        at = inside[part]
    return True


def _holds(source: Source, stem: str, names: tuple[str, ...]) -> bool:
    """Whether there is a module that speaks of all these names; of `*`, or none, any module does."""
    for path in (f"{stem}.py", f"{stem}/__init__.py"):
        content = source.contents.get(path)
        if content is not None:
            words = set(re.findall(rb"\w+", content))
            return all(name == "*" or name.encode() in words for name in names)
    return False

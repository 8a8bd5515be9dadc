"""Imports of the entry point that work in its author's shell, and not when the image runs the file by its path."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Collection, Iterator

from parser.model import Problem, Requirements
from parser.problems import ascii_controls, problem
from parser.requirements.names import STANDARD, Provided
from parser.script import Script
from parser.source import Source

_STEERED = re.compile(rb"sys\.path|sys\.meta_path|addsitedir|rootutils")
"""What makes Python look for modules elsewhere."""

MAX_WRITTEN = 100
"""Characters of an import that a hint writes out."""


def unreachable_imports(
    source: Source, entry: Script, requirements: Requirements | None, brought: Collection[str] = ()
) -> list[Problem]:
    """Relative imports, and modules of the repository that lie where `python FILE` does not look.

    Only of statements that run whenever the file is run; each module is told once. `brought` are packages that the
    image has beside the requirements.
    """
    nodes = [node for node in entry.nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    if not nodes:
        return []
    certain = list(_certain(entry.tree.body))
    others = [
        node for node in certain if isinstance(node, ast.Import) or not set(_first_words(node)) & set(brought)
    ]
    return [*_relative(entry, certain), *_elsewhere(source, entry, requirements, others)]


def _certain(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that running the file comes by: none in a function, none that `try` or `if` may leave out."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.With | ast.ClassDef):
            yield from _certain(node.body)


def _relative(entry: Script, imports: list[ast.Import | ast.ImportFrom]) -> list[Problem]:
    if "__package__" in entry.text:
        return []
    for node in imports:
        if isinstance(node, ast.ImportFrom) and node.level:
            mend = "import this file's package in a script in the top folder, and name that in .mlreef.yaml."
            plain = ascii_controls(_without_dots(node))
            if node.level == 1 and len(plain) <= MAX_WRITTEN:
                # Of what lies a folder higher, Python finds nothing without its dots either.
                mend = f"Write `{plain}` if that file imports nothing relatively itself; else {mend}"
            else:
                mend = mend[0].upper() + mend[1:]
            words = {"file": ascii_controls(entry.path)[:120], "mend": mend}
            return [problem("import-relative", entry.place(node), None, **words)]
    return []


def _without_dots(node: ast.ImportFrom) -> str:
    names = ", ".join(ast.unparse(one) for one in node.names)
    return f"from {node.module} import {names}" if node.module else f"import {names}"


def _elsewhere(
    source: Source,
    entry: Script,
    requirements: Requirements | None,
    imports: list[ast.Import | ast.ImportFrom],
) -> Iterator[Problem]:
    folder = posixpath.dirname(entry.path)
    folders = [one for one in (*_above(folder), "src") if one != folder]
    wanted = [(first, node) for node in imports for first in _first_words(node) if first not in STANDARD]
    if not wanted or _is_steered(source, folder):
        return
    items = requirements.items if requirements is not None else ()
    if any(item.name is None for item in items):
        return
    provided = Provided(item.normalized for item in items if item.normalized)
    told: set[str] = set()
    for first, node in wanted:
        if first in told or first in provided or _lies_in(source, folder, first, strict=False):
            continue
        at = next((one for one in folders if _lies_in(source, one, first, strict=True)), None)
        if at is not None:
            told.add(first)
            words = {
                "module": first,
                "where": f"in {at}/" if at else "in the repository's top folder",
                "file": entry.path,
                "folder": f"{folder}/" if folder else "the repository's top folder",
                "path": _path_to(folder, at),
            }
            plain = {key: ascii_controls(word)[:120] for key, word in words.items()}
            yield problem("import-out-of-reach", entry.place(node), None, **plain)


def _above(folder: str) -> Iterator[str]:
    """The folders that hold this one, the nearest first, up to the repository itself."""
    while folder:
        folder = posixpath.dirname(folder)
        yield folder


def _first_words(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return [node.module.partition(".")[0]] if node.module and not node.level else []


def _is_steered(source: Source, folder: str) -> bool:
    """Whether a file beside the entry point changes where modules are looked for."""
    return any(
        path.endswith(".py") and posixpath.dirname(path) == folder and _STEERED.search(content)
        for path, content in source.contents.items()
    )


def _lies_in(source: Source, folder: str, name: str, *, strict: bool) -> bool:
    """Whether the folder holds a module of that name; unless `strict`, whatever else could be one counts as well."""
    stem = posixpath.join(folder, name)
    if strict:
        return f"{stem}.py" in source.entries or any(
            path.startswith(f"{stem}/") and path.endswith(".py") for path in source.entries
        )
    return any(path.startswith((f"{stem}.", f"{stem}/")) or path == stem for path in source.entries)


def _path_to(folder: str, wanted: str) -> str:
    """The expression that gives a folder of the repository, in a file that lies in `folder`."""
    depth = len(folder.split("/")) if folder else 0
    if folder == wanted or folder.startswith(f"{wanted}/") or not wanted:
        up = depth - (len(wanted.split("/")) if wanted else 0)
        return f"str(Path(__file__).resolve().parents[{up}])"
    return f'str(Path(__file__).resolve().parents[{depth}] / "{wanted}")'

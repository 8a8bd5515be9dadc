"""What names of a file mean by its import statements alone, without following anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from parser.script import Script


def imported_names(script: Script) -> dict[str, str]:
    """Local name → the full dotted name it was imported as; `import a.b` binds `a`."""
    names: dict[str, str] = {}
    for node in script.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                names[alias.asname or root] = alias.name if alias.asname else root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def dotted_name(node: ast.AST, names: dict[str, str]) -> str | None:
    """`a.b.c` with its first name as it was imported; None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(parts)])


def imports_of(nodes: list[ast.AST]) -> Iterator[tuple[str, int]]:
    """Modules that import statements name, with their leading dots."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dotted = node.module or ""
            yield dotted, node.level
            for alias in node.names:
                if alias.name != "*":
                    yield f"{dotted}.{alias.name}" if dotted else alias.name, node.level

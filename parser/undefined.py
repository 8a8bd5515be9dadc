"""Annotations whose decorator the script neither defines nor imports, and what only notebooks define: Python stops."""

from __future__ import annotations

import ast

from parser.annotations import annotation_nodes
from parser.model import Edit, Place, Problem
from parser.problems import problem, shown
from parser.script import Script, nodes_of

DYNAMIC = frozenset({"exec", "globals", "vars", "locals", "builtins", "__builtins__"})
"""Names by which a script may define others that nobody sees."""


_NOTEBOOK = "get_ipython"


def undefined_annotations(script: Script) -> list[Problem]:
    """One problem for each name that annotations begin with and nothing binds; nothing where a name may be hidden."""
    first: dict[str, ast.expr] = {}
    also: dict[str, list[Place]] = {}
    for node in annotation_nodes(script):
        root = _root(node)
        if root is not None and first.setdefault(root.id, node) is not node:
            also.setdefault(root.id, []).append(script.place(node))
    if not first:
        return []
    bound = _bound(script)
    if bound is None:
        return []
    return [
        _undefined(script, name, node, also.get(name, []))
        for name, node in first.items()
        if name not in bound
    ]


def notebook_commands(script: Script) -> list[Problem]:
    """The first call of a notebook's `get_ipython()` that running the file comes by; nothing binds that name there."""
    for statement in script.tree.body:
        if not isinstance(statement, ast.Expr | ast.Assign):
            continue
        for node in nodes_of(statement):
            if isinstance(node, ast.Name) and node.id == _NOTEBOOK:
                bound = _bound(script)
                hidden = bound is None or _NOTEBOOK in bound
                return [] if hidden else [problem("notebook-command", script.place(statement))]
    return []


def _root(node: ast.expr) -> ast.Name | None:
    """The name that a decorator begins with: `mlreef` of `@mlreef.parameter(…)`."""
    target = node.func if isinstance(node, ast.Call) else node
    while isinstance(target, ast.Attribute):
        target = target.value
    return target if isinstance(target, ast.Name) else None


def _bound(script: Script) -> set[str] | None:
    """Every name that is bound anywhere in the file, in whatever scope; None when others may be."""
    names: set[str] = set()
    # `vars(parser.parse_args())` gives the names of something else
    harmless = {
        id(node.func)
        for node in script.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "vars"
        and node.args
    }
    for node in script.nodes:
        match node:
            case ast.Name() if id(node) in harmless:
                continue
            case ast.Import() | ast.ImportFrom():
                if any(alias.name == "*" for alias in node.names):
                    return None
                names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                names.add(name)
            case ast.MatchMapping(rest=str(name)):
                names.add(name)
            case ast.arg():
                names.add(node.arg)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.Name() if node.id in DYNAMIC:
                return None
    return None if names & DYNAMIC else names


def _undefined(script: Script, name: str, node: ast.expr, also: list[Place]) -> Problem:
    edits = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        definition = f"def {name}(*_, **__): return lambda function: function"
        mend = f"No package is needed: the annotation does nothing when the script runs. Put `{definition}` above it."
        line = _statement_line(script, node)
        written = definition.replace(": return", ":\n    return") + "\n\n\n"
        edits = [Edit(Place(script.path, line, 0, line, 0), written)]
    else:
        mend = f"Import {shown(name)}, or define the decorators in the script; they need do nothing when it runs."
    return problem(
        "annotation-undefined", script.place(node), None, also=also, edits=edits, name=shown(name), mend=mend
    )


def _statement_line(script: Script, node: ast.expr) -> int:
    """The line in which the statement of the file that holds the decorator begins."""
    begins = 1
    for statement in script.tree.body:
        decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
        line = min([statement.lineno, *(one.lineno for one in decorators)])
        if line > node.lineno:
            break
        begins = line
    return begins

"""Which script runs the module: named, annotated, or the one that parses arguments."""

from __future__ import annotations

import ast
import posixpath
import re
from dataclasses import dataclass, replace

from parser.annotations import is_annotated
from parser.frameworks import other_framework
from parser.model import Place, Problem, Severity
from parser.problems import ascii_controls, problem
from parser.script import Refused, Script, nodes_of, read_script
from parser.source import Source

MAX_NAMED = 5
"""Files named in one sentence."""

MAX_TRIED = 50
"""Files looked into to say why no entry point was found."""

_PARSES = ("parse_args", "parse_known_args", "parse_intermixed_args", "parse_known_intermixed_args")
_PROCESSOR = re.compile(rb"@[ \t]*(?:[\w.]+\.)?(?:data_)?processor\b")
_NOT_ENTRY = re.compile(
    r"(^|/)(tests?|docs?|examples?)/|(^|/)(test_[^/]*|[^/]*_test|conftest|setup|noxfile|fabfile)\.py$"
)


@dataclass(frozen=True, slots=True)
class Found:
    """The entry point, parsed, or None and the reasons."""

    script: Script | None
    problems: tuple[Problem, ...]


def find_entry_point(source: Source, named: str | None, said_in: str = ".mlreef.yaml") -> Found:
    """The script of the role `main`; `named` is the path somebody wrote down, which must then be right."""
    if named is not None:
        return _named(source, named, said_in)
    paths = sorted(
        path for path, entry in source.entries.items() if path.endswith(".py") and entry.kind == "file"
    )
    annotated, broken = _matching(
        source, [p for p in paths if _PROCESSOR.search(source.contents.get(p, b""))]
    )
    annotated = [script for script in annotated if is_annotated(script)]
    if not annotated:
        likely = [
            p for p in paths if not _NOT_ENTRY.search(p) and _mentions_parsing(source.contents.get(p, b""))
        ]
        scripts, more = _matching(source, likely)
        broken += more
        guarded = [
            script for script in scripts if _parses(script.nodes) and _main_guard(script.tree) is not None
        ]
        loose = [script for script in scripts if _parses_at_top(script.tree)]
        chosen = guarded or loose
    else:
        chosen = annotated
    if len(chosen) == 1:
        notes = [replace(one, severity=Severity.WARNING) for one in broken]
        if not annotated and not guarded:
            notes.append(problem("entry-point-assumed", Place(chosen[0].path), file=chosen[0].path))
        return Found(chosen[0], tuple(notes))
    if len(chosen) > 1:
        return Found(None, (_several([script.path for script in chosen]), *broken))
    if broken:
        return Found(None, tuple(broken))
    return Found(None, (*_unread(source, paths), *_foreign(source, paths), problem("no-entry-point")))


def _named(source: Source, named: str, said_in: str) -> Found:
    path = posixpath.normpath(named.strip()) if named.strip() else ""
    if not path or path.startswith(("../", "/")) or path == ".." or path not in source.entries:
        similar = [one for one in source.entries if posixpath.basename(one) == posixpath.basename(path)]
        mend = f"Correct the name in {said_in}." + (f" Is {similar[0]} meant?" if similar else "")
        return Found(None, (problem("entry-point-missing", None, file=_short(named), mend=mend),))
    if not path.endswith(".py"):
        return Found(None, (problem("entry-point-not-python", Place(path), file=_short(path)),))
    try:
        return Found(read_script(source, path), ())
    except Refused as refused:
        return Found(None, (refused.problem,))


def _short(path: str) -> str:
    text = ascii_controls(path)
    return text if len(text) <= 120 else text[:119] + "…"


def _matching(source: Source, paths: list[str]) -> tuple[list[Script], list[Problem]]:
    scripts: list[Script] = []
    broken: list[Problem] = []
    for path in paths:
        try:
            scripts.append(read_script(source, path))
        except Refused as refused:
            broken.append(refused.problem)
    return scripts, broken


def _mentions_parsing(content: bytes) -> bool:
    return any(name.encode() in content for name in _PARSES)


def _parses(nodes: list[ast.AST]) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _PARSES
        for node in nodes
    )


def _parses_at_top(tree: ast.Module) -> bool:
    """Whether arguments are parsed by code that runs when the file is run, functions left out."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(_parses(nodes_of(node)) for node in tree.body if not isinstance(node, kinds))


def _main_guard(tree: ast.Module) -> ast.If | None:
    """The statement `if __name__ == "__main__":`."""
    for node in tree.body:
        if (
            isinstance(node, ast.If)
            and isinstance(node.test, ast.Compare)
            and len(node.test.comparators) == 1
        ):
            sides = (node.test.left, node.test.comparators[0])
            names = [side.id for side in sides if isinstance(side, ast.Name)]
            texts = [side.value for side in sides if isinstance(side, ast.Constant)]
            if names == ["__name__"] and texts == ["__main__"]:
                return node
    return None


def _several(paths: list[str]) -> Problem:
    names = ", ".join(_short(path) for path in paths[:MAX_NAMED])
    names += f" and {len(paths) - MAX_NAMED} more" if len(paths) > MAX_NAMED else ""
    words = {"count": str(len(paths)), "files": names, "first": _short(paths[0])}
    return problem("several-entry-points", Place(paths[0]), None, **words)


def _foreign(source: Source, paths: list[str]) -> list[Problem]:
    """Scripts under a main guard that read their command line with another framework."""
    guarded = [path for path in paths if b"__main__" in source.contents.get(path, b"")]
    scripts, _ = _matching(source, guarded[:MAX_TRIED])
    found = [other_framework(script) for script in scripts if _main_guard(script.tree) is not None]
    return [one for one in found if one is not None][:MAX_NAMED]


def _unread(source: Source, paths: list[str]) -> list[Problem]:
    """What is wrong with Python files that could not be read; one of them may be what is missed."""
    _, broken = _matching(source, [path for path in paths if not _NOT_ENTRY.search(path)][:MAX_TRIED])
    return broken[:MAX_NAMED]

"""What a function's signature or a class's fields would be as add_argument calls: a proposal for the author."""

from __future__ import annotations

import ast

from parser.script import Script

MAX_SHOWN = 4
"""Parameters written out in one sentence."""

MAX_TEXT = 60
"""Characters of a default that is written out."""

_TYPES = ("int", "float", "complex")


def as_arguments(script: Script, use: ast.AST) -> str | None:
    """The calls in words, for what the use `fire.Fire(main)`, `@app.command()` or `tyro.cli(Config)` is about."""
    subject = _subject(script, use)
    if isinstance(subject, ast.FunctionDef | ast.AsyncFunctionDef):
        found = _of_function(script, subject)
    elif isinstance(subject, ast.ClassDef):
        found = _of_class(script, subject)
    else:
        return None
    if not found:
        return None
    more = f" and {len(found) - MAX_SHOWN} more" if len(found) > MAX_SHOWN else ""
    return ", ".join(found[:MAX_SHOWN]) + more


def _subject(script: Script, use: ast.AST) -> ast.AST | None:
    """The function or class of this file that the parameters are made of."""
    defined = {
        node.name: node
        for node in script.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    if isinstance(use, ast.ClassDef):
        return use
    if isinstance(use, ast.Call) and use.args and isinstance(use.args[0], ast.Name):
        return defined.get(use.args[0].id)
    if isinstance(use, ast.Call) and not use.args:
        # An application object: its one command is the function decorated with it.
        commands = [
            node
            for node in defined.values()
            if not isinstance(node, ast.ClassDef)
            and any(
                "command" in script.source(one) or "default" in script.source(one)
                for one in node.decorator_list
            )
        ]
        return commands[0] if len(commands) == 1 else None
    return None


def _of_function(script: Script, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    spec = node.args
    plain = [*spec.posonlyargs, *spec.args]
    missing: list[ast.expr | None] = [None] * (len(plain) - len(spec.defaults))
    defaults = [*missing, *spec.defaults, *spec.kw_defaults]
    arguments = [*plain, *spec.kwonlyargs]
    return [
        _call(script, one.arg, one.annotation, default)
        for one, default in zip(arguments, defaults, strict=True)
        if one.arg not in ("self", "cls", "ctx")
    ]


def _of_class(script: Script, node: ast.ClassDef) -> list[str]:
    return [
        _call(script, one.target.id, one.annotation, one.value)
        for one in node.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    ]


def _call(script: Script, name: str, annotation: ast.expr | None, default: ast.expr | None) -> str:
    words = [f'"--{name.replace("_", "-")}"']
    if isinstance(annotation, ast.Name) and annotation.id in _TYPES:
        words.append(f"type={annotation.id}")
    if isinstance(annotation, ast.Name) and annotation.id == "bool":
        words.append("action=argparse.BooleanOptionalAction")
    if default is None:
        words.append("required=True")
    elif isinstance(default, ast.Constant | ast.UnaryOp) and default_text(script, default) != "None":
        words.append(f"default={default_text(script, default)}")
    return f"`parser.add_argument({', '.join(words)})`"


def default_text(script: Script, node: ast.expr) -> str:
    """The default as it is written, shortened."""
    text = script.source(node)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"

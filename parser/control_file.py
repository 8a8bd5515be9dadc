"""mlopen's control files: Python files whose functions `train` and `run_pipeline` are called, found and checked."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from parser.model import Edit, Place, Problem
from parser.problems import ascii_controls, problem, short
from parser.script import Script

PACKAGE = "mlopenapp"
"""What control files import of mlopen; the image brings a small one."""

PIPELINES = f"{PACKAGE}.pipelines"
"""The package that means the control file's own folder."""

TRAIN, RUN, ASK = "train", "run_pipeline", "get_params"

FUNCTIONS = {
    TRAIN: ("inpt", "params=None"),
    RUN: ("input", "model", "args", "params=None"),
    ASK: ("run=True",),
}
"""Name → the parameters that it is called with, always all of them and by place, as mlopen writes them."""

MAX_SHOWN = 200
"""Characters of a signature that is shown."""

_MENTION = re.compile(rb"^(?:async[ \t]+)?def[ \t]+(?:run_pipeline|train)\b", re.MULTILINE)
_EMPTY = re.compile(r"def\s+\w+\s*\(\s*\)")

Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class ControlFile:
    """A control file and those of its functions that it defines itself."""

    script: Script
    functions: dict[str, Definition]


def may_be_control_file(content: bytes) -> bool:
    """Whether it is worth parsing a file to see whether it is one; cheap."""
    return _MENTION.search(content) is not None and (
        b"run_pipeline" in content or PACKAGE.encode() in content
    )


def control_file(script: Script) -> ControlFile | None:
    """The control file that a script is: it defines `run_pipeline`, or imports mlopen and defines `train`."""
    functions = {
        node.name: node
        for node in script.tree.body
        if isinstance(node, Definition) and node.name in FUNCTIONS
    }
    if RUN in functions or (TRAIN in functions and imports_mlopen(script)):
        return ControlFile(script, functions)
    return None


def imports_mlopen(script: Script) -> bool:
    """Whether the file imports something of mlopen."""
    return any(name.partition(".")[0] == PACKAGE for node in script.nodes for name in _modules(node))


def _modules(node: ast.AST) -> list[str]:
    """The modules that a statement imports by their full names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def signature_problems(control: ControlFile, bound: Collection[str]) -> Iterator[Problem]:
    """What is wrong with the functions: one is missing, or could not be called as mlopen does.

    `bound` are those that the file has, wherever they are defined.
    """
    script = control.script
    file = short(script.path)
    if RUN not in bound:
        place = _name_place(script, control.functions[TRAIN])
        words = {"file": file, "name": RUN, "mended": _written(RUN, FUNCTIONS[RUN])}
        yield problem("control-file-function", place, None, **words)
    for name, node in control.functions.items():
        why = _unfit(node, len(FUNCTIONS[name]))
        if why is not None:
            names, edit = _mended(script, node, name)
            words = {"file": file, "name": name, "why": why, "mended": _written(name, names)}
            edits = [] if edit is None else [edit]
            yield problem("control-file-signature", _name_place(script, node), None, edits=edits, **words)


def _unfit(node: Definition, given: int) -> str | None:
    """Why the function could not be called with so many values by place."""
    if isinstance(node, ast.AsyncFunctionDef):
        return "it is asynchronous, so calling it does nothing"
    spec = node.args
    most = len(spec.posonlyargs) + len(spec.args)
    least = most - len(spec.defaults)
    needed = [
        arg.arg for arg, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if default is None
    ]
    if needed:
        return f"it needs {short(needed[0])} by name"
    if least > given or (most < given and spec.vararg is None):
        takes = str(most) if least == most else f"{least} to {most}"
        return f"it takes {takes} value{'s' if takes != '1' else ''}, and is called with {given}"
    return None


def _mended(script: Script, node: Definition, name: str) -> tuple[tuple[str, ...], Edit | None]:
    """The parameters as they should be, and the edit that writes them where it is plain which are missing."""
    spec, wanted = node.args, FUNCTIONS[name]
    own = [*spec.posonlyargs, *spec.args]
    plain = not (spec.vararg or spec.kwonlyargs or spec.kwarg or isinstance(node, ast.AsyncFunctionDef))
    missing = wanted[len(own) :]
    taken = {arg.arg for arg in own}
    if not plain or not missing or any(one.partition("=")[0] in taken for one in missing):
        return wanted, None
    if spec.defaults:
        # Python wants a default behind one
        missing = tuple(one if "=" in one else f"{one}=None" for one in missing)
    shown = tuple(script.source(arg) for arg in own[: len(own) - len(spec.defaults)]) + tuple(
        f"{arg.arg}={script.source(default)}"
        for arg, default in zip(own[len(own) - len(spec.defaults) :], spec.defaults, strict=True)
    )
    return (*shown, *missing), _insertion(script, node, ", ".join(missing))


def _insertion(script: Script, node: Definition, text: str) -> Edit | None:
    """The edit that writes parameters behind those that are there."""
    spec = node.args
    last = (*spec.posonlyargs, *spec.args, *spec.defaults)
    ends = [script.place(one) for one in last]
    if ends:
        end = max(ends, key=lambda one: (one.end_line or 0, one.end_column or 0))
        line, column = end.end_line or end.line, end.end_column or 0
        # a bracket around a default ends behind it
        if spec.defaults and script.line(line)[column : column + 1] == ")" and _bracketed(script, spec):
            return None
        return Edit(Place(script.path, line, column, line, column), f", {text}")
    found = _EMPTY.match(script.line(node.lineno), node.col_offset)
    if found is None:
        return None
    column = found.end() - 1
    return Edit(Place(script.path, node.lineno, column, node.lineno, column), text)


def _bracketed(script: Script, spec: ast.arguments) -> bool:
    place = script.place(spec.defaults[-1])
    return script.line(place.line)[: place.column].rstrip().endswith("(")


def _written(name: str, parameters: tuple[str, ...]) -> str:
    text = f"def {name}({', '.join(parameters)}):"
    text = ascii_controls(text)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def _name_place(script: Script, node: Definition) -> Place:
    """Where the function's first line is, from `def` to its end."""
    begin = script.place(node)
    return Place(script.path, begin.line, begin.column, begin.line, len(script.line(begin.line)))

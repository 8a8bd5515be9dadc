"""What control files use of mlopen against the stand-in that the image has of it, and their helpers against files."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator

from parser.control_file import PACKAGE, PIPELINES
from parser.model import Place, Problem
from parser.problems import ascii_controls, problem
from parser.requirements.imports import followed_files
from parser.requirements.misspelt import certain_imports
from parser.script import Refused, Script, read_script
from parser.source import Source

UTILS = f"{PACKAGE}.utils"

STAND_IN = {
    PACKAGE: ("pipelines", "utils"),
    UTILS: ("data_handler", "io_handler", "plotter"),
    f"{UTILS}.data_handler": ("list_to_js_obj",),
    f"{UTILS}.io_handler": ("load", "save", "save_pipeline"),
    f"{UTILS}.plotter": (
        *("pie_plot_from_lists", "plotlify_pie_js", "plotlify_scatter_js", "scatter_plot_from_lists"),
    ),
}
"""Module → what it has, in the image."""

MAX_TOLD = 20
"""Names that are told."""


def missing_of_mlopen(source: Source, control: Script) -> list[Problem]:
    """What the control file, or a helper that it imports, surely uses of mlopen and the image does not have."""
    folder = posixpath.dirname(control.path)
    brought = {PACKAGE: None, PIPELINES: folder}
    files, folders = _places(source)
    told: dict[str, Place] = {}
    for path in followed_files(source, [control.path], brought):
        try:
            script = control if path == control.path else read_script(source, path)
        except Refused:
            continue
        for name, node in _used(script):
            if name not in told and not _is_there(files, folders, folder, name):
                told.setdefault(name, script.place(node))
    return [_problem(name, place, folder) for name, place in list(told.items())[:MAX_TOLD]]


def _problem(name: str, place: Place, folder: str) -> Problem:
    shown = ascii_controls(name)[:120]
    if f"{name}.".startswith(f"{PIPELINES}."):
        file = posixpath.join(folder, *name.split(".")[2:]) + ".py"
        mend = f"It stands for {ascii_controls(file)[:120]}: add that file."
    else:
        parent = next(one for one in sorted(STAND_IN, reverse=True) if f"{name}.".startswith(f"{one}."))
        has = ", ".join(STAND_IN[parent])
        mend = f"In {parent} there is {has}; what else you need has to be in a file of yours."
    return problem("control-import-missing", place, None, name=shown, mend=mend)


def _used(script: Script) -> Iterator[tuple[str, ast.AST]]:
    """Full names of mlopen's that the file imports, or takes from a module of its, with the place of each."""
    modules: dict[str, str] = {}
    for node in certain_imports(script):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _of_mlopen(alias.name):
                    yield alias.name, node
                    if alias.asname:
                        modules[alias.asname] = alias.name
        elif node.module and not node.level and _of_mlopen(node.module):
            for alias in node.names:
                name = node.module if alias.name == "*" else f"{node.module}.{alias.name}"
                yield name, node
                modules[alias.asname or alias.name] = name
    for found in script.nodes:
        if isinstance(found, ast.Attribute) and isinstance(found.value, ast.Name):
            module = modules.get(found.value.id)
            if module in STAND_IN:
                yield f"{module}.{found.attr}", found


def _of_mlopen(name: str) -> bool:
    return name.partition(".")[0] == PACKAGE


def _places(source: Source) -> tuple[set[str], set[str]]:
    """Files without their endings, and folders."""
    files: set[str] = set()
    folders: set[str] = set()
    for path in source.entries:
        folder, name = posixpath.split(path)
        files.add(posixpath.join(folder, name.partition(".")[0]))
        while folder and folder not in folders:
            folders.add(folder)
            folder = posixpath.dirname(folder)
    return files, folders


def _is_there(files: set[str], folders: set[str], folder: str, name: str) -> bool:
    parent, _, last = name.rpartition(".")
    if name in STAND_IN or last in STAND_IN.get(parent, ()):
        return True
    if not f"{name}.".startswith(f"{PIPELINES}."):
        return False
    path = posixpath.join(folder, *name.split(".")[2:])
    if path in files or path in folders:
        return True
    # a name in a module of the repository's own is that module's matter
    above = posixpath.dirname(path)
    return parent != PIPELINES and (above in files or f"{above}/__init__" in files)

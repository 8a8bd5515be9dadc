"""Imports, and the names of the repository's own modules."""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from parser.interpreter.flow import Call
from parser.interpreter.values import (
    External,
    Function,
    Lazy,
    Module,
    Package,
    Scope,
    Unknown,
)
from parser.script import Script

if TYPE_CHECKING:
    from parser.interpreter.machine import Machine

_NOT_ON_LINUX = frozenset({"winreg", "msvcrt", "winsound", "_winapi", "_winreg", "nt"})
"""Modules of Python's library that an image never has."""


def names_in(machine: Machine, path: str) -> Any:
    """The names of a repository's module and what they stand for: a dictionary, or Unknown."""
    scope = machine.module(path)
    if scope is None:
        return Unknown("is a module that cannot be read")
    beside = machine.modules.imported_beside(path) if path.endswith("__init__.py") else {}
    if beside is None:
        return Unknown("depends on which modules of the package were imported before")
    modules = {name: Module(file) for name, file in beside.items() if name not in scope.names}
    return modules | {
        name: member(machine, value.path, value.name) if isinstance(value, Lazy) else value
        for name, value in list(scope.names.items())
    }


def member(machine: Machine, path: str, name: str) -> Any:
    """A name of a repository's module, or one of its submodules."""
    scope = machine.module(path)
    if scope is not None and name in scope.names:
        value = scope.names[name]
        if isinstance(value, Lazy):
            if (value.path, value.name) == (path, name) or machine.nesting >= machine.max_nesting:
                return Unknown(f"is imported in a circle by {path}")
            machine.nesting += 1
            try:
                return member(machine, value.path, value.name)
            finally:
                machine.nesting -= 1
        return value
    if path.endswith("__init__.py"):
        found = machine.modules.find(name, path, 1)
        if found and found != path:
            return Module(found)
    if scope is None:
        return Unknown(f"comes from {path}, which cannot be read")
    return _given_by(machine, scope, name)


def _given_by(machine: Machine, scope: Scope, name: str) -> Any:
    """A name that a module makes only when it is asked for: by `__getattr__`, or as it tells type checkers."""
    path = scope.script.path
    maker = scope.names.get("__getattr__")
    if isinstance(maker, Function) and (call := machine.call_from_nowhere()):
        value = machine.follow(maker, Call(call.node, call.script, [name], {}))
        if not isinstance(value, Unknown):
            return value
    for node in _told_to_checkers(scope.script):
        found = machine.modules.find(node.module or "", path, node.level)
        for alias in node.names:
            if found is not None and found != path and name == (alias.asname or alias.name):
                return member(machine, found, alias.name)
    return Unknown(f"is not found in {path}")


def _import(machine: Machine, node: ast.Import, scope: Scope) -> None:
    for alias in node.names:
        top = alias.name if alias.asname else alias.name.partition(".")[0]
        scope.bind(alias.asname or top, imported(machine, top, scope.script.path, 0))
        if top != alias.name:
            imported(machine, alias.name, scope.script.path, 0)


def _import_from(machine: Machine, node: ast.ImportFrom, scope: Scope) -> None:
    dotted, path = node.module or "", scope.script.path
    found = machine.modules.find(dotted, path, node.level)
    for alias in node.names:
        if alias.name == "*":
            _import_star(machine, found, dotted, scope)
            continue
        value: Any
        if found is not None and found != path:
            _import_for_effect(machine, found)
            value = Lazy(found, alias.name)
        elif submodule := machine.modules.find(
            f"{dotted}.{alias.name}" if dotted else alias.name, path, node.level
        ):
            value = Module(submodule)
        elif found is not None:
            value = Lazy(found, alias.name)  # the module imports from itself
        elif node.level:
            machine.fail("ImportError")
            value = Unknown(f"comes from {'.' * node.level}{dotted}, which is not in the repository")
        else:
            note_absence(machine, dotted)
            value = machine.external(f"{dotted}.{alias.name}")
        scope.bind(alias.asname or alias.name, value)


def _import_for_effect(machine: Machine, path: str) -> None:
    """Runs a module at its import, where what it does then may matter; others wait until they are used.

    The packages around it are imported before, as Python does it.
    """
    if path in machine.scopes:
        return
    folder = path.removesuffix("/__init__.py").rpartition("/")[0]
    package = f"{folder}/__init__.py"
    if folder and package not in machine.scopes and machine.modules.listing(folder) is not None:
        _import_for_effect(machine, package)
    if (
        path not in machine.scopes
        and machine.modules.has_effect(path)
        and machine.nesting < machine.max_nesting - 30
    ):
        machine.module(path)


def imported(machine: Machine, dotted: str, importer: str, level: int) -> Any:
    """What `import dotted` means: a module or package of the repository, else one of the world outside."""
    found = machine.modules.find(dotted, importer, level)
    if found is not None:
        _import_for_effect(machine, found)
        return Module(found)
    if machine.modules.is_package(dotted, importer, level):
        return Package(dotted)
    note_absence(machine, dotted)
    return External(dotted, module=True)


def note_absence(machine: Machine, dotted: str) -> None:
    """Notes that a package may be absent; one that no Linux has is."""
    top = dotted.partition(".")[0]
    machine.doubts += top not in sys.stdlib_module_names
    if top in _NOT_ON_LINUX:
        machine.fail("ImportError")


def _import_star(machine: Machine, found: str | None, dotted: str, scope: Scope) -> None:
    if found is None:
        own = [f"argparse.{name}" for name in argparse.__all__] if dotted == "argparse" else []
        for name in (*own, *machine.models, *machine.constants):
            if name.rpartition(".")[0] == dotted:
                scope.bind(name.rpartition(".")[2], machine.external(name))
    module = machine.module(found) if found else None
    if module is None:
        return
    exported = module.names.get("__all__")
    for name in list(module.names):
        wanted = name in exported if isinstance(exported, list | tuple) else not name.startswith("_")
        if wanted:
            scope.bind(name, module.names[name])


def _told_to_checkers(script: Script) -> Iterator[ast.ImportFrom]:
    """The imports below `if TYPE_CHECKING:` at the top of a module."""
    for node in script.tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in script.source(node.test):
            yield from (one for one in ast.walk(node) if isinstance(one, ast.ImportFrom))


HANDLERS: Mapping[type[ast.stmt], Callable[..., str | None]] = {
    ast.Import: _import,
    ast.ImportFrom: _import_from,
}

"""Which code of a script has to do with parsers, by the names it mentions."""

from __future__ import annotations

import ast

from parser.interpreter.modules import Modules
from parser.interpreter.reach import COMMON
from parser.script import Script


class Interest:
    """What is worth following; worked out once for each file and piece of code."""

    def __init__(self, modules: Modules, keywords: frozenset[str]) -> None:
        self._modules = modules
        self._keywords = keywords
        self._nodes: dict[int, bool] = {}
        self._names: dict[str, set[str]] = {}
        self._own_names: dict[str, set[str]] = {}

    def forget(self) -> None:
        """Looks at everything anew, as after a further folder of modules was added."""
        self._names.clear()
        self._nodes.clear()

    def concerns(self, node: ast.AST, script: Script) -> bool:
        """Whether code mentions parsers, or a name of the same file whose code does, and so on."""
        if id(node) not in self._nodes:
            words = script.words(node)
            # What the file itself says is looked at first: looking through what it imports takes far longer.
            near = not words.isdisjoint(self._names_here(script))
            self._nodes[id(node)] = near or not words.isdisjoint(self.names(script))
        return self._nodes[id(node)]

    def _imported_names(self, script: Script) -> set[str]:
        """Names of other files' code that deals with parsers, as far as this file can mean them."""
        own = {
            node.name
            for node in script.nodes
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        }
        return {
            name
            for name in self._modules.names_elsewhere(script)
            if not (name.startswith("__") and name.endswith("__"))
            and (name not in own or f".{name}" in script.text)
        }

    def names(self, script: Script) -> set[str]:
        """The names of a file that have to do with parsers."""
        if script.path not in self._names:
            self._names[script.path] = _grown(script, self._names_here(script) | self._imported_names(script))
        return self._names[script.path]

    def _names_here(self, script: Script) -> set[str]:
        """Those of them that are known without a look into other files."""
        if script.path not in self._own_names:
            self._own_names[script.path] = _grown(script, set(self._keywords))
        return self._own_names[script.path]


def _grown(script: Script, found: set[str]) -> set[str]:
    """The names, and those of the file's functions and classes whose code has one of them, and so on."""
    waiting = [
        (node.name, script.words(node))
        for node in script.nodes
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    ]
    grown = True
    while grown:
        grown = False
        for name, names in waiting:
            if name not in found and name not in COMMON and not names.isdisjoint(found):
                found.add(name)
                grown = True
    return found

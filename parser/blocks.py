"""Annotations of several scripts in one file: each `@data_processor` with what stands around it is a block."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from parser.annotations import Annotations, Evaluate, decorators, is_processor, read_annotations
from parser.model import Edit, Place
from parser.script import Script

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

MAX_BLOCKS = 50
"""Blocks of one file."""

MAX_WORDS = 20
"""Words of a `command=` that are looked at."""


@dataclass(frozen=True, slots=True)
class Block:
    """One `@data_processor` with its parameters and metrics, and the name of the function that it decorates."""

    function: str
    annotations: Annotations
    place: Place
    naming: Edit | None
    """Where the script can be named that it is for: the edit's text is what stands around the name, as `{}`."""

    @property
    def command(self) -> str:
        """What it says that it is for; may be empty."""
        processor = self.annotations.processor
        return (processor.command if processor is not None else None) or ""

    def named(self, role: str) -> Edit | None:
        """The edit that names an entry point as what it is for."""
        return None if self.naming is None else Edit(self.naming.place, self.naming.text.format(role))


def count_processors(script: Script) -> int:
    """How many `@data_processor` a file has, as far as their names tell."""
    return sum(is_processor(node) for node in decorators(script))


def read_blocks(script: Script, evaluate: Evaluate) -> tuple[Block, ...]:
    """The blocks of a file, in its order.

    What is annotated at a function without a `@data_processor` belongs to the block before it, and before the first
    block to that.
    """
    groups: list[tuple[str, list[ast.expr]]] = []
    waiting: list[ast.expr] = []
    for definition in _definitions(script):
        parts = _parts(definition.decorator_list, evaluate)
        if parts is None:
            (groups[-1][1] if groups else waiting).extend(definition.decorator_list)
            continue
        name = definition.name if len(parts) == 1 else ""
        groups += [(name, part) for part in parts]
    if groups:
        groups[0][1][:0] = waiting
    return tuple(_block(script, name, nodes, evaluate) for name, nodes in groups[:MAX_BLOCKS])


def belongs_to(block: Block, role: str, path: str) -> bool:
    """Whether a block says that it is for this entry point: by its role, its file or the file's name."""
    stem = posixpath.basename(path).removesuffix(".py")
    names = {role, path, posixpath.basename(path), stem}
    return any(word.removeprefix("./") in names for word in block.command.split()[:MAX_WORDS])


def is_called(block: Block, role: str) -> bool:
    """Whether the block's function has the name of this role."""
    return block.function.replace("_", "-") == role


def _definitions(script: Script) -> Iterator[Definition]:
    found = [node for node in script.nodes if isinstance(node, Definition) and node.decorator_list]
    yield from sorted(found, key=lambda node: node.lineno)


def _parts(nodes: list[ast.expr], evaluate: Evaluate) -> list[list[ast.expr]] | None:
    """The decorators of one function as blocks; None where none of them is a `@data_processor`."""
    begins = [index for index, node in enumerate(nodes) if is_processor(node, evaluate)]
    if not begins:
        return None
    ends = [*begins[1:], len(nodes)]
    # the first takes what stands above it, too
    return [list(nodes[begin:end]) for begin, end in zip([0, *begins[1:]], ends, strict=True)]


def _block(script: Script, name: str, nodes: list[ast.expr], evaluate: Evaluate) -> Block:
    annotations = read_annotations(script, evaluate, nodes)
    (node,) = [one for one in nodes if is_processor(one, evaluate)]
    return Block(name, annotations, script.place(node), _naming(script, node, annotations))


def _naming(script: Script, node: ast.expr, annotations: Annotations) -> Edit | None:
    """How the script that a block is for is written into its brackets, or in the place of another."""
    if not isinstance(node, ast.Call) or node.args:
        return None
    processor = annotations.processor
    at = processor.command_place if processor is not None else None
    if at is not None:
        given = next((one.value for one in node.keywords if one.arg == "command"), None)
        return Edit(at, '"{}"') if isinstance(given, ast.Constant) else None
    called = script.place(node.func)
    end, column = called.end_line or called.line, called.end_column or 0
    if script.line(end)[column : column + 1] != "(":
        return None
    gap = Place(script.path, end, column + 1, end, column + 1)
    return Edit(gap, 'command="{}", ' if node.keywords else 'command="{}"')

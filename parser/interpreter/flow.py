"""What travels through the interpreter: calls on their way, and the ways in which following a script ends."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parser.model import Place
from parser.script import Script


class Exhausted(Exception):
    """The script takes more steps than are allowed."""


class Stopped(Exception):
    """The script ends here: it raises, or calls sys.exit()."""


class Raised(Stopped):
    """The script raises an exception of this name, inside a `try`."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Thrown(Stopped):
    """The script ends by an exception that it raises there, as far as can be seen; `kind`: its name, or empty."""

    def __init__(self, place: Place, kind: str = "") -> None:
        super().__init__()
        self.place = place
        self.kind = kind


class Finished(Stopped):
    """What was to be learned is learned: nothing that the script does from here on matters."""


class Read(Finished):
    """What was to be learned on this way is learned; the others, which may be taken instead, are still to follow."""


class TooDeep(Exception):
    """Statements or calls are nested deeper than is followed."""


@dataclass(slots=True)
class Call:
    """One call on its way: evaluated arguments, and what is not known about them."""

    node: ast.AST
    script: Script
    args: list[Any]
    keywords: dict[str, Any]
    args_unknown: str | None = None
    keywords_unknown: str | None = None
    nodes: Mapping[str, ast.expr] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Where the call is written."""
        return self.script.place(self.node)

    def at(self, keyword: str) -> Place:
        """Where a keyword's value is written, or else the call."""
        return self.script.place(self.nodes.get(keyword, self.node))

    def source(self, keyword: str) -> str:
        """The text of a keyword's value, or of the whole call."""
        return self.script.source(self.nodes.get(keyword, self.node))

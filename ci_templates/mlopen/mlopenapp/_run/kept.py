"""What a control file has given to be kept, until the bundle is written, or what came with one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from .faults import AuthorFault
from .values import shown_type

Kind = Literal["model", "arg"]

MAX_NAME_CHARS = 200
"""Characters of an object's name. It is never the name of a file."""


class Kept:
    """Objects by kind and name, in the order in which they came."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Any] = {}

    def keep(self, kind: Kind, value: Any, name: str) -> None:
        """One object; a later one of the same name takes its place."""
        if kind not in ("model", "arg"):
            raise AuthorFault(f'save(…, type={kind!r}): the type is "model" or "arg".')
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS:
            raise AuthorFault(
                f"The name of a kept object is {name!r}. It is a text of 1 to {MAX_NAME_CHARS} characters."
            )
        self.objects[kind, name] = value

    def keep_all(self, kind: Kind, pairs: Iterable[Any], word: str) -> None:
        """Pairs `(object, "name")`; two of one name are refused, for one of them would be lost."""
        if not isinstance(pairs, (list, tuple)):
            raise AuthorFault(
                f'save_pipeline: {word} is {shown_type(pairs)}. It is a list of pairs, such as [(model, "name")].'
            )
        names = set()
        for number, pair in enumerate(pairs):
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise AuthorFault(
                    f"save_pipeline: {word}[{number}] is {shown_type(pair)}. "
                    'It is a pair of an object and its name, such as (model, "name").'
                )
            if pair[1] in names:
                raise AuthorFault(
                    f"save_pipeline: {word} has two objects named {pair[1]!r}. Give each a name of its own."
                )
            names.add(pair[1])
            self.keep(kind, pair[0], pair[1])

    def find(self, kind: Kind, name: str) -> Any:
        """The object of that name."""
        for known in (name, name[:-4] if name.endswith(".pkl") else name):
            if (kind, known) in self.objects:
                return self.objects[kind, known]
        raise AuthorFault(f"load({name!r}, {kind!r}): nothing of that name was kept, or came with --model.")

    def model(self) -> Any:
        """What `run_pipeline` gets as its model: the one that was kept last, as mlopen has it; else None."""
        models = [value for (kind, _), value in self.objects.items() if kind == "model"]
        return models[-1] if models else None

    def args(self) -> dict[str, Any]:
        """What `run_pipeline` gets as its args: the helper objects by name."""
        return {name: value for (kind, name), value in self.objects.items() if kind == "arg"}


KEPT = Kept()
"""Of this process, which runs one command of one control file."""

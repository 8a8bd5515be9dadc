"""What GitLab's own description of its API says about an answer: which codes, which fields, of which types.

The file beside this one is a reduced extract, see README.md there; `python -m sandbox.openapi FILE` writes it anew
from GitLab's file, which may also be checked against directly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXTRACT = Path(__file__).with_name("gitlab.json")
ENTITY = "API_Entities_"
PREFIX = "/api/v4"

_PARTS = re.compile(r"\{[^}]*\}|[:*]\w+")
_PLAIN: Mapping[str, type[Any] | tuple[type[Any], ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
}

Shape = str
"""A type by name: `string`, an entity's name, `array of …`, or empty where the description says nothing."""


@dataclass(frozen=True)
class Spec:
    """Operations by method and path (names erased) with the shape of each 2xx answer, and entities by name."""

    operations: Mapping[str, Mapping[str, Shape]]
    entities: Mapping[str, Mapping[str, Shape]]

    def knows(self, method: str, pattern: str) -> bool:
        """Whether the operation is described at all."""
        return _operation(method, pattern) in self.operations

    def faults(self, method: str, pattern: str, status: int, body: Any) -> Iterator[str]:
        """What a good answer says otherwise than described: `Entity.field: what`, or the operation and its code."""
        operation = _operation(method, pattern)
        answers = self.operations.get(operation)
        if answers is None:
            return
        if str(status) not in answers:
            yield f"{operation}: answers {status}, described are {', '.join(sorted(answers))}"
        shape = answers.get(str(status)) or next((one for one in answers.values() if one), "")
        # a list is often described as one of its items
        if isinstance(body, list) and not shape.startswith("array of "):
            shape = f"array of {shape}" if shape else ""
        yield from self._compare(operation, shape, body)

    def _compare(self, where: str, shape: Shape, value: Any) -> Iterator[str]:
        if not shape or value is None:
            return  # the description does not say what may be null
        if shape.startswith("array of "):
            if not isinstance(value, list):
                yield f"{where}: is no list"
                return
            for item in value:
                yield from self._compare(where, shape.removeprefix("array of "), item)
            return
        entity = self.entities.get(shape)
        if entity is None:
            kind = _PLAIN.get(shape)
            if kind is not None and (
                not isinstance(value, kind) or (kind is int and isinstance(value, bool))
            ):
                yield f"{where}: is {type(value).__name__}, described is {shape}"
            return
        if not isinstance(value, Mapping):
            yield f"{where}: is no {shape}"
            return
        for name, content in value.items():
            if name not in entity:
                yield f"{shape}.{name}: is not described"
            else:
                yield from self._compare(f"{shape}.{name}", entity[name], content)


def load(file: Path = EXTRACT) -> Spec:
    """The extract."""
    values = json.loads(file.read_text())
    return Spec(values["operations"], values["entities"])


def extract(description: Mapping[str, Any], wanted: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Of a Swagger 2 description: the wanted operations (method, pattern), and the entities that their answers hold."""
    names = {_operation(method, pattern) for method, pattern in wanted}
    operations: dict[str, dict[str, Shape]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            name = _operation(method.upper(), path.removeprefix(PREFIX))
            if name in names:
                operations[name] = {
                    code: _shape(answer.get("schema") or {})
                    for code, answer in operation["responses"].items()
                    if code.startswith("2")
                }
    entities: dict[str, dict[str, Shape]] = {}
    waiting = [shape for answers in operations.values() for shape in answers.values()]
    while waiting:
        name = waiting.pop().rpartition(" ")[2]
        found = description["definitions"].get(ENTITY + name)
        if found is None or name in entities:
            continue
        entities[name] = {key: _shape(value) for key, value in (found.get("properties") or {}).items()}
        waiting += entities[name].values()
    return {"operations": dict(sorted(operations.items())), "entities": dict(sorted(entities.items()))}


def _operation(method: str, pattern: str) -> str:
    return f"{method} {_PARTS.sub('{}', pattern)}"


def _shape(schema: Mapping[str, Any]) -> Shape:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2].removeprefix(ENTITY)
    kind = str(schema.get("type") or "")
    if kind == "array":
        return f"array of {_shape(schema.get('items') or {})}"
    return kind if kind in _PLAIN else ""

"""The label in which an image carries its module → the module. Anybody may have pushed the image, and its label."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from bot.domain.tags import MAX_LABEL_BYTES
from parser.model import (
    MLOPEN,
    EntryPoint,
    Kind,
    Metric,
    Module,
    Parameter,
    Place,
    Requirement,
    Requirements,
    Value,
    role_order,
)


def read_module(label: str) -> Module | None:
    """The module that a label describes; None for what is none, or of a form that only later versions know."""
    if len(label) > MAX_LABEL_BYTES or len(label.encode("utf-8", "replace")) > MAX_LABEL_BYTES:
        return None
    try:
        return _Module.model_validate_json(label).made()
    except (ValidationError, ValueError, RecursionError):
        return None


class _Form(BaseModel):
    # what a later version adds without a new schema number is passed over
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Place(_Form):
    file: str
    line: int = 1
    column: int = 0
    end_line: int | None = None
    end_column: int | None = None

    def made(self) -> Place:
        return Place(self.file, self.line, self.column, self.end_line, self.end_column)


class _Parameter(_Form):
    name: str
    flags: tuple[str, ...]
    dest: str
    type: str | None
    default: JsonValue
    required: bool | None
    choices: tuple[JsonValue, ...] | None
    nargs: str | int | None
    action: str | None
    help: str | None
    place: _Place
    group: str | None = None
    subcommand: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    condition: str | None = None
    const: JsonValue = None
    metavar: str | tuple[str, ...] | None = None
    excludes: tuple[str, ...] = ()
    one_required: bool = False
    deprecated: bool = False
    printed_help: str | None = None

    def made(self) -> Parameter:
        plain = {name: getattr(self, name) for name in _PLAIN}
        return Parameter(
            **plain,
            place=self.place.made(),
            default=_value(self.default),
            const=_value(self.const),
            choices=None if self.choices is None else tuple(_value(one) for one in self.choices),
        )


_PLAIN = tuple(
    name for name in _Parameter.model_fields if name not in ("place", "default", "const", "choices")
)


class _Requirement(_Form):
    name: str | None
    specifier: str
    extras: tuple[str, ...]
    marker: str | None
    url: str | None
    place: _Place
    normalized: str | None = None
    hashes: tuple[str, ...] = ()
    editable: bool = False

    def made(self) -> Requirement:
        plain = {name: getattr(self, name) for name in _Requirement.model_fields if name != "place"}
        return Requirement(**plain, place=self.place.made())


class _Requirements(_Form):
    manager: str
    file: str
    items: tuple[_Requirement, ...]
    constraints: tuple[_Requirement, ...] = ()
    options: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def made(self) -> Requirements:
        items, limits = ([one.made() for one in found] for found in (self.items, self.constraints))
        return Requirements(self.manager, self.file, tuple(items), tuple(limits), self.options, self.files)


class _Metric(_Form):
    name: str
    ground_truth: str | None
    prediction: str | None
    place: _Place

    def made(self) -> Metric:
        return Metric(self.name, self.ground_truth, self.prediction, self.place.made())


class _Types(_Form):
    """Types of data that an entry point has besides those of the module."""

    input_type: str | None = None
    output_type: str | None = None

    def made(self, role: str, file: str, framework: str) -> EntryPoint:
        return EntryPoint(role, file, framework, self.input_type, self.output_type)


class _Module(_Form):
    form: Literal[1] = Field(alias="schema")
    name: str
    slug: str
    kind: Kind
    input_type: str
    output_type: str
    author: str | None
    description: str | None
    visibility: str | None
    entry_points: dict[str, str]
    parameters: tuple[_Parameter, ...]
    requirements: _Requirements | None
    metrics: tuple[_Metric, ...] = ()
    framework: str = "argparse"
    frameworks: dict[str, str] | None = None
    types: dict[str, _Types] = Field(default_factory=dict)
    model_type: str | None = None
    ml_category: str | None = None

    def made(self) -> Module:
        return Module(
            *(self.name, self.slug, self.kind, self.input_type, self.output_type),
            *(self.author, self.description, self.visibility),
            self._points(),
            tuple(one.made() for one in self.parameters),
            None if self.requirements is None else self.requirements.made(),
            tuple(one.made() for one in self.metrics),
            self.framework,
            self.model_type,
            self.ml_category,
        )

    def _points(self) -> tuple[EntryPoint, ...]:
        if self.frameworks is None:
            # of several that an older label names, the image runs the main one only
            if "main" not in self.entry_points:
                raise ValueError("no script runs it")
            return (EntryPoint("main", self.entry_points["main"], self.framework),)
        if not self.entry_points or self.frameworks.keys() != self.entry_points.keys():
            raise ValueError("the entry points are not those that are read")
        roles = sorted(self.entry_points, key=role_order)
        if len(roles) == 1 and self.framework != MLOPEN:
            raise ValueError("one script alone is not selected by a word")
        if not self.types.keys() <= self.entry_points.keys():
            raise ValueError("what has types of data is no entry point")
        return tuple(
            self.types.get(role, _Types()).made(role, self.entry_points[role], self.frameworks[role])
            for role in roles
        )


def _value(found: JsonValue) -> Value:
    if isinstance(found, list):
        return tuple(_value(one) for one in found)
    if isinstance(found, dict):
        return {name: _value(one) for name, one in found.items()}
    if isinstance(found, float) and not math.isfinite(found):
        raise ValueError("JSON has no such number")
    return found

"""The values as JSON: what `describe` prints, what a label carries, and what decides the generated pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from parser.model import SCHEMA, EntryPoint, Module, Parameter, Report

OF_MODELS = ("model_type", "ml_category")
"""Fields that only some modules have; others' JSON does not name them."""


def module_to_dict(module: Module) -> dict[str, Any]:
    """The module as the JSON of the contract, problems left out."""
    return {
        "schema": SCHEMA,
        "name": module.name,
        "slug": module.slug,
        "kind": module.kind.value,
        "input_type": module.input_type,
        "output_type": module.output_type,
        "author": module.author,
        "description": module.description,
        "visibility": module.visibility,
        "entry_points": {point.role: point.file for point in module.entry_points},
        "parameters": [_plain(parameter) for parameter in module.parameters],
        "requirements": _plain(module.requirements),
        "metrics": _plain(module.metrics),
        "framework": module.framework,
        **_selected(module),
        **_of_models(module),
    }


def _selected(module: Module) -> dict[str, Any]:
    """What reads each entry point's command line, where the first word selects one: the sign of such modules."""
    if not module.launched:
        return {}
    frameworks = {point.role: point.framework for point in module.entry_points}
    own = {point.role: _types(point) for point in module.entry_points if _types(point)}
    return {"frameworks": frameworks, **({"types": own} if own else {})}


def _types(point: EntryPoint) -> dict[str, str]:
    """The types of data that an entry point has besides those of the module."""
    own = {"input_type": point.input_type, "output_type": point.output_type}
    return {name: value for name, value in own.items() if value is not None}


def _of_models(module: Module) -> dict[str, Any]:
    """What only models have; left out where it is not given, so that others are as they ever were."""
    return {name: value for name in OF_MODELS if (value := getattr(module, name)) is not None}


def report_to_dict(report: Report) -> dict[str, Any]:
    """What `describe` prints: the module's fields (null when there is no module) and the problems."""
    if report.module is not None:
        described = module_to_dict(report.module)
    else:
        empty: tuple[str, ...] = ("parameters", "metrics")
        described = {"schema": SCHEMA}
        for field in fields(Module):
            if field.name in OF_MODELS:
                continue
            described[field.name] = (
                [] if field.name in empty else {} if field.name == "entry_points" else None
            )
    return {**described, "problems": _plain(report.problems)}


def interface_to_dict(module: Module) -> dict[str, Any]:
    """What decides the generated pipeline: unchanged when only lines move or help texts change."""
    return {
        "name": module.name,
        "slug": module.slug,
        "kind": module.kind.value,
        "input_type": module.input_type,
        "output_type": module.output_type,
        "entry_points": {point.role: point.file for point in module.entry_points},
        **_selected(module),
        "requirements": None
        if module.requirements is None
        else {"manager": module.requirements.manager, "file": module.requirements.file},
        "parameters": [parameter_interface(parameter) for parameter in module.parameters],
    }


_FOR_PEOPLE = ("help", "place", "group", "metavar", "deprecated", "printed_help")
"""Fields that tell people something and change nothing of what is accepted."""


_ACCEPTED = tuple(field.name for field in fields(Parameter) if field.name not in _FOR_PEOPLE)


def parameter_interface(parameter: Parameter) -> dict[str, Any]:
    """What one parameter accepts, without what only tells people something."""
    kept = {name: _plain(getattr(parameter, name)) for name in _ACCEPTED}
    kept["unknown"] = sorted(name for name in parameter.unknown if name not in _FOR_PEOPLE)
    return kept


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII only."""
    return _CANONICAL.encode(value)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
_AS_THEY_ARE = frozenset({str, int, float, bool, type(None)})


def _plain(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value

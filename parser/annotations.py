"""`@data_processor`, `@parameter` and `@metric`: what an author says of a script, read from its decorators."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from parser.interpreter.values import External, known, why_unknown
from parser.model import Kind, Metric, Place, Problem, Value
from parser.problems import problem, shown
from parser.script import Script

Evaluate = Callable[[ast.expr], Any]
"""Gives an expression's value, as the interpreter knows it."""

PROCESSOR, PARAMETER, METRIC = "data_processor", "parameter", "metric"
ALIASES: Mapping[str, str] = {
    "data_processor": PROCESSOR,
    "processor": PROCESSOR,
    "parameter": PARAMETER,
    "param": PARAMETER,
    "metric": METRIC,
}
FIELDS: Mapping[str, tuple[str, ...]] = {
    PROCESSOR: (
        *("name", "author", "command", "type", "description"),
        *("visibility", "input_type", "output_type", "slug"),
    ),
    PARAMETER: ("name", "type", "required", "defaultValue", "description"),
    METRIC: ("name", "ground_truth", "prediction"),
}
SPELLINGS: Mapping[str, Mapping[str, str]] = {
    PROCESSOR: {"inputType": "input_type", "outputType": "output_type"},
    PARAMETER: {
        "datatype": "type",
        "data_type": "type",
        "default_value": "defaultValue",
        "default": "defaultValue",
        "help": "description",
    },
    METRIC: {"groundTruth": "ground_truth"},
}
DATA_TYPES = (
    *("ANY", "AUDIO", "BINARY", "NONE", "HIERARCHICAL", "IMAGE", "TABULAR"),
    *("TEXT", "TIME_SERIES", "VIDEO", "MODEL", "NUMBER"),
)
PARAMETER_TYPES: Mapping[str, str] = {
    **{name: name for name in ("BOOLEAN", "STRING", "INTEGER", "FLOAT", "COMPLEX", "LIST", "TUPLE")},
    **{name: name for name in ("DICTIONARY", "OBJECT", "UNDEFINED")},
    "STR": "STRING",
    "INT": "INTEGER",
    "BOOL": "BOOLEAN",
    "DICT": "DICTIONARY",
}
VISIBILITIES = ("PUBLIC", "PRIVATE")

_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_MENTIONED = re.compile(r"@[ \t]*(?:[\w.]+\.)?(?:data_processor|processor|parameter|param|metric)\b")


@dataclass(frozen=True, slots=True)
class Processor:
    """`@data_processor(…)`; fields not given are None."""

    name: str | None
    author: str | None
    description: str | None
    kind: Kind | None
    visibility: str | None
    input_type: str | None
    output_type: str | None
    slug: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Annotated:
    """`@parameter(…)`; `type` is MLReef's word, `given` names the fields whose value is known."""

    name: str
    type: str | None
    required: bool | None
    default: Value
    description: str | None
    given: frozenset[str]
    place: Place


@dataclass(frozen=True, slots=True)
class Annotations:
    """Everything annotated in one script."""

    processor: Processor | None
    parameters: tuple[Annotated, ...]
    metrics: tuple[Metric, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """One decorator with its values by field; a field whose value is not known is not among them."""

    kind: str
    place: Place
    values: Mapping[str, Any]
    places: Mapping[str, Place]


def mentions_annotations(text: str) -> bool:
    """Whether it is worth looking for annotations in this text."""
    return "processor" in text or bool(_MENTIONED.search(text)) or "mlreef" in text


def is_annotated(script: Script) -> bool:
    """Whether the script has a `@data_processor`."""
    return any(_kind(node, None) == PROCESSOR for node in _decorators(script))


def read_annotations(script: Script, evaluate: Evaluate) -> Annotations:
    """All annotations of a script, and what is wrong with them."""
    problems: list[Problem] = []
    found: list[_Found] = []
    if mentions_annotations(script.text):
        for node in _decorators(script):
            kind = _kind(node, evaluate)
            if kind is not None:
                found.append(_read(script, node, kind, evaluate, problems))
    processors = [one for one in found if one.kind == PROCESSOR]
    if len(processors) > 1:
        problems.append(problem("several-annotations", processors[1].place, count=str(len(processors))))
    if found and not processors:
        problems.append(
            problem(
                "annotation-without-processor", found[0].place, file=script.path, annotation=found[0].kind
            )
        )
    parameters = _parameters([one for one in found if one.kind == PARAMETER], problems)
    metrics = [_metric(one, problems) for one in found if one.kind == METRIC]
    return Annotations(
        _processor(processors[0], problems) if processors else None,
        tuple(parameters),
        tuple(metric for metric in metrics if metric),
        tuple(problems),
    )


def _decorators(script: Script) -> list[ast.expr]:
    return [
        decorator
        for node in script.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for decorator in node.decorator_list
    ]


def _kind(node: ast.expr, evaluate: Evaluate | None) -> str | None:
    """Which annotation the decorator is: by its own name, or by the name it was imported from."""
    target = node.func if isinstance(node, ast.Call) else node
    if isinstance(target, ast.Attribute):
        return ALIASES.get(target.attr)
    if not isinstance(target, ast.Name):
        return None
    if target.id in ALIASES:
        return ALIASES[target.id]
    value = evaluate(target) if evaluate else None
    if isinstance(value, External) and "mlreef" in value.name:
        return ALIASES.get(value.name.rpartition(".")[2])
    return None


def _read(script: Script, node: ast.expr, kind: str, evaluate: Evaluate, problems: list[Problem]) -> _Found:
    place = script.place(node)
    fields = FIELDS[kind]
    values: dict[str, Any] = {}
    places: dict[str, Place] = {}

    def give(field: str, value_node: ast.expr) -> None:
        if field in places:
            problems.append(
                problem("annotation-twice", script.place(value_node), annotation=kind, field=field)
            )
            return
        places[field] = script.place(value_node)
        value = evaluate(value_node)
        if known(value):
            values[field] = value
        else:
            source = script.source(value_node)
            why = why_unknown(value)
            words = {"annotation": kind, "field": field, "source": source, "why": why}
            problems.append(problem("annotation-not-static", script.place(value_node), None, **words))

    if not isinstance(node, ast.Call):
        return _Found(kind, place, {}, {})
    if len(node.args) > len(fields):
        words = {"count": str(len(node.args)), "most": str(len(fields)), "fields": ", ".join(fields)}
        problems.append(problem("annotation-too-many", place, None, annotation=kind, **words))
    for field, value_node in zip(fields, node.args, strict=False):
        give(field, value_node)
    for keyword in node.keywords:
        field = SPELLINGS[kind].get(keyword.arg or "", keyword.arg or "**")
        if field in fields:
            give(field, keyword.value)
        else:
            at = script.place(keyword.value)
            words = {"field": shown(keyword.arg or "**"), "fields": ", ".join(fields)}
            problems.append(problem("annotation-field-unknown", at, None, annotation=kind, **words))
    return _Found(kind, place, values, places)


def _wrong(found: _Found, field: str, why: str, mend: str, problems: list[Problem]) -> None:
    words = {"value": shown(found.values[field]), "why": why, "mend": mend}
    problems.append(
        problem("annotation-value", found.places[field], None, annotation=found.kind, field=field, **words)
    )


def _text(found: _Found, field: str, problems: list[Problem]) -> str | None:
    value = found.values.get(field)
    if value is None or (isinstance(value, str) and _encodable(value)):
        return value
    _wrong(found, field, "it must be text", f'Write it in quotes: `{field}="…"`.', problems)
    return None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _word(found: _Found, field: str, words: tuple[str, ...], problems: list[Problem]) -> str | None:
    """One of a closed set of words, in whatever case it is written."""
    text = _text(found, field, problems)
    if text is None or not text.strip():
        return None
    if text.strip().upper() not in words:
        _wrong(found, field, "that word is not known", f"Use one of {', '.join(words)}.", problems)
        return None
    return text.strip().upper()


def _processor(found: _Found, problems: list[Problem]) -> Processor:
    kind = _word(found, "type", tuple(Kind), problems)
    return Processor(
        name=_text(found, "name", problems),
        author=_text(found, "author", problems),
        description=_text(found, "description", problems),
        kind=Kind(kind) if kind else None,
        visibility=_word(found, "visibility", VISIBILITIES, problems),
        input_type=_word(found, "input_type", DATA_TYPES, problems),
        output_type=_word(found, "output_type", DATA_TYPES, problems),
        slug=_text(found, "slug", problems),
        place=found.place,
    )


def _parameters(found: list[_Found], problems: list[Problem]) -> list[Annotated]:
    made: dict[str, Annotated] = {}
    for one in found:
        parameter = _parameter(one, problems)
        if parameter is None:
            continue
        if parameter.name in made:
            line = str(made[parameter.name].place.line)
            problems.append(
                problem("parameter-annotated-twice", one.place, name=shown(parameter.name), line=line)
            )
        else:
            made[parameter.name] = parameter
    return list(made.values())


def _parameter(found: _Found, problems: list[Problem]) -> Annotated | None:
    if "name" not in found.places:
        problems.append(problem("annotation-incomplete", found.place, annotation=found.kind, field="name"))
        return None
    name = _text(found, "name", problems)
    if name is None:
        return None
    if not _NAME.fullmatch(name):
        problems.append(problem("parameter-name", found.places["name"], name=shown(name)))
        return None
    type_ = _parameter_type(found, problems)
    required = found.values.get("required")
    if required is not None and not isinstance(required, bool):
        if str(required).lower() in ("true", "false"):
            required = str(required).lower() == "true"
        else:
            _wrong(found, "required", "it must be True or False", "Write True or False.", problems)
            required = None
    default = found.values.get("defaultValue")
    if not _jsonable(default):
        _wrong(
            found,
            "defaultValue",
            "it is not a plain value",
            "Write text, a number or a list of them.",
            problems,
        )
        default = None
    return Annotated(
        name,
        type_,
        required,
        tuple(default) if isinstance(default, list | tuple) else default,
        _text(found, "description", problems),
        frozenset(found.values),
        found.place,
    )


def _parameter_type(found: _Found, problems: list[Problem]) -> str | None:
    value = found.values.get("type")
    if value is None:
        return None
    name = PARAMETER_TYPES.get(value.strip().upper()) if isinstance(value, str) else None
    if name is None:
        types = ", ".join(dict.fromkeys(PARAMETER_TYPES.values()))
        problems.append(problem("parameter-type", found.places["type"], type=shown(value), types=types))
    return name


def _jsonable(value: Any) -> bool:
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, list | tuple):
        return all(_jsonable(item) and not isinstance(item, list | tuple | dict) for item in value)
    return (
        value is None
        or isinstance(value, bool | int)
        or (isinstance(value, float) and abs(value) < float("inf"))
    )


def _metric(found: _Found, problems: list[Problem]) -> Metric | None:
    name = _text(found, "name", problems)
    if name is None:
        if "name" not in found.places:
            problems.append(
                problem("annotation-incomplete", found.place, annotation=found.kind, field="name")
            )
        return None
    truth = _text(found, "ground_truth", problems)
    return Metric(name, truth, _text(found, "prediction", problems), found.place)


__all__ = ["Annotated", "Annotations", "Processor", "is_annotated", "read_annotations"]

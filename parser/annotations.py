"""`@data_processor`, `@parameter` and `@metric`: what an author says of a script, read from its decorators."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as made_by
from typing import Any

from parser.interpreter.values import Class, EnumMember, External, Function, Partial, known, why_unknown
from parser.model import Edit, Kind, Metric, Place, Problem, Severity, Value
from parser.nameless import Nameless
from parser.problems import be, problem, shown
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
_KINDS = {"DATAOPS": Kind.OPERATION.value}
"""Words that MLReef's pages had for a kind."""

_WORDS = frozenset({"type", "visibility", "input_type", "output_type"})
"""Fields whose value is one of a closed set of words."""

MAX_WORD = 40
"""Characters of a word that is compared with those that are known."""

MAX_NESTED = 5
"""Levels of lists and dictionaries in a default."""

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
    given: frozenset[str] = frozenset()
    """Fields that are written there, whatever was told of their values."""
    command: str | None = None
    """The script that it is for, in whatever words; what is no text is left out."""
    command_place: Place | None = None


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
    places: Mapping[str, Place] = made_by(default_factory=dict)
    """Where the value of each field is written."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """Everything annotated in one script."""

    processor: Processor | None
    parameters: tuple[Annotated, ...]
    metrics: tuple[Metric, ...]
    problems: tuple[Problem, ...]
    nameless: tuple[Nameless, ...] = ()
    """Annotations of parameters that say everything but which one."""


@dataclass(frozen=True, slots=True)
class _Found:
    """One decorator with its values by field; a field whose value is not known is not among them."""

    kind: str
    place: Place
    values: Mapping[str, Any]
    places: Mapping[str, Place]
    ours: bool = True
    complete: bool = True
    literal: frozenset[str] = frozenset()
    """Fields whose value is written there as a literal."""


def mentions_annotations(text: str) -> bool:
    """Whether it is worth looking for annotations in this text."""
    return "processor" in text or bool(_MENTIONED.search(text)) or "mlreef" in text


def is_annotated(script: Script) -> bool:
    """Whether the script has a `@data_processor`, under whatever name it was imported."""
    renamed = {
        alias.asname: ALIASES[alias.name]
        for node in script.nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname and alias.name in ALIASES
    }
    for node in decorators(script):
        target = node.func if isinstance(node, ast.Call) else node
        if isinstance(target, ast.Name) and renamed.get(target.id) == PROCESSOR:
            return True
        if _kind(node, None)[0] == PROCESSOR:
            return True
    return False


def read_annotations(
    script: Script, evaluate: Evaluate, nodes: Sequence[ast.expr] | None = None
) -> Annotations:
    """All annotations of a script, or those among these decorators of it, and what is wrong with them."""
    problems: list[Problem] = []
    found: list[_Found] = []
    if mentions_annotations(script.text):
        for node in decorators(script) if nodes is None else nodes:
            kind, ours, preset = _kind(node, evaluate)
            if kind is not None:
                found.append(_read(script, node, kind, evaluate, problems, ours, preset))
        if not any(one.kind == PROCESSOR for one in found):
            # `@metric` and `@parameter` are words that other packages use too.
            found = [one for one in found if one.ours]
    processors = [one for one in found if one.kind == PROCESSOR]
    if len(processors) > 1:
        also = [one.place for one in (processors[0], *processors[2:])]
        count = str(len(processors))
        problems.append(problem("several-annotations", processors[1].place, None, also=also, count=count))
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
        tuple(_nameless(script, found)),
    )


def _nameless(script: Script, found: Iterable[_Found]) -> Iterator[Nameless]:
    """Annotations of parameters without a name, where one can be written between their brackets."""
    without = {
        one.place for one in found if one.kind == PARAMETER and one.complete and "name" not in one.places
    }
    for node in decorators(script) if without else ():
        if isinstance(node, ast.Call) and not node.args and (place := script.place(node)) in without:
            called = script.place(node.func)
            end, column = called.end_line or called.line, called.end_column or 0
            # a name that is called otherwise, with blanks or a line in between, is left to a person
            if script.line(end)[column : column + 1] == "(":
                gap = Place(script.path, end, column + 1, end, column + 1)
                yield Nameless(place, gap, bool(node.keywords))


def is_processor(node: ast.expr, evaluate: Evaluate | None = None) -> bool:
    """Whether a decorator is a `@data_processor`; names that were imported as another are known to `evaluate`."""
    return _kind(node, evaluate)[0] == PROCESSOR


def annotation_nodes(script: Script) -> list[ast.expr]:
    """The decorators of the script that are written as annotations."""
    return [node for node in decorators(script) if _kind(node, None)[0]]


def decorators(script: Script) -> list[ast.expr]:
    """All decorators of a script."""
    return [
        decorator
        for node in script.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for decorator in node.decorator_list
    ]


def _kind(node: ast.expr, evaluate: Evaluate | None) -> tuple[str | None, bool, Mapping[str, Any]]:
    """Which annotation the decorator is, whether it is surely ours, and values that it was prepared with.

    Told by its own name, by the name it was imported from, and by what `functools.partial` was made of.
    """
    target = node.func if isinstance(node, ast.Call) else node
    value = evaluate(target) if evaluate else None
    preset: Mapping[str, Any] = {}
    if isinstance(value, Partial) and not value.args:
        preset, value = value.keywords, value.function
    written = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    if isinstance(value, External):
        root = value.name.partition(".")[0].lower()
        kind = ALIASES.get(value.name.rpartition(".")[2]) or ALIASES.get(written)
        ours = "mlreef" in value.name.lower() or root == "builtins"
        return (kind, ours, preset) if ours or written in ALIASES else (None, False, preset)
    if isinstance(value, Function | Class):
        # A stand-in of the repository's own.
        return ALIASES.get(written) or ALIASES.get(value.name), True, preset
    return ALIASES.get(written), True, preset


def _read(
    script: Script,
    node: ast.expr,
    kind: str,
    evaluate: Evaluate,
    problems: list[Problem],
    ours: bool,
    preset: Mapping[str, Any],
) -> _Found:
    place = script.place(node)
    fields = FIELDS[kind]
    values: dict[str, Any] = {}
    places: dict[str, Place] = {}

    literal: set[str] = set()

    def give(field: str, value_node: ast.expr, value: Any) -> None:
        if isinstance(value_node, ast.Constant):
            literal.add(field)
        at = script.place(value_node)
        if field in places:
            problems.append(
                problem("annotation-twice", at, None, also=[places[field]], annotation=kind, field=field)
            )
            return
        places[field] = at
        if known(value) or _stands_for_word(field, value):
            values[field] = value
        else:
            words = {"annotation": kind, "field": field, "be": be(field), "source": script.source(value_node)}
            problems.append(problem("annotation-not-static", at, None, why=why_unknown(value), **words))

    def give_named(name: str, keyword: ast.keyword, value: Any) -> None:
        field = SPELLINGS[kind].get(name, name)
        if field in fields:
            give(field, keyword.value, value)
        else:
            problems.append(_unknown_field(script, kind, name, keyword))

    if not isinstance(node, ast.Call):
        return _Found(kind, place, dict(preset), dict.fromkeys(preset, place), ours)
    positional, complete = _positional(node, evaluate)
    if not complete:
        words = {
            "field": "fields",
            "be": "are",
            "source": script.source(node),
            "why": "is put together from values not known",
        }
        problems.append(problem("annotation-not-static", place, Severity.WARNING, annotation=kind, **words))
    if len(positional) > len(fields):
        words = {"count": str(len(positional)), "most": str(len(fields)), "fields": ", ".join(fields)}
        problems.append(problem("annotation-too-many", place, None, annotation=kind, **words))
    for field, (value_node, value) in zip(fields, positional, strict=False):
        give(field, value_node, value)
    for keyword in node.keywords:
        value = evaluate(keyword.value)
        if keyword.arg is not None:
            give_named(keyword.arg, keyword, value)
        elif isinstance(value, dict) and all(isinstance(name, str) for name in value):
            for name, one in value.items():
                give_named(name, keyword, one)
        else:
            complete = False
            words = {
                "field": "fields",
                "be": "are",
                "source": f"**{script.source(keyword.value)}",
                "why": why_unknown(value),
            }
            problems.append(
                problem("annotation-not-static", place, Severity.WARNING, annotation=kind, **words)
            )
    for name, value in preset.items():
        field = SPELLINGS[kind].get(name, name)
        if field in fields and field not in places:
            places[field], values[field] = place, value
    return _Found(kind, place, values, places, ours, complete, frozenset(literal))


def _positional(node: ast.Call, evaluate: Evaluate) -> tuple[list[tuple[ast.expr, Any]], bool]:
    """The values by position, `*items` of known items among them; and whether these are all."""
    found: list[tuple[ast.expr, Any]] = []
    for one in node.args:
        if not isinstance(one, ast.Starred):
            found.append((one, evaluate(one)))
            continue
        items = evaluate(one.value)
        if not isinstance(items, list | tuple):
            return found, False
        found += [(one.value, item) for item in items]
    return found, True


def _stands_for_word(field: str, value: Any) -> bool:
    """Whether a name stands for a word: a member of an enum, a builtin type, a constant like `DataType.IMAGE`."""
    return isinstance(value, EnumMember) or (isinstance(value, External) and field in _WORDS)


def _unknown_field(script: Script, kind: str, name: str, keyword: ast.keyword) -> Problem:
    """A field that does not exist; when it is a slip of the pen, with the mend."""
    words = {"field": shown(name), "fields": ", ".join(FIELDS[kind])}
    import difflib  # a misspelt field is rare, and this is slow to load

    near = difflib.get_close_matches(name, [*FIELDS[kind], *SPELLINGS[kind]], 1, 0.75)
    edits: list[Edit] = []
    if near and keyword.arg == name:
        start = script.place(keyword)
        edits = [Edit(replace(start, end_line=start.line, end_column=start.column + len(name)), near[0])]
        words["fields"] = f"{words['fields']}; is {near[0]} meant?"
    return problem(
        "annotation-field-unknown", script.place(keyword.value), None, edits=edits, annotation=kind, **words
    )


def _wrong(
    found: _Found, field: str, why: str, mend: str, problems: list[Problem], meant: str | None = None
) -> None:
    at = found.places[field]
    words = {"value": shown(found.values[field]), "why": why, "mend": mend}
    edits = _rewritten(found, field, meant) if meant else []
    problems.append(
        problem("annotation-value", at, None, edits=edits, annotation=found.kind, field=field, **words)
    )


def _rewritten(found: _Found, field: str, meant: str) -> list[Edit]:
    """The edit that writes another word for a value that stands there as text."""
    at = found.places[field]
    as_text = isinstance(found.values.get(field), str) and at.end_line == at.line and at != found.place
    return [Edit(at, f'"{meant}"')] if as_text and field in found.literal else []


def _near(word: str, words: Iterable[str]) -> str | None:
    import difflib  # a misspelt word is rare, and this is slow to load

    found = difflib.get_close_matches(word[:MAX_WORD].strip().upper(), list(words), 1, 0.75)
    return found[0] if found else None


def _plain_word(value: Any) -> Any:
    """A name that stands for a word, as that word."""
    if isinstance(value, EnumMember):
        return value.value if isinstance(value.value, str) else value.name
    return value.name.rpartition(".")[2] if isinstance(value, External) else value


def _text(found: _Found, field: str, problems: list[Problem]) -> str | None:
    value = found.values.get(field)
    if isinstance(value, EnumMember):
        value = value.value
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
    value = found.values.get(field)
    if isinstance(value, EnumMember) and value.name.upper() in words:
        return value.name.upper()
    text = _plain_word(value) if isinstance(value, External) else _text(found, field, problems)
    if text is None or not text.strip():
        return None
    if text.strip().upper() not in words:
        near = _near(text, words)
        said = [one for one in words if one not in _KINDS]
        mend = f"Is {near} meant?" if near else f"Use one of {', '.join(said)}."
        _wrong(found, field, "that word is not known", mend, problems, near)
        return None
    return text.strip().upper()


def _processor(found: _Found, problems: list[Problem]) -> Processor:
    command = found.values.get("command")
    kind = _word(found, "type", (*Kind, *_KINDS), problems)
    return Processor(
        name=_text(found, "name", problems),
        author=_text(found, "author", problems),
        description=_text(found, "description", problems),
        kind=Kind(_KINDS.get(kind, kind)) if kind else None,
        visibility=_word(found, "visibility", VISIBILITIES, problems),
        input_type=_word(found, "input_type", DATA_TYPES, problems),
        output_type=_word(found, "output_type", DATA_TYPES, problems),
        slug=_text(found, "slug", problems),
        place=found.place,
        given=frozenset(field for field in found.places if found.values.get(field, "?") not in ("", None)),
        command=command if isinstance(command, str) else None,
        command_place=found.places.get("command"),
    )


def _parameters(found: list[_Found], problems: list[Problem]) -> list[Annotated]:
    made: dict[str, Annotated] = {}
    for one in found:
        parameter = _parameter(one, problems)
        if parameter is None:
            continue
        if parameter.name in made:
            first = made[parameter.name].place
            words = {"name": shown(parameter.name), "line": str(first.line)}
            problems.append(problem("parameter-annotated-twice", one.place, None, also=[first], **words))
        else:
            made[parameter.name] = parameter
    return list(made.values())


def _parameter(found: _Found, problems: list[Problem]) -> Annotated | None:
    if "name" not in found.places:
        if found.complete:
            problems.append(
                problem("annotation-incomplete", found.place, annotation=found.kind, field="name")
            )
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
    default = _default(found, problems)
    annotated = Annotated(
        name,
        type_,
        required,
        default,
        _text(found, "description", problems),
        frozenset(found.values),
        found.place,
        found.places,
    )
    if type_ is not None and default not in (None, "") and not _fits(default, type_):
        words = {"name": name[:120], "annotated": type_, "value": shown(default)}
        at = found.places["defaultValue"]
        problems.append(problem("annotated-default-type", at, None, also=[found.places["type"]], **words))
    return annotated


def _default(found: _Found, problems: list[Problem]) -> Value:
    value = found.values.get("defaultValue")
    if isinstance(value, EnumMember):
        value = value.value
    if isinstance(value, complex):
        return str(value)
    plain = _plain(value, 0)
    if plain is _REFUSED:
        mend = "Write text, a number or a list of them."
        _wrong(found, "defaultValue", "it is not a plain value", mend, problems)
        return None
    fit: Value = plain
    return fit


_REFUSED: Any = object()


def _plain(value: Any, depth: int) -> Any:
    """The value as JSON can hold it, or _REFUSED."""
    if isinstance(value, str):
        return value if _encodable(value) else _REFUSED
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else _REFUSED
    if isinstance(value, list | tuple) and depth < MAX_NESTED:
        items = tuple(_plain(item, depth + 1) for item in value)
        return _REFUSED if any(item is _REFUSED for item in items) else items
    if isinstance(value, dict) and depth < MAX_NESTED and all(isinstance(key, str) for key in value):
        made = {key: _plain(item, depth + 1) for key, item in value.items()}
        return _REFUSED if any(item is _REFUSED for item in made.values()) else made
    return _REFUSED


def _fits(default: Value, type_: str) -> bool:
    """Whether a default can be of the type it is annotated with; text counts as what it spells."""
    if type_ == "BOOLEAN":
        return isinstance(default, bool) or str(default).strip().lower() in ("true", "false", "0", "1")
    if type_ in ("LIST", "TUPLE"):
        return isinstance(default, tuple | str)
    if type_ == "DICTIONARY":
        return isinstance(default, Mapping | str)
    convert = {"INTEGER": int, "FLOAT": float, "COMPLEX": complex}.get(type_)
    if convert is None:
        return True
    if isinstance(default, bool | tuple | Mapping):
        return False
    if type_ == "INTEGER" and isinstance(default, float):
        return default.is_integer()
    try:
        convert(str(default).strip())
    except ValueError:
        return False
    return True


def _parameter_type(found: _Found, problems: list[Problem]) -> str | None:
    value = _plain_word(found.values.get("type"))
    if value is None:
        return None
    name = PARAMETER_TYPES.get(value.strip().upper()) if isinstance(value, str) else None
    if name is None:
        types = ", ".join(dict.fromkeys(PARAMETER_TYPES.values()))
        near = _near(value, PARAMETER_TYPES) if isinstance(value, str) else None
        mend = f"Is {PARAMETER_TYPES[near]} meant?" if near else f"Use one of {types}."
        edits = _rewritten(found, "type", PARAMETER_TYPES[near]) if near else []
        at = found.places["type"]
        problems.append(problem("parameter-type", at, None, edits=edits, type=shown(value), mend=mend))
    return name


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


__all__ = [
    *("Annotated", "Annotations", "Processor", "annotation_nodes", "decorators"),
    *("is_annotated", "is_processor", "read_annotations"),
]

"""What was read of the entry points → the module: its name, its kind, and what is told where these disagree."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from parser.annotations import Processor
from parser.entry import EntryRead
from parser.model import MLOPEN, EntryPoint, Kind, Module, Parameter, Place, Problem, Requirements, Settings
from parser.problems import problem, shown
from parser.script import Script

ANY = "ANY"
"""The type of data of whom nobody says which."""

MAX_NAME = 300
"""Characters of a module's name."""

MAX_SLUG = 63
"""Characters of a slug: it becomes part of tags and host names."""

_ONE_FOR_ALL = {
    "type": "kind",
    "slug": "slug",
    "visibility": "visibility",
}
"""Fields of `@data_processor` that a module has once, however many entry points, and where they are kept."""


def make_module(
    entries: Sequence[EntryRead], settings: Settings, requirements: Requirements | None, project_name: str
) -> tuple[Module, list[Problem]]:
    """The module that the entry points are, in this order; there is at least one."""
    problems: list[Problem] = []
    several = len({one.script.path for one in entries}) > 1
    launched = len(entries) > 1 or entries[0].framework == MLOPEN
    note = next((one.processor for one in entries if one.processor is not None), None)
    kind = (note and note.kind) or settings.kind
    input_type = (note and note.input_type) or settings.input_type
    output_type = (note and note.output_type) or settings.output_type
    problems.extend(_differences(note, settings, several))
    problems.extend(_disagreements(entries))
    written = {*(note.given if note else ()), *settings.places}
    problems.extend(_defaults({"kind": kind, "input_type": input_type, "output_type": output_type}, written))
    problems.extend(_of_models_only(kind, settings))
    # annotations of several entry points name each of them; the file names the module
    given = (several and settings.name) or (note and note.name) or settings.name
    description = (several and settings.description) or (note and note.description) or settings.description
    name, faults = _name(entries[0].script, settings, given, project_name, note)
    problems.extend(faults)
    is_model = kind is Kind.ALGORITHM
    module = Module(
        name=name,
        slug=slug((note and note.slug) or name) or slug(project_name) or "module",
        kind=kind or Kind.OPERATION,
        input_type=input_type or ANY,
        output_type=output_type or ANY,
        author=note.author if note else None,
        description=description,
        visibility=note.visibility if note else None,
        entry_points=tuple(_point(one, input_type or ANY, output_type or ANY) for one in entries),
        parameters=tuple(_under_roles(entries)) if launched else entries[0].parameters,
        requirements=requirements,
        metrics=tuple(dict.fromkeys(metric for one in entries for metric in one.annotations.metrics)),
        framework=entries[0].framework,
        model_type=settings.model_type if is_model else None,
        ml_category=settings.ml_category if is_model else None,
    )
    return module, problems


def _point(entry: EntryRead, input_type: str, output_type: str) -> EntryPoint:
    """The entry point, with its own types of data where they are others than these of the module."""
    note = entry.processor
    reads, gives = (note.input_type, note.output_type) if note is not None else (None, None)
    return EntryPoint(
        entry.role,
        entry.script.path,
        entry.framework,
        reads if reads != input_type else None,
        gives if gives != output_type else None,
    )


def _under_roles(entries: Sequence[EntryRead]) -> Iterator[Parameter]:
    for entry in entries:
        for one in entry.parameters:
            yield replace(one, subcommand=(entry.role, *one.subcommand))


def _name(
    script: Script, settings: Settings, given: str | None, project_name: str, note: Processor | None
) -> tuple[str, list[Problem]]:
    """The module's name; one that cannot be used is refused, never changed silently."""
    name = given if given is not None else project_name
    why = None
    if len(name) > MAX_NAME:
        why = f"it has more than {MAX_NAME} characters"
    elif not name.strip():
        why = "it is empty"
    elif any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name):
        why = "it holds control characters or line ends"
    if why is None:
        return name, []
    written = settings.places.get("name", Place(script.path))
    place = note.place if note and note.name == given else written
    return project_name, [problem("name-refused", place, name=shown(name), why=why)]


def _differences(note: Processor | None, settings: Settings, several: bool) -> list[Problem]:
    pairs = {
        "name": (note and note.name, None if several else settings.name),
        "type": (note and note.kind, settings.kind),
        "input_type": (note and note.input_type, settings.input_type),
        "output_type": (note and note.output_type, settings.output_type),
    }
    return [
        problem(
            "name-differs",
            note.place if note else None,
            field=field,
            annotated=shown(left),
            value=shown(right),
        )
        for field, (left, right) in pairs.items()
        if left and right and left != right
    ]


def _disagreements(entries: Sequence[EntryRead]) -> Iterator[Problem]:
    """Entry points that are annotated as something else than the first that is."""
    annotated = [(one.role, one.processor) for one in entries if one.processor is not None]
    for role, note in annotated[1:]:
        first_role, first = annotated[0]
        for field, kept in _ONE_FOR_ALL.items():
            left, right = getattr(first, kept), getattr(note, kept)
            if left and right and left != right:
                words = {"field": field, "role": role, "other": shown(right)}
                words |= {"first": first_role, "value": shown(left)}
                yield problem("entry-points-disagree", note.place, None, also=[first.place], **words)


def _of_models_only(kind: Kind | None, settings: Settings) -> Iterator[Problem]:
    """What only a model has, written for something else."""
    for key in ("model_type", "ml_category"):
        if getattr(settings, key) is not None and kind is not Kind.ALGORITHM:
            words = {"key": key, "kind": (kind or Kind.OPERATION).value}
            yield problem("models-only", settings.places.get(key), None, **words)


def _defaults(wanted: dict[str, str | None], written: set[str]) -> list[Problem]:
    """What is taken for fields that nobody wrote; of those that are written and wrong enough is told already."""
    taken = {"kind": Kind.OPERATION.value, "input_type": ANY, "output_type": ANY}
    names = {"kind": "type"}  # as the annotation has it
    missing = [
        field
        for field, value in wanted.items()
        if value is None and field not in written and names.get(field) not in written
    ]
    if not missing:
        return []
    values = " and ".join(dict.fromkeys(taken[field] for field in missing))
    fields = " and ".join([", ".join(missing[:-1]), missing[-1]] if len(missing) > 1 else missing)
    fields += " are" if len(missing) > 1 else " is"
    values += " are" if " and " in values else " is"
    return [problem("module-defaults", None, fields=fields, values=values)]


def slug(text: str) -> str:
    """The text as lower-case letters, digits and single dashes, at most MAX_SLUG characters; may be empty."""
    plain = unicodedata.normalize("NFKD", text[: MAX_NAME * 4]).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:MAX_SLUG].rstrip("-")

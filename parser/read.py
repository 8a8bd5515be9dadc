"""The one public door: a tree of files → the module it publishes, and everything an author should mend."""

from __future__ import annotations

import ast
import re
import unicodedata
from dataclasses import replace
from typing import Any

from parser.annotations import Annotations, Processor, read_annotations
from parser.argparse_reader import CommandLine, read_command_line
from parser.confusables import confusable_names
from parser.entry_points import find_entry_point, missing_files
from parser.frameworks import other_framework, read_other_command_line
from parser.interpreter.flow import Exhausted, Stopped, TooDeep
from parser.interpreter.values import Unknown
from parser.merge import merge
from parser.model import (
    EntryPoint,
    Kind,
    Module,
    Needed,
    Parameter,
    Place,
    Problem,
    Report,
    Requirements,
    Settings,
)
from parser.nameless import named
from parser.own_files import find_own_files
from parser.problems import in_order, problem, shown
from parser.reach import unreachable_imports
from parser.requirements import (
    compare_imports,
    name_packages,
    packages_of_imports,
    read_python_wish,
    read_requirements,
)
from parser.script import Script
from parser.settings import read_settings
from parser.source import Ledger, Source
from parser.undefined import notebook_commands, undefined_annotations

MAX_NAME = 300
"""Characters of a module's name."""

MAX_SLUG = 63
"""Characters of a slug: it becomes part of tags and host names."""


def read(source: Source, project_name: str, entry_point: str | None = None) -> Report:
    """Reads a repository; `entry_point` overrides what it says itself. Never raises, whatever the content."""
    source = replace(source, ledger=Ledger())
    settings, problems = read_settings(source)
    # before the script: whoever gives up on it can then name it as what was looked into last
    requirements, faults = read_requirements(
        source, settings.requirements_file, settings.places.get("requirements_file")
    )
    found = find_entry_point(
        source,
        entry_point or settings.entry_points.get("main"),
        None if entry_point else settings.places.get("entry_points.main"),
    )
    everything = [*problems, *found.problems, *missing_files(source, settings), *faults]
    dockerfile, more_faults = find_own_files(source, settings)
    everything.extend(more_faults)
    module = None
    needed: tuple[Needed, ...] = ()
    if found.script is not None:
        module, more = _read_module(source, found.script, settings, requirements, project_name)
        if any(one.code == "entry-point-unguarded" for one in found.problems):
            # follows from that: what is not called makes no parser
            more = [one for one in more if one.code != "no-argparse"]
        everything.extend(more)
        if requirements is not None and requirements.manager == "pip":
            everything.extend(compare_imports(source, found.script, requirements, faults))
        elif any(one.code == "no-requirements" for one in faults):
            needed = packages_of_imports(source, found.script)
            packages = sorted({one.package for one in needed}, key=str.lower)
            everything = [name_packages(one, packages) for one in everything]
        everything.extend(unreachable_imports(source, found.script, requirements))
    python = read_python_wish(source)
    return Report(module, settings, in_order(everything), dockerfile, python, found.candidates, needed)


def _read_module(
    source: Source, script: Script, settings: Settings, requirements: Requirements | None, project_name: str
) -> tuple[Module, list[Problem]]:
    command_line = read_command_line(source, script)
    if not command_line.found or any(one.code == "never-parsed" for one in command_line.problems):
        command_line = read_other_command_line(source, script, command_line)
    annotations = read_annotations(script, lambda node: _evaluate(command_line, node))
    problems = [*command_line.problems, *annotations.problems, *undefined_annotations(script)]
    problems.extend(notebook_commands(script))
    parameters: tuple[Parameter, ...] = ()
    if command_line.found:
        parameters, contradictions = merge(annotations.parameters, command_line)
        taken = [one.name for one in annotations.parameters]
        problems = named(problems, annotations.nameless, parameters, taken)
        problems.extend(contradictions)
    elif not any(one.code in ("other-framework", "several-commands") for one in problems):
        foreign = other_framework(script)
        problems.append(foreign or problem("no-argparse", Place(script.path), file=script.path))
    problems.extend(confusable_names(parameters))
    module, more = _module(script, settings, annotations, parameters, requirements, project_name)
    points = tuple(replace(one, framework=command_line.framework) for one in module.entry_points)
    return replace(module, framework=command_line.framework, entry_points=points), [*problems, *more]


def _evaluate(command_line: CommandLine, node: ast.expr) -> Any:
    try:
        return command_line.machine.evaluate(node, command_line.scope)
    except (Stopped, Exhausted, TooDeep, RecursionError):
        return Unknown()


def _module(
    script: Script,
    settings: Settings,
    annotations: Annotations,
    parameters: tuple[Parameter, ...],
    requirements: Requirements | None,
    project_name: str,
) -> tuple[Module, list[Problem]]:
    problems: list[Problem] = []
    note = annotations.processor
    kind = (note and note.kind) or settings.kind
    input_type = (note and note.input_type) or settings.input_type
    output_type = (note and note.output_type) or settings.output_type
    problems.extend(_differences(note, settings))
    written = {*(note.given if note else ()), *settings.places}
    problems.extend(_defaults({"kind": kind, "input_type": input_type, "output_type": output_type}, written))
    name, faults = _name(script, settings, (note and note.name) or settings.name, project_name, note)
    problems.extend(faults)
    module = Module(
        name=name,
        slug=slug((note and note.slug) or name) or slug(project_name) or "module",
        kind=kind or Kind.OPERATION,
        input_type=input_type or "ANY",
        output_type=output_type or "ANY",
        author=note.author if note else None,
        description=(note and note.description) or settings.description,
        visibility=note.visibility if note else None,
        entry_points=_entry_points(script, settings),
        parameters=parameters,
        requirements=requirements,
        metrics=annotations.metrics,
    )
    return module, problems


def _entry_points(script: Script, settings: Settings) -> tuple[EntryPoint, ...]:
    others = sorted((role, file) for role, file in settings.entry_points.items() if role != "main")
    return (EntryPoint("main", script.path), *(EntryPoint(role, file) for role, file in others))


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


def _differences(note: Processor | None, settings: Settings) -> list[Problem]:
    pairs = {
        "name": (note and note.name, settings.name),
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


def _defaults(wanted: dict[str, str | None], written: set[str]) -> list[Problem]:
    """What is taken for fields that nobody wrote; of those that are written and wrong enough is told already."""
    taken = {"kind": Kind.OPERATION.value, "input_type": "ANY", "output_type": "ANY"}
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

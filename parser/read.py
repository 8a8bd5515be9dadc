"""The one public door: a tree of files → the module it publishes, and everything an author should mend."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from parser.control_file import PACKAGE, PIPELINES, ControlFile, control_file
from parser.control_imports import missing_of_mlopen
from parser.entry import EntryRead, read_entry
from parser.entry_points import Found, find_entry_point, reads_command_line
from parser.model import MLOPEN, Module, Needed, Place, Problem, Report, Requirements, Settings, role_order
from parser.module import make_module
from parser.own_files import find_own_files
from parser.parameters_file import ParametersFile, declared_entry_points, read_parameters_file
from parser.problems import in_order, problem, short
from parser.reach import unreachable_imports
from parser.requirements import (
    brought_requirements,
    compare_imports,
    name_packages,
    packages_of_imports,
    read_python_wish,
    read_requirements,
)
from parser.sample import sample_problems
from parser.script import Script
from parser.settings import read_settings
from parser.source import Ledger, Source

MOST_SHARES = 2
"""Scripts that may be followed as far as one alone; where a module has more, each is followed less far."""


def read(source: Source, project_name: str, entry_point: str | None = None) -> Report:
    """Reads a repository; `entry_point` overrides what it says itself. Never raises, whatever the content."""
    source = replace(source, ledger=Ledger())
    settings, problems = read_settings(source)
    # before the script: whoever gives up on it can then name it as what was looked into last
    requirements, faults = read_requirements(
        source, settings.requirements_file, settings.places.get("requirements_file")
    )
    found = _entry_points(source, settings, entry_point)
    everything = [*problems, *_of_finding(settings, problems, found), *faults]
    dockerfile, more_faults = find_own_files(source, settings)
    everything.extend(more_faults)
    scripts = {role: one.script for role, one in found.items() if one.script is not None}
    module = None
    needed: tuple[Needed, ...] = ()
    if len(scripts) == len(found):
        module, more = _read_module(source, scripts, settings, requirements, project_name)
        if any(one.code == "entry-point-unguarded" for one in everything):
            # follows from that: what is not called makes no parser
            more = [one for one in more if one.code != "no-argparse"]
        everything.extend(more)
        everything.extend(sample_problems(source, settings, module))
        entries = tuple(scripts.values())
        brought = _brought(module)
        if requirements is not None and requirements.manager == "pip":
            everything.extend(compare_imports(source, entries, requirements, faults, brought))
            everything.extend(brought_requirements(requirements, brought))
        elif any(one.code == "no-requirements" for one in faults):
            needed = packages_of_imports(source, entries, brought)
            packages = sorted({one.package for one in needed}, key=str.lower)
            everything = [name_packages(one, packages) for one in everything]
        if module.framework == MLOPEN:
            everything.extend(missing_of_mlopen(source, entries[0]))
        for script in entries:
            everything.extend(unreachable_imports(source, script, requirements, brought))
    python = read_python_wish(source)
    candidates = tuple(path for one in found.values() for path in one.candidates)
    return Report(module, settings, in_order(everything), dockerfile, python, candidates, needed)


def _of_finding(settings: Settings, problems: Sequence[Problem], found: Mapping[str, Found]) -> list[Problem]:
    """What is told of looking for the entry points, without what follows from their being named wrong."""
    at = settings.places.get("entry_points")
    wrong = at is not None and any(one.code == "settings-value" and one.place == at for one in problems)
    told = [one for each in found.values() for one in each.problems]
    return [one for one in told if not (wrong and one.code == "several-entry-points")]


def _entry_points(source: Source, settings: Settings, entry_point: str | None) -> dict[str, Found]:
    """Role → its script: those that somebody named, else the one that is found; one alone is `main`."""
    if entry_point:
        return {"main": find_entry_point(source, entry_point)}
    named = settings.entry_points or declared_entry_points(source, settings)
    if not named:
        return {"main": find_entry_point(source, None)}
    found = {
        role: find_entry_point(source, named[role], settings.places.get(f"entry_points.{role}"))
        for role in sorted(named, key=role_order)
    }
    return found if len(found) > 1 else dict(zip(("main",), found.values(), strict=True))


def _read_module(
    source: Source,
    scripts: dict[str, Script],
    settings: Settings,
    requirements: Requirements | None,
    project_name: str,
) -> tuple[Module, list[Problem]]:
    source = _share(source, len(scripts))
    described = (
        ParametersFile()
        if any(_control_file(one) for one in scripts.values())
        else read_parameters_file(source, settings, scripts)
    )
    entries = list(_read_entries(source, scripts, described))
    module, problems = make_module(entries, settings, requirements, project_name)
    told = (one for entry in entries for one in entry.problems)
    return module, [*described.problems, *told, *problems]


def _brought(module: Module) -> dict[str, str | None]:
    """Packages that the image brings beside the requirements, and the folder of the repository that they stand for."""
    if module.framework != MLOPEN:
        return {}
    return {PACKAGE: None, PIPELINES: posixpath.dirname(module.main)}


def _read_entries(
    source: Source, scripts: dict[str, Script], described: ParametersFile
) -> Iterator[EntryRead]:
    for role, script in scripts.items():
        control = _control_file(script)
        if control is None:
            own = script.path != described.path
            yield read_entry(source, script, role, described.of.get(role), own=own)
        elif len(scripts) > 1:
            beside = problem("control-file-beside", Place(script.path), file=short(script.path))
            read = read_entry(source, script, role)
            # that it has no parser follows from that
            others = tuple(one for one in read.problems if one.code != "no-argparse")
            yield replace(read, problems=(*others, beside))
        else:
            # imported here, for few repositories have one
            from parser.control_entry import read_control_file

            yield from read_control_file(source, control)


def _control_file(script: Script) -> ControlFile | None:
    """The control file that a script is, unless it reads a command line."""
    return None if reads_command_line(script) else control_file(script)


def _share(source: Source, scripts: int) -> Source:
    """The source with what each of so many scripts may cost: all together no more than two."""
    steps = source.limits.steps * MOST_SHARES // max(scripts, MOST_SHARES)
    return replace(source, limits=replace(source.limits, steps=steps))

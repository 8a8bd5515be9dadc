"""The one public door: a tree of files → the module it publishes, and everything an author should mend."""

from __future__ import annotations

from dataclasses import replace

from parser.entry import read_entry
from parser.entry_points import Found, find_entry_point
from parser.model import Module, Needed, Problem, Report, Requirements, Settings, role_order
from parser.module import make_module
from parser.own_files import find_own_files
from parser.problems import in_order
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
    everything = [*problems, *(one for each in found.values() for one in each.problems), *faults]
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
        entries = tuple(scripts.values())
        if requirements is not None and requirements.manager == "pip":
            everything.extend(compare_imports(source, entries, requirements, faults))
        elif any(one.code == "no-requirements" for one in faults):
            needed = packages_of_imports(source, entries)
            packages = sorted({one.package for one in needed}, key=str.lower)
            everything = [name_packages(one, packages) for one in everything]
        for script in entries:
            everything.extend(unreachable_imports(source, script, requirements))
    python = read_python_wish(source)
    candidates = tuple(path for one in found.values() for path in one.candidates)
    return Report(module, settings, in_order(everything), dockerfile, python, candidates, needed)


def _entry_points(source: Source, settings: Settings, entry_point: str | None) -> dict[str, Found]:
    """Role → its script: those that somebody named, else the one that is found; one alone is `main`."""
    if entry_point:
        return {"main": find_entry_point(source, entry_point)}
    if not settings.entry_points:
        return {"main": find_entry_point(source, None)}
    found = {
        role: find_entry_point(
            source, settings.entry_points[role], settings.places.get(f"entry_points.{role}")
        )
        for role in sorted(settings.entry_points, key=role_order)
    }
    return found if len(found) > 1 else dict(zip(("main",), found.values(), strict=True))


def _read_module(
    source: Source,
    scripts: dict[str, Script],
    settings: Settings,
    requirements: Requirements | None,
    project_name: str,
) -> tuple[Module, list[Problem]]:
    shares = _share(source, len(scripts))
    entries = [read_entry(shares, script, role) for role, script in scripts.items()]
    module, problems = make_module(entries, settings, requirements, project_name)
    return module, [*(one for entry in entries for one in entry.problems), *problems]


def _share(source: Source, scripts: int) -> Source:
    """The source with what each of so many scripts may cost: all together no more than two."""
    steps = source.limits.steps * MOST_SHARES // max(scripts, MOST_SHARES)
    return replace(source, limits=replace(source.limits, steps=steps))

"""Requirements of one package that say the same twice, or that no version can meet together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from parser.model import Edit, Place, Problem, Requirement, Severity
from parser.problems import MAX_PROBLEMS, ascii_controls, problem

MAX_ALIKE = 20
"""Different lines of one package that are compared with each other."""


@dataclass(slots=True)
class _Package:
    """The lines of one package so far: the first of each condition, and the different ones."""

    first: dict[str | None, Requirement] = field(default_factory=dict)
    different: dict[tuple[str | None, str, str | None], Requirement] = field(default_factory=dict)


def find_clashes(items: Iterable[Requirement], constraints: Iterable[Requirement]) -> list[Problem]:
    """The problems of packages that are named more than once; constraints only limit, and may repeat."""
    problems: list[Problem] = []
    packages: dict[str, _Package] = {}
    for item, constraint in [*((item, False) for item in items), *((item, True) for item in constraints)]:
        if len(problems) >= MAX_PROBLEMS:
            break
        if item.normalized is None:
            continue
        if not item.url and _impossible(item.specifier):
            problems.append(_alone(item))
            continue
        package = packages.setdefault(item.normalized, _Package())
        if told := _against(item, constraint, package):
            problems.append(told)
        if not constraint:
            package.first.setdefault(item.marker, item)
        if len(package.different) < MAX_ALIKE:
            package.different.setdefault((item.marker, item.specifier, item.url), item)
    return problems


def _against(item: Requirement, constraint: bool, package: _Package) -> Problem | None:
    """The first clash of a requirement with those before it."""
    for other in package.different.values():
        if item.marker != other.marker and item.marker is not None and other.marker is not None:
            continue
        if item.url and other.url and item.url != other.url:
            return _clash(item, other, item.url, other.url)
        if item.url or other.url or item.specifier == other.specifier:
            continue
        if _impossible(",".join(filter(None, (item.specifier, other.specifier)))):
            return _clash(item, other, item.specifier, other.specifier)
    older = package.first.get(item.marker)
    if constraint or older is None:
        return None
    name = ascii_controls(str(item.name))[:120]
    # The same words again say nothing: the line can go. Of others one cannot tell which is meant.
    same = replace(item, place=older.place, name=older.name) == older and item.place.end_line is not None
    edits = [Edit(item.place, "")] if same else []
    words = {"name": name, "where": _where(older.place)}
    return problem("requirement-twice", item.place, None, also=[older.place], edits=edits, **words)


def _impossible(specifier: str) -> bool:
    if "," not in specifier:
        return False
    from packaging.specifiers import SpecifierSet  # slow to import, and seldom needed

    return SpecifierSet(specifier).is_unsatisfiable()


def _clash(item: Requirement, other: Requirement, one: str, another: str) -> Problem:
    return problem(
        "requirement-contradiction",
        item.place,
        # Under a condition it may never come to that.
        None if item.marker == other.marker else Severity.WARNING,
        also=[other.place],
        name=ascii_controls(str(item.name))[:120],
        one=ascii_controls(one)[:120],
        other=f"{ascii_controls(another)[:120]} ({_where(other.place)})",
    )


def _alone(item: Requirement) -> Problem:
    one, _, other = item.specifier.partition(",")
    name = ascii_controls(str(item.name))[:120]
    return problem("requirement-contradiction", item.place, name=name, one=one[:120], other=other[:120])


def _where(place: Place) -> str:
    return f"{ascii_controls(place.file)[:120]} line {place.line}"

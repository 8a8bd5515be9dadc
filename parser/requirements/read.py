"""Which file of a repository says what the module needs, and what it says."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from parser.model import Place, Problem, Requirements
from parser.problems import ascii_controls, problem
from parser.requirements.pip_file import has_credentials, read_pip_file
from parser.script import Refused
from parser.source import Source

if TYPE_CHECKING:
    from parser.requirements.listed import Listed

DEFAULT_FILE = "requirements.txt"

MAX_SHOWN_LINES = 10
"""Requirements that a hint writes out."""

MAX_SHOWN_NAMES = 5
"""Packages that one message names."""

_EXACT = re.compile(r"={2,3}[^*,]+")
_OTHER_NAME = re.compile(r"requirements[-_.][A-Za-z0-9._-]+\.txt")

NEAR = 0.85
"""How alike a file's name has to be, from 0 to 1; `requirement.txt` is 0.97."""

MAX_COMPARED = 60
"""Characters of a file's name that is compared."""

MAX_LOOKED_AT = 1_000
"""Files whose names are compared."""

LIST_THEM = "Add one that lists the packages the script imports, one a line; an empty one if it needs none."
"""What to do where nothing in the repository says what is needed."""

OTHER_FILES = (
    *("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "pyproject.toml", "Pipfile"),
    *("environment.yml", "environment.yaml"),
)
"""Files that also list packages, the most exact first; all at the top of the repository."""


def read_requirements(
    source: Source, named: str | None, at: Place | None = None
) -> tuple[Requirements | None, tuple[Problem, ...]]:
    """The requirements of the module; `named` is the file that .mlreef.yaml gives, `at` where it does.

    Without a requirements file, what other tools' files say is read all the same, and told to be no such file.
    """
    file = posixpath.normpath(named) if named else DEFAULT_FILE
    if file.startswith(("../", "/")) or file not in source.entries:
        return (None, (_missing(source, file, named, at),)) if named else _elsewhere(source)
    if posixpath.basename(file) in OTHER_FILES:
        return _of_other_tool(source, file)
    found, problems = read_pip_file(source, file)
    return found, (*problems, *(_unpinned(found, problems) if found else ()))


def _unpinned(found: Requirements, problems: Sequence[Problem]) -> Iterator[Problem]:
    """One warning for all packages whose version is left to the day of the build; lines with faults say enough."""
    faulty = {(at.file, at.line) for one in problems for at in (one.place, *one.also) if at}
    limits = {item.normalized for item in found.constraints if _EXACT.fullmatch(item.specifier)}
    loose = [
        item
        for item in found.items
        if item.url is None
        and (item.place.file, item.place.line) not in faulty
        and not _EXACT.fullmatch(item.specifier)
        and item.normalized not in limits
    ]
    if not loose:
        return
    first, *others = loose
    names = ", ".join(ascii_controls(str(item.name))[:60] for item in loose[:MAX_SHOWN_NAMES])
    if len(loose) > MAX_SHOWN_NAMES:
        names += f" and {len(loose) - MAX_SHOWN_NAMES} more"
    also = [item.place for item in others[:MAX_SHOWN_LINES]]
    yield problem("requirement-unpinned", first.place, also=also, names=names)


def _elsewhere(source: Source) -> tuple[Requirements | None, tuple[Problem, ...]]:
    refused: tuple[Problem, ...] = ()
    for file in OTHER_FILES:
        if file in source.entries:
            found, problems = _of_other_tool(source, file)
            if found is not None and found.items:
                return found, problems
            refused = refused or tuple(one for one in problems if one.code != "requirements-taken")
    return None, (_missing(source, DEFAULT_FILE, None, None), *refused)


def _of_other_tool(source: Source, file: str) -> tuple[Requirements | None, tuple[Problem, ...]]:
    try:
        listed = _reader(posixpath.basename(file))(source, file)
    except Refused as refused:
        return None, (refused.problem,)
    addresses = [*(item.url for item in listed.items if item.url), *listed.options]
    if any(map(has_credentials, addresses)):
        return None, (problem("requirement-credentials", Place(file)),)
    from parser.requirements.listed import pip_line

    # What conda has is not what pip would write.
    how = "" if listed.manager == "conda" else _how(listed, [pip_line(item) for item in listed.items])
    mend = f"A requirements.txt comes first where there is one. {how}".rstrip()
    told = problem("requirements-taken", Place(file), file=ascii_controls(file)[:120], mend=mend)
    found = Requirements(listed.manager, file, listed.items, (), listed.options, (file,))
    return found, (told, *listed.problems)


def _reader(name: str) -> Callable[[Source, str], Listed]:
    # Each reader's libraries are slow to import, and hardly any repository needs them.
    if name.startswith("environment."):
        from parser.requirements.conda import read_conda

        return read_conda
    if name in ("pyproject.toml", "Pipfile"):
        from parser.requirements import pyproject

        return pyproject.read_pipfile if name == "Pipfile" else pyproject.read_pyproject
    from parser.requirements import locks

    return {
        "uv.lock": locks.read_uv_lock,
        "poetry.lock": locks.read_poetry_lock,
        "pdm.lock": locks.read_pdm_lock,
        "pylock.toml": locks.read_pylock,
    }.get(name, locks.read_pipfile_lock)


def _how(listed: Listed, lines: list[str]) -> str:
    if listed.command:
        return f"Run `{listed.command}` and add the file to the repository."
    if not lines:
        return "Add an empty requirements.txt if nothing is needed."
    shown = ", ".join(f"`{ascii_controls(line)[:120]}`" for line in lines[:MAX_SHOWN_LINES])
    more = f" and {len(lines) - MAX_SHOWN_LINES} more" if len(lines) > MAX_SHOWN_LINES else ""
    return f"Write a requirements.txt with {shown}{more}, one a line."


def _missing(source: Source, file: str, named: str | None, at: Place | None) -> Problem:
    return problem("no-requirements", at, file=ascii_controls(file)[:120], mend=_mend(source, named))


def _mend(source: Source, named: str | None) -> str:
    if named:
        return "Correct requirements_file in .mlreef.yaml, or add the file."
    likely = likely_file(source)
    if likely is not None and posixpath.basename(likely) == DEFAULT_FILE:
        return f"Name it in .mlreef.yaml: `requirements_file: {ascii_controls(likely)[:120]}`."
    if likely is not None:
        return f"Is {likely} what the image needs? Name it in .mlreef.yaml: `requirements_file: {likely}`."
    top = _top(source)
    import difflib  # slow to load

    by_lower = {path.lower(): path for path in top}
    alike = difflib.get_close_matches(DEFAULT_FILE, by_lower, 1, NEAR)
    if alike:
        return f"Rename {ascii_controls(by_lower[alike[0]])[:120]}: pip's usual name is {DEFAULT_FILE}."
    others = [path for path in (*OTHER_FILES, "setup.py", "setup.cfg") if path in source.entries]
    if others:
        return f"Write the packages of {others[0]} into a requirements.txt; only that is installed into the image."
    return LIST_THEM


def likely_file(source: Source) -> str | None:
    """A requirements file that lies elsewhere, or has another of the usual names."""
    near = next((path for path in source.entries if posixpath.basename(path) == DEFAULT_FILE), None)
    return near or next(iter(sorted(path for path in _top(source) if _OTHER_NAME.fullmatch(path))), None)


def _top(source: Source) -> list[str]:
    return [path for path in source.entries if "/" not in path and len(path) <= MAX_COMPARED][:MAX_LOOKED_AT]


def name_packages(told: Problem, packages: Sequence[str]) -> Problem:
    """The problem of a missing file, with the packages that the script imports where it said to list them."""
    if told.code != "no-requirements" or told.hint != LIST_THEM:
        return told
    if not packages:
        return replace(
            told, hint="Add an empty one: the script imports nothing that pip would have to install."
        )
    shown = ", ".join(f"`{ascii_controls(one)[:120]}`" for one in packages[:MAX_SHOWN_LINES])
    more = f" and {len(packages) - MAX_SHOWN_LINES} more" if len(packages) > MAX_SHOWN_LINES else ""
    return replace(told, hint=f"Add one, with a package a line; what the script imports needs {shown}{more}.")

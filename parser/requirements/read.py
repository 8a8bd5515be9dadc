"""Which file of a repository says what the module needs, and what it says."""

from __future__ import annotations

import posixpath

from parser.model import Problem, Requirements
from parser.problems import ascii_controls, problem
from parser.requirements.pip_file import read_pip_file
from parser.source import Source

DEFAULT_FILE = "requirements.txt"


def read_requirements(source: Source, named: str | None) -> tuple[Requirements | None, tuple[Problem, ...]]:
    """The requirements of the module; `named` is the file that .mlreef.yaml gives."""
    file = posixpath.normpath(named) if named else DEFAULT_FILE
    if file.startswith(("../", "/")) or file not in source.entries:
        return None, (
            problem("no-requirements", None, file=ascii_controls(file)[:120], mend=_mend(source, named)),
        )
    found, problems = read_pip_file(source, file)
    return found, tuple(problems)


def _mend(source: Source, named: str | None) -> str:
    if named:
        return "Correct requirements_file in .mlreef.yaml, or add the file."
    others = [path for path in ("environment.yml", "pyproject.toml", "setup.py") if path in source.entries]
    near = [path for path in source.entries if posixpath.basename(path) == DEFAULT_FILE]
    if near:
        return f"Name it in .mlreef.yaml: `requirements_file: {ascii_controls(near[0])[:120]}`."
    if others:
        return f"Write the packages of {others[0]} into a requirements.txt; only that is installed into the image."
    return "Add one that lists the packages the script imports, one a line; an empty one if it needs none."

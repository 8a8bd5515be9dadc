"""environment.yml → lock: conda's packages by rattler, and what it leaves to pip by uv, for conda's own Python."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from packaging.version import InvalidVersion, Version

from bot.layers.addresses import Account
from bot.layers.conda import conda_python
from bot.layers.conda_asked import CondaAsked, read_asked
from bot.layers.conda_solve import SolvedConda, solve_conda
from bot.layers.lock import Lock, LockedConda
from bot.layers.lock_key import ResolveInputs
from bot.layers.resolve import Resolved, resolve
from parser.model import Place, Problem, Requirement, Requirements
from parser.requirements.names import CONDA_TO_PIP


def resolve_conda(
    inputs: ResolveInputs,
    variables: Mapping[str, str],
    say: Callable[[str], None],
    *,
    index_url: str = "",
    wheels: Path | None = None,
) -> Resolved | tuple[Problem, ...]:
    """As `bot.layers.resolve.resolve`, for a repository whose packages stand in an environment.yml."""
    asked = _asked(inputs, variables)
    if not isinstance(asked, CondaAsked):
        return asked
    with tempfile.TemporaryDirectory(prefix="mlreef-conda-") as cache:
        solved = solve_conda(asked, inputs.environment, inputs.platform, say, Path(cache))
    if not isinstance(solved, SolvedConda):
        return solved
    python = conda_python(solved.packages) or inputs.environment.python
    below = replace(inputs, requirements=_left_to_pip(inputs, asked, solved))
    below = replace(below, environment=replace(inputs.environment, python=python))
    resolved = resolve(below, variables, say, index_url=index_url, wheels=wheels)
    if not isinstance(resolved, Resolved):
        return resolved
    there = {_pip_name(package.name) for package in solved.modules}
    brought = tuple(wheel for wheel in resolved.lock.wheels if wheel.name not in there)
    return replace(resolved, lock=Lock(python, inputs.platform, brought, solved.packages))


def conda_accounts(inputs: ResolveInputs, variables: Mapping[str, str]) -> tuple[Account, ...]:
    """Who to be at the channels of an environment.yml."""
    asked = _asked(inputs, variables)
    return asked.accounts if isinstance(asked, CondaAsked) else ()


def _asked(inputs: ResolveInputs, variables: Mapping[str, str]) -> CondaAsked | tuple[Problem, ...]:
    requirements = inputs.requirements
    if requirements is None:
        raise ValueError("nothing is asked of conda")
    return read_asked(requirements.file, inputs.files[requirements.file], variables)


def _left_to_pip(inputs: ResolveInputs, asked: CondaAsked, solved: SolvedConda) -> Requirements | None:
    """What pip is to bring. Where conda has brought the same, its version is the one that must do."""
    requirements = inputs.requirements
    if requirements is None:
        return None
    items = tuple(item for item in requirements.items if item.place.line in asked.pip_lines)
    limits = [_limit(package, item.place) for item in items[:1] for package in solved.modules]
    constraints = (*requirements.constraints, *(limit for limit in limits if limit is not None))
    return replace(requirements, manager="pip", items=items, constraints=constraints)


def _limit(package: LockedConda, place: Place) -> Requirement | None:
    """The version that conda brought, as pip writes it; None where pip has no words for it."""
    try:
        version = Version(package.version)
    except InvalidVersion:
        return None
    name = _pip_name(package.name)
    return Requirement(name, f"=={version}", (), None, None, place, name)


def _pip_name(name: str) -> str:
    return CONDA_TO_PIP.get(name, name).lower().replace("_", "-").replace(".", "-")

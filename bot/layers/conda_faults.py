"""What packages of conda do to each other, or would do if anything were run."""

from __future__ import annotations

from collections.abc import Iterable

from bot.layers.conda_package import PlannedConda
from bot.layers.values import CONDA_ROOT
from parser.model import Problem, Severity
from parser.problems import problem, shown


def find_conda_faults(planned: Iterable[PlannedConda]) -> tuple[Problem, ...]:
    """What authors should know, although images can be made: scripts that are not run, paths of two packages.

    As `write_conda` gives them: contents by their hashes.
    """
    owners: dict[str, tuple[str, object]] = {}
    told: dict[tuple[str, str], Problem] = {}
    for one in sorted(planned, key=lambda one: one.package.name):
        name = one.package.name
        for item in one.items:
            if item.path == f"{CONDA_ROOT}/bin/.{name}-post-link.sh":
                told[name, ""] = problem("conda-script", package=name)
            what = item.target, item.sha256
            had = owners.setdefault(item.path, (name, what))
            if had[1] != what and not item.folder:
                path = shown(item.path)
                clash = problem("wheels-clash", None, Severity.WARNING, one=had[0], other=name, path=path)
                told.setdefault((had[0], name), clash)
    return tuple(told.values())

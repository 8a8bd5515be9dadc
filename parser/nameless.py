"""`@parameter(…)` without a name: which parameter is meant, where only one can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from parser.model import Edit, Parameter, Place, Problem


@dataclass(frozen=True, slots=True)
class Nameless:
    """An annotation without a name: its place, where its first value would stand, and whether others follow there."""

    place: Place
    gap: Place
    followed: bool


def named(
    problems: Iterable[Problem],
    nameless: Sequence[Nameless],
    accepted: Sequence[Parameter],
    taken: Iterable[str],
) -> list[Problem]:
    """The problems, those of nameless annotations with their mend where one annotation and one parameter are left.

    `taken` are the names that other annotations give.
    """
    others = {_plain(name) for name in taken}
    free = [parameter.name for parameter in accepted if _plain(parameter.name) not in others]
    if len(nameless) != 1 or len(free) != 1 or not _plain(free[0]).replace("-", "").isalnum():
        return list(problems)
    (one,), (name,) = nameless, free
    mend = Edit(one.gap, f'name="{name}"{", " if one.followed else ""}')
    return [
        replace(told, edits=(mend,))
        if told.code == "annotation-incomplete" and told.place == one.place
        else told
        for told in problems
    ]


def _plain(name: str) -> str:
    return name.replace("_", "-").lower()

"""A project that is made in GitLab for a repository to begin with: what is left to do, seen from what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.domain.templates import Visibility

CONFIG_PATH = "mlreef.yml"
"""The project's CI file: the one that the bot writes."""

BRANCH = "main"
"""The branch of the first commit, which is the default one from then on."""

MESSAGE = "Begin with a template of mlreef-bot\n"
"""Message of the first commit."""


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project as it shall be; `namespace` is the full path of a group, "" for the user's own."""

    namespace: str
    path: str
    name: str
    description: str
    visibility: Visibility
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A project that is there: who made it, whether it has commits, and whether it `holds` every file as wanted."""

    id: int
    web_url: str
    git_url: str
    creator: int
    empty: bool
    holds: bool
    default_branch: str | None


@dataclass(frozen=True, slots=True)
class CannotMake:
    """Why there can be no such project, and what to do."""

    why: str
    mend: str


Left = Literal["make", "fill", "nothing"]
"""What is left to do: make the project, put the files into one that an earlier run made, nothing."""


def plan_project(found: Standing | None, me: int) -> Left | CannotMake:
    """What is left to do for the user `me`. A project of somebody else's, or with other files, is never touched."""
    if found is None:
        return "make"
    other = "Give another path by --project, or push the files there by git."
    if found.empty:
        return "fill" if found.creator == me else CannotMake("somebody else made that project", other)
    return "nothing" if found.holds else CannotMake("that project is there already, with other files", other)

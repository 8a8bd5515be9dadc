"""Under which paths a project was published: GitLab follows references by a path that it had before."""

from __future__ import annotations

import json

from bot.domain.gitlab import Project
from bot.world import World

MAX_PATHS = 20
"""So many of a project's paths are remembered, the newest."""


def paths_fact(project_id: int) -> str:
    """The name of the fact that holds them."""
    return f"paths of {project_id}"


def note_path(project: Project, world: World) -> None:
    """Remember the path that the project has now."""
    known = _noted(project.id, world)
    if project.path not in known:
        world.store.keep_fact(paths_fact(project.id), json.dumps([project.path, *known][:MAX_PATHS]))


def fetch_paths(project: Project, world: World) -> frozenset[str]:
    """Every path that the project is known to have, or to have had."""
    return frozenset((project.path, *_noted(project.id, world)))


def _noted(project_id: int, world: World) -> list[str]:
    text = world.store.fact(paths_fact(project_id))
    return [] if text is None else list(json.loads(text))

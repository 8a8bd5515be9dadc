"""Whether the bot can know every use of a project's modules: else none of its versions goes by itself.

A database knows uses from the day on that it notes them. Of a project that was first published later it knows all;
of the others once all projects were asked.
"""

from __future__ import annotations

import time

import structlog

from bot.domain.facts import USES_KNOWN, USES_SINCE, uses_known_fact
from bot.domain.gitlab import Project
from bot.domain.retention import all_published_since
from bot.world import World

HINT = "Run `mlreef-bot catalogue rebuild` once: it asks every project what it uses."

log = structlog.get_logger()


def note_all_known(world: World) -> None:
    """Every project was asked what it uses."""
    world.store.keep_fact(USES_KNOWN, f"{time.time()}")


def are_uses_known(project: Project, world: World) -> bool:
    """Whether all is known that uses the project's modules; what was so once stays so."""
    store, own = world.store, uses_known_fact(project.id)
    if store.fact(USES_KNOWN) or store.fact(own):
        return True
    since = store.fact(USES_SINCE)
    if since and all_published_since(store.listed_versions(project.id), float(since)):
        store.keep_fact(own, since)
        return True
    log.warning("not_retired", project=project.path, why="who uses its versions is not known", hint=HINT)
    return False

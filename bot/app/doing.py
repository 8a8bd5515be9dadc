"""Commands that do themselves what the worker does, now and in front of a person."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from bot import cataloguing, opening
from bot.adapters.overview import Overview
from bot.app.gitlab import build_client, read_project
from bot.app.world import build_reach, world_of_a_command
from bot.config import Config
from bot.domain.tables import plural
from bot.domain.text import printable
from bot.domain.wizard import SetupWish
from bot.sweeper import lines_of, sweep_now


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended, and what a person reads of it."""

    good: bool
    words: str


def reconcile(config: Config, act: bool) -> tuple[str, ...]:
    """Sweep everything now; returns what was found, as lines for a person. `act` False changes nothing."""
    with world_of_a_command(config) as world:
        found = sweep_now(build_reach(config, world, act), f"command {os.getpid()}")
    return tuple(lines_of(found))


def open_setup(config: Config, project: str, wish: SetupWish) -> Told:
    """Open the merge request that sets a project (id or path) up, as a comment `/mlreef init` does."""
    with world_of_a_command(config) as world:
        found = world.forge.fetch_project(read_project(project))
        opened = opening.open_setup(found.id, world, asked=True, wish=wish)
    if opened.refused is not None:
        return Told(False, printable(f"{opened.refused.why} {opened.refused.mend}"))
    words = {"opened": "Opened", "there": "It is there already:"}.get(opened.kind)
    return Told(True, f"{words} {opened.web_url}" if words else "There is nothing to set up.")


def rebuild_catalogue(config: Config, project: str | None, tell: Callable[[str], None]) -> Told:
    """Work the catalogue out anew of GitLab and the registry: one project (id or path), or all that the bot sees."""
    with world_of_a_command(config) as world:
        if project is not None:
            found = world.forge.fetch_project(read_project(project))
            built = cataloguing.rebuild([(found.id, found.path)], world, tell, others=False)
        else:
            pages = Overview(build_client(config, world.store)).fetch_enrolled(None, archived=True)
            built = cataloguing.rebuild(((one.id, one.path) for page in pages for one in page), world, tell)
    words = f"{plural(built.looked_at, 'project')} looked at, {built.listed} of them in the catalogue."
    if built.failed:
        words += f" {built.failed} could not be asked."
    if built.uses_unknown:
        words += " Until all told what they use, no version goes by itself."
    return Told(not built.failed, words)

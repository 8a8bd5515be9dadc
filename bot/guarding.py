"""The guards against answering oneself for ever that have to look: at commits, and at what was written lately."""

from __future__ import annotations

import json
import time
from dataclasses import astuple

from bot.adapters.store import Store
from bot.domain.gitlab import Branch
from bot.domain.guards import (
    MAX_GENERATED_IN_A_ROW,
    Guards,
    Written,
    is_a_loop,
    is_written_for,
    spend,
)
from bot.domain.pipeline import PATH, is_for
from bot.domain.plan import Head, source_of
from bot.world import World


def find_loop(head: Head, world: World) -> str | None:
    """The guard that forbids one more commit of the generated file on this head, None when none does."""
    guards, branch, project_id = world.policy.guards, head.branch, head.project.id
    # a branch made at the bot's commit begins with the file of another branch
    if is_for(head.generated, branch.name) and is_written_for(source_of(branch), branch.sha, guards):
        return "the head holds the file for its parent already"
    if guards.only_generated and is_a_loop(_generated_in_a_row(project_id, branch, world), guards):
        return f"the last {MAX_GENERATED_IN_A_ROW} commits changed nothing but {PATH}"
    return None


def _generated_in_a_row(project_id: int, branch: Branch, world: World) -> int:
    sha, parents = branch.sha, branch.parents
    for count in range(MAX_GENERATED_IN_A_ROW):
        # a merge brings in whatever it brings in
        if len(parents) != 1 or not world.forge.fetch_changed(project_id, sha) <= {PATH}:
            return count
        sha = parents[0]
        parents = world.forge.fetch_parents(project_id, sha)
    return MAX_GENERATED_IN_A_ROW


def spend_commit(project_id: int, branch: str, parent: str, store: Store, guards: Guards) -> float | None:
    """Note one more commit of the bot's on a branch, before it is made; or the seconds until one is allowed."""
    name = f"commits {project_id} {branch}"
    kept = store.fact(name)
    written = tuple(Written(*item) for item in json.loads(kept or "[]"))
    left = spend(written, parent, time.time(), guards)
    if isinstance(left, float):
        return left
    if left != written:
        store.keep_fact(name, json.dumps([astuple(one) for one in left]))
    return None

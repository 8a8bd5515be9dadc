"""Exact versions for a merge request's requirements: those that work together today, as an image would get them."""

from __future__ import annotations

import os
from collections.abc import Mapping

import structlog

from bot.domain import pinning as rules
from bot.domain.environments import Environment
from bot.domain.review import Reviewed
from bot.errors import OperatorError, TryAgain
from bot.layers.indexes import MIRRORS
from bot.layers.uv import PASSED_ON
from bot.world import World
from parser.model import Problem, Requirements

PIN_SECONDS = 5.0
"""Longest time of one run of uv for it; the problem can be told without versions."""

log = structlog.get_logger()


def with_pins(problem: Problem, reviewed: Reviewed, contents: Mapping[str, bytes], world: World) -> Problem:
    """The problem as it is or, where it is about packages without an exact version, with the edits that write these.

    `contents` are the head's files. Only the operator's index is asked, and none where the operator does not want
    that. Raises nothing for an index that does not answer.
    """
    if problem.code != rules.UNPINNED or problem.place is None or not world.policy.review.ask_index:
        return problem
    module, settings = reviewed.report.module, reviewed.settings
    plain = rules.plain_requirements(module.requirements if module else None)
    content = contents.get(problem.place.file)
    if plain is None or content is None or isinstance(settings, Problem):
        return problem
    versions = _fetch_versions(plain, settings.environment, world)
    return rules.pinned(problem, plain, content, versions)


def _fetch_versions(plain: Requirements, environment: Environment, world: World) -> Mapping[str, str]:
    """Versions that work together, by normalized name; none when they cannot be had now."""
    # slow to load, and most merge requests leave no version open
    from bot.layers.lock_key import ResolveInputs
    from bot.layers.resolve import Resolved, resolve

    variables = {name: os.environ[name] for name in (*PASSED_ON, *MIRRORS) if os.environ.get(name)}
    inputs = ResolveInputs(plain, environment, environment.platforms[0])
    index_url = world.policy.building.index_url
    try:
        answer = resolve(inputs, variables, log.debug, index_url=index_url, seconds=PIN_SECONDS)
    except (TryAgain, OperatorError) as trouble:
        log.info("versions_not_found", reason=str(trouble))
        return {}
    return {wheel.name: wheel.version for wheel in answer.lock.wheels} if isinstance(answer, Resolved) else {}

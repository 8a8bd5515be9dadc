"""Exact versions for a merge request's requirements: those that work together today, as an image would get them."""

from __future__ import annotations

import os
from collections.abc import Mapping

import structlog

from bot.domain import pinning as rules
from bot.domain.environments import Environment
from bot.errors import OperatorError, TryAgain
from bot.layers.indexes import MIRRORS
from bot.layers.lock_key import ResolveInputs
from bot.layers.resolve import Resolved, resolve
from bot.layers.uv import PASSED_ON
from bot.world import World
from parser.model import Problem, Requirements

PIN_SECONDS = 10.0
"""Longest time for it; the problem can be told without versions."""

log = structlog.get_logger()


def with_pins(
    problem: Problem,
    found: Requirements | None,
    contents: Mapping[str, bytes],
    environment: Environment | None,
    world: World,
) -> Problem:
    """The problem as it is or, where packages lack an exact version, with the edits that write it.

    Only the operator's index is asked, and none where the operator does not want that. Raises nothing for an index
    that does not answer.
    """
    plain = rules.plain_requirements(found)
    if problem.code != rules.UNPINNED or problem.place is None or plain is None or environment is None:
        return problem
    content = contents.get(problem.place.file)
    if content is None or not world.policy.review.ask_index:
        return problem
    variables = {name: os.environ[name] for name in (*PASSED_ON, *MIRRORS) if os.environ.get(name)}
    inputs = ResolveInputs(plain, environment, environment.platforms[0])
    index_url = world.policy.building.index_url
    try:
        answer = resolve(inputs, variables, log.debug, index_url=index_url, seconds=PIN_SECONDS)
    except (TryAgain, OperatorError) as trouble:
        log.info("versions_not_found", reason=str(trouble))
        return problem
    if not isinstance(answer, Resolved):
        return problem
    versions = {wheel.name: wheel.version for wheel in answer.lock.wheels}
    return rules.pinned(problem, plain, content, versions)

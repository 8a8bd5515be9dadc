"""A base by tag → the same base by digest: what a tag stands for today may be another image tomorrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain.environments import Environment
from bot.errors import OperatorError
from bot.layers.base import read_reference

if TYPE_CHECKING:
    from bot.adapters.registry import Registry


def pin(environment: Environment, registry_for: Callable[[str], Registry]) -> Environment:
    """The environment with its image by digest; the registry is asked only where the name has none."""
    if environment.pinned:
        return environment
    name = read_reference(environment.image)
    found = registry_for(name.host).fetch_manifest(name.repository, name.digest or name.tag or "")
    if found is None:
        raise OperatorError(
            f"The base image {environment.image} is not in its registry.",
            "Check its name in the bot's environments, or in --base.",
        )
    return replace(environment, image=f"{environment.image.partition('@')[0]}@{found.digest}")

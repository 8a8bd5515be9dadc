"""The registries that images are kept in, with the bot's rights."""

from __future__ import annotations

import functools
from collections.abc import Callable

from bot.adapters.registry import Registry
from bot.config import Config

REGISTRY_USER = "mlreef-bot"
"""GitLab's registry looks at the token alone; any user name will do with it."""

REGISTRY_PAUSES = (0.2,)
"""Seconds before a request to the registry is tried again: once, the job itself is tried again later."""


def build_registry(config: Config, pauses: tuple[float, ...] = REGISTRY_PAUSES) -> Callable[[str], Registry]:
    """Registries by host, one client each, with the bot's rights; `pauses` as REGISTRY_PAUSES."""
    own = config.registry
    username = own.username if own else REGISTRY_USER
    password = (own.password if own else config.gitlab.token).get_secret_value()
    return functools.lru_cache(maxsize=16)(lambda host: Registry(host, username, password, pauses=pauses))

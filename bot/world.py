"""Everything outside that a job may touch, handed to it as one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.adapters.forge import Forge
from bot.adapters.registry import Registry
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.domain.policy import Policy
from parser.model import Report
from parser.read import read
from parser.source import Source


@dataclass(frozen=True, slots=True)
class World:
    """GitLab and the talk on it, the registry of a host, the store, the policy; who the bot itself is."""

    forge: Forge
    registry: Callable[[str], Registry]
    store: Store
    policy: Policy
    user_id: int
    talk: Talk
    read: Callable[[Source, str], Report] = read
    """How a repository is read: the parser itself, or the parser where it can do no harm."""
    username: str = ""
    """The bot's own name, as people call it in comments."""

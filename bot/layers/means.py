"""What a build may use, whom it tells, and what it finds or makes below a module's sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.layers.image import Ground
from bot.layers.values import Layer

if TYPE_CHECKING:
    from bot.adapters.registry import Registry
    from bot.layers.shelves import Shelf


class Voice(Protocol):
    """Who hears what is going on."""

    def say(self, sentence: str = "") -> None:
        """A step, for people."""

    def moving(self, what: str, done: int, size: int) -> None:
        """What takes long: bytes by now, bytes in all."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a build may use. `shared`: the operator's layers; `checkout`: where the repository lies; `cache`: a folder
    for what other builds on this machine may use; `variables`: of the job, for indexes that ask who it is."""

    shelf: Shelf
    registry_for: Callable[[str], Registry]
    checkout: Path
    voice: Voice
    shared: Shelf | None = None
    cache: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    index_url: str = ""


@dataclass(frozen=True, slots=True)
class Below:
    """What lies below the sources: the ground, its layers, ours on it, and the digest of their lock."""

    ground: Ground
    base: tuple[Layer, ...]
    own: tuple[Layer, ...]
    lock: str

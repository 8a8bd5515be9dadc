"""What a sweep may touch, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from bot.adapters.overview import Overview
from bot.adapters.store import Store
from bot.domain.reconcile import Enrolment, Rhythm
from bot.world import World


@dataclass(frozen=True, slots=True)
class Reach:
    """What a sweep may touch. `act` False: it looks and says, and changes nothing."""

    world: World
    overview: Overview
    enrolment: Enrolment
    rhythm: Rhythm
    act: bool = True

    @property
    def store(self) -> Store:
        """What the bot remembers."""
        return self.world.store

"""Which images a person brought back: they do not go by themselves when newer versions are published."""

from __future__ import annotations

import json

from bot.world import World

MAX_IMAGES = 100
"""So many of a project's images are remembered, those brought back last."""


def note_brought_back(project_id: int, digest: str, world: World) -> None:
    """Somebody wants this image."""
    others = [one for one in _noted(project_id, world) if one != digest]
    world.store.keep_fact(_fact(project_id), json.dumps([digest, *others][:MAX_IMAGES]))


def forget_brought_back(project_id: int, digest: str, world: World) -> None:
    """It was taken back again."""
    noted = _noted(project_id, world)
    if digest in noted:
        world.store.keep_fact(_fact(project_id), json.dumps([one for one in noted if one != digest]))


def fetch_brought_back(project_id: int, world: World) -> frozenset[str]:
    """The digests of such images."""
    return frozenset(_noted(project_id, world))


def _noted(project_id: int, world: World) -> list[str]:
    text = world.store.fact(_fact(project_id))
    return [] if text is None else list(json.loads(text))


def _fact(project_id: int) -> str:
    return f"brought back in {project_id}"

"""Which pipelines build a version once more: they publish nothing, and say nothing of the branch's head."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from bot.domain.gitlab import ENDED
from bot.domain.rebuild import REPUBLISH
from bot.world import World

MAX_KEPT = 20
"""So many of a project's newest such pipelines are remembered; hooks of older ones have all come."""


LOOKED_AT = 3
"""So many of those, the newest, are looked at to find out which go on."""


@dataclass(frozen=True, slots=True)
class _Known:
    """`since`: one is being started, with a higher number than this; None while none is. `ids`: those that were."""

    since: int | None = None
    ids: tuple[int, ...] = ()


def is_rebuild(project_id: int, pipeline_id: int, world: World) -> bool:
    """Whether a pipeline builds a version once more that was taken back."""
    known = _read(project_id, world)
    if pipeline_id in known.ids:
        return True
    if known.since is None or pipeline_id <= known.since:
        return False
    # its hook may be here before the answer to the request that started it
    return REPUBLISH in world.forge.fetch_pipeline_variables(project_id, pipeline_id)


def fetch_under_way(project_id: int, world: World) -> frozenset[str]:
    """The names of the versions that pipelines build once more just now, as GitLab says."""
    found = set()
    for pipeline_id in _read(project_id, world).ids[:LOOKED_AT]:
        pipeline = world.forge.fetch_pipeline(project_id, pipeline_id)
        if pipeline is not None and pipeline.status not in ENDED:
            found.add(world.forge.fetch_pipeline_variables(project_id, pipeline_id).get(REPUBLISH, ""))
    return frozenset(found - {""})


def note_beginning(project_id: int, since: int, world: World) -> None:
    """A pipeline is about to be started, after the one with the number `since`."""
    _write(project_id, _Known(since, _read(project_id, world).ids), world)


def note_none(project_id: int, world: World) -> None:
    """None was started after all."""
    _write(project_id, _Known(None, _read(project_id, world).ids), world)


def note_rebuild(project_id: int, pipeline_id: int, world: World) -> None:
    """That pipeline is one."""
    ids = dict.fromkeys((pipeline_id, *_read(project_id, world).ids))
    _write(project_id, _Known(None, tuple(ids)[:MAX_KEPT]), world)


def _read(project_id: int, world: World) -> _Known:
    text = world.store.fact(_name(project_id))
    if text is None:
        return _Known()
    read = json.loads(text)
    return _Known(read["since"], tuple(read["ids"]))


def _write(project_id: int, known: _Known, world: World) -> None:
    world.store.keep_fact(_name(project_id), json.dumps(asdict(known)))


def _name(project_id: int) -> str:
    return f"rebuilds of {project_id}"

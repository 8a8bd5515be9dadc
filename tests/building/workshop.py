"""A folder → its image, as the command builds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bot.adapters.registry import Registry
from bot.building import Again, Built, build_image
from bot.describing import load_repository
from bot.domain.environments import Environment
from bot.layers.means import Means
from bot.layers.pinned import pin
from bot.layers.shelves import Shelf
from bot.local.ahead import Read
from bot.local.ask import Wishes, plan_order
from bot.local.folder import Here, look
from bot.progress import Lines
from parser.model import Problem


def build_folder(
    folder: Path,
    environment: Environment,
    registry_for: Callable[[str], Registry],
    shelf: Shelf,
    say: Callable[[str], None],
    *,
    shared: Shelf | None = None,
    platforms: tuple[str, ...] = (),
    again: Again | None = None,
    refresh: bool = False,
    index_url: str = "",
    cache: Path,
    variables: Mapping[str, str] | None = None,
) -> Built | tuple[Problem, ...]:
    """A folder → its image, as the command does it."""
    loaded = load_repository(folder)
    module = loaded.report.module
    assert module is not None, loaded.report.problems
    asked = module.requirements.files if module.requirements else ()
    texts = {path: loaded.source.contents[path] for path in asked}
    here = look(folder, asked)
    if not isinstance(here, Here):
        return here
    pinned = pin(environment, registry_for)
    read = Read(folder, loaded.report, texts)
    order = plan_order(read, module, here, environment, pinned, Wishes(platforms=platforms), ("t1",), refresh)
    means = Means(
        shelf,
        registry_for,
        folder,
        Lines(say),
        shared,
        variables={"UV_CACHE_DIR": str(cache), "HOME": "/nowhere", **(variables or {})},
        index_url=index_url,
    )
    return build_image(
        replace(order, again=again and dict.fromkeys((one.platform for one in order.inputs), again)), means
    )

"""The desk beside the running workers, where people look at jobs or mend one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from bot.adapters.database import engine_url
from bot.adapters.store import Store
from bot.config import Config
from bot.jobs.engine import Desk


def at_the_desk(config: Config, work: Callable[[Store, Desk], str]) -> str:
    """Look at jobs, or mend one, beside the running workers; returns what `work` says."""
    url = config.database.url
    with (
        closing(Store.prepare(url)) as store,
        closing(Desk(engine_url(url), config.worker.per_project)) as desk,
    ):
        return work(store, desk)

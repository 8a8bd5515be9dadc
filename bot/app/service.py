"""The whole service: door, worker and web pages, under one supervisor."""

from __future__ import annotations

from pathlib import Path

from bot import serve as supervisor
from bot.adapters.store import Store
from bot.app.settings import start_logs
from bot.config import Config


def serve(config: Config, config_file: Path | None, with_worker: bool) -> int:
    """Run door and worker, or the door alone, under one supervisor until SIGTERM; returns the exit code."""
    start_logs(config)
    # Made once here, so that two processes do not make the same tables at the same moment.
    Store.prepare(config.database.url).close()
    pages = config.catalogue.listen if config.catalogue.enabled else ""
    return supervisor.serve(
        config.webhook.listen, config_file, config.worker.shutdown_seconds, with_worker, pages
    )

"""The door: the process that GitLab's webhooks reach. It loads nothing of what the work needs."""

from __future__ import annotations

from typing import Any

from flask import Flask

from bot.adapters.database import DOOR_SECONDS
from bot.adapters.store import Store
from bot.app.counts import look_at
from bot.app.settings import read_keys, read_rules, start_logs
from bot.config import Config
from bot.doorkeeper import run_wsgi
from bot.gate import GateWorker
from bot.health import health
from bot.metrics import Reading
from bot.webhook import create_app

DOOR_TIMEOUT_SECONDS = 30
DOOR_GRACE_SECONDS = 5


def run_door(config: Config, descriptor: int) -> None:
    """Serve HTTP on an open listening socket until SIGTERM."""
    start_logs(config)
    Store.prepare(config.database.url).close()
    run_wsgi(lambda: build_door(config), door_settings(config, f"fd://{descriptor}"))


def build_door(config: Config) -> Flask:
    """The WSGI application that GitLab's webhooks reach. Build it after a fork: it holds connections."""
    store = Store(config.database.url, DOOR_SECONDS)
    app = create_app(store, read_keys(config), read_rules(config))
    reading = None if config.metrics.listen else Reading(lambda: look_at(store))
    app.register_blueprint(health(store, reading))
    return app


def door_settings(config: Config, bind: str) -> dict[str, Any]:
    """How gunicorn serves the door."""
    return {
        "bind": bind,
        "workers": config.webhook.processes,
        "threads": config.webhook.threads,
        "worker_class": GateWorker,
        # A kept connection's next request would reach a thread before it is there; GitLab keeps none.
        "keepalive": 0,
        "timeout": DOOR_TIMEOUT_SECONDS,
        "graceful_timeout": DOOR_GRACE_SECONDS,
        "proc_name": "mlreef-bot-door",
    }

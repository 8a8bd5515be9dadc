"""Runs a WSGI application under gunicorn inside this process, with our logs and no file of settings."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.config import Config as GunicornConfig
from gunicorn.glogging import Logger

from bot.serve import watch_lifeline

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 -- gunicorn makes its heartbeat files there itself, unnamed
"""Where heartbeat files cost no disk access; a busy disk would look like a hung process."""


class _Logger(Logger):
    """Gunicorn's own messages go where all logs of this process go, and are redacted with them."""

    def setup(self, cfg: GunicornConfig) -> None:
        """Add no handlers: records propagate to the root."""
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.handlers = []
        self.access_log.propagate = False
        self.access_log.handlers = []


class _Application(BaseApplication):
    def __init__(self, build: Callable[[], Any], settings: Mapping[str, Any]) -> None:
        self._build = build
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Take our settings; none are read from files or the environment."""
        defaults = {
            "logger_class": _Logger,
            "worker_tmp_dir": str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else None,
            # Newer gunicorns open a socket for remote control, which nobody asked for.
            "control_socket_disable": True,
        }
        for name, value in {**defaults, **self._settings}.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """The application; called in each process after the fork."""
        return self._build()


def run_wsgi(build: Callable[[], Any], settings: Mapping[str, Any]) -> None:
    """Serve until SIGTERM, or until the supervisor is gone; ends the process."""
    watch_lifeline(lambda: os.kill(os.getpid(), signal.SIGTERM))
    _Application(build, settings).run()

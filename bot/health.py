"""What watches the service may ask: does it live, can it work, how much does it do. Answers cost next to nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import flask

from bot.domain.facts import DOOR_SEEN, WORKER_SEEN
from bot.logs import get
from bot.metrics import CONTENT_TYPE, Reading

WORKER_SILENT_SECONDS = 30.0
"""After how long without a sign of life the worker counts as missing."""

SAME_ANSWER_SECONDS = 1.0
"""How long an answer of /readyz is given again: each new one writes to the database."""

_log = get(__name__)


class Facts(Protocol):
    """What health asks of a store."""

    def fact(self, name: str) -> str | None:
        """A small text kept under a name."""

    def keep_fact(self, name: str, value: str) -> None:
        """Keep a small text under a name, committed."""


def health(store: Facts, reading: Reading | None, now: Callable[[], float] = time.time) -> flask.Blueprint:
    """GET /livez, /readyz, and /metrics unless `reading` is None: then they are served at an address of their own."""
    views = flask.Blueprint("health", __name__)
    readiness = _Readiness(store, now)

    @views.get("/livez")
    def livez() -> tuple[dict[str, Any], int]:
        return {"alive": True}, 200

    @views.get("/readyz")
    def readyz() -> tuple[dict[str, Any], int]:
        return readiness.tell()

    if reading is not None:

        @views.get("/metrics")
        def metrics() -> flask.Response:
            return flask.Response(reading.page(), content_type=CONTENT_TYPE)

    return views


class _Readiness:
    """Whether the database stores and the worker lives; GitLab may be away, that is the worker's daily bread."""

    def __init__(self, store: Facts, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._lock = threading.Lock()
        self._told_at = float("-inf")
        self._told: tuple[dict[str, Any], int] = ({}, 503)

    def tell(self) -> tuple[dict[str, Any], int]:
        """The answer: 200, or 503 and which of both it is. Never waits behind another caller."""
        if self._now() - self._told_at >= SAME_ANSWER_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._told = self._look()
                self._told_at = self._now()
            finally:
                self._lock.release()
        return self._told

    def _look(self) -> tuple[dict[str, Any], int]:
        try:
            # written, not only read: a full disk answers questions for a long time
            self._store.keep_fact(DOOR_SEEN, str(self._now()))
            seen = self._store.fact(WORKER_SEEN)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the answer is no
            _log.error("the database cannot store", why=f"{type(error).__name__}: {error}")
            return {"ready": False, "database": "does not store", "worker": "unknown"}, 503
        silent = self._now() - float(seen) if seen else None
        if silent is None or silent > WORKER_SILENT_SECONDS:
            return {"ready": False, "database": "stores", "worker": "gives no sign of life"}, 503
        return {"ready": True, "database": "stores", "worker": "works"}, 200

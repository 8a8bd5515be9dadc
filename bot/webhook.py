"""The HTTP door: who is it, what do they say, thank you. One delivery is one committed row, then the answer.

It never asks GitLab anything and knows no worker, so its answer takes milliseconds whatever goes on inside.
Every authentic delivery is answered with 2xx, also one that needs no work: GitLab counts each other answer
towards switching the hook off, and never sends a failed delivery again.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, Any, Protocol, TypeVar

import flask
from werkzeug.exceptions import HTTPException

from bot.domain.access import changes_access
from bot.domain.branches import named_fact, read_named
from bot.domain.events import subject, to_dict
from bot.domain.facts import ACCESS_CHANGED, BOT_USER
from bot.domain.payloads import read_event
from bot.domain.proof import Keys, Lock, check_project, delivery_key
from bot.domain.routing import Ignored, Rules, route
from bot.errors import OperatorError, SenderError, TryAgain
from bot.logs import get
from bot.metrics import ANSWERS, DUPLICATES

MAX_BODY_BYTES = 25 * 1024 * 1024
"""GitLab's own limit for what it sends."""

TOO_LARGE = f"a delivery may have at most {MAX_BODY_BYTES} bytes"
ENDED_EARLY = "the body ended early"
READ_BYTES = 64 * 1024

UNKNOWN_SECONDS = 1.0
"""How long nobody knows who the bot is before the worker is asked again: it finds out when it starts."""

IDENTITY_SECONDS = 60.0
"""How long the door believes who the bot is before it looks again; a new token may belong to a new user."""

_log = get(__name__)

Answer = tuple[dict[str, Any], int]
T = TypeVar("T")


class Inbox(Protocol):
    """What the door needs of a store."""

    def accept(self, key: str, event: Mapping[str, Any], subject: str = "") -> bool:
        """Commit one event; False when its key is known."""

    def fact(self, name: str) -> str | None:
        """A small text kept under a name."""

    def keep_fact(self, name: str, value: str) -> None:
        """Keep a small text under a name, committed."""

    def reopen(self) -> None:
        """Begin anew with the database: another file may be there now, or another server."""


def create_app(store: Inbox, keys: Keys, rules: Rules, now: Callable[[], float] = time.time) -> flask.Flask:
    """The WSGI application: POST /webhooks/gitlab. `now` is in seconds since 1970."""
    app = flask.Flask(__name__, static_folder=None)
    lock = Lock(keys)
    fuse = Fuse(store.reopen)
    identity = _Identity(store, fuse, now)

    def named_in(project_id: int) -> tuple[str, ...] | None:
        return read_named(fuse.run(lambda: store.fact(named_fact(project_id))))

    @app.post("/webhooks/gitlab")
    def receive() -> Answer:
        began, result = time.perf_counter(), "failed"
        try:
            result, answer, status = _take(flask.request)
            return answer, status
        except SenderError:
            result = "refused"
            raise
        finally:
            ANSWERS.labels(result).observe(time.perf_counter() - began)

    def _take(request: flask.Request) -> tuple[str, dict[str, Any], int]:
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise SenderError(413, TOO_LARGE)
        proven = lock.check_head(request.headers, now())
        body = _read_body(request.stream, request.content_length)
        lock.check_signature(request.headers, body)
        if not request.is_json:
            return _ignored("", "the content type is not application/json")
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            return _ignored("", "the body is not JSON, or is nested too deeply")
        event = read_event(payload)
        check_project(proven, getattr(event, "project_id", None))
        if changes_access(payload):
            # the catalogue's pages believe GitLab's word on who sees what for some seconds: until now
            fuse.run(lambda: store.keep_fact(ACCESS_CHANGED, secrets.token_hex(8)))
        decision = route(event, rules, identity.bot_user_id(), named_in=named_in)
        if isinstance(decision, Ignored):
            return _ignored(subject(event), decision.why)
        key = delivery_key(request.headers, body, now())
        if not fuse.run(lambda: store.accept(key, to_dict(event), subject(event))):
            DUPLICATES.labels("delivery").inc()
            return _ignored(subject(event), "this delivery is known already", "duplicate")
        _log.info("delivery stored", about=subject(event), key=key)
        return "stored", {"stored": True}, 202

    @app.errorhandler(SenderError)
    def refused(error: SenderError) -> Answer:
        _log.warning(
            "delivery refused", status=error.status, why=str(error), remote=flask.request.remote_addr
        )
        return {"error": str(error)}, error.status

    @app.errorhandler(HTTPException)
    def misdirected(error: HTTPException) -> Answer:
        return {"error": error.name}, error.code or 500

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Answer:
        # Never a 2xx without a committed row; what failed stands in our log, not in the answer.
        if isinstance(error, TryAgain):
            _log.error("request turned away", path=flask.request.path, why=str(error))
        elif isinstance(error, OperatorError):
            _log.error("request failed", path=flask.request.path, why=str(error), hint=error.hint)
        else:
            _log.error("request failed", path=flask.request.path, exc_info=error)
        return {"error": "the bot cannot store anything now; send it again later"}, 503

    return app


class Fuse:
    """Keeps callers from queueing up behind a database that does not answer.

    After a failure one caller at a time tries again, on connections made anew; the others are turned away at
    once. The first success lets everybody in.
    """

    def __init__(self, reopen: Callable[[], None]) -> None:
        self._reopen = reopen
        self._trying = threading.Lock()
        self._broken: str | None = None

    @property
    def whole(self) -> bool:
        """Whether the last try succeeded."""
        return self._broken is None

    def run(self, work: Callable[[], T]) -> T:
        """Do it, or raise TryAgain when somebody else is finding out whether it can be done again."""
        if self._broken is None:
            return self._watched(work)
        if not self._trying.acquire(blocking=False):
            raise TryAgain(f"the database does not work: {self._broken}")
        try:
            self._reopen()
            return self._watched(work)
        finally:
            self._trying.release()

    def _watched(self, work: Callable[[], T]) -> T:
        try:
            done = work()
        except Exception as error:
            self._broken = f"{type(error).__name__}: {error}"
            raise
        if self._broken is not None:
            _log.warning("the database works again", before=self._broken)
            self._broken = None
        return done


def _ignored(about: str, why: str, result: str = "ignored") -> tuple[str, dict[str, Any], int]:
    _log.info("delivery ignored", about=about, why=why)
    return result, {"stored": False, "why": why}, 200


def _read_body(stream: IO[bytes], length: int | None) -> bytes:
    # A chunked body declares no length, so what arrives is counted.
    parts, size = [], 0
    try:
        while part := stream.read(READ_BYTES):
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise SenderError(413, TOO_LARGE)
            parts.append(part)
    except (OSError, HTTPException) as error:
        raise SenderError(400, ENDED_EARLY) from error
    if length is not None and size < length:
        raise SenderError(400, ENDED_EARLY)
    return b"".join(parts)


class _Identity:
    """Who the bot is in GitLab, as the worker found out; looked up now and then, more often while nobody knows."""

    def __init__(self, store: Inbox, fuse: Fuse, now: Callable[[], float]) -> None:
        self._store = store
        self._fuse = fuse
        self._now = now
        self._lock = threading.Lock()
        self._user_id: int | None = None
        self._asked_at = float("-inf")

    def bot_user_id(self) -> int | None:
        """The bot's numeric user id, None while nobody knows it."""
        pause = IDENTITY_SECONDS if self._user_id is not None else UNKNOWN_SECONDS
        # Whoever finds somebody else asking goes on with what is known: it only spares work.
        if self._now() - self._asked_at > pause and self._fuse.whole and self._lock.acquire(blocking=False):
            try:
                self._asked_at = self._now()
                known = self._fuse.run(lambda: self._store.fact(BOT_USER))
                self._user_id = int(known) if known else None
            finally:
                self._lock.release()
        return self._user_id

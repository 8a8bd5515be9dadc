"""The HTTP door: who is it, what do they say, thank you. One delivery is one committed row, then the answer.

It never asks GitLab anything and knows no worker, so its answer takes milliseconds whatever goes on inside.
Every authentic delivery is answered with 2xx, also one that needs no work: GitLab counts each other answer
towards switching the hook off, and never sends a failed delivery again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Protocol

import flask
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from bot.domain.events import read_event, subject, to_dict
from bot.domain.facts import BOT_USER, DOOR_SEEN, WORKER_SEEN
from bot.domain.routing import Ignored, Rules, route
from bot.errors import SenderError
from bot.logs import get

MAX_BODY_BYTES = 25 * 1024 * 1024
"""GitLab's own limit for what it sends."""

TOO_LARGE = f"a delivery may have at most {MAX_BODY_BYTES} bytes"
READ_BYTES = 64 * 1024

MAX_KEY_CHARACTERS = 200
"""A longer delivery id is kept as its hash."""

UNKNOWN_SECONDS = 1.0
"""How long nobody knows who the bot is before the worker is asked again: it finds out when it starts."""

IDENTITY_SECONDS = 60.0
"""How long the door believes who the bot is before it looks again; a new token may belong to a new user."""

WORKER_SILENT_SECONDS = 30.0
"""After how long without a sign of life the worker counts as missing."""

_log = get(__name__)


class Shelf(Protocol):
    """What the door needs of a store."""

    def accept(self, key: str, event: Mapping[str, Any], subject: str = "") -> bool:
        """Commit one event; False when its key is known."""

    def fact(self, name: str) -> str | None:
        """A small text kept under a name."""

    def keep_fact(self, name: str, value: str) -> None:
        """Keep a small text under a name, committed."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What proves that a delivery is GitLab's. All texts; several of a kind allow changing them in turn."""

    secrets: tuple[str, ...]
    signing_tokens: tuple[str, ...]
    tolerance_seconds: float = 300.0


def create_app(store: Shelf, keys: Keys, rules: Rules, now: Callable[[], float] = time.time) -> flask.Flask:
    """The WSGI application: POST /webhooks/gitlab, GET /livez, GET /readyz."""
    app = flask.Flask(__name__, static_folder=None)
    identity = _Identity(store, now)
    secrets = tuple(secret.encode() for secret in keys.secrets)
    signing_keys = tuple(_signing_key(token) for token in keys.signing_tokens)

    @app.post("/webhooks/gitlab")
    def receive() -> tuple[dict[str, Any], int]:
        request = flask.request
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise SenderError(413, TOO_LARGE)
        signed = "webhook-signature" in request.headers
        if signed:
            _check_time(request.headers, keys.tolerance_seconds, now())
        else:
            _check_secret(request.headers.get("X-Gitlab-Token"), secrets)
        body = _read_body(request.stream)
        if signed:
            _check_signature(request.headers, body, signing_keys)
        if not request.is_json:
            return _ignored("", "the content type is not application/json")
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            return _ignored("", "the body is not JSON, or is nested too deeply")
        event = read_event(payload)
        decision = route(event, rules, identity.bot_user_id())
        if isinstance(decision, Ignored):
            return _ignored(subject(event), decision.why)
        key = delivery_key(request.headers, body)
        if not store.accept(key, to_dict(event), subject(event)):
            return _ignored(subject(event), "this delivery is known already")
        _log.info("delivery stored", about=subject(event), key=key)
        return {"stored": True}, 202

    @app.get("/livez")
    def livez() -> tuple[dict[str, Any], int]:
        return {"alive": True}, 200

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, Any], int]:
        # written, not only read: a full disk answers questions for a long time
        store.keep_fact(DOOR_SEEN, str(now()))
        seen = store.fact(WORKER_SEEN)
        silent = now() - float(seen) if seen else None
        if silent is None or silent > WORKER_SILENT_SECONDS:
            return {"ready": False, "database": "stores", "worker": "gives no sign of life"}, 503
        return {"ready": True, "database": "stores", "worker": "works"}, 200

    @app.errorhandler(SenderError)
    def refused(error: SenderError) -> tuple[dict[str, Any], int]:
        _log.warning(
            "delivery refused", status=error.status, why=str(error), remote=flask.request.remote_addr
        )
        return {"error": str(error)}, error.status

    @app.errorhandler(HTTPException)
    def misdirected(error: HTTPException) -> tuple[dict[str, Any], int]:
        return {"error": error.name}, error.code or 500

    @app.errorhandler(Exception)
    def broken(error: Exception) -> tuple[dict[str, Any], int]:
        # Never a 2xx without a committed row; what failed stands in our log, not in the answer.
        _log.error("request failed", path=flask.request.path, exc_info=error)
        return {"error": "the bot cannot store anything now; send it again later"}, 503

    return app


def delivery_key(headers: Headers, body: bytes) -> str:
    """What tells that two deliveries are one: GitLab's own id for it, else its content."""
    for name in ("Idempotency-Key", "webhook-id"):
        value = headers.get(name)
        if value:
            return f"{name.lower()} {_short(value)}"
    content = hashlib.sha256()
    # By some versions this names the delivery and by others the hook, so it never stands alone.
    for part in (headers.get("X-Gitlab-Webhook-UUID", ""), headers.get("X-Gitlab-Event", "")):
        content.update(part.encode("utf-8", "replace") + b"\0")
    content.update(body)
    return f"content {content.hexdigest()}"


def _short(value: str) -> str:
    if len(value) <= MAX_KEY_CHARACTERS and value.isascii() and value.isprintable():
        return value
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


def _ignored(about: str, why: str) -> tuple[dict[str, Any], int]:
    _log.info("delivery ignored", about=about, why=why)
    return {"stored": False, "why": why}, 200


def _read_body(stream: IO[bytes]) -> bytes:
    # A chunked body declares no length, so what arrives is counted.
    parts, size = [], 0
    try:
        while part := stream.read(READ_BYTES):
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise SenderError(413, TOO_LARGE)
            parts.append(part)
    except (OSError, HTTPException) as error:
        raise SenderError(400, "the body ended early") from error
    return b"".join(parts)


def _check_secret(given: str | None, secrets: Sequence[bytes]) -> None:
    if not given:
        raise SenderError(401, "the delivery carries neither a signature nor a secret token")
    # Header bytes arrive as latin-1; every secret is compared, so time tells nothing.
    raw = given.encode("latin-1", "replace")
    matches = [hmac.compare_digest(raw, secret) for secret in secrets]
    if not any(matches):
        raise SenderError(401, "the secret token is not one of ours")


def _check_time(headers: Headers, tolerance_seconds: float, now: float) -> None:
    stamp = headers.get("webhook-timestamp", "")
    if not headers.get("webhook-id") or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 15:
        raise SenderError(401, "the signature lacks its id or time")
    if abs(now - int(stamp)) > tolerance_seconds:
        raise SenderError(401, "the signature is too old, or a clock is wrong")


def _check_signature(headers: Headers, body: bytes, keys: Sequence[bytes]) -> None:
    if not keys:
        raise SenderError(401, "the delivery is signed, and no signing token is configured to check that")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode("latin-1", "replace") + body
    wanted = [b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256")) for key in keys]
    given = [part.encode("latin-1", "replace") for part in headers["webhook-signature"].split(" ")]
    matches = [hmac.compare_digest(one, other) for one in wanted for other in given]
    if not any(matches):
        raise SenderError(401, "the signature is not made with one of our signing tokens")


def _signing_key(token: str) -> bytes:
    """The key in a signing token. Raises ValueError when it is none."""
    try:
        return base64.b64decode(token.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("a signing token is `whsec_` followed by base64") from error


class _Identity:
    """Who the bot is in GitLab, as the worker found out; looked up now and then, more often while nobody knows."""

    def __init__(self, store: Shelf, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._lock = threading.Lock()
        self._user_id: int | None = None
        self._asked_at = float("-inf")

    def bot_user_id(self) -> int | None:
        """The bot's numeric user id, None while nobody knows it."""
        with self._lock:
            pause = IDENTITY_SECONDS if self._user_id is not None else UNKNOWN_SECONDS
            if self._now() - self._asked_at > pause:
                known = self._store.fact(BOT_USER)
                self._user_id = int(known) if known else None
                self._asked_at = self._now()
            return self._user_id

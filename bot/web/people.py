"""Who is asking: a token shown as GitLab takes it, or the cookie of somebody who signed in; else nobody.

A token in an address is never looked at: addresses are written into logs. A cookie alone changes nothing: what
changes something must also show the CSRF token of that session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import flask
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.adapters.sessions import KeptSession
from bot.domain.access import ANONYMOUS, NotAccepted, Person

MAX_SESSION_SECONDS = 8 * 3600.0
"""After so long people sign in again, however long GitLab's token would be good for (2 hours, usually)."""

MAX_TOKEN_CHARACTERS = 2_000
"""Longest token that is believed to be one."""

SESSION_BYTES = 32
CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"

_SAFE = ("GET", "HEAD", "OPTIONS")


class Sessions(Protocol):
    """What is asked of the store."""

    def keep_session(self, session: KeptSession) -> None:
        """Keep a new session."""

    def session(self, key: str) -> KeptSession | None:
        """The session with that key, unless it has ended."""

    def end_session(self, key: str) -> None:
        """Let a session be no more."""

    def use_up(self, key: str, until: float) -> bool:
        """Note that something is used, once; False when it was before."""


class Eyes(Protocol):
    """What is asked of GitLab."""

    def identify(self, token: str) -> Person:
        """Whose token it is."""

    def may_change(self, person: Person) -> bool:
        """Whether the token itself may change anything."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What is made of the operator's one secret: a key for each purpose, so that none serves for another."""

    box: Fernet
    csrf: bytes

    @staticmethod
    def of(secret: str) -> Keys:
        """The keys of a secret; the same in every process."""

        def key(purpose: bytes) -> bytes:
            return HKDF(hashes.SHA256(), 32, b"mlreef-bot", purpose).derive(secret.encode())

        return Keys(Fernet(base64.urlsafe_b64encode(key(b"box"))), key(b"csrf"))


class People:
    """Finds out who sends the request that flask is at. `keys` None: nobody can sign in, tokens still count."""

    def __init__(
        self, store: Sessions, eyes: Eyes, url: str, keys: Keys | None, now: Callable[[], float] = time.time
    ) -> None:
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}".lower()
        self.secure = parts.scheme == "https"
        # a name that browsers take over HTTPS only, from this host only, for all of it
        self.cookie = "__Host-mlreef" if self.secure else "mlreef"
        self._store = store
        self._eyes = eyes
        self.keys = keys
        self._now = now

    @property
    def can_sign_in(self) -> bool:
        """Whether people may sign in with GitLab here."""
        return self.keys is not None

    def person(self) -> Person:
        """Who asks. Raises NotAccepted for a token that GitLab does not take, TryAgain when it does not say."""
        if "mlreef_person" not in flask.g:
            token = _shown_token()
            flask.g.mlreef_person = self._eyes.identify(token) if token else self._signed_in()
        found: Person = flask.g.mlreef_person
        return found

    def only_reads(self) -> bool:
        """Whether the token of this request may change nothing in GitLab, and so nothing here: so is a session's."""
        return not self._eyes.may_change(self.person())

    def csrf(self) -> str:
        """What a form of this session must bring along; empty where there is no session."""
        cookie = flask.request.cookies.get(self.cookie, "")
        if self.keys is None or not cookie or _shown_token() or self.person() is ANONYMOUS:
            return ""
        return hmac.new(self.keys.csrf, cookie.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def forged(self) -> bool:
        """Whether a request that changes something may be somebody else's doing: a page that this browser is at."""
        if flask.request.method in _SAFE or _shown_token():
            # no page can make a browser send another's token in a header
            return False
        origin = flask.request.headers.get("Origin")
        if origin is not None and origin.lower() != self._origin:
            return True
        expected = self.csrf()
        given = flask.request.headers.get(CSRF_HEADER) or flask.request.form.get(CSRF_FIELD, "")
        return not expected or not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))

    def sign_in(self, person: Person, seconds: float, response: flask.Response) -> None:
        """Begin a session, with a secret that nobody knew before; the one that this browser had ends."""
        if self.keys is None or person.id is None or person.anonymous:
            raise RuntimeError("only a person whom GitLab knows can sign in, and only with keys")
        self._end()
        secret = secrets.token_urlsafe(SESSION_BYTES)
        lasts = min(max(seconds, 0.0), MAX_SESSION_SECONDS)
        kept = self.keys.box.encrypt(person.token.encode()).decode()
        self._store.keep_session(
            KeptSession(_key(secret), person.id, person.username, kept, self._now() + lasts)
        )
        response.set_cookie(
            self.cookie,
            secret,
            max_age=int(lasts),
            secure=self.secure,
            httponly=True,
            samesite="Lax",
            path="/",
        )

    def sign_out(self, response: flask.Response) -> None:
        """End this browser's session."""
        self._end()
        response.delete_cookie(self.cookie, secure=self.secure, httponly=True, samesite="Lax", path="/")

    def forget(self) -> None:
        """End the session of this request, whose token GitLab takes no more; from now on nobody is asking."""
        self._end()
        flask.g.mlreef_person = ANONYMOUS

    def _signed_in(self) -> Person:
        cookie = flask.request.cookies.get(self.cookie, "")
        if self.keys is None or not cookie or _by_another_page():
            return ANONYMOUS
        kept = self._store.session(_key(cookie))
        if kept is None:
            return ANONYMOUS
        try:
            token = self.keys.box.decrypt(kept.token.encode()).decode()
        except InvalidToken:
            # of before the operator's secret was changed
            return ANONYMOUS
        return Person(kept.user_id, kept.username, token)

    def _end(self) -> None:
        if cookie := flask.request.cookies.get(self.cookie, ""):
            self._store.end_session(_key(cookie))


def _by_another_page() -> bool:
    """Whether a page of another origin has the browser load this as a part of itself: a picture, a script.

    Browsers send cookies along to hosts of the same site. What such a page could measure of the answer, its size or
    its time, would tell it what this person may see.
    """
    headers = flask.request.headers
    foreign = headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
    return foreign and headers.get("Sec-Fetch-Mode") != "navigate"


def _key(cookie: str) -> str:
    """What is kept of a session's secret: who reads the database cannot sign in with it."""
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()


def _shown_token() -> str:
    """The token in a header, as GitLab's API takes it. NotAccepted for what cannot be one."""
    headers = flask.request.headers
    token = headers.get("PRIVATE-TOKEN", "").strip()
    scheme, _, rest = headers.get("Authorization", "").partition(" ")
    if not token and scheme.lower() == "bearer":
        token = rest.strip()
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii() or not token.isprintable():
        raise NotAccepted("This cannot be a token of GitLab's")
    return token

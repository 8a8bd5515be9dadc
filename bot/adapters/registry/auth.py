"""Showing a registry who we are: tokens for just what is to be done, a password, or nothing at all.

A password is sent only to the registry itself (when it asks for one) and to the token service that it names.
"""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from bot.adapters.registry.address import follow, shown
from bot.adapters.registry.answers import MAX_JSON_BYTES, Answer, content, dismiss, document, sort
from bot.errors import OperatorError

DEFAULT_TOKEN_SECONDS = 60
"""How long a token is good when its giver does not say; the protocol's number."""

MARGIN_SECONDS = 15
"""A token that ends sooner is not used any more: the request takes time too."""

Scopes = frozenset[tuple[str, str]]
"""What is to be done: pairs of repository and `pull`, `push` or `delete`."""

_PIECE = re.compile(
    r"""([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([a-z][\w-]*)""", re.IGNORECASE | re.ASCII
)
"""`name=value`, `name="value"`, or a word by itself: the name of a way to show who one is."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a registry asks for: `basic`, or a token of `realm` for `service`."""

    kind: str
    realm: str = ""
    service: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    good_until: float


def pull(repository: str) -> Scopes:
    """The right to read a repository."""
    return frozenset({(repository, "pull")})


def push(repository: str) -> Scopes:
    """The right to read and write a repository."""
    return frozenset({(repository, "pull"), (repository, "push")})


def delete(repository: str) -> Scopes:
    """The right to take images out of a repository."""
    return frozenset({(repository, "delete")})


def read_challenge(header: str) -> Challenge | None:
    """A WWW-Authenticate header; of several ways the token. None when it asks for nothing that we know."""
    challenges: list[tuple[str, dict[str, str]]] = []
    for name, quoted, bare, word in _PIECE.findall(header):
        if word:
            challenges.append((word.lower(), {}))
        elif challenges:
            challenges[-1][1][name.lower()] = bare or re.sub(r"\\(.)", r"\1", quoted)
    known = [
        Challenge(kind, *(values.get(key, "") for key in ("realm", "service", "scope")))
        for kind, values in challenges
        if kind in {"basic", "bearer"}
    ]
    return min(known, key=lambda one: one.kind != "bearer", default=None)


class Auth:
    """The Authorization header for each request to one registry. Safe for many threads."""

    def __init__(
        self,
        base: str,
        account: tuple[str, str] | None,
        get: Callable[[str, Mapping[str, str]], Answer],
    ) -> None:
        self._base, self._account, self._get = base, account, get
        self._tokens: dict[Scopes, _Token] = {}
        self._challenge: Challenge | None = None
        self._changing = threading.Lock()

    @property
    def who(self) -> str:
        """For whom a registry refuses something."""
        return f"the user {self._account[0]}" if self._account else "nobody in particular"

    def header(self, scopes: Scopes) -> str | None:
        """What to send at first. None before the registry asked for anything."""
        with self._changing:
            if self._challenge is None:
                return None
            if self._challenge.kind == "basic":
                return self._basic()
            return f"Bearer {self._held(scopes) or self._fetch(self._challenge, scopes)}"

    def renewed(self, asked: str, scopes: Scopes, refused: str | None) -> str | None:
        """What to send after a 401 that said `asked`, to a request with the header `refused`. None: nothing helps."""
        challenge = read_challenge(asked)
        if challenge is None:
            return None
        with self._changing:
            # Its scope is that of this one request.
            self._challenge = replace(challenge, scope="")
            if challenge.kind == "basic":
                basic = self._basic()
                return None if basic == refused else basic
            # Another thread may have been told the same a moment ago.
            held = self._tokens.get(scopes)
            if held is not None and f"Bearer {held.text}" != refused and held.good_until > time.monotonic():
                return f"Bearer {held.text}"
            self._tokens.pop(scopes, None)
            return f"Bearer {self._fetch(challenge, scopes)}"

    def _basic(self) -> str | None:
        if self._account is None:
            return None
        return f"Basic {base64.b64encode(':'.join(self._account).encode()).decode()}"

    def _held(self, scopes: Scopes) -> str | None:
        """A good token for these scopes, or for more."""
        now = time.monotonic()
        self._tokens = {key: token for key, token in self._tokens.items() if token.good_until > now}
        exact = self._tokens.get(scopes)
        wide = next((token for key, token in self._tokens.items() if key > scopes), None)
        token = exact or wide
        return token.text if token else None

    def _fetch(self, challenge: Challenge, scopes: Scopes) -> str:
        realm = follow(self._base, self._base, challenge.realm, "a token")
        asked = [("service", challenge.service)] if challenge.service else []
        asked += [("scope", text) for text in (*_texts(scopes), *_others(challenge.scope, scopes))]
        basic = self._basic()
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(asked)}"
        answer = self._get(url, {"Authorization": basic} if basic else {})
        if not 200 <= answer.status < 300:
            raise sort(self._base, self.who, answer, dismiss(answer), "a token")
        given = document(content(answer, MAX_JSON_BYTES))
        token = given.get("token") or given.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise OperatorError(
                f"The token service {shown(realm)} answered without a token.",
                "Check the registry's token authentication.",
            )
        lifetime = given.get("expires_in")
        if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or lifetime <= 0:
            lifetime = DEFAULT_TOKEN_SECONDS
        margin = min(MARGIN_SECONDS, lifetime / 2)
        self._tokens[scopes] = _Token(token, time.monotonic() + lifetime - margin)
        return token


def _others(told: str, scopes: Scopes) -> list[str]:
    """Scopes that a registry names besides ours: behind a proxy its repositories may have other names."""
    ours = {repository for repository, _ in scopes}
    return [text for text in told.split() if text.partition(":")[2].rpartition(":")[0] not in ours]


def _texts(scopes: Scopes) -> list[str]:
    repositories = sorted({repository for repository, _ in scopes})
    return [
        f"repository:{repository}:{','.join(sorted(action for name, action in scopes if name == repository))}"
        for repository in repositories
    ]

"""Who may pull and push: bearer tokens as GitLab gives them to its container registry.

The registry answers 401 and names GitLab's `/jwt/auth`; there the client shows who it is and gets a signed token that
lists what it may do; the registry trusts the signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.registry.names import is_name

SERVICE = "container_registry"

TOKEN_SECONDS = 5 * 60
"""How long a token is good; GitLab's default."""

REPORTER, DEVELOPER, MAINTAINER = 20, 30, 40
"""GitLab's access levels from which one may pull from a private project, push, and take images away."""

ACTIONS = ("pull", "push", "delete")


class Authorizer(Protocol):
    """Decides what the bearer of a token may do."""

    def challenge(self, scope: str | None, refused: bool) -> str:
        """The WWW-Authenticate header; `refused` when there was a token that does not do."""
        ...

    def known(self, token: str | None) -> bool:
        """Whether the token is a good one, whatever it allows."""
        ...

    def allowed(self, token: str | None, repository: str, action: str) -> bool:
        """Whether this token allows pull, push or delete in this repository."""
        ...


@dataclass(frozen=True)
class Scope:
    """What a client asks for, or is given: `repository:GROUP/PROJECT:pull,push`."""

    repository: str
    actions: tuple[str, ...]


@dataclass(frozen=True)
class ProjectAccess:
    """What GitLab knows of a visitor and the project a repository belongs to."""

    public: bool = False
    internal: bool = False
    signed_in: bool = False
    access_level: int = 0
    own_job: bool = False

    def allows(self, action: str) -> bool:
        """A job may do all of it in its own project only; people according to visibility and role."""
        if action == "pull":
            seen = self.public or (self.internal and self.signed_in)
            return seen or self.own_job or self.access_level >= REPORTER
        if action == "push":
            return self.own_job or self.access_level >= DEVELOPER
        return action == "delete" and (self.own_job or self.access_level >= MAINTAINER)


@dataclass(frozen=True)
class TokenAuthorizer:
    """GitLab's side (`issue_token`, `answer`) and the registry's side of it, joined by one secret."""

    realm: str
    secret: bytes
    clock: Callable[[], float] = field(default=time.time)

    def challenge(self, scope: str | None, refused: bool) -> str:
        parts = {"realm": self.realm, "service": SERVICE}
        if scope:
            parts["scope"] = scope
        if refused:
            parts["error"] = "insufficient_scope" if scope else "invalid_token"
        return "Bearer " + ",".join(f'{name}="{value}"' for name, value in parts.items())

    def known(self, token: str | None) -> bool:
        return self._read(token) is not None

    def allowed(self, token: str | None, repository: str, action: str) -> bool:
        claims = self._read(token)
        return claims is not None and any(
            entry.get("name") == repository and action in entry.get("actions", ())
            for entry in claims.get("access", ())
        )

    def issue_token(self, user: str, scopes: Iterable[Scope]) -> str:
        """A signed token for `user` (may be empty: anonymous) that allows exactly these scopes."""
        now = int(self.clock())
        claims = {
            "iss": "gitlab-issuer",
            "aud": SERVICE,
            "sub": user,
            "iat": now,
            "nbf": now - 5,
            "exp": now + TOKEN_SECONDS,
            "access": [
                {"type": "repository", "name": scope.repository, "actions": list(scope.actions)}
                for scope in scopes
            ],
        }
        signed = f"{_encode(_json({'alg': 'HS256', 'typ': 'JWT'}))}.{_encode(_json(claims))}"
        return f"{signed}.{_encode(self._sign(signed))}"

    def answer(
        self, user: str, service: str, scopes: Iterable[str], may: Callable[[str, str], bool]
    ) -> tuple[int, dict[str, Any]]:
        """What `/jwt/auth` answers somebody whose password was right (or who gave none): status and JSON.

        `scopes` are the request's `scope` values; `may(repository, action)` says what this visitor may do.
        """
        if service != SERVICE:
            return 404, _error("NAME_UNKNOWN", "service unknown")
        asked = read_scopes(scopes)
        given = [
            Scope(
                scope.repository, tuple(action for action in scope.actions if may(scope.repository, action))
            )
            for scope in asked
        ]
        given = [scope for scope in given if scope.actions]
        if (asked and not given) or (not asked and not user):
            return (403 if asked else 401), _error("DENIED", "access forbidden")
        return 200, {"token": self.issue_token(user, given), "expires_in": TOKEN_SECONDS}

    def _read(self, token: str | None) -> Mapping[str, Any] | None:
        """The claims of a token that is well signed, for us, and still good."""
        signed, _, signature = (token or "").rpartition(".")
        right = _encode(self._sign(signed)).encode()
        if not hmac.compare_digest(right, signature.encode("utf-8", "surrogateescape")):
            return None
        try:
            claims = json.loads(_decode(signed.partition(".")[2]))
        except ValueError:
            return None
        now = self.clock()
        good = claims.get("aud") == SERVICE and claims.get("nbf", 0) <= now < claims.get("exp", 0)
        return claims if good else None

    def _sign(self, text: str) -> bytes:
        return hmac.digest(self.secret, text.encode("utf-8", "surrogateescape"), hashlib.sha256)


def read_scopes(values: Iterable[str]) -> tuple[Scope, ...]:
    """`scope` values of a token request, each with one or more scopes; what is no repository's is left out."""
    found = []
    for value in values:
        for text in value.split():
            kind, _, rest = text.partition(":")
            repository, _, actions = rest.rpartition(":")
            wanted = ACTIONS if actions == "*" else tuple(a for a in actions.split(",") if a in ACTIONS)
            if kind == "repository" and is_name(repository):
                found.append(Scope(repository, wanted))
    return tuple(found)


def project_of(repository: str, exists: Callable[[str], bool]) -> str | None:
    """The path of the project whose registry holds `repository`: the longest leading part that is a project."""
    parts = repository.split("/")
    for length in range(len(parts), 1, -1):
        path = "/".join(parts[:length])
        if exists(path):
            return path
    return None


def _error(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message}]}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

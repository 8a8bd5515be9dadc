"""OAuth and OpenID Connect as GitLab offers them to other programs: applications, codes, tokens, signed identities."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from joserfc import jwk, jwt

from sandbox.gitlab.values import User

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

CODE_SECONDS = 600
TOKEN_SECONDS = 7200
IDENTITY_SECONDS = 120
KEY_BITS = 2048
KEY_ID = "sandbox"


@dataclass(frozen=True)
class Application:
    """A program that people may let in: its id and secret, where it takes people back, what it may ask for."""

    client_id: str
    secret: str
    name: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """What a program asks a person for."""

    application: Application
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    nonce: str
    challenge: str


@dataclass(frozen=True)
class Code:
    """What a program gets for a person's yes; good for one token."""

    request: Request
    user_id: int
    made_at: float


class Rejected(Exception):
    """An answer of the protocol that is a no: its word, such as `invalid_grant`, and GitLab's sentence."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


@dataclass
class OAuth:
    """The provider of one GitLab."""

    core: Core
    applications: dict[str, Application] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    """Claims that are put over the true ones, to see which programs believe them."""
    _key: jwk.RSAKey | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read_request(self, values: dict[str, Any]) -> Request:
        """What somebody was sent here with. Rejected where GitLab shows an error and leads nobody back."""
        application = self.applications.get(str(values.get("client_id") or ""))
        if application is None:
            raise Rejected("invalid_client", "Client authentication failed due to unknown client.", 401)
        redirect_uri = str(values.get("redirect_uri") or "")
        if redirect_uri not in application.redirect_uris:
            raise Rejected("invalid_redirect_uri", "The redirect URI included is not valid.", 401)
        if values.get("response_type") != "code":
            raise Rejected("unsupported_response_type", "The server does not support this response type.")
        scopes = tuple(str(values.get("scope") or "").split())
        if not scopes or not set(scopes) <= set(application.scopes):
            raise Rejected("invalid_scope", "The requested scope is invalid, unknown, or malformed.")
        challenge = str(values.get("code_challenge") or "")
        if challenge and values.get("code_challenge_method") != "S256":
            raise Rejected("invalid_code_challenge_method", "The code_challenge_method must be S256.")
        state, nonce = str(values.get("state") or ""), str(values.get("nonce") or "")
        return Request(application, redirect_uri, scopes, state, nonce, challenge)

    def allow(self, request: Request, user: User) -> str:
        """A person says yes: the code for the program."""
        code = secrets.token_urlsafe(32)
        with self._lock:
            self.codes[code] = Code(request, user.id, time.monotonic())
        return code

    def redeem(self, client_id: str, secret: str, values: dict[str, Any]) -> dict[str, Any]:
        """A token for a code, once. A code that comes a second time takes the token of the first one back, too."""
        application = self.applications.get(client_id)
        if application is None or not hmac.compare_digest(application.secret, secret):
            raise Rejected("invalid_client", "Client authentication failed.", 401)
        if values.get("grant_type") != "authorization_code":
            raise Rejected("unsupported_grant_type", "The authorization grant type is not supported.")
        wrong = Rejected("invalid_grant", "The provided authorization grant is invalid, expired, or revoked.")
        name = str(values.get("code") or "")
        with self._lock:
            code = self.codes.pop(name, None)
            if code is None:
                if name in self.used:
                    self.core.state.tokens[self.used[name]].revoked = True
                raise wrong
        asked = code.request
        if asked.application is not application or time.monotonic() - code.made_at > CODE_SECONDS:
            raise wrong
        if values.get("redirect_uri") != asked.redirect_uri:
            raise wrong
        if asked.challenge and not hmac.compare_digest(
            asked.challenge, challenge_of(str(values.get("code_verifier") or ""))
        ):
            raise wrong
        token = self.core.state.new_token(
            code.user_id, prefix="", scopes=asked.scopes, name=application.name, oauth=True
        )
        with self._lock:
            self.used[name] = token.value
        user = self.core.state.user(code.user_id)
        answer = {
            "access_token": token.value,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "refresh_token": secrets.token_urlsafe(32),
            "scope": " ".join(asked.scopes),
            "created_at": int(time.time()),
        }
        if "openid" in asked.scopes:
            answer["id_token"] = self.identity(application.client_id, user, asked.nonce)
        return answer

    def identity(self, client_id: str, user: User, nonce: str) -> str:
        """The signed word on who somebody is."""
        at = int(time.time())
        claims = {
            "iss": self.core.url,
            "sub": str(user.id),
            "aud": client_id,
            "iat": at,
            "exp": at + IDENTITY_SECONDS,
            "auth_time": at,
            **({"nonce": nonce} if nonce else {}),
            **self.lies,
        }
        return jwt.encode({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"}, claims, self._signing_key())

    def keys(self) -> dict[str, Any]:
        """The public half of the keys, for others to check."""
        public = self._signing_key().as_dict(private=False)
        return {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

    def _signing_key(self) -> jwk.RSAKey:
        with self._lock:
            if self._key is None:
                self._key = jwk.RSAKey.generate_key(KEY_BITS, private=True)
            return self._key


def challenge_of(verifier: str) -> str:
    """What a program shows beforehand of the secret that only it can show afterwards (S256)."""
    digest = hashlib.sha256(verifier.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

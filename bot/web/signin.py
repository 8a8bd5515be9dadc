"""Signing in with GitLab, by Authlib: OpenID Connect with PKCE, state and nonce.

What is on the way is kept in a cookie that only we can read, good for some minutes and for one sign-in: so nothing is
stored for people who never come back, and nothing can be played a second time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import flask
import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App, OAuth
from authlib.integrations.requests_client import OAuth2Session
from cryptography.fernet import InvalidToken
from joserfc.errors import JoseError
from werkzeug.exceptions import BadRequest, Forbidden, ServiceUnavailable

from bot.domain.access import NotAccepted
from bot.errors import TryAgain
from bot.logs import get
from bot.web.people import Eyes, People, Sessions

SCOPES = "openid read_api"
"""Who somebody is, and reading as they may: nothing can be changed with such a token."""

SIGN_IN_SECONDS = 600
"""How long somebody may take on GitLab's page."""

TIMEOUT_SECONDS = 10.0
MAX_NEXT_CHARACTERS = 1_500
"""Longest address that somebody comes back to whole; of a longer one its path. Browsers drop cookies over 4 KB."""

CALLBACK = "/sign-in/callback"

_HERE = re.compile(r"/(?![/\\])[\x21-\x7e]*", re.ASCII)
_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Provider:
    """The GitLab that people sign in with, and who we are there. `url` is our own public address."""

    url: str
    gitlab_url: str
    client_id: str
    client_secret: str
    ca_file: str | None = None


def here(address: str) -> str:
    """Where to go after signing in: an address of ours, whatever somebody wrote into a link."""
    if len(address) > MAX_NEXT_CHARACTERS:
        address = address.partition("?")[0]
    if len(address) > MAX_NEXT_CHARACTERS or not _HERE.fullmatch(address):
        return "/"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    # to be sent back to where one signs in would go round in circles
    return "/" if parts.scheme or parts.netloc or parts.path.startswith("/sign-") else address


class _Kept(FlaskIntegration):  # type: ignore[misc] # Authlib has no types
    """Keeps what Authlib must find again in `flask.g`, from where it goes into our cookie."""

    def set_state_data(self, _session: object, state: str, data: Mapping[str, Any]) -> None:
        flask.g.mlreef_signing_in = {"state": state, "data": {k: v for k, v in data.items() if k != "url"}}

    def get_state_data(self, _session: object, state: str | None) -> Mapping[str, Any] | None:
        kept = flask.g.get("mlreef_signing_in")
        found: Mapping[str, Any] | None = kept["data"] if kept and state and kept["state"] == state else None
        return found

    def clear_state_data(self, _session: object, state: str | None) -> None:
        flask.g.pop("mlreef_signing_in", None)


class _Client(OAuth):  # type: ignore[misc] # Authlib has no types
    framework_integration_cls = _Kept


def sign_in_pages(people: People, eyes: Eyes, store: Sessions, provider: Provider) -> flask.Blueprint:
    """GET /sign-in?next=, GET /sign-in/callback, POST /sign-out."""
    pages = flask.Blueprint("signin", __name__)
    oauth = _Client()
    oauth.register(
        "gitlab",
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        server_metadata_url=f"{provider.gitlab_url.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": SCOPES,
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_SECONDS,
            "verify": provider.ca_file or True,
        },
    )
    # at its lowest level it logs the secrets of sign-ins that are on the way
    logging.getLogger("authlib").setLevel(logging.INFO)
    pages.record_once(lambda setup: oauth.init_app(setup.app))
    secure, cookie = people.secure, _cookie(people)

    def gitlab() -> FlaskOAuth2App:
        return oauth.create_client("gitlab")

    @pages.get("/sign-in")
    def start() -> flask.typing.ResponseReturnValue:
        box = _box(people)
        try:
            response: flask.Response = gitlab().authorize_redirect(provider.url.rstrip("/") + CALLBACK)
        except (requests.RequestException, OAuthError, ValueError) as error:
            raise _away(error) from error
        kept = {**flask.g.mlreef_signing_in, "next": here(flask.request.args.get("next", "/"))}
        response.set_cookie(
            cookie,
            box.encrypt(json.dumps(kept).encode()).decode(),
            max_age=SIGN_IN_SECONDS,
            secure=secure,
            httponly=True,
            samesite="Lax",
            path="/",
        )
        return response

    @pages.get("/sign-in/callback")
    def back() -> flask.typing.ResponseReturnValue:
        kept = _read_cookie(people)
        state = flask.request.args.get("state", "")
        if kept is None or not state or state != kept["state"]:
            raise BadRequest(
                "This sign-in was not begun in this browser, or too long ago. Please sign in again."
            )
        if "error" in flask.request.args:
            raise Forbidden(
                "GitLab was told not to let this catalogue know who you are. Nothing has changed."
            )
        flask.g.mlreef_signing_in = kept
        # before anything is asked for with it: of two that come at once, one goes on
        if not store.use_up(hashlib.sha256(state.encode()).hexdigest(), time.time() + SIGN_IN_SECONDS):
            raise BadRequest("This sign-in was used already. Please sign in again.")
        try:
            token = gitlab().authorize_access_token(claims_options=_claims(gitlab(), provider))
            person = eyes.identify(str(token["access_token"]))
        except requests.RequestException as error:
            raise _away(error) from error
        except TryAgain as error:
            raise ServiceUnavailable("GitLab does not answer at the moment. Please try again.") from error
        except (OAuthError, JoseError, NotAccepted, KeyError, ValueError) as error:
            _log.warning("a sign-in was refused", why=type(error).__name__)
            raise BadRequest("GitLab did not confirm this sign-in. Please sign in again.") from error
        if str((token.get("userinfo") or {}).get("sub")) != str(person.id):
            # whose token it is was not signed, who signed in was
            _log.error("a token is not of the person who signed in")
            give_back(person.token)
            raise BadRequest("GitLab did not confirm this sign-in. Please sign in again.")
        response = flask.make_response(flask.redirect(kept["next"]))
        people.sign_in(person, float(token.get("expires_in") or 0), response)
        response.delete_cookie(cookie, secure=secure, httponly=True, samesite="Lax", path="/")
        return response

    @pages.post("/sign-out")
    def out() -> flask.typing.ResponseReturnValue:
        if people.forged():
            raise Forbidden("This did not come from a page of this catalogue. Please use the button there.")
        person = people.person()
        response = flask.make_response(flask.redirect("/"))
        people.sign_out(response)
        give_back(person.token)
        return response

    def give_back(token: str) -> None:
        """Let GitLab take a token back that nobody here needs any more; it ends by itself soon."""
        try:
            with OAuth2Session(
                provider.client_id,
                provider.client_secret,
                default_timeout=TIMEOUT_SECONDS,
                verify=provider.ca_file or True,
            ) as session:
                session.revoke_token(f"{provider.gitlab_url.rstrip('/')}/oauth/revoke", token)
        except (requests.RequestException, OAuthError) as error:
            _log.warning("a token could not be given back", why=type(error).__name__)

    return pages


def _claims(client: Any, provider: Provider) -> dict[str, Any]:
    """What a signed identity must say: that this GitLab gave it, to us, for now."""
    issuer = client.load_server_metadata()["issuer"]
    return {
        "iss": {"essential": True, "value": issuer},
        "aud": {"essential": True, "value": provider.client_id},
        "sub": {"essential": True},
        "exp": {"essential": True},
        "nonce": {"essential": True},
    }


def _box(people: People) -> Any:
    if people.keys is None:
        flask.abort(404)
    return people.keys.box


def _cookie(people: People) -> str:
    """Its name begins as a session's does: no other host can put a sign-in of its own into somebody's browser."""
    return f"{people.cookie}_signing_in"


def _read_cookie(people: People) -> dict[str, Any] | None:
    try:
        read = _box(people).decrypt(
            flask.request.cookies.get(_cookie(people), "").encode(), ttl=SIGN_IN_SECONDS
        )
    except InvalidToken:
        return None
    kept: dict[str, Any] = json.loads(read)
    return kept if {"state", "data", "next"} <= kept.keys() else None


def _away(error: Exception) -> ServiceUnavailable:
    _log.warning("GitLab cannot be asked who somebody is", why=type(error).__name__)
    return ServiceUnavailable("GitLab does not answer at the moment. Please try again.")

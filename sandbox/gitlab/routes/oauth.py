"""Where other programs have people sign in: the page that asks them, tokens, and who somebody is.

This GitLab has no passwords: whoever is at its page says which of its users they are.
"""

from __future__ import annotations

import base64
import binascii
import html
from typing import Any
from urllib.parse import unquote, urlencode

from werkzeug.wrappers import Response

from sandbox.gitlab.http import Call, Routes, answer, unauthorized
from sandbox.gitlab.oauth import Rejected, Request

outside = Routes()

ASKED = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><link rel="icon" href="data:,"></head>
<body><main><h1>{title}</h1>{body}</main></body></html>
"""


@outside.on("GET", "/.well-known/openid-configuration")
def configuration(call: Call) -> Response:
    url = call.core.url
    return answer(
        {
            "issuer": url,
            "authorization_endpoint": f"{url}/oauth/authorize",
            "token_endpoint": f"{url}/oauth/token",
            "revocation_endpoint": f"{url}/oauth/revoke",
            "userinfo_endpoint": f"{url}/oauth/userinfo",
            "jwks_uri": f"{url}/oauth/discovery/keys",
            "scopes_supported": ["api", "read_api", "read_user", "openid", "profile", "email"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claim_types_supported": ["normal"],
            "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nonce", "preferred_username"],
            "code_challenge_methods_supported": ["plain", "S256"],
        }
    )


@outside.on("GET", "/oauth/discovery/keys")
def keys(call: Call) -> Response:
    return answer(call.core.oauth.keys())


@outside.on("GET", "/oauth/authorize")
def ask(call: Call) -> Response:
    """The page on which a person says yes or no."""
    values = {name: call.request.args.get(name, "") for name in ASKED}
    try:
        request = call.core.oauth.read_request(values)
    except Rejected as rejected:
        return _page("An error has occurred", html.escape(rejected.description), rejected.status)
    kept = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in values.items()
    )
    buttons = "".join(
        f'<button name="username" value="{html.escape(user.username)}">Authorize as {html.escape(user.username)}'
        "</button> "
        for user in call.core.state.users.values()
        if not user.bot
    )
    no = '<button name="deny" value="1">Cancel</button>'
    form = f'<form method="post" action="/oauth/authorize">{kept}{buttons}{no}</form>'
    return _page(f"Authorize {html.escape(request.application.name)}?", form)


@outside.on("POST", "/oauth/authorize")
def decide(call: Call) -> Response:
    try:
        request = call.core.oauth.read_request(dict(call.data))
    except Rejected as rejected:
        return _page("An error has occurred", html.escape(rejected.description), rejected.status)
    user = call.core.state.user_named(str(call.data.get("username") or ""))
    if call.data.get("deny") or user is None:
        words = "The resource owner or authorization server denied the request."
        return _back(request, {"error": "access_denied", "error_description": words})
    return _back(request, {"code": call.core.oauth.allow(request, user)})


def _back(request: Request, values: dict[str, str]) -> Response:
    query = urlencode({**values, **({"state": request.state} if request.state else {})})
    return Response(status=302, headers={"Location": f"{request.redirect_uri}?{query}"})


@outside.on("POST", "/oauth/token")
def token(call: Call) -> Response:
    client_id, secret = _client(call)
    try:
        return answer(
            call.core.oauth.redeem(client_id, secret, call.data), headers={"Cache-Control": "no-store"}
        )
    except Rejected as rejected:
        body = {"error": rejected.error, "error_description": rejected.description}
        return answer(body, rejected.status)


@outside.on("POST", "/oauth/revoke")
def revoke(call: Call) -> Response:
    client_id, secret = _client(call)
    application = call.core.oauth.applications.get(client_id)
    if application is None or application.secret != secret:
        return answer({"error": "unauthorized_client"}, 403)
    found = call.core.state.tokens.get(str(call.data.get("token") or ""))
    if found is not None and found.oauth:
        found.revoked = True
    return answer({})


@outside.on("GET", "/oauth/token/info")
def token_info(call: Call) -> Response:
    call.who()
    if call.token is None or not call.token.oauth:
        raise unauthorized()
    client_id = next(
        (one.client_id for one in call.core.oauth.applications.values() if one.name == call.token.name), None
    )
    scopes = list(call.token.scopes)
    return answer(
        {"resource_owner_id": call.token.user_id, "scope": scopes, "application": {"uid": client_id}}
    )


@outside.on("GET", "/oauth/userinfo")
def userinfo(call: Call) -> Response:
    user = call.who()
    if call.token is None or "openid" not in call.token.scopes:
        raise unauthorized()
    claims: dict[str, Any] = {"sub": str(user.id)}
    if "profile" in call.token.scopes:
        claims |= {"name": user.name, "nickname": user.username, "preferred_username": user.username}
    return answer(claims)


def _client(call: Call) -> tuple[str, str]:
    """A program's id and secret, from Basic credentials or the form."""
    scheme, _, rest = call.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(rest).decode("utf-8", "replace").partition(":")
        except (binascii.Error, ValueError):
            return "", ""
        return unquote(name), unquote(secret)
    return str(call.data.get("client_id") or ""), str(call.data.get("client_secret") or "")


def _page(title: str, body: str, status: int = 200) -> Response:
    return Response(PAGE.format(title=title, body=body), status, content_type="text/html; charset=utf-8")

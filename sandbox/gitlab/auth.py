"""Who is asking: tokens in headers, query or a git password, and what a token's scope lets it do."""

from __future__ import annotations

import base64
import binascii

from werkzeug.wrappers import Request

from sandbox.gitlab.core import Core
from sandbox.gitlab.http import ApiError, unauthorized
from sandbox.gitlab.values import Token, User

READING = ("GET", "HEAD")
GRAPHQL = "/api/graphql"


def shown_token(request: Request) -> tuple[str | None, bool]:
    """The token that a request shows, and whether it claims to be a CI job's."""
    headers, query = request.headers, request.args
    job = headers.get("Job-Token") or query.get("job_token")
    if job:
        return job, True
    personal = headers.get("Private-Token") or query.get("private_token")
    return personal or _bearer(request) or None, False


def _bearer(request: Request) -> str:
    """The token of a Bearer header: the only way in for what OAuth gave."""
    bearer = request.headers.get("Authorization", "")
    return bearer[7:].strip() if bearer.lower().startswith("bearer ") else ""


def find_token(core: Core, value: str) -> Token:
    """A token that is valid now; ApiError 401 for unknown, expired and revoked ones."""
    token = core.state.tokens.get(value)
    if token is None:
        raise unauthorized()
    if token.revoked:
        if token.job_id is not None:
            raise unauthorized()
        why = "Token was revoked. You have to re-authorize from the user."
        raise ApiError(401, {"error": "invalid_token", "error_description": why})
    if token.expired:
        why = "Token is expired. You can either do re-authorization or token refresh."
        raise ApiError(401, {"error": "invalid_token", "error_description": why})
    return token


def identify(core: Core, request: Request, job_token_allowed: bool) -> tuple[User | None, Token | None]:
    """The caller of an API request. A job's token counts for nothing where GitLab does not let it in."""
    value, as_job = shown_token(request)
    if value is None:
        return None, None
    token = find_token(core, value)
    if (token.job_id is not None) != as_job and not (as_job is False and token.job_id is not None):
        raise unauthorized()
    if token.oauth and value != _bearer(request):
        raise unauthorized()
    if token.job_id is not None:
        return (core.state.user(token.user_id) if job_token_allowed else None), token
    # GraphQL asks by POST; what changes something there looks at the scope itself
    reading = request.method in READING or request.path == GRAPHQL
    if "api" not in token.scopes and not ("read_api" in token.scopes and reading):
        body = {
            "error": "insufficient_scope",
            "error_description": "The request requires higher privileges than provided by the access token.",
            "scope": "api read_api" if reading else "api",
        }
        raise ApiError(403, body)
    return core.state.user(token.user_id), token


def git_password(request: Request) -> str | None:
    """The password of a git client's Basic credentials; GitLab takes any user name with a token."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, _, password = base64.b64decode(rest).decode("utf-8", "replace").partition(":")
    except (binascii.Error, ValueError):
        return None
    return password or None

"""Signing in to other programs with this GitLab: by the protocol's own rules, as GitLab keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwk, jwt

from sandbox.gitlab import Sandbox
from sandbox.gitlab.oauth import Application, challenge_of

BACK = "http://127.0.0.1:8081/sign-in/callback"
VERIFIER = "v" * 48


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "gitlab") as sandbox:
        yield sandbox


@pytest.fixture
def program(gitlab: Sandbox) -> Application:
    return gitlab.create_application("catalogue", BACK)


def asked(program: Application, **changed: str) -> dict[str, str]:
    values = {
        "client_id": program.client_id,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "openid read_api",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    return {**values, **changed}


def allowed(gitlab: Sandbox, program: Application, username: str) -> str:
    """The code that a program gets for a person's yes."""
    form = {**asked(program), "username": username}
    answer = requests.post(f"{gitlab.url}/oauth/authorize", data=form, allow_redirects=False, timeout=5)
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert answer.headers["Location"].startswith(BACK)
    assert query["state"] == ["the-state"]
    return query["code"][0]


def redeemed(gitlab: Sandbox, program: Application, code: str, **changed: str) -> tuple[int, Any]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    answer = requests.post(
        f"{gitlab.url}/oauth/token",
        data={**form, **changed},
        auth=(program.client_id, program.secret),
        timeout=5,
    )
    return answer.status_code, answer.json()


def test_that_a_persons_yes_becomes_a_token_and_a_signed_identity(
    gitlab: Sandbox, program: Application
) -> None:
    ada = gitlab.create_user("ada")
    status, token = redeemed(gitlab, program, allowed(gitlab, program, "ada"))
    assert (status, token["token_type"], token["scope"]) == (200, "Bearer", "openid read_api")
    known = requests.get(f"{gitlab.url}/.well-known/openid-configuration", timeout=5).json()
    keys = jwk.KeySet.import_key_set(requests.get(known["jwks_uri"], timeout=5).json())
    claims = jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims
    assert claims["iss"] == known["issuer"] == gitlab.url
    assert (claims["sub"], claims["aud"], claims["nonce"]) == (str(ada.id), program.client_id, "the-nonce")
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert requests.get(f"{gitlab.url}/api/v4/user", headers=bearer, timeout=5).json()["username"] == "ada"
    private = {"PRIVATE-TOKEN": token["access_token"]}
    assert requests.get(f"{gitlab.url}/api/v4/user", headers=private, timeout=5).status_code == 401


def test_that_a_code_is_good_once_and_takes_its_token_along_the_second_time(
    gitlab: Sandbox, program: Application
) -> None:
    gitlab.create_user("ada")
    code = allowed(gitlab, program, "ada")
    _, token = redeemed(gitlab, program, code)
    assert redeemed(gitlab, program, code)[0] == 400
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert requests.get(f"{gitlab.url}/api/v4/user", headers=bearer, timeout=5).status_code == 401


@pytest.mark.parametrize(
    "changed",
    [{"code_verifier": "w" * 48}, {"redirect_uri": f"{BACK}/x"}, {"code": "unknown"}],
    ids=["another verifier", "another way back", "another code"],
)
def test_that_what_does_not_fit_the_code_is_refused(
    gitlab: Sandbox, program: Application, changed: dict[str, str]
) -> None:
    gitlab.create_user("ada")
    code = allowed(gitlab, program, "ada")
    status, body = redeemed(gitlab, program, changed.pop("code", code), **changed)
    assert (status, body["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "unknown"},
        {"redirect_uri": "https://evil.example.com/"},
        {"scope": "api"},
        {"response_type": "token"},
        {"code_challenge_method": "plain"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_that_a_request_which_was_not_agreed_on_leads_nobody_away(
    gitlab: Sandbox, program: Application, changed: dict[str, str]
) -> None:
    gitlab.create_user("ada")
    form = {**asked(program, **changed), "username": "ada"}
    for answer in (
        requests.get(f"{gitlab.url}/oauth/authorize", params=form, allow_redirects=False, timeout=5),
        requests.post(f"{gitlab.url}/oauth/authorize", data=form, allow_redirects=False, timeout=5),
    ):
        assert answer.status_code in (400, 401)
        assert "Location" not in answer.headers


def test_that_the_page_asks_in_words_that_nobody_else_can_write_into(
    gitlab: Sandbox, program: Application
) -> None:
    gitlab.create_user("ada")
    form = asked(program, state='"><script>alert(1)</script>')
    page = requests.get(f"{gitlab.url}/oauth/authorize", params=form, timeout=5).text
    assert "Authorize as ada" in page
    assert "<script>" not in page


def test_that_a_no_is_told_to_the_program(gitlab: Sandbox, program: Application) -> None:
    form = {**asked(program), "deny": "1"}
    answer = requests.post(f"{gitlab.url}/oauth/authorize", data=form, allow_redirects=False, timeout=5)
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (query["error"], query["state"]) == (["access_denied"], ["the-state"])


def test_that_a_token_can_be_given_back(gitlab: Sandbox, program: Application) -> None:
    gitlab.create_user("ada")
    _, token = redeemed(gitlab, program, allowed(gitlab, program, "ada"))
    form = {"token": token["access_token"]}
    login = (program.client_id, program.secret)
    assert requests.post(f"{gitlab.url}/oauth/revoke", data=form, auth=login, timeout=5).status_code == 200
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert requests.get(f"{gitlab.url}/api/v4/user", headers=bearer, timeout=5).status_code == 401

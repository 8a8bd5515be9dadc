"""Tokens as GitLab gives them: who may pull and push what."""

from __future__ import annotations

import re

import pytest

from sandbox.registry import RegistryServer
from sandbox.registry.auth import (
    TOKEN_SECONDS,
    ProjectAccess,
    Scope,
    TokenAuthorizer,
    project_of,
    read_scopes,
)
from tests.sandbox_registry.client import Client, code_of

REALM = "http://127.0.0.1:1/jwt/auth"


@pytest.fixture
def auth(ours: RegistryServer) -> TokenAuthorizer:
    authorizer = TokenAuthorizer(REALM, b"a secret of both")
    ours.guard(authorizer)
    return authorizer


def client_with(ours: RegistryServer, token: str | None) -> Client:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return Client(ours.url, headers, repository="ada/noise")


def test_without_a_token_one_is_sent_to_gitlab(ours: RegistryServer, auth: TokenAuthorizer) -> None:
    client = client_with(ours, None)
    door = client.ask("GET", "/v2/")
    assert (door.status_code, code_of(door)) == (401, "UNAUTHORIZED")
    assert door.headers["WWW-Authenticate"] == f'Bearer realm="{REALM}",service="container_registry"'
    inside = client.ask("POST", "blobs/uploads/")
    assert inside.status_code == 401
    assert inside.headers["WWW-Authenticate"] == (
        f'Bearer realm="{REALM}",service="container_registry",scope="repository:ada/noise:pull,push"'
    )
    assert 'scope="repository:ada/noise:pull"' in client.get_manifest("latest").headers["WWW-Authenticate"]


def test_a_token_allows_what_it_says_and_no_more(ours: RegistryServer, auth: TokenAuthorizer) -> None:
    writer = client_with(ours, auth.issue_token("ada", [Scope("ada/noise", ("pull", "push"))]))
    reader = client_with(ours, auth.issue_token("bob", [Scope("ada/noise", ("pull",))]))
    content = writer.image()
    assert writer.put_manifest("v1", content).status_code == 201
    assert reader.get_manifest("v1").content == content
    refused = reader.put_manifest("v2", content)
    assert refused.status_code == 401
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    assert writer.ask("DELETE", "manifests/v1").status_code == 401
    writer.repository = "ada/other"
    assert writer.ask("POST", "blobs/uploads/").status_code == 401


def test_a_blob_of_a_hidden_repository_is_not_mounted(ours: RegistryServer, auth: TokenAuthorizer) -> None:
    hidden = Client(ours.url, {}, repository="eve/hidden")
    everything = auth.issue_token("eve", [Scope("eve/hidden", ("pull", "push"))])
    hidden.headers = {"Authorization": f"Bearer {everything}"}
    digest = hidden.push_blob(b"hidden")
    client = client_with(ours, auth.issue_token("ada", [Scope("ada/noise", ("pull", "push"))]))
    answer = client.ask("POST", "blobs/uploads/", params={"mount": digest, "from": "eve/hidden"})
    assert answer.status_code == 401
    assert "repository:eve/hidden:pull" in answer.headers["WWW-Authenticate"]
    assert client.ask("GET", f"blobs/{digest}").status_code == 404


def test_a_token_that_is_forged_or_old_opens_nothing(ours: RegistryServer) -> None:
    now = 1_000_000.0
    auth = TokenAuthorizer(REALM, b"right", clock=lambda: now)
    ours.guard(auth)
    good = auth.issue_token("ada", [Scope("ada/noise", ("pull",))])
    forged = TokenAuthorizer(REALM, b"wrong", clock=lambda: now).issue_token(
        "ada", [Scope("ada/noise", ("pull",))]
    )
    assert client_with(ours, good).ask("GET", "/v2/").status_code == 200
    head, claims, signature = good.split(".")
    for bad in (forged, f"{head}.{claims[:-2]}AA.{signature}", f"{head}.{claims}.", "ü", "a.b.c", "", "."):
        answer = client_with(ours, bad).ask("GET", "/v2/") if bad.isascii() else None
        assert answer is None or answer.status_code == 401
        assert not auth.known(bad)
    now += TOKEN_SECONDS + 1
    assert client_with(ours, good).ask("GET", "/v2/").status_code == 401


@pytest.mark.parametrize(
    ("access", "allowed"),
    [
        (ProjectAccess(public=True), {"pull"}),
        (ProjectAccess(internal=True), set()),
        (ProjectAccess(internal=True, signed_in=True), {"pull"}),
        (ProjectAccess(signed_in=True, access_level=10), set()),
        (ProjectAccess(signed_in=True, access_level=20), {"pull"}),
        (ProjectAccess(signed_in=True, access_level=30), {"pull", "push"}),
        (ProjectAccess(signed_in=True, access_level=40), {"pull", "push", "delete"}),
        (ProjectAccess(own_job=True), {"pull", "push", "delete"}),
        (ProjectAccess(public=True, signed_in=True), {"pull"}),
    ],
)
def test_a_role_decides(access: ProjectAccess, allowed: set[str]) -> None:
    assert {action for action in ("pull", "push", "delete", "else") if access.allows(action)} == allowed


def test_gitlab_gives_what_may_be_given(auth: TokenAuthorizer) -> None:
    def may(repository: str, action: str) -> bool:
        return repository == "ada/noise" and action == "pull"

    asked = ["repository:ada/noise:pull,push", "repository:ada/other:pull"]
    status, body = auth.answer("bob", "container_registry", asked, may)
    assert status == 200
    assert auth.allowed(body["token"], "ada/noise", "pull")
    assert not auth.allowed(body["token"], "ada/noise", "push")
    assert not auth.allowed(body["token"], "ada/other", "pull")
    assert auth.answer("bob", "container_registry", ["repository:ada/other:pull"], may)[0] == 403
    assert auth.answer("bob", "container_registry", [], may)[0] == 200
    assert auth.answer("", "container_registry", [], may)[0] == 401
    assert auth.answer("", "other", asked, may)[0] == 404


def test_scopes_are_read_as_clients_write_them() -> None:
    written = [
        "repository:a/b:pull,push repository:c/d/e:pull",
        "registry:catalog:*",
        "repository:A B:pull",
        "x",
    ]
    assert read_scopes(written) == (Scope("a/b", ("pull", "push")), Scope("c/d/e", ("pull",)))
    assert read_scopes(["repository:a/b:*"]) == (Scope("a/b", ("pull", "push", "delete")),)


def test_a_repository_belongs_to_the_longest_project_path() -> None:
    projects = {"group/project", "group/sub/project"}
    assert project_of("group/project", projects.__contains__) == "group/project"
    assert project_of("group/project/image", projects.__contains__) == "group/project"
    assert project_of("group/sub/project/a/b", projects.__contains__) == "group/sub/project"
    assert project_of("group/other", projects.__contains__) is None
    assert project_of("group", projects.__contains__) is None


def test_a_challenge_can_be_read(auth: TokenAuthorizer) -> None:
    said = auth.challenge("repository:a/b:pull,push", False)
    assert re.findall(r'(\w+)="([^"]*)"', said) == [
        ("realm", REALM),
        ("service", "container_registry"),
        ("scope", "repository:a/b:pull,push"),
    ]

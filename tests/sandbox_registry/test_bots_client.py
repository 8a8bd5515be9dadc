"""The bot's own registry client against both registries, and with GitLab's tokens against ours."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from bot.adapters.registry import Registry
from bot.errors import Refused
from sandbox.registry import RegistryServer
from sandbox.registry.auth import ProjectAccess, TokenAuthorizer
from tests.sandbox_registry.client import Client, digest_of


def push(client: Client, *tags: str) -> bytes:
    content = client.image()
    for tag in tags:
        assert client.put_manifest(tag, content).status_code == 201
    return content


def test_it_reads_and_moves_tags(client: Client) -> None:
    content = push(client, "c-1", "c-2")
    with Registry(client.url.removeprefix("http://")) as registry:
        assert sorted(registry.fetch_tags(client.repository)) == ["c-1", "c-2"]
        manifest = registry.fetch_manifest(client.repository, "c-1")
        assert manifest is not None
        assert (manifest.digest, manifest.content) == (digest_of(content), content)
        registry.ensure_tag(client.repository, "main-1", manifest)
        registry.ensure_tag(client.repository, "main-1", manifest)
        assert registry.fetch_manifest(client.repository, "main-1") == manifest
        assert registry.fetch_manifest(client.repository, manifest.digest) == manifest
        assert registry.fetch_manifest(client.repository, "absent") is None


def test_it_reads_labels(client: Client) -> None:
    config = json.dumps({"config": {"Labels": {"io.mlreef.schema": "1"}}}).encode()
    digest = client.push_blob(config)
    content = client.image().replace(
        digest_of(b'{"created": "2026-01-02T03:04:05Z"}').encode(), digest.encode()
    )
    assert client.put_manifest("v1", content).status_code == 201
    with Registry(client.url.removeprefix("http://")) as registry:
        manifest = registry.fetch_manifest(client.repository, "v1")
        assert manifest is not None
        assert registry.fetch_labels(client.repository, manifest) == {"io.mlreef.schema": "1"}


def test_a_repository_without_tags_has_none(client: Client) -> None:
    with Registry(client.url.removeprefix("http://")) as registry:
        assert registry.fetch_tags(client.repository) == ()
        content = push(client, "one")
        client.ask("DELETE", f"manifests/{digest_of(content)}")
        assert registry.fetch_tags(client.repository) == ()


def test_it_follows_pages(ours: RegistryServer) -> None:
    client = Client(ours.url)
    names = [f"t{number:03}" for number in range(620)]
    content = client.image()
    digest = digest_of(content)
    assert client.put_manifest(digest, content).status_code == 201
    for name in names:
        client.put_manifest(name, content)
    with Registry(ours.address) as registry:
        assert list(registry.fetch_tags(client.repository)) == names


@dataclass
class TokenDoor:
    """GitLab's /jwt/auth with two accounts, and how often it was asked."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def door(ours: RegistryServer) -> Iterator[TokenDoor]:
    made = TokenDoor()
    people = {
        ("bot", "glpat-0"): ProjectAccess(signed_in=True, access_level=40),
        ("reader", "glpat-1"): ProjectAccess(signed_in=True, access_level=20),
    }

    def answer(request: Request) -> Response:
        made.asked.extend(request.args.getlist("scope"))
        given = request.authorization
        access = people.get((str(given.username), str(given.password))) if given else ProjectAccess()
        if access is None:
            return Response("{}", 401)
        user = str(given.username) if given else ""
        scopes = request.args.getlist("scope")
        status, body = auth.answer(
            user, request.args.get("service", ""), scopes, lambda _, action: access.allows(action)
        )
        return Response(json.dumps(body), status, content_type="application/json")

    server = make_server("127.0.0.1", 0, Request.application(answer), threaded=True)
    made.url = f"http://127.0.0.1:{server.port}/jwt/auth"
    auth = TokenAuthorizer(made.url, b"between them")
    ours.guard(auth)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def test_it_gets_tokens_from_gitlab(ours: RegistryServer, door: TokenDoor) -> None:
    client = Client(ours.url, repository="ada/noise")
    ours.guard(None)
    content = push(client, "c-1")
    ours.guard(TokenAuthorizer(door.url, b"between them"))
    with Registry(ours.address, "bot", "glpat-0") as registry:
        manifest = registry.fetch_manifest("ada/noise", "c-1")
        assert manifest is not None
        assert manifest.content == content
        registry.ensure_tag("ada/noise", "latest", manifest)
    assert set(ours.tags("ada/noise")) == {"c-1", "latest"}
    assert "repository:ada/noise:pull,push" in door.asked


@pytest.mark.parametrize("account", [("reader", "glpat-1"), ("bot", "wrong"), (None, None)])
def test_who_may_not_is_refused(
    ours: RegistryServer, door: TokenDoor, account: tuple[str | None, str | None]
) -> None:
    client = Client(ours.url, repository="ada/noise")
    ours.guard(None)
    push(client, "c-1")
    with Registry(ours.address) as open_registry:
        manifest = open_registry.fetch_manifest("ada/noise", "c-1")
    ours.guard(TokenAuthorizer(door.url, b"between them"))
    assert manifest is not None
    with Registry(ours.address, *account) as registry, pytest.raises(Refused):
        registry.ensure_tag("ada/noise", "latest", manifest)
    assert ours.tags("ada/noise") == ["c-1"]

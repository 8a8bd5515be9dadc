"""The registry client against real registries, and against servers that misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.registry import Registry, read_image
from bot.errors import OperatorError, Refused, TryAgain
from sandbox.registry import RegistryServer
from tests.ci.world import REVISION, Answer, Asked, push_image, server

SHA = "a" * 40


@pytest.fixture(params=["of this machine", "of the sandbox"])
def host(request: pytest.FixtureRequest, registry: str, tmp_path: Path) -> Iterator[str]:
    if request.param == "of this machine":
        yield registry
        return
    with RegistryServer(tmp_path / "registry") as started:
        yield started.url.removeprefix("http://")


@pytest.fixture
def name() -> str:
    return f"group/r-{uuid.uuid4().hex[:12]}"


def test_a_repository_that_does_not_exist_has_no_tags(host: str, name: str) -> None:
    with Registry(host) as registry:
        assert registry.fetch_tags(name) == ()
        assert registry.fetch_manifest(name, "latest") is None


def test_labels_of_an_image_come_back_as_they_were_given(host: str, name: str) -> None:
    labels = {REVISION: SHA, "title": 'it\'s "$HOME" ü 😀'}
    digest = push_image(host, name, "c-1", labels)
    with Registry(host) as registry:
        manifest = registry.fetch_manifest(name, "c-1")
        assert manifest is not None
        assert manifest.digest == digest
        assert registry.fetch_labels(name, manifest) == labels


def test_a_tag_moves_and_the_bytes_stay_the_same(host: str, name: str) -> None:
    digest = push_image(host, name, "c-1", {"n": "1"})
    push_image(host, name, "main-1", {"n": "0"})
    with Registry(host) as registry:
        manifest = registry.fetch_manifest(name, digest)
        assert manifest is not None
        for _ in range(2):
            registry.ensure_tag(name, "main-1", manifest)
            assert registry.fetch_manifest(name, "main-1") == manifest
        assert set(registry.fetch_tags(name)) == {"c-1", "main-1"}


def test_many_tags_are_read_page_by_page(host: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = push_image(host, name, "c-1", {})
    monkeypatch.setattr("bot.adapters.registry.manifests.TAGS_PER_PAGE", 3)
    with Registry(host) as registry:
        manifest = registry.fetch_manifest(name, digest)
        assert manifest is not None
        for number in range(10):
            registry.ensure_tag(name, f"main-{number}", manifest)
        assert len(registry.fetch_tags(name)) == 11


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("localhost", "http://localhost"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("registry.example.com", "https://registry.example.com"),
        ("127.0.0.1.example.com:5000", "https://127.0.0.1.example.com:5000"),
        ("http://registry:5000/", "http://registry:5000"),
    ],
)
def test_only_loopback_is_spoken_to_without_tls(host: str, base: str) -> None:
    assert Registry(host).address == base


def test_an_images_name_is_taken_apart() -> None:
    assert read_image("127.0.0.1:5000/group/project") == ("127.0.0.1:5000", "group/project")
    with pytest.raises(ValueError, match="not the name"):
        read_image("python")


def test_a_challenge_is_answered_with_a_token_for_just_this_repository() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path.startswith("/jwt/auth"):
            account = base64.b64encode(b"ada:secret").decode()
            assert asked.headers["authorization"] == f"Basic {account}"
            assert "scope=repository%3Ag%2Fp%3Apull" in asked.path
            return Answer(200, b'{"token": "tick"}')
        if asked.headers.get("authorization") == "Bearer tick":
            return Answer(200, b'{"tags": ["a"]}')
        return Answer(
            401,
            headers={
                "WWW-Authenticate": f'Bearer realm="http://{asked.headers["host"]}/jwt/auth",service="r"'
            },
        )

    with server(answer) as (url, heard), Registry(url, "ada", "secret") as registry:
        assert registry.fetch_tags("g/p") == ("a",)
        assert registry.fetch_tags("g/p") == ("a",)
    assert [asked.path.partition("?")[0] for asked in heard].count("/jwt/auth") == 1


def test_a_token_that_ran_out_is_renewed() -> None:
    given: list[str] = []

    def answer(asked: Asked) -> Answer:
        if asked.path.startswith("/jwt/auth"):
            given.append(f"t{len(given)}")
            return Answer(200, json.dumps({"token": given[-1]}).encode())
        if given and asked.headers.get("authorization") == f"Bearer {given[-1]}" and len(given) != 1:
            return Answer(200, b'{"tags": []}')
        return Answer(
            401, headers={"WWW-Authenticate": f'Bearer realm="http://{asked.headers["host"]}/jwt/auth"'}
        )

    with server(answer) as (url, _), Registry(url, "ada", "secret") as registry:
        with pytest.raises(Refused):
            registry.fetch_tags("g/p")
        assert registry.fetch_tags("g/p") == ()


def test_a_password_is_not_sent_to_a_token_service_without_tls() -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://evil.example.com/token"'}
    with (
        server(lambda _: Answer(401, headers=challenge)) as (url, _),
        Registry(url, "ada", "secret") as registry,
        pytest.raises(OperatorError, match="not https"),
    ):
        registry.fetch_tags("g/p")


def test_a_password_does_not_follow_a_redirect_to_another_host() -> None:
    content = json.dumps({"config": {"Labels": {"a": "b"}}}).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    manifest = json.dumps({"config": {"digest": digest}}).encode()
    with server(lambda _: Answer(200, content)) as (storage, heard):
        storage = storage.replace("127.0.0.1", "localhost")

        def answer(asked: Asked) -> Answer:
            if "authorization" not in asked.headers:
                return Answer(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
            if "/blobs/" in asked.path:
                return Answer(307, headers={"Location": f"{storage}/blob"})
            return Answer(200, manifest, {"Content-Type": "application/vnd.oci.image.manifest.v1+json"})

        with server(answer) as (url, asked_first), Registry(url, "ada", "secret") as registry:
            found = registry.fetch_manifest("g/p", "x")
            assert found is not None
            assert registry.fetch_labels("g/p", found) == {"a": "b"}
    assert [("authorization" in asked.headers) for asked in asked_first] == [False, True, True]
    assert [("authorization" in asked.headers) for asked in heard] == [False]


def test_a_list_that_continues_elsewhere_or_never_ends_is_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.adapters.registry.manifests.MAX_TAG_PAGES", 7)
    elsewhere = {"Link": '<http://127.0.0.1:1/v2/g/p/tags/list>; rel="next"'}
    endless = {"Link": '</v2/g/p/tags/list?last=a>; rel="next"'}
    for headers in (elsewhere, endless):
        with (
            server(lambda _, headers=headers: Answer(200, b'{"tags": ["a"]}', headers)) as (url, heard),  # type: ignore[misc]
            Registry(url) as registry,
            pytest.raises(OperatorError),
        ):
            registry.fetch_tags("g/p")
        assert len(heard) <= 7


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (Answer(500), TryAgain),
        (Answer(503, headers={"Retry-After": "7"}), TryAgain),
        (Answer(429), TryAgain),
        (Answer(403), Refused),
        (Answer(401), Refused),
        (Answer(418), OperatorError),
        (Answer(200, b"<html>"), OperatorError),
        (Answer(200, b"[" * 100_000), OperatorError),
    ],
)
def test_every_answer_is_sorted_by_who_must_act(said: Answer, error: type[Exception]) -> None:
    with server(lambda _: said) as (url, _), Registry(url, "ada", "secret", pauses=()) as registry:
        with pytest.raises(error) as raised:
            registry.fetch_tags("g/p")
        assert "secret" not in str(raised.value)
        if said.headers:
            assert isinstance(raised.value, TryAgain)
            assert raised.value.after == 7


def test_a_registry_that_is_away_is_tried_again_later() -> None:
    with server(lambda _: Answer()) as (url, _):
        pass
    with Registry(url, pauses=()) as registry, pytest.raises(TryAgain, match="does not answer"):
        registry.fetch_tags("g/p")


def test_other_bytes_than_those_of_the_digest_are_not_believed() -> None:
    with (
        server(lambda _: Answer(200, b"{}")) as (url, _),
        Registry(url) as registry,
        pytest.raises(TryAgain, match="other bytes"),
    ):
        registry.fetch_manifest("g/p", f"sha256:{'0' * 64}")


def test_an_index_gives_the_labels_of_its_first_platform(host: str, name: str) -> None:
    digest = push_image(host, name, "c-1", {"n": "1"})
    with Registry(host) as registry:
        inner = registry.fetch_manifest(name, digest)
        assert inner is not None
        index = json.dumps({"schemaVersion": 2, "manifests": [{"digest": digest}]}).encode()
        outer = replace(inner, media_type="application/vnd.oci.image.index.v1+json", content=index)
        assert registry.fetch_labels(name, outer) == {"n": "1"}

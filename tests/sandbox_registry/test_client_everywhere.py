"""The bot's client against every kind of registry: what works with one works with all."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.adapters.registry import Artifact, BlobsUnknown, Manifest, Part, Registry, digest_of
from bot.errors import OperatorError, Refused, TryAgain
from tests.sandbox_registry.registries import KINDS, PASSWORD, Place, registry_of

BIG = bytes(range(256)) * 12_000
KIND = "application/vnd.example.note"


@pytest.fixture(scope="module", params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with registry_of(request.param, tmp_path_factory.mktemp("place")) as made:
        yield made


@pytest.fixture
def registry(place: Place) -> Iterator[Registry]:
    with Registry(place.host, *place.account, pauses=(0.01,)) as made:
        yield made


@pytest.fixture
def name() -> str:
    return f"own/{uuid.uuid4().hex[:12]}"


def put_image(registry: Registry, repository: str, tag: str, text: str = "a layer") -> Manifest:
    config = registry.ensure_bytes(repository, json.dumps({"config": {"Labels": {"a": text}}}).encode())
    layer = registry.ensure_bytes(repository, text.encode())
    manifest = image_of(config, layer)
    registry.put_manifest(repository, tag, manifest)
    return manifest


def image_of(config: str, *layers: str) -> Manifest:
    described = [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 7}
        for layer in layers
    ]
    return Manifest.of(
        json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": config,
                    "size": 9,
                },
                "layers": described,
            }
        ).encode()
    )


def fetched(registry: Registry, repository: str, digest: str) -> bytes:
    sink = io.BytesIO()
    registry.fetch_blob(repository, digest, sink)
    return sink.getvalue()


def test_a_blob_is_sent_once_and_comes_back(registry: Registry, name: str) -> None:
    digest, told = digest_of(BIG), []
    assert not registry.has_blob(name, digest)
    assert registry.ensure_blob(name, digest, len(BIG), lambda: io.BytesIO(BIG), told.append)
    assert told[-1] == len(BIG)
    assert told == sorted(told)
    sent = registry.bytes_sent
    assert not registry.ensure_blob(name, digest, len(BIG), lambda: io.BytesIO(BIG))
    assert registry.bytes_sent == sent
    assert registry.has_blob(name, digest)
    assert fetched(registry, name, digest) == BIG
    assert registry.read_blob(name, digest_of(b"never")) is None


def test_an_empty_blob_is_a_blob(registry: Registry, name: str) -> None:
    assert registry.read_blob(name, registry.ensure_bytes(name, b"")) == b""


def test_a_blob_known_to_be_new_takes_two_requests(registry: Registry, name: str) -> None:
    registry.ensure_bytes(name, b"first")
    before = registry.requests
    registry.ensure_bytes(name, b"second", new=True)
    assert registry.requests - before == 2


def test_an_image_is_put_and_read(registry: Registry, name: str) -> None:
    manifest = put_image(registry, name, "c-1")
    assert registry.fetch_manifest(name, "c-1") == manifest
    assert registry.fetch_manifest(name, manifest.digest) == manifest
    assert registry.fetch_labels(name, manifest) == {"a": "a layer"}
    registry.ensure_tag(name, "v1", manifest)
    assert set(registry.fetch_tags(name)) == {"c-1", "v1"}
    assert registry.fetch_manifest(name, "absent") is None


def test_a_blob_that_is_not_there_is_named(registry: Registry, name: str) -> None:
    config, lost = registry.ensure_bytes(name, b"{}"), digest_of(b"lost")
    with pytest.raises(BlobsUnknown) as raised:
        registry.put_manifest(name, "v1", image_of(config, lost))
    assert raised.value.digests == (lost,)
    assert registry.fetch_tags(name) == ()


def test_a_blob_is_taken_over_from_another_repository(registry: Registry, place: Place, name: str) -> None:
    source = f"shared/{uuid.uuid4().hex[:12]}"
    with Registry(place.host, *place.lead) as lead:
        digest = lead.ensure_bytes(source, BIG)
    registry.ensure_bytes(name, b"something")
    sent = registry.bytes_sent
    assert registry.mount_blob(name, digest, source)
    assert registry.bytes_sent == sent
    assert fetched(registry, name, digest) == BIG


def test_what_cannot_be_taken_over_is_sent(registry: Registry, place: Place, name: str) -> None:
    source = f"hidden/{uuid.uuid4().hex[:12]}"
    with Registry(place.host, *place.lead) as lead:
        lead.ensure_bytes(source, b"there")
    lost = digest_of(b"not there")
    for _ in range(2):
        assert not registry.mount_blob(name, lost, source)
    if place.door is not None:
        assert not registry.mount_blob(name, digest_of(b"there"), source)
    assert registry.ensure_blob(name, lost, 9, lambda: io.BytesIO(b"not there"))
    assert registry.has_blob(name, lost)


def test_what_belongs_to_an_image_is_attached_to_it_once(registry: Registry, place: Place, name: str) -> None:
    image = put_image(registry, name, "v1")
    assert registry.fetch_referrers(name, image.digest) == ()
    note = Artifact(KIND, (Part("text/plain", b"hello", {"title": "note"}),), {"by": "us"})
    other = Artifact("application/vnd.example.other", (Part("text/plain", b"other"),))
    first = registry.ensure_referrer(name, image, note)
    assert registry.ensure_referrer(name, image, note) == first
    second = registry.ensure_referrer(name, image, other)
    found = registry.fetch_referrers(name, image.digest)
    assert {one.digest for one in found} == {first.digest, second.digest}
    (ours,) = registry.fetch_referrers(name, image.digest, KIND)
    assert (ours.digest, ours.size, ours.annotations) == (first.digest, len(first.content), {"by": "us"})
    held = registry.fetch_manifest(name, ours.digest)
    assert held is not None
    assert json.loads(held.content)["subject"]["digest"] == image.digest
    listed_by_tag = image.digest.replace(":", "-") in registry.fetch_tags(name)
    assert listed_by_tag != place.lists_referrers


def test_many_attach_at_the_same_time(place: Place, name: str) -> None:
    with Registry(place.host, *place.account) as one:
        image = put_image(one, name, "v1")

    def attach(number: int) -> str:
        with Registry(place.host, *place.account) as mine:
            artifact = Artifact(KIND, (Part("text/plain", str(number).encode()),))
            return mine.ensure_referrer(name, image, artifact).digest

    with ThreadPoolExecutor(3) as pool:
        attached = set(pool.map(attach, range(3)))
    if not place.lists_referrers:
        # No old registry can promise it to those who come at the same moment; who comes again mends it.
        assert {attach(number) for number in range(3)} == attached
    with Registry(place.host, *place.account) as one:
        assert {found.digest for found in one.fetch_referrers(name, image.digest)} == attached


def test_one_client_serves_many_threads(registry: Registry, name: str) -> None:
    bodies = [hashlib.sha256(bytes([number])).digest() * 5000 for number in range(16)]
    with ThreadPoolExecutor(4) as pool:
        digests = list(pool.map(lambda body: registry.ensure_bytes(name, body), bodies))
        assert list(pool.map(lambda digest: registry.read_blob(name, digest), digests)) == bodies


def test_a_file_that_changed_meanwhile_never_arrives(registry: Registry, name: str) -> None:
    registry.ensure_bytes(name, b"first")
    digest = digest_of(BIG)
    for wrong in (BIG[:-1], BIG + b"x", BIG[:-1] + b"x"):
        with pytest.raises(TryAgain, match="changed"):
            registry.ensure_blob(name, digest, len(BIG), lambda wrong=wrong: io.BytesIO(wrong))  # type: ignore[misc]
        assert not registry.has_blob(name, digest)


def test_a_file_that_cannot_be_read_is_no_fault_of_the_registry(
    registry: Registry, name: str, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        registry.ensure_blob(name, digest_of(b"x"), 1, lambda: (tmp_path / "absent").open("rb"))


def test_one_platform_is_chosen_from_an_index(registry: Registry, name: str) -> None:
    images = {arch: put_image(registry, name, arch, arch) for arch in ("amd64", "arm64")}
    entries = [
        {
            "mediaType": image.media_type,
            "digest": image.digest,
            "size": len(image.content),
            "platform": {
                "os": "linux",
                "architecture": arch,
                **({"variant": "v8"} if arch == "arm64" else {}),
            },
        }
        for arch, image in images.items()
    ]
    kind = "application/vnd.oci.image.index.v1+json"
    index = Manifest.of(
        json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries}).encode(), kind
    )
    registry.put_manifest(name, "both", index)
    assert registry.fetch_manifest(name, "both", "linux/arm64") == images["arm64"]
    assert registry.fetch_manifest(name, "both", "linux/amd64") == images["amd64"]
    assert registry.fetch_manifest(name, "amd64", "linux/amd64") == images["amd64"]
    with pytest.raises(
        OperatorError, match="not there for linux/s390x, only for linux/amd64, linux/arm64/v8"
    ):
        registry.fetch_manifest(name, "both", "linux/s390x")


def test_who_may_not_push_is_refused(place: Place) -> None:
    if place.account == (None, None):
        with Registry(place.host) as everybody:
            assert everybody.ensure_bytes("elsewhere/x", b"x") == digest_of(b"x")
        return
    for account in ((None, None), (place.account[0], "wrong")):
        with Registry(place.host, *account, pauses=()) as stranger, pytest.raises(Refused) as raised:
            stranger.ensure_bytes("own/x", b"x")
        assert PASSWORD not in str(raised.value)


def test_tokens_are_asked_for_seldom_and_for_just_what_is_done(place: Place, name: str) -> None:
    if place.door is None:
        return
    with Registry(place.host, *place.account) as registry:
        registry.will_push(name)
        before = len(place.door.asked)
        assert registry.fetch_manifest(name, "absent") is None
        put_image(registry, name, "v1")
        assert registry.fetch_tags(name) == ("v1",)
        assert place.door.asked[before:] == [[f"repository:{name}:pull,push"]]
        assert registry.token_requests == 1

"""A base image is what its registry says it is, or the operator is told what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.registry import Registry
from bot.adapters.registry.values import Manifest
from bot.errors import OperatorError
from bot.layers.base import fetch_base, read_reference, why_moved
from sandbox.registry import RegistryServer

INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DIFF = f"sha256:{'d' * 64}"

Change = Callable[[dict[str, Any], dict[str, Any]], None]


class Shop:
    """A registry with base images in it."""

    def __init__(self, host: str, registry: Registry) -> None:
        self.host = host
        self.registry = registry

    def open(self, host: str) -> Registry:
        """The registry of a host; there is only this one."""
        assert host == self.host
        return self.registry

    def put(self, tag: str, change: Change = lambda _manifest, _config: None, **config: Any) -> Manifest:
        """An image of one layer; `change` may break manifest and configuration."""
        held = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/usr/local/bin:/bin", "X="]},
            "rootfs": {"type": "layers", "diff_ids": [DIFF]},
            **config,
        }
        content = f"layer of {tag}".encode()
        layer = {
            "mediaType": LAYER,
            "digest": self.registry.ensure_bytes("base", content),
            "size": len(content),
        }
        manifest: dict[str, Any] = {"schemaVersion": 2, "config": {}, "layers": [layer]}
        change(manifest, held)
        raw = json.dumps(held).encode()
        if manifest["config"] == {}:
            digest = self.registry.ensure_bytes("base", raw)
            kind = "application/vnd.oci.image.config.v1+json"
            manifest["config"] = {"mediaType": kind, "digest": digest, "size": len(raw)}
        made = Manifest.of(json.dumps(manifest).encode())
        self.registry.put_manifest("base", tag, made)
        return made

    def put_index(self, tag: str, **members: Manifest) -> Manifest:
        """An index; the members' names are architectures."""
        entries = [
            {
                "mediaType": made.media_type,
                "digest": made.digest,
                "size": len(made.content),
                "platform": {"os": "linux", "architecture": architecture},
            }
            for architecture, made in members.items()
        ]
        made = Manifest.of(json.dumps({"schemaVersion": 2, "manifests": entries}).encode(), INDEX)
        self.registry.put_manifest("base", tag, made)
        return made


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A registry of one's own."""
    with RegistryServer(tmp_path / "registry") as server, Registry(server.address) as registry:
        yield Shop(server.address, registry)


def test_a_name_has_parts() -> None:
    def parts(image: str) -> tuple[str | None, ...]:
        name = read_reference(image)
        return name.host, name.repository, name.tag, name.digest

    assert parts("python:3.12-slim") == ("registry-1.docker.io", "library/python", "3.12-slim", None)
    assert parts("docker.io/nvidia/cuda") == ("registry-1.docker.io", "nvidia/cuda", "latest", None)
    assert parts("localhost/a") == ("localhost", "a", "latest", None)
    assert parts(f"127.0.0.1:5000/a/b:1@{DIFF}") == ("127.0.0.1:5000", "a/b", "1", DIFF)
    assert parts(f"registry.example.com/a@{DIFF}") == ("registry.example.com", "a", None, DIFF)


@pytest.mark.parametrize("name", ["", "a.example.com/", "python@sha256:12", ":tag"])
def test_what_is_no_name_is_told(name: str) -> None:
    with pytest.raises(OperatorError, match="is not the name of an image"):
        read_reference(name)


def test_a_base_by_tag_is_fetched_whole_and_known_by_its_digest(shop: Shop) -> None:
    made = shop.put("3.12")
    base = fetch_base(shop.open, f"{shop.host}/base:3.12", "linux/amd64")
    assert (base.image, base.digest) == (f"{shop.host}/base:3.12@{made.digest}", made.digest)
    assert [(layer.diff_id, layer.size, layer.media_type) for layer in base.layers] == [(DIFF, 13, LAYER)]
    assert base.env == {"PATH": "/usr/local/bin:/bin", "X": ""}
    assert fetch_base(shop.open, base.image, "linux/amd64") == base


def test_of_an_index_the_platform_is_taken(shop: Shop) -> None:
    amd64 = shop.put("amd64")
    arm64 = shop.put("arm64", architecture="arm64", variant="v8")
    index = shop.put_index("3.12", amd64=amd64, arm64=arm64)
    image = f"{shop.host}/base:3.12"
    found = {platform: fetch_base(shop.open, image, platform) for platform in ("linux/amd64", "linux/arm64")}
    assert [base.digest for base in found.values()] == [amd64.digest, arm64.digest]
    assert {base.image for base in found.values()} == {f"{image}@{index.digest}"}


def test_a_digest_stands_whatever_its_tag_became_and_the_move_is_told(shop: Shop) -> None:
    old = shop.put("3.12")
    image = f"{shop.host}/base:3.12@{old.digest}"
    base = fetch_base(shop.open, image, "linux/amd64")
    assert why_moved(shop.open, image, base) is None
    new = shop.put("3.12", created="2020-01-01T00:00:00Z")
    assert fetch_base(shop.open, image, "linux/amd64").digest == old.digest
    assert why_moved(shop.open, image, base) == (
        f"The tag 3.12 of the base image {shop.host}/base:3.12 now stands for {new.digest}; this image is built on "
        f"{old.digest}. Name the base by its digest, and change it when you want another one."
    )
    assert why_moved(shop.open, f"{shop.host}/base@{old.digest}", base) is None


def test_a_digest_that_is_gone_is_told_with_what_its_tag_stands_for(shop: Shop) -> None:
    now = shop.put("3.12")
    with pytest.raises(OperatorError, match=f"its tag 3.12 has moved and now stands for {now.digest}"):
        fetch_base(shop.open, f"{shop.host}/base:3.12@{DIFF}", "linux/amd64")
    with pytest.raises(OperatorError, match="is not in its registry"):
        fetch_base(shop.open, f"{shop.host}/base:3.13", "linux/amd64")


def test_a_platform_that_is_not_there_is_told_with_those_that_are(shop: Shop) -> None:
    shop.put_index("3.12", amd64=shop.put("amd64"), s390x=shop.put("s390x", architecture="s390x"))
    with pytest.raises(
        OperatorError, match="is not there for linux/arm64, only for linux/amd64, linux/s390x"
    ):
        fetch_base(shop.open, f"{shop.host}/base:3.12", "linux/arm64")
    shop.put("one")
    with pytest.raises(OperatorError, match="is for linux/amd64, not for linux/arm64"):
        fetch_base(shop.open, f"{shop.host}/base:one", "linux/arm64")


def _kind(kind: str) -> Change:
    return lambda manifest, _: manifest["layers"][0].update(mediaType=kind)


def _many(manifest: dict[str, Any], config: dict[str, Any]) -> None:
    manifest["layers"] *= 91
    config["rootfs"]["diff_ids"] *= 91


BROKEN: dict[str, tuple[Change, str]] = {
    "windows": (lambda _, config: config.update(os="windows"), "is a Windows image"),
    "foreign": (
        _kind("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        "a layer that its registry does not hold itself",
    ),
    "urls": (lambda manifest, _: manifest["layers"][0].update(urls=["https://x"]), "does not hold itself"),
    "zstd": (_kind("application/vnd.oci.image.layer.v1.tar+zstd"), "a kind that not every engine reads"),
    "other-layers": (lambda _, config: config.update(rootfs={"diff_ids": []}), "do not name the same layers"),
    "no-layers": (lambda manifest, _: manifest.pop("layers"), "do not name the same layers"),
    "diff-id": (
        lambda _, config: config.update(rootfs={"diff_ids": ["md5:1"]}),
        "broken entry for its layer 1",
    ),
    "env": (lambda _, config: config.update(config={"Env": [1]}), "a broken configuration"),
    "config": (lambda _, config: config.update(config=[]), "a broken configuration"),
    "many": (_many, "has 91 layers; a base may have 90"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_layers_cannot_be_put_on_is_told_with_the_image(shop: Shop, case: str) -> None:
    change, why = BROKEN[case]
    made = shop.put("3.12", change)
    with pytest.raises(OperatorError, match=why) as told:
        fetch_base(shop.open, f"{shop.host}/base:3.12", "linux/amd64")
    assert f"{shop.host}/base:3.12@{made.digest}" in str(told.value)
    assert told.value.hint

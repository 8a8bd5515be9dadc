"""What is attached to an image in a real registry, and whether others believe it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bot.adapters.registry import Manifest, Registry
from bot.errors import OperatorError
from bot.layers.trust.advisories import load_advisories
from bot.layers.trust.attest import (
    LOCK_TYPE,
    Assessed,
    assess,
    attach,
    children,
)
from bot.layers.trust.provenance import PROVENANCE_TYPE
from bot.layers.trust.sbom import SBOM_TYPE
from bot.layers.trust.signing import Signer, load_signer, read_signer
from bot.layers.trust.summary import REPORT_TYPE, fetch_summary
from tests.layers.test_trust import FACTS, LOCK, SAME, written
from tests.sandbox_registry.registries import KINDS, registry_of
from tests.sandbox_registry.test_client_everywhere import put_image

PRIVATE = ec.generate_private_key(ec.SECP256R1())


def pem(key: Any, password: bytes | None = None) -> bytes:
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    content: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
    return content


@pytest.fixture(params=[kind for kind in KINDS if kind in {"ours open", "ours old", "debians open"}])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with registry_of(request.param, tmp_path) as place:
        yield place.host


@pytest.fixture
def registry(host: str) -> Iterator[Registry]:
    with Registry(host) as made:
        yield made


def attach_all(
    registry: Registry, image: Manifest, assessed: Assessed | None = None, signer: Signer | None = None
) -> list[str]:
    said: list[str] = []
    facts = replace(FACTS, image=f"{registry.address.partition('//')[2]}/own/x")
    attach(registry, "own/x", image, facts, LOCK, assessed, signer, said.append)
    return said


def content_of(registry: Registry, digest: str) -> bytes:
    manifest = registry.fetch_manifest("own/x", digest)
    assert manifest is not None
    (layer,) = json.loads(manifest.content)["layers"]
    content = registry.read_blob("own/x", layer["digest"])
    assert content is not None
    return content


def test_everything_is_attached_once(registry: Registry, tmp_path: Path) -> None:
    image = put_image(registry, "own/x", "c-1")
    assessed = assess(LOCK, load_advisories(written(tmp_path, SAME)), None)
    for _ in range(2):
        attach_all(registry, image, assessed, Signer(PRIVATE))
    found = {one.artifact_type: one.digest for one in registry.fetch_referrers("own/x", image.digest)}
    assert set(found) == {LOCK_TYPE, SBOM_TYPE, PROVENANCE_TYPE, REPORT_TYPE}
    assert len(registry.fetch_referrers("own/x", image.digest)) == 4
    assert content_of(registry, found[LOCK_TYPE]).startswith(b'lock-version = "1.0"')
    assert json.loads(content_of(registry, found[SBOM_TYPE]))["bomFormat"] == "CycloneDX"
    provenance = json.loads(content_of(registry, found[PROVENANCE_TYPE]))
    assert provenance["subject"][0]["digest"]["sha256"] == image.digest.partition(":")[2]
    report = json.loads(content_of(registry, found[REPORT_TYPE]))
    assert [one["state"] for one in report["packages"]] == ["not affected", "affected", "not affected"]
    assert fetch_summary(registry, "own/x", image.digest) == assessed.summary
    for tag in ("sig", "att"):
        held = registry.fetch_manifest("own/x", f"{image.digest.replace(':', '-')}.{tag}")
        assert held is not None
        assert len(json.loads(held.content)["layers"]) == 1


def test_another_keys_signature_stays(registry: Registry) -> None:
    image = put_image(registry, "own/x", "c-1")
    for key in (PRIVATE, ec.generate_private_key(ec.SECP256R1())):
        attach_all(registry, image, signer=Signer(key))
    held = registry.fetch_manifest("own/x", f"{image.digest.replace(':', '-')}.sig")
    assert held is not None
    assert len(json.loads(held.content)["layers"]) == 2


def test_an_image_of_several_platforms_has_several_to_attach_to(registry: Registry) -> None:
    images = [put_image(registry, "own/x", tag, tag) for tag in ("amd64", "arm64")]
    kind = "application/vnd.oci.image.index.v1+json"
    entries = [
        {"mediaType": one.media_type, "digest": one.digest, "size": len(one.content)} for one in images
    ]
    document = {"schemaVersion": 2, "mediaType": kind, "manifests": entries}
    index = Manifest.of(json.dumps(document).encode(), kind)
    registry.put_manifest("own/x", "both", index)
    assert children(registry, "own/x", index) == tuple(images)
    assert children(registry, "own/x", images[0]) == (images[0],)


def cosign(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    return subprocess.run(
        ["cosign", *words], capture_output=True, text=True, timeout=60, check=False, env=environment
    )


@pytest.mark.cosign
def test_cosign_believes_our_signature_and_no_other(registry: Registry, host: str, tmp_path: Path) -> None:
    image = put_image(registry, "own/x", "c-1")
    signer = Signer(PRIVATE)
    attach_all(registry, image, signer=signer)
    ours, others = tmp_path / "ours.pub", tmp_path / "others.pub"
    ours.write_text(signer.public)
    others.write_text(Signer(ec.generate_private_key(ec.SECP256R1())).public)
    name = f"{host}/own/x@{image.digest}"
    offline = ("--insecure-ignore-tlog=true", "--allow-http-registry")
    good = cosign("verify", "--key", str(ours), *offline, name, home=tmp_path)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)[0]["critical"]["image"]["docker-manifest-digest"] == image.digest
    assert cosign("verify", "--key", str(others), *offline, name, home=tmp_path).returncode != 0
    told = cosign(
        "verify-attestation", "--type", "slsaprovenance1", "--key", str(ours), *offline, name, home=tmp_path
    )
    assert told.returncode == 0, told.stderr
    statement = json.loads(base64.b64decode(json.loads(told.stdout)["payload"]))
    assert statement["predicate"]["runDetails"]["metadata"]["invocationId"] == FACTS.pipeline


def test_a_key_comes_from_a_variable_as_text_or_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(PRIVATE))
    for variables in (
        {"KEY": pem(PRIVATE).decode()},
        {"KEY": str(tmp_path / "key.pem")},
        {"KEY": pem(PRIVATE, b"word").decode(), "COSIGN_PASSWORD": "word"},
    ):
        signer = load_signer("KEY", variables)
        assert signer.public == Signer(PRIVATE).public
        assert "PRIVATE" not in repr(signer)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "is not set"),
        ({"KEY": "/nowhere/key.pem"}, "neither a key in PEM nor the path"),
        ({"KEY": "x" * 100_000}, "neither a key in PEM nor the path"),
        ({"KEY": "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"}, "no key in PEM"),
        ({"KEY": pem(PRIVATE, b"word").decode()}, "without a password"),
        ({"KEY": pem(PRIVATE, b"word").decode(), "COSIGN_PASSWORD": "wrong"}, "no key in PEM"),
        ({"KEY": "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nsecret"}, "cosign's own encrypted form"),
        ({"KEY": pem(rsa.generate_private_key(65537, 2048)).decode()}, "another kind"),
        ({"KEY": pem(ec.generate_private_key(ec.SECP384R1())).decode()}, "another kind"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_without_its_content(
    variables: Mapping[str, str], words: str
) -> None:
    with pytest.raises(OperatorError, match=words) as raised:
        load_signer("KEY", variables)
    assert "secret" not in f"{raised.value} {raised.value.hint}"
    assert raised.value.__cause__ is None


def test_a_signature_that_is_none_was_not_made_by_us() -> None:
    signer = read_signer(pem(PRIVATE))
    assert signer.made(signer.sign(b"x"), b"x")
    assert not any(signer.made(other, b"x") for other in (signer.sign(b"y"), "", "%", "eA=="))

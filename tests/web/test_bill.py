"""The bill of materials of an image, out of a real registry, for those who may have the image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.adapters.registry import Artifact, Manifest, Part, Registry
from bot.adapters.registry.values import OCI_INDEX
from bot.domain.access import Person, Ref
from bot.domain.views import ModuleView
from bot.errors import TryAgain
from bot.layers.trust.bill import BILL_TYPE, MAX_BILLS, fetch_bill
from bot.web.app import create_web
from pictures.catalogue import Nobody, Sample, sample
from sandbox.registry import RegistryServer
from tests.web.conftest import SETTINGS

REPOSITORY = "group/noise"
BILL = json.dumps({"bomFormat": "CycloneDX", "components": [{"name": "numpy"}]}).encode()
ADDRESS = "/modules/vision/add-noise/-/1.1.0/bill.json"


@pytest.fixture
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with RegistryServer(tmp_path_factory.mktemp("registry")) as server:
        with Registry(server.address) as client:
            yield client


def pushed(registry: Registry) -> Manifest:
    """An image, as far as anything can be attached to it."""
    config = registry.ensure_bytes(REPOSITORY, b"{}")
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2}
    body = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
    manifest = Manifest.of(json.dumps({**body, "config": described, "layers": []}).encode())
    registry.put_manifest(REPOSITORY, manifest.digest, manifest)
    return manifest


def attach(registry: Registry, image: Manifest, content: bytes, kind: str = BILL_TYPE) -> None:
    registry.ensure_referrer(REPOSITORY, image, Artifact(BILL_TYPE, (Part(kind, content),)))


def test_the_bill_that_promote_attached_is_found(registry: Registry) -> None:
    image = pushed(registry)
    assert fetch_bill(registry, REPOSITORY, image.digest) is None
    attach(registry, image, BILL)
    assert fetch_bill(registry, REPOSITORY, image.digest) == BILL


@pytest.mark.parametrize(
    "content", [b"<script>alert(1)</script>", b"[" * 100_000, b'{"bomFormat": 7}', b"[]", b""]
)
def test_what_is_no_bill_is_passed_by(registry: Registry, content: bytes) -> None:
    image = pushed(registry)
    attach(registry, image, content)
    assert fetch_bill(registry, REPOSITORY, image.digest) is None
    attach(registry, image, BILL, kind="text/html")
    assert fetch_bill(registry, REPOSITORY, image.digest) is None
    attach(registry, image, BILL)
    attach(registry, image, content + b" ")
    assert fetch_bill(registry, REPOSITORY, image.digest) == BILL


def test_an_image_for_several_platforms_has_the_bill_of_its_first_one(registry: Registry) -> None:
    image = pushed(registry)
    attach(registry, image, BILL)
    entry = {"mediaType": image.media_type, "digest": image.digest, "size": len(image.content)}
    content = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
    index = Manifest.of(content, OCI_INDEX)
    registry.put_manifest(REPOSITORY, index.digest, index)
    assert fetch_bill(registry, REPOSITORY, index.digest) == BILL


def test_of_many_that_somebody_attached_few_are_looked_at(registry: Registry) -> None:
    image = pushed(registry)
    for number in range(MAX_BILLS + 3):
        attach(registry, image, b'{"number": %d}' % number)
    before = registry.requests
    assert fetch_bill(registry, REPOSITORY, image.digest) is None
    assert registry.requests - before <= 2 + 2 * MAX_BILLS


def test_a_page_links_to_the_bill_and_gives_it_as_a_file() -> None:
    asked = []

    def bills(image: str, digest: str) -> bytes:
        asked.append((image, digest))
        return BILL

    shelf = sample()
    client = create_web(shelf, Nobody(), SETTINGS, bills).test_client()
    assert f'href="{ADDRESS}"' in client.get("/modules/vision/add-noise").text
    answer = client.get(ADDRESS)
    assert answer.data == BILL
    assert answer.content_type == BILL_TYPE
    assert answer.headers["Content-Disposition"] == "attachment; filename=add-noise-1.1.0.cdx.json"
    newest = shelf.modules["vision/add-noise"][0].newest
    assert newest is not None
    assert asked == [(newest.image, newest.digest)]


class NoImages(Sample):
    """GitLab shows the code, and does not give the images."""

    def module(self, project: Ref, person: Person, version: str = "") -> ModuleView | None:
        found = sample().module(project, person, version)
        return replace(found, can_pull=False) if found else None


def test_who_may_not_have_the_image_gets_no_bill_and_no_link() -> None:
    client = create_web(NoImages(), Nobody(), SETTINGS, lambda _image, _digest: BILL).test_client()
    assert "bill.json" not in client.get("/modules/vision/add-noise").text
    assert "GitLab does not give you" in client.get("/modules/vision/add-noise").text
    assert client.get(ADDRESS).status_code == 404


def test_an_image_without_a_bill_and_a_registry_that_is_away_are_told_apart() -> None:
    def away(_image: str, _digest: str) -> bytes | None:
        raise TryAgain("nobody listens")

    answer = create_web(sample(), Nobody(), SETTINGS).test_client().get(ADDRESS)
    assert (answer.status_code, "Nobody attached a bill" in answer.text) == (404, True)
    answer = create_web(sample(), Nobody(), SETTINGS, away).test_client().get(ADDRESS)
    assert (answer.status_code, "The registry does not say" in answer.text) == (503, True)

"""What is in an image, as CycloneDX: made from the lock, which names each file by its hash. Nothing is scanned."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from urllib.parse import quote

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from bot.layers.lock import Lock, LockedConda, LockedWheel
from bot.layers.trust.bill import BILL_TYPE
from bot.layers.trust.facts import Facts

SBOM_TYPE = BILL_TYPE

_NAMESPACE = uuid.UUID("5d0bd4a0-6c9f-5b0e-9d5e-6b2d5f0f9a31")
"""For serial numbers: the same image has the same."""


def write_sbom(lock: Lock, facts: Facts) -> bytes:
    """The bill of materials (CycloneDX 1.6, JSON) of one image; the same bytes for the same lock and facts."""
    subject = Component(
        name=facts.image,
        version=facts.digest,
        type=ComponentType.CONTAINER,
        bom_ref="image",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=facts.digest.partition(":")[2])],
        purl=image_purl(facts.image, facts.digest),
    )
    tool = Component(name="mlreef-bot", version=facts.version, type=ComponentType.APPLICATION)
    base = []
    if facts.base:
        base.append(
            Component(
                name=facts.base.partition("@")[0],
                version=facts.base_digest or None,
                type=ComponentType.CONTAINER,
                bom_ref="base",
                purl=image_purl(facts.base.partition("@")[0], facts.base_digest)
                if facts.base_digest
                else None,
            )
        )
    bom = Bom(
        components=[*base, *map(_wheel, lock.wheels), *map(_conda, lock.conda)],
        serial_number=uuid.uuid5(_NAMESPACE, facts.digest),
        metadata=BomMetaData(
            component=subject, timestamp=_moment(facts.created), tools=ToolRepository(components=[tool])
        ),
    )
    bom.register_dependency(subject, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=1).encode()


def image_purl(image: str, digest: str) -> PackageURL:
    """An image as packages are named everywhere: `pkg:oci/NAME@DIGEST?repository_url=…`."""
    name = image.rpartition("/")[2].lower()
    return PackageURL(type="oci", name=name, version=digest, qualifiers={"repository_url": image.lower()})


def _wheel(wheel: LockedWheel) -> Component:
    where = None if wheel.built else wheel.url
    return _package(
        wheel,
        PackageURL(
            type="pypi", name=wheel.name, version=wheel.version, qualifiers={"file_name": wheel.filename}
        ),
        where,
    )


def _conda(package: LockedConda) -> Component:
    qualifiers = {"build": package.build, "subdir": package.subdir}
    purl = PackageURL(type="conda", name=package.name, version=package.version, qualifiers=qualifiers)
    return _package(package, purl, package.url)


def _package(package: LockedWheel | LockedConda, purl: PackageURL, where: str | None) -> Component:
    hashed = HashType(alg=HashAlgorithm.SHA_256, content=package.sha256)
    links = []
    if where is not None:
        address = XsUri(quote(where, safe=":/?#[]@!$&'()*+,;=%~"))
        links.append(ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=address, hashes=[hashed]))
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        hashes=[hashed],
        external_references=links,
    )


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)

"""What a registry holds, as values: manifests, referrers, and artifacts that are to become referrers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.errors import TryAgain

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE_TYPES = (OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")
INDEX_TYPES = (OCI_INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image by its digest: the very bytes that the digest is made of."""

    digest: str
    media_type: str
    content: bytes

    @classmethod
    def of(cls, content: bytes, media_type: str = OCI_MANIFEST) -> Manifest:
        """The manifest that these bytes are."""
        return cls(digest_of(content), media_type, content)


@dataclass(frozen=True, slots=True)
class Referrer:
    """Something attached to an image, as the registry lists it. `size` in bytes is that of its manifest."""

    digest: str
    media_type: str
    size: int
    artifact_type: str
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an artifact."""

    media_type: str
    content: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artifact:
    """What is to be attached to an image: what it is (a media type), and its files."""

    kind: str
    parts: tuple[Part, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)


class BlobsUnknown(TryAgain):
    """A manifest was refused because the registry has lost, or never had, some of its blobs: those in `digests`.

    `digests` is empty when the registry does not say which.
    """

    def __init__(self, why: str, digests: Sequence[str]) -> None:
        super().__init__(why)
        self.digests = tuple(digests)


def digest_of(content: bytes) -> str:
    """`sha256:…` of these bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def read_image(image: str) -> tuple[str, str]:
    """The host and the repository in an image's name without tag, such as `registry.example.com/group/project`."""
    host, slash, repository = image.partition("/")
    if not slash or not repository:
        raise ValueError(f"{image!r} is not the name of an image in a registry")
    return host, repository

"""A container registry over HTTP: manifests, tags, blobs, and what is attached to images (the OCI protocol)."""

from __future__ import annotations

from bot.adapters.registry.client import Registry
from bot.adapters.registry.values import (
    Artifact,
    BlobsUnknown,
    Manifest,
    Part,
    Referrer,
    digest_of,
    read_image,
)

__all__ = [
    "Artifact",
    "BlobsUnknown",
    "Manifest",
    "Part",
    "Referrer",
    "Registry",
    "digest_of",
    "read_image",
]

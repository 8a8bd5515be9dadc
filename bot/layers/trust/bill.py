"""The bill of materials of a published image, as it is attached to it in the registry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.domain.tags import is_digest

if TYPE_CHECKING:
    from bot.adapters.registry import Registry

BILL_TYPE = "application/vnd.cyclonedx+json"
"""CycloneDX, as promote attaches it."""

MAX_BILL_BYTES = 8 * 1024 * 1024
MAX_BILLS = 5
MAX_PLATFORMS = 8
"""Bytes of a bill that are read; and how many attached ones are looked at: anybody who may push can add some."""


def fetch_bill(registry: Registry, repository: str, digest: str) -> bytes | None:
    """The newest bill of an image, as JSON; None where it has none that is one.

    Of an image for several platforms that of the first one which has any: each has its own.
    """
    own = _newest(registry, repository, digest)
    image = registry.fetch_manifest(repository, digest) if own is None else None
    listed = _json(image.content).get("manifests") if image else None
    inner = [one.get("digest") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    places = (one for one in inner[:MAX_PLATFORMS] if isinstance(one, str) and is_digest(one))
    return own or next((found for place in places if (found := _newest(registry, repository, place))), None)


def _newest(registry: Registry, repository: str, digest: str) -> bytes | None:
    for one in reversed(registry.fetch_referrers(repository, digest, BILL_TYPE)[-MAX_BILLS:]):
        manifest = registry.fetch_manifest(repository, one.digest)
        body = _body(_json(manifest.content)) if manifest else None
        found = registry.read_blob(repository, body, MAX_BILL_BYTES) if body else None
        if found is not None and _json(found).get("bomFormat") == "CycloneDX":
            return found
    return None


def _body(manifest: Mapping[str, Any]) -> str | None:
    """The digest of an artifact's only part, if it is a bill."""
    layers = manifest.get("layers")
    first = layers[0] if isinstance(layers, list) and layers else None
    if not isinstance(first, dict) or first.get("mediaType") != BILL_TYPE:
        return None
    digest = first.get("digest")
    return digest if isinstance(digest, str) and is_digest(digest) else None


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}

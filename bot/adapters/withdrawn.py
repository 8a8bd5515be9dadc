"""Records of versions that were taken back, in the registry: small artifacts under the tags that keep their numbers.

A record holds the image's own manifest and configuration, and the lock that it was made from: some kilobytes, by which
the image can be given its names again, or be built once more, when nothing else of it is left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.adapters.registry import BlobsUnknown, Manifest, Part, Registry, digest_of
from bot.adapters.registry.manifests import is_index
from bot.adapters.registry.values import IMAGE_TYPES, INDEX_TYPES, OCI_MANIFEST
from bot.domain.tags import REVISION_LABEL, is_digest, is_sha
from bot.domain.withdrawn_record import Record, read_record, write_record
from bot.errors import OperatorError

RECORD_TYPE = "application/vnd.mlreef.withdrawn.v1+json"
"""What kind of artifact it is."""

RECORD_ANNOTATION = "io.mlreef.withdrawn"
"""On the artifact: the record itself as JSON, so that one request reads it."""

LOCK_TYPE = "application/vnd.mlreef.lock.v1+toml"
"""A part that is the lock of one platform's image."""

MANIFEST_TYPE = "application/vnd.mlreef.manifest.v1+json"
"""A part that is a manifest. Under its own type, registries would ask for the image that it stands for."""

CONFIG_TYPE = "application/vnd.mlreef.config.v1+json"
"""A part that is the configuration of an image."""

TYPE_ANNOTATION = "io.mlreef.type"
"""On a manifest: its media type."""

IMAGE_ANNOTATION = "io.mlreef.image"
"""On a lock: the digest of the image that was made from it."""

NAME_ANNOTATION = "org.opencontainers.image.title"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"

MAX_PART_BYTES = 4 * 1024 * 1024
"""Bytes of each part: a manifest, a configuration, a lock."""

MAX_KEPT_BYTES = 32 * 1024 * 1024
"""Bytes of all parts of a record; one that claims more is not read."""

MAX_PLATFORMS = 16
"""Images of one version, one a platform."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An image's own description: `manifest`, the configurations of `images` (itself, or one a platform), their locks.

    `locks`: by the digest of the image that was made from it.
    """

    manifest: Manifest
    images: tuple[tuple[Manifest, bytes], ...]
    locks: Mapping[str, bytes]

    def blobs(self) -> tuple[str, ...]:
        """Digests of all layers that the image cannot be without."""
        return tuple(dict.fromkeys(layer for manifest, _ in self.images for layer in _layers(manifest)))


def fetch_withdrawn(registry: Registry, repository: str, tag: str) -> Record | None:
    """The record under a tag; None when there is none, or something else."""
    manifest = registry.fetch_manifest(repository, tag)
    return fetch_record(registry, repository, manifest) if manifest is not None else None


def fetch_record(registry: Registry, repository: str, manifest: Manifest) -> Record | None:
    """The record that a manifest holds, or what an image's labels say that was kept itself, as once was done."""
    document = _document(manifest)
    if document is None:
        sha = _revision(registry, repository, manifest)
        return Record("", "", 0, "", (), manifest.digest, sha) if is_sha(sha) else None
    notes = document.get("annotations")
    content = notes.get(RECORD_ANNOTATION) if isinstance(notes, dict) else None
    try:
        return read_record(content.encode()) if isinstance(content, str) else None
    except ValueError:
        return None


def fetch_kept(registry: Registry, repository: str, manifest: Manifest) -> Kept | None:
    """The description of the image in a record's manifest; None where that holds none that belongs together.

    OperatorError: it is bigger than ours are.
    """
    found: dict[str, tuple[str, bytes]] = {}
    left = MAX_KEPT_BYTES
    for part in _parts(manifest)[: 4 * MAX_PLATFORMS]:
        digest = part.get("digest")
        content = _read(registry, repository, digest, min(MAX_PART_BYTES, left))
        if content is not None:
            left -= len(content)
            notes = part.get("annotations")
            found[str(digest)] = (
                str((notes if isinstance(notes, dict) else {}).get(TYPE_ANNOTATION)),
                content,
            )
    record = fetch_record(registry, repository, manifest)
    if record is None or record.digest not in found:
        return None
    try:
        return _gather(record.digest, found, _locks(manifest, found))
    except (ValueError, KeyError, TypeError):
        return None


def describe_image(
    registry: Registry, repository: str, image: Manifest, locks: Mapping[str, bytes]
) -> Kept | None:
    """What of an image a record keeps, read from the registry. None: part of it is not there, or it is no image."""
    try:
        inner = [image]
        if is_index(image):
            listed = json.loads(image.content)["manifests"][:MAX_PLATFORMS]
            inner = [_need(registry.fetch_manifest(repository, str(one["digest"]))) for one in listed]
        images = tuple(
            (one, _need(_read(registry, repository, _config(one), MAX_PART_BYTES))) for one in inner
        )
        return Kept(image, images, {one.digest: locks[one.digest] for one in inner if one.digest in locks})
    except (ValueError, KeyError, TypeError, OperatorError):
        return None


def ensure_record(
    registry: Registry, repository: str, tags: tuple[str, ...], record: Record, kept: Kept | None
) -> None:
    """Let the tags lead to the record. A record of the same image that stands there already stays as it is."""
    wanted = [tag for tag in tags if _is_other(registry, repository, tag, record)]
    if not wanted:
        return
    parts: list[Part] = []
    if kept is not None:
        whole = {kept.manifest.digest: kept.manifest} | {one.digest: one for one, _ in kept.images}
        for one in whole.values():
            named = {NAME_ANNOTATION: "manifest.json", TYPE_ANNOTATION: one.media_type}
            parts.append(Part(MANIFEST_TYPE, one.content, named))
        for image, config in kept.images:
            parts.append(Part(CONFIG_TYPE, config, {NAME_ANNOTATION: "config.json"}))
            if image.digest in kept.locks:
                named = {NAME_ANNOTATION: "pylock.toml", IMAGE_ANNOTATION: image.digest}
                parts.append(Part(LOCK_TYPE, kept.locks[image.digest], named))
    for body in (EMPTY, *(part.content for part in parts)):
        registry.ensure_bytes(repository, body)
    manifest = _plan_manifest(record, parts or [Part(EMPTY_TYPE, EMPTY)])
    for tag in wanted:
        registry.ensure_tag(repository, tag, manifest)


def restore(registry: Registry, repository: str, kept: Kept) -> Manifest | None:
    """The image by its own description, if the registry still has all of its layers; None when it does not."""
    if not all(registry.has_blob(repository, digest) for digest in kept.blobs()):
        return None
    try:
        for image, config in kept.images:
            registry.ensure_bytes(repository, config)
            registry.put_manifest(repository, image.digest, image)
        registry.put_manifest(repository, kept.manifest.digest, kept.manifest)
    except BlobsUnknown:
        return None
    return kept.manifest


def _is_other(registry: Registry, repository: str, tag: str, record: Record) -> bool:
    held = registry.fetch_manifest(repository, tag)
    if held is None or _document(held) is None:
        return True
    known = fetch_record(registry, repository, held)
    return known is None or known.digest != record.digest


def _plan_manifest(record: Record, parts: list[Part]) -> Manifest:
    layers = [
        {
            "annotations": dict(part.annotations),
            "digest": digest_of(part.content),
            "mediaType": part.media_type,
            "size": len(part.content),
        }
        for part in parts
    ]
    document = {
        "annotations": {RECORD_ANNOTATION: write_record(record).decode("ascii")},
        "artifactType": RECORD_TYPE,
        "config": {"digest": digest_of(EMPTY), "mediaType": EMPTY_TYPE, "size": len(EMPTY)},
        "layers": layers,
        "mediaType": OCI_MANIFEST,
        "schemaVersion": 2,
    }
    return Manifest.of(json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii"))


def _document(manifest: Manifest) -> Mapping[str, Any] | None:
    """The manifest of a record; None for every other one."""
    try:
        document = json.loads(manifest.content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("artifactType") == RECORD_TYPE else None


def _parts(manifest: Manifest) -> list[Mapping[str, Any]]:
    layers = (_document(manifest) or {}).get("layers")
    return [part for part in layers if isinstance(part, dict)] if isinstance(layers, list) else []


def _locks(manifest: Manifest, found: Mapping[str, tuple[str, bytes]]) -> dict[str, bytes]:
    locks = {}
    for part in _parts(manifest):
        notes, digest = part.get("annotations"), str(part.get("digest"))
        if part.get("mediaType") == LOCK_TYPE and isinstance(notes, dict) and digest in found:
            locks[str(notes.get(IMAGE_ANNOTATION))] = found[digest][1]
    return locks


def _gather(digest: str, found: Mapping[str, tuple[str, bytes]], locks: Mapping[str, bytes]) -> Kept:
    image = Manifest(digest, *found[digest])
    inner = [image]
    if image.media_type in INDEX_TYPES:
        listed = [str(one["digest"]) for one in json.loads(image.content)["manifests"]]
        inner = [Manifest(one, *found[one]) for one in listed]
    if not all(one.media_type in IMAGE_TYPES for one in inner):
        raise ValueError("what it keeps is no image")
    return Kept(image, tuple((one, found[_config(one)][1]) for one in inner), locks)


def _revision(registry: Registry, repository: str, image: Manifest) -> str:
    try:
        return registry.fetch_labels(repository, image).get(REVISION_LABEL, "")
    except OperatorError:
        return ""


def _config(manifest: Manifest) -> str:
    return str(json.loads(manifest.content)["config"]["digest"])


def _layers(manifest: Manifest) -> list[str]:
    return [str(part["digest"]) for part in json.loads(manifest.content).get("layers", ())]


def _read(registry: Registry, repository: str, digest: object, limit: int) -> bytes | None:
    return (
        registry.read_blob(repository, digest, limit)
        if isinstance(digest, str) and is_digest(digest)
        else None
    )


_Value = TypeVar("_Value")


def _need(value: _Value | None) -> _Value:
    if value is None:
        raise KeyError("part of the image is not there")
    return value

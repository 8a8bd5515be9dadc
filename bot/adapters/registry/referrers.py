"""What is attached to an image: by the registry's own list (OCI 1.1), else by the tag that stands in for it."""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO
from urllib.parse import quote

from bot.adapters.registry.answers import MAX_JSON_BYTES, content, dismiss
from bot.adapters.registry.auth import pull
from bot.adapters.registry.blobs import Blobs
from bot.adapters.registry.manifests import Manifests, next_page
from bot.adapters.registry.values import OCI_INDEX, OCI_MANIFEST, Artifact, Manifest, Referrer, digest_of
from bot.adapters.registry.wire import Wire
from bot.errors import OperatorError, TryAgain

MAX_PAGES = 50
"""Pages of a list of referrers that are read."""

LIST_TRIES = 8
"""So often a list that somebody else wrote at the same time is written again."""

LIST_PAUSE_SECONDS = 0.05

EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"

_NO_LIST = frozenset({400, 404, 405, 406, 501})


def fallback_tag(digest: str) -> str:
    """The tag under which a registry without a list of its own holds it: `sha256-<hex>`."""
    return digest.replace(":", "-", 1)[:128]


class Referrers:
    """What is attached to one registry's images."""

    def __init__(self, wire: Wire, blobs: Blobs, manifests: Manifests) -> None:
        self._wire, self._blobs, self._manifests = wire, blobs, manifests

    def fetch(self, repository: str, digest: str, kind: str | None = None) -> tuple[Referrer, ...]:
        """What is attached to an image, of one artifact type or of all."""
        entries = self._listed(repository, digest, kind)
        if entries is None:
            entries = _entries(self._tagged(repository, digest)) or []
        found = tuple(_referrer(entry) for entry in entries)
        return tuple(one for one in found if one.digest and kind in (None, one.artifact_type))

    def ensure(self, repository: str, subject: Manifest, artifact: Artifact) -> Manifest:
        """Attaches an artifact to an image; once, however often it is called. Gives the artifact's manifest."""
        manifest = plan_artifact(subject, artifact)
        for body in (EMPTY, *(part.content for part in artifact.parts)):
            self._blobs.ensure(repository, digest_of(body), len(body), _opener(body))
        headers = self._manifests.put(repository, manifest.digest, manifest)
        if headers.get("OCI-Subject") != subject.digest:
            self._list(repository, subject, manifest, artifact)
        return manifest

    def _listed(self, repository: str, digest: str, kind: str | None) -> list[Mapping[str, Any]] | None:
        """The registry's own list; None when it keeps none."""
        what = f"referrers of {digest} in {repository}"
        query = f"?artifactType={quote(kind, safe='')}" if kind else ""
        url: str | None = f"{self._wire.base}/v2/{repository}/referrers/{digest}{query}"
        found: list[Mapping[str, Any]] = []
        for _ in range(MAX_PAGES):
            if url is None:
                return found
            answer = self._wire.ask("GET", url, pull(repository), what)
            typed = answer.headers.get("Content-Type", "").partition(";")[0].strip() == OCI_INDEX
            if answer.status in _NO_LIST or (answer.status == 200 and not typed):
                dismiss(answer)
                return None
            entries = _entries(content(self._wire.good(answer, what), MAX_JSON_BYTES))
            if entries is None:
                return None
            found += entries
            url = next_page(self._wire, answer, what)
        raise OperatorError(
            f"The registry {self._wire.base} lists more than {MAX_PAGES} pages of {what}.",
            "Delete what is attached to this image and not needed.",
        )

    def _tagged(self, repository: str, digest: str) -> bytes:
        held = self._manifests.fetch(repository, fallback_tag(digest))
        return held.content if held is not None else b""

    def _list(self, repository: str, subject: Manifest, manifest: Manifest, artifact: Artifact) -> None:
        """Writes an artifact into the tag's list, beside what others write at the same time."""
        entry: dict[str, Any] = {
            "mediaType": manifest.media_type,
            "digest": manifest.digest,
            "size": len(manifest.content),
            "artifactType": artifact.kind,
        }
        if artifact.annotations:
            entry["annotations"] = dict(artifact.annotations)
        for _ in range(LIST_TRIES):
            entries = _entries(self._tagged(repository, subject.digest)) or []
            if any(one.get("digest") == manifest.digest for one in entries):
                return
            index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, entry]}
            written = Manifest.of(_canonical(index), OCI_INDEX)
            self._manifests.put(repository, fallback_tag(subject.digest), written)
            # No registry writes only what nobody wrote meanwhile: so it is looked at again, a moment later.
            part = random.uniform(0.5, 1.5)  # noqa: S311 - to part those who collide
            time.sleep(LIST_PAUSE_SECONDS * part)
        entries = _entries(self._tagged(repository, subject.digest)) or []
        if not any(one.get("digest") == manifest.digest for one in entries):
            raise TryAgain(
                f"Others write the list {fallback_tag(subject.digest)} of {repository} all the time."
            )


def plan_artifact(subject: Manifest, artifact: Artifact) -> Manifest:
    """The manifest that attaches an artifact to an image; a pure function of both."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact.kind,
        "config": {"mediaType": EMPTY_TYPE, "digest": digest_of(EMPTY), "size": len(EMPTY)},
        "layers": [
            {
                "mediaType": part.media_type,
                "digest": digest_of(part.content),
                "size": len(part.content),
                **({"annotations": dict(part.annotations)} if part.annotations else {}),
            }
            for part in artifact.parts
        ],
        "subject": {
            "mediaType": subject.media_type,
            "digest": subject.digest,
            "size": len(subject.content),
        },
    }
    if artifact.annotations:
        document["annotations"] = dict(artifact.annotations)
    return Manifest.of(_canonical(document))


def _entries(body: bytes) -> list[Mapping[str, Any]] | None:
    """The entries of an index; None when it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    listed = value.get("manifests") if isinstance(value, dict) else None
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else None


def _referrer(entry: Mapping[str, Any]) -> Referrer:
    size, notes = entry.get("size"), entry.get("annotations")
    return Referrer(
        digest=str(entry.get("digest") or ""),
        media_type=str(entry.get("mediaType") or ""),
        size=size if isinstance(size, int) else 0,
        artifact_type=str(entry.get("artifactType") or ""),
        annotations={str(key): str(value) for key, value in notes.items()} if isinstance(notes, dict) else {},
    )


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def _opener(body: bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(body)

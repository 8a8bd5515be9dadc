"""An image as one file: an OCI layout that Docker's `load` takes as well."""

from __future__ import annotations

import io
import json
import tarfile
from typing import IO, BinaryIO

from bot.adapters.registry.values import Manifest
from bot.layers.image import INDEX_TYPE, canonical
from bot.layers.shelves import FolderShelf

HUB = "docker.io"
"""The host that engines put before names without one."""


def write_archive(sink: BinaryIO, image: Manifest, shelf: FolderShelf, name: str) -> None:
    """Writes all of an image that is on a shelf. `name`: what an engine is to know it by, `NAME:TAG` without a host."""
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        documents = {image.digest: image}
        for digest in _parts(image.content, "manifests"):
            inner = shelf.fetch_manifest(digest)
            if inner is None:
                raise ValueError(f"{digest} is not on the shelf")
            documents[digest] = inner
        for digest, document in documents.items():
            _add(archive, _path(digest), document.content)
        done: set[str] = set(documents)
        for document in documents.values():
            for digest in (*_parts(document.content, "config"), *_parts(document.content, "layers")):
                if digest not in done:
                    done.add(digest)
                    with shelf.path(digest).open("rb") as file:
                        _add_file(archive, _path(digest), file, shelf.path(digest).stat().st_size)
        about = {
            "digest": image.digest,
            "mediaType": image.media_type,
            "size": len(image.content),
            "annotations": {
                "org.opencontainers.image.ref.name": name.rpartition(":")[2],
                # Engines that keep their images in containerd know it by this, and by the whole of it.
                "io.containerd.image.name": f"{HUB}/{name}",
            },
        }
        _add(
            archive,
            "index.json",
            canonical({"manifests": [about], "mediaType": INDEX_TYPE, "schemaVersion": 2}),
        )
        # Engines before version 25 look for this, and take the first platform.
        first = next(document for document in documents.values() if _parts(document.content, "layers"))
        (config,) = _parts(first.content, "config")
        layers = [_path(digest) for digest in _parts(first.content, "layers")]
        _add(
            archive,
            "manifest.json",
            canonical([{"Config": _path(config), "Layers": layers, "RepoTags": [name]}]),
        )
        _add(archive, "oci-layout", canonical({"imageLayoutVersion": "1.0.0"}))


def _parts(manifest: bytes, kind: str) -> list[str]:
    found = json.loads(manifest).get(kind) or []
    return [part["digest"] for part in ([found] if isinstance(found, dict) else found)]


def _path(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _add(archive: tarfile.TarFile, path: str, content: bytes) -> None:
    _add_file(archive, path, io.BytesIO(content), len(content))


def _add_file(archive: tarfile.TarFile, path: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(path)
    member.size = size
    archive.addfile(member, content)

"""Where images go and layers are found again: a repository of a registry, or a folder in the form of one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from bot.adapters.registry.values import BlobsUnknown, Manifest
from bot.errors import Gone, TryAgain

if TYPE_CHECKING:
    from bot.adapters.registry import Registry

PIECE_BYTES = 1024 * 1024
"""Bytes that are copied at a time."""

Moved = Callable[[int], None]
"""Hears how many bytes of a blob are through by now."""

Open = Callable[[], BinaryIO]


class Shelf(Protocol):
    """A place for one image's manifests and blobs. Blobs are checked against their digests on the way."""

    def fetch_manifest(self, reference: str) -> Manifest | None:
        """The manifest behind a tag or digest; None when there is none."""

    def fetch_tags(self) -> tuple[str, ...]:
        """All tags."""

    def fetch_blob(self, digest: str, sink: BinaryIO, size: int) -> None:
        """Writes a blob of `size` bytes into `sink`. TryAgain or Gone: there is none, or another one."""

    def read_blob(self, digest: str) -> bytes:
        """A small blob. Gone: there is none."""

    def has_blob(self, digest: str) -> bool:
        """Whether a blob is there."""

    def mount_blob(self, digest: str, other: Shelf) -> bool:
        """Takes a blob over from another shelf without moving it; False when that cannot be."""

    def ensure_blob(self, digest: str, size: int, open_blob: Open, moved: Moved, new: bool = False) -> None:
        """Puts a blob there unless it is there already; `new`: it is not, do not look."""

    def put_manifest(self, reference: str, manifest: Manifest) -> None:
        """Lets a tag or digest stand for a manifest, at once or not at all. BlobsUnknown: it names missing blobs."""


class RegistryShelf:
    """A repository of a registry."""

    def __init__(self, registry: Registry, repository: str) -> None:
        self.registry = registry
        self.repository = repository

    def fetch_manifest(self, reference: str) -> Manifest | None:
        """As the registry has it."""
        return self.registry.fetch_manifest(self.repository, reference)

    def fetch_tags(self) -> tuple[str, ...]:
        """As the registry lists them."""
        return self.registry.fetch_tags(self.repository)

    def fetch_blob(self, digest: str, sink: BinaryIO, size: int) -> None:
        """Streamed, and taken up again where it broke off."""
        self.registry.fetch_blob(self.repository, digest, sink, size)

    def read_blob(self, digest: str) -> bytes:
        """One request."""
        found = self.registry.read_blob(self.repository, digest)
        if found is None:
            raise Gone(f"{digest} is no longer in {self.repository}.")
        return found

    def has_blob(self, digest: str) -> bool:
        """One request."""
        return self.registry.has_blob(self.repository, digest)

    def mount_blob(self, digest: str, other: Shelf) -> bool:
        """Possible from a repository of the same registry that our rights reach."""
        if not isinstance(other, RegistryShelf) or other.registry is not self.registry:
            return False
        return self.registry.mount_blob(self.repository, digest, other.repository)

    def ensure_blob(self, digest: str, size: int, open_blob: Open, moved: Moved, new: bool = False) -> None:
        """Two requests for what is new."""
        self.registry.ensure_blob(self.repository, digest, size, open_blob, moved, new=new)

    def put_manifest(self, reference: str, manifest: Manifest) -> None:
        """One request."""
        self.registry.put_manifest(self.repository, reference, manifest)


class FolderShelf:
    """A folder on this machine, in the form of an OCI layout's blobs, and a file for each tag."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs" / "sha256"
        self._tags = folder / "tags"
        for each in (self._blobs, self._tags):
            each.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where a blob is or would be."""
        return self._blobs / digest.removeprefix("sha256:")

    def fetch_manifest(self, reference: str) -> Manifest | None:
        """From the disk; a damaged one is as good as none."""
        try:
            if reference.startswith("sha256:"):
                digest, media_type = reference, ""
            else:
                digest, media_type = (self._tags / reference).read_text("ascii").split(" ", 1)
            content = self.path(digest).read_bytes()
        except (OSError, ValueError):
            return None
        found = Manifest.of(content, media_type or _media_type(content))
        return found if found.digest == digest else None

    def fetch_tags(self) -> tuple[str, ...]:
        """Names of files."""
        return tuple(sorted(file.name for file in self._tags.iterdir()))

    def fetch_blob(self, digest: str, sink: BinaryIO, size: int) -> None:
        """Copied, and compared with its digest while it is."""
        del size
        self._copy(digest, sink)

    def _copy(self, digest: str, sink: BinaryIO) -> None:
        checked = hashlib.sha256()
        try:
            with self.path(digest).open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    checked.update(piece)
                    sink.write(piece)
        except FileNotFoundError as error:
            raise Gone(f"{digest} is no longer in the cache.") from error
        if f"sha256:{checked.hexdigest()}" != digest:
            self.path(digest).unlink(missing_ok=True)
            raise Gone(f"{digest} in the cache was damaged, and is removed.")

    def read_blob(self, digest: str) -> bytes:
        """The file's bytes."""
        sink = io.BytesIO()
        self._copy(digest, sink)
        return sink.getvalue()

    def has_blob(self, digest: str) -> bool:
        """Whether there is such a file."""
        return self.path(digest).is_file()

    def mount_blob(self, digest: str, other: Shelf) -> bool:
        """By a link where the disk is the same."""
        if not isinstance(other, FolderShelf) or not other.has_blob(digest):
            return False
        try:
            self.path(digest).hardlink_to(other.path(digest))
        except FileExistsError:
            return True
        except OSError:
            return False
        return True

    def ensure_blob(self, digest: str, size: int, open_blob: Open, moved: Moved, new: bool = False) -> None:
        """Written beside and put into its place when it is whole."""
        del size, new
        if self.has_blob(digest):
            return
        checked = hashlib.sha256()
        handle, name = tempfile.mkstemp(dir=self._blobs, prefix="new-")
        try:
            with os.fdopen(handle, "wb") as file, open_blob() as source:
                while piece := source.read(PIECE_BYTES):
                    checked.update(piece)
                    file.write(piece)
                    moved(file.tell())
            if f"sha256:{checked.hexdigest()}" != digest:
                raise TryAgain(f"What was to be kept as {digest} has other bytes.")
            Path(name).replace(self.path(digest))
        finally:
            Path(name).unlink(missing_ok=True)

    def put_manifest(self, reference: str, manifest: Manifest) -> None:
        """The tag's file is replaced in one step."""
        missing = [digest for digest in _parts(manifest.content) if not self.has_blob(digest)]
        if missing:
            raise BlobsUnknown(f"The cache lacks {len(missing)} blobs of {manifest.digest}.", missing)
        self.ensure_blob(
            manifest.digest, len(manifest.content), lambda: io.BytesIO(manifest.content), lambda _: None
        )
        if reference != manifest.digest:
            beside = self._tags.with_name(f"tag-{os.getpid()}-{threading.get_ident()}")
            beside.write_text(f"{manifest.digest} {manifest.media_type}", "ascii")
            beside.replace(self._tags / reference)


def _media_type(manifest: bytes) -> str:
    found = json.loads(manifest).get("mediaType")
    return found if isinstance(found, str) else ""


def _parts(manifest: bytes) -> list[str]:
    """Digests of all that a manifest names."""
    document = json.loads(manifest)
    parts = [*document.get("layers", ()), *document.get("manifests", ())]
    return [part["digest"] for part in (*parts, *([document["config"]] if "config" in document else ()))]

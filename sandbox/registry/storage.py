"""Blobs, manifests and tags on disk.

    blobs/sha256/AB/ABCD…                 content, once for all repositories
    uploads/ID                            what is being pushed
    repositories/NAME/_blobs/HEX          this repository holds that blob (empty file)
    repositories/NAME/_manifests/HEX      this repository holds that manifest (its media type)
    repositories/NAME/_tags/TAG           the digest the tag points to
    repositories/NAME/_referrers/HEX/HEX  that the second manifest is attached to the first (empty file)

A part of a repository's name never starts with an underscore, so names and folders cannot meet. Every file appears
whole or not at all, so a crash leaves nothing half written.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sandbox.registry.names import Manifest, RegistryError, is_digest

CHUNK_BYTES = 256 * 1024
"""So much of a blob is in memory at a time."""

UPLOAD_KEPT_SECONDS = 24 * 60 * 60
"""An upload that nobody ended in this time is thrown away at the next start."""

EMPTY_DIGEST = f"sha256:{hashlib.sha256().hexdigest()}"


class Storage:
    """One registry's content. Safe for many threads of one process."""

    def __init__(self, directory: Path) -> None:
        self._blobs = directory / "blobs" / "sha256"
        self._uploads = directory / "uploads"
        self._repositories = directory / "repositories"
        self._changing = threading.Lock()
        for folder in (self._blobs, self._uploads, self._repositories):
            folder.mkdir(parents=True, exist_ok=True)
        self._drop_stale_uploads()

    # Repositories and tags

    def repositories(self) -> tuple[str, ...]:
        """Names of all repositories that hold anything, sorted."""
        return tuple(sorted(self._walk(self._repositories)))

    def holds(self, repository: str) -> bool:
        """Whether anything was ever pushed there."""
        return (self._repositories / repository / "_manifests").is_dir()

    def tags(self, repository: str) -> tuple[str, ...]:
        """The repository's tags, sorted as bytes; empty for an unknown one."""
        folder = self._repositories / repository / "_tags"
        return tuple(sorted(entry.name for entry in folder.iterdir())) if folder.is_dir() else ()

    def digest_of(self, repository: str, tag: str) -> str | None:
        """The digest that a tag points to."""
        return _read_text(self._repositories / repository / "_tags" / tag)

    def delete_tag(self, repository: str, tag: str) -> bool:
        """Take a tag away; its manifest stays. False when there was none."""
        with self._changing:
            return _unlink(self._repositories / repository / "_tags" / tag)

    # Manifests

    def manifest(self, repository: str, digest: str) -> Manifest | None:
        """A manifest of this repository."""
        media_type = _read_text(self._repositories / repository / "_manifests" / _hex(digest))
        if media_type is None:
            return None
        return Manifest(digest, media_type, self._blob_path(digest).read_bytes())

    def put_manifest(self, repository: str, manifest: Manifest, tag: str | None) -> None:
        """Keep a manifest and, given a tag, let the tag point to it. All that it refers to must be there."""
        self._check_references(repository, manifest)
        with self._changing:
            target = self._blob_path(manifest.digest)
            if not target.exists():
                self._write(target, manifest.content)
            home = self._repositories / repository
            self._write(home / "_manifests" / _hex(manifest.digest), manifest.media_type.encode())
            subject = subject_of(manifest)
            if subject is not None:
                self._write(home / "_referrers" / _hex(subject) / _hex(manifest.digest), b"")
            (home / "_tags").mkdir(exist_ok=True)
            if tag is not None:
                self._write(home / "_tags" / tag, manifest.digest.encode())

    def delete_manifest(self, repository: str, digest: str) -> bool:
        """Take a manifest away with all tags that point to it. False when there was none."""
        with self._changing:
            if not _unlink(self._repositories / repository / "_manifests" / _hex(digest)):
                return False
            for tag in self.tags(repository):
                if self.digest_of(repository, tag) == digest:
                    _unlink(self._repositories / repository / "_tags" / tag)
            return True

    def referrers(self, repository: str, digest: str) -> tuple[Manifest, ...]:
        """The manifests that are attached to a manifest, which need not be there itself; sorted by digest."""
        folder = self._repositories / repository / "_referrers" / _hex(digest)
        names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        found = (self.manifest(repository, f"sha256:{name}") for name in names)
        return tuple(manifest for manifest in found if manifest is not None)

    # Blobs

    def blob(self, repository: str, digest: str) -> Path | None:
        """The file with a blob of this repository."""
        path = self._blob_path(digest)
        return path if self._link(repository, digest).exists() and path.exists() else None

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Make another repository's blob this one's too. False when the other has none."""
        if self.blob(source, digest) is None:
            return False
        self._write(self._link(repository, digest), b"")
        return True

    def delete_blob(self, repository: str, digest: str) -> bool:
        """Take a blob away from this repository; others keep it. False when there was none."""
        return _unlink(self._link(repository, digest))

    def collect_garbage(self, repository: str) -> tuple[str, ...]:
        """Take away what no tag leads to, as GitLab's registry does in its own time: manifests, then blobs.

        What is attached to a manifest stays with it. Gives the digests of the manifests that went.
        """
        with self._changing:
            home = self._repositories / repository
            there = [f"sha256:{entry.name}" for entry in (home / "_manifests").iterdir()]
            kept: dict[str, None] = dict.fromkeys(
                digest for tag in self.tags(repository) if (digest := self.digest_of(repository, tag))
            )
            held = {digest: found for digest in there if (found := self.manifest(repository, digest))}
            before = -1
            while before != (before := len(kept)):
                for digest, manifest in held.items():
                    if digest in kept:
                        listed = _descriptors(read_manifest(manifest.content).get("manifests"))
                        kept |= dict.fromkeys(str(one.get("digest")) for one in listed)
                    elif subject_of(manifest) in kept:
                        kept[digest] = None
            gone = tuple(digest for digest in there if digest not in kept)
            for digest in gone:
                _unlink(home / "_manifests" / _hex(digest))
            used = {
                str(part.get("digest")) for digest in kept if digest in held for part in _parts(held[digest])
            }
            for entry in (home / "_blobs").iterdir():
                if f"sha256:{entry.name}" not in used:
                    _unlink(entry)
            return gone

    # Uploads

    def begin(self) -> str:
        """Start an upload and give its id."""
        upload = uuid.uuid4().hex
        (self._uploads / upload).touch()
        return upload

    def size(self, upload: str) -> int:
        """How many bytes of an upload have arrived."""
        try:
            return (self._uploads / upload).stat().st_size
        except FileNotFoundError:
            raise RegistryError("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry") from None

    def append(self, upload: str, stream: IO[bytes], expected: int | None = None) -> int:
        """Add a stream's bytes to an upload, piece by piece; gives the new size.

        `expected` is the number of bytes that must come; fewer raise SIZE_INVALID and are forgotten.
        """
        before = self.size(upload)
        with (self._uploads / upload).open("ab") as target:
            try:
                shutil.copyfileobj(stream, target, CHUNK_BYTES)
            except Exception:
                target.truncate(before)
                raise
            after = target.tell()
            if expected is not None and after - before != expected:
                target.truncate(before)
                raise RegistryError("SIZE_INVALID", f"{expected} bytes were announced, {after - before} came")
        return after

    def finish(self, repository: str, upload: str, digest: str) -> None:
        """End an upload: its content becomes the repository's blob if the digest is right."""
        path = self._uploads / upload
        self.size(upload)
        with path.open("rb") as handle:
            found = f"sha256:{hashlib.file_digest(handle, 'sha256').hexdigest()}"
        if found != digest:
            self.cancel(upload)
            raise RegistryError("DIGEST_INVALID", "provided digest did not match uploaded content", found)
        with self._changing:
            target = self._blob_path(digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        self._write(self._link(repository, digest), b"")

    def cancel(self, upload: str) -> None:
        """Throw an upload away."""
        if not _unlink(self._uploads / upload):
            raise RegistryError("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")

    # Inner parts

    def _check_references(self, repository: str, manifest: Manifest) -> None:
        document = read_manifest(manifest.content)
        for reference in _parts(manifest):
            if reference.get("urls"):
                continue
            digest = str(reference.get("digest"))
            if not is_digest(digest) or (digest != EMPTY_DIGEST and self.blob(repository, digest) is None):
                raise RegistryError("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", {"digest": digest})
        for reference in _descriptors(document.get("manifests")):
            digest = str(reference.get("digest"))
            if not is_digest(digest) or self.manifest(repository, digest) is None:
                raise RegistryError("MANIFEST_UNKNOWN", "manifest unknown to registry", {"digest": digest})

    def _walk(self, folder: Path, prefix: str = "") -> Iterator[str]:
        for entry in folder.iterdir():
            if entry.name == "_manifests":
                yield prefix.rstrip("/")
            elif not entry.name.startswith("_"):
                yield from self._walk(entry, f"{prefix}{entry.name}/")

    def _blob_path(self, digest: str) -> Path:
        return self._blobs / _hex(digest)[:2] / _hex(digest)

    def _link(self, repository: str, digest: str) -> Path:
        return self._repositories / repository / "_blobs" / _hex(digest)

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._uploads / f"new-{uuid.uuid4().hex}"
        fresh.write_bytes(content)
        fresh.replace(path)

    def _drop_stale_uploads(self) -> None:
        too_old = time.time() - UPLOAD_KEPT_SECONDS
        for path in self._uploads.iterdir():
            if path.stat().st_mtime < too_old:
                path.unlink()


def read_manifest(content: bytes) -> dict[str, Any]:
    """A manifest's JSON. Raises RegistryError when it is none."""
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise RegistryError(
            "MANIFEST_INVALID", "manifest invalid: a JSON object with schemaVersion 2 is needed"
        )
    return document


def subject_of(manifest: Manifest) -> str | None:
    """The digest of the manifest that this one is attached to."""
    subject = read_manifest(manifest.content).get("subject")
    digest = subject.get("digest") if isinstance(subject, dict) else None
    return digest if isinstance(digest, str) and is_digest(digest) else None


def _descriptors(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _parts(manifest: Manifest) -> list[dict[str, Any]]:
    document = read_manifest(manifest.content)
    return [*_descriptors(document.get("layers")), *_descriptors([document.get("config")])]


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _unlink(path: Path) -> bool:
    try:
        os.unlink(path)  # noqa: PTH108 - one system call tells whether it was there
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True

"""An image of a registry → a folder with its files, as a container would see them; nothing leads out of the folder."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bot.adapters.registry import Registry

MAX_BYTES = 32 * 1024**3
"""An image that unpacks to more is refused."""

MAX_LINKS = 40
"""A path that leads over more symbolic links is refused, as by the kernel."""

COPY_BYTES = 1024 * 1024
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
GZIP_TYPES = (
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
)


class BadImage(Exception):
    """The image cannot be unpacked; the message says why."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An image's files below `root`, and what its configuration says of running it (OCI's `config` object)."""

    root: Path
    config: Mapping[str, Any]


def unpack(registry: Registry, repository: str, reference: str, root: Path) -> Unpacked:
    """Put an image's files into the new folder `root`. Raises BadImage, or what the registry's client raises."""
    manifest = registry.fetch_manifest(repository, reference)
    if manifest is None:
        raise BadImage(f"{repository} has no image {reference}")
    document = json.loads(manifest.content)
    content = registry.read_blob(repository, document["config"]["digest"])
    if content is None:
        raise BadImage(f"the configuration of {repository}@{manifest.digest} is not in the registry")
    root.mkdir(parents=True)
    files = Files(root)
    for layer in document["layers"]:
        if layer["mediaType"] not in GZIP_TYPES:
            raise BadImage(f"a layer is of the kind {layer['mediaType']}, which is not read here")
        with tempfile.TemporaryFile(dir=root.parent) as packed:
            registry.fetch_blob(repository, layer["digest"], packed, layer["size"])
            packed.seek(0)
            # Layers may be of several gzip members; tarfile's own streams stop after the first.
            with gzip.GzipFile(fileobj=packed) as plain:
                files.add(plain)
    return Unpacked(root, json.loads(content).get("config") or {})


class Files:
    """The folder while layers are put into it, one over the other."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._as_root = os.geteuid() == 0
        self._bytes = 0
        self._parents: dict[tuple[str, ...], Path] = {}

    def add(self, layer: IO[bytes] | gzip.GzipFile) -> None:
        """Put one layer, an uncompressed tar, over what is there."""
        try:
            with tarfile.open(fileobj=layer, mode="r|", errorlevel=2) as archive:
                for member in archive:
                    self._place(archive, member)
        except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
            raise BadImage(f"a layer is no whole tar archive: {error}") from None

    def _place(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        parts = _parts(member.name)
        if not parts:
            return
        parent = self._parent(parts[:-1])
        name = parts[-1]
        if name == OPAQUE:
            for entry in list(parent.iterdir()):
                self._remove(entry)
            return
        if name.startswith(WHITEOUT):
            self._remove(parent / _parts(name.removeprefix(WHITEOUT))[-1])
            return
        target = parent / name
        if member.isdir():
            if not _is_folder(target):
                self._remove(target)
                target.mkdir()
        else:
            self._remove(target)
            self._make(archive, member, target)
        if not os.path.lexists(target):
            return
        if self._as_root:
            os.chown(target, member.uid, member.gid, follow_symlinks=False)
        if not member.issym():
            # One's own folders stay open to oneself; who may be somebody else is not a matter of files here.
            target.chmod(member.mode & 0o1777 | (0o700 if member.isdir() else 0))
        if member.isfile():
            os.utime(target, (member.mtime, member.mtime))

    def _make(self, archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
        if member.isfile():
            self._bytes += member.size
            if self._bytes > MAX_BYTES:
                raise BadImage(f"it has more than {MAX_BYTES // 1024**3} GiB of files")
            source = archive.extractfile(member)
            with target.open("xb") as output:
                shutil.copyfileobj(source, output, COPY_BYTES)  # type: ignore[arg-type] # a file has content
        elif member.issym():
            # Only ever followed inside: here by `_parent`, later after a chroot.
            target.symlink_to(member.linkname)
        elif member.islnk():
            *folder, name = _parts(member.linkname) or ("",)
            source_path = self._parent(tuple(folder)) / name
            if not source_path.is_symlink() and source_path.is_file():
                os.link(source_path, target)
            else:
                raise BadImage(f"{member.name} is a link to {member.linkname}, which is no file")
        # Devices and pipes are not the image's to make.

    def _parent(self, parts: tuple[str, ...]) -> Path:
        """The folder that these names lead to with `root` as the root; folders that are missing are made."""
        if parts not in self._parents:
            self._parents[parts] = self._walk(parts)
        return self._parents[parts]

    def _walk(self, parts: tuple[str, ...]) -> Path:
        here: list[str] = []
        todo, links = list(reversed(parts)), 0
        while todo:
            name = todo.pop()
            if name == "..":
                here = here[:-1]
                continue
            place = self._root.joinpath(*here, name)
            if place.is_symlink():
                links += 1
                if links > MAX_LINKS:
                    raise BadImage(f"{'/'.join(parts)} leads over too many links")
                leads = str(place.readlink())
                if leads.startswith("/"):
                    here = []
                todo += [part for part in reversed(leads.split("/")) if part not in ("", ".")]
                continue
            if not os.path.lexists(place):
                place.mkdir()
            elif not place.is_dir():
                raise BadImage(f"{'/'.join(parts)} leads through a file")
            here.append(name)
        return self._root.joinpath(*here)

    def _remove(self, target: Path) -> None:
        if not os.path.lexists(target):
            return
        # What was known about the ways may be true no longer.
        self._parents.clear()
        if _is_folder(target):
            shutil.rmtree(target)
        else:
            target.unlink()


def _parts(name: str) -> tuple[str, ...]:
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise BadImage(f"{name} leads out of the image")
    return parts


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False

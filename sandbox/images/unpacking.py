"""An image of a registry → a folder with its files, as a container would see them; nothing leads out of the folder.

As a program, `python -m sandbox.images.unpacking < ORDER`, it works beside whoever starts it; the order is JSON:

    {"registry", "login": [user, password] or null, "repository", "reference", "root", "cache": folder or null}

It prints the image's OCI `config` as JSON. Exit code 1: it could not; standard error says why.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bot.adapters.registry import Registry
from bot.errors import OperatorError, Refused, TryAgain
from sandbox.executor.workplace import remove

MAX_BYTES = 32 * 1024**3
"""An image that unpacks to more is refused."""

DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""

PAUSES = (0.25, 1.0)
"""A registry that an image comes from is near, or the wrong one."""

KEPT = 3
"""So many images' lower layers are kept; each takes as much room as they do."""

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


def unpack(
    registry: Registry, repository: str, reference: str, root: Path, cache: Path | None = None
) -> Unpacked:
    """Put an image's files into the new folder `root`. Raises BadImage, or what the registry's client raises.

    `cache` keeps what lies below the last layer for the next image with the same ones. Its files are shared with
    `root`, so nobody may write to those.
    """
    manifest = registry.fetch_manifest(repository, reference)
    if manifest is None:
        raise BadImage(f"{repository} has no image {reference}")
    document = json.loads(manifest.content)
    content = registry.read_blob(repository, document["config"]["digest"])
    if content is None:
        raise BadImage(f"the configuration of {repository}@{manifest.digest} is not in the registry")
    layers = document["layers"]
    root.parent.mkdir(parents=True, exist_ok=True)
    if cache is None:
        root.mkdir()
    else:
        below, layers = layers[:-1], layers[-1:]
        _take(_kept(registry, repository, below, cache), root)
    _add(registry, repository, layers, root)
    return Unpacked(root, json.loads(content).get("config") or {})


def _add(registry: Registry, repository: str, layers: Sequence[Mapping[str, Any]], root: Path) -> None:
    files = Files(root)
    for layer in layers:
        if layer["mediaType"] not in GZIP_TYPES:
            raise BadImage(f"a layer is of the kind {layer['mediaType']}, which is not read here")
        with tempfile.TemporaryFile(dir=root.parent) as packed:
            registry.fetch_blob(repository, layer["digest"], packed, layer["size"])
            packed.seek(0)
            # A program of its own: it works beside this one, and reads all members where tarfile stops at the first.
            with subprocess.Popen(["gzip", "-dc"], stdin=packed, stdout=subprocess.PIPE) as plain:
                if plain.stdout is None:
                    raise BadImage("gzip was started without a pipe")
                files.add(plain.stdout)
            if plain.returncode != 0:
                raise BadImage(f"the layer {layer['digest']} is no whole gzip file")


def _kept(registry: Registry, repository: str, layers: Sequence[Mapping[str, Any]], cache: Path) -> Path:
    """The folder in the cache with these layers' files; the ones not used for longest make room."""
    name = hashlib.sha256("\n".join(layer["digest"] for layer in layers).encode()).hexdigest()[:32]
    kept = cache / name
    if not kept.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        used = sorted(
            (path for path in cache.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime
        )
        for old in used[: max(0, len(used) + 1 - KEPT)]:
            remove(old)
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=cache))
        try:
            fresh.chmod(0o755)
            _add(registry, repository, layers, fresh)
            fresh.rename(kept)
        except BaseException:
            remove(fresh)
            if not kept.is_dir():  # another one may have been quicker
                raise
    os.utime(kept)
    return kept


def _take(kept: Path, root: Path) -> None:
    done = subprocess.run(
        ["cp", "--archive", "--link", "--no-target-directory", str(kept), str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BadImage(done.stderr.strip())


class Files:
    """The folder while layers are put into it, one over the other."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._as_root = os.geteuid() == 0
        self._bytes = 0
        self._parents: dict[tuple[str, ...], Path] = {}

    def add(self, layer: IO[bytes]) -> None:
        """Put one layer, an uncompressed tar, over what is there."""
        try:
            with tarfile.open(fileobj=layer, mode="r|", errorlevel=2) as archive:
                for member in archive:
                    self._place(archive, member)
        except (tarfile.TarError, EOFError) as error:
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
            if member.isfile():
                self._write(archive, member, target)
                return
            if member.issym():
                # Only ever followed inside: here by `_parent`, later after a chroot.
                target.symlink_to(member.linkname)
            elif member.islnk():
                self._link(member, target)
            else:
                # Devices and pipes are not the image's to make.
                return
        if self._as_root:
            os.chown(target, member.uid, member.gid, follow_symlinks=False)
        if not member.issym():
            # One's own folders stay open to oneself; who may be somebody else is not a matter of files here.
            target.chmod(member.mode & 0o1777 | (0o700 if member.isdir() else 0))

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
        self._bytes += member.size
        if self._bytes > MAX_BYTES:
            raise BadImage(f"it has more than {MAX_BYTES // 1024**3} GiB of files")
        source = archive.extractfile(member)
        with target.open("xb", buffering=0) as output:
            shutil.copyfileobj(source, output, COPY_BYTES)  # type: ignore[arg-type] # a file has content
            if self._as_root:
                os.fchown(output.fileno(), member.uid, member.gid)
            os.fchmod(output.fileno(), member.mode & 0o1777)
            os.utime(output.fileno(), (member.mtime, member.mtime))

    def _link(self, member: tarfile.TarInfo, target: Path) -> None:
        *folder, name = _parts(member.linkname) or ("",)
        source = self._parent(tuple(folder)) / name
        if source.is_symlink() or not source.is_file():
            raise BadImage(f"{member.name} is a link to {member.linkname}, which is no file")
        os.link(source, target)

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


def main() -> int:
    """See the module's first lines."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM)
    order = json.load(sys.stdin)
    user, password = order["login"] or (None, None)
    cache = Path(order["cache"]) if order["cache"] else None
    try:
        with Registry(order["registry"], user, password, pauses=PAUSES) as registry:
            unpacked = unpack(registry, order["repository"], order["reference"], Path(order["root"]), cache)
    except (BadImage, OSError, TryAgain, Refused, OperatorError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(unpacked.config))
    return 0


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


if __name__ == "__main__":
    sys.exit(main())

"""Layers of an image, newest first → the few files of it that an interpreter needs, without unpacking anything else.

Nothing is written under a name that an image chose: contents that may be needed are kept under numbers, names stay
values. Devices, owners and rights are never made; what a newer layer replaces or takes away is not seen in older ones.
"""

from __future__ import annotations

import gzip
import itertools
import posixpath
import re
import tarfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO

from bot.errors import OperatorError

MAX_ENTRIES = 1_000_000
"""Files, folders and links of an image that are looked at."""

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Bytes of a file that is kept; a longer one is no part of an interpreter."""

MAX_KEPT_BYTES = 1024 * 1024 * 1024
"""Bytes of all files that are kept."""

MAX_LINKS = 40
"""Symbolic links that one name may lead through, as in Linux."""

NO_BYTECODE = "Choose another base image, or set the environment's `bytecode: false`."
"""What an operator can do when a base cannot compile."""

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_PIECE = 1024 * 1024

Link = str
"""What a symbolic link points to."""


class ImageTree:
    """What is known of an image's files by the layers read so far; those read first are the upper ones."""

    def __init__(self, folder: Path, wanted: Callable[[str], bool]) -> None:
        """`folder` takes the contents; `wanted` says by a file's name whether its content may be needed."""
        self._folder = folder
        self._wanted = wanted
        self._seen: dict[str, Path | Link | None] = {}
        self._hidden: set[str] = set()
        self._opaque: set[str] = set()
        self._kept = 0
        self._numbers = itertools.count()

    def read_layer(self, compressed: BinaryIO, title: str) -> None:
        """Take in the next older layer. Raises OperatorError when it is broken or beyond the limits."""
        seen: dict[str, Path | Link | None] = {}
        hidden: set[str] = set()
        opaque: set[str] = set()
        try:
            with (
                gzip.GzipFile(fileobj=compressed) as plain,
                tarfile.open(fileobj=plain, mode="r|", errors="surrogateescape") as archive,
            ):
                for member in archive:
                    self._take(member, archive, seen, hidden, opaque)
                    archive.members.clear()  # type: ignore[attr-defined]  # else all headers stay in memory
                    if len(self._seen) + len(seen) > MAX_ENTRIES:
                        raise OperatorError(
                            f"The base image holds more than {MAX_ENTRIES} files.", NO_BYTECODE
                        )
        except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile) as error:
            raise OperatorError(
                f"The layer {title} of the base image is broken: {error}.", NO_BYTECODE
            ) from error
        self._seen |= seen
        self._hidden |= hidden
        self._opaque |= opaque

    def _take(
        self,
        member: tarfile.TarInfo,
        archive: tarfile.TarFile,
        seen: dict[str, Path | Link | None],
        hidden: set[str],
        opaque: set[str],
    ) -> None:
        path = posixpath.normpath("/" + member.name).lstrip("/")
        folder, name = posixpath.split(path)
        if name == _OPAQUE:
            opaque.add(folder)
        elif name.startswith(_WHITEOUT):
            hidden.add(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
        elif path and not self._covered(path):
            if member.issym():
                seen[path] = member.linkname
            elif member.islnk():
                target = posixpath.normpath("/" + member.linkname).lstrip("/")
                held = seen.get(target)
                seen[path] = held if isinstance(held, Path) else f"/{target}"
            elif member.isdir():
                # a folder does not replace a folder, but a link that an older layer has
                seen[path] = None
            else:
                seen[path] = self._keep(path, member, archive)

    def _keep(self, path: str, member: tarfile.TarInfo, archive: tarfile.TarFile) -> Path | None:
        if not member.isreg() or member.size > MAX_FILE_BYTES or not self._wanted(path):
            return None
        self._kept += member.size
        if self._kept > MAX_KEPT_BYTES:
            raise OperatorError(
                f"The base image's libraries have more than {MAX_KEPT_BYTES} bytes.", NO_BYTECODE
            )
        content = archive.extractfile(member)
        kept = self._folder / str(next(self._numbers))
        with kept.open("xb") as file:
            while content is not None and (piece := content.read(_PIECE)):
                file.write(piece)
        return kept

    def _covered(self, path: str) -> bool:
        """Whether a newer layer has another thing at this path, or above it, or took it away."""
        if path in self._seen or path in self._hidden:
            return True
        folder = posixpath.dirname(path)
        while True:
            if folder in self._opaque or folder in self._hidden:
                return True
            if not folder:
                return False
            above = self._seen.get(folder, "")
            if isinstance(above, Path) or above:
                return True
            folder = posixpath.dirname(folder)

    def find(self, path: str) -> tuple[str, Path] | None:
        """The real name and the content of a file, through all links; None when it is not there (yet)."""
        real = self.real(path)
        found = self._seen.get(real) if real is not None else None
        return (real, found) if real is not None and isinstance(found, Path) else None

    def real(self, path: str) -> str | None:
        """A name without any link in it; None when links lead nowhere or in a circle."""
        todo = _parts(path)
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop(0)
            if part == "..":
                done = done[:-1]
                continue
            target = self._seen.get("/".join((*done, part)))
            if not isinstance(target, str):
                done.append(part)
                continue
            links += 1
            if links > MAX_LINKS:
                return None
            done = [] if target.startswith("/") else done
            todo = _parts(target) + todo
        return "/".join(done)

    def below(self, folder: str, pattern: re.Pattern[str]) -> Collection[tuple[str, Path]]:
        """Kept files in a folder (a real name) whose name from there on matches."""
        start = f"{folder}/"
        return [
            (path, found)
            for path, found in sorted(self._seen.items())
            if path.startswith(start) and isinstance(found, Path) and pattern.match(path[len(start) :])
        ]


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]

"""A repository's files → the last layer of its image: one after the other, none of them whole in memory."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from bot.adapters.checkout import PIECE_BYTES, Objects, TreeFile
from bot.domain.image_start import RUNTIME
from bot.errors import TryAgain
from bot.layers.contents import LFS_MAX_BYTES, Contents, open_file, read_pointer, shown_path
from bot.layers.foundation import OPEN_TO_ALL
from bot.layers.gzipped import LayerWriter
from bot.layers.values import APP, Layer
from parser.model import Place, Problem
from parser.problems import problem

OWNER = 10001
"""User and group of the sources: those that the image runs as."""

NOTHING: Mapping[str, bytes] = MappingProxyType({})

Opened = tuple[int, Iterable[bytes]]
"""A file's size in bytes, and its content in pieces."""

OpenFile = Callable[[TreeFile], Opened | Problem]


def write_sources(
    sink: BinaryIO, contents: Contents, open_content: OpenFile, own: Mapping[str, bytes] = NOTHING
) -> Layer | tuple[Problem, ...]:
    """Writes the layer. `own`: files of ours by their paths below RUNTIME, which belong to root.

    Problems: files that are not to be had; the sink then holds nothing of use.
    """
    problems: list[Problem] = []
    writer = LayerWriter(sink)
    root = APP.strip("/").encode("ascii")
    # An engine makes folders that a layer does not name as it likes, and hides those of the layers below.
    writer.folder(root, OPEN_TO_ALL)
    made = {b""}
    for file in contents.files:
        opened = open_content(file)
        if not isinstance(opened, tuple):
            problems.append(opened)
            continue
        for folder in _folders_above(file.path):
            if folder not in made:
                made.add(folder)
                writer.folder(root + b"/" + folder, 0o755, OWNER)
        size, pieces = opened
        path = root + b"/" + file.path
        if file.kind == "symlink":
            writer.link(path, b"".join(pieces), OWNER)
        else:
            writer.stream(path, size, pieces, 0o755 if file.kind == "executable" else 0o644, OWNER)
    write_own(writer, own)
    layer = writer.close("the sources")
    return tuple(problems) or layer


def write_own(writer: LayerWriter, own: Mapping[str, bytes]) -> None:
    """Writes files of ours into a layer, with the folders above them."""
    root = RUNTIME.strip("/")
    made: set[bytes] = set()
    for path in sorted(own):
        whole = f"{root}/{path}".encode("ascii")
        for folder in _folders_above(whole):
            if folder not in made:
                made.add(folder)
                writer.folder(folder)
        writer.file(whole, own[path])


def _folders_above(path: bytes) -> Iterator[bytes]:
    parts = path.split(b"/")[:-1]
    return (b"/".join(parts[: count + 1]) for count in range(len(parts)))


# A commit ---------------------------------------------------------------------------------------------


def open_of_commit(objects: Objects, checkout: Path) -> OpenFile:
    """Files as a commit has them; those that git keeps elsewhere (LFS) from the working tree, if they are right."""

    def open_content(file: TreeFile) -> Opened | Problem:
        size, pieces = objects.open(file.blob)
        if file.kind == "symlink" or size > LFS_MAX_BYTES:
            return size, pieces
        content = b"".join(pieces)
        pointer = read_pointer(content)
        return (size, (content,)) if pointer is None else _kept_elsewhere(checkout, file.path, *pointer)

    return open_content


def _kept_elsewhere(checkout: Path, path: bytes, sha256: str, size: int) -> Opened | Problem:
    missing = problem("lfs-missing", Place(shown_path(path)))
    try:
        with open_file(checkout, path) as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
                return missing
    except OSError:
        return missing
    return size, _pieces_of(checkout, path, size)


# A folder ---------------------------------------------------------------------------------------------


def list_folder(folder: Path, paths: Iterable[str]) -> tuple[tuple[TreeFile, ...], tuple[str, ...]]:
    """A folder's files by their paths, and shown paths of what is none: sockets, devices, other repositories.

    None is read, so none has an id yet.
    """
    files: list[TreeFile] = []
    others: list[str] = []
    for path in paths:
        raw = os.fsencode(path)
        try:
            found = os.lstat(os.fsencode(folder) + b"/" + raw)
        except OSError:
            # git still knows it, and a push of everything here would take it away
            continue
        if stat.S_ISLNK(found.st_mode):
            files.append(TreeFile(raw, "symlink", "", len(_target(folder, raw))))
        elif stat.S_ISREG(found.st_mode):
            executable = bool(found.st_mode & stat.S_IXUSR)
            files.append(TreeFile(raw, "executable" if executable else "file", "", found.st_size))
        else:
            others.append(shown_path(raw))
    return tuple(files), tuple(others)


def with_ids(folder: Path, files: Iterable[TreeFile], hashing: str = "sha1") -> tuple[TreeFile, ...]:
    """The files with the ids that git would give them; `hashing`: how that repository makes its ids."""

    def identified(file: TreeFile) -> TreeFile:
        link = (_target(folder, file.path),) if file.kind == "symlink" else None
        pieces = _pieces_of(folder, file.path, file.size) if link is None else link
        return replace(file, blob=_blob_id(pieces, file.size, hashing))

    return tuple(identified(file) for file in files)


def is_as_committed(
    folder: Path, files: Iterable[TreeFile], tree: Iterable[TreeFile], objects: Objects
) -> bool:
    """Whether a folder holds just what a commit does; files that git keeps elsewhere (LFS) count as their pointers."""
    here = {file.path: file for file in files}
    there = {file.path: file for file in tree if file.kind != "submodule"}
    if here.keys() != there.keys():
        return False
    for path, file in there.items():
        if (here[path].kind, here[path].blob) == (file.kind, file.blob):
            continue
        if file.kind == "symlink" or here[path].kind != file.kind or file.size > LFS_MAX_BYTES:
            return False
        pointer = read_pointer(b"".join(objects.open(file.blob)[1]))
        if pointer is None or isinstance(_kept_elsewhere(folder, path, *pointer), Problem):
            return False
    return True


def _blob_id(pieces: Iterable[bytes], size: int, hashing: str) -> str:
    hashed = hashlib.new(hashing, b"blob %d\0" % size, usedforsecurity=False)
    for piece in pieces:
        hashed.update(piece)
    return hashed.hexdigest()


def load_links(folder: Path, files: Iterable[TreeFile]) -> dict[bytes, bytes]:
    """What the links of a folder point to."""
    return {file.path: _target(folder, file.path) for file in files if file.kind == "symlink"}


def _target(folder: Path, path: bytes) -> bytes:
    return os.fsencode((folder / os.fsdecode(path)).readlink())


def open_of_folder(folder: Path) -> OpenFile:
    """Files as they lie in a folder. A pointer to a file that git keeps elsewhere (LFS) is not that file."""

    def open_content(file: TreeFile) -> Opened | Problem:
        if file.kind == "symlink":
            target = _target(folder, file.path)
            return len(target), (target,)
        if file.size <= LFS_MAX_BYTES:
            content = b"".join(_pieces_of(folder, file.path, file.size))
            if read_pointer(content) is not None:
                return problem("lfs-missing", Place(shown_path(file.path)))
            return file.size, (content,)
        return file.size, _pieces_of(folder, file.path, file.size)

    return open_content


def _pieces_of(folder: Path, path: bytes, size: int) -> Iterator[bytes]:
    left = size
    try:
        with open_file(folder, path) as stream:
            while left and (piece := stream.read(min(left, PIECE_BYTES))):
                left -= len(piece)
                yield piece
    except OSError as error:
        raise TryAgain(f"{shown_path(path)} cannot be read: {error.strerror}.") from error
    if left:
        raise TryAgain(f"{shown_path(path)} became shorter while it was read.")

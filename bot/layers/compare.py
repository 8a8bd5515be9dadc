"""Two images → what differs, file by file: layers that are the same are not looked into."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from bot.domain.text import visible
from bot.errors import OperatorError

MAX_SHOWN = 200
"""Differences of files that are told of one layer."""

MAX_CHARS = 200
"""Characters of a value of the configuration that are shown."""

SHOWN_BEFORE = 40
"""Characters of them that stand before the first difference."""

PIECE_BYTES = 1024 * 1024

OpenLayer = Callable[[str], Path | None]
"""The digest of a layer → a file with its bytes; None where they are not to be had."""


@dataclass(frozen=True, slots=True)
class File:
    """A member of a layer: `what` it is (file, folder, link …), its mode, owner and size, and what is in it."""

    what: str
    mode: int
    owner: str
    size: int
    content: str

    def __str__(self) -> str:
        return f"{self.what}, mode {self.mode:o}, owner {self.owner}, {self.size} bytes, {self.content}"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its manifest and configuration, and where its layers are had."""

    manifest: Mapping[str, Any]
    config: Mapping[str, Any]
    open_layer: OpenLayer

    @property
    def layers(self) -> list[str]:
        """Digests."""
        return [part["digest"] for part in self.manifest["layers"]]


def compare(wanted: Side, got: Side) -> Iterator[str]:
    """Lines for people: what the second has otherwise than the first. None where nothing differs."""
    yield from _values("", wanted.config, got.config)
    titles = [str(one.get("created_by", "")) for one in wanted.config.get("history", ())]
    for number, (one, other) in enumerate(zip_longest(wanted.layers, got.layers)):
        title = visible(titles[number]) if number < len(titles) else ""
        if one == other:
            continue
        if one is None or other is None:
            yield f"layer {number + 1}: {'added' if one is None else f'removed ({title})'}"
            continue
        yield f"layer {number + 1} ({title}): {one} became {other}"
        files, others = wanted.open_layer(one), got.open_layer(other)
        if files is None or others is None:
            yield "  which of its files cannot be said: its bytes are not there any more"
            continue
        for count, line in enumerate(_files(read_layer(files), read_layer(others))):
            if count == MAX_SHOWN:
                yield "  … and more"
                break
            yield f"  {line}"


def _files(wanted: Mapping[str, File], got: Mapping[str, File]) -> Iterator[str]:
    same = True
    for path in sorted({*wanted, *got}):
        one, other = wanted.get(path), got.get(path)
        if one == other:
            continue
        same = False
        if one is None:
            yield f"added    {visible(path)}: {other}"
        elif other is None:
            yield f"removed  {visible(path)}: {one}"
        else:
            yield f"changed  {visible(path)}: {one} → {other}"
    if same:
        yield "the same files, in another order or otherwise compressed"


def _values(path: str, one: object, other: object) -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            yield from _values(f"{path}.{key}" if path else str(key), one.get(key), other.get(key))
    elif one != other and path != "rootfs.diff_ids":
        yield f"config {path}: {' became '.join(_shown(json.dumps(one), json.dumps(other)))}"


def _shown(one: str, other: str) -> Iterator[str]:
    """Two texts, each cut to where they begin to be different."""
    pairs = enumerate(zip_longest(one, other))
    same = next((at for at, (here, there) in pairs if here != there), 0)
    start = max(0, same - SHOWN_BEFORE) if max(len(one), len(other)) > MAX_CHARS else 0
    for text in (one, other):
        piece = text[start : start + MAX_CHARS]
        yield f"{'…' if start else ''}{piece}{'…' if start + MAX_CHARS < len(text) else ''}"


def read_layer(path: Path) -> dict[str, File]:
    """The members of a layer by their paths. OperatorError: it is none."""
    files: dict[str, File] = {}
    try:
        with path.open("rb") as packed, tarfile.open(fileobj=packed, mode="r|*") as archive:
            for member in archive:
                files[member.name] = _file(archive, member)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise OperatorError(f"A layer cannot be read: {error}.", "Build the image anew.") from error
    return files


def _file(archive: tarfile.TarFile, member: tarfile.TarInfo) -> File:
    owner = f"{member.uid}:{member.gid}"
    if member.isfile():
        content = archive.extractfile(member)
        hashed = hashlib.sha256()
        while content is not None and (piece := content.read(PIECE_BYTES)):
            hashed.update(piece)
        return File("file", member.mode, owner, member.size, f"sha256:{hashed.hexdigest()}")
    if member.isdir():
        return File("folder", member.mode, owner, 0, f"of {member.mtime}")
    what = "link" if member.issym() else "hard link" if member.islnk() else "special file"
    return File(what, member.mode, owner, 0, f"to {visible(member.linkname)}")

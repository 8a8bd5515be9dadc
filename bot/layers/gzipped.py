"""A layer as it is written: members of a tar, compressed as a gzip stream of many members, its digests on the fly.

What is already compressed is taken over as it is; the rest is gathered and compressed by libdeflate, whose output
depends neither on zlib nor on Python.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import deflate

from bot.layers.inflate import GZIP_HEADER, gzip_end, inflate
from bot.layers.tar import END, FILE, FOLDER, LINK, header, padding
from bot.layers.values import Layer

CHUNK_BYTES = 1024 * 1024
"""Bytes of one gathered gzip member before compression."""

LEVEL = 6
"""libdeflate's; higher ones cost more time than the registry would take for the bytes."""

Tee = Callable[[bytes | bytearray], object]
"""Sees every piece of a content, in order."""


class LayerWriter:
    """Members in the order of the calls → bytes of a layer, written to `sink`.

    Paths are bytes relative to the image's root; folders come before what is in them. The same calls give the same
    bytes, however the chunks are cut.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._size = 0
        self._digest = hashlib.sha256()
        self._inner = hashlib.sha256()
        self._pending = bytearray()

    def folder(self, path: bytes, mode: int = 0o755, owner: int = 0) -> None:
        """A folder, without its contents."""
        self._gather(header(path.rstrip(b"/") + b"/", FOLDER, mode, owner))

    def link(self, path: bytes, target: bytes, owner: int = 0) -> None:
        """A symbolic link."""
        self._gather(header(path, LINK, 0o777, owner, target=target))

    def file(self, path: bytes, content: bytes, mode: int = 0o644, owner: int = 0) -> None:
        """A file whose content is at hand."""
        self._gather(header(path, FILE, mode, owner, len(content)))
        self._gather(content)
        self._gather(padding(len(content)))

    def stream(
        self, path: bytes, size: int, chunks: Iterable[bytes], mode: int = 0o644, owner: int = 0
    ) -> None:
        """A file whose content comes in pieces. Raises ValueError when they are not `size` bytes in all."""
        self._gather(header(path, FILE, mode, owner, size))
        left = size
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                break
            self._gather(chunk)
        if left:
            raise ValueError(f"the content has {'more' if left < 0 else 'less'} than {size} bytes")
        self._gather(padding(size))

    def deflated(
        self,
        path: bytes,
        size: int,
        crc: int,
        compressed: Iterable[bytes],
        mode: int = 0o644,
        owner: int = 0,
        tee: Tee | None = None,
    ) -> None:
        """A file whose content comes as a raw deflate stream, which becomes part of the layer as it is.

        `size` and `crc` are those of the content, which `tee` sees. Raises ValueError when they are not, or when
        the stream is damaged or has something behind its end.
        """
        self._gather(header(path, FILE, mode, owner, size))
        self._flush()
        self._emit(GZIP_HEADER)
        for piece in inflate(self._passed(compressed), size, crc):
            self._inner.update(piece)
            if tee is not None:
                tee(piece)
        self._emit(gzip_end(size, crc))
        self._gather(padding(size))

    def close(self, title: str) -> Layer:
        """Ends the archive; the layer by its digests. The sink stays open."""
        self._gather(END)
        self._flush()
        return Layer(
            f"sha256:{self._digest.hexdigest()}", self._size, f"sha256:{self._inner.hexdigest()}", title
        )

    def _passed(self, compressed: Iterable[bytes]) -> Iterator[bytes]:
        for piece in compressed:
            self._emit(piece)
            yield piece

    def _gather(self, content: bytes) -> None:
        self._inner.update(content)
        for start in range(0, len(content), CHUNK_BYTES):
            self._pending += content[start : start + CHUNK_BYTES]
            if len(self._pending) >= CHUNK_BYTES:
                rest = self._pending[CHUNK_BYTES:]
                del self._pending[CHUNK_BYTES:]
                self._flush()
                self._pending = rest

    def _flush(self) -> None:
        if self._pending:
            body = deflate.deflate_compress(self._pending, LEVEL)
            self._emit(GZIP_HEADER + body + gzip_end(len(self._pending), deflate.crc32(self._pending)))
            self._pending = bytearray()

    def _emit(self, content: bytes) -> None:
        self._sink.write(content)
        self._digest.update(content)
        self._size += len(content)

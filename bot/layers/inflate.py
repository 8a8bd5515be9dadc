"""Raw deflate streams → their content, exactly as long as told, with nothing behind them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

import deflate

PIECE_BYTES = 1024 * 1024
"""Bytes of one piece of a big content."""

WHOLE_BYTES = 16 * 1024 * 1024
"""Bytes of a content that is inflated in one piece, which libdeflate does four times faster than zlib in pieces."""

GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""deflate, no name, no time, no flags, no operating system."""


def gzip_end(size: int, crc: int) -> bytes:
    """What stands behind the deflate stream in a gzip member."""
    return struct.pack("<LL", crc, size & 0xFFFFFFFF)


def inflate(compressed: Iterable[bytes], size: int, crc: int) -> Iterator[bytes | bytearray]:
    """The content of a raw deflate stream. Raises ValueError when size or checksum are others, or more follows."""
    if 0 < size <= WHOLE_BYTES:
        whole, end = b"".join(compressed), gzip_end(size, crc)
        # libdeflate looks for the end where the stream says that it ends, and does not say where that was. It must
        # be where we put it, or readers of a layer would find another gzip member behind it than we hash.
        if (whole + end).find(end) == len(whole):
            yield _whole(GZIP_HEADER + whole + end, size)
            return
        compressed = [whole]
    yield from _in_pieces(compressed, size, crc)


def _whole(member: bytes, size: int) -> bytearray:
    try:
        content = deflate.gzip_decompress(member, size)
    except deflate.DeflateError:
        raise ValueError(f"it is cut off, or has not the {size} bytes and the checksum told") from None
    if len(content) != size:
        raise ValueError(f"it has less than {size} bytes")
    return content


def _in_pieces(compressed: Iterable[bytes], size: int, crc: int) -> Iterator[bytes]:
    seen, left, machine = 0, size, zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in compressed:
            behind = machine.eof
            while piece and not machine.eof:
                # One byte more than there should be is enough to know that there are too many.
                content = machine.decompress(piece, min(PIECE_BYTES, left + 1))
                left -= len(content)
                if left < 0:
                    raise ValueError(f"it has more than {size} bytes")
                seen = deflate.crc32(content, seen)
                yield content
                piece = machine.unconsumed_tail
            if machine.unused_data or (behind and piece):
                raise ValueError("something stands behind its end")
    except zlib.error:
        raise ValueError("its compressed bytes make no sense") from None
    if left or not machine.eof:
        raise ValueError(f"it is cut off, or has less than {size} bytes")
    if seen != crc:
        raise ValueError("its checksum is another one")

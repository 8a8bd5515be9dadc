"""One member's header in a tar archive (POSIX pax), the same bytes on every Python.

`tarfile` is not used: what it writes is its own affair and may change, and then every layer's digest would.
"""

from __future__ import annotations

BLOCK = 512
"""Bytes; headers and contents fill whole blocks."""

FILE, LINK, FOLDER = b"0", b"2", b"5"
END = bytes(2 * BLOCK)

_EXTENDED = b"x"
_MAX_NAME = 100
_MAX_SIZE = 8**11 - 1


def header(path: bytes, kind: bytes, mode: int, owner: int, size: int = 0, target: bytes = b"") -> bytes:
    """The blocks before a member's content; `owner` is user and group, the time is 1970.

    Names are bytes as in the file system; those that the plain form cannot hold go into an extended header before.
    """
    records = {}
    if _is_long(path):
        records[b"path"] = path
    if _is_long(target):
        records[b"linkpath"] = target
    if size > _MAX_SIZE:
        records[b"size"] = b"%d" % size
    before = b""
    if records:
        if not all(_is_text(value) for value in records.values()):
            # Otherwise its readers take the names for UTF-8.
            records = {b"hdrcharset": b"BINARY", **records}
        content = b"".join(_record(name, value) for name, value in records.items())
        before = _block(b"PaxHeaders/next", _EXTENDED, 0o644, 0, len(content), b"") + content
        before += padding(len(content))
    return before + _block(path, kind, mode, owner, size if size <= _MAX_SIZE else 0, target)


def padding(size: int) -> bytes:
    """What fills the last block of a content of so many bytes."""
    return bytes(-size % BLOCK)


def _block(path: bytes, kind: bytes, mode: int, owner: int, size: int, target: bytes) -> bytes:
    block = bytearray(BLOCK)
    block[0:_MAX_NAME] = path[:_MAX_NAME].ljust(_MAX_NAME, b"\0")
    block[100:148] = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, owner, owner, size, 0)
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[157:257] = target[:_MAX_NAME].ljust(_MAX_NAME, b"\0")
    block[257:265] = b"ustar\x0000"
    block[329:345] = b"0000000\x000000000\0"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _record(name: bytes, value: bytes) -> bytes:
    """A line of an extended header, which begins with its own length."""
    rest = b" %s=%s\n" % (name, value)
    length = len(rest) + 1
    while len(rest) + len(str(length)) != length:
        length = len(rest) + len(str(length))
    return b"%d%s" % (length, rest)


def _is_long(name: bytes) -> bool:
    return len(name) > _MAX_NAME or not name.isascii()


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True

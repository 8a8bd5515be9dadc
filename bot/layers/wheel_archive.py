"""A wheel as the zip archive that it is: its files, checked before any of them is read.

Only what one reading of an archive gives to every reader passes: the list at the end and the headers before each file
must agree, and no two files share bytes.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import deflate

from bot.layers.inflate import PIECE_BYTES, inflate
from bot.layers.plain_paths import path_fault
from bot.layers.values import BadWheel
from parser.problems import problem, shown

MAX_FILES = 200_000
"""Files in one wheel; the largest known ones have 30,000."""

MAX_LIST_BYTES = 64 * 1024 * 1024
"""Bytes of the archive's list of files, which is held in memory."""

MAX_UNPACKED_BYTES = 16 * 1024**3
"""Bytes of one wheel's files; the largest known ones have 4 GiB."""

MAX_RATIO = 200
"""How many times its own size a wheel may unpack to, beyond FREE_BYTES; programs and texts stay below 20."""

FREE_BYTES = 1024**3

STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED

_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_SPARE_BYTES = 64 * 1024
_ENCRYPTED, _TOLD_BEHIND, _UTF8, _STRANGE = 0x1, 0x8, 0x800, 0x2060
_UNKNOWN = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive: where its compressed bytes begin, how many they are, what must come out of them."""

    path: str
    size: int
    packed: int
    crc: int
    method: int
    start: int
    executable: bool


@dataclass(frozen=True, slots=True)
class Archive:
    """A wheel's file on disk; `name` is what people are told, `package` whose it is."""

    path: Path
    name: str
    package: str
    entries: tuple[Entry, ...]

    def bad(self, code: str, why: str) -> BadWheel:
        """The exception that says why this wheel is refused."""
        return bad_wheel(self.name, self.package, code, why)

    def packed(self, entry: Entry) -> Iterator[bytes]:
        """The bytes of a file as they stand in the archive. Raises ValueError when they end too early."""
        with self.path.open("rb") as file:
            file.seek(entry.start)
            left = entry.packed
            while left:
                piece = file.read(min(left, PIECE_BYTES))
                if not piece:
                    raise ValueError("the archive ends before it")
                left -= len(piece)
                yield piece

    def content(self, entry: Entry) -> Iterator[bytes | bytearray]:
        """The content of a file, in pieces. Raises ValueError when it is not what the archive says."""
        if entry.method == DEFLATED:
            return inflate(self.packed(entry), entry.size, entry.crc)
        return _stored(self.packed(entry), entry.crc)

    def peek(self, entry: Entry, count: int) -> bytes:
        """The first bytes of a file. Raises ValueError when they cannot be read."""
        first = next(self.packed(entry), b"")
        if entry.method == STORED:
            return first[:count]
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(first, count)
        except zlib.error:
            raise ValueError("its compressed bytes make no sense") from None

    def read(self, entry: Entry, limit: int) -> bytes:
        """The content of a small file. Raises BadWheel when it has more than `limit` bytes or is damaged."""
        if entry.size > limit:
            raise self.bad("wheel-limits", f"{shown(entry.path)} has more than {limit:,} bytes")
        try:
            return b"".join(self.content(entry))
        except ValueError as error:
            raise self.broken(entry, error) from error

    def broken(self, entry: Entry, error: ValueError) -> BadWheel:
        """The exception that says what is wrong with the bytes of one file."""
        return self.bad("wheel-broken", f"of {shown(entry.path)}, {error}")


def bad_wheel(name: str, package: str, code: str, why: str) -> BadWheel:
    """The exception that says why the wheel is refused."""
    return BadWheel((problem(code, wheel=shown(name), package=package, why=why),))


def read_archive(path: Path, name: str, package: str) -> Archive:
    """The files of a wheel in the archive's order, folders left out. Raises BadWheel when any is not acceptable."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            _check_list(file, size)
            with zipfile.ZipFile(file) as archive:
                entries = _entries(file, archive)
        _check_sizes(entries, size)
        _check_names(entries)
    except _Refused as refused:
        raise bad_wheel(name, package, refused.code, str(refused)) from None
    except UnicodeDecodeError:
        raise bad_wheel(name, package, "wheel-unsafe", "a name in it is not UTF-8") from None
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
        raise bad_wheel(name, package, "wheel-broken", f"it is no whole zip archive ({error})") from error
    return Archive(path, name, package, tuple(entry for entry in entries if not entry.path.endswith("/")))


class _Refused(Exception):
    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def _check_list(file: BinaryIO, size: int) -> None:
    """Looks how long the list is before it is read as a whole."""
    file.seek(max(0, size - 66_000))
    tail = file.read(66_000)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise _Refused("wheel-broken", "it has no list of files at its end; it may be cut off")
    count, length = struct.unpack_from("<HL", tail, at + 10)
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":
        (where,) = struct.unpack_from("<Q", tail, at - 12)
        file.seek(min(where, size))
        big = file.read(56)
        if len(big) == 56:
            count, length = struct.unpack_from("<QQ", big, 32)
    if count > MAX_FILES:
        raise _Refused("wheel-limits", f"it has more than {MAX_FILES:,} files")
    if length > MAX_LIST_BYTES:
        raise _Refused("wheel-limits", f"its list of files has more than {MAX_LIST_BYTES:,} bytes")


def _entries(file: BinaryIO, archive: zipfile.ZipFile) -> list[Entry]:
    entries, end = [], 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        start = _check_header(file, info)
        if info.header_offset < end:
            raise _Refused(
                "wheel-unsafe", f"{shown(info.orig_filename)} shares bytes with another file in it"
            )
        end = start + info.compress_size
        mode = info.external_attr >> 16
        executable = bool(stat.S_ISREG(mode) and mode & 0o111)
        entries.append(
            Entry(
                info.orig_filename,
                info.file_size,
                info.compress_size,
                info.CRC,
                info.compress_type,
                start,
                executable,
            )
        )
    if end > archive.start_dir:
        raise _Refused("wheel-broken", "its last file reaches into its list of files")
    return entries


def _check_header(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Where the file's compressed bytes begin."""
    path, flags = info.orig_filename, info.flag_bits
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if path.endswith("/") else stat.S_IFREG):
        what = "a symbolic link" if kind == stat.S_IFLNK else "neither a file nor a folder"
        raise _Refused("wheel-unsafe", f"{shown(path)} is {what}")
    if flags & (_ENCRYPTED | _STRANGE):
        raise _Refused("wheel-unsafe", f"{shown(path)} is encrypted or of a kind that nobody can read")
    if info.compress_type not in (STORED, DEFLATED):
        raise _Refused(
            "wheel-unsafe", f"{shown(path)} is compressed by method {info.compress_type}, not by deflate"
        )
    if not (flags & _UTF8 or path.isascii()):
        raise _Refused("wheel-unsafe", f"the name {shown(path)} is not marked as UTF-8")
    file.seek(info.header_offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size:
        raise _Refused("wheel-broken", f"it ends before {shown(path)}; it may be cut off")
    mark, _, told, method, _, _, crc, packed, size, name_size, extra_size = _LOCAL.unpack(header)
    same = (
        mark == b"PK\x03\x04"
        and method == info.compress_type
        and not told & (_ENCRYPTED | _STRANGE)
        and file.read(name_size) == path.encode()
        and (told & _TOLD_BEHIND or crc == info.CRC)
        and (told & _TOLD_BEHIND or packed in (info.compress_size, _UNKNOWN))
        and (told & _TOLD_BEHIND or size in (info.file_size, _UNKNOWN))
    )
    if not same:
        raise _Refused("wheel-broken", f"its list and the header of {shown(path)} say different things")
    if info.compress_type == STORED and info.compress_size != info.file_size:
        raise _Refused("wheel-broken", f"{shown(path)} is stored as it is, and yet has two sizes")
    if info.compress_size > info.file_size + info.file_size // 100 + _SPARE_BYTES:
        raise _Refused("wheel-broken", f"{shown(path)} is bigger compressed than it is")
    return info.header_offset + _LOCAL.size + int(name_size) + int(extra_size)


def _check_sizes(entries: list[Entry], size: int) -> None:
    total = sum(entry.size for entry in entries)
    if total > MAX_UNPACKED_BYTES:
        raise _Refused("wheel-limits", f"it would unpack to more than {MAX_UNPACKED_BYTES // 1024**3} GiB")
    if total > FREE_BYTES + MAX_RATIO * size:
        raise _Refused("wheel-limits", f"it would unpack to more than {MAX_RATIO} times its own size")


def _check_names(entries: list[Entry]) -> None:
    files: set[str] = set()
    folders: set[str] = set()
    for entry in entries:
        path = entry.path.removesuffix("/")
        fault = path_fault(path)
        if fault:
            raise _Refused("wheel-unsafe", f"{shown(entry.path)} {fault}")
        if path in files:
            raise _Refused("wheel-unsafe", f"{shown(path)} is in it twice")
        if path != entry.path:
            folders.add(path)
        else:
            files.add(path)
        parent = path.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    both = files & folders
    if both:
        raise _Refused("wheel-unsafe", f"{shown(min(both))} is in it as a file and as a folder")


def _stored(pieces: Iterator[bytes], crc: int) -> Iterator[bytes]:
    seen = 0
    for piece in pieces:
        seen = deflate.crc32(piece, seen)
        yield piece
    if seen != crc:
        raise ValueError("its checksum is another one")

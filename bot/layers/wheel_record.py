"""RECORD: the list of a wheel's files with their hashes, as it is read and as it is written into the image."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

ALGORITHMS = ("sha256", "sha384", "sha512")
"""The standard forbids weaker ones."""

UNLISTED = ("RECORD.jws", "RECORD.p7s")
"""Signatures of RECORD, which therefore cannot stand in it."""


@dataclass(frozen=True, slots=True)
class Row:
    """What must be true of a file: the hash's algorithm and value, and the size in bytes where it is told."""

    algorithm: str
    value: str
    size: int | None


def read_record(content: bytes) -> dict[str, Row | None]:
    """Path in the wheel → row; None where no hash is told, as for RECORD itself.

    Raises ValueError, with words for people, when it cannot be read or says two things of one file.
    """
    rows: dict[str, Row | None] = {}
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    except UnicodeDecodeError:
        raise ValueError("RECORD is not UTF-8") from None
    except csv.Error as error:
        raise ValueError(f"RECORD is no table: {error}") from None
    for number, cells in enumerate(lines, 1):
        if not cells:
            continue
        if len(cells) != 3:
            raise ValueError(f"line {number} of RECORD has {len(cells)} cells, not three")
        path, told, size = cells[0].replace("\\", "/"), cells[1], cells[2]
        algorithm, _, value = told.partition("=")
        if told and algorithm not in ALGORITHMS:
            raise ValueError(f"line {number} of RECORD has a hash that is none of {', '.join(ALGORITHMS)}")
        if size and not (size.isascii() and size.isdigit()):
            raise ValueError(f"line {number} of RECORD has a size that is no number")
        row = Row(algorithm, value, int(size) if size else None) if told else None
        if rows.setdefault(path, row) != row:
            raise ValueError(f"line {number} of RECORD contradicts one before")
    return rows


def encoded(digest: bytes) -> str:
    """A digest as RECORD writes it."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def dump_record(rows: Iterable[tuple[str, str, int]], own: str) -> bytes:
    """RECORD's bytes: (path from site-packages, sha256 as `encoded`, size) of every file, and itself without hash."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    lines: list[tuple[str, str, str]] = [(path, f"sha256={value}", str(size)) for path, value, size in rows]
    writer.writerows(sorted([*lines, (own, "", "")]))
    return stream.getvalue().encode("utf-8")

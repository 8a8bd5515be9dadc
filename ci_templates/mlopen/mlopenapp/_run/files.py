"""Files that appear whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

CHUNK_BYTES = 1024 * 1024
"""Bytes that are read at once."""


def kind_of(path: Path) -> str:
    """`file` or `folder`; "" for what is neither, is not there, cannot be looked at, or cannot be a path at all."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else ""


def put_file(path: Path, data: bytes) -> None:
    """Writes a file so that its name never leads to half of it."""
    put(path.parent, lambda file: file.write(data), lambda _file: path.name)


def put(folder: Path, fill: Callable[[IO[bytes]], object], name: Callable[[IO[bytes]], str]) -> Path:
    """A file that appears when it is whole, by the name that it then gets."""
    handle, text = tempfile.mkstemp(prefix=".", suffix=".part", dir=str(folder))
    part = Path(text)
    try:
        with os.fdopen(handle, "w+b") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            path = folder / name(file)
        part.chmod(0o644)
        part.replace(path)
    except BaseException:
        part.unlink()
        raise
    return path


def hash_of(file: IO[bytes]) -> str:
    """The SHA-256 of what is left of a file."""
    found = hashlib.sha256()
    for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
        found.update(chunk)
    return found.hexdigest()

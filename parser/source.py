"""A tree of files as text: which files the reader wants, how they are loaded from disk, and how bytes become text."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from parser.limits import DEFAULT_LIMITS, Limits

MAX_FILE_BYTES = 1024 * 1024
"""Bytes; a file above this is not read, and whatever needs it says so."""

MAX_FILES = 20_000
"""Entries of one tree that are looked at; the rest does not exist for the reader."""

MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""Bytes of all wanted files of one tree together."""

MAX_TOKENS_TOGETHER = 400_000
"""Tokens of all Python files that one reading parses; a syntax tree takes some 300 bytes for each, at worst 900."""

SKIPPED_DIRECTORIES = frozenset(
    {".git", ".hg", ".svn", ".venv", "node_modules", "__pycache__", ".tox", ".nox", ".eggs"}
    | {".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints", ".hypothesis", ".demo"}
)
"""Directories that tools make and git usually ignores."""

_WANTED_NAMES = frozenset(
    (
        *(".mlreef.yaml", "environment.yml", "environment.yaml", "pyproject.toml", "setup.cfg", "setup.py"),
        *("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile", "Pipfile.lock", ".python-version"),
    )
)
_REQUIREMENTS = re.compile(
    r"(^|/)[^/]*(requirement|constraint|(?<![a-z])req|(?<![a-z])deps|dependencies|packages)[^/]*\.(txt|in|pip)$"
    r"|(^|/)(requirements?|constraints?|reqs?|deps)/[^/]+\.(txt|in|pip)$"
)
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:[#\r\n]|$)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of the tree; `blob` is git's id of its content where that is known."""

    path: str
    kind: Literal["file", "symlink", "submodule"]
    blob: str | None = None


MAX_MENDED_CHARS = 60_000
"""Characters of all files together for which mends of their syntax are tried: each is parsed several times more."""


@dataclass(slots=True, eq=False, repr=False)
class Ledger:
    """What one reading has done so far: the tokens it may still parse, the characters of files for which it may still
    look for mends, and what became of files it has parsed."""

    tokens: int = MAX_TOKENS_TOGETHER
    mended_chars: int = MAX_MENDED_CHARS
    parsed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """All paths of a tree, and the bytes of those wanted files that could be read."""

    entries: Mapping[str, Entry]
    contents: Mapping[str, bytes]
    limits: Limits = DEFAULT_LIMITS
    ledger: Ledger = field(default_factory=Ledger, compare=False, repr=False)
    closed: Mapping[str, str] = field(default_factory=dict)
    """Wanted files that could not be opened on this disk, with the system's reason."""


class Undecodable(ValueError):
    """The bytes are not text; the message says why, in words an author understands."""


def wanted(path: str) -> bool:
    """Whether the reader may want the content of this path."""
    name = path.rpartition("/")[2]
    if path.endswith(".py") or path in _WANTED_NAMES:
        return True
    return bool(_REQUIREMENTS.search(path)) or ("/" not in path and name.upper().startswith("README"))


def load_source(directory: Path, paths: Iterable[str] | None = None) -> Source:
    """Reads a directory; links are listed and never followed, and nothing outside of it is opened.

    `paths` are those that count; without them all do, but for what tools make. One path more than MAX_FILES is listed,
    so that too many can be told. Raises NotADirectoryError when there is no such directory.
    """
    if not directory.is_dir():
        raise NotADirectoryError(str(directory))
    entries: dict[str, Entry] = {}
    contents: dict[str, bytes] = {}
    closed: dict[str, str] = {}
    room = MAX_TOTAL_BYTES
    for path in _walk(directory) if paths is None else paths:
        if len(entries) > MAX_FILES:
            break
        file = directory / path
        if not _is_text(path):
            continue
        if file.is_symlink():
            entries[path] = Entry(path, "symlink")
        elif file.is_file():
            entries[path] = Entry(path, "file")
            if not wanted(path):
                continue
            try:
                content = _load(file)
            except OSError as error:
                closed[path] = error.strerror or str(error)
                continue
            if len(content) <= min(MAX_FILE_BYTES, room):
                contents[path] = content
                room -= len(content)
    return Source(entries, contents, closed=closed)


def _walk(directory: Path) -> Iterator[str]:
    """The paths of files and links below the directory, but for what tools make."""
    for folder, folders, files in os.walk(directory, followlinks=False):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(
            name
            for name in folders
            if name not in SKIPPED_DIRECTORIES
            and name not in links
            and not (here / name / "pyvenv.cfg").is_file()
        )
        for name in sorted([*files, *links]):
            yield (here / name).relative_to(directory).as_posix()


def _load(file: Path) -> bytes:
    """The file's bytes, or one more than is read of any. Raises OSError when it cannot be opened."""
    # Opened without following a link that replaced the file since it was listed.
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as stream:
        return stream.read(MAX_FILE_BYTES + 1)


def _is_text(path: str) -> bool:
    """Whether the path can be written down; git allows any bytes in names."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def source_encoding(content: bytes) -> str:
    """The encoding's name: UTF-8 with a byte-order mark, what a coding line says, else UTF-8."""
    return "utf-8" if content.startswith(codecs.BOM_UTF8) else _cookie(content) or "utf-8"


def read_text(content: bytes) -> str:
    """Decodes as Python and pip do: byte-order mark, coding cookie in the first two lines, else UTF-8.

    Raises Undecodable.
    """
    encoding = source_encoding(content)
    if content.startswith(codecs.BOM_UTF8):
        content = content[len(codecs.BOM_UTF8) :]
    elif content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Undecodable("it is written in UTF-32")
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Undecodable("it is written in UTF-16")
    if b"\0" in content:
        raise Undecodable(
            f"it holds a NUL byte in line {content.count(bytes([10]), 0, content.index(0)) + 1}"
        )
    try:
        if not codecs.lookup(encoding)._is_text_encoding:
            raise Undecodable(f"its coding line names {encoding!r}, which is no text encoding")
        return content.decode(encoding)
    except LookupError:
        raise Undecodable(f"its coding line names the unknown encoding {encoding[:40]!r}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Undecodable(f"line {line} is not {encoding}") from None
    except (ValueError, UnicodeError) as error:
        raise Undecodable(f"it is not {encoding}: {error}") from None


def _cookie(content: bytes) -> str | None:
    """The encoding that the first two lines name, as PEP 263 has it."""
    for line in content[:400].splitlines()[:2]:
        if found := _COOKIE.match(line):
            return found.group(1).decode("ascii", "replace").lower()
        if not _BLANK.match(line):
            return None
    return None

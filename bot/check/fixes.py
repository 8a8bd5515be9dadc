"""`--fix`: mechanical mends written into a repository on disk."""

from __future__ import annotations

import codecs
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from parser.edits import apply, choose
from parser.model import Edit, Problem
from parser.source import MAX_FILE_BYTES, Source, Undecodable, read_text, source_encoding

MAX_ROUNDS = 10
"""Times a repository is read and mended; a mend may uncover what another hid."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What one round came to: problems that were mended, and paths of files that were written."""

    problems: tuple[Problem, ...]
    files: tuple[str, ...]


def ensure_mended(directory: Path, source: Source, problems: Iterable[Problem]) -> Mended:
    """Make the edits of all problems that do not get in each other's way; a file changed meanwhile is left alone.

    Encoding, byte-order mark, line ends and rights of a file stay as they are.
    """
    chosen = choose(problems).now
    files: dict[str, list[Edit]] = {}
    for problem in chosen:
        for edit in problem.edits:
            files.setdefault(edit.place.file, []).append(edit)
    texts: dict[str, bytes] = {}
    failed: set[str] = set()
    for path, edits in files.items():
        content = _mended(source.contents.get(path, b""), edits)
        if content is None or not _is_unchanged(directory / path, source.contents.get(path)):
            failed.add(path)
        else:
            texts[path] = content
    # All edits of a problem are made, or none: of the others, those of whole files that stay.
    while lost := [
        p for p in chosen if failed & (names := {e.place.file for e in p.edits}) and names - failed
    ]:
        failed |= {edit.place.file for problem in lost for edit in problem.edits}
    for path, content in texts.items():
        if path not in failed:
            _write(directory / path, content)
    done = tuple(p for p in chosen if not failed & {edit.place.file for edit in p.edits})
    return Mended(done, tuple(sorted(set(texts) - failed)))


def _mended(content: bytes, edits: list[Edit]) -> bytes | None:
    """The file's bytes after the edits, in its own encoding; None when that cannot be done without loss."""
    try:
        text = read_text(content)
        encoding = source_encoding(content)
        mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
        if mark + text.encode(encoding) != content:
            return None
        return mark + apply(text, edits).encode(encoding)
    except (Undecodable, ValueError, LookupError):
        return None


def _is_unchanged(file: Path, content: bytes | None) -> bool:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1) == content
    except OSError:
        return False


def _write(file: Path, content: bytes) -> None:
    """Put the new file in place of the old one in one step, so that neither is ever half written."""
    handle, beside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(beside).chmod(file.stat().st_mode & 0o7777)
        Path(beside).replace(file)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise

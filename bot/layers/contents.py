"""Which files of a repository go into its image, decided before a byte is written."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.checkout import TreeFile
from parser.model import Place, Problem
from parser.problems import problem

MAX_SOURCE_BYTES = 8 * 1024**3
"""Bytes of all files of a commit together."""

MAX_SOURCE_FILES = 200_000
"""Files of a commit."""

MAX_LINK_STEPS = 40
"""Links that are followed one after the other, as on Linux."""

_LFS = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n(?:.*\n)*?size (\d+)\n"
)
LFS_MAX_BYTES = 1024
"""Bytes of a file that may stand for one that git keeps elsewhere."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into an archive, decided before a byte is written."""

    files: tuple[TreeFile, ...]
    requirements: tuple[str, ...]
    submodules: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def plan_contents(
    tree: Iterable[TreeFile],
    links: Mapping[bytes, bytes],
    requirements: Iterable[str],
    left_out: Iterable[str],
) -> Contents | tuple[Problem, ...]:
    """Which files go in; the problems of a tree that cannot. `links`: path of a link → what it points to."""
    without = {path.encode() for path in left_out}
    kept = sorted((file for file in tree if file.path not in without), key=lambda file: file.path)
    files = tuple(file for file in kept if file.kind != "submodule")
    twice = _claimed_twice(files)
    problems = [
        problem("path-refused", Place(shown_path(file.path)))
        for file in files
        if not _is_proper(file.path) or file.path in twice
    ]
    problems += [
        problem("link-leaves-repository", Place(shown_path(file.path)), target=shown_path(links[file.path]))
        for file in files
        if file.kind == "symlink" and not _stays_inside(file.path, links)
    ]
    size = sum(file.size for file in files)
    if size > MAX_SOURCE_BYTES or len(files) > MAX_SOURCE_FILES:
        words = {"files": str(len(files)), "size": f"{size / 1024**2:.0f}"}
        most = {"most_files": str(MAX_SOURCE_FILES), "most_size": f"{MAX_SOURCE_BYTES / 1024**2:.0f}"}
        problems.append(problem("repository-too-large", None, None, **words, **most))
    if problems:
        return tuple(problems)
    gone = tuple(shown_path(file.path) for file in kept if file.kind == "submodule")
    return Contents(files, tuple(requirements), gone)


def read_pointer(content: bytes) -> tuple[str, int] | None:
    """The sha256 and the size in bytes of a file that git keeps elsewhere (LFS), from what it holds instead."""
    found = _LFS.match(content) if len(content) <= LFS_MAX_BYTES else None
    return (found[1].decode("ascii"), int(found[2])) if found else None


def real_content(content: bytes, checkout: Path, path: bytes) -> bytes | None:
    """A file's bytes; for one that git keeps elsewhere (LFS) those in the working tree, if they are the right ones."""
    pointer = read_pointer(content)
    if pointer is None:
        return content
    try:
        with open_file(checkout, path) as stream:
            found = io.BufferedReader(stream).read(pointer[1] + 1)
    except OSError:
        return None
    return found if hashlib.sha256(found).hexdigest() == pointer[0] else None


def open_file(folder: Path, path: bytes) -> io.FileIO:
    """A file of a folder; neither a link nor something that waits for a writer is followed. Raises OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    return io.FileIO(os.open(os.fsencode(folder) + b"/" + path, flags))


def _claimed_twice(files: Iterable[TreeFile]) -> set[bytes]:
    """Paths that a broken tree names more than once, or both as a file and as a folder."""
    seen: set[bytes] = set()
    twice: set[bytes] = set()
    for file in files:
        (twice if file.path in seen else seen).add(file.path)
    for path in seen:
        above = path.rpartition(b"/")[0]
        while above:
            if above in seen:
                twice.add(above)
            above = above.rpartition(b"/")[0]
    return twice


def _is_proper(path: bytes) -> bool:
    parts = path.split(b"/")
    return not any(part in {b"", b".", b".."} or part.lower() == b".git" or b"\0" in part for part in parts)


def _stays_inside(path: bytes, links: Mapping[bytes, bytes]) -> bool:
    """Whether a link, followed as the system would, never leaves the root; it may point to nothing."""
    done: list[bytes] = []
    waiting = path.split(b"/")[::-1]
    steps = 0
    while waiting:
        part = waiting.pop()
        if part in {b"", b"."}:
            continue
        if part == b"..":
            if not done:
                return False
            done.pop()
            continue
        here = b"/".join([*done, part])
        target = links.get(here)
        if target is None:
            done.append(part)
            continue
        steps += 1
        if target.startswith(b"/") or steps > MAX_LINK_STEPS:
            return False
        waiting += target.split(b"/")[::-1]
    return True


def shown_path(path: bytes) -> str:
    """A path for people, whatever its bytes."""
    return path.decode("utf-8", "backslashreplace")

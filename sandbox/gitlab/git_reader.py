"""Reading git objects through one long-lived `git cat-file`, so that a read costs no new process."""

from __future__ import annotations

import subprocess
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

READERS_KEPT = 24


@dataclass(frozen=True)
class GitObject:
    """An object as git stores it; `kind` is commit, tree, blob or tag."""

    oid: str
    kind: str
    content: bytes


class Reader:
    """A `git cat-file --batch-command` on one repository; safe for threads, which take turns."""

    def __init__(self, directory: Path) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            ["git", "-C", str(directory), "cat-file", "--batch-command"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, revision: str, contents: bool) -> GitObject | None:
        """The object that a revision names, None where there is none; without contents, `content` is empty."""
        if not revision or "\n" in revision or "\0" in revision:
            return None
        command = "contents" if contents else "info"
        with self._lock:
            stdin, stdout = self._process.stdin, self._process.stdout
            if stdin is None or stdout is None:
                raise RuntimeError("git cat-file was started without pipes")
            stdin.write(f"{command} {revision}\n".encode("utf-8", "surrogateescape"))
            stdin.flush()
            header = stdout.readline().decode("utf-8", "surrogateescape").split()
            if len(header) != 3 or header[-1] in ("missing", "ambiguous") or not header[-1].isdigit():
                if not header:
                    raise RuntimeError("git cat-file ended unexpectedly")
                return None
            oid, kind, size = header
            content = b""
            if contents:
                content = stdout.read(int(size))
                stdout.read(1)
            return GitObject(oid, kind, content)

    def close(self) -> None:
        with self._lock:
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process.wait(timeout=10)
            if self._process.stdout is not None:
                self._process.stdout.close()


class Readers:
    """The readers of the repositories used last; the oldest are closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: OrderedDict[Path, Reader] = OrderedDict()

    def ask(self, directory: Path, revision: str, contents: bool) -> GitObject | None:
        for attempt in (1, 2):
            reader = self._reader(directory)
            try:
                return reader.ask(revision, contents)
            except (RuntimeError, OSError, ValueError):
                # The reader was closed to make room while we held it, or died: a new one answers.
                self.forget(directory, reader)
                if attempt == 2:
                    raise
        return None

    def _reader(self, directory: Path) -> Reader:
        with self._lock:
            reader = self._readers.get(directory)
            if reader is None:
                reader = self._readers[directory] = Reader(directory)
            self._readers.move_to_end(directory)
            spare = [self._readers.popitem(last=False)[1] for _ in range(len(self._readers) - READERS_KEPT)]
        for old in spare:
            old.close()
        return reader

    def forget(self, directory: Path, reader: Reader | None = None) -> None:
        with self._lock:
            found = self._readers.get(directory)
            if found is None or (reader is not None and found is not reader):
                return
            del self._readers[directory]
        found.close()

    def close(self) -> None:
        with self._lock:
            readers = list(self._readers.values())
            self._readers.clear()
        for reader in readers:
            reader.close()

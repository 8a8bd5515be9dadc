"""Reading a repository in a process beside this one, which loads meanwhile what an image is built with.

A build of a changed script is mostly loading of code, and the half that reads needs nothing of the half that builds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from parser.model import Report


@dataclass(frozen=True, slots=True)
class Read:
    """A repository on disk: its folder, what it says, and the texts of its requirements, by path."""

    folder: Path
    report: Report
    texts: Mapping[str, bytes]


class Ahead:
    """Reads from the moment on that it is made."""

    def __init__(self, path: Path, entry_point: str | None) -> None:
        self._path, self._entry_point = path, entry_point
        self._pipe, writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            # Whatever happens here, the parent's code must not go on twice.
            code = 1
            try:
                os.close(self._pipe)
                content = _pack(read_here(path, entry_point))
                with os.fdopen(writing, "wb") as pipe:
                    pipe.write(content)
                code = 0
            finally:
                os._exit(code)
        os.close(writing)

    def result(self) -> Read:
        """What was read; read here and now where the other process came to nothing, so that it fails here too."""
        with os.fdopen(self._pipe, "rb") as pipe:
            content = pipe.read()
        _, status = os.waitpid(self._child, 0)
        return _unpack(content) if status == 0 else read_here(self._path, self._entry_point)


def read_here(path: Path, entry_point: str | None, project_name: str | None = None) -> Read:
    """Reads in this process. `project_name`: instead of the folder's."""
    from bot.describing import load_repository

    loaded = load_repository(path, entry_point, project_name)
    module = loaded.report.module
    asked = module.requirements if module else None
    held = loaded.source.contents
    return Read(
        loaded.folder,
        loaded.report,
        {path: held[path] for path in (asked.files if asked else ()) if path in held},
    )


def _pack(read: Read) -> bytes:
    from parser.packing import pack_report

    folder, report = os.fsencode(read.folder), pack_report(read.report)
    texts = [part for path, text in read.texts.items() for part in (path.encode(), text)]
    parts = [folder, report, *texts]
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def _unpack(content: bytes) -> Read:
    from pathlib import Path

    from parser.packing import unpack_report

    parts, at = [], 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 8], "big")
        parts.append(content[at + 8 : at + 8 + size])
        at += 8 + size
    folder, report, *texts = parts
    named = zip(texts[::2], texts[1::2], strict=True)
    return Read(
        Path(os.fsdecode(folder)), unpack_report(report), {path.decode(): text for path, text in named}
    )

"""A commit → the archive that an image is built from. The same commit gives the same bytes."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path
from typing import IO

from bot.adapters.checkout import load_blobs
from bot.layers.contents import Contents, real_content, shown_path
from parser.model import Place, Problem
from parser.problems import problem


def write_context(
    target: IO[bytes], dockerfile: str | None, contents: Contents, checkout: Path
) -> tuple[Problem, ...]:
    """Writes the archive: the Dockerfile, `requirements/` and `source/`; without one, the files alone, at its root.

    Problems: files that are not to be had.
    """
    problems: list[Problem] = []
    wanted = {path.encode() for path in contents.requirements} if dockerfile is not None else set()
    root = "source/" if dockerfile is not None else ""
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as archive:
        if dockerfile is not None:
            _add_bytes(archive, "Dockerfile", dockerfile.encode())
            # COPY needs the folders to be there, also when nothing is in them.
            _add_folder(archive, "requirements")
            _add_folder(archive, "source")
        blobs = load_blobs(checkout, [file.blob for file in contents.files])
        # With a mode of their own, or the one who unpacks would choose it.
        for folder in _folders(contents):
            _add_folder(archive, f"{root}{folder}")
        for file, (_, content) in zip(contents.files, blobs, strict=True):
            name = os.fsdecode(file.path)
            if file.kind == "symlink":
                _add_link(archive, f"{root}{name}", os.fsdecode(content))
                continue
            real = real_content(content, checkout, file.path)
            if real is None:
                problems.append(problem("lfs-missing", Place(shown_path(file.path))))
                continue
            mode = 0o755 if file.kind == "executable" else 0o644
            _add_bytes(archive, f"{root}{name}", real, mode)
            if file.path in wanted:
                _add_bytes(archive, f"requirements/{name}", real)
    return tuple(problems)


def _folders(contents: Contents) -> list[str]:
    parts = (os.fsdecode(file.path).split("/")[:-1] for file in contents.files)
    return sorted({"/".join(path[:depth]) for path in parts for depth in range(1, len(path) + 1)})


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = mode
    archive.addfile(member, io.BytesIO(content))


def _add_folder(archive: tarfile.TarFile, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE
    member.mode = 0o755
    archive.addfile(member)


def _add_link(archive: tarfile.TarFile, name: str, target: str) -> None:
    member = tarfile.TarInfo(name)
    member.type = tarfile.SYMTYPE
    member.linkname = target
    member.mode = 0o777
    archive.addfile(member)

"""A commit → the archive that an image is built from. The same commit gives the same bytes."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from bot.adapters.checkout import load_blobs
from bot.ci.dockerfile import OWN_FOLDER, WORKDIR, render_dockerfile
from bot.ci.order import Order
from bot.domain.image_start import own_files, start_words
from bot.layers.contents import Contents, real_content, shown_path
from bot.layers.sources import NOTHING
from parser.model import Place, Problem, Requirements
from parser.problems import problem
from parser.requirements.listed import pip_line

REQUIREMENTS = "mlreef-requirements.txt"
"""Name of a requirements file that we write: of repositories that say what they need in another form than pip's."""


def write_order(order: Order, target: IO[bytes]) -> tuple[str, tuple[Problem, ...]]:
    """Writes the archive that an order is built from, and gives the Dockerfile's path in it."""
    if order.dockerfile is not None:
        return order.dockerfile, write_context(target, None, order.contents, order.job.directory)
    own = own_files(order.module)
    needed = order.module.requirements
    file, ours = None if needed is None else needed.file, ""
    if needed is not None and needed.manager != "pip":
        file, ours = REQUIREMENTS, _as_pip_reads_it(needed)
    text = render_dockerfile(
        start=start_words(order.module, WORKDIR),
        base_env=order.settings.environment.env,
        module_env=order.report.settings.env,
        requirements=file,
        apt=order.report.settings.apt,
        own=bool(own),
    )
    return "Dockerfile", write_context(target, text, order.contents, order.job.directory, ours, own)


def write_context(
    target: IO[bytes],
    dockerfile: str | None,
    contents: Contents,
    checkout: Path,
    requirements: str = "",
    own: Mapping[str, bytes] = NOTHING,
) -> tuple[Problem, ...]:
    """Writes the archive: the Dockerfile, `requirements/` and `source/`; without one, the files alone, at its root.

    `requirements`: text of a file of ours for pip. `own`: files of ours by their paths below RUNTIME.
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
            if requirements:
                _add_bytes(archive, f"requirements/{REQUIREMENTS}", requirements.encode())
            _add_own(archive, own)
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


def _add_own(archive: tarfile.TarFile, own: Mapping[str, bytes]) -> None:
    paths = {f"{OWN_FOLDER}/{path}": content for path, content in own.items()}
    for folder in _above(paths):
        _add_folder(archive, folder)
    for path in sorted(paths):
        _add_bytes(archive, path, paths[path])


def _as_pip_reads_it(needed: Requirements) -> str:
    # pip wants hashes of all or of none
    hashed = all(item.hashes for item in needed.items)
    hashes = [
        "".join(f" --hash={digest}" for digest in item.hashes) if hashed else "" for item in needed.items
    ]
    items = [pip_line(item) + digests for item, digests in zip(needed.items, hashes, strict=True)]
    return "".join(f"{line}\n" for line in (*needed.options, *items))


def _folders(contents: Contents) -> list[str]:
    return _above(os.fsdecode(file.path) for file in contents.files)


def _above(files: Iterable[str]) -> list[str]:
    """The folders above files, each before what is in it."""
    parts = (file.split("/")[:-1] for file in files)
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

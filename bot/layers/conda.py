"""Packages of conda → a layer: a function of their hashes, Python's version and the form of layers alone."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from bot.layers.conda_package import (
    CondaItem,
    PlannedConda,
    bad_package,
    plan_package,
    unpack,
)
from bot.layers.conda_prefix import replace_in_binary, replace_in_text
from bot.layers.folders import Folders
from bot.layers.gzipped import LayerWriter
from bot.layers.lock import LockedConda
from bot.layers.values import CONDA_ROOT, BadWheel, Layer
from parser.model import Problem
from parser.problems import shown

PIECE_BYTES = 1024 * 1024


def conda_python(packages: Sequence[LockedConda]) -> str | None:
    """The minor version of the Python among them (`3.12`); None when they bring none."""
    python = next((package for package in packages if package.name == "python"), None)
    return ".".join(python.version.split(".")[:2]) if python is not None else None


def write_conda(
    sink: BinaryIO, packages: Sequence[tuple[LockedConda, Path]], python: str, title: str, work: Path
) -> tuple[Layer, tuple[PlannedConda, ...]]:
    """Writes the layer of these packages, and gives what each brings, its contents by their hashes.

    `python`: the version in the prefix (`3.12`); `work`: folder for unpacking, as big as the packages are unpacked.
    Raises BadWheel when any is not acceptable; what `sink` got until then is to be thrown away.
    """
    with tempfile.TemporaryDirectory(dir=work) as folder:
        planned: list[PlannedConda] = []
        problems: list[Problem] = []
        for number, (package, archive) in enumerate(packages):
            place = Path(folder, str(number))
            try:
                unpack(package, archive, place)
                planned.append(plan_package(package, place, python))
            except BadWheel as bad:
                problems += bad.problems
        if problems:
            raise BadWheel(tuple(problems))
        return _write(sink, planned, title), tuple(map(_without_contents, planned))


def _write(sink: BinaryIO, planned: Sequence[PlannedConda], title: str) -> Layer:
    writer = LayerWriter(sink)
    folders = Folders(writer)
    # Where two bring one path, the one that comes later by name wins, as in conda.
    by_name = sorted(planned, key=lambda one: one.package.name)
    items = {item.path: (one.package, item) for one in by_name for item in one.items}
    for path in sorted(items, key=str.encode):
        package, item = items[path]
        if item.folder:
            folders.ensure(path)
            continue
        name, mode = folders.above(path), 0o755 if item.executable else 0o644
        if item.target is not None:
            writer.link(name, item.target.encode())
        elif item.made is not None:
            writer.file(name, item.made, mode)
        elif item.source is not None:
            pieces = _checked(package, item, item.source)
            try:
                if item.placeholder is None:
                    writer.stream(name, item.size, pieces, mode)
                else:
                    writer.file(name, _renamed(b"".join(pieces), *item.placeholder), mode)
            except ValueError as error:
                raise bad_package(package, f"of {shown(path)}, {error}") from error
    return writer.close(title)


def _renamed(content: bytes, placeholder: str, program: bool) -> bytes:
    rename = replace_in_binary if program else replace_in_text
    return rename(content, placeholder.encode(), CONDA_ROOT.encode())


def _without_contents(planned: PlannedConda) -> PlannedConda:
    items = (
        item if item.made is None else replace(item, made=None, sha256=hashlib.sha256(item.made).hexdigest())
        for item in planned.items
    )
    return replace(planned, items=tuple(items))


def _checked(package: LockedConda, item: CondaItem, source: Path) -> Iterator[bytes]:
    made = hashlib.sha256()
    with source.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            made.update(piece)
            yield piece
    if item.sha256 is not None and made.hexdigest() != item.sha256:
        path = item.path.removeprefix(f"{CONDA_ROOT}/")
        raise bad_package(package, f"the hash of {shown(path)} is another one")

"""A package of conda, unpacked → the files that it brings into an image, each checked by its own list.

Only what `info/paths.json` names is taken, and only from below the folder it was unpacked to.
"""

from __future__ import annotations

import asyncio
import json
import os
import posixpath
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bot.layers.lock import LockedConda
from bot.layers.plain_paths import path_fault
from bot.layers.values import CONDA_ROOT, BadWheel
from bot.layers.wheel_archive import FREE_BYTES, MAX_RATIO, MAX_UNPACKED_BYTES
from bot.layers.wheel_scripts import write_script
from parser.problems import problem, shown

if TYPE_CHECKING:
    from rattler import PathsEntry

MAX_FILES = 200_000
"""Files in one package; the largest known ones have 50,000."""

MAX_PREFIXED_BYTES = 64 * 1024 * 1024
"""Bytes of a file that names the folder it was built in, and is held in memory for that; libpython has 30 MiB."""

MAX_INFO_BYTES = 64 * 1024 * 1024
"""Bytes of a list in `info`."""


SECTIONS: tuple[Literal["info", "pkg"], ...] = ("info", "pkg")
"""What a package's archive has."""


@dataclass(frozen=True, slots=True)
class CondaItem:
    """One thing of the image: a link to `target`, a file that is `made`, or a copy of `source`.

    `placeholder`: the folder that the source names, to be replaced, and whether it is a program (else a text).
    """

    path: str
    executable: bool = False
    target: str | None = None
    made: bytes | None = None
    source: Path | None = None
    size: int = 0
    sha256: str | None = None
    folder: bool = False
    placeholder: tuple[str, bool] | None = None


@dataclass(frozen=True, slots=True)
class PlannedConda:
    """A package and all that it brings, by path."""

    package: LockedConda
    items: tuple[CondaItem, ...]


def unpack(package: LockedConda, archive: Path, folder: Path) -> None:
    """Unpacks the archive. Raises BadWheel when it is none, would be too big, or leads out of the folder."""
    from rattler.exceptions import ExtractError
    from rattler.package_streaming import extract

    try:
        asyncio.run(_check_size(package, archive))
        extract(archive, folder)
    except (ExtractError, OSError, RuntimeError, ValueError) as error:
        raise bad_package(package, f"it cannot be unpacked ({' '.join(str(error).split())[:300]})") from error


async def _check_size(package: LockedConda, archive: Path) -> None:
    """Adds up what the archive's headers tell, before anything of it is on the disk."""
    from rattler.package_streaming import PackageArchive

    opened = await PackageArchive.from_path(archive)
    most = min(MAX_UNPACKED_BYTES, FREE_BYTES + MAX_RATIO * package.size)
    size = count = 0
    for section in SECTIONS:
        async for entry in opened.stream(section):
            size, count = size + entry.size, count + 1
            if size > most or count > MAX_FILES:
                raise bad_package(
                    package, f"it would unpack to more than {most:,} bytes or {MAX_FILES:,} files"
                )


def plan_package(package: LockedConda, folder: Path, python: str) -> PlannedConda:
    """What an unpacked package brings into a prefix with that version of Python (`3.12`).

    Raises BadWheel when it is not what the lock names, or brings what it must not.
    """
    reading = _Reading(package, folder, python)
    return PlannedConda(package, tuple(sorted(reading.read(), key=lambda item: item.path)))


def bad_package(package: LockedConda, why: str) -> BadWheel:
    """The exception that says why the package is refused."""
    name = shown(package.filename)
    return BadWheel((problem("conda-package", file=name, package=package.name, why=why),))


class _Reading:
    def __init__(self, package: LockedConda, folder: Path, python: str) -> None:
        self._package = package
        self._folder = folder
        self._python = python
        self._index = self._document("index.json")
        self._noarch_python = self._index.get("noarch") == "python"

    def read(self) -> list[CondaItem]:
        told = tuple(str(self._index.get(key)) for key in ("name", "version", "build"))
        if told != (self._package.name, self._package.version, self._package.build):
            raise self._bad(f"it holds {' '.join(map(shown, told))}")
        entries = self._entries()
        items = [self._item(entry) for entry in entries]
        items += self._entry_points()
        items.append(self._meta(items))
        paths = [item.path for item in items]
        if len(set(paths)) != len(paths):
            raise self._bad(f"{shown(next(path for path in paths if paths.count(path) > 1))} is in it twice")
        return items

    def _entries(self) -> list[PathsEntry]:
        from rattler import PathsJson

        try:
            found = PathsJson.from_package_directory_with_deprecated_fallback(self._folder).paths
        except (OSError, ValueError, RuntimeError) as error:
            raise self._bad("it has no list of its files that can be read") from error
        if len(found) > MAX_FILES:
            raise self._bad(f"it has more than {MAX_FILES:,} files")
        return found

    def _item(self, entry: PathsEntry) -> CondaItem:
        path = entry.relative_path.as_posix()
        fault = path_fault(path)
        if fault:
            raise self._bad(f"{shown(path)} {fault}")
        place, source = f"{CONDA_ROOT}/{self._placed(path)}", self._folder / path
        found = self._status(path, source)
        if stat.S_ISLNK(found.st_mode):
            return CondaItem(place, target=self._target(path, source))
        if stat.S_ISDIR(found.st_mode):
            return CondaItem(place, folder=True)
        if not stat.S_ISREG(found.st_mode):
            raise self._bad(f"{shown(path)} is neither a file, a folder nor a link")
        if entry.size_in_bytes is not None and entry.size_in_bytes != found.st_size:
            raise self._bad(f"the size of {shown(path)} is another one")
        executable = bool(found.st_mode & 0o111)
        sha256 = entry.sha256.hex() if entry.sha256 is not None else None
        told = entry.prefix_placeholder
        placeholder = (told.placeholder, told.file_mode.binary) if told and told.placeholder else None
        if placeholder and found.st_size > MAX_PREFIXED_BYTES:
            raise self._bad(f"{shown(path)} has more than {MAX_PREFIXED_BYTES:,} bytes")
        return CondaItem(
            place, executable, source=source, size=found.st_size, sha256=sha256, placeholder=placeholder
        )

    def _placed(self, path: str) -> str:
        if self._noarch_python:
            for start, folder in (
                ("site-packages/", f"lib/python{self._python}/site-packages/"),
                ("python-scripts/", "bin/"),
            ):
                if path.startswith(start):
                    return folder + path.removeprefix(start)
        return path

    def _status(self, path: str, source: Path) -> os.stat_result:
        above = self._folder
        for part in path.split("/")[:-1]:
            above /= part
            if above.is_symlink():
                raise self._bad(f"{shown(path)} lies behind a link")
        try:
            return source.lstat()
        except OSError:
            raise self._bad(f"{shown(path)} stands in its list, and not in it") from None

    def _target(self, path: str, source: Path) -> str:
        target = source.readlink().as_posix()
        if target.startswith("/") or posixpath.normpath(
            posixpath.join(posixpath.dirname(path), target)
        ).startswith(".."):
            raise self._bad(f"{shown(path)} is a link that leads out of it")
        return target

    def _entry_points(self) -> list[CondaItem]:
        if not self._noarch_python or not (self._folder / "info/link.json").is_file():
            return []
        noarch = self._document("link.json").get("noarch")
        asked = noarch.get("entry_points") if isinstance(noarch, dict) else None
        items = []
        for line in asked if isinstance(asked, list) else ():
            name, _, value = str(line).partition("=")
            try:
                made = write_script(name.strip(), value.strip(), f"{CONDA_ROOT}/bin/python")
            except ValueError as error:
                raise self._bad(str(error)) from None
            items.append(CondaItem(f"{CONDA_ROOT}/bin/{name.strip()}", True, made=made))
        return items

    def _meta(self, items: Iterable[CondaItem]) -> CondaItem:
        """What conda and scanners read to know what is installed; no addresses and no times."""
        stem = f"{self._package.name}-{self._package.version}-{self._package.build}"
        known = ("name", "version", "build", "build_number", "depends", "license", "noarch", "subdir")
        record = {key: self._index[key] for key in known if key in self._index}
        record["fn"], record["sha256"] = self._package.filename, self._package.sha256
        record["files"] = sorted(item.path.removeprefix(f"{CONDA_ROOT}/") for item in items)
        made = json.dumps(record, sort_keys=True, separators=(",", ":")).encode("ascii")
        return CondaItem(f"{CONDA_ROOT}/conda-meta/{stem}.json", made=made)

    def _document(self, name: str) -> Mapping[str, Any]:
        try:
            found = json.loads(self._content(self._folder / "info" / name, f"info/{name}", MAX_INFO_BYTES))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._bad(f"info/{name} cannot be read")
        return found

    def _content(self, source: Path, path: str, limit: int) -> bytes:
        info = self._folder / "info"
        if source.is_symlink() or info.is_symlink() or not source.is_file():
            raise self._bad(f"{shown(path)} is missing in it")
        if source.stat().st_size > limit:
            raise self._bad(f"{shown(path)} has more than {limit:,} bytes")
        return source.read_bytes()

    def _bad(self, why: str) -> BadWheel:
        return bad_package(self._package, why)

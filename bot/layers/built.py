"""Packages that exist only as sources: which ones a job of its own builds to wheels, and the wheels that it left."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from bot.layers.lock import BUILT_WHEELS
from parser.model import Requirement, Requirements

MAX_BUILT = 200
"""Wheels of the folder that are looked at."""

_INDEXES = ("--index-url ", "--extra-index-url ", "--find-links ")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class BuiltWheel:
    """A wheel that was built for this repository; `size` in bytes."""

    name: str
    version: str
    filename: str
    sha256: str
    size: int

    @property
    def url(self) -> str:
        """Its address in a lock: the path in the checkout."""
        return f"{BUILT_WHEELS}/{self.filename}"


def names_to_build(build_sdists: Iterable[str]) -> frozenset[str]:
    """The names in `build_sdists`, whose entries may hold a version (`NAME==1.2`), as indexes compare them."""
    found = (_NAME.match(entry) for entry in build_sdists)
    return frozenset(re.sub(r"[-_.]+", "-", one.group()).lower() for one in found if one)


def wheel_requirements(requirements: Requirements | None, build_sdists: Iterable[str]) -> str:
    """The requirements file of what is to be built, for `pip wheel --no-deps`: the named packages and nothing else.

    What the repository requires itself is built as it says there; what only its packages need, as `build_sdists` says.
    """
    if requirements is None:
        return ""
    lines = [
        one
        for one in requirements.options
        if (one.startswith(_INDEXES) and "://" in one) or one == "--no-index"
    ]
    for entry in build_sdists:
        (name,) = names_to_build([entry]) or ("",)
        item = next((one for one in requirements.items if one.normalized == name), None)
        limit = next((one for one in requirements.constraints if one.normalized == name), None)
        if item is not None:
            lines.append(_line(item))
        elif limit is not None and name == entry.lower():
            lines.append(_line(limit))
        else:
            lines.append(entry)
    return "".join(f"{line}\n" for line in lines)


def load_built(folder: Path | None, build_sdists: Iterable[str]) -> dict[str, BuiltWheel]:
    """Name → wheel of those in the folder that were to be built; whatever else lies there is left alone."""
    names = names_to_build(build_sdists)
    found: dict[str, BuiltWheel] = {}
    if folder is None or not folder.is_dir() or folder.is_symlink():
        return found
    for path in sorted(folder.glob("*.whl"))[:MAX_BUILT]:
        try:
            name, version, _, _ = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        if name in names and path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[name] = BuiltWheel(name, str(version), path.name, digest, path.stat().st_size)
    return found


def _line(item: Requirement) -> str:
    address = f" @ {item.url}" if item.url else item.specifier
    marker = f" ; {item.marker}" if item.marker else ""
    hashes = "".join(f" --hash={digest}" for digest in item.hashes)
    return f"{item.name}{address}{marker}{hashes}"

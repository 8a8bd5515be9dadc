"""What a wheel says of itself: that it is of a form we know, and the package and version that the lock names."""

from __future__ import annotations

from dataclasses import dataclass
from email.parser import HeaderParser

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from bot.layers.lock import LockedWheel
from bot.layers.wheel_archive import Archive
from parser.problems import shown

MAX_METADATA_BYTES = 16 * 1024 * 1024
"""Bytes of WHEEL, METADATA or entry_points.txt; METADATA holds a README."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the wheel's own folders are called; `distribution` is the package as its file name spells it."""

    distribution: str
    dist_info: str
    data: frozenset[str]


def read_names(archive: Archive, wheel: LockedWheel) -> Names:
    """Checks file name, folders, WHEEL and METADATA against the lock. Raises BadWheel where they differ."""
    try:
        name, version, _, _ = parse_wheel_filename(wheel.filename)
    except InvalidWheelFilename:
        raise archive.bad("wheel-metadata", "its file name is not that of a wheel") from None
    if name != canonicalize_name(wheel.name) or version != _version(wheel.version):
        raise archive.bad("wheel-metadata", f"the lock names {wheel.name} {wheel.version}")
    folders = {entry.path.partition("/")[0] for entry in archive.entries if "/" in entry.path}
    infos = sorted(folder for folder in folders if folder.endswith(".dist-info"))
    if len(infos) != 1:
        raise archive.bad("wheel-metadata", f"it has {len(infos)} folders .dist-info, not one")
    stem = infos[0].removesuffix(".dist-info")
    told, _, number = stem.rpartition("-")
    if canonicalize_name(told) != name or _version(number) != version:
        raise archive.bad("wheel-metadata", f"its folder {shown(infos[0])} is of another package or version")
    _check_form(archive, f"{infos[0]}/WHEEL")
    _check_metadata(archive, f"{infos[0]}/METADATA", name, version)
    distribution, plain = wheel.filename.split("-")[:2]
    return Names(distribution, infos[0], frozenset({f"{distribution}-{plain}.data", f"{stem}.data"}))


def read_text(archive: Archive, path: str) -> str | None:
    """A text file of the wheel; None when it has none of this path. Raises BadWheel when it is no text."""
    entry = next((entry for entry in archive.entries if entry.path == path), None)
    if entry is None:
        return None
    try:
        return archive.read(entry, MAX_METADATA_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        raise archive.bad("wheel-broken", f"{shown(path)} is not UTF-8") from None


def _check_form(archive: Archive, path: str) -> None:
    text = read_text(archive, path)
    if text is None:
        raise archive.bad("wheel-metadata", "it has no file WHEEL")
    form = str(HeaderParser().parsestr(text, headersonly=True)["Wheel-Version"] or "")
    if not form.strip().startswith("1."):
        raise archive.bad("wheel-metadata", f"it is of form {shown(form)}; only forms 1.x are known")


def _check_metadata(archive: Archive, path: str, name: str, version: Version) -> None:
    text = read_text(archive, path)
    if text is None:
        raise archive.bad("wheel-metadata", "it has no file METADATA")
    fields = HeaderParser().parsestr(text, headersonly=True)
    found, number = str(fields["Name"] or ""), str(fields["Version"] or "")
    if canonicalize_name(found.strip()) != name or _version(number.strip()) != version:
        raise archive.bad("wheel-metadata", f"it holds version {shown(number)} of {shown(found)}")


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None

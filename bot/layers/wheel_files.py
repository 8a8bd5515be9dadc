"""A wheel → the files that it brings into an image: where each lies and what is in it, decided before any is written.

As PEP 427 has it, and as the `installer` library does it.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.layers.folders import parents
from bot.layers.lock import LockedWheel
from bot.layers.values import ENV_ROOT
from bot.layers.wheel_archive import Archive, Entry, read_archive
from bot.layers.wheel_metadata import Names, read_names, read_text
from bot.layers.wheel_record import UNLISTED, Row, dump_record, encoded, read_record
from bot.layers.wheel_scripts import PEEK_BYTES, is_rewritten, read_scripts, rewrite
from parser.model import Problem, Severity
from parser.problems import problem, shown

INSTALLER = b"mlreef-bot\n"

MAX_RECORD_BYTES = 64 * 1024 * 1024
"""Bytes of a RECORD."""

MAX_SCRIPT_BYTES = 16 * 1024 * 1024
"""Bytes of a script that names its interpreter anew."""


BESIDE = frozenset(("tests", "test", "docs", "doc", "examples", "example", "benchmarks", "scripts"))
"""Folders at the top of all modules that many wheels bring by mistake, and that none needs."""

TEXTS = (".md", ".rst", ".txt", "LICENSE", "NOTICE", "AUTHORS", "CHANGELOG", "README")


@dataclass(frozen=True, slots=True)
class Place:
    """Where wheels go: the minor version of Python, such as `3.12`, and the environment's folder."""

    python: str
    env_root: str = ENV_ROOT

    @property
    def site(self) -> str:
        """The folder of modules."""
        return f"{self.env_root}/lib/python{self.python}/site-packages"

    @property
    def interpreter(self) -> str:
        """What the first line of a script names."""
        return f"{self.env_root}/bin/python"


@dataclass(frozen=True, slots=True)
class Item:
    """One file of the image: its path there, its sha256 as RECORD writes it, its size in bytes.

    Its content is `made` by us, or that of `entry`, for which `row` must be true.
    """

    path: str
    executable: bool
    value: str
    size: int
    made: bytes | None = None
    entry: Entry | None = None
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class PlannedWheel:
    """A wheel and all that it brings, by path."""

    wheel: LockedWheel
    archive: Archive
    items: tuple[Item, ...]


def plan_wheel(wheel: LockedWheel, path: Path, place: Place) -> PlannedWheel:
    """Reads the wheel's lists, not its contents. Raises BadWheel when it is not acceptable."""
    archive = read_archive(path, wheel.filename, wheel.name)
    names = read_names(archive, wheel)
    items = [*_scripts(archive, names, place), *_files(archive, names, place)]
    items.append(_made(posixpath.join(place.site, names.dist_info, "INSTALLER"), INSTALLER))
    own = f"{names.dist_info}/RECORD"
    rows = [(posixpath.relpath(item.path, place.site), item.value, item.size) for item in items]
    items.append(_made(posixpath.join(place.site, own), dump_record(rows, own)))
    faults = _overlaps(items) + _taken(items, place)
    if faults:
        raise archive.bad("wheel-unsafe", faults[0])
    return PlannedWheel(wheel, archive, tuple(sorted(items, key=lambda item: item.path)))


def find_clashes(planned: Iterable[PlannedWheel]) -> tuple[Problem, ...]:
    """Paths that two wheels bring with different contents; the same content may come from several.

    An error, except for what no module imports: of that the wheel whose layer lies above wins, and it is a warning.
    """
    owners: dict[str, tuple[str, str, bool]] = {}
    clashes: dict[tuple[str, str], Problem] = {}
    folders: dict[str, str] = {}
    for one in sorted(planned, key=lambda one: one.wheel.name):
        name = one.wheel.name
        for item in one.items:
            had = owners.setdefault(item.path, (name, item.value, item.executable))
            if had[1:] != (item.value, item.executable):
                _clash(clashes, had[0], name, item.path)
            for folder in parents(item.path):
                folders.setdefault(folder, name)
    for path in sorted(owners.keys() & folders.keys()):
        _clash(clashes, owners[path][0], folders[path], path)
    return tuple(clashes.values())


def _clash(clashes: dict[tuple[str, str], Problem], one: str, other: str, path: str) -> None:
    severity = Severity.WARNING if is_beside(path) else Severity.ERROR
    told = clashes.get((one, other))
    # One path tells enough: two builds of the same package share all of theirs.
    if told is None or (told.severity, severity) == (Severity.WARNING, Severity.ERROR):
        clashes[one, other] = problem("wheels-clash", None, severity, one=one, other=other, path=shown(path))


def is_beside(path: str) -> bool:
    """Whether it lies in a folder that wheels bring by mistake, or is a text at the top of all modules."""
    inside = path.rpartition("/site-packages/")[2]
    top = inside.partition("/")[0]
    return top in BESIDE or ("/" not in inside and inside.endswith(TEXTS))


def _scripts(archive: Archive, names: Names, place: Place) -> list[Item]:
    text = read_text(archive, f"{names.dist_info}/entry_points.txt")
    try:
        scripts = read_scripts(text or "", place.interpreter)
    except ValueError as error:
        raise archive.bad("wheel-broken", str(error)) from None
    return [_made(f"{place.env_root}/bin/{name}", content, True) for name, content in scripts.items()]


def _files(archive: Archive, names: Names, place: Place) -> list[Item]:
    own = f"{names.dist_info}/RECORD"
    record = next((entry for entry in archive.entries if entry.path == own), None)
    if record is None:
        raise archive.bad("wheel-record", "it has none")
    try:
        rows = read_record(archive.read(record, MAX_RECORD_BYTES))
    except ValueError as error:
        raise archive.bad("wheel-record", str(error)) from None
    items = []
    for entry in archive.entries:
        row = rows.get(entry.path)
        if entry.path == own or entry.path == f"{names.dist_info}/INSTALLER":
            continue
        if row is None and not (entry.path.startswith(names.dist_info) and entry.path.endswith(UNLISTED)):
            raise archive.bad(
                "wheel-record", f"{shown(entry.path)} stands in it without a hash, or not at all"
            )
        if row is not None and row.size not in (None, entry.size):
            raise archive.bad("wheel-record", f"the size of {shown(entry.path)} is another one")
        # Nobody may bring bytecode of his own: Python would run it in the place of the source that is shown.
        if "__pycache__" not in entry.path.split("/")[:-1]:
            items.append(_item(archive, names, place, entry, row))
    return items


def _item(archive: Archive, names: Names, place: Place, entry: Entry, row: Row | None) -> Item:
    scheme, path = _placed(archive, names, place, entry.path)
    if scheme == "scripts":
        made = _rewritten(archive, entry, row, place)
        if made is not None:
            return _made(path, made, entry.executable)
    if row is not None and row.algorithm == "sha256":
        return Item(path, entry.executable, row.value, entry.size, None, entry, row)
    value = _hashed(archive, entry, "sha256")
    return Item(path, entry.executable, value, entry.size, None, entry, row)


def _placed(archive: Archive, names: Names, place: Place, path: str) -> tuple[str, str]:
    """The scheme that a file belongs to, and where it lies."""
    top, _, inside = path.partition("/")
    if top not in names.data:
        return "purelib", f"{place.site}/{path}"
    scheme, _, rest = inside.partition("/")
    root = place.env_root
    roots = {
        "purelib": place.site,
        "platlib": place.site,
        "scripts": f"{root}/bin",
        "headers": f"{root}/include/site/python{place.python}/{names.distribution}",
        "data": root,
    }
    if scheme not in roots or not rest:
        raise archive.bad("wheel-unsafe", f"{shown(path)} is in none of the folders that {top!r} may have")
    if scheme == "data" and rest.startswith("lib64/"):
        # There lib64 is a link to lib.
        rest = f"lib/{rest.removeprefix('lib64/')}"
    return scheme, f"{roots[scheme]}/{rest}"


def _rewritten(archive: Archive, entry: Entry, row: Row | None, place: Place) -> bytes | None:
    """The content of a script that must name its interpreter; None of any other."""
    try:
        beginning = archive.peek(entry, PEEK_BYTES)
    except ValueError as error:
        raise archive.broken(entry, error) from error
    if not is_rewritten(beginning):
        return None
    content = archive.read(entry, MAX_SCRIPT_BYTES)
    if row is not None and encoded(hashlib.new(row.algorithm, content).digest()) != row.value:
        raise archive.bad("wheel-record", f"the hash of {shown(entry.path)} is another one")
    return rewrite(content, place.interpreter)


def _hashed(archive: Archive, entry: Entry, algorithm: str) -> str:
    made = hashlib.new(algorithm)
    try:
        for piece in archive.content(entry):
            made.update(piece)
    except ValueError as error:
        raise archive.broken(entry, error) from error
    return encoded(made.digest())


def _made(path: str, content: bytes, executable: bool = False) -> Item:
    return Item(path, executable, encoded(hashlib.sha256(content).digest()), len(content), content)


def _overlaps(items: Sequence[Item]) -> list[str]:
    paths: set[str] = set()
    folders = {folder for item in items for folder in parents(item.path)}
    faults = []
    for item in items:
        if item.path in paths or item.path in folders:
            faults.append(f"two of its files would be {shown(item.path)}")
        paths.add(item.path)
    return faults


def _taken(items: Iterable[Item], place: Place) -> list[str]:
    """Files that would stand in the place of the environment's own."""
    root = place.env_root
    programs = {f"{root}/bin/{name}" for name in ("python", "python3", f"python{place.python}")}
    own = {f"{root}/pyvenv.cfg", f"{root}/lib64", *programs}
    return [f"{shown(item.path)} is the environment's own" for item in items if item.path in own]

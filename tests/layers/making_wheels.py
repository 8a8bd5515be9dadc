"""Wheels made by hand: good ones in one line, bad ones by saying what is to be wrong."""

from __future__ import annotations

import base64
import hashlib
import io
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.layers.lock import LockedWheel
from bot.layers.values import Layer
from bot.layers.wheel import Compile, write_wheels
from bot.layers.wheel_files import Place

PLACE = Place("3.12")
SITE = PLACE.site.lstrip("/")
BIN = f"{PLACE.env_root}/bin".lstrip("/")


def row(path: str, content: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, content).digest()
    value = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    quoted = path.replace('"', '""')
    return f'"{quoted}",{algorithm}={value},{len(content)}'


@dataclass
class Recipe:
    """A wheel to be: its files, and what its RECORD says instead of the truth."""

    files: Mapping[str, bytes] = field(default_factory=lambda: {"resizer/__init__.py": b"SIZE = 3\n"})
    name: str = "resizer"
    version: str = "1.0"
    executable: Iterable[str] = ()
    method: int = zipfile.ZIP_DEFLATED
    entry_points: str | None = None
    form: str = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    metadata: str | None = None
    record: str | None = None
    algorithm: str = "sha256"

    @property
    def dist_info(self) -> str:
        return f"{self.name}-{self.version}.dist-info"

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}-py3-none-any.whl"

    def contents(self) -> dict[str, bytes]:
        told = self.metadata or f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n"
        files = dict(self.files)
        files[f"{self.dist_info}/METADATA"] = told.encode()
        files[f"{self.dist_info}/WHEEL"] = self.form.encode()
        if self.entry_points is not None:
            files[f"{self.dist_info}/entry_points.txt"] = self.entry_points.encode()
        own = f"{self.dist_info}/RECORD"
        rows = [row(path, content, self.algorithm) for path, content in files.items()]
        rows.append(f"{own},,")
        files[own] = (self.record if self.record is not None else "\n".join(rows) + "\n").encode()
        return files

    def infos(self) -> list[tuple[zipfile.ZipInfo, bytes]]:
        made = []
        for path, content in self.contents().items():
            info = zipfile.ZipInfo(path)
            info.compress_type = self.method
            mode = 0o755 if path in self.executable else 0o644
            info.external_attr = (stat.S_IFREG | mode) << 16
            made.append((info, content))
        return made

    def write(self, folder: Path) -> Path:
        path = folder / self.filename
        with zipfile.ZipFile(path, "w") as archive:
            for info, content in self.infos():
                archive.writestr(info, content)
        return path

    def locked(self, path: Path) -> LockedWheel:
        size = path.stat().st_size
        url = f"https://example.com/{self.filename}"
        name = self.name.lower().replace("_", "-")
        return LockedWheel(name, self.version, self.filename, "0" * 64, size, url)


def layer(
    *wheels: tuple[LockedWheel, Path], compile: Compile | None = None, title: str = "wheels"
) -> tuple[Layer, bytes]:
    """The layer of these wheels, and its bytes."""
    sink = io.BytesIO()
    made = write_wheels(sink, wheels, PLACE, compile, title)
    return made, sink.getvalue()


def tree(content: bytes) -> dict[str, tuple[int, bytes]]:
    """Path → (mode, content) of the files in a layer, which must all be plain files below their folders."""
    found: dict[str, tuple[int, bytes]] = {}
    folders: set[str] = set()
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for member in archive:
            parent = member.name.rpartition("/")[0]
            assert not parent or parent in folders, f"{member.name} comes before its folder"
            assert (member.uid, member.gid, member.mtime) == (0, 0, 0)
            if member.isdir():
                assert member.mode == 0o755
                assert member.name not in folders
                folders.add(member.name)
                continue
            assert member.isfile(), f"{member.name} is no plain file"
            assert member.name not in found
            file = archive.extractfile(member)
            assert file is not None
            found[member.name] = (member.mode, file.read())
    return found

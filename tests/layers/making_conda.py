"""A channel of conda made by hand: packages of both forms and their list, in a folder."""

from __future__ import annotations

import bz2
import functools
import hashlib
import http.server
import io
import json
import struct
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from bot.layers.lock import LockedConda

PLACEHOLDER = "/home/builder/placehold_placehold_placehold_placehold"


@dataclass(frozen=True)
class Link:
    """A symbolic link; `hard`: a second name of a file before it."""

    target: str
    hard: bool = False


@dataclass
class Package:
    """A package to be. `prefixed`: path → `text` or `binary`, the files that name their folder."""

    name: str = "resizer"
    version: str = "1.0"
    build: str = "0"
    files: Mapping[str, bytes | Link] = field(default_factory=dict)
    executable: tuple[str, ...] = ()
    prefixed: Mapping[str, str] = field(default_factory=dict)
    depends: tuple[str, ...] = ()
    noarch: str | None = None
    entry_points: tuple[str, ...] = ()
    form: str = ".conda"
    listed: bool = True
    """Whether it has the newer list of files, paths.json."""
    lies: Mapping[str, str] = field(default_factory=dict)
    """Path → a sha256 that is not its own."""
    told: Mapping[str, str] = field(default_factory=dict)
    """What index.json says instead of the truth."""
    beside: tuple[str, ...] = ()
    """Paths that the list names and the archive has not."""

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}-{self.build}{self.form}"

    @property
    def subdir(self) -> str:
        return "noarch" if self.noarch else "linux-64"

    def index(self) -> dict[str, Any]:
        told = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": 0,
            "depends": list(self.depends),
            "subdir": self.subdir,
            "license": "MIT",
            "timestamp": 1_700_000_000_000,
        }
        return {**told, **({"noarch": self.noarch} if self.noarch else {}), **self.told}

    def info(self) -> dict[str, bytes]:
        paths = [*self.files, *self.beside]
        made: dict[str, bytes] = {"info/index.json": json.dumps(self.index()).encode()}
        if self.listed:
            rows = [self._row(path) for path in paths]
            made["info/paths.json"] = json.dumps({"paths": rows, "paths_version": 1}).encode()
        else:
            made["info/files"] = "".join(f"{path}\n" for path in paths).encode()
            lines = [f"{PLACEHOLDER} {mode} {path}\n" for path, mode in self.prefixed.items()]
            made["info/has_prefix"] = "".join(lines).encode()
        if self.noarch == "python":
            asked = {"type": "python", "entry_points": list(self.entry_points)}
            made["info/link.json"] = json.dumps({"noarch": asked, "package_metadata_version": 1}).encode()
        return made

    def _row(self, path: str) -> dict[str, Any]:
        content = self.files.get(path, b"")
        row: dict[str, Any] = {"_path": path, "path_type": "hardlink"}
        if isinstance(content, Link):
            row["path_type"] = "hardlink" if content.hard else "softlink"
        else:
            digest = self.lies.get(path, hashlib.sha256(content).hexdigest())
            row |= {"sha256": digest, "size_in_bytes": len(content)}
        if path in self.prefixed:
            row |= {"prefix_placeholder": PLACEHOLDER, "file_mode": self.prefixed[path]}
        return row

    def write(self, channel: Path) -> LockedConda:
        folder = channel / self.subdir
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        if self.form == ".conda":
            with zipfile.ZipFile(path, "w") as archive:
                stem = path.stem
                for name, content in (
                    ("metadata.json", json.dumps({"conda_pkg_format_version": 2}).encode()),
                    (f"pkg-{stem}.tar.zst", zstd(self._tar(self.files))),
                    (f"info-{stem}.tar.zst", zstd(self._tar(self.info()))),
                ):
                    archive.writestr(zipfile.ZipInfo(name), content)
        else:
            path.write_bytes(bz2.compress(self._tar({**self.info(), **self.files})))
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        url = f"https://example.com/{self.subdir}/{self.filename}"
        return LockedConda(
            self.name, self.version, self.build, self.subdir, self.filename, digest, len(content), url
        )

    def _tar(self, files: Mapping[str, bytes | Link]) -> bytes:
        sink = io.BytesIO()
        with tarfile.open(fileobj=sink, mode="w") as archive:
            for path, content in files.items():
                info = tarfile.TarInfo(path)
                info.mode = 0o775 if path in self.executable else 0o664
                if isinstance(content, Link):
                    info.type = tarfile.LNKTYPE if content.hard else tarfile.SYMTYPE
                    info.linkname = content.target
                    archive.addfile(info)
                else:
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
        return sink.getvalue()


def zstd(content: bytes) -> bytes:
    """The content as a zstandard frame of blocks that are not compressed."""
    pieces = [content[at : at + 100_000] for at in range(0, len(content), 100_000)] or [b""]
    blocks = [
        struct.pack("<L", len(piece) << 3 | (number == len(pieces)))[:3] + piece
        for number, piece in enumerate(pieces, 1)
    ]
    return struct.pack("<LBQ", 0xFD2FB528, 0xE0, len(content)) + b"".join(blocks)


def write_channel(folder: Path, packages: list[Package]) -> None:
    """The packages and the lists of them, as `conda index` makes them."""
    lists: dict[str, dict[str, Any]] = {
        subdir: {"info": {"subdir": subdir}, "packages": {}, "packages.conda": {}}
        for subdir in ("noarch", "linux-64")
    }
    for package in packages:
        locked = package.write(folder)
        row = {**package.index(), "sha256": locked.sha256, "size": locked.size}
        kind = "packages.conda" if package.form == ".conda" else "packages"
        lists[package.subdir][kind][package.filename] = row
    for subdir, document in lists.items():
        (folder / subdir).mkdir(parents=True, exist_ok=True)
        (folder / subdir / "repodata.json").write_text(json.dumps(document))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    wanted: ClassVar[str]
    seen: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        if self.wanted and self.headers.get("Authorization") != self.wanted:
            self.send_error(401)
            return
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve(folder: Path, authorization: str = "") -> Iterator[tuple[str, list[str]]]:
    """The channel over HTTP: its address, and the paths that were asked for."""
    seen: list[str] = []
    handler = type("Handler", (_Quiet,), {"wanted": authorization, "seen": seen})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

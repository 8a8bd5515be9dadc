"""What was learnt, as one file named by the SHA-256 of its bytes; nothing is loaded of it before all of it is known.

A bundle is a zip, not compressed: `manifest.json`, and the pickles `objects/0`, `objects/1`, … Loading a pickle can run
anything, so it is loaded only by a hash that the caller gave: then its bytes are those of the training.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import os
import pickle
import platform
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from .faults import AuthorFault, CallerFault, Fault
from .kept import Kept
from .values import shown_type

FORMAT, VERSION = "mlopen-bundle", 1
SUFFIX = ".mlopen"
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
PROTOCOL = 5
"""Of pickle; every Python since 3.8 reads it."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of all files in a bundle, so that equal objects make equal bundles; zip knows no earlier one."""


class BundleName:
    """A bundle's place, and the hash that its bytes must have."""

    def __init__(self, path: Path, sha256: str) -> None:
        self.path = path
        self.sha256 = sha256

    @classmethod
    def read(cls, text: str) -> BundleName:
        """Of `FILE@sha256:HASH`, or of `FOLDER@sha256:HASH` as train filled it. Raises CallerFault."""
        place, mark, sha256 = text.rpartition("@sha256:")
        if not mark or not place or not re.match(r"[0-9a-f]{64}\Z", sha256):
            raise CallerFault(
                f"--model {text}: the hash is missing. A bundle holds pickles, and to load one can run anything, so it "
                "is loaded only by the hash of the training that you trust. Write --model FILE@sha256:HASH with the "
                "64 digits that train has told at its end."
            )
        path = Path(place)
        return cls(path / (sha256 + SUFFIX) if path.is_dir() else path, sha256)


# Writing ----------------------------------------------------------------------------------------------


class _Noting:
    """A file that is written, with the size and the hash of what was."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes | memoryview | pickle.PickleBuffer) -> int:
        """Writes all of it."""
        with memoryview(data) as view:
            self._file.write(view)
            self.sha256.update(view)
            self.size += view.nbytes
            return view.nbytes


class _Pickler(pickle.Pickler):
    """Notes which packages the objects belong to."""

    def __init__(self, file: _Noting) -> None:
        super().__init__(file, PROTOCOL)
        self.packages: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        named = obj if isinstance(getattr(obj, "__module__", None), str) else type(obj)
        self.packages.add(str(named.__module__).partition(".")[0])
        return NotImplemented


def write_bundle(folder: Path, pipeline: str, kept: Kept) -> tuple[Path, str]:
    """Writes the bundle of all that was kept; gives its path and its hash. Whole, or not at all."""

    def fill(file: IO[bytes]) -> None:
        entries, packages = [], {"python"}
        with zipfile.ZipFile(file, "w") as archive:
            for number, ((kind, name), value) in enumerate(kept.objects.items()):
                entry = {"file": f"objects/{number}", "kind": kind, "name": name}
                with archive.open(zipfile.ZipInfo(entry["file"], _EPOCH), "w", force_zip64=True) as stream:
                    noting = _Noting(stream)
                    packages |= _pickle(noting, kind, name, value)
                about = {"type": f"{type(value).__module__}.{type(value).__qualname__}", "size": noting.size}
                entries.append({**entry, **about, "sha256": noting.sha256.hexdigest()})
            manifest = {
                "format": FORMAT,
                "version": VERSION,
                "pipeline": pipeline,
                "libraries": _versions(packages),
                "objects": entries,
            }
            text = json.dumps(manifest, indent=1, sort_keys=True)
            archive.writestr(zipfile.ZipInfo(MANIFEST, _EPOCH), text.encode("utf-8", "replace"))

    try:
        path = _put(folder, fill, lambda file: _hash(file) + SUFFIX)
    except OSError as error:
        raise Fault(
            f"--output-path {folder}: {error.strerror}. Give a folder that the bundle fits into."
        ) from None
    return path, path.name[: -len(SUFFIX)]


def put_file(path: Path, data: bytes) -> None:
    """Writes a file so that its name never leads to half of it."""
    _put(path.parent, lambda file: file.write(data), lambda _file: path.name)


def _put(folder: Path, fill: Callable[[IO[bytes]], object], name: Callable[[IO[bytes]], str]) -> Path:
    """A file that appears when it is whole, by the name that it then gets."""
    handle, text = tempfile.mkstemp(prefix=".", suffix=".part", dir=str(folder))
    part = Path(text)
    try:
        with os.fdopen(handle, "w+b") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            path = folder / name(file)
        part.chmod(0o644)
        part.replace(path)
    except BaseException:
        part.unlink()
        raise
    return path


def _hash(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
        found.update(chunk)
    return found.hexdigest()


def _pickle(file: _Noting, kind: str, name: str, value: Any) -> set[str]:
    """Writes one object; gives the packages that it needs to be loaded."""
    pickler = _Pickler(file)
    try:
        pickler.dump(value)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever an object's own code raises when it is written
        raise AuthorFault(
            f"save_pipeline: the {kind} {name!r}, {shown_type(value)}, cannot be kept: {error}. Open files, lambdas "
            "and functions within functions cannot; keep what they are made of, and make them again in run_pipeline."
        ) from None
    return pickler.packages | {type(value).__module__.partition(".")[0]}


def _versions(packages: set[str]) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in sorted(packages):
        version = _version(package)
        if version is not None:
            found[package] = version
    return found


def _version(package: str) -> str | None:
    if package == "python":
        return platform.python_version()
    stated = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(stated, str):
        return stated
    try:
        return importlib.metadata.version(package)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None  # of the standard library, or the repository's own


# Loading ----------------------------------------------------------------------------------------------


def load_bundle(name: BundleName, pipeline: str, kept: Kept) -> list[str]:
    """Puts what the bundle holds into `kept`; gives warnings. Raises CallerFault, before any pickle is loaded."""
    data = _read(name)
    refused = f"--model {name.path}: "
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            manifest = _manifest(archive, refused)
            if manifest["pipeline"] != pipeline:
                raise CallerFault(
                    f"{refused}it was trained by {manifest['pipeline']}, and this is {pipeline}. Train with this one."
                )
            for entry in manifest["objects"]:
                _check(archive, entry, refused)
            warnings = list(_differences(manifest["libraries"]))
            for entry in manifest["objects"]:
                kept.keep(entry["kind"], _load(archive, entry, refused, warnings), entry["name"])
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, NotImplementedError, RuntimeError) as error:
        raise CallerFault(f"{refused}this is no bundle that train wrote ({error}). Train again.") from None
    return warnings


def _read(name: BundleName) -> bytes:
    try:
        data = name.path.read_bytes()
    except OSError as error:
        raise CallerFault(
            f"--model {name.path}: {error.strerror}. Give the bundle that train wrote."
        ) from None
    found = hashlib.sha256(data).hexdigest()
    if found != name.sha256:
        raise CallerFault(
            f"--model {name.path}: its hash is {found}, and not {name.sha256}. It is another bundle, or somebody has "
            "changed it. It was not loaded."
        )
    return data


def _manifest(archive: zipfile.ZipFile, refused: str) -> dict[str, Any]:
    if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
        raise ValueError("its files are compressed")
    if archive.getinfo(MANIFEST).file_size > MAX_MANIFEST_BYTES:
        raise ValueError("its manifest is too long")
    manifest = json.loads(archive.read(MANIFEST).decode("utf-8"))
    if manifest["format"] != FORMAT:
        raise ValueError("its manifest is another one")
    if manifest["version"] != VERSION:
        raise CallerFault(
            f"{refused}its version is {manifest['version']!r}, and this module reads version {VERSION}. "
            "Use the version of the module that trained it, or train again."
        )
    names = [entry["file"] for entry in manifest["objects"]] + [MANIFEST]
    if sorted(names) != sorted(archive.namelist()):
        raise ValueError("its files are not those of its manifest")
    return dict(manifest)


def _check(archive: zipfile.ZipFile, entry: dict[str, Any], refused: str) -> None:
    if entry["kind"] not in ("model", "arg") or not isinstance(entry["name"], str):
        raise ValueError("an object of an unknown kind")
    with archive.open(entry["file"]) as stream:
        found = _hash(stream)
    if archive.getinfo(entry["file"]).file_size != entry["size"] or found != entry["sha256"]:
        raise CallerFault(f"{refused}{entry['name']!r} is not what the manifest says. It was not loaded.")


def _load(archive: zipfile.ZipFile, entry: dict[str, Any], refused: str, warnings: list[str]) -> Any:
    try:
        with archive.open(entry["file"]) as stream:
            return pickle.load(stream)  # noqa: S301 - its bytes have the hash that the caller gave
    except Exception as error:  # noqa: BLE001 - whatever an object's own code raises when it is read
        words = [
            f"{entry['name']!r} cannot be loaded: {type(error).__name__}: {error}.",
            *warnings,
            "Train again.",
        ]
        raise CallerFault(refused + " ".join(words)) from None


def _differences(libraries: dict[str, str]) -> Iterator[str]:
    for package, version in libraries.items():
        here = _version(package)
        if here != version:
            yield f"it was trained with {package} {version}, and here is {here or 'none'}."

"""A bundle of what was learnt → models and objects. Nothing of it is loaded before all of it is known.

Loading a pickle can run anything, so it is loaded only by a hash that the caller gave: its bytes are then those of the
training, which `bundling.py` wrote.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.metadata
import io
import json
import os
import pickle
import platform
import re
import stat
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .faults import CallerFault
from .files import hash_of, kind_of
from .kept import Kept

FORMAT, VERSION = "mlopen-bundle", 1
SUFFIX = ".mlopen"
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 16 * 1024 * 1024

_NO_BUNDLE = (
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError),
    *(AttributeError, LookupError, TypeError, ValueError),
)
"""What reading a file can end in that is no zip of ours, or whose manifest is of other types than ours."""


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
        return cls(path / (sha256 + SUFFIX) if kind_of(path) == "folder" else path, sha256)


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
    except _NO_BUNDLE as error:
        raise CallerFault(f"{refused}this is no bundle that train wrote ({error}). Train again.") from None
    return warnings


def _read(name: BundleName) -> bytes:
    try:
        with open(name.path, "rb", opener=_without_waiting) as file:
            # others may never end
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "This is no plain file")
            data = file.read()
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


def _without_waiting(path: str, flags: int) -> int:
    # a pipe would wait for somebody who writes
    return os.open(path, flags | os.O_NONBLOCK)


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
    kept = [(entry["kind"], entry["name"]) for entry in manifest["objects"]]
    if len(set(kept)) != len(kept):
        raise ValueError("two of its objects have one name")
    return dict(manifest)


def _check(archive: zipfile.ZipFile, entry: dict[str, Any], refused: str) -> None:
    if entry["kind"] not in ("model", "arg") or not isinstance(entry["name"], str):
        raise ValueError("an object of an unknown kind")
    with archive.open(entry["file"]) as stream:
        found = hash_of(stream)
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
        here = version_of(package)
        if here != version:
            yield f"it was trained with {package} {version}, and here is {here or 'none'}."


def version_of(package: str) -> str | None:
    """The version of an installed package, or of `python`; None for what has none."""
    if package == "python":
        return platform.python_version()
    stated = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(stated, str):
        return stated
    try:
        return importlib.metadata.version(package)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None  # of the standard library, or the repository's own

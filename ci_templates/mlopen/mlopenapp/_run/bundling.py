"""What was learnt → one file named by the SHA-256 of its bytes.

A bundle is a zip, not compressed: `manifest.json`, and the pickles `objects/0`, `objects/1`, …
"""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from pathlib import Path
from typing import IO, Any

from .bundle import FORMAT, MANIFEST, SUFFIX, VERSION, version_of
from .faults import AuthorFault, Fault
from .files import hash_of, put
from .kept import Kept
from .values import shown_type

PROTOCOL = 5
"""Of pickle; every Python since 3.8 reads it."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of all files in a bundle, so that equal objects make equal bundles; zip knows no earlier one."""


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
        path = put(folder, fill, lambda file: hash_of(file) + SUFFIX)
    except OSError as error:
        raise Fault(
            f"--output-path {folder}: {error.strerror}. Give a folder that the bundle fits into."
        ) from None
    return path, path.name[: -len(SUFFIX)]


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
    found = {"python": str(version_of("python"))}
    for package in sorted(packages):
        version = version_of(package)
        if version is not None:
            found[package] = version
    return found

"""The layer between base and wheels: a virtual environment of plain files, the lock, and folders to work in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import BinaryIO

from bot.layers.gzipped import LayerWriter
from bot.layers.lock import MAX_LOCK_BYTES
from bot.layers.values import APP, ENV_ROOT, HOME, LOCK_PATH, Layer

OPEN_TO_ALL = 0o1777
"""Mode of folders that any user of the container may write to."""

BRINGS_PATH = "opt/mlreef/brings.json"
"""What each layer of packages brings (bringing.py): here, as it changes with the lock alone and is seldom sent."""

MAX_MEMBERS = 100
"""Members of such a layer that are looked at for the lock."""


MAX_UNPACKED_BYTES = 2 * MAX_LOCK_BYTES
"""Bytes of such a layer that are unpacked: it is the lock and a few hundred bytes a member."""


def write_foundation(
    sink: BinaryIO, python: str, executable: str, lock: bytes, words: Sequence[Sequence[str]] = ()
) -> Layer:
    """Writes the layer. `python`: `3.12`; `executable`: path of the base's Python; `words`: what each layer brings."""
    home = executable.rpartition("/")[0]
    root = ENV_ROOT.strip("/")
    config = f"home = {home}\ninclude-system-site-packages = true\nversion = {python}\n"
    folders = {
        APP.strip("/"): OPEN_TO_ALL,
        **dict.fromkeys(("home", "opt", "opt/mlreef", root, f"{root}/bin", f"{root}/lib"), 0o755),
        HOME.strip("/"): OPEN_TO_ALL,
        f"{root}/lib/python{python}": 0o755,
        f"{root}/lib/python{python}/site-packages": 0o755,
    }
    links = {
        f"{root}/bin/python": executable,
        f"{root}/bin/python3": executable,
        f"{root}/bin/python{python}": executable,
        f"{root}/lib64": "lib",
    }
    files = {f"{root}/pyvenv.cfg": config.encode("ascii"), LOCK_PATH.strip("/"): lock}
    if any(words):
        files[BRINGS_PATH] = json.dumps([list(one) for one in words], indent=1).encode("ascii")
    writer = LayerWriter(sink)
    for path in sorted({**folders, **links, **files}):
        if path in folders:
            writer.folder(path.encode("ascii"), folders[path])
        elif path in links:
            writer.link(path.encode("ascii"), links[path].encode("utf-8"))
        else:
            writer.file(path.encode("ascii"), files[path])
    return writer.close("environment and lock")


def read_foundation(layer: BinaryIO) -> tuple[bytes, str, tuple[tuple[str, ...], ...]]:
    """The lock in such a layer, the path of the base's Python, and what is said of each layer, if anything is.

    ValueError: it is no such layer.
    """
    # Imported here because a build of changed sources reads no layer.
    import gzip
    import io
    import tarfile
    import zlib

    lock, executable, words = b"", "", b"[]"
    try:
        # Whoever may push may push a thousand times what it seems: no more is unpacked than there can be.
        with gzip.GzipFile(fileobj=layer) as unpacked:
            plain = io.BytesIO(unpacked.read(MAX_UNPACKED_BYTES))
        with tarfile.open(fileobj=plain, mode="r:") as archive:
            for _, member in zip(range(MAX_MEMBERS), archive, strict=False):
                if member.name == LOCK_PATH.strip("/") and member.isfile() and member.size <= MAX_LOCK_BYTES:
                    content = archive.extractfile(member)
                    lock = content.read() if content else b""
                elif member.name == BRINGS_PATH and member.isfile():
                    content = archive.extractfile(member)
                    words = content.read() if content else b""
                elif member.name == f"{ENV_ROOT.strip('/')}/bin/python" and member.issym():
                    executable = member.linkname
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, OverflowError, zlib.error) as error:
        raise ValueError("the layer cannot be read") from error
    if not lock or not executable:
        raise ValueError("the layer has no lock, or no environment")
    return lock, executable, _read_words(words)


def _read_words(content: bytes) -> tuple[tuple[str, ...], ...]:
    try:
        document = json.loads(content)
    except RecursionError as error:
        raise ValueError("what its layers bring cannot be read") from error
    if not isinstance(document, list) or not all(isinstance(one, list) for one in document):
        raise ValueError("what its layers bring is no list of lists")
    return tuple(tuple(str(word) for word in one) for one in document)

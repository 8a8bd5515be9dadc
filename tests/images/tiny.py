"""Images small enough to be made in a moment: a shell and a few programs of this machine, and whatever a test adds."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bot.adapters.registry import Manifest, Registry, digest_of

PROGRAMS = ("sh", "cat", "id", "ls", "touch", "env", "sleep", "mkdir")
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def member(name: str, content: bytes = b"", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    """One entry of a layer; a file unless `type` says otherwise."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o755
    for key, value in more.items():
        setattr(entry, key, value)
    return entry, content


def folder(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.DIRTYPE, mode=mode)


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str, **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.LNKTYPE, linkname=target, **more)


def layer(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """A tar of these entries, uncompressed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry, content in members:
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@cache
def shell_layer() -> bytes:
    """A shell, some programs, and the libraries that they are linked with."""
    files: dict[str, bytes] = {}
    for name in PROGRAMS:
        path = shutil.which(name)
        assert path is not None
        files[f"bin/{name}"] = Path(path).read_bytes()
        said = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+) \(0x", said):
            files[library.lstrip("/")] = Path(library).read_bytes()
    entries = [member(name, content) for name, content in files.items()]
    return layer([folder("tmp", 0o1777), folder("home/module", 0o1777), *entries])


def push(
    registry: Registry,
    repository: str,
    layers: Sequence[bytes],
    config: Mapping[str, Any] | None = None,
    members: int = 1,
    media_type: str = LAYER,
) -> str:
    """Push an image of these layers, each packed as a gzip file of so many members; gives its digest."""
    described = []
    for plain in layers:
        step = -(-len(plain) // members)
        packed = b"".join(
            gzip.compress(plain[start : start + step], 1, mtime=0) for start in range(0, len(plain), step)
        )
        digest = registry.ensure_bytes(repository, packed)
        described.append({"mediaType": media_type, "digest": digest, "size": len(packed)})
    configuration = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], **(config or {})},
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(plain).hexdigest()}" for plain in layers],
            },
        }
    ).encode()
    registry.ensure_bytes(repository, configuration)
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest_of(configuration),
            "size": len(configuration),
        },
        "layers": described,
    }
    manifest = Manifest.of(json.dumps(document).encode(), MANIFEST)
    registry.put_manifest(repository, manifest.digest, manifest)
    return manifest.digest

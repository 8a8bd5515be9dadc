"""Things whose bytes are always the same: a base, a repository, and wheels that a job before has left in it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

from bot.adapters.registry import Manifest, Registry, digest_of
from bot.layers.gzipped import LayerWriter
from bot.layers.image import INDEX_TYPE, MANIFEST_TYPE
from bot.layers.lock import BUILT_WHEELS, Lock, LockedWheel
from tests.layers.making_wheels import Recipe

SCRIPT = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path")
parser.add_argument("--output-path")
parser.add_argument("--amount", type=float, default=0.5)

if __name__ == "__main__":
    print("BODY", parser.parse_args().amount)
"""


def write_repository(folder: Path) -> Path:
    """A repository with names and files of many kinds, in no git."""
    files: dict[bytes, bytes] = {
        b"main.py": SCRIPT.encode(),
        b"requirements.txt": b"",
        b"b-c": b"sorted by bytes",
        b"b/c": b"not by name",
        b"b/empty": b"",
        b"caf\xc3\xa9.txt": b"utf-8",
        b"latin-\xe9.txt": b"no utf-8",
        b"large.bin": bytes(range(256)) * 8192,
    }
    root = os.fsencode(folder)
    for path, content in files.items():
        target = root + b"/" + path
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120 - names that are no text
        with open(target, "wb") as file:  # noqa: PTH123 - as above
            file.write(content)
    for path, mode in ((b"main.py", 0o755), (b"b-c", 0o600)):
        os.chmod(root + b"/" + path, mode)  # noqa: PTH101 - as above
    (folder / "link").symlink_to("b/c")
    return folder


def push_base(
    registry: Registry, repository: str, tag: str, marker: bytes = b"a base\n", architecture: str = "amd64"
) -> str:
    """A base image of one file and nothing else; its digest."""
    packed = io.BytesIO()
    writer = LayerWriter(packed)
    writer.folder(b"etc")
    writer.file(b"etc/base", marker)
    for folder in (b"usr", b"usr/local", b"usr/local/bin"):
        writer.folder(folder)
    writer.file(b"usr/local/bin/python3.12", b"#!/bin/sh\n", 0o755)
    made, layer = writer.close("base"), packed.getvalue()
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"], "Cmd": ["python3"]},
            "rootfs": {"type": "layers", "diff_ids": [made.diff_id]},
            "history": [{"created_by": "a base"}],
        }
    ).encode()
    for blob in (layer, config):
        registry.ensure_bytes(repository, blob)
    manifest = Manifest.of(
        json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": digest_of(config),
                    "size": len(config),
                },
                "layers": [{"mediaType": made.media_type, "digest": made.digest, "size": len(layer)}],
            }
        ).encode()
    )
    registry.put_manifest(repository, tag, manifest)
    return manifest.digest


def push_index(registry: Registry, repository: str, tag: str, images: Mapping[str, str]) -> str:
    """One image of several, by platform; its digest."""
    listed = []
    for platform, digest in images.items():
        held = registry.fetch_manifest(repository, digest)
        assert held is not None
        system, _, architecture = platform.partition("/")
        named = {"os": system, "architecture": architecture}
        size = len(held.content)
        listed.append({"mediaType": MANIFEST_TYPE, "digest": digest, "size": size, "platform": named})
    document = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": listed}
    index = Manifest.of(json.dumps(document).encode(), INDEX_TYPE)
    registry.put_manifest(repository, tag, index)
    return index.digest


def built_wheel(checkout: Path, name: str = "golden", version: str = "1.0") -> LockedWheel:
    """A wheel that a job before has left in a checkout; its bytes depend on no compressor."""
    folder = checkout / BUILT_WHEELS
    folder.mkdir(parents=True, exist_ok=True)
    path = Recipe(
        {f"{name}/__init__.py": b"VALUE = 1\n", f"{name}/table.csv": b"1,2,3\n" * 20_000},
        name=name,
        version=version,
        method=zipfile.ZIP_STORED,
        entry_points=f"[console_scripts]\n{name} = {name}:main\n",
    ).write(folder)
    content = path.read_bytes()
    return LockedWheel(
        name,
        version,
        path.name,
        hashlib.sha256(content).hexdigest(),
        len(content),
        f"{BUILT_WHEELS}/{path.name}",
    )


def lock_of(*wheels: LockedWheel, platform: str = "linux/amd64") -> Lock:
    return Lock("3.12", platform, wheels)

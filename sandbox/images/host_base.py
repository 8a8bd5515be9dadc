"""A base image made of this machine's own Python, by nothing but files: an OCI layout that is kept and made once."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import io
import json
import platform
import py_compile
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import deflate

from bot.adapters.registry import Manifest, Registry, digest_of

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "scripts" / "host_rootfs.py"
PACKAGES = Path("/var/lib/dpkg/status")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
MEMBER_BYTES = 4 * 1024 * 1024
"""The layer is a gzip file of several members, each of so much of the tar."""

LEVEL = 3
"""libdeflate's; a higher one takes longer than it saves on a loopback."""

WITHOUT_BYTECODE = frozenset(
    {
        *("site-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3"),
        *("pydoc_data", "distutils"),
    }
)
"""Folders of the standard library that no module's start imports; most of them are not in the image either."""

PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NoBase(Exception):
    """No base image can be had; the message says why, and what helps."""


@dataclass(frozen=True, slots=True)
class Layout:
    """An OCI image in a folder: its platform manifest, and the Python in it (`3.12`, at `executable`)."""

    folder: Path
    manifest: Manifest
    python: str
    executable: str

    def blob(self, digest: str) -> Path:
        """The file with a blob."""
        return blob_path(self.folder, digest)

    def push(self, registry: Registry, repository: str) -> None:
        """Bring the image into a registry, by digest; what is there already is not sent again."""
        document = json.loads(self.manifest.content)
        for part in (*document["layers"], document["config"]):
            registry.ensure_blob(repository, part["digest"], part["size"], self._opener(part["digest"]))
        registry.put_manifest(repository, self.manifest.digest, self.manifest)

    def _opener(self, digest: str) -> Callable[[], BinaryIO]:
        return lambda: self.blob(digest).open("rb")


def blob_path(folder: Path, digest: str) -> Path:
    """Where a layout has a blob."""
    algorithm, _, number = digest.partition(":")
    return folder / "blobs" / algorithm / number


def ensure_host_base(cache: Path, tell: Callable[[str], None]) -> Layout:
    """The base image of this machine, made if the one in `cache` is not what would be made now. Raises NoBase."""
    if not PACKAGES.exists():
        raise NoBase(
            "no registry with a Python image is in reach, and only a Debian host's own files can be made into one; "
            "name one that is: MLREEF_BASE_IMAGE=REGISTRY/NAME:TAG make demo"
        )
    prefix = _own_prefix()
    recipe = _recipe(prefix)
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = cache / recipe
        if not (kept / "index.json").exists():
            tell("Making a base image of this machine's own Python (some seconds, once)")
            for old in cache.iterdir():
                if old.is_dir():
                    shutil.rmtree(old, ignore_errors=True)
            fresh = cache / f"{recipe}.new"
            _make(fresh, prefix)
            fresh.rename(kept)
    return load_layout(kept)


def load_layout(folder: Path) -> Layout:
    """Read a layout that was made before."""
    entry = json.loads((folder / "index.json").read_bytes())["manifests"][0]
    content = blob_path(folder, entry["digest"]).read_bytes()
    notes = entry["annotations"]
    return Layout(
        folder,
        Manifest.of(content, entry["mediaType"]),
        notes["io.mlreef.python"],
        notes["io.mlreef.executable"],
    )


def write_layout(folder: Path, manifest: Manifest, python: str, executable: str) -> Layout:
    """Complete a layout whose blobs are there."""
    blob_path(folder, manifest.digest).write_bytes(manifest.content)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    entry = {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.content),
        "annotations": {"io.mlreef.python": python, "io.mlreef.executable": executable},
    }
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return load_layout(folder)


def _own_prefix() -> Path | None:
    """A CPython with a prefix of its own can be copied as it is; None for Debian's, which is spread over /usr."""
    prefix = Path(sys.base_prefix).resolve()
    return None if prefix in (Path("/"), Path("/usr")) else prefix


def _recipe(prefix: Path | None) -> str:
    """What the image is made of, as a name: another machine, Python or set of packages is another image."""
    parts = [RECIPE.read_bytes(), Path(__file__).read_bytes(), PACKAGES.read_bytes(), str(prefix).encode()]
    parts += [sys.version.encode(), CERTIFICATES.read_bytes() if CERTIFICATES.exists() else b""]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _make(folder: Path, prefix: Path | None) -> None:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    command = [sys.executable, "-I", str(RECIPE), "--small", str(prefix or "-")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as making:
        if making.stdout is None or making.stderr is None:
            raise NoBase("the program that reads this machine's files was started without pipes")
        layers = [_add_layer(folder, making.stdout)]
        said = making.stderr.read().decode("utf-8", "replace").strip()
    if making.returncode != 0:
        raise NoBase(f"this machine's own files cannot be made into a base image: {said.splitlines()[-1:]}")
    if prefix is not None:
        with tempfile.TemporaryFile() as plain:
            _write_bytecode(plain, prefix)
            plain.seek(0)
            layers.append(_add_layer(folder, plain))
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    config = _canonical(_config(prefix, [diff for _, diff in layers]))
    blob_path(folder, digest_of(config)).write_bytes(config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(config), "size": len(config)},
        "layers": [part for part, _ in layers],
    }
    executable = f"{'/usr/local' if prefix else '/usr'}/bin/python{python}"
    write_layout(folder, Manifest.of(_canonical(manifest)), python, executable)


def _add_layer(folder: Path, source: IO[bytes]) -> tuple[dict[str, Any], str]:
    """Puts a tar among the blobs; gives the part of a manifest that names it, and the digest of the tar itself."""
    packed = folder / "blobs" / "sha256" / "layer"
    size, diff = _pack(source, packed)
    digest = _named(packed)
    packed.rename(blob_path(folder, digest))
    return {"mediaType": LAYER_TYPE, "digest": digest, "size": size}, diff


def _write_bytecode(target: IO[bytes], prefix: Path) -> None:
    """A tar with what Python makes of its standard library; the user of an image could not keep it, and every start
    would take a quarter of a second more.
    """
    library = f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
    with tarfile.open(fileobj=target, mode="w") as tar, tempfile.TemporaryDirectory() as work:
        for file in sorted((prefix / library).rglob("*.py")):
            relative = file.relative_to(prefix / library)
            if WITHOUT_BYTECODE.intersection(relative.parts):
                continue
            name = f"usr/local/{library}/{relative.as_posix()}"
            compiled = py_compile.compile(
                str(file),
                str(Path(work, "compiled")),
                f"/{name}",
                # believed whatever time its source has in the image
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                quiet=2,
            )
            if compiled is not None:
                entry = tarfile.TarInfo(importlib.util.cache_from_source(name))
                content = Path(compiled).read_bytes()
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))


def _pack(source: IO[bytes], target: Path) -> tuple[int, str]:
    """Compress a tar; gives the size in bytes, and the digest of what it was before."""
    plain, size = hashlib.sha256(), 0
    with target.open("wb") as output:
        while chunk := source.read(MEMBER_BYTES):
            plain.update(chunk)
            member = bytes(deflate.gzip_compress(chunk, LEVEL))
            size += output.write(member)
    return size, f"sha256:{plain.hexdigest()}"


def _named(path: Path) -> str:
    with path.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"


def _config(prefix: Path | None, diffs: Sequence[str]) -> dict[str, Any]:
    variables = [f"PATH={SYSTEM_PATH}", "LANG=C.UTF-8"]
    if prefix is not None and any((prefix / "lib").glob("libpython*.so*")):
        # There is no cache of libraries in it, which only a root could make.
        variables.append("LD_LIBRARY_PATH=/usr/local/lib")
    if CERTIFICATES.exists():
        variables += [f"SSL_CERT_FILE={CERTIFICATES}", f"REQUESTS_CA_BUNDLE={CERTIFICATES}"]
    machine = platform.machine()
    return {
        "architecture": PROCESSORS.get(machine, machine),
        "os": "linux",
        "config": {"Env": variables, "Cmd": ["python3"]},
        "rootfs": {"type": "layers", "diff_ids": list(diffs)},
        "history": [{"created_by": "this machine's own Python"} for _ in diffs],
    }


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

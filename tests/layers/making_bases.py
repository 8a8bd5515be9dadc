"""Base images made by hand: layers as tar files, and one with the Python that runs the tests."""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bot.layers.base import Base
from bot.layers.values import Layer

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
EXECUTABLE = f"/usr/local/bin/python{PYTHON}"

_STANDARD = re.compile(
    r"(?:(?:encodings|collections|importlib|re)/)?[^/]+\.py\Z|lib-dynload/_(?:codecs_jp|multibytecodec)[^/]*\.so\Z"
)


def layer(*members: tuple[str, bytes | str | None], compress: bool = True) -> bytes:
    """A layer: content for a file, a text for a symbolic link to it, None for a folder."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, what in members:
            member = tarfile.TarInfo(name)
            if what is None:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(what, str):
                member.type, member.linkname = tarfile.SYMTYPE, what
            else:
                member.size, member.mode = len(what), 0o755
            archive.addfile(member, io.BytesIO(what) if isinstance(what, bytes) else None)
    return gzip.compress(plain.getvalue(), 1, mtime=0) if compress else plain.getvalue()


@cache
def python_layers() -> tuple[bytes, bytes]:
    """Two layers as in Python's own images: below the system's loader and libraries, above the interpreter."""
    program = Path(sys.executable).resolve()
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    needed = {name: Path(path) for name, path in re.findall(r"(\S+) => (/\S+)", said)}
    loader = re.search(r"(/\S*/ld-\S+)", said)
    assert loader is not None
    own = {name: path for name, path in needed.items() if name.startswith("libpython")}
    system = [("usr", None), ("lib64", "usr/lib64"), ("lib", "usr/lib")] + [
        (f"usr/lib/{name}", path.read_bytes()) for name, path in needed.items() if name not in own
    ]
    place = f"usr{loader[1]}"
    standard = Path(sysconfig.get_path("stdlib"))
    modules = [
        (f"usr/local/lib/python{PYTHON}/{path.relative_to(standard)}", path.read_bytes())
        for path in sorted(standard.rglob("*"))
        if path.is_file() and _STANDARD.match(str(path.relative_to(standard)))
    ]
    python = [
        (EXECUTABLE[1:], program.read_bytes()),
        ("usr/local/bin/python3", f"python{PYTHON}"),
        *((f"usr/local/lib/{name}", path.read_bytes()) for name, path in own.items()),
        *modules,
    ]
    return layer(*system, (place, Path(loader[1]).read_bytes())), layer(*python)


def base_of(*layers: bytes) -> tuple[Base, Callable[[Layer], io.BytesIO]]:
    """A base with these layers, and what opens them."""
    held = {f"sha256:{number:064x}": content for number, content in enumerate(layers)}
    listed = tuple(Layer(digest, len(content), digest, "base") for digest, content in held.items())
    base = Base("registry.example.com/base@sha256:1", "sha256:1", "linux/amd64", listed, {})
    return base, lambda one: io.BytesIO(held[one.digest])

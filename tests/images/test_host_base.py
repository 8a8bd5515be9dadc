"""The base image that is made of this machine's own files."""

from __future__ import annotations

import importlib.util
import json
import sys
import tarfile
from pathlib import Path

from sandbox.demo.play import CACHE
from sandbox.images.host_base import ensure_host_base

UNCHECKED = 1
"""In the second word of compiled code: it is believed without a look at its source."""


def test_a_python_of_its_own_starts_without_compiling_its_library_each_time() -> None:
    layout = ensure_host_base(CACHE / "base" / "host", lambda _line: None)
    own = Path(sys.base_prefix).resolve() not in (Path("/"), Path("/usr"))
    name = importlib.util.cache_from_source(f"usr/local/lib/python{layout.python}/argparse.py")
    found: bytes | None = None
    for part in json.loads(layout.manifest.content)["layers"]:
        with tarfile.open(layout.blob(part["digest"])) as layer:
            if name in layer.getnames() and (stream := layer.extractfile(name)) is not None:
                found = stream.read()
    # Debian's own Python is taken as its packages have it
    assert (found is not None) is own
    if found is not None:
        assert found[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(found[4:8], "little") == UNCHECKED

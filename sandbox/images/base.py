"""The base image of a machine without an engine: pulled from a registry that is in reach, else made of the machine."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bot.adapters.registry import Manifest, Registry
from sandbox.images.host_base import (
    PROCESSORS,
    Layout,
    NoBase,
    blob_path,
    ensure_host_base,
    load_layout,
    write_layout,
)

PUBLIC = "python:3.12-slim-bookworm"
HUB = "registry-1.docker.io"

REACH_SECONDS = 3.0
"""A registry that does not answer in this time is out of reach, unless it was asked for by name."""

NAMED_REACH_SECONDS = 30.0

Tell = Callable[[str], None]


def ensure_base(cache: Path, tell: Tell, environ: Mapping[str, str] = os.environ) -> Layout:
    """A base image as files, kept in `cache`. Raises NoBase when there is none to be had.

    `MLREEF_BASE_IMAGE` names one; `MLREEF_BASE=host` asks for one made of this machine.
    """
    named = environ.get("MLREEF_BASE_IMAGE", "")
    if named:
        return _pulled(named, cache, tell, NAMED_REACH_SECONDS)
    host = cache / "host"
    if environ.get("MLREEF_BASE") != "host" and not host.is_dir():
        try:
            return _pulled(PUBLIC, cache, tell, REACH_SECONDS)
        except NoBase as why:
            tell(str(why))
    return ensure_host_base(host, tell)


def split_name(image: str) -> tuple[str, str, str]:
    """Registry, repository and tag or digest of an image's name, as the Docker client understands it."""
    name, at, digest = image.partition("@")
    host, slash, rest = name.partition("/")
    if not slash or not (re.search(r"[.:]", host) or host == "localhost"):
        host, rest = HUB, name if slash else f"library/{name}"
    repository, colon, tag = rest.rpartition(":")
    if not colon:
        repository, tag = rest, "latest"
    return host, repository, digest if at else tag


def _pulled(image: str, cache: Path, tell: Tell, seconds: float) -> Layout:
    host, repository, reference = split_name(image)
    kept = cache / "pulled" / re.sub(r"[^\w.-]", "-", f"{host}-{repository}-{reference}")
    if (kept / "index.json").exists():
        return load_layout(kept)
    with Registry(host, pauses=()) as registry:
        manifest = _reached(registry, repository, reference, seconds)
        if manifest is None:
            raise NoBase(f"{image} cannot be had from {host} within {seconds:.0f} seconds")
        tell(f"Pulling {image}")
        fresh = kept.with_name(f"{kept.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        (fresh / "blobs" / "sha256").mkdir(parents=True)
        document = json.loads(manifest.content)
        for part in (document["config"], *document["layers"]):
            with blob_path(fresh, part["digest"]).open("wb") as target:
                registry.fetch_blob(repository, part["digest"], target, part["size"])
    config = json.loads(blob_path(fresh, document["config"]["digest"]).read_bytes())
    python = _python_of(image, config)
    write_layout(fresh, manifest, python, f"/usr/local/bin/python{python}")
    fresh.rename(kept)
    return load_layout(kept)


def _reached(registry: Registry, repository: str, reference: str, seconds: float) -> Manifest | None:
    """The manifest for this machine, unless it takes longer; name servers alone may take a minute."""
    found: list[Manifest | None] = []
    wanted = f"linux/{PROCESSORS.get(platform.machine(), platform.machine())}"

    def ask() -> None:
        # Whatever keeps it from answering: it is out of reach.
        try:
            found.append(registry.fetch_manifest(repository, reference, wanted))
        except Exception:  # noqa: BLE001 - see above; the caller says so
            found.append(None)

    thread = threading.Thread(target=ask, name="reach", daemon=True)
    thread.start()
    thread.join(seconds)
    return found[0] if found else None


def _python_of(image: str, config: Mapping[str, Any]) -> str:
    for entry in (config.get("config") or {}).get("Env") or ():
        version = re.fullmatch(r"PYTHON_VERSION=(\d+\.\d+).*", entry)
        if version:
            return version[1]
    raise NoBase(f"{image} does not say which Python it has (PYTHON_VERSION); Python's own images do")

"""A place to build at: a registry that notes what it is asked and can fail, an index of packages, and a small base."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from bot.adapters.registry import Manifest, Registry, digest_of
from bot.building import Again, Built, build_image
from bot.describing import load_repository
from bot.domain.environments import Environment
from bot.layers.lock import BUILT_WHEELS, Lock, LockedWheel
from bot.layers.means import Means
from bot.layers.pinned import pin
from bot.layers.shelves import RegistryShelf, Shelf
from bot.local.ahead import Read
from bot.local.ask import Wishes, plan_order
from bot.local.folder import Here, look
from bot.progress import Lines
from parser.model import Problem
from sandbox.registry import RegistryServer
from tests.layers.making_wheels import Recipe
from tests.layers.package_index import PackageIndex
from tests.layers.package_index import Shelf as IndexShelf

SCRIPT = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--amount", type=float, default=0.5)

if __name__ == "__main__":
    print("BODY", parser.parse_args().amount)
"""
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass
class Site:
    """Everything that a build touches. `asked`: the requests that the registry heard; `fail`: its other answer."""

    server: RegistryServer
    index: PackageIndex
    work: Path
    asked: list[str] = field(default_factory=list)
    sent: int = 0
    received: list[str] = field(default_factory=list)
    fail: Callable[[Request], Response | None] = lambda _: None
    said: list[str] = field(default_factory=list)
    account: tuple[str, str] | tuple[None, None] = (None, None)

    def hear(self, request: Request) -> Response | None:
        """Stands before the registry."""
        self.asked.append(f"{request.method} {request.path}")
        self.sent += request.content_length or 0
        if request.method == "PUT" and "digest" in request.args:
            self.received.append(request.args["digest"])
        return self.fail(request)

    def forget(self) -> None:
        """From now on."""
        self.asked.clear()
        self.index.requests.clear()
        self.said.clear()
        self.received.clear()
        self.sent = 0

    def add_wheel(self, name: str, version: str = "1.0", size: int = 0, requires: str = "") -> None:
        """Puts a wheel into the index."""
        recipe = Recipe(
            {f"{name}/__init__.py": b"VALUE = 1\n", **({f"{name}/data": b"\0" * size} if size else {})},
            name=name,
            version=version,
            metadata=f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        )
        content = recipe.write(self.work).read_bytes()
        self.index.packages.setdefault(name, {})[recipe.filename] = IndexShelf(content)

    def repository(self, files: Mapping[str, str | bytes] | None = None, name: str = "noise") -> Path:
        """A folder with a script, and with these files."""
        folder = self.work / "repositories" / name
        for path, content in {"main.py": SCRIPT, "requirements.txt": "", **(files or {})}.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    def environment(self, base: str, **more: Any) -> Environment:
        """An environment on a base; its Python compiles nothing."""
        return Environment("cpu", "CPU", base, **{"python": "3.12", "bytecode": False, **more})

    def build(
        self,
        folder: Path,
        base: str,
        repository: str = "group/noise",
        *,
        shared: str | None = None,
        platforms: tuple[str, ...] = (),
        again: Again | None = None,
        refresh: bool = False,
        shelf: Shelf | None = None,
        **more: Any,
    ) -> Built | tuple[Problem, ...]:
        """Builds a folder's image and pushes it as `t1`."""
        with Registry(self.server.address, *self.account, pauses=()) as registry:
            return build_folder(
                folder,
                self.environment(base, **more),
                lambda _host: registry,
                shelf or RegistryShelf(registry, repository),
                self.said.append,
                shared=RegistryShelf(registry, shared) if shared else None,
                platforms=platforms,
                again=again,
                refresh=refresh,
                index_url=self.index.simple if self.index.url else "",
                cache=self.work / "uv",
            )

    def built(self, folder: Path, base: str, repository: str = "group/noise", **more: Any) -> Built:
        """The same, and it must come to something."""
        found = self.build(folder, base, repository, **more)
        assert isinstance(found, Built), found
        return found

    def manifest(self, repository: str, reference: str) -> Any:
        with Registry(self.server.address, pauses=()) as registry:
            found = registry.fetch_manifest(repository, reference)
        return None if found is None else json.loads(found.content)

    def config(self, repository: str, reference: str) -> Any:
        manifest = self.manifest(repository, reference)
        with Registry(self.server.address, pauses=()) as registry:
            return json.loads(registry.read_blob(repository, manifest["config"]["digest"]) or b"")

    def blob(self, repository: str, digest: str) -> bytes:
        with Registry(self.server.address, pauses=()) as registry:
            found = registry.read_blob(repository, digest)
        assert found is not None
        return found


def build_folder(
    folder: Path,
    environment: Environment,
    registry_for: Callable[[str], Registry],
    shelf: Shelf,
    say: Callable[[str], None],
    *,
    shared: Shelf | None = None,
    platforms: tuple[str, ...] = (),
    again: Again | None = None,
    refresh: bool = False,
    index_url: str = "",
    cache: Path,
) -> Built | tuple[Problem, ...]:
    """A folder → its image, as the command does it."""
    loaded = load_repository(folder)
    module = loaded.report.module
    assert module is not None, loaded.report.problems
    asked = module.requirements.files if module.requirements else ()
    texts = {path: loaded.source.contents[path] for path in asked}
    here = look(folder, asked)
    if not isinstance(here, Here):
        return here
    pinned = pin(environment, registry_for)
    read = Read(folder, loaded.report, texts)
    order = plan_order(read, module, here, environment, pinned, Wishes(platforms=platforms), ("t1",), refresh)
    from dataclasses import replace

    means = Means(
        shelf,
        registry_for,
        folder,
        Lines(say),
        shared,
        variables={"UV_CACHE_DIR": str(cache), "HOME": "/nowhere"},
        index_url=index_url,
    )
    return build_image(replace(order, again=again), means)


def push_base(
    registry: Registry, repository: str, tag: str, marker: bytes = b"a base\n", architecture: str = "amd64"
) -> str:
    """A base image of one file and nothing else; its digest."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in (("etc/base", marker), ("usr/local/bin/python3.12", b"#!/bin/sh\n")):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    # stored, so that no compressor has a say in its bytes
    layer = gzip.compress(packed.getvalue(), 0, mtime=0)
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"], "Cmd": ["python3"]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(packed.getvalue())]},
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
                "layers": [{"mediaType": LAYER_TYPE, "digest": digest_of(layer), "size": len(layer)}],
            }
        ).encode()
    )
    registry.put_manifest(repository, tag, manifest)
    return manifest.digest


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

"""A place to build at: a registry that notes what it is asked and can fail, an index of packages, and a small base."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from bot.adapters.registry import Registry
from bot.building import Again, Built
from bot.domain.environments import Environment
from bot.layers.shelves import RegistryShelf, Shelf
from parser.model import Problem
from sandbox.registry import RegistryServer
from tests.building.golden import SCRIPT
from tests.building.workshop import build_folder
from tests.layers.making_wheels import Recipe
from tests.layers.package_index import PackageIndex
from tests.layers.package_index import Shelf as IndexShelf


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
    variables: dict[str, str] = field(default_factory=dict)
    """Variables of the job."""

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
                variables=self.variables,
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

"""A GitLab with its registry, a project in them with images, and the bot's hands on both."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.registry import Manifest, Registry
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.domain.gitlab import Project
from bot.domain.policy import Policy
from bot.world import World
from sandbox.gitlab import MAINTAINER, Sandbox, User
from sandbox.registry import RegistryServer
from tests.domain.values import POLICY

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Up(NamedTuple):
    """Both servers, a person and the bot."""

    sandbox: Sandbox
    registry: RegistryServer
    alice: User
    bot: User


@dataclass
class Home:
    """A project, the servers that it lives on, and the bot's hands on it."""

    up: Up
    world: World
    project: Project

    @property
    def sandbox(self) -> Sandbox:
        return self.up.sandbox

    @property
    def registry(self) -> RegistryServer:
        return self.up.registry

    @property
    def images(self) -> Registry:
        """The registry by the bot's hands."""
        return self.world.registry(self.registry.address)

    def put(self, tags: Iterable[str], config: dict[str, Any], layers: Sequence[bytes] = ()) -> str:
        """What promote pushes; gives the digest."""
        return put_image(self.images, self.project.registry_path, tags, config, layers)


@contextmanager
def gitlab_and_registry(folder: Path) -> Iterator[Up]:
    """Both, for as many projects as one likes; nothing may be asked of them that the real ones do not know."""
    with (
        RegistryServer(folder / "registry") as registry,
        Sandbox(folder / "gitlab", registry=registry) as sandbox,
    ):
        yield Up(sandbox, registry, sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True))
        assert sandbox.complaints == []


@contextmanager
def new_project(
    up: Up, folder: Path, policy: Policy = POLICY, **made: Any
) -> Iterator[tuple[World, Project]]:
    """A new project of alice's that the bot maintains, with a store of its own; `made`: as it is created."""
    about = {"default_branch": "master", "files": {"a.py": "a = 1\n"}, **made}
    project = up.sandbox.create_project(f"lab/Project-{uuid.uuid4().hex[:12]}", up.alice, **about)
    up.sandbox.add_member(project.id, up.bot, MAINTAINER)
    store = Store.prepare(f"sqlite:///{folder / f'bot-{project.id}.sqlite'}")
    client = GitlabClient(up.sandbox.url, up.bot.token, 5)
    hands = Registry(up.registry.address, "bot", up.bot.token, pauses=())
    world = World(Forge(client), lambda _host: hands, store, policy, up.bot.id, Talk(client, up.bot.id))
    yield world, world.forge.fetch_project(project.id)
    store.close()


def put_image(
    registry: Registry, path: str, tags: Iterable[str], config: dict[str, Any], layers: Sequence[bytes] = ()
) -> str:
    """An image of that configuration under these tags; gives its digest."""

    def part(kind: str, content: bytes) -> dict[str, Any]:
        digest = registry.ensure_bytes(path, content)
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    about = part(CONFIG, json.dumps(config).encode())
    held = [part(LAYER, layer) for layer in layers]
    made = {"schemaVersion": 2, "mediaType": MANIFEST, "config": about, "layers": held}
    manifest = Manifest.of(json.dumps(made).encode())
    for tag in tags:
        registry.put_manifest(path, tag, manifest)
    return manifest.digest

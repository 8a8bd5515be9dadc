"""A registry, an index and a base for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.registry import Registry
from sandbox.registry import RegistryServer
from tests.building.golden import push_base
from tests.building.site import Site
from tests.layers.package_index import PackageIndex, served


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with served(PackageIndex()) as index, RegistryServer(tmp_path / "registry") as server:
        made = Site(server, index, tmp_path)
        server.misbehave(made.hear)
        yield made


@pytest.fixture
def base(site: Site) -> str:
    """A base image, by its digest."""
    with Registry(site.server.address, pauses=()) as registry:
        digest = push_base(registry, "bases/python", "3.12")
    site.forget()
    return f"{site.server.address}/bases/python@{digest}"

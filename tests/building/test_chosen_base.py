"""The environment that a module gets is what its image stands on, whoever chose it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.adapters.registry import Registry
from bot.describing import load_repository
from bot.domain.choice import plan_environment
from bot.domain.environments import Environment
from tests.building.golden import push_base
from tests.building.site import Site


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({}, "cpu"),
        ({".mlreef.yaml": "environment: gpu\n"}, "gpu"),
        ({"requirements.txt": "fastmath-cu12\n"}, "gpu"),
        ({".python-version": "3.11\n"}, "old"),
    ],
)
def test_the_image_stands_on_the_layers_of_the_chosen_base_with_its_variables(
    site: Site, files: dict[str, str], name: str
) -> None:
    site.add_wheel("fastmath_cu12")
    # indexes have names with dashes, files have them with underscores
    site.index.packages["fastmath-cu12"] = site.index.packages.pop("fastmath_cu12")
    with Registry(site.server.address, pauses=()) as registry:
        digests = {
            one: push_base(registry, f"bases/{one}", "1", one.encode()) for one in ("cpu", "gpu", "old")
        }
    usual = replace(
        site.environment(f"{site.server.address}/bases/cpu@{digests['cpu']}"), env={"KIND": "cpu"}
    )
    offered = (
        usual,
        replace(
            usual, name="gpu", image=at(site, "gpu", digests), gpu=True, cuda="12.4", env={"KIND": "gpu"}
        ),
        replace(usual, name="old", image=at(site, "old", digests), python="3.11", env={"KIND": "old"}),
    )
    folder = site.repository(files)
    chosen = plan_environment(load_repository(folder).report, offered, "cpu")
    assert isinstance(chosen, Environment)
    site.built(folder, chosen.image, python=chosen.python, env=chosen.env)
    base = site.manifest(f"bases/{name}", "1")["layers"]
    config = site.config("group/noise", "t1")
    assert site.manifest("group/noise", "t1")["layers"][: len(base)] == base
    assert config["config"]["Labels"]["org.opencontainers.image.base.digest"] == digests[name]
    assert f"KIND={name}" in config["config"]["Env"]


def at(site: Site, name: str, digests: dict[str, str]) -> str:
    return f"{site.server.address}/bases/{name}@{digests[name]}"

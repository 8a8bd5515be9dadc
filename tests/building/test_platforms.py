"""Images for another kind of machine than this one, with all that the base's Python makes of their modules."""

from __future__ import annotations

import gzip
import io
import platform
import tarfile

from bot.adapters.registry import Registry
from bot.layers.preparing import PLATFORM_OF
from tests.building.golden import push_base, push_index
from tests.building.site import Site
from tests.images.tiny import push
from tests.layers.making_bases import PYTHON, python_layers


def test_modules_for_the_other_machine_are_compiled_by_the_base_for_this_one(site: Site) -> None:
    """The other machine's programs do not run here; its base has the same Python for this one beside it."""
    here = PLATFORM_OF[platform.machine()]
    (other,) = set(PLATFORM_OF.values()) - {here}
    with Registry(site.server.address, pauses=()) as registry:
        settings = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]}
        ours = push(registry, "bases/both", [gzip.decompress(one) for one in python_layers()], settings)
        theirs = push_base(registry, "bases/both", "other", b"no Python here", other.rpartition("/")[2])
        both = push_index(registry, "bases/both", "1", {here: ours, other: theirs})
    site.add_wheel("alpha")
    folder = site.repository({"requirements.txt": "alpha==1.0\n"})
    base = f"{site.server.address}/bases/both@{both}"
    built = site.built(folder, base, platforms=(here, other), python=PYTHON, bytecode=True)
    layers = [shot.below.own[1] for shot in built.shots]
    assert [shot.inputs.platform for shot in built.shots] == [here, other]
    assert layers[0].digest == layers[1].digest, "a module is compiled to the same on every machine"
    with tarfile.open(fileobj=io.BytesIO(site.blob("group/noise", layers[1].digest))) as archive:
        assert any(
            name.endswith("alpha/__pycache__/__init__.cpython-" + PYTHON.replace(".", "") + ".pyc")
            for name in archive.getnames()
        )

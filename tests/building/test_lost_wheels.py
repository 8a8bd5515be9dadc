"""A lock is used again until one of its wheels is needed and is nowhere any more."""

from __future__ import annotations

import io
import tarfile

import pytest

from bot.adapters.registry import Registry
from bot.building import Built
from bot.layers.built import load_built
from bot.layers.known import lock_tag
from bot.layers.lock import read_lock
from tests.building.site import SCRIPT, Site


def _lose_layer(site: Site, built: Built, at: int) -> None:
    lost = built.shots[0].below.own[at]
    with Registry(site.server.address, pauses=()) as registry:
        delete = frozenset({("group/noise", "delete")})
        registry._wire.ask("DELETE", f"/v2/group/noise/blobs/{lost.digest}", delete, "a blob")


def _versions(site: Site) -> list[str]:
    config = site.config("group/noise", "t1")
    return [one["created_by"] for one in config["history"] if one["created_by"].startswith("alpha")]


def test_a_newer_version_is_taken_only_when_the_locked_one_is_lost(site: Site, base: str) -> None:
    site.add_wheel("alpha", "1.0")
    folder = site.repository({"requirements.txt": "alpha\n"})
    first = site.built(folder, base)
    site.add_wheel("alpha", "1.1")
    (folder / "main.py").write_text(SCRIPT + "# changed\n")
    site.built(folder, base)
    assert _versions(site) == ["alpha 1.0"]

    site.index.packages["alpha"].pop("alpha-1.0-py3-none-any.whl")
    _lose_layer(site, first, 1)
    (folder / "main.py").write_text(SCRIPT + "# changed again\n")
    site.built(folder, base)
    assert _versions(site) == ["alpha 1.1"]
    assert any("get a new lock" in line for line in site.said)


def test_the_lock_of_what_people_get_holds_when_its_tag_was_cleaned_up(site: Site, base: str) -> None:
    site.add_wheel("alpha", "1.0")
    folder = site.repository({"requirements.txt": "alpha\n"})
    first = site.built(folder, base)
    with Registry(site.server.address, pauses=()) as registry:
        registry.put_manifest("group/noise", "latest", first.manifest)
    assert site.server.delete_tag("group/noise", lock_tag(first.shots[0].key))
    site.add_wheel("alpha", "1.1")
    site.forget()
    (folder / "main.py").write_text(SCRIPT + "# changed\n")
    second = site.built(folder, base)
    assert second.shots[0].below.own == first.shots[0].below.own
    assert site.index.requests == []


def test_a_new_lock_whose_wheel_cannot_be_had_is_the_authors(site: Site, base: str) -> None:
    site.add_wheel("alpha", "1.0")
    address = site.index.file_url("alpha-1.0-py3-none-any.whl")
    folder = site.repository({"requirements.txt": f"alpha @ {address}#sha256={'0' * 64}\n"})
    told = site.build(folder, base)
    assert not isinstance(told, Built)
    assert [one.code for one in told] == ["requirement-unresolved"]
    assert "another hash" in told[0].message
    assert site.manifest("group/noise", "t1") is None


@pytest.mark.parametrize("named", [True, False])
def test_a_wheel_of_the_job_before_goes_into_the_image_only_when_it_is_named(
    site: Site, base: str, named: bool
) -> None:
    site.add_wheel("alpha", "1.0")
    files = site.index.packages.pop("alpha")
    settings = ".mlreef.yaml"
    folder = site.repository(
        {
            "requirements.txt": "alpha @ git+https://git.example/alpha.git\n",
            settings: "build_sdists: [alpha]\n" if named else "quiet: false\n",
            **{f".mlreef/wheels/{name}": shelf.content for name, shelf in files.items()},
        }
    )
    found = site.build(folder, base)
    if not named:
        assert not isinstance(found, Built)
        assert [one.code for one in found] == ["requirement-sources"]
        return
    assert isinstance(found, Built)
    assert _versions(site) == ["alpha 1.0"]
    with_hash = load_built(folder / ".mlreef" / "wheels", ["alpha"])["alpha"]
    held = site.blob("group/noise", found.shots[0].below.own[0].digest)
    assert with_hash.size > 0
    assert read_lock(_lock_of(held)).wheels[0].sha256 == with_hash.sha256


def _lock_of(foundation: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(foundation)) as layer:
        file = layer.extractfile("opt/mlreef/pylock.toml")
        assert file is not None
        return file.read()

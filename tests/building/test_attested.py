"""What is attached to an image that was really built: its own lock, for each of its platforms."""

from __future__ import annotations

import json

from bot.adapters.registry import Registry
from bot.layers.lock import read_lock
from bot.layers.trust.attest import LOCK_TYPE, children, fetch_lock_of
from bot.layers.trust.provenance import PROVENANCE_TYPE
from bot.layers.trust.sbom import SBOM_TYPE
from bot.local.attesting import attest_pushed
from tests.building.site import Site


def test_the_lock_in_the_image_is_the_one_beside_it(site: Site, base: str) -> None:
    site.add_wheel("alpha", requires="Requires-Dist: beta\n")
    site.add_wheel("beta")
    built = site.built(site.repository({"requirements.txt": "alpha==1.0\n"}), base)
    name = f"{site.server.address}/group/noise"
    with Registry(site.server.address) as registry:
        attest_pushed(registry, name, built.manifest, site.said.append, variables={})
        found = {
            one.artifact_type: one.digest
            for one in registry.fetch_referrers("group/noise", built.manifest.digest)
        }
        assert set(found) == {LOCK_TYPE, SBOM_TYPE, PROVENANCE_TYPE}
        lock, bill, provenance = (
            site.manifest("group/noise", found[kind])["layers"][0]["digest"]
            for kind in (LOCK_TYPE, SBOM_TYPE, PROVENANCE_TYPE)
        )
        assert lock == built.shots[0].below.lock
        assert read_lock(site.blob("group/noise", lock)) == fetch_lock_of(
            registry, "group/noise", built.manifest
        )
    wheels = read_lock(site.blob("group/noise", lock)).wheels
    told = json.loads(site.blob("group/noise", bill))["components"]
    assert {one["name"]: one["hashes"][0]["content"] for one in told if one["type"] == "library"} == {
        wheel.name: wheel.sha256 for wheel in wheels
    }
    sources = json.loads(site.blob("group/noise", provenance))["predicate"]["buildDefinition"]
    of_base = next(one for one in sources["resolvedDependencies"] if one.get("name") == "base")
    assert base.endswith(of_base["digest"]["sha256"])
    assert children(registry, "group/noise", built.manifest) == (built.manifest,)

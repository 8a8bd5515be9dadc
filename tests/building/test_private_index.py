"""A package of an index of one's own goes into the image; the account that opened the index goes nowhere."""

from __future__ import annotations

import base64
import gzip
import json
from urllib.parse import quote

from tests.building.site import Site
from tests.layers.package_index import PackageIndex, served

USER, PASSWORD = "reader-of-packages", "s3cret/p@ss:word"


def test_the_account_is_in_no_layer_lock_label_or_log(site: Site, base: str) -> None:
    private = PackageIndex(account=(USER, PASSWORD))
    site.add_wheel("ours")
    private.packages["ours"] = site.index.packages.pop("ours")
    site.variables = {"MLREEF_INDEX_USER": USER, "MLREEF_INDEX_PASSWORD": PASSWORD}
    with served(private):
        host = private.url.removeprefix("http://")
        line = f"--extra-index-url http://${{MLREEF_INDEX_USER}}:${{MLREEF_INDEX_PASSWORD}}@{host}/simple"
        site.built(site.repository({"requirements.txt": f"{line}\nours\n"}), base)
    manifest, config = site.manifest("group/noise", "t1"), site.config("group/noise", "t1")
    assert any(one["created_by"] == "ours 1.0" for one in config["history"])
    layers = [gzip.decompress(site.blob("group/noise", one["digest"])) for one in manifest["layers"]]
    everything = b"".join([*layers, json.dumps([manifest, config]).encode(), "\n".join(site.said).encode()])
    assert b"MLREEF_INDEX_PASSWORD" in everything
    for secret in (USER, PASSWORD):
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
            assert form.encode() not in everything
    assert f"{USER}:{PASSWORD}" in private.accounts_seen()
    assert site.index.accounts_seen() <= {""}

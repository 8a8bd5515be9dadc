"""Images under our own tags that somebody else wrote: they cost a layer that is made again, and nothing else."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from bot.adapters.registry import Manifest, Registry
from bot.adapters.registry.answers import MAX_JSON_BYTES
from bot.layers.foundation import MAX_UNPACKED_BYTES, read_foundation
from bot.layers.image import Dress, Ground, canonical, read_known, write_picture
from bot.layers.known import lock_tag
from bot.layers.values import Layer
from tests.building.site import Site

Change = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], object]


def layer(digit: str) -> Layer:
    return Layer(f"sha256:{digit * 64}", 10, f"sha256:{digit * 64}", "x")


PICTURE = write_picture(
    Ground(f"sha256:{'a' * 64}", {"architecture": "amd64", "os": "linux"}, ("PATH=/bin",)),
    (layer("1"),),
    (layer("2"), layer("3"), layer("4")),
    Dress(("/app/main.py",), {}, {}, {"io.mlreef.lock": f"sha256:{'b' * 64}"}, "2020-01-01T00:00:00Z"),
)

CHANGES: dict[str, Change] = {
    "variables that are no text": lambda m, c, about: about.update(env=[1]),
    "variables that are no list": lambda m, c, about: about.update(env="PATH=/elsewhere"),
    "settings that are none of a base": lambda m, c, about: about.update(kept={"OnBuild": ["RUN x"]}),
    "settings that are a list": lambda m, c, about: about.update(kept=[1]),
    "a platform that is a list": lambda m, c, about: about.update(platform=["linux"]),
    "a platform that says more": lambda m, c, about: about.update(platform={"author": "x"}),
    "a base without a digest": lambda m, c, about: about.update(digest=None),
    "bytecode that is a word": lambda m, c, about: about.update(bytecode="yes"),
    "no lock": lambda m, c, about: c["config"]["Labels"].pop("io.mlreef.lock"),
    "a lock that is a number": lambda m, c, about: c["config"]["Labels"].update({"io.mlreef.lock": 5}),
    "an endless size": lambda m, c, about: m["layers"][1].update(size=float("inf")),
    "a size below nothing": lambda m, c, about: m["layers"][1].update(size=-1),
    "a size in words": lambda m, c, about: m["layers"][1].update(size="12"),
    "a digest that is a path": lambda m, c, about: m["layers"][1].update(digest="../../other/blobs/x"),
    "a digest that is a number": lambda m, c, about: m["layers"][1].update(digest=7),
    "a content that is no digest": lambda m, c, about: c["rootfs"].update(diff_ids=["x"] * 4),
    "a layer of another kind": lambda m, c, about: m["layers"][1].update(mediaType="application/zip"),
    "a layer more": lambda m, c, about: m["layers"].append(m["layers"][0]),
}


def changed(change: Change) -> tuple[bytes, bytes]:
    manifest, config = json.loads(PICTURE.manifest), json.loads(PICTURE.config)
    about = json.loads(config["config"]["Labels"]["io.mlreef.base"])
    change(manifest, config, about)
    config["config"]["Labels"]["io.mlreef.base"] = json.dumps(about)
    return json.dumps(manifest).encode(), json.dumps(config).encode()


def test_what_we_wrote_is_known() -> None:
    known = read_known(*changed(lambda m, c, about: None))
    assert known is not None
    assert known.foundation.digest == layer("2").digest


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_image_of_another_form_is_not_known(change: Change) -> None:
    assert read_known(*changed(change)) is None


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE])
def test_a_layer_that_unpacks_without_end_is_read_no_further_than_ours_could_go(kind: bytes) -> None:
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, 4 * MAX_UNPACKED_BYTES
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as sink:
        sink.write(member.tobuf(tarfile.GNU_FORMAT))
        sink.write(b"\0" * member.size)
    read = packed.getvalue()
    stream = io.BytesIO(read)
    with pytest.raises(ValueError, match=r"cannot be read|no lock"):
        read_foundation(stream)
    assert stream.tell() < len(read)


@pytest.mark.parametrize("config", ["lost", "too big", "no digest"])
def test_a_broken_image_under_a_locks_tag_stops_no_build(site: Site, base: str, config: str) -> None:
    folder = site.repository()
    first = site.built(folder, base)
    key = first.shots[0].key
    with Registry(site.server.address, pauses=()) as registry:
        manifest = site.manifest("group/noise", lock_tag(key))
        body = canonical({"pad": "x" * MAX_JSON_BYTES}) if config == "too big" else b"{}"
        digest = registry.ensure_bytes("group/noise", body)
        manifest["config"] |= {"digest": digest, "size": len(body)}
        registry.put_manifest("group/noise", lock_tag(key), Manifest.of(canonical(manifest)))
        if config == "lost":
            registry._wire.ask(
                "DELETE", f"/v2/group/noise/blobs/{digest}", frozenset({("group/noise", "delete")}), "a blob"
            )
    (folder / "main.py").write_text((folder / "main.py").read_text() + "# changed\n")
    again = site.built(folder, base)
    assert again.shots[0].below == first.shots[0].below
    assert site.config("group/noise", lock_tag(key))["config"]["Labels"]["io.mlreef.lock.key"] == key

"""One image from top to bottom: what is sent, what is taken from where, and what stands when something goes wrong."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from werkzeug.wrappers import Request, Response

from bot.adapters.registry import Registry
from bot.building import Again, Built
from bot.errors import BotError
from bot.layers.groups import FEW
from bot.layers.known import lock_tag
from bot.layers.shelves import FolderShelf
from tests.building.golden import SCRIPT, built_wheel, lock_of, push_base, push_index
from tests.building.site import Site
from tests.layers.making_wheels import Recipe
from tests.layers.package_index import Shelf as IndexShelf

NEEDS = "alpha==1.0\nbeta==1.0\n"


@pytest.fixture
def stocked(site: Site) -> Site:
    site.add_wheel("alpha", requires="Requires-Dist: gamma\n")
    site.add_wheel("beta", size=40_000)
    site.add_wheel("gamma")
    return site


def change(folder: Path, text: str = "# changed\n") -> None:
    (folder / "main.py").write_text(SCRIPT + text)


def sent(site: Site, repository: str = "group/noise") -> list[str]:
    """What went through the net to the registry, by name."""
    config = site.config(repository, "t1")
    layers = site.manifest(repository, "t1")["layers"]
    names = {one["digest"]: told["created_by"] for one, told in zip(layers, config["history"], strict=True)}
    return sorted(names.get(digest, "the configuration") for digest in site.received)


def test_an_image_is_its_base_a_foundation_a_layer_for_each_wheel_and_the_sources(
    stocked: Site, base: str
) -> None:
    folder = stocked.repository({"requirements.txt": NEEDS, "lib/help.py": "X = 1\n"})
    built = stocked.built(folder, base)
    manifest, config = stocked.manifest("group/noise", "t1"), stocked.config("group/noise", "t1")
    of_base = stocked.manifest("bases/python", base.partition("@")[2])
    assert [one["digest"] for one in manifest["layers"]][:1] == [one["digest"] for one in of_base["layers"]]
    told = [one["created_by"] for one in config["history"]]
    assert told[1:] == ["environment and lock", *told[2:5], "the sources"]
    assert sorted(told[2:5]) == ["alpha 1.0", "beta 1.0", "gamma 1.0"]
    inside = config["config"]
    assert inside["Entrypoint"] == ["/opt/mlreef/env/bin/python", "/app/main.py"]
    assert inside["User"] == "10001:10001"
    assert "PATH=/opt/mlreef/env/bin:/usr/local/bin:/usr/bin:/bin" in inside["Env"]
    assert "LANG=C.UTF-8" in inside["Env"]
    assert inside["Labels"]["io.mlreef.lock"] == built.shots[0].below.lock
    assert inside["Labels"]["org.opencontainers.image.base.digest"] == base.partition("@")[2]
    assert "Healthcheck" not in inside
    assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"]) == len(config["history"])


def test_a_changed_script_costs_eight_requests_and_no_wheel(stocked: Site, base: str) -> None:
    folder = stocked.repository({"requirements.txt": NEEDS})
    first = stocked.built(folder, base)
    stocked.forget()
    change(folder)
    second = stocked.built(folder, base)
    assert len(stocked.asked) <= 8
    assert stocked.index.requests == []
    assert stocked.sent - second.sources.size <= 10_000
    assert not any("/bases/" in line for line in stocked.asked)
    assert [one.digest for one in second.shots[0].below.own] == [
        one.digest for one in first.shots[0].below.own
    ]
    assert second.digest != first.digest
    assert stocked.asked[-1] == "PUT /v2/group/noise/manifests/t1"


def test_the_same_again_sends_nothing(stocked: Site, base: str) -> None:
    folder = stocked.repository({"requirements.txt": NEEDS})
    first = stocked.built(folder, base)
    stocked.forget()
    second = stocked.built(folder, base)
    assert (second.digest, second.unchanged) == (first.digest, True)
    assert {line.split()[0] for line in stocked.asked} == {"GET"}


def test_another_requirement_makes_one_layer_more(stocked: Site, base: str) -> None:
    folder = stocked.repository({"requirements.txt": NEEDS})
    stocked.built(folder, base)
    stocked.add_wheel("delta")
    stocked.forget()
    (folder / "requirements.txt").write_text(NEEDS + "delta==1.0\n")
    stocked.built(folder, base)
    assert sent(stocked) == ["delta 1.0", "environment and lock", "the configuration", "the sources"]


def test_a_new_project_takes_layers_over_from_the_operators_repository(stocked: Site, base: str) -> None:
    folder = stocked.repository({"requirements.txt": NEEDS})
    stocked.built(folder, base, "operator/layers")
    stocked.forget()
    built = stocked.built(folder, base, "group/other", shared="operator/layers")
    assert stocked.index.requests == []
    mounts = [line for line in stocked.asked if line == "POST /v2/group/other/blobs/uploads/"]
    assert len(mounts) == len(built.shots[0].below.base) + len(built.shots[0].below.own) + 2
    assert not any("/v2/operator/layers/blobs/uploads" in line for line in stocked.asked)


def test_a_part_of_what_is_needed_is_taken_over_too(stocked: Site, base: str) -> None:
    stocked.built(stocked.repository({"requirements.txt": NEEDS}), base, "operator/layers")
    stocked.add_wheel("delta")
    stocked.forget()
    wanted = stocked.repository({"requirements.txt": "delta==1.0\nbeta==1.0\n"}, "other")
    stocked.built(wanted, base, "group/other", shared="operator/layers")
    assert sent(stocked, "group/other") == [
        "delta 1.0",
        "environment and lock",
        "the configuration",
        "the sources",
    ]


def test_nobody_else_is_believed(stocked: Site, base: str) -> None:
    """A foreign image under the very tag that is looked for is not so much as looked at."""
    folder = stocked.repository({"requirements.txt": NEEDS})
    stocked.built(folder, base, "eve/layers")
    stocked.forget()
    stocked.built(folder, base, "group/noise", shared="operator/layers")
    assert not any("eve" in line for line in stocked.asked)


def test_an_image_that_only_has_the_tag_is_not_believed(stocked: Site, base: str) -> None:
    folder = stocked.repository({"requirements.txt": NEEDS})
    good = stocked.built(folder, base)
    key = good.shots[0].key
    other = stocked.built(stocked.repository({"requirements.txt": "beta==1.0\n"}, "other"), base, "group/x")
    with Registry(stocked.server.address, pauses=()) as registry:
        manifest = registry.fetch_manifest("group/x", "t1")
        assert manifest is not None
        for layer in json.loads(manifest.content)["layers"]:
            registry.mount_blob("group/noise", layer["digest"], "group/x")
        registry.mount_blob("group/noise", json.loads(manifest.content)["config"]["digest"], "group/x")
        registry.put_manifest("group/noise", lock_tag(key), manifest)
    assert other.digest != good.digest
    change(folder)
    again = stocked.built(folder, base)
    assert again.shots[0].below == good.shots[0].below


def test_a_layer_that_the_registry_lost_is_made_again(stocked: Site, base: str) -> None:
    folder = stocked.repository({"requirements.txt": NEEDS})
    first = stocked.built(folder, base)
    lost = first.shots[0].below.own[1]
    with Registry(stocked.server.address, pauses=()) as registry:
        registry._wire.ask(
            "DELETE", f"/v2/group/noise/blobs/{lost.digest}", frozenset({("group/noise", "delete")}), "a blob"
        )
        assert not registry.has_blob("group/noise", lost.digest)
    change(folder)
    second = stocked.built(folder, base)
    assert second.shots[0].below.own == first.shots[0].below.own
    with Registry(stocked.server.address, pauses=()) as registry:
        assert registry.has_blob("group/noise", lost.digest)
    assert any("made anew" in line for line in stocked.said)


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_whatever_ends_a_build_has_moved_no_tag(site: Site, base: str, warm: bool) -> None:
    """From the n-th request on nothing is answered any more, for every n; then all is well again."""
    folder = site.repository()
    if warm:
        site.built(folder, base)
    before = site.manifest("group/noise", "t1")
    ended = 0
    for number in range(100):
        change(folder, f"# {'x' * number}\n")
        heard = iter(range(1000))
        site.fail = lambda _request, heard=heard, number=number: (
            Response(status=503) if next(heard) >= number else None
        )
        try:
            site.built(folder, base)
        except BotError:
            ended += 1
            site.fail = lambda _: None
            assert site.manifest("group/noise", "t1") == before, f"broken off at request {number}"
        else:
            break
    site.fail = lambda _: None
    assert ended >= (5 if warm else 10)
    built = site.built(folder, base)
    assert built.unchanged, "the last try had succeeded"
    assert site.config("group/noise", "t1")["config"]["Labels"]["io.mlreef.lock"]


def test_130_requirements_fit_into_an_image(site: Site, base: str) -> None:
    folder = site.repository()
    wheels = [built_wheel(folder, f"p{number:03}") for number in range(130)]
    again = Again("a" * 64, lock_of(*wheels))
    built = site.built(folder, base, again=again)
    layers = site.manifest("group/noise", "t1")["layers"]
    # base, foundation, a few wheels alone, all others, sources
    assert len(layers) == 2 + FEW + 1 + len(built.shots[0].below.base)
    assert built.shots[0].below.own[-1].title == f"{130 - FEW} packages"


def test_a_base_tag_that_moved_is_another_base(site: Site) -> None:
    folder = site.repository()
    named = f"{site.server.address}/bases/python:3.12"
    with Registry(site.server.address, pauses=()) as registry:
        old = push_base(registry, "bases/python", "3.12")
        first = site.built(folder, named)
        new = push_base(registry, "bases/python", "3.12", b"another base\n")
        second = site.built(folder, named)
    assert [one.shots[0].below.ground.digest for one in (first, second)] == [old, new]
    labels = site.config("group/noise", "t1")["config"]["Labels"]
    assert labels["org.opencontainers.image.base.digest"] == new
    site.said.clear()
    third = site.built(folder, f"{named}@{old}", "group/other")
    assert third.shots[0].below.ground.digest == old
    (told,) = [line for line in site.said if line.startswith("The tag 3.12 of the base image")]
    assert f"now stands for {new}; this image is built on {old}" in told
    assert "Name the base by its digest" in told


def test_one_image_for_two_platforms_is_an_index(site: Site) -> None:
    with Registry(site.server.address, pauses=()) as registry:
        digests = {
            arch: push_base(registry, "bases/python", arch, arch.encode(), arch)
            for arch in ("amd64", "arm64")
        }
        images = {f"linux/{arch}": digest for arch, digest in digests.items()}
        both = push_index(registry, "bases/python", "both", images)
    folder = site.repository()
    named = f"{site.server.address}/bases/python@{both}"
    built = site.built(folder, named, platforms=("linux/amd64", "linux/arm64"))
    told = site.manifest("group/noise", "t1")
    assert [one["platform"]["architecture"] for one in told["manifests"]] == ["amd64", "arm64"]
    assert [one["digest"] for one in told["manifests"]] == [shot.picture.digest for shot in built.shots]
    for one in told["manifests"]:
        config = site.config("group/noise", one["digest"])
        assert config["architecture"] == one["platform"]["architecture"]
    site.forget()
    change(folder)
    site.built(folder, named, platforms=("linux/amd64", "linux/arm64"))
    assert not any("/bases/" in line for line in site.asked)


def test_without_a_registry_it_is_built_into_a_folder(stocked: Site, base: str, tmp_path: Path) -> None:
    folder = stocked.repository({"requirements.txt": NEEDS})
    pushed = stocked.built(folder, base)
    kept = stocked.built(folder, base, shelf=FolderShelf(tmp_path / "cache"))
    assert kept.digest == pushed.digest
    stocked.forget()
    change(folder)
    stocked.built(folder, base, shelf=FolderShelf(tmp_path / "cache"))
    assert (stocked.asked, stocked.index.requests) == ([], [])


def test_a_wheel_that_is_none_is_told_and_nothing_is_published(stocked: Site, base: str) -> None:
    bad = Recipe({"beta/__init__.py": b""}, name="beta", record="beta/__init__.py,sha256=AAAA,0\n")
    shelf = IndexShelf(bad.write(stocked.work).read_bytes())
    stocked.index.packages["beta"] = {bad.filename: shelf}
    folder = stocked.repository({"requirements.txt": "beta==1.0\n"})
    found = stocked.build(folder, base)
    assert not isinstance(found, Built)
    assert [problem.code for problem in found] == ["wheel-record"]
    assert stocked.manifest("group/noise", "t1") is None


def test_the_commit_and_its_time_are_told_only_when_nothing_was_changed_since(site: Site, base: str) -> None:
    folder = site.repository()
    for words in (("init", "-q", "-b", "main"), ("add", "-A")):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    made = {"GIT_COMMITTER_DATE": "2026-01-01T01:00:00+0100", "PATH": "/usr/bin:/bin"}
    subprocess.run(["git", "-C", str(folder), *who, "commit", "-qm", "Work"], check=True, env=made)
    site.built(folder, base)
    config = site.config("group/noise", "t1")
    head = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert config["config"]["Labels"]["org.opencontainers.image.revision"] == head
    assert config["created"] == "2026-01-01T00:00:00Z"
    change(folder)
    site.built(folder, base)
    config = site.config("group/noise", "t1")
    assert "org.opencontainers.image.revision" not in config["config"]["Labels"]
    assert config["created"] == "1970-01-01T00:00:00Z"


def test_a_refused_request_is_an_error_that_names_the_registry(site: Site, base: str) -> None:
    def no(request: Request) -> Response | None:
        return Response(status=403) if request.method == "POST" else None

    site.fail = no
    with pytest.raises(BotError, match=r"refuses"):
        site.built(site.repository(), base)


def test_a_wheel_that_is_added_is_compared_with_those_whose_layers_are_there(site: Site, base: str) -> None:
    for name, files in {
        "alpha": {"shared.py": b"alpha", "alpha/__init__.py": b"", "tests/it.py": b"alpha"},
        "gamma": {"space/gamma/__init__.py": b"", "tests/it.py": b"gamma"},
        "delta": {"space/delta/__init__.py": b"", "tests/it.py": b"delta"},
        "beta": {"shared.py": b"beta"},
    }.items():
        recipe = Recipe(files, name=name)
        site.index.packages[name] = {recipe.filename: IndexShelf(recipe.write(site.work).read_bytes())}
    folder = site.repository({"requirements.txt": "alpha==1.0\ngamma==1.0\n"})
    site.built(folder, base)
    old = site.manifest("group/noise", "t1")
    site.forget()
    (folder / "requirements.txt").write_text("alpha==1.0\ngamma==1.0\ndelta==1.0\n")
    site.built(folder, base)
    asked = Counter(
        path.rpartition("/")[2].partition("-")[0]
        for what, path, _ in site.index.requests
        if what == "GET" and path.endswith(".whl")
    )
    # The resolver looks into each of them, and the build fetches one.
    assert asked["delta"] == asked["alpha"] + 1 == asked["gamma"] + 1
    assert site.manifest("group/noise", "t1") != old
    old = site.manifest("group/noise", "t1")
    (folder / "requirements.txt").write_text("alpha==1.0\nbeta==1.0\n")
    found = site.build(folder, base)
    assert isinstance(found, tuple)
    assert [(one.code, one.message[:24]) for one in found] == [("wheels-clash", "alpha and beta both brin")]
    assert site.manifest("group/noise", "t1") == old


def test_two_wheels_that_bring_one_path_stop_the_build_before_any_tag(site: Site, base: str) -> None:
    for name in ("alpha", "beta"):
        recipe = Recipe({"shared.py": name.encode()}, name=name)
        content = recipe.write(site.work).read_bytes()
        site.index.packages.setdefault(name, {})[recipe.filename] = IndexShelf(content)
    found = site.build(site.repository({"requirements.txt": NEEDS}), base)
    assert isinstance(found, tuple)
    (problem,) = found
    assert problem.code == "wheels-clash"
    assert problem.message.startswith("alpha and beta both bring ")
    assert site.manifest("group/noise", "t1") is None
    with Registry(site.server.address, pauses=()) as registry:
        assert registry.fetch_tags("group/noise") == ()

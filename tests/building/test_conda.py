"""A repository with an environment.yml becomes an image that stands on conda's Python."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from bot.layers.lock import read_lock
from parser.model import Problem
from tests.building.site import SCRIPT, Site
from tests.layers.making_conda import PLACEHOLDER, Link, Package, serve, write_channel

PYTHON = Package(
    "python",
    "3.11.9",
    "h1_0",
    {"bin/python3.11": b"\x7fELF", "bin/python": Link("python3.11"), "etc/x": PLACEHOLDER.encode()},
    executable=("bin/python3.11",),
    prefixed={"etc/x": "text"},
)
BETA = Package(
    "beta",
    "1.0",
    "py_0",
    {"site-packages/beta/__init__.py": b"VALUE = 2\n"},
    depends=("python",),
    noarch="python",
)


def environment(url: str) -> str:
    return f"channels: ['{url}']\ndependencies:\n- python=3.11\n- beta\n- pip:\n  - alpha==1.0\n"


def repository(site: Site, url: str) -> Path:
    folder = site.repository({"environment.yml": environment(url)})
    (folder / "requirements.txt").unlink()
    return folder


def test_an_environment_yml_becomes_layers_below_those_of_pip(site: Site, base: str, tmp_path: Path) -> None:
    site.add_wheel("alpha", requires="Requires-Dist: beta\n")
    site.add_wheel("beta")
    write_channel(tmp_path / "channel", [PYTHON, BETA])
    with serve(tmp_path / "channel") as (url, seen):
        folder = repository(site, url)
        first = site.built(folder, base)
        config, manifest = site.config("group/noise", "t1"), site.manifest("group/noise", "t1")
        told = [one["created_by"] for one in config["history"]]
        assert told[1:] == ["environment and lock", *told[2:4], "alpha 1.0", "the sources"]
        assert sorted(told[2:4]) == ["beta 1.0", "python 3.11.9"]
        foundation = site.blob("group/noise", manifest["layers"][1]["digest"])
        with tarfile.open(fileobj=io.BytesIO(foundation), mode="r:gz") as archive:
            content = archive.extractfile("opt/mlreef/pylock.toml")
            link = archive.getmember("opt/mlreef/env/bin/python")
            assert content is not None
            lock = read_lock(content.read())
        # What conda has brought is not brought by pip too.
        assert [wheel.name for wheel in lock.wheels] == ["alpha"]
        assert [package.name for package in lock.conda] == ["beta", "python"]
        assert lock.python == "3.11"
        assert link.linkname == "/opt/mlreef/conda/bin/python3.11"
        paths = [pair for pair in config["config"]["Env"] if pair.startswith("PATH=")]
        assert paths == ["PATH=/opt/mlreef/env/bin:/opt/mlreef/conda/bin:/usr/local/bin:/usr/bin:/bin"]

        asked = len(seen)
        site.forget()
        (folder / "main.py").write_text(SCRIPT + "# changed\n")
        second = site.built(folder, base)
        assert len(site.asked) <= 8
        assert len(seen) == asked
    assert [one.digest for one in second.shots[0].below.own] == [
        one.digest for one in first.shots[0].below.own
    ]
    assert site.config("group/noise", "t1")["config"]["Env"] == config["config"]["Env"]


def test_layers_of_conda_are_taken_over_by_another_environment(site: Site, base: str, tmp_path: Path) -> None:
    site.add_wheel("alpha")
    write_channel(tmp_path / "channel", [PYTHON, BETA])
    with serve(tmp_path / "channel") as (url, seen):
        folder = repository(site, url)
        site.built(folder, base)
        before = {one["digest"] for one in site.manifest("group/noise", "t1")["layers"]}
        seen.clear()
        (folder / "environment.yml").write_text(environment(url).replace("- beta\n", ""))
        site.built(folder, base)
        after = [one["digest"] for one in site.manifest("group/noise", "t1")["layers"]]
        assert not [path for path in seen if path.endswith((".conda", ".tar.bz2"))]
    assert len(before & set(after)) == len(after) - 2


def test_what_conda_cannot_give_publishes_nothing(site: Site, base: str, tmp_path: Path) -> None:
    write_channel(tmp_path / "channel", [PYTHON])
    with serve(tmp_path / "channel") as (url, _):
        found = site.build(repository(site, url), base)
    assert isinstance(found, tuple)
    (problem,) = found
    assert isinstance(problem, Problem)
    assert (problem.code, problem.place.file if problem.place else None) == (
        "conda-unresolved",
        "environment.yml",
    )
    assert "beta" in problem.message
    assert site.manifest("group/noise", "t1") is None


def test_what_packages_of_conda_do_to_each_other_is_said(site: Site, base: str, tmp_path: Path) -> None:
    site.add_wheel("alpha")
    fonts = Package("beta", files={"etc/x": b"other", "bin/.beta-post-link.sh": b"exit\n"}, noarch="generic")
    write_channel(tmp_path / "channel", [PYTHON, fonts])
    with serve(tmp_path / "channel") as (url, _):
        site.built(repository(site, url), base)
    said = "\n".join(site.said)
    assert "beta and python both bring '/opt/mlreef/conda/etc/x', each another one." in said
    assert "beta has a script that conda runs after installing" in said

"""The same commit, base and lock give the same image: in another folder, another world, on another Python."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.building.site import Site

ROOT = Path(__file__).parents[2]

GOLDEN = "sha256:f135716f522b0f57cacdb9a658211944bd6a1a3b394b953f52210faadaa69a08"
"""The digest of the fixed repository's image. If it changes, so does every image: raise LAYOUT, and say so."""

WORLDS: Mapping[str, Mapping[str, str]] = {
    "plain": {},
    "another umask": {"UMASK": "077"},
    "another time zone": {"TZ": "Pacific/Kiritimati"},
    "no locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "another hash seed": {"PYTHONHASHSEED": "7"},
    "optimised": {"PYTHONOPTIMIZE": "1", "PYTHONHASHSEED": "8"},
}


def pythons() -> dict[str, str]:
    """The Python that runs this, and every other one of 3.11 or later on this machine, by version."""
    candidates = [sys.executable, "/usr/bin/python3"]
    candidates += [f"python3.{minor}" for minor in range(11, 16)]
    candidates += [str(path) for path in (Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3")]
    asks = "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.version_info >= (3, 11))"
    found: dict[str, str] = {}
    for candidate in candidates:
        try:
            done = subprocess.run([candidate, "-c", asks], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        version, fits = done.stdout.split()
        if fits == "True":
            found.setdefault(version, candidate)
    return found


def build(site: Site, folder: Path, python: str = sys.executable, **variables: str) -> str:
    """The digest that a build in a process of its own comes to."""
    packages = [path for path in sys.path if path.endswith("-packages")]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *packages])
    folder.mkdir(parents=True)
    done = subprocess.run(
        [python, "-m", "tests.building.program", site.server.address, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
        cwd=folder,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("world", WORLDS)
def test_the_digest_is_pinned_whatever_the_world_is_like(site: Site, tmp_path: Path, world: str) -> None:
    assert build(site, tmp_path / world.replace(" ", "-"), **WORLDS[world]) == GOLDEN


@pytest.mark.parametrize("version", pythons())
def test_the_digest_is_pinned_whichever_python_builds(site: Site, tmp_path: Path, version: str) -> None:
    assert build(site, tmp_path / "work", pythons()[version]) == GOLDEN

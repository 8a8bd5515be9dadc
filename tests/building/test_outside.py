"""What other programs make of an image: skopeo and umoci read it, an engine pulls, loads and runs it."""

from __future__ import annotations

import ast
import gzip
import io
import json
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.registry import Registry
from sandbox.registry import RegistryServer
from tests.building.command import build, document
from tests.building.site import Site
from tests.images.tiny import push
from tests.layers.making_bases import EXECUTABLE, PYTHON, python_layers
from tests.layers.package_index import PackageIndex, served

PRINTS = (
    "import argparse, os, sys, alpha\n"
    "parser = argparse.ArgumentParser()\n"
    "parser.add_argument('--input-path')\n"
    "parser.add_argument('--output-path')\n"
    "parser.add_argument('--text', default='none')\n"
    "if __name__ == '__main__':\n"
    "    text = parser.parse_args().text\n"
    "    if text.startswith('end with'):\n"
    "        sys.exit(int(text.split()[-1]))\n"
    "    print([text, os.getuid(), os.getcwd(), alpha.VALUE, alpha.__cached__, sys.prefix])\n"
)
"""With no more of the standard library than the base has."""

BASE_CONFIG = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LD_LIBRARY_PATH=/usr/local/lib"]}

LISTS = "import os; print([name for _, folders, files in os.walk('/opt') for name in (*folders, *files)])"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all tests here: none of them changes what it holds."""
    work = tmp_path_factory.mktemp("outside")
    with served(PackageIndex()) as index, RegistryServer(work / "registry") as server:
        made = Site(server, index, work)
        made.add_wheel("alpha")
        yield made


@pytest.fixture(scope="module")
def python(site: Site) -> str:
    """A base with the Python that runs this."""
    layers = [gzip.decompress(one) for one in python_layers()]
    with Registry(site.server.address, pauses=()) as registry:
        digest = push(registry, "bases/real", layers, BASE_CONFIG)
    return f"{site.server.address}/bases/real@{digest}"


@pytest.fixture(scope="module")
def image(site: Site, python: str) -> str:
    """An image of ours by its name."""
    folder = site.repository({"main.py": PRINTS, "requirements.txt": "alpha==1.0\n"})
    name = f"{site.server.address}/group/noise-{uuid.uuid4().hex[:8]}:v1"
    done = build(site, folder, "--base", python, "--python", PYTHON, "--push", name)
    assert done.returncode == 0, done.stderr
    return name


@pytest.fixture
def docker() -> Iterator[list[str]]:
    """Names of images that are taken away in the end."""
    names: list[str] = []
    yield names
    for name in names:
        subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True, check=False)


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.engine
def test_an_engine_pulls_and_runs_it_without_rights_and_without_writing(
    image: str, docker: list[str]
) -> None:
    docker.append(image)
    run("docker", "pull", "--quiet", image)
    for more in ((), ("--read-only",), ("--read-only", "--cap-drop", "ALL", "--network", "none")):
        told = ast.literal_eval(run("docker", "run", "--rm", *more, image, "--text", "hello"))
        assert told[:4] == ["hello", 10001, "/app", 1]
        assert told[4].endswith(f"alpha/__pycache__/__init__.cpython-{PYTHON.replace('.', '')}.pyc")
        assert told[5] == "/opt/mlreef/env"
    anybody = run("docker", "run", "--rm", "--read-only", "--user", "4321:4321", image)
    assert ast.literal_eval(anybody)[:3] == ["none", 4321, "/app"]
    held = json.loads(run("docker", "image", "inspect", image))[0]
    assert held["Config"]["User"] == "10001:10001"
    names = ast.literal_eval(run("docker", "run", "--rm", "--entrypoint", EXECUTABLE, image, "-c", LISTS))
    assert "pyvenv.cfg" in names
    assert not {"pip", "setuptools", "wheel", ".cache"} & set(names)


@pytest.mark.engine
def test_it_is_loaded_and_run_without_any_registry_of_ones_own(
    site: Site, python: str, docker: list[str]
) -> None:
    name = f"local-{uuid.uuid4().hex[:8]}"
    docker.append(f"mlreef/{name}:local")
    folder = site.repository({"main.py": PRINTS, "requirements.txt": "alpha==1.0\n"}, name)
    wishes = ("--base", python, "--python", PYTHON, "--run", "--", "--text", "a b")
    done = build(site, folder, *wishes)
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout.splitlines()[-1])[:2] == ["a b", 10001]
    done = build(site, folder, *wishes[:-1], "end with 37")
    assert done.returncode == 37, "its exit code is the command's"
    done = build(site, folder, *wishes[:-2], "--unknown")
    assert "unrecognized arguments: --unknown" in done.stderr


def test_nothing_is_added_but_environment_wheels_and_sources(site: Site, image: str) -> None:
    """No pip, no build tools, no cache: every file of the layers above the base is one of these."""
    repository, _, tag = image.partition("/")[2].partition(":")
    names: set[str] = set()
    for one in site.manifest(repository, tag)["layers"][len(python_layers()) :]:
        with tarfile.open(fileobj=io.BytesIO(site.blob(repository, one["digest"]))) as members:
            names |= {member.name for member in members if not member.isdir()}
    site_packages = f"opt/mlreef/env/lib/python{PYTHON}/site-packages"
    assert names == {
        "app/main.py",
        "app/requirements.txt",
        "opt/mlreef/pylock.toml",
        "opt/mlreef/env/pyvenv.cfg",
        "opt/mlreef/env/lib64",
        *(f"opt/mlreef/env/bin/{name}" for name in ("python", "python3", f"python{PYTHON}")),
        *(f"{site_packages}/alpha-1.0.dist-info/{n}" for n in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
        f"{site_packages}/alpha/__init__.py",
        f"{site_packages}/alpha/__pycache__/__init__.cpython-{PYTHON.replace('.', '')}.pyc",
    }


@pytest.mark.readers
def test_skopeo_reads_it(image: str) -> None:
    told = json.loads(run("skopeo", "inspect", "--tls-verify=false", f"docker://{image}"))
    assert told["Labels"]["io.mlreef.engine"] == "layers"
    assert told["Labels"]["org.opencontainers.image.title"]
    assert told["Os"] == "linux"


@pytest.mark.readers
def test_umoci_unpacks_what_skopeo_copies(image: str, tmp_path: Path) -> None:
    run("skopeo", "copy", "--src-tls-verify=false", f"docker://{image}", f"oci:{tmp_path}/layout:v1")
    run("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/layout:v1", str(tmp_path / "bundle"))
    root = tmp_path / "bundle" / "rootfs"
    assert (root / "app/main.py").read_text() == PRINTS
    assert (root / "opt/mlreef/pylock.toml").read_text().startswith('lock-version = "1.0"')
    assert (root / "opt/mlreef/env/bin/python").readlink() == Path(EXECUTABLE)
    assert (root / f"opt/mlreef/env/lib64/python{PYTHON}/site-packages/alpha/__init__.py").is_file()


@pytest.mark.readers
def test_the_archive_is_a_layout_that_skopeo_reads(site: Site, python: str, tmp_path: Path) -> None:
    folder = site.repository({"main.py": PRINTS, "requirements.txt": "alpha==1.0\n"})
    target = tmp_path / "image.tar"
    done = build(
        site, folder, "--base", python, "--python", PYTHON, "--output", str(target), "--format", "json"
    )
    told = document(done)
    assert (
        run("skopeo", "inspect", "--format", "{{.Digest}}", f"oci-archive:{target}").strip() == told["digest"]
    )
    with tarfile.open(target) as archive:
        assert "manifest.json" in archive.getnames()
        (listed,) = json.load(archive.extractfile("index.json") or io.BytesIO())["manifests"]
    assert listed["annotations"]["io.containerd.image.name"] == "docker.io/mlreef/noise:local"

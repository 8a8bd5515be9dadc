"""The job that makes wheels of packages that exist only as sources, from the list to the wheel."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bot.domain.engines import Building
from bot.domain.pipeline import PATH, VERIFY, WHEELS
from ci_templates import read_template
from tests.ci.samples import publishable, settings, variables
from tests.ci.world import Repository, run_job

WANTS = {".mlreef.yaml": "build_sdists: [sample-tool]\n"}
BY_LAYERS = replace(settings(), building=Building())


BACKEND = """\
import zipfile

INFO = "sample_tool-1.0.dist-info"
FILES = {
    "tool.py": "WORD = 'built'",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\\nName: sample-tool\\nVersion: 1.0\\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    f"{INFO}/RECORD": "",
}


def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "sample_tool-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for path, text in FILES.items():
            wheel.writestr(path, text)
    return name
"""


def sdist(folder: Path) -> None:
    """A package that builds itself, so that nothing has to be fetched for it."""
    files = {
        "pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n",
        "backend.py": BACKEND,
        "PKG-INFO": "Metadata-Version: 2.1\nName: sample-tool\nVersion: 1.0\n",
    }
    with tarfile.open(folder / "sample_tool-1.0.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"sample_tool-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


def test_the_list_is_written_by_verify_and_only_in_a_pipeline_that_publishes(repository: Repository) -> None:
    sha = publishable(repository, {"requirements.txt": "sample-tool==1.0\nsix==1.16\n", **WANTS}, BY_LAYERS)
    whole = yaml.safe_load((repository.path / PATH).read_bytes())
    assert whole[WHEELS]["image"]["name"] == BY_LAYERS.environment.image
    assert WHEELS in whole["mlreef-build"]["needs"]
    assert whole[VERIFY]["artifacts"]["paths"] == [".mlreef/wheels.txt"]
    code, log = run_job("verify", variables(repository, sha))
    assert code == 0, log
    listed = repository.path / ".mlreef/wheels.txt"
    assert listed.read_text() == "sample-tool==1.0\n"
    code, log = run_job("verify", variables(repository, repository.commit({".mlreef.yaml": ""})))
    assert "other packages to build" in log
    assert listed.read_text() == ""


def test_without_a_wish_there_is_no_such_job(repository: Repository) -> None:
    publishable(repository, {}, BY_LAYERS)
    assert WHEELS not in yaml.safe_load((repository.path / PATH).read_bytes())


@pytest.mark.engine
def test_the_job_makes_the_wheels_that_are_listed_and_none_of_an_empty_list(
    base: str, tmp_path: Path
) -> None:
    (script,) = yaml.safe_load(read_template("wheels.yml"))[WHEELS]["script"]
    folder = tmp_path / ".mlreef"
    folder.mkdir()
    sdist(tmp_path)

    def run() -> list[str]:
        mount = ("--volume", f"{tmp_path}:/builds", "--workdir", "/builds", "--entrypoint", "sh")
        alone = ("--env", "PIP_NO_INDEX=1")
        done = subprocess.run(
            ["docker", "run", "--rm", *mount, *alone, base, "-c", script],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return sorted(file.name for file in folder.glob("wheels/*"))

    (folder / "wheels.txt").write_text("")
    assert run() == []
    (folder / "wheels.txt").write_text("sample-tool @ file:///builds/sample_tool-1.0.tar.gz\n")
    assert run() == ["sample_tool-1.0-py3-none-any.whl"]

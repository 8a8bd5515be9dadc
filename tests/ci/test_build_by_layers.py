"""The second job with the engine `layers`: a commit becomes a candidate without Docker, or authors read why not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.adapters.registry import Registry
from bot.domain.environments import Environment
from bot.domain.pipeline import PipelineSettings
from sandbox.registry import RegistryServer
from tests.building.golden import push_base, push_index
from tests.ci.samples import dotenv, publishable, variables
from tests.ci.world import Repository, run_job
from tests.layers.making_wheels import Recipe
from tests.layers.package_index import PackageIndex, Shelf, served


class Project:
    """A project whose base lies in the same registry."""

    def __init__(self, repository: Repository, host: str, path: str = "group/noise") -> None:
        self.repository, self.host, self.path = repository, host, path
        with Registry(host, pauses=()) as registry:
            self.base = f"{host}/bases/python@{push_base(registry, 'bases/python', '3.12')}"

    @property
    def image(self) -> str:
        return f"{self.host}/{self.path}"

    def commit(self, files: dict[str, str | bytes] | None = None, **more: Any) -> str:
        chosen = {"image": self.base, "bytecode": False, **more}
        environment = Environment("cpu", "CPU", python="3.12", env={"A": "1"}, **chosen)
        settings = PipelineSettings("registry.example.com/bot:1", "layers", environment, "")
        return publishable(self.repository, files, settings)

    def build(self, sha: str, **more: str) -> tuple[int, str]:
        code, log = run_job("build", variables(self.repository, sha, self.image, **more))
        assert "secret-job-token" not in log
        return code, log


@pytest.fixture
def project(repository: Repository, tmp_path: Path) -> Iterator[Project]:
    with RegistryServer(tmp_path / "registry") as server:
        yield Project(repository, server.address)


def config_of(project: Project, reference: str) -> dict[str, object]:
    with Registry(project.host, pauses=()) as registry:
        manifest = registry.fetch_manifest(project.path, reference)
        assert manifest is not None
        digest = json.loads(manifest.content)["config"]["digest"]
        return json.loads(registry.read_blob(project.path, digest) or b"")


def test_a_commit_becomes_a_candidate_that_the_next_jobs_find(project: Project) -> None:
    sha = project.commit({".mlreef.yaml": "env: {LEVEL: high}\n"})
    code, log = project.build(sha)
    assert code == 0, log
    told = dotenv(project.repository.path, "build.env")
    assert told["MLREEF_VERDICT"] == "publish"
    assert told["MLREEF_CANDIDATE"] == f"{project.image}@{told['MLREEF_DIGEST']}"
    inside = config_of(project, f"c-{sha}")["config"]
    assert isinstance(inside, dict)
    assert {"A=1", "LEVEL=high", "HOME=/home/module"} <= set(inside["Env"])
    labels = inside["Labels"]
    assert labels["org.opencontainers.image.revision"] == sha
    assert labels["org.opencontainers.image.source"] == "https://gitlab.example.com/group/add-noise"
    assert labels["io.mlreef.engine"] == "layers"
    assert json.loads(labels["io.mlreef.module"])["name"] == "add-noise"
    assert labels["io.mlreef.content"].startswith("sha256:")


def test_the_same_commit_is_the_same_image_and_another_one_sends_its_sources_alone(project: Project) -> None:
    first = project.commit()
    assert project.build(first)[0] == 0
    digest = dotenv(project.repository.path, "build.env")["MLREEF_DIGEST"]
    assert project.build(first)[0] == 0
    assert dotenv(project.repository.path, "build.env")["MLREEF_DIGEST"] == digest
    second = project.commit({"notes.txt": "new"})
    code, log = project.build(second)
    assert code == 0
    assert "only the sources are new" in log
    assert dotenv(project.repository.path, "build.env")["MLREEF_DIGEST"] != digest


def test_what_lies_about_in_the_checkout_is_not_in_the_image(project: Project) -> None:
    sha = project.commit()
    (project.repository.path / "secret.txt").write_text("of the runner")
    assert project.build(sha)[0] == 0
    first = dotenv(project.repository.path, "build.env")["MLREEF_DIGEST"]
    (project.repository.path / "secret.txt").unlink()
    assert project.build(sha)[0] == 0
    assert dotenv(project.repository.path, "build.env")["MLREEF_DIGEST"] == first


def test_an_environment_of_two_platforms_gives_one_image_for_both(project: Project) -> None:
    both = push_bases(project)
    sha = project.commit(image=both, platforms=("linux/amd64", "linux/arm64"))
    code, log = project.build(sha)
    assert code == 0, log
    with Registry(project.host, pauses=()) as registry:
        index = registry.fetch_manifest("group/noise", f"c-{sha}")
        assert index is not None
        listed = json.loads(index.content)["manifests"]
    assert [one["platform"]["architecture"] for one in listed] == ["amd64", "arm64"]
    assert dotenv(project.repository.path, "build.env")["MLREEF_DIGEST"] == index.digest
    assert [config_of(project, one["digest"])["architecture"] for one in listed] == ["amd64", "arm64"]
    assert project.build(sha)[0] == 0
    assert dotenv(project.repository.path, "build.env")["MLREEF_DIGEST"] == index.digest


def push_bases(project: Project) -> str:
    """A base for two platforms, by the digest of their index."""
    with Registry(project.host, pauses=()) as registry:
        digests = {
            arch: push_base(registry, "bases/both", arch, arch.encode(), arch) for arch in ("amd64", "arm64")
        }
        images = {f"linux/{arch}": digest for arch, digest in digests.items()}
        return f"{project.host}/bases/both@{push_index(registry, 'bases/both', '3.12', images)}"


def test_requirements_that_cannot_be_met_are_told_and_no_tag_is_there(project: Project) -> None:
    with served(PackageIndex()) as index:
        sha = project.commit({"requirements.txt": f"--index-url {index.simple}\nsix==1.16.0\nattrs\n"})
        code, log = project.build(sha, UV_CACHE_DIR=str(project.repository.path.parent / "uv"))
    assert code == 1
    assert "six" in log
    assert "attrs" in log
    ending = log.strip().splitlines()[-1]
    assert ending.startswith("Not published: requirements.txt:2: ")
    assert "six" in ending
    assert ending.endswith("(1 more above.)")
    with Registry(project.host, pauses=()) as registry:
        assert registry.fetch_manifest(project.path, f"c-{sha}") is None


def test_people_who_wish_for_a_build_get_newer_packages_and_others_keep_the_lock(
    project: Project, tmp_path: Path
) -> None:
    def offer(index: PackageIndex, version: str) -> None:
        wheel = Recipe({"noises/__init__.py": version.encode()}, name="noises", version=version)
        index.packages.setdefault("noises", {})[wheel.filename] = Shelf(wheel.write(tmp_path).read_bytes())

    def packages(sha: str, **more: str) -> list[str]:
        code, log = project.build(sha, UV_CACHE_DIR=str(tmp_path / "uv"), **more)
        assert code == 0, log
        steps = config_of(project, dotenv(project.repository.path, "build.env")["MLREEF_DIGEST"])["history"]
        assert isinstance(steps, list)
        return [step["created_by"] for step in steps if step.get("created_by", "").startswith("noises")]

    with served(PackageIndex()) as index:
        offer(index, "1.0")
        first = project.commit({"requirements.txt": f"--index-url {index.simple}\nnoises\n"})
        assert packages(first) == ["noises 1.0"]
        offer(index, "2.0")
        second = project.commit(
            {"requirements.txt": f"--index-url {index.simple}\nnoises\n", "notes.txt": "new"}
        )
        assert packages(second) == ["noises 1.0"]
        assert packages(second, MLREEF_REBUILD="1") == ["noises 2.0"]
        assert packages(second) == ["noises 2.0"]


def test_a_model_that_the_runner_did_not_fetch_is_told(project: Project) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    code, log = project.build(project.commit({"model.bin": pointer}))
    assert code == 1
    assert "[lfs-missing]" in log


def test_wheels_that_a_job_before_left_are_kept(project: Project) -> None:
    sha = project.commit()
    kept = project.repository.path / ".mlreef" / "wheels" / "a.whl"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"a wheel")
    (project.repository.path / ".mlreef" / "old.txt").write_text("of a run before")
    assert project.build(sha)[0] == 0
    assert kept.read_bytes() == b"a wheel"
    assert not (project.repository.path / ".mlreef" / "old.txt").exists()


def test_debians_registry_takes_it_and_tells_what_it_has_lost(repository: Repository, registry: str) -> None:
    """Debian's own registry where it is installed, which CI makes sure of."""
    project = Project(repository, registry, f"group/layers-{uuid.uuid4().hex[:8]}")
    first = project.commit({"many/" + name: name for name in "abc"})
    assert project.build(first)[0] == 0
    with Registry(registry, pauses=()) as client:
        held = client.fetch_manifest(project.path, f"c-{first}")
        assert held is not None
        foundation = json.loads(held.content)["layers"][1]["digest"]
    gone = requests.delete(f"http://{registry}/v2/{project.path}/blobs/{foundation}", timeout=10)
    assert gone.status_code == 202
    second = project.commit({"notes.txt": "new"})
    code, log = project.build(second)
    assert code == 0, log
    assert "made anew" in log
    with Registry(registry, pauses=()) as client:
        assert client.has_blob(project.path, foundation)

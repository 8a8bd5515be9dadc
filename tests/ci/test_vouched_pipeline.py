"""A whole pipeline without an engine: what vouches for the image is beside it, and other programs believe it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.adapters.registry import Registry
from bot.domain.engines import Building
from bot.domain.environments import Environment
from bot.domain.pipeline import JOB_NAMES, PATH, PROMOTE, PipelineSettings
from bot.layers.image import LOCK_LABEL, digest_of
from bot.layers.trust.attest import LOCK_TYPE
from bot.layers.trust.provenance import PROVENANCE_TYPE
from bot.layers.trust.sbom import SBOM_TYPE
from bot.layers.trust.signing import Signer
from sandbox.demo.play import CACHE
from sandbox.executor.bare import BareMachine
from sandbox.images.host_base import ensure_host_base
from sandbox.images.running import Namespaces
from tests.ci.samples import publishable, variables
from tests.ci.world import Answer, Repository, server
from tests.layers.making_wheels import Recipe
from tests.layers.package_index import PackageIndex, Shelf, served

BUILDER = "registry.example.com/bot:1"
KEY = "MLREEF_COSIGN_KEY"
PRIVATE = ec.generate_private_key(ec.SECP256R1())
OFFLINE = ("--insecure-ignore-tlog=true", "--allow-http-registry")


@dataclass
class Project:
    """A project with a base beside it, an index of packages, and a machine that runs its jobs."""

    repository: Repository
    machine: BareMachine
    host: str
    path: str
    given: dict[str, str]

    def run(self, job: str) -> tuple[int, str]:
        said = bytearray()
        code = self.machine.run(self.repository.path, PATH, job, self.given, said.extend, threading.Event())
        return code, said.decode("utf-8", "replace")

    def kinds(self, digest: str) -> dict[str, str]:
        """What is attached, by its type; each type once."""
        with Registry(self.host) as registry:
            found = registry.fetch_referrers(self.path, digest)
        kinds = {one.artifact_type: one.digest for one in found}
        assert len(kinds) == len(found)
        return kinds

    def attached(self, digest: str) -> bytes:
        with Registry(self.host) as registry:
            manifest = registry.fetch_manifest(self.path, digest)
            assert manifest is not None
            (layer,) = json.loads(manifest.content)["layers"]
            content = registry.read_blob(self.path, layer["digest"])
        assert content is not None
        return content


@pytest.fixture
def project(repository: Repository, registry: str, tmp_path: Path) -> Iterator[Project]:
    path, layout = (
        f"group/s-{uuid.uuid4().hex[:12]}",
        ensure_host_base(CACHE / "base" / "host", lambda _: None),
    )
    with Registry(registry) as client:
        layout.push(client, "bases/vouched")
    base = f"{registry}/bases/vouched@{layout.manifest.digest}"
    wheel = Recipe({"alpha/__init__.py": b"VALUE = 1\n"}, name="alpha")
    shelf = Shelf(wheel.write(tmp_path).read_bytes())
    key = PRIVATE.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with (
        served(PackageIndex({"alpha": {wheel.filename: shelf}})) as index,
        server(lambda _: Answer(200, b"[]")) as (api, _),
    ):
        environment = Environment("python", "Python", base, layout.python, executable=layout.executable)
        chosen = PipelineSettings(
            BUILDER, "layers", environment, "", building=Building(index_url=index.simple, signing_key=KEY)
        )
        sha = publishable(repository, {"requirements.txt": "alpha==1.0\n"}, chosen)
        repository.git("remote", "add", "origin", repository.path.as_uri())
        given = {
            **variables(repository, sha, f"{registry}/{path}"),
            "CI_COMMIT_REF_SLUG": "main",
            "CI_PIPELINE_SOURCE": "push",
            "CI_PIPELINE_URL": "https://gitlab.example.com/group/add-noise/-/pipelines/7",
            "CI_REPOSITORY_URL": repository.path.as_uri(),
            "CI_API_V4_URL": f"{api}/api/v4",
            "CI_PROJECT_ID": "7",
            "CI_JOB_TOKEN": "secret-job-token",
            KEY: key.decode(),
        }
        machine = BareMachine(BUILDER, base, Namespaces(tmp_path / "images"), tmp_path / "cache")
        yield Project(repository, machine, registry, path, given)


def cosign(home: Path, *words: str) -> Any:
    """What cosign prints when it believes, as JSON."""
    alone = {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = subprocess.run(
        ["cosign", *words], capture_output=True, text=True, timeout=60, check=False, env=alone
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.cosign
def test_a_published_image_has_its_lock_its_bill_its_provenance_and_its_signature(
    project: Project, tmp_path: Path
) -> None:
    logs = {}
    for job in JOB_NAMES:
        code, logs[job] = project.run(job)
        assert code == 0, logs[job]
        assert "PRIVATE KEY" not in logs[job]
    with Registry(project.host) as registry:
        published = registry.fetch_manifest(project.path, "main-1")
        assert published is not None
        labels = registry.fetch_labels(project.path, published)
    digest = published.digest
    kinds = project.kinds(digest)
    assert set(kinds) == {LOCK_TYPE, SBOM_TYPE, PROVENANCE_TYPE}
    assert digest_of(project.attached(kinds[LOCK_TYPE])) == labels[LOCK_LABEL]
    bill = json.loads(project.attached(kinds[SBOM_TYPE]))
    assert [one["version"] for one in bill["components"] if one["name"] == "alpha"] == ["1.0"]

    public, name = tmp_path / "cosign.pub", f"{project.host}/{project.path}@{digest}"
    public.write_text(Signer(PRIVATE).public)
    (good,) = cosign(tmp_path, "verify", "--key", str(public), *OFFLINE, name)
    assert good["critical"]["image"]["docker-manifest-digest"] == digest
    wanted = ("--type", "slsaprovenance1", "--key", str(public), *OFFLINE, name)
    statement = json.loads(base64.b64decode(cosign(tmp_path, "verify-attestation", *wanted)["payload"]))
    told = statement["predicate"]
    assert told["runDetails"]["builder"]["id"] == BUILDER
    assert told["runDetails"]["metadata"]["invocationId"] == project.given["CI_PIPELINE_URL"]
    assert told["buildDefinition"]["externalParameters"]["commit"] == project.given["CI_COMMIT_SHA"]

    # the last job once more, as GitLab's button does it
    code, log = project.run(PROMOTE)
    assert code == 0, log
    assert project.kinds(digest) == kinds
    assert "main-1" in log
    assert len(cosign(tmp_path, "verify", "--key", str(public), *OFFLINE, name)) == 1

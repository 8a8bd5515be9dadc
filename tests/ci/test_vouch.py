"""What promote attaches to an image, and when it does not let it out."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.adapters.publications import Publication
from bot.adapters.registry import Manifest, Registry
from bot.ci.vouch import plan_handover
from bot.domain.engines import Advisories, Building
from bot.errors import OperatorError
from bot.layers.foundation import write_foundation
from bot.layers.image import LOCK_LABEL, Dress, Ground, digest_of, write_picture
from bot.layers.lock import Lock, LockedWheel, dump_lock
from bot.layers.trust.attest import LOCK_TYPE
from bot.layers.trust.provenance import PROVENANCE_TYPE
from bot.layers.trust.sbom import SBOM_TYPE
from bot.layers.trust.summary import REPORT_TYPE, fetch_summary
from bot.local.attesting import attest_pushed, check_wishes
from bot.published import fetch_published
from bot.world import World
from tests.ci.world import REVISION, Answer, Repository, push_image, run_job, server
from tests.domain.values import POLICY, PROJECT

NOT_ASKED: Any = None
"""GitLab and the store, which nobody needs for this."""

FILENAME = "pillow-9.0.0-py3-none-any.whl"
WHEEL = LockedWheel("pillow", "9.0.0", FILENAME, "e" * 64, 10, f"https://files.example.com/{FILENAME}")
BUILDER = "registry.example.com/bot@sha256:" + "b" * 64
RANGES = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.3.0"}]}]
ADVISORY = {
    "id": "GHSA-1",
    "affected": [{"package": {"ecosystem": "PyPI", "name": "pillow"}, "ranges": RANGES}],
    "database_specific": {"severity": "HIGH"},
}


@dataclass(frozen=True)
class Project:
    """A project with a candidate that has a lock, about to be promoted."""

    repository: Repository
    host: str
    path: str
    sha: str
    image: Manifest

    def promote(self, building: Building, **more: str) -> tuple[int, str]:
        with server(lambda _: Answer(403)) as (api, _):
            variables = {
                "CI_COMMIT_SHA": self.sha,
                "CI_COMMIT_BRANCH": "main",
                "CI_DEFAULT_BRANCH": "main",
                "CI_REGISTRY_IMAGE": f"{self.host}/{self.path}",
                "CI_REGISTRY_USER": "gitlab-ci-token",
                "CI_REGISTRY_PASSWORD": "secret-job-token",
                "CI_REPOSITORY_URL": self.repository.path.as_uri(),
                "CI_PIPELINE_URL": "https://gitlab.example.com/p/-/pipelines/7",
                "CI_API_V4_URL": api,
                "CI_PROJECT_ID": "7",
                "CI_JOB_TOKEN": "secret-job-token",
                "MLREEF_VERDICT": "publish",
                "MLREEF_DIGEST": self.image.digest,
                "MLREEF_CANDIDATE": f"{self.host}/{self.path}@{self.image.digest}",
            }
            return run_job("promote", variables | plan_handover(building, BUILDER) | more)

    def kinds(self) -> set[str]:
        with Registry(self.host) as registry:
            return {one.artifact_type for one in registry.fetch_referrers(self.path, self.image.digest)}

    def tags(self) -> set[str]:
        with Registry(self.host) as registry:
            found = registry.fetch_tags(self.path)
        return {tag for tag in found if not tag.startswith(("c-", "sha256-"))}


@pytest.fixture
def project(repository: Repository, registry: str) -> Project:
    sha, path = repository.commit(), f"group/v-{uuid.uuid4().hex[:12]}"
    lock = dump_lock(Lock("3.12", "linux/amd64", (WHEEL,)))
    with Registry(registry) as client:
        layers = []
        for held in (lock, b"stands for the sources"):
            buffer = io.BytesIO()
            layers.append(write_foundation(buffer, "3.12", "/usr/local/bin/python3.12", held))
            client.ensure_bytes(path, buffer.getvalue())
        dress = Dress(
            start=("/app/main.py",),
            environment_env={},
            module_env={},
            labels={REVISION: sha, LOCK_LABEL: digest_of(lock)},
            created="2026-01-02T03:04:05Z",
        )
        ground = Ground("sha256:" + "c" * 64, {"architecture": "amd64", "os": "linux"}, ())
        picture = write_picture(ground, (), layers, dress)
        client.ensure_bytes(path, picture.config)
        image = Manifest.of(picture.manifest)
        client.put_manifest(path, f"c-{sha}", image)
    return Project(repository, registry, path, sha, image)


@pytest.fixture
def advisories() -> Iterator[str]:
    with server(lambda _: Answer(200, json.dumps([ADVISORY]).encode())) as (url, _):
        yield f"{url}/all.json"


def test_documents_are_there_before_the_tags(project: Project) -> None:
    code, log = project.promote(Building())
    assert code == 0, log
    assert project.kinds() == {LOCK_TYPE, SBOM_TYPE, PROVENANCE_TYPE}
    assert log.index("attached its provenance") < log.index("Published")
    assert "bill of materials of 1 package" in log
    assert project.promote(Building())[0] == 0
    with Registry(project.host) as registry:
        assert len(registry.fetch_referrers(project.path, project.image.digest)) == 3


def test_nothing_is_attached_when_the_operator_does_not_want_it(project: Project) -> None:
    code, log = project.promote(Building(attest=False))
    assert code == 0, log
    assert project.kinds() == set()


def test_vulnerabilities_are_told_and_do_not_stop_anything(project: Project, advisories: str) -> None:
    code, log = project.promote(Building(advisories="tell", advisories_url=advisories))
    assert code == 0, log
    assert "pillow 9.0.0: GHSA-1 (high); version 9.3.0 is said to be good" in log
    assert REPORT_TYPE in project.kinds()
    with Registry(project.host) as registry:
        summary = fetch_summary(registry, project.path, project.image.digest)
    assert summary == "Known vulnerabilities: 1 of 1 package affected (high), 0 unknown."


@pytest.mark.parametrize(("advised", "shown"), [("tell", True), ("off", False)])
def test_the_bot_reads_what_it_tells_of_vulnerabilities(
    project: Project, advisories: str, advised: Advisories, shown: bool
) -> None:
    assert project.promote(Building(advisories="tell", advisories_url=advisories))[0] == 0
    policy = replace(POLICY, building=Building(advisories=advised, advisories_url=advisories))
    world = World(NOT_ASKED, Registry, NOT_ASKED, policy, 1, NOT_ASKED)
    known = Publication(PROJECT.id, "main", project.sha, project.sha, "building")
    found = fetch_published(known, replace(PROJECT, path=project.path, registry_host=project.host), (), world)
    assert found is not None
    said = "Known vulnerabilities: 1 of 1 package affected (high), 0 unknown."
    assert found.published.vulnerabilities == (said if shown else "")


def test_vulnerabilities_stop_a_publication_where_the_operator_says_so(
    project: Project, advisories: str
) -> None:
    building = Building(advisories="block", advisories_url=advisories)
    code, log = project.promote(building)
    assert code == 1
    assert "packages with known vulnerabilities (high or worse) are in it: pillow 9.0.0." in log
    assert project.tags() == set()
    assert project.kinds() == set()
    code, log = project.promote(
        Building(advisories="block", advisories_url=advisories, block_from="critical")
    )
    assert code == 0, log


def test_a_source_that_is_away_is_told_and_blocks_where_it_must(project: Project) -> None:
    with server(lambda _: Answer()) as (away, _):
        pass
    code, log = project.promote(Building(advisories="block", advisories_url=away))
    assert code != 0
    assert "Nothing is published without knowing its vulnerabilities" in log
    assert project.tags() == set()
    code, log = project.promote(Building(advisories="tell", advisories_url=away))
    assert code == 0, log
    assert "Known vulnerabilities: unknown, because it cannot be fetched" in log


def test_an_image_without_a_lock_is_blocked_where_nothing_may_be_unknown(
    repository: Repository, registry: str, advisories: str
) -> None:
    sha, path = repository.commit(), f"group/v-{uuid.uuid4().hex[:12]}"
    digest = push_image(registry, path, f"c-{sha}", {REVISION: sha})
    with Registry(registry) as client:
        image = client.fetch_manifest(path, digest)
    assert image is not None
    project = Project(repository, registry, path, sha, image)
    code, log = project.promote(Building(advisories="block", advisories_url=advisories))
    assert code == 1
    assert "cannot be told, because it was not made from a lock" in log
    assert project.tags() == set()
    code, log = project.promote(Building(advisories="tell", advisories_url=advisories))
    assert code == 0, log
    assert "there is no bill of materials" in log
    assert project.kinds() == {PROVENANCE_TYPE, REPORT_TYPE}


def test_a_key_signs_and_is_never_shown(project: Project, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    code, log = project.promote(Building(signing_key="OUR_KEY"), OUR_KEY=key.decode())
    assert code == 0, log
    assert "signed it" in log
    assert key.decode().splitlines()[1] not in log
    with Registry(project.host) as registry:
        name = project.image.digest.replace(":", "-")
        assert registry.fetch_manifest(project.path, f"{name}.sig") is not None


def test_without_its_key_nothing_goes_out(project: Project) -> None:
    code, log = project.promote(Building(signing_key="OUR_KEY"))
    assert code != 0
    assert "The signing key's variable OUR_KEY is not set" in log
    assert project.tags() == set()


def test_only_wishes_and_names_are_handed_over() -> None:
    building = Building(signing_key="OUR_KEY", advisories="tell", advisories_url="https://osv.example.com/x")
    assert plan_handover(building, BUILDER) == {
        "MLREEF_ATTEST": "yes",
        "MLREEF_SIGNING_KEY": "OUR_KEY",
        "MLREEF_ADVISORIES": "tell",
        "MLREEF_ADVISORIES_URL": "https://osv.example.com/x",
        "MLREEF_BLOCK_FROM": "high",
        "MLREEF_BUILT_IN": BUILDER,
    }
    assert plan_handover(Building(attest=False), "") == {"MLREEF_BLOCK_FROM": "high"}


def test_the_command_attaches_the_same_to_what_it_pushed(project: Project, tmp_path: Path) -> None:
    advisories, key, said = tmp_path / "osv.json", tmp_path / "key.pem", list[str]()
    advisories.write_text(json.dumps([ADVISORY]))
    private = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with Registry(project.host) as registry:
        attest_pushed(
            registry,
            f"{project.host}/{project.path}",
            project.image,
            said.append,
            advisories=str(advisories),
            key=key,
            variables={},
        )
    assert project.kinds() == {LOCK_TYPE, SBOM_TYPE, PROVENANCE_TYPE, REPORT_TYPE}
    assert "signed it, and its provenance" in said
    assert said[0] == "Known vulnerabilities: 1 of 1 package affected (high), 0 unknown."


@pytest.mark.parametrize(
    ("attest", "pushed", "advisories", "words"),
    [(True, False, None, "beside an image in a registry"), (False, True, "osv.zip", "belong to --attest")],
)
def test_wishes_that_go_nowhere_are_refused(
    attest: bool, pushed: bool, advisories: str | None, words: str
) -> None:
    with pytest.raises(OperatorError, match=words):
        check_wishes(attest, pushed, advisories, None, {})
    check_wishes(True, True, "https://osv.example.com/all.zip", None, {})


def test_a_key_that_signs_nothing_is_told_before_anything_is_pushed(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("no key")
    with pytest.raises(OperatorError, match="holds no key in PEM"):
        check_wishes(True, True, None, key, {})

"""A project whose commits are promoted: a repository, a registry, and a ledger of deployments."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from bot.domain.tags import MODULE_LABEL
from tests.ci.world import REVISION, Answer, Asked, Repository, push_image, run_job, server

VERSION = re.compile(r"\d+\.\d+\.\d+")
MAJOR = re.compile(r"\d+")


@dataclass
class Project:
    """A project: its repository, its registry and its ledger of deployments."""

    repository: Repository
    host: str
    path: str
    api: str = ""
    deployed: list[str | tuple[str, int]] = field(default_factory=list)
    """Commits, or commits with the pipelines that published them, the oldest first."""
    ledger_status: int = 200

    def answer(self, asked: Asked) -> Answer:
        if self.ledger_status != 200:
            return Answer(self.ledger_status)
        assert asked.headers["job-token"] == "secret-job-token"
        query = parse_qs(urlsplit(asked.path).query)
        page, size = int(query.get("page", ["1"])[0]), 2
        newest_first = self.deployed[::-1]
        shown = newest_first[(page - 1) * size : page * size]
        body = json.dumps([_row(one) for one in shown]).encode()
        more = {"Link": f'<{self.api}/projects/7/deployments?page={page + 1}>; rel="next"'}
        return Answer(200, body, more if page * size < len(newest_first) else None)

    def candidate(self, sha: str, described: str = "") -> str:
        labels = {REVISION: sha} | ({MODULE_LABEL: described} if described else {})
        return push_image(self.host, self.path, f"c-{sha}", labels)

    def promote(
        self, sha: str, branch: str = "main", pipeline: int | None = None, **changed: str
    ) -> tuple[int, str]:
        digest = changed.pop("MLREEF_DIGEST", "") or self.candidate(sha, changed.pop("described", ""))
        variables = {
            "CI_COMMIT_SHA": sha,
            "CI_COMMIT_BRANCH": branch,
            "CI_DEFAULT_BRANCH": "main",
            "CI_REGISTRY_IMAGE": f"{self.host}/{self.path}",
            "CI_REGISTRY_USER": "gitlab-ci-token",
            "CI_REGISTRY_PASSWORD": "secret-job-token",
            "CI_REPOSITORY_URL": self.repository.path.as_uri(),
            "CI_API_V4_URL": self.api,
            "CI_PROJECT_ID": "7",
            "CI_JOB_TOKEN": "secret-job-token",
            "MLREEF_VERDICT": "publish",
            "MLREEF_DIGEST": digest,
            "MLREEF_CANDIDATE": f"{self.host}/{self.path}@{digest}",
            **changed,
        }
        code, log = run_job("promote", variables)
        assert "secret-job-token" not in log
        if code == 0:
            self.deployed.append(sha if pipeline is None else (sha, pipeline))
        return code, log

    def tags(self) -> dict[str, str]:
        """Tags with a branch's number, and `latest`, with the digests behind them."""
        others = [name for name in self._names() if not VERSION.fullmatch(name) and not MAJOR.fullmatch(name)]
        return {name: self.digest(name) for name in others}

    def majors(self) -> dict[str, str]:
        """Tags of the highest version with that first number, with the digests behind them."""
        return {name: self.digest(name) for name in self._names() if MAJOR.fullmatch(name)}

    def versions(self) -> dict[str, str]:
        """Tags that are versions, with the digests behind them."""
        return {name: self.digest(name) for name in self._names() if VERSION.fullmatch(name)}

    def _names(self) -> list[str]:
        url = f"http://{self.host}/v2/{self.path}/tags/list"
        listed: list[str] = requests.get(url, timeout=10).json().get("tags") or []
        return [name for name in listed if not name.startswith("c-")]

    def digest(self, tag: str) -> str:
        answer = requests.head(
            f"http://{self.host}/v2/{self.path}/manifests/{tag}",
            headers={"Accept": "application/vnd.oci.image.manifest.v1+json"},
            timeout=10,
        )
        return answer.headers["Docker-Content-Digest"]


def _row(deployed: str | tuple[str, int]) -> dict[str, Any]:
    if isinstance(deployed, str):
        return {"sha": deployed, "status": "success"}
    sha, pipeline = deployed
    return {"sha": sha, "status": "success", "deployable": {"pipeline": {"id": pipeline}}}


@contextmanager
def project_of(repository: Repository, registry: str) -> Iterator[Project]:
    """A new project in that registry, with an API that knows its deployments."""
    made = Project(repository, registry, f"group/p-{uuid.uuid4().hex[:12]}")
    with server(made.answer) as (url, _):
        made.api = f"{url}/api/v4"
        yield made

"""GitLab's deployments: the ledger of what was ever published from a branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from bot.ci.job import CiJob
from bot.domain.tags import environment_name, is_sha
from bot.errors import OperatorError, TryAgain

TIMEOUT = (5.0, 30.0)
"""Seconds to connect, and between two pieces of an answer."""

MAX_PAGES = 200
"""Pages of 100 deployments that are read."""


class Unreadable(Exception):
    """This project does not let its jobs read deployments; the message is GitLab's status."""


def fetch_published_shas(job: CiJob) -> tuple[str, ...]:
    """The commits that were published from the job's branch, newest first. Unreadable; TryAgain.

    Each once for every pipeline that published it: by wish a commit is published again, under another number.
    """
    api = job["CI_API_V4_URL"]
    url: str | None = f"{api}/projects/{job['CI_PROJECT_ID']}/deployments"
    params: dict[str, str] | None = {
        "environment": environment_name(job["CI_COMMIT_BRANCH"]),
        "status": "success",
        "order_by": "id",
        "sort": "desc",
        "per_page": "100",
    }
    found: dict[tuple[str, object], None] = {}
    with requests.Session() as session:
        for _ in range(MAX_PAGES):
            if url is None:
                break
            answer = _get(session, url, params, job["CI_JOB_TOKEN"])
            for deployment in _page(answer):
                sha = deployment.get("sha") if isinstance(deployment, dict) else None
                # Servers that do not know the filter answer with all of them.
                if isinstance(sha, str) and is_sha(sha) and deployment.get("status", "success") == "success":
                    found[sha, _pipeline(deployment)] = None
            following = answer.links.get("next", {}).get("url")
            url, params = (urljoin(answer.url, following) if following else None), None
            if url is not None and urlsplit(url)[:2] != urlsplit(api)[:2]:
                raise OperatorError(
                    f"GitLab continues its list of deployments at another address, {url!r}.",
                    "Set GitLab's external_url to the address that runners use.",
                )
    return tuple(sha for sha, _ in found)


def _pipeline(deployment: Mapping[str, Any]) -> object:
    """The number of the pipeline whose job it was; a job that is run once more makes another deployment."""
    job = deployment.get("deployable")
    pipeline = job.get("pipeline") if isinstance(job, dict) else None
    number = pipeline.get("id") if isinstance(pipeline, dict) else None
    return number if isinstance(number, int) else None


def _get(session: requests.Session, url: str, params: dict[str, str] | None, token: str) -> requests.Response:
    try:
        answer = session.get(
            url, params=params, headers={"JOB-TOKEN": token}, timeout=TIMEOUT, allow_redirects=False
        )
    except requests.RequestException as error:
        raise TryAgain(f"GitLab does not answer: {type(error).__name__}.") from error
    if answer.status_code in {401, 403, 404}:
        raise Unreadable(f"HTTP {answer.status_code}")
    if answer.status_code != 200:
        raise TryAgain(f"GitLab answered HTTP {answer.status_code} to the question for deployments.")
    return answer


def _page(answer: requests.Response) -> list[Any]:
    try:
        page = answer.json()
    except ValueError as error:
        raise TryAgain("GitLab's list of deployments is not JSON.") from error
    return page if isinstance(page, list) else []

"""GitLab's record of what was published: deployments, which nobody can take back, and the bot's own statuses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.adapters.asking import Asking
from bot.adapters.gitlab_client import get_what_is_there
from bot.domain.gitlab import CommitStatus, Deployed
from bot.domain.tags import ENVIRONMENTS, is_sha
from bot.errors import Refused

MAX_ENVIRONMENT_PAGES = 5
"""Pages of 100 published branches of one project."""

MAX_BRANCHES = 100
"""Published branches of one project that are asked about: who may run jobs may make any number of environments."""

MAX_DEPLOYMENT_PAGES = 10
"""Pages of 100 publications of one branch, the newest."""


class Ledger(Asking):
    """What was published of a project, by project id."""

    def fetch_ledger(self, project_id: int) -> tuple[Deployed, ...] | None:
        """Every publication of every branch, of each branch the newest first; None where GitLab does not let it see.

        Of very many branches those count that were new last, and the one that was first of all.
        """
        base = f"/projects/{project_id}"
        try:
            listed = get_what_is_there(
                self._client, f"{base}/environments", MAX_ENVIRONMENT_PAGES, search=ENVIRONMENTS
            )
        except Refused:
            return None
        # GitLab looks for the text anywhere in the name
        ours = [(int(one["id"]), str(one["name"])) for one in listed]
        by_age = [name for _, name in sorted(ours) if name.startswith(ENVIRONMENTS)]
        found: list[Deployed] = []
        for environment in sorted({*by_age[:1], *by_age[1:][1 - MAX_BRANCHES :]}):
            query = {"environment": environment, "status": "success", "order_by": "id", "sort": "desc"}
            rows = get_what_is_there(self._client, f"{base}/deployments", MAX_DEPLOYMENT_PAGES, **query)
            found += [_deployed(row, environment) for row in rows if _is_good(row)]
        return tuple(found)

    def fetch_own_statuses(
        self, project_id: int, sha: str, name: str, user_id: int
    ) -> tuple[CommitStatus, ...]:
        """Every status of this name that the bot itself wrote on the commit, also those that later ones replaced."""
        items = self._list(f"/projects/{project_id}/repository/commits/{sha}/statuses", name=name, all="true")
        return tuple(
            CommitStatus(item["name"], item["status"], item.get("description") or "", item.get("pipeline_id"))
            for item in sorted(items, key=lambda item: int(item["id"]))
            if (item.get("author") or {}).get("id") == user_id
        )


def _is_good(row: Mapping[str, Any]) -> bool:
    # servers that do not know the filter answer with all of them
    return row.get("status") == "success" and is_sha(str(row.get("sha")))


def _deployed(row: Mapping[str, Any], environment: str) -> Deployed:
    job = row.get("deployable") or {}
    at = job.get("finished_at") or row.get("updated_at") or row.get("created_at")
    return Deployed(
        id=int(row["id"]),
        environment=environment,
        branch=str(row["ref"]),
        sha=str(row["sha"]),
        at=datetime.fromisoformat(at).timestamp() if at else None,
        pipeline_id=(job.get("pipeline") or {}).get("id"),
    )

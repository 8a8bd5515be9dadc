"""Many projects of a GitLab at once, and their hooks: what the sweep reads and mends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote

from bot.adapters.gitlab_client import PER_PAGE, Answer, GitlabClient
from bot.adapters.patience import Patience
from bot.domain.gitlab import DEVELOPER
from bot.domain.reconcile import EndedPipeline, Enrolled, FailedDelivery, Hook, OpenRequest
from bot.errors import TryAgain

MAX_PROJECT_PAGES = 10_000
"""Pages of 100 projects."""

MAX_REQUEST_PAGES = 100
"""Pages of 100 open merge requests in one sweep."""

HEADS_PER_QUERY = 100
MAX_HOOK_PAGES = 2
FAILED = ("client_failure", "server_failure")
"""GitLab's words for deliveries that no 2xx answered, time-outs among them."""

_HEADS_QUERY = """
query heads($ids: [ID!]!) {
  projects(ids: $ids, first: 100) { nodes { id repository { tree { lastCommit { sha } } } } }
}
"""


class Overview:
    """One GitLab from above, as the bot's own user. Raises TryAgain or OperatorError; a plain no is no news."""

    def __init__(self, client: GitlabClient) -> None:
        self._client = client

    def fetch_enrolled(
        self, active_after: float | None, after_id: int = 0, *, archived: bool = False
    ) -> Iterator[tuple[Enrolled, ...]]:
        """Projects in which the bot is Developer or more, in order of their ids, a page of 100 at a time.

        `active_after` (seconds since 1970) leaves out what nothing happened in since, `after_id` those up to it.
        With `archived` also those that are.
        """
        since = None if active_after is None else datetime.fromtimestamp(active_after, UTC).isoformat()
        pages = self._client.get_pages(
            "/projects",
            MAX_PROJECT_PAGES,
            membership="true",
            min_access_level=DEVELOPER,
            archived=None if archived else "false",
            simple="true",
            order_by="id",
            sort="asc",
            pagination="keyset",
            last_activity_after=since,
            id_after=after_id or None,
        )
        for items in pages:
            yield tuple(
                Enrolled(int(item["id"]), item["path_with_namespace"], item.get("default_branch") or None)
                for item in items
            )

    def fetch_heads(self, projects: Sequence[Enrolled]) -> dict[int, str]:
        """The head of each project's default branch by project id, by one question for a hundred of them.

        Of a merge that changed nothing the answer may be the commit that was merged: a hint, as a hook's sha is.
        Where GraphQL will not answer, or one broken project spoils the answer for all, each is asked for by itself.
        """
        asked = [project for project in projects if project.default_branch]
        heads: dict[int, str] = {}
        for start in range(0, len(asked), HEADS_PER_QUERY):
            batch = asked[start : start + HEADS_PER_QUERY]
            found = self._heads_together(batch)
            heads |= self._heads_alone(batch) if found is None else found
        return heads

    def _heads_together(self, batch: Sequence[Enrolled]) -> dict[int, str] | None:
        ids = [f"gid://gitlab/Project/{project.id}" for project in batch]
        try:
            data = self._client.graphql(_HEADS_QUERY, {"ids": ids})
        except (Answer, TryAgain):
            return None
        heads = {}
        for node in (data.get("projects") or {}).get("nodes") or ():
            tree = (node.get("repository") or {}).get("tree") or {}
            commit = tree.get("lastCommit") or {}
            if commit.get("sha"):
                heads[int(node["id"].rpartition("/")[2])] = str(commit["sha"])
        return heads

    def _heads_alone(self, batch: Sequence[Enrolled]) -> dict[int, str]:
        heads, patience = {}, Patience()
        for project in batch:
            branch = quote(project.default_branch or "", safe="")
            with patience.of(project.id), suppress(Answer):
                found = self._client.get(f"/projects/{project.id}/repository/branches/{branch}")
                heads[project.id] = str(found["commit"]["id"])
        return heads

    def fetch_open_requests(self, changed_after: float | None) -> Iterator[tuple[OpenRequest, ...]]:
        """Open merge requests that the bot can see anywhere; those that changed last first, in pages of 100.

        `changed_after` (seconds since 1970) leaves out older ones. TooLong after the pages that are read at most.
        """
        since = None if changed_after is None else datetime.fromtimestamp(changed_after, UTC).isoformat()
        pages = self._client.get_pages(
            "/merge_requests",
            MAX_REQUEST_PAGES,
            scope="all",
            state="opened",
            order_by="updated_at",
            sort="desc",
            updated_after=since,
        )
        for items in pages:
            yield tuple(
                OpenRequest(
                    int(item["project_id"]),
                    str((item.get("references") or {}).get("full") or "").rpartition("!")[0],
                    int(item["iid"]),
                    str(item["sha"]),
                    str(item["target_branch"]),
                )
                for item in items
                if item.get("sha")
            )

    def fetch_ended_pipelines(self, project_id: int) -> tuple[EndedPipeline, ...]:
        """The project's pipelines that have ended, up to a hundred that moved last; none where it does not tell."""
        query = {"scope": "finished", "order_by": "updated_at", "sort": "desc", "per_page": PER_PAGE}
        try:
            items = self._client.get(f"/projects/{project_id}/pipelines", **query)
        except Answer:
            return ()
        return tuple(
            EndedPipeline(
                int(item["id"]),
                str(item["ref"]),
                str(item["sha"]),
                str(item["status"]),
                str(item.get("source") or ""),
                datetime.fromisoformat(item["updated_at"]).timestamp(),
            )
            for item in items
        )

    def fetch_hooks(self, project_id: int) -> tuple[Hook, ...] | None:
        """The project's hooks; None where the bot may not see them (that takes a Maintainer)."""
        try:
            items = self._client.get_list(f"/projects/{project_id}/hooks", MAX_HOOK_PAGES)
        except Answer:
            return None
        return tuple(Hook(int(i["id"]), i["url"], i.get("alert_status") or "executable") for i in items)

    def fetch_failed_deliveries(self, project_id: int, hook_id: int) -> tuple[FailedDelivery, ...]:
        """The newest deliveries of a hook that failed, as far as GitLab remembers."""
        try:
            items = self._client.get(
                f"/projects/{project_id}/hooks/{hook_id}/events", status=list(FAILED), per_page=100
            )
        except Answer:
            return ()
        return tuple(
            FailedDelivery(
                int(item["id"]),
                item.get("trigger") or "",
                datetime.fromisoformat(item["created_at"]).timestamp(),
            )
            for item in items
        )

    def resend(self, project_id: int, hook_id: int, delivery_id: int) -> bool:
        """Have GitLab send a delivery again, with the same key; False when it will not."""
        return self._done(f"/projects/{project_id}/hooks/{hook_id}/events/{delivery_id}/resend")

    def try_hook(self, project_id: int, hook_id: int) -> bool:
        """Have GitLab send a sample push, which makes a hook good again that answers it; False when it fails."""
        return self._done(f"/projects/{project_id}/hooks/{hook_id}/test/push_events")

    def _done(self, path: str) -> bool:
        try:
            self._client.post(path, {})
        except Answer:
            return False
        return True

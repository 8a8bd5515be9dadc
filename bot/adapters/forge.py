"""GitLab as the bot needs it: what it reads, and writes that may be repeated.

Methods named `fetch_` return None (or nothing) for what is not there; methods named `ensure_` look before
they write, so that a second run after a crash or a lost answer changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from bot.adapters import images
from bot.adapters.files import Files
from bot.adapters.gitlab_client import Answer, TooLong, gone_or_refused
from bot.adapters.ledger import Ledger
from bot.adapters.merge_requests import MergeRequests
from bot.adapters.model_experiments import ModelExperiments
from bot.adapters.pipelines import Pipelines
from bot.adapters.releases import Releases
from bot.domain.gitlab import Branch, Person, Project

MAX_BRANCH_PAGES = 20
"""Pages of 100 branches of one project that are listed; of others a push tells."""

_ACTIVE = "active"


class Forge(Releases, Files, Pipelines, MergeRequests, Ledger, ModelExperiments):
    """One GitLab, seen as the bot's own user. Raises TryAgain, OperatorError, Refused or Gone."""

    def fetch_self(self) -> Person:
        """The bot's own user."""
        return _person(self._client.get("/user"))

    def fetch_person(self, user_id: int) -> Person | None:
        """A user, None when there is none for the bot."""
        data = self._maybe(f"/users/{user_id}")
        return _person(data) if data else None

    def fetch_level(self, project_id: int, user_id: int) -> int:
        """The access level of a user in a project by all ways (groups, shared groups), 0 for no member.

        Who is blocked, waits for approval, or whose time is over has none, though GitLab lists them for a while.
        """
        data = self._maybe(f"/projects/{project_id}/members/all/{user_id}")
        return _level(data, datetime.now(UTC).date()) if data else 0

    def fetch_project(self, project: int | str) -> Project:
        """The project by id or full path; Gone when it does not exist for the bot."""
        try:
            data = self._client.get(f"/projects/{quote(str(project), safe='')}")
        except Answer as answer:
            raise gone_or_refused(answer, f"project {project}") from answer
        image_prefix = data.get("container_registry_image_prefix")
        return Project(
            id=int(data["id"]),
            path=data["path_with_namespace"],
            default_branch=data.get("default_branch"),
            visibility=data.get("visibility") or "private",
            ci_config_path=data.get("ci_config_path") or None,
            web_url=data.get("web_url", ""),
            archived=bool(data.get("archived")),
            registry_host=image_prefix.partition("/")[0] if image_prefix else None,
            needs_resolved_discussions=bool(data.get("only_allow_merge_if_all_discussions_are_resolved")),
            keeps_images=data.get("container_registry_access_level") != "disabled",
            topics=tuple(topic for topic in data.get("topics") or () if isinstance(topic, str)),
            going=bool(data.get("marked_for_deletion_on") or data.get("marked_for_deletion_at")),
            open_logs=_are_logs_open(data),
            open_code=data.get("repository_access_level", "enabled") in ("enabled", "public"),
        )

    def fetch_branch(self, project_id: int, name: str) -> Branch | None:
        """The branch with its head."""
        data = self._maybe(f"/projects/{project_id}/repository/branches/{quote(name, safe='')}")
        if data is None:
            return None
        commit = data["commit"]
        return Branch(
            name=data["name"],
            sha=commit["id"],
            parents=tuple(commit.get("parent_ids") or ()),
            message=commit.get("message") or "",
            can_push=bool(data.get("can_push", True)),
            protected=bool(data.get("protected")),
            developers_can_push=bool(data.get("developers_can_push")),
        )

    def fetch_heads(self, project_id: int) -> dict[str, str]:
        """The heads of the project's branches by name; of very many only some."""
        path, heads = f"/projects/{project_id}/repository/branches", dict[str, str]()
        try:
            for page in self._client.get_pages(path, MAX_BRANCH_PAGES):
                heads |= {item["name"]: item["commit"]["id"] for item in page}
        except TooLong:
            return heads
        except Answer as answer:
            raise gone_or_refused(answer, "the branches") from answer
        return heads

    def fetch_tags_at(self, project_id: int, sha: str) -> tuple[str, ...]:
        """Names of git's tags that lead to a commit or to one after it; none when it is not there."""
        found = self._maybe(f"/projects/{project_id}/repository/commits/{sha}/refs", type="tag") or ()
        return tuple(item["name"] for item in found)

    def ensure_commit_comment(self, project_id: int, sha: str, body: str, user_id: int) -> None:
        """A comment of ours with this text, or with this and more, on the commit; GitLab has no way to edit one."""
        comments = f"/projects/{project_id}/repository/commits/{sha}/comments"
        for item in self._list(comments):
            if (item.get("author") or {}).get("id") == user_id and _says(item["note"], body):
                return
        try:
            self._client.post(comments, {"note": body})
        except Answer as answer:
            raise gone_or_refused(answer, f"a comment on {sha}") from answer

    def delete_image_tags(self, project_id: int, path: str, tags: Collection[str]) -> None:
        """Take tags away from the image repository of that path; those that are not there are passed by."""
        images.delete_image_tags(self._client, project_id, path, tags)


def _level(data: Mapping[str, Any], today: date) -> int:
    states = (data.get("state") or _ACTIVE, data.get("membership_state") or _ACTIVE)
    over = str(data.get("expires_at") or date.max)[: len("2000-01-01")] <= today.isoformat()
    return 0 if over or any(state != _ACTIVE for state in states) else int(data.get("access_level") or 0)


def _person(data: Mapping[str, Any]) -> Person:
    return Person(int(data["id"]), data.get("username") or "", data.get("bot") is True)


def _says(note: str, body: str) -> bool:
    return note.strip() == body.strip() or note.startswith(f"{body.strip()}\n\n")


def _are_logs_open(project: Mapping[str, Any]) -> bool:
    """Whether a project keeps its jobs' logs from none of those who may read its merge requests."""
    if project.get("visibility") not in ("public", "internal"):
        return True
    pipelines = project.get("builds_access_level", "enabled") in ("enabled", "public")
    return pipelines and project.get("public_jobs", True) is not False

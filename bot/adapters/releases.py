"""Git tags and releases of projects, and the branches that are there only until a tag is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bot.adapters.asking import Asking
from bot.adapters.gitlab_client import Answer, get_what_is_there, gone_or_refused

_GONE = (404, 410)

MAX_TAG_PAGES = 5
"""Pages of 100 git tags of one project, those whose commits are the newest."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A git tag: the commit that it leads to, and that commit's message."""

    name: str
    sha: str
    message: str


class Releases(Asking):
    """What is tagged and released in all projects."""

    def fetch_tag(self, project_id: int, name: str) -> Tag | None:
        """The git tag of that name."""
        data = self._maybe(f"/projects/{project_id}/repository/tags/{quote(name, safe='')}")
        return None if data is None else _tag(data)

    def fetch_tags(self, project_id: int) -> tuple[Tag, ...]:
        """The project's git tags, of very many the newest; none where it has no repository."""
        path = f"/projects/{project_id}/repository/tags"
        return tuple(_tag(data) for data in get_what_is_there(self._client, path, MAX_TAG_PAGES))

    def create_tag(self, project_id: int, name: str, sha: str) -> None:
        """A git tag that leads to the commit. Refused when GitLab says no, also because there is one already."""
        try:
            self._client.post(f"/projects/{project_id}/repository/tags", {"tag_name": name, "ref": sha})
        except Answer as answer:
            raise gone_or_refused(answer, f"the tag {name}") from answer

    def delete_tag(self, project_id: int, name: str) -> None:
        """Take a git tag away; one that is not there is passed by."""
        self._delete(f"/projects/{project_id}/repository/tags/{quote(name, safe='')}", f"the tag {name}")

    def delete_release(self, project_id: int, tag: str) -> None:
        """Take the release of a tag away, and with it the version from GitLab's CI/CD Catalog."""
        self._delete(f"/projects/{project_id}/releases/{quote(tag, safe='')}", f"the release {tag}")

    def delete_branch(self, project_id: int, name: str) -> None:
        """Take a branch away; one that is not there is passed by."""
        self._delete(
            f"/projects/{project_id}/repository/branches/{quote(name, safe='')}", f"the branch {name}"
        )

    def _delete(self, path: str, what: str) -> None:
        try:
            self._client.delete(path)
        except Answer as answer:
            if answer.status not in _GONE:
                raise gone_or_refused(answer, what) from answer


def _tag(data: Mapping[str, Any]) -> Tag:
    commit = data.get("commit") or {}
    return Tag(data["name"], commit.get("id") or "", commit.get("message") or "")

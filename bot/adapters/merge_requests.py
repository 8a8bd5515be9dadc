"""Merge requests as GitLab has them: one or several of a project's, what they change, and new ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bot.adapters.asking import Asking
from bot.adapters.gitlab_client import Answer, TooLong, gone_or_refused
from bot.domain.gitlab import DiffFile, DiffRefs, MergeRequest

MAX_DIFF_PAGES = 30
"""Pages of 100 files; GitLab itself shows no more than 3,000."""

MAX_DIFF_CHARS = 2_000_000
"""Characters of all hunks that are looked through."""


class MergeRequests(Asking):
    """The merge requests of all projects, by project id and number."""

    def fetch_merge_request(self, project_id: int, iid: int) -> MergeRequest | None:
        """One merge request, with the commits that its diff is made of."""
        data = self._maybe(f"/projects/{project_id}/merge_requests/{iid}")
        return _merge_request(data) if data else None

    def fetch_diff(self, project_id: int, iid: int, paths: Collection[str]) -> tuple[DiffFile, ...]:
        """Of the changed files those with these present paths; reading ends with the last of them, or at the limits."""
        missing = set(paths)
        found: list[DiffFile] = []
        chars = 0
        path = f"/projects/{project_id}/merge_requests/{iid}/diffs"
        try:
            for page in self._client.get_pages(path, MAX_DIFF_PAGES):
                for file in map(_file, page):
                    chars += len(file.diff)
                    if file.new_path in missing:
                        missing.discard(file.new_path)
                        found.append(file)
                if not missing or chars > MAX_DIFF_CHARS:
                    break
        except TooLong:
            pass  # the rest counts as not shown
        except Answer as answer:
            raise gone_or_refused(answer, f"the diff of !{iid}") from answer
        return tuple(found)

    def fetch_diff_refs(self, project_id: int, iid: int) -> DiffRefs | None:
        """The commits of the newest version of the diff; None while GitLab has not made one."""
        try:
            versions = self._client.get(f"/projects/{project_id}/merge_requests/{iid}/versions", per_page=1)
        except Answer as answer:
            raise gone_or_refused(answer, f"the versions of !{iid}") from answer
        newest = versions[0] if versions else {}
        shas = [newest.get(f"{name}_commit_sha") for name in ("base", "start", "head")]
        return DiffRefs(*map(str, shas)) if all(shas) else None

    def fetch_merge_request_of(self, project_id: int, sha: str, target: str) -> MergeRequest | None:
        """The newest merge request that brought the commit into the branch."""
        items = self._list(f"/projects/{project_id}/repository/commits/{sha}/merge_requests")
        merged = [i for i in items if i.get("state") == "merged" and i.get("target_branch") == target]
        return _merge_request(max(merged, key=lambda item: int(item["iid"]))) if merged else None

    def fetch_open_merge_request(self, project_id: int, source: str, target: str) -> MergeRequest | None:
        """The open merge request between two branches of the project."""
        items = self._list(
            f"/projects/{project_id}/merge_requests",
            source_branch=source,
            target_branch=target,
            state="opened",
        )
        # a fork may have a branch of the same name
        own = (one for one in map(_merge_request, items) if one.source_project_id == project_id)
        return next(own, None)

    def fetch_open_merge_request_from(self, project_id: int, source: str) -> MergeRequest | None:
        """The newest open merge request that brings a branch of the project itself."""
        items = self._list(f"/projects/{project_id}/merge_requests", source_branch=source, state="opened")
        own = (one for one in map(_merge_request, items) if one.source_project_id == project_id)
        return max(own, key=lambda one: one.iid, default=None)

    def fetch_merge_requests_by(
        self, project_id: int, author_id: int, source: str, target: str
    ) -> tuple[MergeRequest, ...]:
        """Every merge request of one author's between two branches of the project itself, the newest first."""
        items = self._list(
            f"/projects/{project_id}/merge_requests",
            source_branch=source,
            target_branch=target,
            author_id=author_id,
            state="all",
            scope="all",
        )
        found = [_merge_request(item) for item in items]
        # a fork may have a branch of the same name
        own = [one for one in found if one.source_project_id == project_id and one.author_id == author_id]
        return tuple(sorted(own, key=lambda one: -one.iid))

    def create_merge_request(
        self, project_id: int, source: str, target: str, title: str, description: str
    ) -> MergeRequest:
        """Open a merge request that removes its branch when it is merged."""
        data = {
            "source_branch": source,
            "target_branch": target,
            "title": title,
            "description": description,
            "remove_source_branch": True,
        }
        try:
            return _merge_request(self._client.post(f"/projects/{project_id}/merge_requests", data))
        except Answer as answer:
            raise gone_or_refused(answer, f"a merge request for {target}") from answer


def _merge_request(data: Mapping[str, Any]) -> MergeRequest:
    refs = data.get("diff_refs") or {}
    whole = all(refs.get(name) for name in ("base_sha", "start_sha", "head_sha"))
    source = data.get("source_project_id")
    author = (data.get("author") or {}).get("id")
    return MergeRequest(
        iid=int(data["iid"]),
        state=data["state"],
        source_branch=data["source_branch"],
        target_branch=data["target_branch"],
        web_url=data.get("web_url") or "",
        project_id=int(data.get("project_id") or data.get("target_project_id") or 0),
        sha=data.get("sha") or "",
        source_project_id=None if source is None else int(source),
        author_id=None if author is None else int(author),
        diff_refs=DiffRefs(refs["base_sha"], refs["start_sha"], refs["head_sha"]) if whole else None,
    )


def _file(data: Mapping[str, Any]) -> DiffFile:
    return DiffFile(
        old_path=data["old_path"],
        new_path=data["new_path"],
        diff=data.get("diff") or "",
        deleted_file=bool(data.get("deleted_file")),
    )

"""A merge request's diff as GitLab gives it: page by page, as much as is needed, and the commits it is made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bot.adapters.gitlab_client import Answer, GitlabClient, TooLong, gone_or_refused
from bot.domain.gitlab import DiffFile, DiffRefs

MAX_DIFF_PAGES = 30
"""Pages of 100 files; GitLab itself shows no more than 3,000."""

MAX_DIFF_CHARS = 2_000_000
"""Characters of all hunks that are looked through."""


def fetch_diff(
    client: GitlabClient, project_id: int, iid: int, paths: Collection[str]
) -> tuple[DiffFile, ...]:
    """Of the changed files those with these present paths; reading ends with the last of them, or at the limits."""
    missing = set(paths)
    found: list[DiffFile] = []
    chars = 0
    path = f"/projects/{project_id}/merge_requests/{iid}/diffs"
    try:
        for page in client.get_pages(path, MAX_DIFF_PAGES):
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


def fetch_diff_refs(client: GitlabClient, project_id: int, iid: int) -> DiffRefs | None:
    """The commits of the newest version of the diff; None while GitLab has not made one."""
    try:
        versions = client.get(f"/projects/{project_id}/merge_requests/{iid}/versions", per_page=1)
    except Answer as answer:
        raise gone_or_refused(answer, f"the versions of !{iid}") from answer
    newest = versions[0] if versions else {}
    shas = [newest.get(f"{name}_commit_sha") for name in ("base", "start", "head")]
    return DiffRefs(*map(str, shas)) if all(shas) else None


def _file(data: Mapping[str, Any]) -> DiffFile:
    return DiffFile(
        old_path=data["old_path"],
        new_path=data["new_path"],
        diff=data.get("diff") or "",
        deleted_file=bool(data.get("deleted_file")),
    )

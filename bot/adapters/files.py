"""Files of projects as GitLab has them: trees and contents by commit, and commits that write some."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bot.adapters.asking import Asking
from bot.adapters.gitlab_client import Answer, TooLong, gone_or_refused
from bot.domain.gitlab import Commit, Project, TreeEntry

MAX_TREE_PAGES = 200
"""Pages of 100 entries, folders among them."""

MAX_FILE_BYTES = 1024 * 1024
"""A larger file is not fetched; the reader says so to the author."""

BLOBS_PER_QUERY = 100
"""GitLab's limit for the nodes of one GraphQL connection."""

_BLOBS_QUERY = """
query blobs($project: ID!, $sha: String!, $paths: [String!]!) {
  project(fullPath: $project) { repository { blobs(ref: $sha, paths: $paths, first: 100) {
    nodes { path oid rawBlob } } } }
}
"""


class Files(Asking):
    """What is in the repositories of all projects.

    Commits are not repeatable: their caller reads the branch again after any doubt.
    """

    def fetch_parents(self, project_id: int, sha: str) -> tuple[str, ...]:
        """The parents of a commit; none when it is not there."""
        data = self._maybe(f"/projects/{project_id}/repository/commits/{sha}")
        return tuple(data.get("parent_ids") or ()) if data else ()

    def fetch_changed(self, project_id: int, sha: str) -> frozenset[str]:
        """Paths that a commit changed against its parent; of very many the first hundred."""
        items = self._maybe(f"/projects/{project_id}/repository/commits/{sha}/diff", per_page=100) or ()
        return frozenset(path for item in items for path in (item["old_path"], item["new_path"]))

    def fetch_tree(self, project_id: int, sha: str) -> tuple[TreeEntry, ...] | None:
        """All files, symbolic links and submodules of a commit; None when there are too many to be listed."""
        path = f"/projects/{project_id}/repository/tree"
        try:
            items = self._client.get_list(
                path, MAX_TREE_PAGES, ref=sha, recursive="true", pagination="keyset"
            )
        except TooLong:
            return None
        except Answer as answer:
            if answer.status == 404:
                return ()
            raise gone_or_refused(answer, f"the tree of {sha}") from answer
        return tuple(
            TreeEntry(item["path"], item["id"], item["mode"]) for item in items if item["type"] != "tree"
        )

    def fetch_blobs(self, project: Project, sha: str, wanted: Mapping[str, str]) -> dict[str, bytes]:
        """Contents by blob id for `wanted` (path → blob id); those over MAX_FILE_BYTES are left out.

        Asked together by GraphQL. That answer is text, so each content is hashed: what is not the blob that
        the tree named (another encoding, cut short) is fetched again by itself, byte for byte.
        """
        found: dict[str, bytes] = {}
        paths = sorted(wanted)
        for start in range(0, len(paths), BLOBS_PER_QUERY):
            found |= self._fetch_blobs_together(project, sha, paths[start : start + BLOBS_PER_QUERY])
        for path, blob in wanted.items():
            if blob not in found:
                content = self._fetch_blob_alone(project.id, sha, path)
                if content is not None:
                    found[blob] = content
        return found

    def fetch_files(self, project: Project, ref: str, paths: Sequence[str]) -> dict[str, bytes]:
        """A few files of a branch or commit by path; those that are not there, or not whole, are left out."""
        try:
            nodes = self._fetch_nodes(project, ref, paths)
        except Answer:
            found = {path: self._fetch_blob_alone(project.id, ref, path) for path in paths}
            return {path: content for path, content in found.items() if content is not None}
        contents = ((node["path"], node["oid"], _content(node)) for node in nodes)
        return {path: content for path, oid, content in contents if git_blob_id(content, len(oid)) == oid}

    def _fetch_blobs_together(self, project: Project, sha: str, paths: Sequence[str]) -> dict[str, bytes]:
        try:
            nodes = self._fetch_nodes(project, sha, paths)
        except Answer:
            return {}  # switched off or too old: the files are asked for one by one
        contents = ((node["oid"], _content(node)) for node in nodes)
        return {oid: content for oid, content in contents if git_blob_id(content, len(oid)) == oid}

    def _fetch_nodes(self, project: Project, ref: str, paths: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        data = self._client.graphql(_BLOBS_QUERY, {"project": project.path, "sha": ref, "paths": list(paths)})
        repository = (data.get("project") or {}).get("repository") or {}
        nodes: Sequence[Mapping[str, Any]] = (repository.get("blobs") or {}).get("nodes") or ()
        return nodes

    def _fetch_blob_alone(self, project_id: int, sha: str, path: str) -> bytes | None:
        file = f"/projects/{project_id}/repository/files/{quote(path, safe='')}"
        try:
            if int(self._client.head(file, ref=sha).get("X-Gitlab-Size", "0")) > MAX_FILE_BYTES:
                return None
            return self._client.get_bytes(f"{file}/raw", MAX_FILE_BYTES, ref=sha)
        except Answer:
            return None

    def fetch_last_commit_of(self, project_id: int, ref: str, path: str) -> str | None:
        """The commit that changed a file last, None when there is no such file."""
        try:
            headers = self._client.head(
                f"/projects/{project_id}/repository/files/{quote(path, safe='')}", ref=ref
            )
        except Answer as answer:
            if answer.status == 404:
                return None
            raise gone_or_refused(answer, path) from answer
        return headers.get("X-Gitlab-Last-Commit-Id")

    def commit(
        self,
        project_id: int,
        branch: str,
        message: str,
        path: str,
        content: bytes,
        last_commit: str | None,
        start_sha: str | None = None,
    ) -> Commit:
        """Write one file; `last_commit` None creates it, `start_sha` makes the branch anew from there.

        Refused when GitLab says no for any reason: its words do not tell one from another, so the caller
        reads again and decides.
        """
        action = {
            "action": "create" if last_commit is None else "update",
            "file_path": path,
            "content": base64.b64encode(content).decode(),
            "encoding": "base64",
        }
        data: dict[str, Any] = {"branch": branch, "commit_message": message, "actions": [action]}
        if last_commit is not None:
            action["last_commit_id"] = last_commit
        if start_sha is not None:
            data |= {"start_sha": start_sha, "force": True}
        try:
            made = self._client.post(f"/projects/{project_id}/repository/commits", data)
        except Answer as answer:
            raise gone_or_refused(answer, f"a commit to {branch}") from answer
        return Commit(made["id"], tuple(made.get("parent_ids") or ()))

    def commit_files(
        self,
        project_id: int,
        branch: str,
        message: str,
        files: Mapping[str, bytes],
        existing: Collection[str],
        start_sha: str,
    ) -> Commit:
        """Write several files in one commit, on a branch made anew from `start_sha`; those `existing` are updated.

        Refused when GitLab says no; after any doubt the caller reads the branch again.
        """
        actions = [
            {
                "action": "update" if path in existing else "create",
                "file_path": path,
                "content": base64.b64encode(content).decode(),
                "encoding": "base64",
            }
            for path, content in files.items()
        ]
        data = {
            "branch": branch,
            "commit_message": message,
            "actions": actions,
            "start_sha": start_sha,
            "force": True,
        }
        try:
            made = self._client.post(f"/projects/{project_id}/repository/commits", data)
        except Answer as answer:
            raise gone_or_refused(answer, f"a commit to {branch}") from answer
        return Commit(made["id"], tuple(made.get("parent_ids") or ()))


def git_blob_id(content: bytes, digits: int = 40) -> str:
    """The id that git gives to a blob, in SHA-1 (40 digits) or SHA-256 (64)."""
    digest = hashlib.sha256() if digits == 64 else hashlib.sha1(usedforsecurity=False)
    digest.update(b"blob %d\0" % len(content))
    digest.update(content)
    return digest.hexdigest()


def _content(node: Mapping[str, Any]) -> bytes:
    return (node.get("rawBlob") or "").encode("utf-8", "replace")

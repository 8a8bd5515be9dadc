"""GitLab as the bot needs it: what it reads, and writes that may be repeated.

Methods named `fetch_` return None (or nothing) for what is not there; methods named `ensure_` look before
they write, so that a second run after a crash or a lost answer changes nothing. `commit` alone is not
repeatable: its caller reads the branch again after any doubt.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from bot.adapters import changes, images
from bot.adapters.gitlab_client import Answer, GitlabClient, TooLong, get_what_is_there, gone_or_refused
from bot.domain.gitlab import (
    Branch,
    Bridge,
    CiJob,
    Commit,
    CommitStatus,
    DiffFile,
    DiffRefs,
    MergeRequest,
    Person,
    Pipeline,
    Project,
    TreeEntry,
)

MAX_TREE_PAGES = 200
"""Pages of 100 entries, folders among them."""

MAX_LIST_PAGES = 20
MAX_FILE_BYTES = 1024 * 1024
"""A larger file is not fetched; the reader says so to the author."""

BLOBS_PER_QUERY = 100
"""GitLab's limit for the nodes of one GraphQL connection."""

_ACTIVE = "active"

TRACE_TAIL_BYTES = 64 * 1024

_BLOBS_QUERY = """
query blobs($project: ID!, $sha: String!, $paths: [String!]!) {
  project(fullPath: $project) { repository { blobs(ref: $sha, paths: $paths, first: 100) {
    nodes { path oid rawBlob } } } }
}
"""


class Forge:
    """One GitLab, seen as the bot's own user. Raises TryAgain, OperatorError, Refused or Gone."""

    def __init__(self, client: GitlabClient) -> None:
        self._client = client

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

    def fetch_pipelines(
        self, project_id: int, branch: str, sha: str, source: str | None = None
    ) -> tuple[Pipeline, ...]:
        """The commit's pipelines on the branch, newest first; child pipelines only when `source` asks for them."""
        items = self._list(
            f"/projects/{project_id}/pipelines", ref=branch, sha=sha, source=source, order_by="id"
        )
        return tuple(_pipeline(item) for item in items)

    def fetch_pipeline(self, project_id: int, pipeline_id: int) -> Pipeline | None:
        """One pipeline, with the errors of its configuration."""
        data = self._maybe(f"/projects/{project_id}/pipelines/{pipeline_id}")
        return _pipeline(data) if data else None

    def create_pipeline(self, project_id: int, branch: str) -> Pipeline:
        """Start a pipeline for the branch's head; Refused with GitLab's words when it will not."""
        try:
            return _pipeline(self._client.post(f"/projects/{project_id}/pipeline", {"ref": branch}))
        except Answer as answer:
            raise gone_or_refused(answer, f"a pipeline for {branch}") from answer

    def retry_pipeline(self, project_id: int, pipeline_id: int) -> None:
        """Run the pipeline's failed and canceled jobs again; nothing where there are none."""
        self._turn_pipeline(project_id, pipeline_id, "retry")

    def cancel_pipeline(self, project_id: int, pipeline_id: int) -> None:
        """Stop what of the pipeline has not ended; nothing where all has."""
        self._turn_pipeline(project_id, pipeline_id, "cancel")

    def _turn_pipeline(self, project_id: int, pipeline_id: int, verb: str) -> None:
        try:
            self._client.post(f"/projects/{project_id}/pipelines/{pipeline_id}/{verb}", {})
        except Answer as answer:
            raise gone_or_refused(answer, f"to {verb} pipeline {pipeline_id}") from answer

    def fetch_jobs(self, project_id: int, pipeline_id: int) -> tuple[CiJob, ...]:
        """The pipeline's jobs, of retried ones the newest."""
        items = self._list(f"/projects/{project_id}/pipelines/{pipeline_id}/jobs")
        newest: dict[str, CiJob] = {}
        for item in sorted(items, key=lambda item: int(item["id"])):
            newest[item["name"]] = CiJob(
                id=int(item["id"]),
                name=item["name"],
                status=item["status"],
                allow_failure=bool(item.get("allow_failure")),
                web_url=item.get("web_url", ""),
                failure_reason=item.get("failure_reason"),
                seconds=item.get("duration"),
            )
        return tuple(newest.values())

    def fetch_bridges(self, project_id: int, pipeline_id: int) -> tuple[Bridge, ...]:
        """The pipeline's jobs that trigger child pipelines, of retried ones the newest."""
        items = self._list(f"/projects/{project_id}/pipelines/{pipeline_id}/bridges")
        newest: dict[str, Bridge] = {}
        for item in sorted(items, key=lambda item: int(item["id"])):
            child = item.get("downstream_pipeline") or {}
            newest[item["name"]] = Bridge(
                id=int(item["id"]),
                name=item["name"],
                status=item["status"],
                child=int(child["id"]) if "id" in child else None,
                child_url=child.get("web_url") or "",
            )
        return tuple(newest.values())

    def fetch_trace_tail(self, project_id: int, job_id: int) -> bytes:
        """The end of a job's log as the runner wrote it, empty when there is none."""
        try:
            return self._client.get_bytes(f"/projects/{project_id}/jobs/{job_id}/trace", TRACE_TAIL_BYTES)
        except Answer:
            return b""

    def fetch_status(
        self, project_id: int, branch: str, sha: str, name: str, user_id: int, pipeline_id: int | None = None
    ) -> CommitStatus | None:
        """The newest status of this name that the bot itself wrote on the commit (in that pipeline, if named)."""
        items = self._list(
            f"/projects/{project_id}/repository/commits/{sha}/statuses",
            ref=branch,
            name=name,
            pipeline_id=pipeline_id,
            all="true",
        )
        ours = [item for item in items if (item.get("author") or {}).get("id") == user_id]
        if not ours:
            return None
        newest = max(ours, key=lambda item: int(item["id"]))
        return CommitStatus(
            newest["name"], newest["status"], newest.get("description") or "", newest.get("pipeline_id")
        )

    def set_status(
        self,
        project_id: int,
        sha: str,
        name: str,
        state: str,
        description: str,
        target_url: str,
        pipeline_id: int | None,
        branch: str,
    ) -> None:
        """Write a commit status; being in that state already is as good."""
        data = {"state": state, "name": name, "description": description}
        if target_url:
            data |= {"target_url": target_url}
        data |= {"ref": branch} if pipeline_id is None else {"pipeline_id": str(pipeline_id)}
        try:
            self._client.post(f"/projects/{project_id}/statuses/{sha}", data)
        except Answer as answer:
            if answer.status == 400 and "transition" in answer.message.lower():
                return
            raise gone_or_refused(answer, f"a status on {sha}") from answer

    def fetch_merge_request(self, project_id: int, iid: int) -> MergeRequest | None:
        """One merge request, with the commits that its diff is made of."""
        data = self._maybe(f"/projects/{project_id}/merge_requests/{iid}")
        return _merge_request(data) if data else None

    def fetch_diff(self, project_id: int, iid: int, paths: Collection[str]) -> tuple[DiffFile, ...]:
        """What a merge request changes in these files (present paths), as far as GitLab shows it."""
        return changes.fetch_diff(self._client, project_id, iid, paths)

    def fetch_diff_refs(self, project_id: int, iid: int) -> DiffRefs | None:
        """The commits of the newest version of a merge request's diff; None while there is none."""
        return changes.fetch_diff_refs(self._client, project_id, iid)

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

    def _list(self, path: str, **query: Any) -> Sequence[Any]:
        return get_what_is_there(self._client, path, MAX_LIST_PAGES, **query)

    def _maybe(self, path: str, **query: Any) -> Any | None:
        try:
            return self._client.get(path, **query)
        except Answer as answer:
            if answer.status == 404:
                return None
            raise gone_or_refused(answer, path) from answer


def git_blob_id(content: bytes, digits: int = 40) -> str:
    """The id that git gives to a blob, in SHA-1 (40 digits) or SHA-256 (64)."""
    digest = hashlib.sha256() if digits == 64 else hashlib.sha1(usedforsecurity=False)
    digest.update(b"blob %d\0" % len(content))
    digest.update(content)
    return digest.hexdigest()


def _content(node: Mapping[str, Any]) -> bytes:
    return (node.get("rawBlob") or "").encode("utf-8", "replace")


def _pipeline(data: Mapping[str, Any]) -> Pipeline:
    return Pipeline(
        id=int(data["id"]),
        sha=data["sha"],
        ref=data["ref"],
        status=data["status"],
        source=data.get("source") or "",
        web_url=data.get("web_url") or "",
        yaml_errors=data.get("yaml_errors"),
    )


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


def _level(data: Mapping[str, Any], today: date) -> int:
    states = (data.get("state") or _ACTIVE, data.get("membership_state") or _ACTIVE)
    over = str(data.get("expires_at") or date.max)[: len("2000-01-01")] <= today.isoformat()
    return 0 if over or any(state != _ACTIVE for state in states) else int(data.get("access_level") or 0)


def _person(data: Mapping[str, Any]) -> Person:
    return Person(int(data["id"]), data.get("username") or "", data.get("bot") is True)


def _says(note: str, body: str) -> bool:
    return note.strip() == body.strip() or note.startswith(f"{body.strip()}\n\n")

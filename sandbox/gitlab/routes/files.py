"""Single files: reading with their properties, and writing one at a time."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from werkzeug.wrappers import Response

from sandbox.gitlab.committing import CommitRequest, commit, read_action
from sandbox.gitlab.git import Repository
from sandbox.gitlab.git_objects import TreeEntry
from sandbox.gitlab.http import ApiError, Call, Routes, answer, not_found
from sandbox.gitlab.routes.repository import code, commit_of

routes = Routes()


def _found(call: Call) -> tuple[Repository, str, TreeEntry, bytes]:
    project, git = code(call)
    sha = commit_of(git, call.text("ref") or project.default_branch)
    entry = git.entry(sha, call.params["path"])
    content = git.blob(entry.oid) if entry is not None and entry.kind == "blob" else None
    if entry is None or content is None:
        raise not_found("File")
    return git, sha, entry, content


def _properties(call: Call) -> tuple[dict[str, Any], bytes]:
    git, sha, entry, content = _found(call)
    return {
        "file_name": entry.name,
        "file_path": entry.path,
        "size": len(content),
        "encoding": "base64",
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "ref": call.text("ref") or "HEAD",
        "blob_id": entry.oid,
        "commit_id": sha,
        "last_commit_id": git.last_commit_of(sha, entry.path) or sha,
        "execute_filemode": entry.mode == "100755",
    }, content


def _headers(properties: dict[str, Any]) -> dict[str, str]:
    headers = {}
    for name, value in properties.items():
        title = "-".join(part.capitalize() for part in name.split("_"))
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        # Paths may hold any character, headers may not.
        headers[f"X-Gitlab-{title}"] = shown.encode("ascii", "backslashreplace").decode()
    return headers


@routes.on("GET", "/projects/:id/repository/files/:path")
def file(call: Call) -> Response:
    properties, content = _properties(call)
    return answer({**properties, "content": base64.b64encode(content).decode()}, headers=_headers(properties))


@routes.on("HEAD", "/projects/:id/repository/files/:path")
def head(call: Call) -> Response:
    properties, _ = _properties(call)
    return Response(status=200, headers=_headers(properties))


@routes.on("GET", "/projects/:id/repository/files/:path/raw")
def raw(call: Call) -> Response:
    properties, content = _properties(call)
    return Response(content, headers=_headers(properties), content_type="text/plain; charset=utf-8")


def _write(call: Call, action: str) -> tuple[str, str]:
    project, git = code(call)
    user, branch = call.who(), call.required("branch")
    if action != "delete" and call.arg("content") is None:
        raise ApiError(400, {"error": "content is missing"})
    fields = {
        "action": action,
        "file_path": call.params["path"],
        "content": call.arg("content"),
        "encoding": call.text("encoding") or "text",
        "last_commit_id": call.text("last_commit_id"),
        "execute_filemode": call.arg("execute_filemode"),
    }
    head = git.branch(branch)
    if (
        action == "update"
        and head is not None
        and git.file(head, call.params["path"]) == read_action(fields).content
    ):
        raise ApiError(400, "Could not update the file: the commit was empty")
    wanted = CommitRequest(
        branch,
        call.required("commit_message"),
        (fields,),
        start_branch=call.text("start_branch"),
        author_name=call.text("author_name"),
        author_email=call.text("author_email"),
    )
    commit(call.core, project, user, wanted)
    return call.params["path"], branch


@routes.on("POST", "/projects/:id/repository/files/:path")
def create(call: Call) -> Response:
    path, branch = _write(call, "create")
    return answer({"file_path": path, "branch": branch}, 201)


@routes.on("PUT", "/projects/:id/repository/files/:path")
def update(call: Call) -> Response:
    path, branch = _write(call, "update")
    return answer({"file_path": path, "branch": branch})


@routes.on("DELETE", "/projects/:id/repository/files/:path")
def delete(call: Call) -> Response:
    _write(call, "delete")
    return answer(None, 204)

"""Branches, tags, the tree, blobs, comparisons."""

from __future__ import annotations

import base64
import binascii
from fnmatch import fnmatchcase
from typing import Any

from werkzeug.wrappers import Response

from sandbox.gitlab.diffs import diff_values
from sandbox.gitlab.git import EMPTY_TREE, ZEROS, Repository
from sandbox.gitlab.http import ApiError, Call, Routes, answer, forbidden, not_found
from sandbox.gitlab.ref_change import RefChange
from sandbox.gitlab.values import DEVELOPER, Project

routes = Routes()


def code(call: Call) -> tuple[Project, Repository]:
    """The project and its repository, for somebody who may read the code."""
    project = call.project()
    if not call.core.may_read_code(call.user, project):
        raise forbidden()
    return project, call.core.git(project)


def commit_of(git: Repository, revision: str, what: str = "Commit") -> str:
    sha = git.resolve(revision)
    if sha is None:
        raise not_found(what)
    return sha


# Branches and tags


@routes.on("GET", "/projects/:id/repository/branches")
def branches(call: Call) -> Response:
    project, git = code(call)
    query = call.text("search") or ""
    found = [(name, sha) for name, sha in git.branches().items() if query in name]
    return call.page(found, lambda item: call.core.present.branch(project, item[0], item[1], call.user))


@routes.on("GET", "/projects/:id/repository/branches/:branch")
def branch(call: Call) -> Response:
    project, git = code(call)
    name = call.params["branch"]
    sha = git.branch(name)
    if sha is None:
        raise not_found("Branch")
    return answer(call.core.present.branch(project, name, sha, call.user))


@routes.on("POST", "/projects/:id/repository/branches")
def create_branch(call: Call) -> Response:
    project, git = code(call)
    user, name = call.who(), call.required("branch")
    if not call.core.state.may_push(user, project, name):
        raise forbidden()
    # what is decided on must not move before it is done
    with git.write_lock:
        sha = git.resolve(call.required("ref"))
        if sha is None:
            raise ApiError(400, "Invalid reference name: " + call.required("ref"))
        if git.branch(name) is not None:
            raise ApiError(400, "Branch already exists")
        git.update_ref(f"refs/heads/{name}", sha, ZEROS)
        call.core.pushes.happened(project, user, [RefChange(f"refs/heads/{name}", ZEROS, sha)])
    return answer(call.core.present.branch(project, name, sha, user), 201)


@routes.on("DELETE", "/projects/:id/repository/branches/:branch")
def delete_branch(call: Call) -> Response:
    project, git = code(call)
    user, name = call.who(), call.params["branch"]
    with git.write_lock:
        sha = git.branch(name)
        if sha is None:
            raise not_found("Branch")
        if name == project.default_branch:
            raise ApiError(400, "Cannot remove HEAD branch")
        if call.core.state.protections_of(project, name) or not call.core.state.may_push(user, project, name):
            raise forbidden()
        git.update_ref(f"refs/heads/{name}", ZEROS, sha)
        call.core.pushes.happened(project, user, [RefChange(f"refs/heads/{name}", sha, ZEROS)])
    return answer(None, 204)


@routes.on("GET", "/projects/:id/repository/tags")
def tags(call: Call) -> Response:
    project, git = code(call)
    found = list(git.refs("refs/tags/").items())
    return call.page(found, lambda item: _tag(call, project, git, *item))


def _tag(call: Call, project: Project, git: Repository, name: str, sha: str) -> dict[str, Any]:
    shown = call.core.present.commit(project, git, sha)
    made = call.core.state.releases.get((project.id, name))
    release = None if made is None else {"tag_name": name, "description": made.description}
    protected = any(fnmatchcase(name, rule.name) for rule in project.protected_tags)
    return {
        "name": name,
        "message": "",
        "target": sha,
        "commit": shown,
        "release": release,
        "protected": protected,
    }


@routes.on("GET", "/projects/:id/repository/tags/:tag")
def tag(call: Call) -> Response:
    project, git = code(call)
    sha = git.tag(call.params["tag"])
    if sha is None:
        raise not_found("Tag")
    return answer(_tag(call, project, git, call.params["tag"], sha))


@routes.on("POST", "/projects/:id/repository/tags")
def create_tag(call: Call) -> Response:
    project, git = code(call)
    user, name = call.who(), call.required("tag_name")
    if call.core.state.rights(user, project) < DEVELOPER:
        raise forbidden()
    if not call.core.state.may_tag(user, project, name):
        raise ApiError(400, "GitLab: You are not allowed to create this tag as it is protected.")
    with git.write_lock:
        sha = git.resolve(call.required("ref"))
        if sha is None:
            raise ApiError(400, f"Target {call.required('ref')} is invalid")
        if git.tag(name) is not None:
            raise ApiError(400, f"Tag {name} already exists")
        git.update_ref(f"refs/tags/{name}", sha, ZEROS)
        call.core.pushes.happened(project, user, [RefChange(f"refs/tags/{name}", ZEROS, sha)])
    return answer(_tag(call, project, git, name, sha), 201)


@routes.on("DELETE", "/projects/:id/repository/tags/:tag")
def delete_tag(call: Call) -> Response:
    project, git = code(call)
    user, name = call.who(), call.params["tag"]
    if call.core.state.rights(user, project) < DEVELOPER or not call.core.state.may_tag(user, project, name):
        raise forbidden()
    with git.write_lock:
        sha = git.tag(name)
        if sha is None:
            raise not_found("Tag")
        git.update_ref(f"refs/tags/{name}", ZEROS, sha)
        call.core.state.releases.pop((project.id, name), None)
        call.core.pushes.happened(project, user, [RefChange(f"refs/tags/{name}", sha, ZEROS)])
    return answer(None, 204)


# Tree and blobs


def _page_token(path: str) -> str:
    return base64.urlsafe_b64encode(path.encode("utf-8", "surrogateescape")).decode().rstrip("=")


def _path_of(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        raise ApiError(400, {"error": "page_token is invalid"}) from None


@routes.on("GET", "/projects/:id/repository/tree")
def tree(call: Call) -> Response:
    project, git = code(call)
    sha = git.resolve(call.text("ref") or project.default_branch)
    if sha is None:
        raise not_found("Tree")
    entries = git.walk(sha, call.text("path") or "", call.flag("recursive"))
    if entries is None:
        raise not_found("invalid revision or path")
    present = call.core.present.tree_entry
    if call.text("pagination") != "keyset":
        return call.page(entries, present)
    start = 0
    token = call.text("page_token")
    if token:
        after = _path_of(token)
        start = next((number for number, entry in enumerate(entries, 1) if entry.path == after), -1)
        if start < 0:
            raise ApiError(422, {"error": "page_token is invalid"})
    shown = entries[start : start + call.per_page()]
    headers = {"X-Per-Page": str(call.per_page())}
    if start + len(shown) < len(entries):
        following = _page_token(shown[-1].path)
        headers |= {"Link": f'<{call.link(page_token=following)}>; rel="next"', "X-Next-Cursor": following}
    return answer([present(entry) for entry in shown], headers=headers)


def _blob(call: Call) -> bytes:
    _, git = code(call)
    content = git.blob(call.params["sha"])
    if content is None:
        raise not_found("Blob")
    return content


@routes.on("GET", "/projects/:id/repository/blobs/:sha")
def blob(call: Call) -> Response:
    content = _blob(call)
    shown = base64.b64encode(content).decode()
    return answer({"size": len(content), "encoding": "base64", "content": shown, "sha": call.params["sha"]})


@routes.on("GET", "/projects/:id/repository/blobs/:sha/raw")
def raw_blob(call: Call) -> Response:
    return Response(_blob(call), content_type="text/plain")


# Comparisons


@routes.on("GET", "/projects/:id/repository/compare")
def compare(call: Call) -> Response:
    project, git = code(call)
    old, new = commit_of(git, call.required("from"), "Ref"), commit_of(git, call.required("to"), "Ref")
    base = old if call.flag("straight") else git.merge_base(old, new)
    commits = git.log([new, f"^{old}"], extra=["--reverse"])
    present = call.core.present
    shown = [present.commit_value(project, commit) for commit in commits]
    return answer(
        {
            "commit": shown[-1] if shown else None,
            "commits": shown,
            "diffs": diff_values(git, base or EMPTY_TREE, new),
            "compare_timeout": False,
            "compare_same_ref": old == new,
            "web_url": f"{call.core.web_url(project)}/-/compare/{old}...{new}",
        }
    )


@routes.on("GET", "/projects/:id/repository/merge_base")
def merge_base(call: Call) -> Response:
    project, git = code(call)
    refs = [str(ref) for ref in call.many("refs")]
    if len(refs) < 2:
        raise ApiError(400, {"message": "Provide at least 2 refs"})
    shas = []
    for ref in refs:
        sha = git.resolve(ref)
        if sha is None:
            raise ApiError(400, f"Could not find ref: {ref}")
        shas.append(sha)
    base = git.merge_base(*shas)
    if base is None:
        raise not_found("Merge Base")
    return answer(call.core.present.commit(project, git, base))

"""Commits: listing, reading, making; their comments, statuses and merge requests."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from sandbox.gitlab.committing import CommitRequest, commit
from sandbox.gitlab.diffs import diff_values
from sandbox.gitlab.git import EMPTY_TREE, Repository
from sandbox.gitlab.http import ApiError, Call, Routes, answer, forbidden
from sandbox.gitlab.routes.repository import code, commit_of
from sandbox.gitlab.statuses import StatusRequest
from sandbox.gitlab.values import DEVELOPER, REPORTER, Project

routes = Routes()


@routes.on("GET", "/projects/:id/repository/commits")
def commits(call: Call) -> Response:
    project, git = code(call)
    start = call.text("ref_name") or project.default_branch
    revisions = ["--all"] if call.flag("all") else [commit_of(git, start)]
    extra = ["--first-parent"] if call.flag("first_parent") else []
    extra += [f"--{name}={call.text(name)}" for name in ("since", "until") if call.text(name)]
    size, page = call.per_page(), max(1, call.number("page") or 1)
    found = git.log(
        revisions, limit=size + 1, skip=(page - 1) * size, path=call.text("path") or "", extra=extra
    )
    following = page + 1 if len(found) > size else None
    links = {
        "first": 1,
        **({"prev": page - 1} if page > 1 else {}),
        **({"next": following} if following else {}),
    }
    headers = {
        "X-Page": str(page),
        "X-Per-Page": str(size),
        "X-Next-Page": str(following or ""),
        "X-Prev-Page": str(page - 1) if page > 1 else "",
        "Link": ", ".join(f'<{call.link(page=number)}>; rel="{name}"' for name, number in links.items()),
    }
    return answer([call.core.present.commit_value(project, item) for item in found[:size]], headers=headers)


def _detail(call: Call, project: Project, git: Repository, sha: str) -> dict[str, Any]:
    last = next((found for found in call.core.state.pipelines_of(project.id) if found.sha == sha), None)
    shown = {
        **call.core.present.commit(project, git, sha),
        "status": last.status if last is not None else None,
        "project_id": project.id,
        "last_pipeline": None if last is None else call.core.present_ci.pipeline(last),
    }
    if call.flag("stats", default=True):
        shown["stats"] = _stats(git, sha)
    return shown


def _stats(git: Repository, sha: str) -> dict[str, int]:
    made = git.commit(sha)
    old = made.parents[0] if made is not None and made.parents else EMPTY_TREE
    lines = git.patch(old, sha, context=0).splitlines()
    added = sum(line.startswith("+") and not line.startswith("+++ ") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("--- ") for line in lines)
    return {"additions": added, "deletions": removed, "total": added + removed}


@routes.on("POST", "/projects/:id/repository/commits")
def create(call: Call) -> Response:
    project, git = code(call)
    user = call.who()
    actions = call.many("actions")
    if not all(isinstance(action, dict) for action in actions):
        raise ApiError(400, {"error": "actions is invalid"})
    wanted = CommitRequest(
        call.required("branch"),
        call.required("commit_message"),
        tuple(actions),
        start_branch=call.text("start_branch"),
        start_sha=call.text("start_sha"),
        author_name=call.text("author_name"),
        author_email=call.text("author_email"),
        force=call.flag("force"),
    )
    if not actions:
        raise ApiError(400, {"error": "actions is missing"})
    return answer(_detail(call, project, git, commit(call.core, project, user, wanted)), 201)


@routes.on("GET", "/projects/:id/repository/commits/:sha")
def read(call: Call) -> Response:
    project, git = code(call)
    return answer(_detail(call, project, git, commit_of(git, call.params["sha"])))


@routes.on("GET", "/projects/:id/repository/commits/:sha/diff")
def diff(call: Call) -> Response:
    _, git = code(call)
    sha = commit_of(git, call.params["sha"])
    made = git.commit(sha)
    old = made.parents[0] if made is not None and made.parents else EMPTY_TREE
    return call.page(diff_values(git, old, sha), lambda item: item)


@routes.on("GET", "/projects/:id/repository/commits/:sha/refs")
def refs(call: Call) -> Response:
    _, git = code(call)
    sha, wanted = commit_of(git, call.params["sha"]), call.text("type") or "all"
    found = [
        {"type": kind, "name": name}
        for kind in ("branch", "tag")
        if wanted in (kind, "all")
        for name in git.containing(sha, kind)
    ]
    return call.page(found, lambda item: item)


@routes.on("GET", "/projects/:id/repository/commits/:sha/merge_requests")
def merge_requests(call: Call) -> Response:
    project, git = code(call)
    sha = commit_of(git, call.params["sha"])
    found = []
    for merge_request in call.core.merging.of(project):
        made = {merge_request.sha, merge_request.merge_commit_sha, merge_request.squash_commit_sha}
        base = merge_request.versions[-1].base
        inside = git.is_ancestor(sha, merge_request.sha) and not git.is_ancestor(sha, base)
        if sha in made or inside:
            found.append(merge_request)
    wanted = call.text("state")
    found = [item for item in found if wanted in (None, "all", item.state)]
    return call.page(found, call.core.present_review.merge_request)


# Statuses


@routes.on("GET", "/projects/:id/repository/commits/:sha/statuses")
def statuses(call: Call) -> Response:
    project, git = code(call)
    sha = commit_of(git, call.params["sha"])
    wanted = {name: call.text(name) for name in ("ref", "stage", "name")}
    pipeline_id = call.number("pipeline_id")
    found = [
        job
        for pipeline in call.core.state.pipelines_of(project.id)
        for job in (pipeline.jobs if call.flag("all") else pipeline.latest_jobs)
        if pipeline.sha == sha
        and pipeline_id in (None, pipeline.id)
        and all(value is None or getattr(job, name) == value for name, value in wanted.items())
    ]
    key = call.text("order_by") or "id"
    if key not in ("id", "pipeline_id"):
        raise ApiError(400, {"error": "order_by does not have a valid value"})
    found.sort(key=lambda job: getattr(job, key), reverse=call.text("sort") == "desc")
    return call.page(found, call.core.present_ci.status)


@routes.on("POST", "/projects/:id/statuses/:sha")
def post_status(call: Call) -> Response:
    user = call.who()
    project = call.project()
    if call.core.state.rights(user, project) < DEVELOPER:
        raise forbidden()
    coverage = call.text("coverage")
    wanted = StatusRequest(
        call.params["sha"],
        call.required("state"),
        name=call.text("name") or call.text("context") or "default",
        ref=call.text("ref"),
        target_url=call.text("target_url"),
        description=call.text("description"),
        coverage=float(coverage) if coverage else None,
        pipeline_id=call.number("pipeline_id"),
    )
    return answer(call.core.present_ci.status(call.core.statuses.post(project, user, wanted)), 201)


# Comments


@routes.on("GET", "/projects/:id/repository/commits/:sha/comments")
def comments(call: Call) -> Response:
    project, git = code(call)
    notes = call.core.notes.of_commit(project, commit_of(git, call.params["sha"]))
    return call.page(notes, call.core.present_review.commit_comment)


@routes.on("POST", "/projects/:id/repository/commits/:sha/comments")
def comment(call: Call) -> Response:
    project, git = code(call)
    user = call.who()
    if call.core.state.rights(user, project) < REPORTER and project.visibility == "private":
        raise forbidden()
    sha = commit_of(git, call.params["sha"])
    place = {"path": call.text("path"), "line": call.number("line"), "line_type": call.text("line_type")}
    note = call.core.notes.on_commit(project, user, sha, call.required("note"), **place)
    return answer(call.core.present_review.commit_comment(note), 201)

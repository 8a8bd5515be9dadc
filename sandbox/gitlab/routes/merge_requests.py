"""Merge requests: opening, reading, editing, merging."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from werkzeug.wrappers import Response

from sandbox.gitlab.diffs import diff_values
from sandbox.gitlab.http import ApiError, Call, Routes, answer, forbidden, not_found
from sandbox.gitlab.routes.repository import code
from sandbox.gitlab.values import DEVELOPER, REPORTER, MergeRequest, MergeRequestVersion, iso

routes = Routes()


def merge_request_of(call: Call) -> MergeRequest:
    project = call.project()
    iid = call.params["iid"]
    found = call.core.state.merge_requests.get((project.id, int(iid))) if iid.isdigit() else None
    if found is None:
        raise not_found("Not Found")
    return found


SCOPES = ("created_by_me", "created-by-me", "assigned_to_me", "assigned-to-me", "all")


@routes.on("GET", "/merge_requests")
def all_merge_requests(call: Call) -> Response:
    """Those of all projects that the user may see; without a scope only the user's own."""
    user, state = call.who(), call.core.state
    scope = call.text("scope") or "created_by_me"
    if scope not in SCOPES:
        raise ApiError(400, {"error": "scope does not have a valid value"})
    found = []
    for project in list(state.projects.values()):
        if call.core.may_see(user, project):
            found += call.core.merging.of(project)
    if scope.startswith("created"):
        found = [item for item in found if item.author_id == user.id]
    if scope.startswith("assigned"):
        found = [item for item in found if user.id in item.assignees]
    return _listed(call, found)


@routes.on("GET", "/projects/:id/merge_requests")
def merge_requests(call: Call) -> Response:
    return _listed(call, call.core.merging.of(call.project()))


def _listed(call: Call, found: list[MergeRequest]) -> Response:
    state = call.text("state") or "all"
    found = [item for item in found if state in ("all", item.state)]
    for name in ("source_branch", "target_branch"):
        wanted = call.text(name)
        found = [item for item in found if wanted is None or getattr(item, name) == wanted]
    for name in ("author_id", "source_project_id"):
        number = call.number(name)
        found = [item for item in found if number is None or getattr(item, name) == number]
    author = call.text("author_username")
    found = [
        item for item in found if author is None or call.core.state.user(item.author_id).username == author
    ]
    iids = {int(iid) for iid in call.many("iids")}
    found = [item for item in found if not iids or item.iid in iids]
    since = call.text("updated_after")
    if since is not None:
        moment = datetime.fromisoformat(since)
        found = [item for item in found if item.updated_at >= moment]
    labels = {str(label) for label in call.many("labels")}
    found = [item for item in found if labels <= set(item.labels)]
    key = call.text("order_by") or "created_at"
    if key not in ("created_at", "updated_at", "title", "merged_at"):
        raise ApiError(400, {"error": "order_by does not have a valid value"})
    found.sort(
        key=lambda item: (getattr(item, key) is not None, getattr(item, key), item.iid),
        reverse=call.text("sort") != "asc",
    )
    return call.page(found, call.core.present_review.merge_request)


@routes.on("POST", "/projects/:id/merge_requests")
def create(call: Call) -> Response:
    user, source = call.who(), call.project()
    target_id = call.number("target_project_id")
    target = source if target_id is None else call.core.state.projects.get(target_id)
    if target is None or not call.core.may_see(user, target):
        raise not_found("Project")
    if call.core.state.rights(user, source) < DEVELOPER or (target is source and target.archived):
        raise forbidden()
    made = call.core.merging.open(
        target,
        user,
        source,
        call.required("source_branch"),
        call.required("target_branch"),
        call.required("title"),
        description=call.text("description") or "",
        labels=[str(label) for label in call.many("labels")],
        assignees=[
            int(number)
            for number in call.many("assignee_ids") or [call.number("assignee_id") or 0]
            if int(number)
        ],
        reviewers=[int(number) for number in call.many("reviewer_ids") if int(number)],
        remove_source_branch=call.flag("remove_source_branch"),
        squash=call.flag("squash"),
    )
    return answer(call.core.present_review.merge_request(made, detail=True), 201)


@routes.on("GET", "/projects/:id/merge_requests/:iid")
def read(call: Call) -> Response:
    return answer(call.core.present_review.merge_request(merge_request_of(call), detail=True))


@routes.on("PUT", "/projects/:id/merge_requests/:iid")
def edit(call: Call) -> Response:
    found, user, project = merge_request_of(call), call.who(), call.project()
    if call.core.state.rights(user, project) < DEVELOPER and found.author_id != user.id:
        raise forbidden()
    fields: dict[str, Any] = {}
    for name in ("title", "description", "target_branch"):
        if call.arg(name) is not None:
            fields[name] = call.text(name) or ""
    for name, field in (("assignee_ids", "assignees"), ("reviewer_ids", "reviewers")):
        if call.arg(name) is not None:
            fields[field] = [int(number) for number in call.many(name) if int(number)]
    labels = list(found.labels)
    if call.arg("labels") is not None:
        labels = [str(label) for label in call.many("labels")]
    labels += [str(label) for label in call.many("add_labels") if str(label) not in labels]
    removed = {str(label) for label in call.many("remove_labels")}
    fields["labels"] = [label for label in labels if label not in removed]
    if call.arg("remove_source_branch") is not None:
        fields["remove_source_branch"] = call.flag("remove_source_branch")
    call.core.merging.edit(found, user, fields)
    event = call.text("state_event")
    if event in ("close", "reopen"):
        call.core.merging.set_state(found, user, event)
    return answer(call.core.present_review.merge_request(found, detail=True))


@routes.on("PUT", "/projects/:id/merge_requests/:iid/merge")
def merge(call: Call) -> Response:
    found = merge_request_of(call)
    options: dict[str, Any] = {
        name: call.text(name) for name in ("sha", "merge_commit_message", "squash_commit_message")
    }
    options["squash"] = call.flag("squash")
    if call.arg("should_remove_source_branch") is not None:
        options["should_remove_source_branch"] = call.flag("should_remove_source_branch")
    call.core.merging.merge(found, call.who(), options)
    return answer(call.core.present_review.merge_request(found, detail=True))


@routes.on("GET", "/projects/:id/merge_requests/:iid/commits")
def commits(call: Call) -> Response:
    found, (project, git) = merge_request_of(call), code(call)
    version = found.versions[-1]
    made = git.log([version.head, f"^{version.base}"])
    return call.page(made, lambda item: call.core.present.commit_value(project, item))


def _diffs(call: Call) -> list[dict[str, Any]]:
    _, git = code(call)
    version = merge_request_of(call).versions[-1]
    return diff_values(git, version.base, version.head)


@routes.on("GET", "/projects/:id/merge_requests/:iid/diffs")
def diffs(call: Call) -> Response:
    return call.page(_diffs(call), lambda item: item)


@routes.on("GET", "/projects/:id/merge_requests/:iid/changes")
def changes(call: Call) -> Response:
    shown = call.core.present_review.merge_request(merge_request_of(call), detail=True)
    return answer({**shown, "changes": _diffs(call), "overflow": False})


def _version(version: MergeRequestVersion, found: MergeRequest) -> dict[str, Any]:
    return {
        "id": version.id,
        "head_commit_sha": version.head,
        "base_commit_sha": version.base,
        "start_commit_sha": version.start,
        "created_at": iso(version.created_at),
        "merge_request_id": found.id,
        "state": "collected",
        "real_size": "1",
    }


@routes.on("GET", "/projects/:id/merge_requests/:iid/versions")
def versions(call: Call) -> Response:
    found = merge_request_of(call)
    return call.page(found.versions[::-1], lambda version: _version(version, found))


@routes.on("GET", "/projects/:id/merge_requests/:iid/pipelines")
def pipelines(call: Call) -> Response:
    found = merge_request_of(call)
    heads = {version.head for version in found.versions}
    made = [item for item in call.core.state.pipelines_of(found.source_project_id) if item.sha in heads]
    return call.page([item for item in made if item.parent_job_id is None], call.core.present_ci.pipeline)


@routes.on("GET", "/projects/:id/merge_requests/:iid/participants")
def participants(call: Call) -> Response:
    found = merge_request_of(call)
    people = {found.author_id, *(note.author_id for note in call.core.notes.of_merge_request(found))}
    state, present = call.core.state, call.core.present
    return call.page(sorted(people), lambda number: present.person(state.user(number)))


@routes.on("DELETE", "/projects/:id/merge_requests/:iid")
def delete(call: Call) -> Response:
    found = merge_request_of(call)
    call.project(REPORTER if call.user is not None and call.user.admin else 50)
    with call.core.state.lock:
        del call.core.state.merge_requests[(found.project_id, found.iid)]
    return answer(None, 204)

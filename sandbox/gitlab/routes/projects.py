"""Projects, their settings, forks and protected branches."""

from __future__ import annotations

import re
from datetime import datetime

from werkzeug.wrappers import Response

from sandbox.gitlab.git import run_git
from sandbox.gitlab.http import ApiError, Call, Routes, answer, not_found
from sandbox.gitlab.values import DEVELOPER, MAINTAINER, OWNER, VISIBILITY_LEVELS, Project, Protection

routes = Routes()

_PATH = re.compile(r"[A-Za-z0-9]+(?:[_.-][A-Za-z0-9]+)*\Z")

SETTINGS = {
    "name": "name",
    "description": "description",
    "visibility": "visibility",
    "default_branch": "default_branch",
    "ci_config_path": "ci_config_path",
    "container_registry_access_level": "registry_access",
    "repository_access_level": "repository_access",
    "auto_cancel_pending_pipelines": "auto_cancel",
    "merge_method": "merge_method",
    "squash_option": "squash_option",
}
SWITCHES = {
    "ci_push_repository_for_job_token_allowed": "job_tokens_may_push",
    "only_allow_merge_if_all_discussions_are_resolved": "needs_resolved_discussions",
    "only_allow_merge_if_pipeline_succeeds": "needs_pipeline_success",
}


def _settle(call: Call, project: Project) -> None:
    if call.arg("visibility") is not None and call.arg("visibility") not in VISIBILITY_LEVELS:
        raise ApiError(400, {"error": "visibility does not have a valid value"})
    branch = call.text("default_branch")
    if branch and call.core.git(project).branches() and call.core.git(project).branch(branch) is None:
        raise ApiError(400, {"message": {"base": ["Could not set the default branch"]}})
    with call.core.state.lock:
        for name, field in SETTINGS.items():
            if call.arg(name) is not None:
                setattr(project, field, call.text(name) or (None if name == "ci_config_path" else ""))
        for name, field in SWITCHES.items():
            if call.arg(name) is not None:
                setattr(project, field, call.flag(name))
        if call.arg("topics") is not None or call.many("topics"):
            project.topics = tuple(map(str, call.many("topics")))
    if branch:
        call.core.git(project).set_head(branch)


@routes.on("GET", "/projects")
def projects(call: Call) -> Response:
    state, present = call.core.state, call.core.present
    found = [project for project in state.projects.values() if call.core.may_see(call.user, project)]
    if call.flag("membership"):
        found = [project for project in found if state.access_level(call.user, project)]
    least = call.number("min_access_level")
    if least is not None:
        found = [project for project in found if state.access_level(call.user, project) >= least]
    query = (call.text("search") or "").lower()
    found = [project for project in found if query in project.path.lower() or query in project.name.lower()]
    for name, wanted in (("visibility", call.text("visibility")),):
        found = [project for project in found if wanted is None or getattr(project, name) == wanted]
    if call.arg("archived") is not None:
        found = [project for project in found if project.archived == call.flag("archived")]
    since = call.text("last_activity_after")
    if since is not None:
        moment = datetime.fromisoformat(since)
        found = [project for project in found if project.last_activity_at > moment]
    after = call.number("id_after")
    found = [project for project in found if after is None or project.id > after]
    found.sort(key=lambda project: project.id, reverse=call.text("sort", "desc") == "desc")
    if call.text("pagination") == "keyset":
        return _keyset(call, found)
    return call.page(found, lambda project: present.project(project, call.user))


def _keyset(call: Call, found: list[Project]) -> Response:
    size = call.per_page()
    shown = found[:size]
    headers = {}
    if len(found) > size and call.text("sort", "desc") == "asc":
        headers["Link"] = f'<{call.link(id_after=shown[-1].id)}>; rel="next"'
    return answer([call.core.present.project(project, call.user) for project in shown], headers=headers)


def _namespace(call: Call) -> str:
    """Where a new project goes: the user's own namespace, or a group that they may make projects in."""
    user, state, number = call.who(), call.core.state, call.number("namespace_id")
    if number is None:
        return user.username
    path = state.namespace_of(number)
    if path is not None and path == user.username.lower():
        return user.username
    allowed = path is not None and (state.group_level(user, path) >= DEVELOPER or user.admin)
    if path is None or not allowed or not state.is_group(path):
        raise ApiError(400, {"message": {"namespace": ["is not valid"]}})
    # as it is written where people were made members
    return next(name for name, _ in state.group_members if name.lower() == path)


@routes.on("POST", "/projects")
def create(call: Call) -> Response:
    user = call.who()
    name = call.text("name") or call.required("path")
    path = call.text("path") or re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.").lower()
    namespace = _namespace(call)
    if not _PATH.match(path) or path.endswith((".git", ".atom")):
        words = (
            "can contain only letters, digits, '_', '-' and '.'. It must not start or end with a special character, "
            "and must not contain consecutive special characters."
        )
        raise ApiError(400, {"message": {"path": [words]}})
    if f"{namespace}/{path}".lower() in call.core.state.project_ids:
        raise ApiError(
            400, {"message": {"name": ["has already been taken"], "path": ["has already been taken"]}}
        )
    project = call.core.new_project(
        f"{namespace}/{path}",
        user,
        visibility=call.text("visibility") or "private",
        default_branch=call.text("default_branch") or "main",
        name=name,
    )
    _settle(call, project)
    return answer(call.core.present.project(project, user), 201)


@routes.on("GET", "/projects/:id")
def project(call: Call) -> Response:
    moved = call.core.state.moved_paths.get(call.params["id"].lower())
    if moved is not None and call.core.state.project_by(call.params["id"]) is None:
        return Response(status=301, headers={"Location": f"{call.core.url}/api/v4/projects/{moved}"})
    return answer(call.core.present.project(call.project(), call.user))


@routes.on("PUT", "/projects/:id")
def edit(call: Call) -> Response:
    found = call.project(MAINTAINER)
    path = call.text("path")
    if path and path != found.path:
        with call.core.state.lock:
            call.core.state.project_ids.pop(found.full_path.lower())
            call.core.state.moved_paths[found.full_path.lower()] = found.id
            found.path = path
            call.core.state.project_ids[found.full_path.lower()] = found.id
    _settle(call, found)
    return answer(call.core.present.project(found, call.user))


@routes.on("DELETE", "/projects/:id")
def delete(call: Call) -> Response:
    call.core.remove_project(call.project(OWNER))
    return answer({"message": "202 Accepted"}, 202)


@routes.on("POST", "/projects/:id/archive")
def archive(call: Call) -> Response:
    found = call.project(OWNER)
    found.archived = True
    return answer(call.core.present.project(found, call.user), 201)


@routes.on("POST", "/projects/:id/unarchive")
def unarchive(call: Call) -> Response:
    found = call.project(OWNER)
    found.archived = False
    return answer(call.core.present.project(found, call.user), 201)


@routes.on("POST", "/projects/:id/fork")
def fork(call: Call) -> Response:
    user, origin = call.who(), call.project()
    path = f"{call.text('namespace_path') or user.username}/{call.text('path') or origin.path}"
    if path.lower() in call.core.state.project_ids:
        raise ApiError(409, {"message": {"path": ["has already been taken"]}})
    made = call.core.new_project(
        path, user, visibility=origin.visibility, default_branch=origin.default_branch
    )
    made.forked_from = origin.id
    source, target = call.core.git(origin), call.core.git(made)
    run_git(
        target.directory,
        "fetch",
        "--quiet",
        str(source.directory),
        "+refs/heads/*:refs/heads/*",
        "+refs/tags/*:refs/tags/*",
    )
    return answer(call.core.present.project(made, user), 201)


# Protected branches


def _rule(call: Call, project: Project) -> Protection:
    for rule in project.protections:
        if rule.name == call.params["name"]:
            return rule
    raise not_found("Not Found")


@routes.on("GET", "/projects/:id/protected_branches")
def protected_branches(call: Call) -> Response:
    found = call.project(MAINTAINER)
    return call.page(found.protections, call.core.present.protection)


@routes.on("GET", "/projects/:id/protected_branches/:name")
def protected_branch(call: Call) -> Response:
    return answer(call.core.present.protection(_rule(call, call.project(MAINTAINER))))


@routes.on("POST", "/projects/:id/protected_branches")
def protect(call: Call) -> Response:
    found, name = call.project(MAINTAINER), call.required("name")
    if any(rule.name == name for rule in found.protections):
        raise ApiError(409, f"Protected branch '{name}' already exists")
    push, merge = call.number("push_access_level"), call.number("merge_access_level")
    users = [
        int(item["user_id"])
        for item in call.many("allowed_to_push")
        if isinstance(item, dict) and "user_id" in item
    ]
    rule = Protection(
        call.core.state.next_id("protection"),
        name,
        MAINTAINER if push is None else push,
        MAINTAINER if merge is None else merge,
        tuple(users),
        call.flag("allow_force_push"),
    )
    found.protections.append(rule)
    return answer(call.core.present.protection(rule), 201)


@routes.on("DELETE", "/projects/:id/protected_branches/:name")
def unprotect(call: Call) -> Response:
    found = call.project(MAINTAINER)
    found.protections.remove(_rule(call, found))
    return answer(None, 204)

"""The container registry's API, and the tokens that its clients come for."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from sandbox.gitlab.auth import find_token, git_password
from sandbox.gitlab.http import ApiError, Call, Routes, answer, not_found, unauthorized
from sandbox.gitlab.values import DEVELOPER, REPORTER, Project
from sandbox.registry.auth import ProjectAccess, project_of

routes, outside = Routes(), Routes()

REPOSITORIES = "/projects/:id/registry/repositories"


def _repositories(call: Call, project: Project) -> list[tuple[int, str]]:
    """A project's image repositories with stable numbers."""
    registry = call.core.registry
    prefix = project.full_path.lower()
    if registry is None:
        return []
    names = [name for name in registry.repositories() if name == prefix or name.startswith(prefix + "/")]
    return [(call.core.registry_id(name), name) for name in sorted(names)]


def _visible(call: Call) -> Project:
    project = call.project()
    private = project.registry_access == "private" or project.visibility == "private"
    if project.registry_access == "disabled":
        raise not_found("Not Found")
    if private and call.core.state.rights(call.user, project) < REPORTER:
        raise ApiError(403, "403 Forbidden")
    return project


def _shown(call: Call, project: Project, number: int, name: str, with_tags: bool) -> dict[str, Any]:
    registry = call.core.registry
    tags = list(registry.tags(name)) if registry is not None else []
    location = f"{call.core.registry_host}/{name}"
    shown: dict[str, Any] = {
        "id": number,
        "name": name.removeprefix(project.full_path.lower()).strip("/"),
        "path": name,
        "project_id": project.id,
        "location": location,
        "created_at": None,
        "cleanup_policy_started_at": None,
        "tags_count": len(tags),
    }
    if with_tags:
        shown["tags"] = [
            {"name": tag, "path": f"{name}:{tag}", "location": f"{location}:{tag}"} for tag in tags
        ]
    return shown


@routes.on("GET", REPOSITORIES, job_token=True)
def repositories(call: Call) -> Response:
    project = _visible(call)
    with_tags = call.flag("tags")
    return call.page(_repositories(call, project), lambda item: _shown(call, project, *item, with_tags))


def _name(call: Call, project: Project) -> str:
    for number, name in _repositories(call, project):
        if str(number) == call.params["repository_id"]:
            return name
    raise not_found("Not Found")


@routes.on("GET", f"{REPOSITORIES}/:repository_id/tags", job_token=True)
def tags(call: Call) -> Response:
    project = _visible(call)
    name = _name(call, project)
    found = list(call.core.registry.tags(name)) if call.core.registry is not None else []
    location = f"{call.core.registry_host}/{name}"
    return call.page(
        found, lambda tag: {"name": tag, "path": f"{name}:{tag}", "location": f"{location}:{tag}"}
    )


@routes.on("GET", f"{REPOSITORIES}/:repository_id/tags/:tag", job_token=True)
def tag(call: Call) -> Response:
    project = _visible(call)
    name, registry = _name(call, project), call.core.registry
    wanted = call.params["tag"]
    if registry is None:
        raise not_found("Tag")
    details = registry.tag_details(name, wanted)
    if details is None:
        raise not_found("Tag")
    shown = {
        "name": wanted,
        "path": f"{name}:{wanted}",
        "location": f"{call.core.registry_host}/{name}:{wanted}",
    }
    about = {
        "revision": details.revision,
        "short_revision": details.revision[:9],
        "digest": details.digest,
        "created_at": details.created_at,
        "total_size": details.total_size,
    }
    return answer({**shown, **about})


@routes.on("DELETE", f"{REPOSITORIES}/:repository_id/tags/:tag", job_token=True)
def delete_tag(call: Call) -> Response:
    project = _visible(call)
    if call.core.state.rights(call.user, project) < DEVELOPER:
        raise ApiError(403, "403 Forbidden")
    name, registry = _name(call, project), call.core.registry
    if registry is None or not registry.delete_tag(name, call.params["tag"]):
        raise not_found("Tag")
    return answer(None, 200)


@outside.on("GET", "/jwt/auth")
def token(call: Call) -> Response:
    """Where the registry sends its clients: credentials in, a signed list of what they may do out."""
    core = call.core
    if core.registry_auth is None:
        raise not_found("Registry")
    user, job = None, None
    password = git_password(call.request)
    if password is not None:
        shown = find_token(core, password)
        user = core.state.user(shown.user_id)
        job = core.state.jobs.get(shown.job_id or 0)
        if job is None and not {"api", "read_registry", "write_registry"} & set(shown.scopes):
            raise unauthorized()

    def may(repository: str, action: str) -> bool:
        path = project_of(repository, lambda path: core.state.project_by(path) is not None)
        project = core.state.project_by(path) if path is not None else None
        if project is None or project.registry_access == "disabled":
            return False
        open_to_all = project.registry_access == "enabled"
        access = ProjectAccess(
            public=open_to_all and project.visibility == "public",
            internal=open_to_all and project.visibility == "internal",
            signed_in=user is not None,
            access_level=core.state.rights(user, project) if job is None else 0,
            own_job=job is not None and job.project_id == project.id,
        )
        return access.allows(action)

    name = user.username if user is not None else ""
    status, body = core.registry_auth.answer(
        name, call.request.args.get("service", ""), call.request.args.getlist("scope"), may
    )
    return answer(body, status)

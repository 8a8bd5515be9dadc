"""Releases, and the git tags that only some people may make."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from sandbox.gitlab.http import ApiError, Call, Routes, answer, forbidden, not_found
from sandbox.gitlab.routes.repository import code
from sandbox.gitlab.values import DEVELOPER, MAINTAINER, Project, ProtectedTag, Release, iso

routes = Routes()


def _release(call: Call, project: Project, name: str) -> Release:
    found = call.core.state.releases.get((project.id, name))
    if found is None:
        raise not_found("Not Found")
    return found


def _shown(call: Call, project: Project, release: Release) -> dict[str, Any]:
    git, core = call.core.git(project), call.core
    sha = git.tag(release.tag)
    return {
        "name": release.name,
        "tag_name": release.tag,
        "description": release.description,
        "created_at": iso(release.created_at),
        "released_at": iso(release.created_at),
        "upcoming_release": False,
        "author": core.present.user(release.author_id),
        "commit": None if sha is None else core.present.commit(project, git, sha),
        "tag_path": f"/{project.path}/-/tags/{release.tag}",
    }


@routes.on("GET", "/projects/:id/releases", job_token=True)
def releases(call: Call) -> Response:
    project, _ = code(call)
    found = [one for (owner, _), one in call.core.state.releases.items() if owner == project.id]
    return call.page(found[::-1], lambda one: _shown(call, project, one))


@routes.on("GET", "/projects/:id/releases/:tag_name", job_token=True)
def release(call: Call) -> Response:
    project, _ = code(call)
    return answer(_shown(call, project, _release(call, project, call.params["tag_name"])))


@routes.on("POST", "/projects/:id/releases", job_token=True)
def create(call: Call) -> Response:
    project, git = call.project(DEVELOPER), call.core.git(call.project(DEVELOPER))
    name = call.required("tag_name")
    if git.tag(name) is None:
        raise ApiError(422, "Ref is not specified")
    if (project.id, name) in call.core.state.releases:
        raise ApiError(409, "Release already exists")
    made = Release(name, call.text("name") or name, call.text("description") or "", call.who().id)
    call.core.state.releases[project.id, name] = made
    return answer(_shown(call, project, made), 201)


@routes.on("DELETE", "/projects/:id/releases/:tag_name")
def delete(call: Call) -> Response:
    project = call.project(DEVELOPER)
    found = _release(call, project, call.params["tag_name"])
    if not call.core.state.may_tag(call.user, project, found.tag):
        raise forbidden()
    shown = _shown(call, project, found)
    del call.core.state.releases[project.id, found.tag]
    return answer(shown)


# Protected tags


def _protected(rule: ProtectedTag) -> dict[str, Any]:
    return {"name": rule.name, "create_access_levels": [{"access_level": rule.create_level}]}


@routes.on("GET", "/projects/:id/protected_tags")
def protected_tags(call: Call) -> Response:
    return call.page(call.project(MAINTAINER).protected_tags, _protected)


@routes.on("POST", "/projects/:id/protected_tags")
def protect(call: Call) -> Response:
    project, name = call.project(MAINTAINER), call.required("name")
    if any(rule.name == name for rule in project.protected_tags):
        raise ApiError(422, "Protected tag already exists")
    level = call.number("create_access_level")
    project.protected_tags.append(ProtectedTag(name, MAINTAINER if level is None else level))
    return answer(_protected(project.protected_tags[-1]), 201)

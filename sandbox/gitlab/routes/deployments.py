"""Environments and deployments."""

from __future__ import annotations

from werkzeug.wrappers import Response

from sandbox.gitlab.http import ApiError, Call, Routes, answer, not_found
from sandbox.gitlab.values import DEVELOPER, Deployment, Environment, now

routes = Routes()

ORDERS = ("id", "iid", "created_at", "updated_at", "finished_at", "ref")
STATUSES = ("created", "running", "success", "failed", "canceled", "skipped", "blocked")


@routes.on("GET", "/projects/:id/deployments", job_token=True)
def deployments(call: Call) -> Response:
    project, state = call.project(), call.core.state
    found = [item for item in state.deployments.values() if item.project_id == project.id]
    name, status = call.text("environment"), call.text("status")
    if status is not None and status not in STATUSES:
        raise ApiError(400, {"error": "status does not have a valid value"})
    found = [item for item in found if name is None or state.environments[item.environment_id].name == name]
    found = [item for item in found if status is None or item.status == status]
    key = call.text("order_by") or "id"
    if key not in ORDERS:
        raise ApiError(400, {"error": "order_by does not have a valid value"})
    found.sort(
        key=lambda item: (getattr(item, key) is None, getattr(item, key)), reverse=call.text("sort") == "desc"
    )
    return call.page(found, call.core.present_ci.deployment)


def _deployment(call: Call) -> Deployment:
    project = call.project()
    number = call.params["deployment_id"]
    found = call.core.state.deployments.get(int(number)) if number.isdigit() else None
    if found is None or found.project_id != project.id:
        raise not_found("Deployment")
    return found


@routes.on("GET", "/projects/:id/deployments/:deployment_id", job_token=True)
def deployment(call: Call) -> Response:
    return answer(call.core.present_ci.deployment(_deployment(call)))


@routes.on("POST", "/projects/:id/deployments", job_token=True)
def create(call: Call) -> Response:
    project = call.project(DEVELOPER)
    made = call.core.pipelines.deployments.new(
        project,
        call.required("environment"),
        call.required("ref"),
        call.required("sha"),
        call.who().id,
        tag=call.flag("tag"),
        status=call.required("status"),
    )
    return answer(call.core.present_ci.deployment(made), 201)


@routes.on("PUT", "/projects/:id/deployments/:deployment_id", job_token=True)
def edit(call: Call) -> Response:
    call.project(DEVELOPER)
    found = _deployment(call)
    if found.job_id is not None:
        raise ApiError(400, {"error": "A deployment of a job cannot be changed"})
    found.status, found.updated_at = call.required("status"), now()
    return answer(call.core.present_ci.deployment(found))


@routes.on("GET", "/projects/:id/environments", job_token=True)
def environments(call: Call) -> Response:
    project = call.project()
    found = [item for item in call.core.state.environments.values() if item.project_id == project.id]
    name, search = call.text("name"), call.text("search") or ""
    found = [item for item in found if (name is None or item.name == name) and search in item.name]
    return call.page(found, call.core.present_ci.environment)


def _environment(call: Call) -> Environment:
    project = call.project()
    number = call.params["environment_id"]
    found = call.core.state.environments.get(int(number)) if number.isdigit() else None
    if found is None or found.project_id != project.id:
        raise not_found("Environment")
    return found


@routes.on("GET", "/projects/:id/environments/:environment_id", job_token=True)
def environment(call: Call) -> Response:
    found = _environment(call)
    mine = [item for item in call.core.state.deployments.values() if item.environment_id == found.id]
    last = next((item for item in reversed(mine) if item.status == "success"), None)
    shown = call.core.present_ci.environment(found)
    return answer(
        {**shown, "last_deployment": None if last is None else call.core.present_ci.deployment(last)}
    )


@routes.on("POST", "/projects/:id/environments", job_token=True)
def create_environment(call: Call) -> Response:
    project = call.project(DEVELOPER)
    made = call.core.pipelines.deployments.environment(project, call.required("name"))
    made.external_url = call.text("external_url") or made.external_url
    return answer(call.core.present_ci.environment(made), 201)


@routes.on("POST", "/projects/:id/environments/:environment_id/stop", job_token=True)
def stop(call: Call) -> Response:
    call.project(DEVELOPER)
    found = _environment(call)
    found.state, found.updated_at = "stopped", now()
    return answer(call.core.present_ci.environment(found))

"""Pipelines: finding, starting, cancelling; and the linter."""

from __future__ import annotations

from typing import Any

import yaml
from werkzeug.wrappers import Response

from sandbox.gitlab.http import ApiError, Call, Routes, answer, forbidden, not_found
from sandbox.gitlab.quick_plan import quick_plan
from sandbox.gitlab.routes.repository import code, commit_of
from sandbox.gitlab.values import DEVELOPER, Pipeline, Project
from sandbox.gitlab.variables import pipeline_variables

routes = Routes()

ORDERS = {"id": "id", "status": "status", "ref": "ref", "updated_at": "updated_at", "user_id": "user_id"}


def pipeline_of(call: Call, level: int = 0) -> Pipeline:
    project = call.project(level)
    number = call.params["pipeline_id"]
    found = call.core.state.pipelines.get(int(number)) if number.isdigit() else None
    if found is None or found.project_id != project.id:
        raise not_found("Not Found")
    return found


@routes.on("GET", "/projects/:id/pipelines")
def pipelines(call: Call) -> Response:
    project = call.project()
    source = call.text("source")
    found = call.core.state.pipelines_of(project.id)
    # Child pipelines are only shown to who asks for them.
    found = [
        item for item in found if (item.source == source if source else item.source != "parent_pipeline")
    ]
    for name in ("sha", "ref", "status", "name"):
        wanted = call.text(name)
        found = [item for item in found if wanted is None or getattr(item, name) == wanted]
    scope = call.text("scope")
    if scope == "running":
        found = [item for item in found if item.status == "running"]
    elif scope == "pending":
        found = [item for item in found if item.status == "pending"]
    elif scope == "finished":
        found = [item for item in found if item.status in ("success", "failed", "canceled")]
    username = call.text("username")
    found = [
        item for item in found if username is None or call.core.state.user(item.user_id).username == username
    ]
    key = call.text("order_by") or "id"
    if key not in ORDERS:
        raise ApiError(400, {"error": "order_by does not have a valid value"})
    found.sort(key=lambda item: getattr(item, ORDERS[key]), reverse=call.text("sort", "desc") == "desc")
    return call.page(found, call.core.present_ci.pipeline)


@routes.on("POST", "/projects/:id/pipeline")
def create(call: Call) -> Response:
    project = call.project(DEVELOPER)
    given = call.arg("variables") or []
    pairs = (
        given if isinstance(given, list) else [{"key": key, "value": value} for key, value in given.items()]
    )
    variables = {str(item["key"]): str(item.get("value", "")) for item in pairs}
    made = call.core.making.create(project, call.who(), call.required("ref"), variables)
    return answer(call.core.present_ci.pipeline_detail(made), 201)


@routes.on("GET", "/projects/:id/pipelines/latest")
def latest(call: Call) -> Response:
    project, git = code(call)
    ref = call.text("ref") or project.default_branch
    head = git.branch(ref)
    for found in call.core.state.pipelines_of(project.id):
        if found.ref == ref and found.sha == head and found.source != "parent_pipeline":
            return answer(call.core.present_ci.pipeline_detail(found))
    # Not 404: this is what GitLab answers where there is none.
    raise forbidden()


@routes.on("GET", "/projects/:id/pipelines/:pipeline_id")
def pipeline(call: Call) -> Response:
    return answer(call.core.present_ci.pipeline_detail(pipeline_of(call)))


@routes.on("DELETE", "/projects/:id/pipelines/:pipeline_id")
def delete(call: Call) -> Response:
    found = pipeline_of(call, level=50)
    with call.core.state.lock:
        del call.core.state.pipelines[found.id]
    return answer(None, 204)


@routes.on("PUT", "/projects/:id/pipelines/:pipeline_id/metadata", job_token=True)
def metadata(call: Call) -> Response:
    found = pipeline_of(call, DEVELOPER)
    found.name = call.required("name")
    return answer(call.core.present_ci.pipeline_detail(found))


@routes.on("GET", "/projects/:id/pipelines/:pipeline_id/variables")
def variables(call: Call) -> Response:
    found = pipeline_of(call, DEVELOPER)
    shown = [
        {"variable_type": "env_var", "key": key, "value": value} for key, value in found.variables.items()
    ]
    return answer(shown)


@routes.on("POST", "/projects/:id/pipelines/:pipeline_id/cancel")
def cancel(call: Call) -> Response:
    found = pipeline_of(call, DEVELOPER)
    call.core.pipelines.cancel(found)
    return answer(call.core.present_ci.pipeline_detail(found))


@routes.on("POST", "/projects/:id/pipelines/:pipeline_id/retry")
def retry(call: Call) -> Response:
    found = pipeline_of(call, DEVELOPER)
    call.core.pipelines.retry(found)
    return answer(call.core.present_ci.pipeline_detail(found), 201)


@routes.on("GET", "/projects/:id/pipelines/:pipeline_id/jobs")
def jobs(call: Call) -> Response:
    return _jobs(call, "build", call.core.present_ci.job)


@routes.on("GET", "/projects/:id/pipelines/:pipeline_id/bridges")
def bridges(call: Call) -> Response:
    return _jobs(call, "bridge", call.core.present_ci.bridge)


def _jobs(call: Call, kind: str, present: Any) -> Response:
    found = pipeline_of(call)
    scope = [str(status) for status in call.many("scope")]
    shown = found.jobs if call.flag("include_retried") else found.latest_jobs
    shown = [job for job in shown if job.kind == kind and (not scope or job.status in scope)]
    return call.page(sorted(shown, key=lambda job: job.id, reverse=True), present)


# The linter


def _lint(call: Call, project: Project, content: bytes, ref: str) -> Response:
    draft = Pipeline(0, 0, project.id, ref, call.core.git(project).branch(ref) or "", "push", call.who().id)
    plan = quick_plan(content, pipeline_variables(call.core, draft))
    merged = None
    if not plan.errors:
        merged = yaml.safe_dump(yaml.safe_load(content), sort_keys=False)
    errors = list(plan.errors)
    if call.flag("dry_run") and not errors and not plan.jobs:
        errors = ["Pipeline will not run for the selected trigger."]
    shown: dict[str, Any] = {
        "valid": not errors,
        "errors": errors,
        "warnings": [],
        "merged_yaml": merged,
        "includes": [],
    }
    if call.flag("include_jobs"):
        shown["jobs"] = [{"name": job.name, "stage": job.stage, "when": job.when} for job in plan.jobs]
    return answer(shown)


@routes.on("POST", "/projects/:id/ci/lint")
def lint(call: Call) -> Response:
    project = call.project(DEVELOPER)
    return _lint(call, project, call.required("content").encode(), call.text("ref") or project.default_branch)


@routes.on("GET", "/projects/:id/ci/lint")
def lint_commit(call: Call) -> Response:
    project, git = code(call)
    revision = call.text("content_ref") or call.text("sha") or project.default_branch
    _, content = call.core.making.config_of(project, commit_of(git, revision))
    if content is None:
        errors = ["Please provide content of .gitlab-ci.yml"]
        return answer({"valid": False, "errors": errors, "warnings": [], "merged_yaml": None, "includes": []})
    return _lint(call, project, content, call.text("dry_run_ref") or project.default_branch)

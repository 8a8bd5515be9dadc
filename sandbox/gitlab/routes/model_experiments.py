"""Model experiments, which speak MLflow's language: every good answer is a 200, who may not write gets a 401."""

from __future__ import annotations

import secrets
from typing import Any

from werkzeug.wrappers import Response

from sandbox.gitlab.http import ApiError, Call, Routes, answer, unauthorized
from sandbox.gitlab.values import DEVELOPER, ModelExperiment, ModelRun, Project

routes = Routes()

BASE = "/projects/:id/ml/mlflow/api/2.0/mlflow"
MOST_FOUND = 1000
MOST_STEPS = 2**31 - 1
"""Limits of GitLab's database, which nothing checks before: beyond them the answer is a 500."""


def _project(call: Call, writing: bool = True) -> Project:
    project = call.project()
    call.who()
    if writing and call.core.state.rights(call.user, project) < DEVELOPER:
        raise unauthorized()
    return project


def _missing() -> ApiError:
    return ApiError(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})


def _experiment(call: Call, project: Project, iid: Any = None, name: str | None = None) -> ModelExperiment:
    for found in call.core.state.model_experiments:
        if found.project_id == project.id and (str(found.iid) == str(iid) or (name and found.name == name)):
            return found
    raise _missing()


def _run(call: Call, project: Project) -> ModelRun:
    wanted = call.required("run_id")
    for experiment in call.core.state.model_experiments:
        for run in experiment.runs:
            if experiment.project_id == project.id and run.run_id == wanted:
                return run
    raise _missing()


@routes.on("GET", f"{BASE}/experiments/get-by-name")
def by_name(call: Call) -> Response:
    found = _experiment(call, _project(call, writing=False), name=call.text("experiment_name"))
    shown = {"experiment_id": str(found.iid), "name": found.name, "lifecycle_stage": "active", "tags": []}
    return answer({"experiment": {**shown, "artifact_location": "not_implemented"}})


@routes.on("POST", f"{BASE}/experiments/create")
def create_experiment(call: Call) -> Response:
    project, name, state = _project(call), call.required("name"), call.core.state
    with state.lock:
        if any((one.project_id, one.name) == (project.id, name) for one in state.model_experiments):
            raise ApiError(400, {"error_code": "RESOURCE_ALREADY_EXISTS"})
        made = ModelExperiment(state.next_id("model experiment", project.id), project.id, name)
        state.model_experiments.append(made)
    return answer({"experiment_id": str(made.iid)})


@routes.on("POST", f"{BASE}/runs/create")
def create_run(call: Call) -> Response:
    experiment = _experiment(call, _project(call), iid=call.required("experiment_id"))
    tags = [(str(tag["key"]), str(tag["value"])) for tag in call.arg("tags") or []]
    _fits([call.text("run_name") or ""], 255)
    run = ModelRun(secrets.token_hex(16), experiment.iid, call.text("run_name") or "", tags=tags)
    with call.core.state.lock:
        experiment.runs.append(run)
    return answer({"run": _shown(run)})


@routes.on("POST", f"{BASE}/runs/search")
def search(call: Call) -> Response:
    wanted = call.arg("experiment_ids") or []
    experiment = _experiment(call, _project(call), iid=wanted[0] if wanted else None)
    most = min(call.number("max_results") or 200, MOST_FOUND)
    return answer({"runs": [_shown(run) for run in reversed(experiment.runs)][:most]})


@routes.on("POST", f"{BASE}/runs/log-batch")
def log_batch(call: Call) -> Response:
    run = _run(call, _project(call))
    metrics, parameters = call.arg("metrics") or [], call.arg("params") or []
    for metric in metrics:
        if type(metric.get("value")) not in (int, float) or type(metric.get("timestamp")) is not int:
            raise ApiError(400, {"error": "metrics[0][value] is invalid"})
    _fits([text for one in (*metrics, *parameters) for text in (one["key"], one["value"])], 250)
    if any(abs(int(metric.get("step") or 0)) > MOST_STEPS for metric in metrics):
        raise ApiError(500, {"message": "500 Internal Server Error"})
    with call.core.state.lock:
        run.metrics += [(one["key"], float(one["value"]), int(one.get("step") or 0)) for one in metrics]
        for one in parameters:
            run.parameters.setdefault(str(one["key"]), str(one["value"]))
    return answer({})


@routes.on("POST", f"{BASE}/runs/update")
def update(call: Call) -> Response:
    run = _run(call, _project(call))
    status = call.text("status") or run.status
    if status not in ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"):
        raise ApiError(400, {"error": "status does not have a valid value"})
    run.status = status
    return answer({"run_info": _shown(run)["info"]})


def _fits(texts: list[Any], limit: int) -> None:
    if any(isinstance(text, str) and len(text) > limit for text in texts):
        raise ApiError(500, {"message": "500 Internal Server Error"})


def _shown(run: ModelRun) -> dict[str, Any]:
    info = {"run_id": run.run_id, "run_uuid": run.run_id, "experiment_id": str(run.experiment_iid)}
    newest = {key: (value, step) for key, value, step in run.metrics}
    return {
        "info": {
            **info,
            "start_time": 0,
            "run_name": run.name,
            "status": run.status,
            "lifecycle_stage": "active",
        },
        "data": {
            "metrics": [
                {"key": key, "value": value, "timestamp": 0, "step": step}
                for key, (value, step) in newest.items()
            ],
            "params": [{"key": key, "value": value} for key, value in run.parameters.items()],
            "tags": [{"key": key, "value": value} for key, value in run.tags],
        },
    }

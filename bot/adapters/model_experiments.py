"""GitLab's own model experiments, which speak MLflow's language: a run becomes a run there, once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.adapters.asking import Asking
from bot.adapters.gitlab_client import Answer, gone_or_refused

SEARCHED = 200
"""Newest runs of an experiment among which one of the same job is looked for."""

JOB_TAG = "gitlab.CI_JOB_ID"
"""The tag by which GitLab links a run to its job."""

MAX_NAME_CHARS = 255
MAX_TEXT_CHARS = 250
MOST_STEPS = 2**31 - 1
"""What GitLab's database holds of a run's name, of names and values of parameters, and of steps.

Nothing checks them before: what is longer makes it fail as if it were broken.
"""

_EXISTS = "RESOURCE_ALREADY_EXISTS"


@dataclass(frozen=True, slots=True)
class Measured:
    """One value at a step."""

    name: str
    value: float
    step: int


@dataclass(frozen=True, slots=True)
class ModelRun:
    """A run as model experiments show it: what it was called with, what it measured, and which job it was."""

    name: str
    job_id: int
    parameters: Sequence[tuple[str, str]]
    measured: Sequence[Measured]
    succeeded: bool


class ModelExperiments(Asking):
    """The model experiments of all projects. GitLab answers 401 to who may not write: look at the level first."""

    def ensure_model_run(self, project_id: int, experiment: str, run: ModelRun) -> str:
        """Have the project's experiment of that name hold the run; gives its id. Gone where they are switched off."""
        experiment_id = self._experiment(project_id, experiment)
        found = self._run_of(project_id, experiment_id, run.job_id)
        if found is None:
            found = self._post(
                project_id,
                "runs/create",
                experiment_id=int(experiment_id),
                start_time=_now(),
                run_name=run.name[:MAX_NAME_CHARS],
                tags=[{"key": JOB_TAG, "value": str(run.job_id)}],
            )["run"]
        run_id = str(found["info"]["run_id"])
        if found["info"].get("status") not in ("RUNNING", None):
            return run_id
        if not (found.get("data") or {}).get("metrics"):
            # in one go: what was logged once would stand there twice
            self._post(
                project_id,
                "runs/log-batch",
                run_id=run_id,
                metrics=[
                    {
                        "key": one.name[:MAX_TEXT_CHARS],
                        "value": one.value,
                        "timestamp": _now(),
                        "step": max(-MOST_STEPS, min(one.step, MOST_STEPS)),
                    }
                    for one in run.measured
                ],
                params=[{"key": name, "value": value} for name, value in _parameters(run).items()],
            )
        status = "FINISHED" if run.succeeded else "FAILED"
        self._post(project_id, "runs/update", run_id=run_id, status=status, end_time=_now())
        return run_id

    def _experiment(self, project_id: int, name: str) -> str:
        path = f"{_base(project_id)}/experiments/get-by-name"
        found = self._maybe(path, experiment_name=name)
        if found is None:
            try:
                return str(
                    self._client.post(f"{_base(project_id)}/experiments/create", {"name": name})[
                        "experiment_id"
                    ]
                )
            except Answer as answer:
                if _EXISTS not in answer.message:
                    raise gone_or_refused(answer, f"model experiments of project {project_id}") from answer
            found = self._maybe(path, experiment_name=name) or {"experiment": {"experiment_id": 0}}
        return str(found["experiment"]["experiment_id"])

    def _run_of(self, project_id: int, experiment_id: str, job_id: int) -> Mapping[str, Any] | None:
        found = self._post(project_id, "runs/search", experiment_ids=[experiment_id], max_results=SEARCHED)
        for run in found.get("runs") or ():
            tags = (run.get("data") or {}).get("tags") or ()
            if any((tag.get("key"), tag.get("value")) == (JOB_TAG, str(job_id)) for tag in tags):
                one: Mapping[str, Any] = run
                return one
        return None

    def _post(self, project_id: int, call: str, **data: Any) -> Any:
        try:
            return self._client.post(f"{_base(project_id)}/{call}", data)
        except Answer as answer:
            raise gone_or_refused(answer, f"model experiments of project {project_id}") from answer


def _parameters(run: ModelRun) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, value in run.parameters:
        found.setdefault(name[:MAX_TEXT_CHARS], value[:MAX_TEXT_CHARS])
    return found


def _base(project_id: int) -> str:
    return f"/projects/{project_id}/ml/mlflow/api/2.0/mlflow"


def _now() -> int:
    return round(time.time() * 1000)

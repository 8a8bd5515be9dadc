"""Trigger jobs: the bridges from a pipeline to its child."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.rules import expand
from sandbox.gitlab.values import ENDED, Job, Pipeline
from sandbox.gitlab.variables import job_variables
from sandbox.plan import PipelinePlan

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core


@dataclass(frozen=True)
class Bridges:
    """Starts children, and lets them end the jobs that wait for them."""

    core: Core

    def start(self, job: Job) -> None:
        """Make the child pipeline that a trigger job asks for, from a file of the same commit."""
        core = self.core
        parent = core.state.pipelines[job.pipeline_id]
        project, user = core.state.projects[job.project_id], core.state.user(job.user_id)
        path = _local_include(job.trigger or {})
        content = core.git(project).file(job.sha, path.lstrip("/")) if path else None
        draft = core.making.draft(
            project,
            user,
            job.ref,
            job.sha,
            "parent_pipeline",
            tag=job.tag,
            before_sha=parent.before_sha,
            variables=self._handed(job, parent),
        )
        draft.config_path, draft.parent_job_id = (path or "").lstrip("/"), job.id
        plan = PipelinePlan((), (), ("the included file does not exist",)) if content is None else None
        plan = plan or core.runner.plan(draft, content or b"")
        with core.state.lock:
            if job.status != "pending":
                return
            if plan.errors or not plan.jobs:
                job.failure_reason = "downstream_pipeline_creation_failed"
                core.pipelines.set_job(job, "failed")
                core.pipelines.changed(parent)
                return
            depends = (job.trigger or {}).get("strategy") in ("depend", "mirror")
            core.making.keep(draft)
            job.downstream_id = draft.id
            core.pipelines.set_job(job, "running" if depends else "success")
            core.making.fill(draft, user, plan)
            core.pipelines.changed(parent)

    def _handed(self, job: Job, parent: Pipeline) -> dict[str, str]:
        """The variables of a trigger job, with those that the jobs which it waited for have reported."""
        before = [other for other in parent.latest_jobs if job.needs is None or other.name in job.needs]
        reported = {name: value for other in before for name, value in other.dotenv.items()}
        known = {**job_variables(self.core, job, ""), **reported}
        return {name: expand(value, known) for name, value in job.variables.items()}

    def child_changed(self, pipeline: Pipeline) -> None:
        """A child that has ended ends the bridge that waits for it."""
        core = self.core
        bridge = core.state.jobs.get(pipeline.parent_job_id or 0)
        if bridge is None or bridge.status != "running" or pipeline.status not in ENDED:
            return
        core.pipelines.set_job(bridge, "success" if pipeline.status == "skipped" else pipeline.status)
        core.pipelines.changed(core.state.pipelines[bridge.pipeline_id])


def _local_include(trigger: dict[str, Any]) -> str | None:
    """The path of the one local file that a trigger includes; what else could be included is not built."""
    include = trigger.get("include")
    items = include if isinstance(include, list) else [include]
    for item in items:
        if isinstance(item, str):
            return item
        if isinstance(item, dict) and "local" in item:
            return str(item["local"])
    return None

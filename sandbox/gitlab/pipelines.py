"""Pipelines on their way: which job may go next, what statuses become of it, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.composite import composite
from sandbox.gitlab.deployments import Deployments
from sandbox.gitlab.http import ApiError
from sandbox.gitlab.values import (
    ALIVE,
    CANCELABLE,
    ENDED,
    Job,
    MergeRequest,
    Pipeline,
    Project,
    Release,
    User,
    now,
)

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core


@dataclass
class Pipelines:
    """Moves jobs and pipelines from status to status, under the state's lock."""

    core: Core
    deployments: Deployments = field(init=False)
    _resources: dict[tuple[int, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.deployments = Deployments(self.core)

    def new(
        self, project: Project, user: User, ref: str, sha: str, source: str, tag: bool = False, **more: Any
    ) -> Pipeline:
        """A pipeline without jobs, known to the API from now on."""
        state = self.core.state
        with state.lock:
            number, iid = state.next_id("pipeline"), state.next_id("pipeline", project.id)
            pipeline = Pipeline(number, iid, project.id, ref, sha, source, user.id, tag=tag, **more)
            state.pipelines[number] = pipeline
            return pipeline

    def new_job(self, pipeline: Pipeline, user: User, name: str, stage: str, **more: Any) -> Job:
        state = self.core.state
        with state.lock:
            job = Job(
                state.next_id("job"),
                pipeline.project_id,
                pipeline.id,
                name,
                stage,
                pipeline.ref,
                pipeline.sha,
                user.id,
                tag=pipeline.tag,
                **more,
            )
            state.jobs[job.id] = job
            pipeline.jobs.append(job)
            return job

    def changed(self, pipeline: Pipeline, job: Job | None = None) -> None:
        """Let jobs follow that may, give the pipeline the status that its jobs make, and tell the hooks."""
        with self.core.state.lock:
            if job is not None:
                pipeline.updated_at = now()
                if job.kind == "build":
                    self.tell(job)
            while self._advance(pipeline):
                pass
            status = composite(job.counted_status for job in pipeline.latest_jobs)
            if status != pipeline.status:
                self.set_status(pipeline, status)

    def _advance(self, pipeline: Pipeline) -> bool:
        moved = False
        for job in pipeline.latest_jobs:
            if job.status != "created" or job.kind == "status":
                continue
            before = self._before(pipeline, job)
            if any(other.counted_status in (*ALIVE, "manual") for other in before):
                continue
            status = composite((other.counted_status for other in before), dag=job.needs is not None)
            self._decide(job, status)
            moved = True
        return moved

    def _before(self, pipeline: Pipeline, job: Job) -> list[Job]:
        """The jobs that must have ended before this one: its needs, or all of the stages before its own."""
        others = [other for other in pipeline.latest_jobs if other.kind != "status" and other is not job]
        if job.needs is not None:
            return [other for other in others if other.name in job.needs]
        stages = pipeline.stages[: pipeline.stages.index(job.stage)] if job.stage in pipeline.stages else ()
        return [other for other in others if other.stage in stages]

    def _decide(self, job: Job, status: str) -> None:
        good = ("success",) if job.needs is not None else ("success", "skipped")
        allowed = {"on_failure": ("failed",), "always": ("success", "failed", "skipped", "canceled")}.get(
            job.when, good
        )
        if status not in allowed:
            self.set_job(job, "skipped")
        elif job.when == "manual":
            self.set_job(job, "manual")
        else:
            self._enqueue(job)

    def _enqueue(self, job: Job) -> None:
        if job.resource_group is not None:
            key = (job.project_id, job.resource_group)
            holder = self._resources.setdefault(key, job.id)
            if holder != job.id:
                self.set_job(job, "waiting_for_resource")
                return
        self.set_job(job, "pending")
        if job.kind == "bridge":
            self.core.runner.soon(lambda: self.core.bridges.start(job))
        else:
            self.core.runner.submit(job)

    def _release(self, job: Job) -> None:
        """Give a job's place in its resource group to whoever waits for it longest."""
        key = (job.project_id, job.resource_group or "")
        if self._resources.get(key) != job.id:
            return
        del self._resources[key]
        for waiting in self.core.state.jobs.values():
            if (
                waiting.status == "waiting_for_resource"
                and (waiting.project_id, waiting.resource_group) == key
            ):
                self._enqueue(waiting)
                self.changed(self.core.state.pipelines[waiting.pipeline_id])
                return

    def set_job(self, job: Job, status: str) -> None:
        """Give a job a new status, with all that hangs on it; `changed` is for the caller to call."""
        moment = now()
        job.status = status
        if status == "pending":
            job.queued_at = moment
        elif status == "running":
            job.started_at = moment
        elif status in ENDED:
            job.finished_at = moment
        self.deployments.follow(job)
        if job.kind == "build":
            self.tell(job)
        if status in ENDED:
            self.core.runner.ended(job)
            if job.resource_group is not None:
                self._release(job)

    def set_status(self, pipeline: Pipeline, status: str) -> None:
        """Give a pipeline a new status and tell the hooks; they hear of nothing but a real change."""
        core, moment = self.core, now()
        with core.state.lock:
            pipeline.status, pipeline.updated_at = status, moment
            if status == "running" and pipeline.started_at is None:
                pipeline.started_at = moment
            pipeline.finished_at = moment if status in ENDED else None
            core.hooks.fire(pipeline.project_id, "pipeline_events", lambda: core.bodies_ci.pipeline(pipeline))
            core.bridges.child_changed(pipeline)
            core.changed.notify_all()

    def tell(self, job: Job) -> None:
        """Job hooks, one for each change of a job."""
        self.core.hooks.fire(job.project_id, "job_events", lambda: self.core.bodies_ci.job(job))
        self.core.changed.notify_all()

    # What jobs and people do

    def start(self, job: Job) -> bool:
        """A runner takes a pending job; False when it may not run any more."""
        with self.core.state.lock:
            if job.status != "pending":
                return False
            pipeline = self.core.state.pipelines[job.pipeline_id]
            if self.deployments.outdated(job):
                job.failure_reason = "failed_outdated_deployment_job"
                self.set_job(job, "failed")
                self.changed(pipeline)
                return False
            self.set_job(job, "running")
            self.changed(pipeline)
            return True

    def finish(self, job: Job, status: str, exit_code: int | None = None, reason: str | None = None) -> None:
        """A runner gives a job back; what was ended meanwhile, by a cancel, stays so."""
        with self.core.state.lock:
            if job.status in ENDED:
                return
            job.exit_code = exit_code
            if status == "failed":
                job.failure_reason = reason or "script_failure"
                if exit_code is not None and exit_code in job.allow_failure_exit_codes:
                    job.allow_failure = True
            if job.started_at is None:
                job.started_at = now()
            if status == "success" and job.release is not None and not self._released(job, job.release):
                # the tool that makes it is a part of the job
                status, job.failure_reason = "failed", "script_failure"
            self.set_job(job, status)
            self.changed(self.core.state.pipelines[job.pipeline_id])

    def _released(self, job: Job, wanted: dict[str, str]) -> bool:
        """Makes the release that a job asks for, as the tool does that the runner starts at the job's end."""
        tag, state = wanted.get("tag_name", ""), self.core.state
        project = state.projects[job.project_id]
        if self.core.git(project).tag(tag) is None or (project.id, tag) in state.releases:
            return False
        name, description = wanted.get("name") or tag, wanted.get("description", "")
        state.releases[project.id, tag] = Release(tag, name, description, job.user_id)
        return True

    def cancel(self, pipeline: Pipeline, only_interruptible: bool = False) -> None:
        with self.core.state.lock:
            for job in pipeline.latest_jobs:
                if job.status in CANCELABLE and (job.interruptible or not only_interruptible):
                    self._cancel_job(job)
            self.changed(pipeline)

    def cancel_job(self, job: Job) -> None:
        with self.core.state.lock:
            if job.status in CANCELABLE:
                self._cancel_job(job)
                self.changed(self.core.state.pipelines[job.pipeline_id])

    def _cancel_job(self, job: Job) -> None:
        job.cancelled.set()
        self.set_job(job, "canceled")
        child = self.core.state.pipelines.get(job.downstream_id or 0)
        if child is not None:
            self.cancel(child)

    def retry(self, pipeline: Pipeline) -> None:
        """Run again what failed or was canceled, and then what was skipped for it."""
        with self.core.state.lock:
            for job in pipeline.latest_jobs:
                if job.status in ("failed", "canceled") and job.kind != "status":
                    self._again(pipeline, job)
            self._unskip(pipeline)
            self.changed(pipeline)

    def retry_job(self, job: Job) -> Job:
        with self.core.state.lock:
            pipeline = self.core.state.pipelines[job.pipeline_id]
            if job.status not in ENDED or job.status == "skipped" or job.retried or job.kind == "status":
                raise ApiError(403, "403 Forbidden - Job is not retryable")
            again = self._again(pipeline, job)
            self._enqueue(again)
            self._unskip(pipeline)
            self.changed(pipeline)
            return again

    def _again(self, pipeline: Pipeline, job: Job) -> Job:
        job.retried = True
        user = self.core.state.user(job.user_id)
        copied = (
            *("kind", "when", "needs", "interruptible", "resource_group", "environment", "trigger"),
            *("artifacts_name", "artifacts_access"),
        )
        more = {name: getattr(job, name) for name in copied}
        codes = job.allow_failure_exit_codes
        allowed = job.allow_failure and job.exit_code not in codes
        again = self.new_job(
            pipeline, user, job.name, job.stage, allow_failure=allowed, allow_failure_exit_codes=codes, **more
        )
        again.when = "on_success" if again.when == "manual" else again.when
        self.deployments.planned(again)
        self.tell(again)
        return again

    def _unskip(self, pipeline: Pipeline) -> None:
        for job in pipeline.latest_jobs:
            if job.status == "skipped" and job.kind != "status":
                job.status, job.finished_at = "created", None

    def play(self, job: Job) -> None:
        with self.core.state.lock:
            if job.status != "manual":
                raise ApiError(400, "400 Bad request - Unplayable Job")
            self._enqueue(job)
            self.changed(self.core.state.pipelines[job.pipeline_id])

    def head_of(self, merge_request: MergeRequest) -> Pipeline | None:
        """The newest pipeline of a merge request's head commit."""
        found: Sequence[Pipeline] = self.core.state.pipelines_of(merge_request.source_project_id)
        for pipeline in found:
            if pipeline.sha == merge_request.sha and pipeline.parent_job_id is None:
                return pipeline
        return None

"""Commit statuses from outside: jobs in stage `external` of a pipeline, with GitLab's rules of what may follow what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.gitlab.http import ApiError, forbidden, not_found
from sandbox.gitlab.values import Job, Pipeline, Project, User, now

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

STATES = ("pending", "running", "success", "failed", "canceled", "skipped")
MAX_TEXT = 255
STAGE = "external"

# For each wanted state: the name of GitLab's transition, and the states that it may start from.
TRANSITIONS = {
    "pending": ("enqueue", ("created", "skipped", "manual", "scheduled")),
    "running": ("run", ("created", "pending")),
    "success": ("success", ("created", "pending", "running")),
    "failed": ("drop", ("created", "pending", "running")),
    "canceled": ("cancel", ("created", "pending", "running")),
    "skipped": ("skip", ("created", "pending")),
}


@dataclass(frozen=True)
class StatusRequest:
    """What a caller wants said about a commit; texts are at most MAX_TEXT characters."""

    sha: str
    state: str
    name: str = "default"
    ref: str | None = None
    target_url: str | None = None
    description: str | None = None
    coverage: float | None = None
    pipeline_id: int | None = None


@dataclass(frozen=True)
class Statuses:
    """The one door through which statuses from outside come."""

    core: Core

    def post(self, project: Project, user: User, wanted: StatusRequest) -> Job:
        """Do what `POST /projects/:id/statuses/:sha` does; ApiError when GitLab would refuse."""
        core = self.core
        git = core.git(project)
        if git.resolve(wanted.sha) is None:
            raise not_found("Commit")
        if wanted.state not in STATES:
            raise ApiError(400, {"error": "state does not have a valid value"})
        for name, text in (
            ("description", wanted.description),
            ("target_url", wanted.target_url),
            ("name", wanted.name),
        ):
            if text is not None and len(text) > MAX_TEXT:
                raise ApiError(400, {"message": {name: [f"is too long (maximum is {MAX_TEXT} characters)"]}})
        with core.state.lock:
            pipeline = self._pipeline(project, user, wanted)
            if core.state.protections_of(project, pipeline.ref) and not (
                core.state.may_push(user, project, pipeline.ref)
                or core.state.may_merge(user, project, pipeline.ref)
            ):
                raise forbidden()
            job = self._job(pipeline, user, wanted)
            transition, allowed = TRANSITIONS[wanted.state]
            if job.status not in allowed:
                raise ApiError(
                    400,
                    f"Cannot transition status via :{transition} from :{job.status} "
                    f'(Reason(s): Status cannot transition via "{transition}")',
                )
            self._apply(job, wanted)
            core.pipelines.changed(pipeline, job)
            return job

    def _pipeline(self, project: Project, user: User, wanted: StatusRequest) -> Pipeline:
        """The newest pipeline of the commit that fits, or a new external one."""
        core = self.core
        for found in core.state.pipelines_of(project.id):
            fits = found.sha == wanted.sha and found.parent_job_id is None
            fits = fits and wanted.ref in (None, found.ref) and wanted.pipeline_id in (None, found.id)
            if fits:
                return found
        if wanted.pipeline_id is not None:
            raise not_found("Pipeline for pipeline_id, sha and ref")
        ref = wanted.ref
        if ref is None:
            branches = core.git(project).containing(wanted.sha)
            if not branches:
                raise not_found("References for commit")
            ref = branches[0]
        return core.pipelines.new(project, user, ref, wanted.sha, "external")

    def _job(self, pipeline: Pipeline, user: User, wanted: StatusRequest) -> Job:
        """The caller's own open status of that name, or a new one, which replaces all others of the name."""
        for job in pipeline.jobs:
            mine = job.kind == "status" and job.name == wanted.name and job.user_id == user.id
            if mine and job.status in ("pending", "running"):
                return job
        for job in pipeline.latest_jobs:
            if job.name == wanted.name:
                job.retried = True
        job = self.core.pipelines.new_job(pipeline, user, wanted.name, STAGE, kind="status")
        if STAGE not in pipeline.stages:
            pipeline.stages = (*pipeline.stages, STAGE)
        return job

    def _apply(self, job: Job, wanted: StatusRequest) -> None:
        job.status = wanted.state
        job.description = wanted.description if wanted.description is not None else job.description
        job.target_url = wanted.target_url if wanted.target_url is not None else job.target_url
        job.coverage = wanted.coverage if wanted.coverage is not None else job.coverage
        moment = now()
        if wanted.state == "pending":
            job.queued_at = moment
        elif wanted.state == "running":
            job.started_at = moment
        else:
            job.finished_at = moment
        if wanted.state == "failed":
            job.failure_reason = "api_failure"

"""The bodies of GitLab's hooks for pipelines and jobs, field by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.values import Job, Pipeline, hook_time, iso, seconds_between

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core


@dataclass(frozen=True)
class CiBodies:
    """Bodies of Pipeline Hook and Job Hook."""

    core: Core

    def pipeline(self, pipeline: Pipeline) -> dict[str, Any]:
        """Pipeline Hook: the pipeline with all its jobs, statuses from outside not among the builds."""
        state = self.core.state
        project = state.projects[pipeline.project_id]
        commit = self.core.git(project).commit(pipeline.sha)
        builds = [job for job in pipeline.latest_jobs if job.kind == "build"]
        return {
            "object_kind": "pipeline",
            "object_attributes": {
                "id": pipeline.id,
                "iid": pipeline.iid,
                "name": pipeline.name,
                "ref": pipeline.ref,
                "tag": pipeline.tag,
                "sha": pipeline.sha,
                "before_sha": pipeline.before_sha,
                "source": pipeline.source,
                "status": pipeline.status,
                "detailed_status": "passed" if pipeline.status == "success" else pipeline.status,
                "stages": list(pipeline.stages),
                "created_at": hook_time(pipeline.created_at),
                "finished_at": hook_time(pipeline.finished_at),
                "duration": seconds_between(pipeline.started_at, pipeline.finished_at, whole=True),
                "queued_duration": seconds_between(pipeline.created_at, pipeline.started_at, whole=True),
                "variables": [{"key": key, "value": value} for key, value in pipeline.variables.items()],
                "url": f"{self.core.web_url(project)}/-/pipelines/{pipeline.id}",
            },
            "merge_request": None,
            "user": self.core.bodies.user(state.user(pipeline.user_id)),
            "project": self.core.bodies.project(project),
            "commit": None if commit is None else self.core.bodies.commit(project, commit),
            **self._source_pipeline(pipeline),
            "builds": [self._build(job) for job in reversed(builds)],
        }

    def _source_pipeline(self, pipeline: Pipeline) -> dict[str, Any]:
        parent = self.core.state.jobs.get(pipeline.parent_job_id or 0)
        if parent is None:
            return {}
        project = self.core.state.projects[parent.project_id]
        shown = {
            "id": project.id,
            "web_url": self.core.web_url(project),
            "path_with_namespace": project.full_path,
        }
        return {"source_pipeline": {"project": shown, "pipeline_id": parent.pipeline_id, "job_id": parent.id}}

    def _build(self, job: Job) -> dict[str, Any]:
        user = self.core.state.user(job.user_id)
        size = len(job.artifacts) if job.artifacts is not None else None
        environment = {"name": job.environment, "action": "start", "deployment_tier": "other"}
        return {
            "id": job.id,
            "stage": job.stage,
            "name": job.name,
            "status": job.status,
            "created_at": hook_time(job.created_at),
            "started_at": hook_time(job.started_at),
            "finished_at": hook_time(job.finished_at),
            "duration": seconds_between(job.started_at, job.finished_at),
            "queued_duration": seconds_between(job.queued_at, job.started_at),
            "failure_reason": job.failure_reason,
            "when": job.when,
            "manual": job.when == "manual",
            "allow_failure": job.allow_failure,
            "user": self.core.bodies.user(user),
            "runner": None,
            "artifacts_file": {
                "filename": None if size is None else f"{job.artifacts_name}.zip",
                "size": size,
            },
            "environment": environment if job.environment else None,
        }

    def job(self, job: Job) -> dict[str, Any]:
        """Job Hook, whose `object_kind` is build and whose `commit.id` is the pipeline's."""
        state = self.core.state
        project = state.projects[job.project_id]
        pipeline = state.pipelines[job.pipeline_id]
        commit = self.core.git(project).commit(job.sha)
        user = state.user(job.user_id)
        return {
            "object_kind": "build",
            "ref": job.ref,
            "tag": job.tag,
            "before_sha": pipeline.before_sha,
            "sha": job.sha,
            "retries_count": sum(other.name == job.name and other.retried for other in pipeline.jobs),
            "build_id": job.id,
            "build_name": job.name,
            "build_stage": job.stage,
            "build_status": job.status,
            "build_created_at": hook_time(job.created_at),
            "build_started_at": hook_time(job.started_at),
            "build_finished_at": hook_time(job.finished_at),
            "build_created_at_iso": iso(job.created_at),
            "build_started_at_iso": iso(job.started_at),
            "build_finished_at_iso": iso(job.finished_at),
            "build_duration": seconds_between(job.started_at, job.finished_at),
            "build_queued_duration": seconds_between(job.queued_at, job.started_at),
            "build_allow_failure": job.allow_failure,
            "build_failure_reason": job.failure_reason or "unknown_failure",
            "pipeline_id": pipeline.id,
            "runner": None,
            "project_id": project.id,
            "project_name": f"{project.namespace} / {project.name}",
            "user": self.core.bodies.user(user),
            "commit": {
                "id": pipeline.id,
                "name": pipeline.name,
                "sha": job.sha,
                "message": commit.message if commit is not None else None,
                "author_name": commit.author.name if commit is not None else None,
                "author_email": "[REDACTED]",
                "status": pipeline.status,
                "duration": seconds_between(pipeline.started_at, pipeline.finished_at, whole=True),
                "started_at": hook_time(pipeline.started_at),
                "finished_at": hook_time(pipeline.finished_at),
            },
            "repository": self.core.bodies.repository(project),
            "project": self.core.bodies.project(project),
            "environment": {"name": job.environment, "action": "start"} if job.environment else None,
            **self._source_pipeline(pipeline),
        }

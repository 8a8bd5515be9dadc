"""Pipelines, jobs, statuses and deployments as the JSON of GitLab's REST API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.values import Deployment, Environment, Job, Pipeline, iso, seconds_between

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core


@dataclass(frozen=True)
class CiPresenter:
    """Turns what CI makes into JSON."""

    core: Core

    def pipeline(self, pipeline: Pipeline) -> dict[str, Any]:
        project = self.core.state.projects[pipeline.project_id]
        return {
            "id": pipeline.id,
            "iid": pipeline.iid,
            "project_id": pipeline.project_id,
            "sha": pipeline.sha,
            "ref": pipeline.ref,
            "status": pipeline.status,
            "source": pipeline.source,
            "created_at": iso(pipeline.created_at),
            "updated_at": iso(pipeline.updated_at),
            "web_url": f"{self.core.web_url(project)}/-/pipelines/{pipeline.id}",
            "name": pipeline.name,
        }

    def pipeline_detail(self, pipeline: Pipeline) -> dict[str, Any]:
        label = "passed" if pipeline.status == "success" else pipeline.status
        return {
            **self.pipeline(pipeline),
            "before_sha": pipeline.before_sha,
            "tag": pipeline.tag,
            "yaml_errors": pipeline.yaml_errors,
            "user": self.core.present.user(pipeline.user_id),
            "started_at": iso(pipeline.started_at),
            "finished_at": iso(pipeline.finished_at),
            "committed_at": None,
            "duration": seconds_between(pipeline.started_at, pipeline.finished_at, whole=True),
            "queued_duration": seconds_between(pipeline.created_at, pipeline.started_at, whole=True),
            "coverage": None,
            "detailed_status": {"text": label, "label": label, "group": pipeline.status, "has_details": True},
            "archived": False,
        }

    def job(self, job: Job) -> dict[str, Any]:
        project = self.core.state.projects[job.project_id]
        pipeline = self.core.state.pipelines[job.pipeline_id]
        git = self.core.git(project)
        files = []
        if job.trace:
            files.append(
                {"file_type": "trace", "size": len(job.trace), "filename": "job.log", "file_format": None}
            )
        if job.artifacts is not None:
            size = len(job.artifacts)
            files.append(
                {
                    "file_type": "archive",
                    "size": size,
                    "filename": f"{job.artifacts_name}.zip",
                    "file_format": "zip",
                }
            )
        archive = (
            {"filename": f"{job.artifacts_name}.zip", "size": len(job.artifacts)}
            if job.artifacts is not None
            else None
        )
        return {
            "id": job.id,
            "status": job.status,
            "stage": job.stage,
            "name": job.name,
            "ref": job.ref,
            "tag": job.tag,
            "coverage": job.coverage,
            "allow_failure": job.allow_failure,
            "created_at": iso(job.created_at),
            "started_at": iso(job.started_at),
            "finished_at": iso(job.finished_at),
            "erased_at": None,
            "duration": seconds_between(job.started_at, job.finished_at),
            "queued_duration": seconds_between(job.queued_at, job.started_at),
            "user": self.core.present.user(job.user_id),
            "commit": self.core.present.commit(project, git, job.sha),
            "pipeline": self.pipeline(pipeline),
            "failure_reason": job.failure_reason,
            "web_url": f"{self.core.web_url(project)}/-/jobs/{job.id}",
            "project": {"ci_job_token_scope_enabled": False},
            **({"artifacts_file": archive} if archive else {}),
            "artifacts": files,
            "runner": None,
            "artifacts_expire_at": None,
            "archived": False,
            "tag_list": [],
        }

    def bridge(self, job: Job) -> dict[str, Any]:
        downstream = self.core.state.pipelines.get(job.downstream_id or 0)
        shown = self.job(job)
        for key in ("artifacts", "runner", "artifacts_expire_at", "tag_list"):
            del shown[key]
        return {**shown, "downstream_pipeline": None if downstream is None else self.pipeline(downstream)}

    def status(self, job: Job) -> dict[str, Any]:
        return {
            "id": job.id,
            "sha": job.sha,
            "ref": job.ref,
            "status": job.status,
            "name": job.name,
            "target_url": job.target_url,
            "description": job.description,
            "created_at": iso(job.created_at),
            "started_at": iso(job.started_at),
            "finished_at": iso(job.finished_at),
            "allow_failure": job.allow_failure,
            "coverage": job.coverage,
            "pipeline_id": job.pipeline_id,
            "author": self.core.present.user(job.user_id),
        }

    def environment(self, environment: Environment) -> dict[str, Any]:
        return {
            "id": environment.id,
            "name": environment.name,
            "slug": environment.slug,
            "external_url": environment.external_url,
            "created_at": iso(environment.created_at),
            "updated_at": iso(environment.updated_at),
            "tier": environment.tier,
            "state": environment.state,
        }

    def deployment(self, deployment: Deployment) -> dict[str, Any]:
        environment = self.core.state.environments[deployment.environment_id]
        job = self.core.state.jobs.get(deployment.job_id or 0)
        return {
            "id": deployment.id,
            "iid": deployment.iid,
            "ref": deployment.ref,
            "sha": deployment.sha,
            "created_at": iso(deployment.created_at),
            "updated_at": iso(deployment.updated_at),
            "user": self.core.present.user(deployment.user_id),
            "environment": self.environment(environment),
            "deployable": None if job is None else self.job(job),
            "status": deployment.status,
        }

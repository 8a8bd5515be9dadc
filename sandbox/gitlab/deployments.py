"""Environments, and the deployments that jobs with an `environment` make: GitLab's ledger of what went out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.gitlab.values import Deployment, Environment, Job, Project, now
from sandbox.gitlab.variables import slug

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

SLUG_LENGTH = 24


@dataclass(frozen=True)
class Deployments:
    """Keeps the ledger; jobs write it by running."""

    core: Core

    def environment(self, project: Project, name: str) -> Environment:
        """The project's environment of a name, made when it is new."""
        state = self.core.state
        with state.lock:
            for found in state.environments.values():
                if found.project_id == project.id and found.name == name:
                    return found
            made = Environment(state.next_id("environment"), project.id, name, slug(name)[:SLUG_LENGTH])
            state.environments[made.id] = made
            return made

    def new(
        self, project: Project, environment: str, ref: str, sha: str, user_id: int, **more: object
    ) -> Deployment:
        state = self.core.state
        with state.lock:
            made = Deployment(
                state.next_id("deployment"),
                state.next_id("deployment", project.id),
                project.id,
                self.environment(project, environment).id,
                ref,
                sha,
                user_id,
                **more,  # type: ignore[arg-type] # the fields of Deployment, by name
            )
            state.deployments[made.id] = made
            return made

    def planned(self, job: Job) -> None:
        """A job with an environment has a deployment from the start."""
        if job.environment is not None:
            project = self.core.state.projects[job.project_id]
            self.new(project, job.environment, job.ref, job.sha, job.user_id, tag=job.tag, job_id=job.id)

    def of(self, job: Job) -> Deployment | None:
        if job.environment is None:
            return None
        found = self.core.state.deployments.values()
        return next((deployment for deployment in found if deployment.job_id == job.id), None)

    def follow(self, job: Job) -> None:
        """A deployment goes the way of its job."""
        deployment = self.of(job)
        if deployment is None or job.status not in ("running", "success", "failed", "canceled", "skipped"):
            return
        deployment.status, deployment.updated_at = job.status, now()
        if job.status != "running":
            deployment.finished_at = now()

    def outdated(self, job: Job) -> bool:
        """Whether a newer commit was deployed meanwhile: GitLab then refuses to run the older job."""
        mine = self.of(job)
        if mine is None:
            return False
        return any(
            other.environment_id == mine.environment_id
            and other.status == "success"
            and other.id > mine.id
            and other.sha != mine.sha
            for other in self.core.state.deployments.values()
        )

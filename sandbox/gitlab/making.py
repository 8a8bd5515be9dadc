"""When GitLab makes a pipeline, from which file, and which older ones make way for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.http import ApiError
from sandbox.gitlab.ref_change import RefChange
from sandbox.gitlab.values import CANCELABLE, Pipeline, Project, User, now
from sandbox.plan import PipelinePlan

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

SKIP = re.compile(r"\[(ci[ _-]skip|skip[ _-]ci)\]", re.IGNORECASE)
NO_CONFIG = "Missing CI config file"
NO_JOBS = (
    "Pipeline will not run for the selected trigger. "
    "The rules configuration prevented any jobs from being added to the pipeline."
)
DEFAULT_CONFIG = ".gitlab-ci.yml"


@dataclass(frozen=True)
class Making:
    """Makes pipelines: for a push, for the API, for a bridge."""

    core: Core

    def config_of(self, project: Project, sha: str) -> tuple[str, bytes | None]:
        """The path of a project's CI file, and its content at a commit; `path@group/project:ref` is another's file."""
        path = project.ci_config_path or DEFAULT_CONFIG
        if "@" in path:
            name, _, place = path.partition("@")
            full_path, _, ref = place.partition(":")
            other = self.core.state.project_by(full_path)
            if other is None:
                return name, None
            git = self.core.git(other)
            head = git.resolve(ref or other.default_branch)
            return name, git.file(head, name) if head else None
        return path, self.core.git(project).file(sha, path)

    def on_push(self, project: Project, user: User, change: RefChange, skip: bool) -> None:
        """Start what a pushed ref starts, in the background where an executor has to be asked."""
        sha = self.core.git(project).resolve(change.after)
        if sha is not None:
            self.core.runner.soon(lambda: self._from_push(project, user, change, sha, skip))

    def _from_push(self, project: Project, user: User, change: RefChange, sha: str, skip: bool) -> None:
        path, content = self.config_of(project, sha)
        if content is None:
            return
        commit = self.core.git(project).commit(sha)
        ref = change.branch if change.branch is not None else str(change.tag)
        draft = self.draft(
            project, user, ref, sha, "push", tag=change.tag is not None, before_sha=change.before
        )
        draft.config_path = path
        if skip or (commit is not None and SKIP.search(commit.message)):
            self.keep(draft)
            self.core.pipelines.set_status(draft, "skipped")
            return
        plan = self.core.runner.plan(draft, content)
        if plan.errors:
            self.keep(draft)
            draft.yaml_errors = "\n".join(plan.errors)
            self.core.pipelines.set_status(draft, "failed")
        elif plan.jobs:
            self.keep(draft)
            self.fill(draft, user, plan)
        else:
            self.core.runner.forget(draft)

    def create(self, project: Project, user: User, ref: str, variables: dict[str, str]) -> Pipeline:
        """Do what `POST /projects/:id/pipeline` does; ApiError 400 when GitLab would refuse."""
        git = self.core.git(project)
        sha, tag = git.branch(ref), False
        if sha is None:
            sha, tag = git.tag(ref), True
        if sha is None:
            raise ApiError(400, {"message": {"base": ["Reference not found"]}})
        if not tag and self.core.state.protections_of(project, ref):
            state = self.core.state
            if not (state.may_push(user, project, ref) or state.may_merge(user, project, ref)):
                why = f"You do not have sufficient permission to run a pipeline on '{ref}'"
                raise ApiError(400, {"message": {"base": [why]}})
        path, content = self.config_of(project, sha)
        if content is None:
            raise ApiError(400, {"message": {"base": [NO_CONFIG]}})
        draft = self.draft(project, user, ref, sha, "api", tag=tag, variables=variables)
        draft.config_path = path
        plan = self.core.runner.plan(draft, content)
        if plan.errors or not plan.jobs:
            self.core.runner.forget(draft)
            raise ApiError(400, {"message": {"base": list(plan.errors) or [NO_JOBS]}})
        self.keep(draft)
        self.fill(draft, user, plan)
        return draft

    def draft(self, project: Project, user: User, ref: str, sha: str, source: str, **more: Any) -> Pipeline:
        """A pipeline that nobody sees yet: GitLab keeps it only when its plan is good for something."""
        return Pipeline(0, 0, project.id, ref, sha, source, user.id, **more)

    def keep(self, draft: Pipeline) -> None:
        """Let everybody see it from now on."""
        state = self.core.state
        with state.lock:
            draft.id, draft.iid = state.next_id("pipeline"), state.next_id("pipeline", draft.project_id)
            draft.created_at = draft.updated_at = now()
            state.pipelines[draft.id] = draft

    def fill(self, pipeline: Pipeline, user: User, plan: PipelinePlan) -> None:
        """Give it its jobs, let older pipelines make way, and begin."""
        with self.core.state.lock:
            pipeline.stages, pipeline.auto_cancel = plan.stages, plan.auto_cancel
            for planned in plan.jobs:
                job = self.core.pipelines.new_job(
                    pipeline,
                    user,
                    planned.name,
                    planned.stage,
                    kind="build" if planned.trigger is None else "bridge",
                    when=planned.when,
                    needs=planned.needs,
                    allow_failure=planned.allow_failure,
                    allow_failure_exit_codes=planned.allow_failure_exit_codes,
                    interruptible=planned.interruptible,
                    resource_group=planned.resource_group,
                    environment=planned.environment,
                    artifacts_name=planned.artifacts_name,
                    artifacts_access=planned.artifacts_access,
                    release=None if planned.release is None else dict(planned.release),
                    trigger=None if planned.trigger is None else dict(planned.trigger),
                    variables=dict(planned.variables),
                )
                self.core.pipelines.deployments.planned(job)
                self.core.pipelines.tell(job)
            self._cancel_redundant(pipeline)
            self.core.pipelines.changed(pipeline)

    def _cancel_redundant(self, newer: Pipeline) -> None:
        """Auto-cancel: older pipelines of the same ref, whose jobs all may be interrupted, make way."""
        project = self.core.state.projects[newer.project_id]
        if project.auto_cancel != "enabled" or newer.source in ("external", "parent_pipeline"):
            return
        for older in self.core.state.pipelines_of(project.id):
            same = older.ref == newer.ref and older.tag == newer.tag and older.id < newer.id
            if not same or older.sha == newer.sha or older.status not in CANCELABLE:
                continue
            if older.source in ("external", "parent_pipeline") or older.auto_cancel == "none":
                continue
            family = [older, *self._children(older)]
            if older.auto_cancel == "interruptible":
                for member in family:
                    self.core.pipelines.cancel(member, only_interruptible=True)
                continue
            builds = [job for member in family for job in member.latest_jobs if job.kind == "build"]
            started = [job for job in builds if job.started_at is not None]
            if all(job.interruptible for job in started):
                self.core.pipelines.cancel(older)

    def _children(self, pipeline: Pipeline) -> list[Pipeline]:
        found = []
        for job in pipeline.jobs:
            child = self.core.state.pipelines.get(job.downstream_id or 0)
            if child is not None:
                found += [child, *self._children(child)]
        return found

"""Pipelines: when one is made, in which order its jobs may go, what their statuses make of it, and who is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.deployments import Deployments
from sandbox.gitlab.hook_bodies import RefChange
from sandbox.gitlab.http import ApiError
from sandbox.gitlab.state import ALIVE, ENDED, Job, MergeRequest, Pipeline, Project, User, now
from sandbox.plan import PipelinePlan

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

SKIP = re.compile(r"\[(ci[ _-]skip|skip[ _-]ci)\]", re.IGNORECASE)
CANCELABLE = (*ALIVE, "manual")
NO_CONFIG = "Missing CI config file"
NO_JOBS = (
    "Pipeline will not run for the selected trigger. "
    "The rules configuration prevented any jobs from being added to the pipeline."
)
DEFAULT_CONFIG = ".gitlab-ci.yml"


def composite(statuses: Iterable[str], dag: bool = False) -> str:
    """What many counted job statuses make together: GitLab's order of questions."""
    seen = set(statuses)

    def only(*allowed: str) -> bool:
        return bool(seen) and seen <= set(allowed)

    if not seen:
        return "success"
    if dag and "skipped" in seen:
        return "skipped"
    if only("skipped", "ignored"):
        return "skipped"
    if only("success", "skipped", "success_with_warnings", "ignored"):
        return "success"
    if only("created", "success_with_warnings", "ignored"):
        return "created"
    if only("canceled", "success", "skipped", "success_with_warnings", "ignored"):
        return "canceled"
    if only("pending", "created", "skipped", "success_with_warnings", "ignored"):
        return "pending"
    for status in ("running", "pending"):
        if status in seen:
            return "running"
    for status in ("waiting_for_resource", "manual", "scheduled", "preparing"):
        if status in seen:
            return status
    return "running" if "created" in seen else "failed"


@dataclass
class Pipelines:
    core: Core
    deployments: Deployments = field(init=False)
    _resources: dict[tuple[int, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.deployments = Deployments(self.core)

    # Making

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
        draft = self._draft(
            project, user, ref, sha, "push", tag=change.tag is not None, before_sha=change.before
        )
        draft.config_path = path
        if skip or (commit is not None and SKIP.search(commit.message)):
            self._keep(draft)
            self._set_pipeline(draft, "skipped")
            return
        plan = self.core.runner.plan(draft, content)
        if plan.errors:
            self._keep(draft)
            draft.yaml_errors = "\n".join(plan.errors)
            self._set_pipeline(draft, "failed")
        elif plan.jobs:
            self._keep(draft)
            self._fill(draft, user, plan)
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
        draft = self._draft(project, user, ref, sha, "api", tag=tag, variables=variables)
        draft.config_path = path
        plan = self.core.runner.plan(draft, content)
        if plan.errors or not plan.jobs:
            self.core.runner.forget(draft)
            raise ApiError(400, {"message": {"base": list(plan.errors) or [NO_JOBS]}})
        self._keep(draft)
        self._fill(draft, user, plan)
        return draft

    def _draft(self, project: Project, user: User, ref: str, sha: str, source: str, **more: Any) -> Pipeline:
        """A pipeline that nobody sees yet: GitLab keeps it only when its plan is good for something."""
        return Pipeline(0, 0, project.id, ref, sha, source, user.id, **more)

    def _keep(self, draft: Pipeline) -> None:
        state = self.core.state
        with state.lock:
            draft.id, draft.iid = state.next_id("pipeline"), state.next_id("pipeline", draft.project_id)
            draft.created_at = draft.updated_at = now()
            state.pipelines[draft.id] = draft

    def _fill(self, pipeline: Pipeline, user: User, plan: PipelinePlan) -> None:
        with self.core.state.lock:
            pipeline.stages, pipeline.auto_cancel = plan.stages, plan.auto_cancel
            for planned in plan.jobs:
                job = self.new_job(
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
                    trigger=None if planned.trigger is None else dict(planned.trigger),
                )
                self.deployments.planned(job)
                self._tell_job(job)
            self._cancel_redundant(pipeline)
            self.changed(pipeline)

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
                    self.cancel(member, only_interruptible=True)
                continue
            builds = [job for member in family for job in member.latest_jobs if job.kind == "build"]
            started = [job for job in builds if job.started_at is not None]
            if all(job.interruptible for job in started):
                self.cancel(older)

    def _children(self, pipeline: Pipeline) -> list[Pipeline]:
        found = []
        for job in pipeline.jobs:
            child = self.core.state.pipelines.get(job.downstream_id or 0)
            if child is not None:
                found += [child, *self._children(child)]
        return found

    # Going on

    def changed(self, pipeline: Pipeline, job: Job | None = None) -> None:
        """Let jobs follow that may, give the pipeline the status that its jobs make, and tell the hooks."""
        with self.core.state.lock:
            if job is not None:
                pipeline.updated_at = now()
                if job.kind == "build":
                    self._tell_job(job)
            while self._advance(pipeline):
                pass
            status = composite(job.counted_status for job in pipeline.latest_jobs)
            if status != pipeline.status:
                self._set_pipeline(pipeline, status)

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
            self._set_job(job, "skipped")
        elif job.when == "manual":
            self._set_job(job, "manual")
        else:
            self._enqueue(job)

    def _enqueue(self, job: Job) -> None:
        if job.resource_group is not None:
            key = (job.project_id, job.resource_group)
            holder = self._resources.setdefault(key, job.id)
            if holder != job.id:
                self._set_job(job, "waiting_for_resource")
                return
        self._set_job(job, "pending")
        if job.kind == "bridge":
            self.core.runner.soon(lambda: self._start_bridge(job))
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

    def _set_job(self, job: Job, status: str) -> None:
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
            self._tell_job(job)
        if status in ENDED:
            self.core.runner.ended(job)
            if job.resource_group is not None:
                self._release(job)

    def _set_pipeline(self, pipeline: Pipeline, status: str) -> None:
        core, moment = self.core, now()
        with core.state.lock:
            pipeline.status, pipeline.updated_at = status, moment
            if status == "running" and pipeline.started_at is None:
                pipeline.started_at = moment
            pipeline.finished_at = moment if status in ENDED else None
            core.hooks.fire(pipeline.project_id, "pipeline_events", lambda: core.bodies.pipeline(pipeline))
            self._tell_parent(pipeline)
            core.changed.notify_all()

    def _tell_job(self, job: Job) -> None:
        self.core.hooks.fire(job.project_id, "job_events", lambda: self.core.bodies.job(job))
        self.core.changed.notify_all()

    # Bridges to child pipelines

    def _start_bridge(self, job: Job) -> None:
        """Make the child pipeline that a trigger job asks for, from a file of the same commit."""
        core = self.core
        parent = core.state.pipelines[job.pipeline_id]
        project, user = core.state.projects[job.project_id], core.state.user(job.user_id)
        path = _local_include(job.trigger or {})
        content = core.git(project).file(job.sha, path.lstrip("/")) if path else None
        draft = self._draft(
            project, user, job.ref, job.sha, "parent_pipeline", tag=job.tag, before_sha=parent.before_sha
        )
        draft.config_path, draft.parent_job_id = (path or "").lstrip("/"), job.id
        plan = PipelinePlan((), (), ("the included file does not exist",)) if content is None else None
        plan = plan or core.runner.plan(draft, content or b"")
        with core.state.lock:
            if job.status != "pending":
                return
            if plan.errors or not plan.jobs:
                job.failure_reason = "downstream_pipeline_creation_failed"
                self._set_job(job, "failed")
                self.changed(parent)
                return
            depends = (job.trigger or {}).get("strategy") in ("depend", "mirror")
            self._keep(draft)
            job.downstream_id = draft.id
            self._set_job(job, "running" if depends else "success")
            self._fill(draft, user, plan)
            self.changed(parent)

    def _tell_parent(self, pipeline: Pipeline) -> None:
        bridge = self.core.state.jobs.get(pipeline.parent_job_id or 0)
        if bridge is None or bridge.status != "running" or pipeline.status not in ENDED:
            return
        self._set_job(bridge, "success" if pipeline.status == "skipped" else pipeline.status)
        self.changed(self.core.state.pipelines[bridge.pipeline_id])

    # What jobs and people do

    def start(self, job: Job) -> bool:
        """A runner takes a pending job; False when it may not run any more."""
        with self.core.state.lock:
            if job.status != "pending":
                return False
            pipeline = self.core.state.pipelines[job.pipeline_id]
            if self.deployments.outdated(job):
                job.failure_reason = "failed_outdated_deployment_job"
                self._set_job(job, "failed")
                self.changed(pipeline)
                return False
            self._set_job(job, "running")
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
            self._set_job(job, status)
            self.changed(self.core.state.pipelines[job.pipeline_id])

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
        self._set_job(job, "canceled")
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
        copied = ("kind", "when", "needs", "interruptible", "resource_group", "environment", "trigger")
        more = {name: getattr(job, name) for name in copied}
        codes = job.allow_failure_exit_codes
        allowed = job.allow_failure and job.exit_code not in codes
        again = self.new_job(
            pipeline, user, job.name, job.stage, allow_failure=allowed, allow_failure_exit_codes=codes, **more
        )
        again.when = "on_success" if again.when == "manual" else again.when
        self.deployments.planned(again)
        self._tell_job(again)
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

"""The bodies of GitLab's webhooks, field by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.git import ZEROS, Commit, run_git
from sandbox.gitlab.present import seconds_between
from sandbox.gitlab.state import Job, MergeRequest, Note, Pipeline, Project, User, hook_time, iso

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

COMMITS_IN_A_PUSH = 20


@dataclass(frozen=True)
class RefChange:
    """One ref that a push moved."""

    ref: str
    before: str
    after: str

    @property
    def branch(self) -> str | None:
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else None

    @property
    def tag(self) -> str | None:
        return self.ref.removeprefix("refs/tags/") if self.ref.startswith("refs/tags/") else None


@dataclass(frozen=True)
class Bodies:
    core: Core

    # Parts that several hooks share

    def user(self, user: User) -> dict[str, Any]:
        email = user.email if user.admin else "[REDACTED]"
        return {
            "id": user.id,
            "name": user.name,
            "username": user.username,
            "avatar_url": None,
            "email": email,
        }

    def project(self, project: Project) -> dict[str, Any]:
        url = self.core.web_url(project)
        ssh = f"git@{self.core.host}:{project.full_path}.git"
        return {
            "id": project.id,
            "name": project.name,
            "description": project.description,
            "web_url": url,
            "avatar_url": None,
            "git_ssh_url": ssh,
            "git_http_url": f"{url}.git",
            "namespace": project.namespace,
            "visibility_level": self.core.present.visibility_level(project),
            "path_with_namespace": project.full_path,
            "default_branch": project.default_branch,
            "ci_config_path": project.ci_config_path,
            "homepage": url,
            "url": ssh,
            "ssh_url": ssh,
            "http_url": f"{url}.git",
        }

    def repository(self, project: Project) -> dict[str, Any]:
        shown = self.project(project)
        wanted = ("name", "url", "description", "homepage", "git_http_url", "git_ssh_url", "visibility_level")
        return {key: shown[key] for key in wanted}

    def commit(self, project: Project, commit: Commit) -> dict[str, Any]:
        return {
            "id": commit.sha,
            "message": commit.message,
            "title": commit.title,
            "timestamp": commit.committer.at.isoformat(timespec="seconds"),
            "url": f"{self.core.web_url(project)}/-/commit/{commit.sha}",
            "author": {"name": commit.author.name, "email": "[REDACTED]"},
        }

    # Push

    def push(
        self, project: Project, user: User, change: RefChange, options: dict[str, Any]
    ) -> dict[str, Any]:
        """Push Hook and Tag Push Hook."""
        kind = "tag_push" if change.tag is not None else "push"
        git = self.core.git(project)
        gone = change.after == ZEROS
        checkout = None if gone else git.resolve(change.after)
        commits, total = ([], 0) if kind == "tag_push" or gone else self._new_commits(project, change)
        name = change.branch if change.branch is not None else ""
        return {
            "object_kind": kind,
            "event_name": kind,
            "before": change.before,
            "after": change.after,
            "ref": change.ref,
            "ref_protected": bool(self.core.state.protections_of(project, name)),
            "checkout_sha": checkout,
            "message": None,
            "user_id": user.id,
            "user_name": user.name,
            "user_username": user.username,
            "user_email": "",
            "user_avatar": None,
            "project_id": project.id,
            "project": self.project(project),
            "commits": commits,
            "total_commits_count": total,
            "push_options": options,
            "repository": self.repository(project),
        }

    def _new_commits(self, project: Project, change: RefChange) -> tuple[list[dict[str, Any]], int]:
        git = self.core.git(project)
        span = [change.after]
        if change.before != ZEROS:
            span.append(f"^{change.before}")
        elif change.branch != project.default_branch and (head := git.branch(project.default_branch)):
            span.append(f"^{head}")
        out = run_git(
            git.directory,
            "log",
            "-z",
            f"--max-count={COMMITS_IN_A_PUSH}",
            "--format=%x01%H",
            "--name-status",
            "--no-renames",
            "--diff-merges=first-parent",
            *span,
            "--",
        ).decode("utf-8", "replace")
        shown = []
        for part in out.split("\x01")[1:]:
            sha, *fields = part.strip("\0").replace("\n", "\0").split("\0")
            commit = git.commit(sha)
            if commit is None:
                continue
            fields = [item for item in fields if item]
            paths: dict[str, list[str]] = {"A": [], "M": [], "D": [], "T": []}
            for kind, path in zip(fields[::2], fields[1::2], strict=False):
                paths.setdefault(kind[0], []).append(path)
            changed = {"added": paths["A"], "modified": paths["M"] + paths["T"], "removed": paths["D"]}
            shown.append({**self.commit(project, commit), **changed})
        shown.reverse()
        total = len(shown) if len(shown) < COMMITS_IN_A_PUSH else git.count(*span)
        return shown, total

    # Merge requests and notes

    def merge_request(
        self,
        merge_request: MergeRequest,
        user: User,
        action: str,
        changes: dict[str, Any],
        oldrev: str | None,
    ) -> dict[str, Any]:
        """Merge Request Hook."""
        state = self.core.state
        project = state.projects[merge_request.project_id]
        attributes = self._merge_request_attributes(merge_request)
        attributes["action"] = action
        if oldrev is not None:
            attributes["oldrev"] = oldrev
        assignees = [self.user(state.user(number)) for number in merge_request.assignees]
        reviewers = [self.user(state.user(number)) for number in merge_request.reviewers]
        return {
            "object_kind": "merge_request",
            "event_type": "merge_request",
            "user": self.user(user),
            "project": self.project(project),
            "object_attributes": attributes,
            "labels": self._labels(merge_request),
            "changes": changes,
            "repository": {
                key: self.repository(project)[key] for key in ("name", "url", "description", "homepage")
            },
            **({"assignees": assignees} if assignees else {}),
            **({"reviewers": reviewers} if reviewers else {}),
        }

    def _labels(self, merge_request: MergeRequest) -> list[dict[str, Any]]:
        moment = hook_time(merge_request.created_at)
        return [
            {
                "id": number,
                "title": title,
                "color": "#ffffff",
                "project_id": merge_request.project_id,
                "created_at": moment,
                "updated_at": moment,
                "template": False,
                "description": None,
                "type": "ProjectLabel",
                "group_id": None,
            }
            for number, title in enumerate(merge_request.labels, 1)
        ]

    def _merge_request_attributes(self, merge_request: MergeRequest) -> dict[str, Any]:
        state = self.core.state
        project = state.projects[merge_request.project_id]
        source = state.projects.get(merge_request.source_project_id)
        commit = self.core.git(project).commit(merge_request.sha)
        status = self.core.merging.detailed_status(merge_request)
        return {
            "id": merge_request.id,
            "iid": merge_request.iid,
            "target_branch": merge_request.target_branch,
            "source_branch": merge_request.source_branch,
            "source_project_id": merge_request.source_project_id,
            "target_project_id": merge_request.project_id,
            "author_id": merge_request.author_id,
            "assignee_ids": list(merge_request.assignees),
            "assignee_id": merge_request.assignees[0] if merge_request.assignees else None,
            "reviewer_ids": list(merge_request.reviewers),
            "title": merge_request.title,
            "description": merge_request.description,
            "created_at": hook_time(merge_request.created_at),
            "updated_at": hook_time(merge_request.updated_at),
            "last_edited_at": None,
            "last_edited_by_id": None,
            "prepared_at": hook_time(merge_request.created_at),
            "first_contribution": False,
            "time_change": 0,
            "total_time_spent": 0,
            "human_time_change": None,
            "human_time_estimate": None,
            "human_total_time_spent": None,
            "milestone_id": None,
            "state_id": {"opened": 1, "closed": 2, "merged": 3, "locked": 4}[merge_request.state],
            "state": merge_request.state,
            "blocking_discussions_resolved": status != "discussions_not_resolved",
            "work_in_progress": merge_request.draft,
            "draft": merge_request.draft,
            "merge_status": "cannot_be_merged" if status == "conflict" else "can_be_merged",
            "detailed_merge_status": status,
            "merge_commit_sha": merge_request.merge_commit_sha,
            "url": self.core.present.merge_request_url(merge_request),
            "source": None if source is None else self.project(source),
            "target": self.project(project),
            "last_commit": None if commit is None else self.commit(project, commit),
            "labels": self._labels(merge_request),
        }

    def note(self, note: Note, user: User, action: str) -> dict[str, Any]:
        """Note Hook, for a merge request or a commit."""
        state = self.core.state
        project = state.projects[note.project_id]
        body: dict[str, Any] = {
            "object_kind": "note",
            "event_type": "confidential_note" if note.internal else "note",
            "user": self.user(user),
            "project_id": project.id,
            "project": self.project(project),
            "object_attributes": {
                "id": note.id,
                "note": note.body,
                "noteable_type": note.noteable_type,
                "author_id": note.author_id,
                "created_at": hook_time(note.created_at),
                "updated_at": hook_time(note.updated_at),
                "project_id": project.id,
                "attachment": None,
                "line_code": None,
                "commit_id": note.commit_id or "",
                "noteable_id": note.noteable_id,
                "discussion_id": note.discussion_id,
                "position": note.position,
                "internal": note.internal,
                "system": note.system,
                "st_diff": None,
                "type": "DiffNote" if note.position else None,
                "description": note.body,
                "action": action,
                "url": self._note_url(note, project),
            },
            "repository": {
                key: self.repository(project)[key] for key in ("name", "url", "description", "homepage")
            },
        }
        if note.noteable_type == "MergeRequest" and note.noteable_iid is not None:
            found = state.merge_requests[(project.id, note.noteable_iid)]
            body["merge_request"] = self._merge_request_attributes(found)
        elif note.commit_id is not None and (commit := self.core.git(project).commit(note.commit_id)):
            body["commit"] = self.commit(project, commit)
        return body

    def _note_url(self, note: Note, project: Project) -> str:
        if note.noteable_type == "MergeRequest":
            return f"{self.core.web_url(project)}/-/merge_requests/{note.noteable_iid}#note_{note.id}"
        return f"{self.core.web_url(project)}/-/commit/{note.commit_id}#note_{note.id}"

    # Pipelines and jobs

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
            "user": self.user(state.user(pipeline.user_id)),
            "project": self.project(project),
            "commit": None if commit is None else self.commit(project, commit),
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
            "user": self.user(user),
            "runner": None,
            "artifacts_file": {"filename": None if size is None else "artifacts.zip", "size": size},
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
            "user": self.user(user),
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
            "repository": self.repository(project),
            "project": self.project(project),
            "environment": {"name": job.environment, "action": "start"} if job.environment else None,
            **self._source_pipeline(pipeline),
        }

"""Values of the state as the JSON that GitLab's REST API answers with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.git import Commit, Repository, TreeEntry
from sandbox.gitlab.state import (
    VISIBILITY_LEVELS,
    Deployment,
    Environment,
    Hook,
    Job,
    MergeRequest,
    Note,
    Pipeline,
    Project,
    Protection,
    Token,
    User,
    iso,
)

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

TRAILER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)\s*:\s+(.*)")
LEVEL_NAMES = {0: "No one", 30: "Developers + Maintainers", 40: "Maintainers", 60: "Administrators"}


def trailers_of(message: str) -> dict[str, list[str]]:
    """The git trailers of a commit message: its last paragraph, if that is made of `Key: value` lines."""
    paragraphs = message.strip().split("\n\n")
    if len(paragraphs) < 2:
        return {}
    found: dict[str, list[str]] = {}
    for line in paragraphs[-1].split("\n"):
        match = TRAILER.fullmatch(line.strip())
        if match is None:
            return {}
        found.setdefault(match[1], []).append(match[2])
    return found


@dataclass(frozen=True)
class Presenter:
    """Turns values into JSON; needs the core for addresses and for values that others point to."""

    core: Core

    # People

    def user(self, user_id: int | None) -> dict[str, Any] | None:
        user = self.core.state.users.get(user_id or 0)
        return None if user is None else self.person(user)

    def person(self, user: User) -> dict[str, Any]:
        return {
            "id": user.id,
            "username": user.username,
            "public_email": "",
            "name": user.name,
            "state": "active",
            "locked": False,
            "avatar_url": None,
            "web_url": f"{self.core.url}/{user.username}",
        }

    def me(self, user: User) -> dict[str, Any]:
        more = {"email": user.email, "bot": user.bot, "commit_email": user.email, "two_factor_enabled": False}
        return {**self.person(user), **more, **({"is_admin": True} if user.admin else {})}

    def member(self, user: User, level: int) -> dict[str, Any]:
        return {**self.person(user), "access_level": level, "expires_at": None, "membership_state": "active"}

    def token(self, token: Token) -> dict[str, Any]:
        return {
            "id": token.id,
            "name": token.name,
            "revoked": token.revoked,
            "scopes": list(token.scopes),
            "user_id": token.user_id,
            "active": not token.revoked,
            "expires_at": None,
        }

    # Projects

    def project(self, project: Project, user: User | None = None) -> dict[str, Any]:
        url = self.core.web_url(project)
        level = self.core.state.access_level(user, project)
        group = self.core.state.group_members.get((project.namespace, user.id)) if user is not None else None
        git = self.core.git(project)
        empty = git.branch(project.default_branch) is None and not git.branches()
        return {
            "id": project.id,
            "description": project.description,
            "name": project.name,
            "name_with_namespace": f"{project.namespace} / {project.name}",
            "path": project.path,
            "path_with_namespace": project.full_path,
            "created_at": iso(project.created_at),
            "default_branch": None if empty else project.default_branch,
            "topics": list(project.topics),
            "ssh_url_to_repo": f"git@{self.core.host}:{project.full_path}.git",
            "http_url_to_repo": f"{url}.git",
            "web_url": url,
            "readme_url": None,
            "forks_count": 0,
            "star_count": 0,
            "last_activity_at": iso(project.created_at),
            "namespace": {
                "name": project.namespace,
                "path": project.namespace,
                "full_path": project.namespace,
            },
            "visibility": project.visibility,
            "archived": project.archived,
            "empty_repo": empty,
            "ci_config_path": project.ci_config_path,
            "creator_id": project.owner_id,
            "container_registry_access_level": project.registry_access,
            "container_registry_enabled": project.registry_access != "disabled",
            "builds_access_level": "enabled",
            "jobs_enabled": True,
            "merge_requests_enabled": True,
            "issues_enabled": True,
            "merge_method": project.merge_method,
            "squash_option": project.squash_option,
            "auto_cancel_pending_pipelines": project.auto_cancel,
            "only_allow_merge_if_pipeline_succeeds": project.needs_pipeline_success,
            "only_allow_merge_if_all_discussions_are_resolved": project.needs_resolved_discussions,
            "ci_push_repository_for_job_token_allowed": project.job_tokens_may_push,
            "forked_from_project": self.forked_from(project),
            **self._registry_prefix(project),
            "permissions": {
                "project_access": {"access_level": level, "notification_level": 3} if level else None,
                "group_access": {"access_level": group, "notification_level": 3} if group else None,
            },
        }

    def _registry_prefix(self, project: Project) -> dict[str, str]:
        """Where images go; left out where there is no registry for the project."""
        if not self.core.registry_host or project.registry_access == "disabled":
            return {}
        return {"container_registry_image_prefix": self.core.registry_image(project)}

    def forked_from(self, project: Project) -> dict[str, Any] | None:
        origin = self.core.state.projects.get(project.forked_from or 0)
        return None if origin is None else {"id": origin.id, "path_with_namespace": origin.full_path}

    def hook(self, hook: Hook) -> dict[str, Any]:
        return {
            "id": hook.id,
            "url": hook.url,
            "project_id": hook.project_id,
            "created_at": iso(hook.created_at),
            "alert_status": hook.alert_status,
            "disabled_until": iso(hook.disabled_until),
            "enable_ssl_verification": True,
            "push_events_branch_filter": hook.branch_filter,
            "branch_filter_strategy": "wildcard",
            "token_present": hook.token is not None,
            "signing_token_present": hook.signing_token is not None,
            "custom_headers": [],
            "url_variables": [],
            **hook.events,
        }

    def protection(self, rule: Protection) -> dict[str, Any]:
        users = [
            {
                "id": number,
                "access_level": 40,
                "access_level_description": self.core.state.user(number).name,
                "user_id": number,
            }
            for number in rule.push_users
        ]
        return {
            "id": rule.id,
            "name": rule.name,
            "push_access_levels": [self._level(rule.push_level), *users],
            "merge_access_levels": [self._level(rule.merge_level)],
            "allow_force_push": rule.allow_force_push,
            "unprotect_access_levels": [],
            "inherited": False,
            "code_owner_approval_required": False,
        }

    def _level(self, level: int) -> dict[str, Any]:
        name = LEVEL_NAMES.get(level, str(level))
        return {
            "id": level,
            "access_level": level,
            "access_level_description": name,
            "user_id": None,
            "group_id": None,
        }

    # Repository

    def branch(self, project: Project, name: str, sha: str, user: User | None) -> dict[str, Any]:
        state, git = self.core.state, self.core.git(project)
        rules = state.protections_of(project, name)
        head = git.branch(project.default_branch)
        merged = name != project.default_branch and head is not None and git.is_ancestor(sha, head)
        return {
            "name": name,
            "commit": self.commit(project, git, sha),
            "merged": merged,
            "protected": bool(rules),
            "developers_can_push": any(0 < rule.push_level <= 30 for rule in rules),
            "developers_can_merge": any(0 < rule.merge_level <= 30 for rule in rules),
            "can_push": state.may_push(user, project, name),
            "default": name == project.default_branch,
            "web_url": f"{self.core.web_url(project)}/-/tree/{name}",
        }

    def commit(self, project: Project, git: Repository, sha: str) -> dict[str, Any]:
        commit = git.commit(sha)
        return {"id": sha} if commit is None else self.commit_value(project, commit)

    def commit_value(self, project: Project, commit: Commit) -> dict[str, Any]:
        found = trailers_of(commit.message)
        return {
            "id": commit.sha,
            "short_id": commit.sha[:8],
            "created_at": commit.committer.at.isoformat(timespec="milliseconds"),
            "parent_ids": list(commit.parents),
            "title": commit.title,
            "message": commit.message,
            "author_name": commit.author.name,
            "author_email": commit.author.email,
            "authored_date": commit.author.at.isoformat(timespec="milliseconds"),
            "committer_name": commit.committer.name,
            "committer_email": commit.committer.email,
            "committed_date": commit.committer.at.isoformat(timespec="milliseconds"),
            "trailers": {key: values[-1] for key, values in found.items()},
            "extended_trailers": found,
            "web_url": f"{self.core.web_url(project)}/-/commit/{commit.sha}",
        }

    def tree_entry(self, entry: TreeEntry) -> dict[str, Any]:
        return {
            "id": entry.oid,
            "name": entry.name,
            "type": entry.kind,
            "path": entry.path,
            "mode": entry.mode,
        }

    # Pipelines

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
            "user": self.user(pipeline.user_id),
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
                {"file_type": "archive", "size": size, "filename": "artifacts.zip", "file_format": "zip"}
            )
        archive = (
            {"filename": "artifacts.zip", "size": len(job.artifacts)} if job.artifacts is not None else None
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
            "user": self.user(job.user_id),
            "commit": self.commit(project, git, job.sha),
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
            "author": self.user(job.user_id),
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
            "user": self.user(deployment.user_id),
            "environment": self.environment(environment),
            "deployable": None if job is None else self.job(job),
            "status": deployment.status,
        }

    # Merge requests and notes

    def merge_request(self, merge_request: MergeRequest, detail: bool = False) -> dict[str, Any]:
        state = self.core.state
        project = state.projects[merge_request.project_id]
        status = self.core.merging.detailed_status(merge_request)
        blocking = status != "discussions_not_resolved"
        version = merge_request.versions[-1]
        notes = [note for note in self.core.notes.of_merge_request(merge_request) if not note.system]
        shown: dict[str, Any] = {
            "id": merge_request.id,
            "iid": merge_request.iid,
            "project_id": merge_request.project_id,
            "title": merge_request.title,
            "description": merge_request.description,
            "state": merge_request.state,
            "created_at": iso(merge_request.created_at),
            "updated_at": iso(merge_request.updated_at),
            "prepared_at": iso(merge_request.created_at),
            "imported": False,
            "imported_from": "none",
            "merge_after": None,
            "squash_on_merge": merge_request.squash,
            "task_completion_status": {"count": 0, "completed_count": 0},
            "time_stats": {"time_estimate": 0, "total_time_spent": 0},
            "merged_by": self.user(merge_request.merge_user_id),
            "merge_user": self.user(merge_request.merge_user_id),
            "merged_at": iso(merge_request.merged_at),
            "closed_by": self.user(merge_request.closed_by_id),
            "closed_at": iso(merge_request.closed_at),
            "target_branch": merge_request.target_branch,
            "source_branch": merge_request.source_branch,
            "user_notes_count": len(notes),
            "upvotes": 0,
            "downvotes": 0,
            "author": self.user(merge_request.author_id),
            "assignees": [self.user(number) for number in merge_request.assignees],
            "assignee": self.user(merge_request.assignees[0]) if merge_request.assignees else None,
            "reviewers": [self.user(number) for number in merge_request.reviewers],
            "source_project_id": merge_request.source_project_id,
            "target_project_id": merge_request.project_id,
            "labels": list(merge_request.labels),
            "draft": merge_request.draft,
            "work_in_progress": merge_request.draft,
            "milestone": None,
            "merge_when_pipeline_succeeds": False,
            "merge_status": "cannot_be_merged" if status == "conflict" else "can_be_merged",
            "detailed_merge_status": status,
            "sha": merge_request.sha,
            "merge_commit_sha": merge_request.merge_commit_sha,
            "squash_commit_sha": merge_request.squash_commit_sha,
            "discussion_locked": None,
            "should_remove_source_branch": None,
            "force_remove_source_branch": merge_request.remove_source_branch,
            "reference": f"!{merge_request.iid}",
            "references": {
                "short": f"!{merge_request.iid}",
                "relative": f"!{merge_request.iid}",
                "full": f"{project.full_path}!{merge_request.iid}",
            },
            "web_url": self.merge_request_url(merge_request),
            "squash": merge_request.squash,
            "has_conflicts": status == "conflict",
            "blocking_discussions_resolved": blocking,
        }
        if detail:
            head = self.core.pipelines.head_of(merge_request)
            shown |= {
                "changes_count": str(len(self.core.git(project).changes(version.base, version.head))),
                "pipeline": None if head is None else self.pipeline(head),
                "head_pipeline": None if head is None else self.pipeline_detail(head),
                "diff_refs": {"base_sha": version.base, "head_sha": version.head, "start_sha": version.start},
                "merge_error": None,
                "rebase_in_progress": False,
                "diverged_commits_count": 0,
                "first_contribution": False,
                "subscribed": True,
                "user": {"can_merge": True},
            }
        return shown

    def merge_request_url(self, merge_request: MergeRequest) -> str:
        project = self.core.state.projects[merge_request.project_id]
        return f"{self.core.web_url(project)}/-/merge_requests/{merge_request.iid}"

    def note(self, note: Note) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": note.id,
            "type": "DiffNote" if note.position else (None if note.individual else "DiscussionNote"),
            "body": note.body,
            "author": self.user(note.author_id),
            "created_at": iso(note.created_at),
            "updated_at": iso(note.updated_at),
            "system": note.system,
            "noteable_id": note.noteable_id,
            "noteable_type": note.noteable_type,
            "project_id": note.project_id,
            "commit_id": note.commit_id,
            "resolvable": note.resolvable,
            "confidential": note.internal,
            "internal": note.internal,
            "imported": False,
            "noteable_iid": note.noteable_iid,
            "commands_changes": {},
        }
        if note.position:
            shown["position"] = note.position
        if note.resolvable:
            shown |= {
                "resolved": note.resolved,
                "resolved_by": self.user(note.resolved_by),
                "resolved_at": None,
            }
        return shown

    def discussion(self, notes: list[Note]) -> dict[str, Any]:
        first = notes[0]
        alone = first.individual and len(notes) == 1
        return {
            "id": first.discussion_id,
            "individual_note": alone,
            "notes": [self.note(note) for note in notes],
        }

    def commit_comment(self, note: Note) -> dict[str, Any]:
        return {
            "note": note.body,
            "path": note.path,
            "line": note.line,
            "line_type": note.line_type,
            "author": self.user(note.author_id),
            "created_at": iso(note.created_at),
        }

    def visibility_level(self, project: Project) -> int:
        return VISIBILITY_LEVELS[project.visibility]


def seconds_between(start: Any, end: Any, whole: bool = False) -> float | int | None:
    if start is None or end is None:
        return None
    seconds = float((end - start).total_seconds())
    return int(seconds) if whole else round(seconds, 6)

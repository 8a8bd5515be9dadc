"""The bodies of GitLab's hooks for merge requests and notes, field by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.values import Issue, MergeRequest, Note, Project, User, hook_time

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core


@dataclass(frozen=True)
class ReviewBodies:
    """Bodies of Merge Request Hook and Note Hook."""

    core: Core

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
        assignees = [self.core.bodies.user(state.user(number)) for number in merge_request.assignees]
        reviewers = [self.core.bodies.user(state.user(number)) for number in merge_request.reviewers]
        return {
            "object_kind": "merge_request",
            "event_type": "merge_request",
            "user": self.core.bodies.user(user),
            "project": self.core.bodies.project(project),
            "object_attributes": attributes,
            "labels": self._labels(merge_request),
            "changes": changes,
            "repository": {
                key: self.core.bodies.repository(project)[key]
                for key in ("name", "url", "description", "homepage")
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
            "url": self.core.present_review.merge_request_url(merge_request),
            "source": None if source is None else self.core.bodies.project(source),
            "target": self.core.bodies.project(project),
            "last_commit": None if commit is None else self.core.bodies.commit(project, commit),
            "labels": self._labels(merge_request),
        }

    def note(self, note: Note, user: User, action: str) -> dict[str, Any]:
        """Note Hook, for a merge request, an issue or a commit."""
        state = self.core.state
        project = state.projects[note.project_id]
        body: dict[str, Any] = {
            "object_kind": "note",
            "event_type": "confidential_note" if self.core.notes.is_hidden(note) else "note",
            "user": self.core.bodies.user(user),
            "project_id": project.id,
            "project": self.core.bodies.project(project),
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
                key: self.core.bodies.repository(project)[key]
                for key in ("name", "url", "description", "homepage")
            },
        }
        if note.noteable_type == "MergeRequest" and note.noteable_iid is not None:
            found = state.merge_requests[(project.id, note.noteable_iid)]
            body["merge_request"] = self._merge_request_attributes(found)
        elif note.noteable_type == "Issue" and note.noteable_iid is not None:
            body["issue"] = self._issue_attributes(state.issues[(project.id, note.noteable_iid)])
        elif note.commit_id is not None and (commit := self.core.git(project).commit(note.commit_id)):
            body["commit"] = self.core.bodies.commit(project, commit)
        return body

    def _issue_attributes(self, issue: Issue) -> dict[str, Any]:
        return {
            "id": issue.id,
            "iid": issue.iid,
            "project_id": issue.project_id,
            "author_id": issue.author_id,
            "title": issue.title,
            "description": issue.description,
            "state": issue.state,
            "confidential": issue.confidential,
            "created_at": hook_time(issue.created_at),
            "updated_at": hook_time(issue.updated_at),
            "assignee_ids": [],
            "assignee_id": None,
            "milestone_id": None,
            "labels": [],
        }

    def _note_url(self, note: Note, project: Project) -> str:
        if note.noteable_type == "MergeRequest":
            return f"{self.core.web_url(project)}/-/merge_requests/{note.noteable_iid}#note_{note.id}"
        if note.noteable_type == "Issue":
            return f"{self.core.web_url(project)}/-/issues/{note.noteable_iid}#note_{note.id}"
        return f"{self.core.web_url(project)}/-/commit/{note.commit_id}#note_{note.id}"

"""Merge requests, notes and discussions as the JSON of GitLab's REST API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.values import MergeRequest, Note, Suggestion, iso

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core


@dataclass(frozen=True)
class ReviewPresenter:
    """Turns what people say to each other into JSON."""

    core: Core

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
            "merged_by": self.core.present.user(merge_request.merge_user_id),
            "merge_user": self.core.present.user(merge_request.merge_user_id),
            "merged_at": iso(merge_request.merged_at),
            "closed_by": self.core.present.user(merge_request.closed_by_id),
            "closed_at": iso(merge_request.closed_at),
            "target_branch": merge_request.target_branch,
            "source_branch": merge_request.source_branch,
            "user_notes_count": len(notes),
            "upvotes": 0,
            "downvotes": 0,
            "author": self.core.present.user(merge_request.author_id),
            "assignees": [self.core.present.user(number) for number in merge_request.assignees],
            "assignee": self.core.present.user(merge_request.assignees[0])
            if merge_request.assignees
            else None,
            "reviewers": [self.core.present.user(number) for number in merge_request.reviewers],
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
                "pipeline": None if head is None else self.core.present_ci.pipeline(head),
                "head_pipeline": None if head is None else self.core.present_ci.pipeline_detail(head),
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
            "author": self.core.present.user(note.author_id),
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
            shown["suggestions"] = [self.suggestion(one) for one in self.core.suggestions.of(note)]
        if note.resolvable:
            shown |= {
                "resolved": note.resolved,
                "resolved_by": self.core.present.user(note.resolved_by),
                "resolved_at": None,
            }
        return shown

    def suggestion(self, suggestion: Suggestion) -> dict[str, Any]:
        first, last = self.core.suggestions.span(suggestion)
        return {
            "id": suggestion.id,
            "from_line": first,
            "to_line": last,
            "appliable": self.core.suggestions.why_not(suggestion) is None,
            "applied": suggestion.commit_id is not None,
            "from_content": suggestion.before.decode("utf-8", "replace"),
            "to_content": suggestion.after.decode("utf-8", "replace"),
        }

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
            "author": self.core.present.user(note.author_id),
            "created_at": iso(note.created_at),
        }

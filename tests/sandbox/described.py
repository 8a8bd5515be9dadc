"""A GitLab in a good mood whose answers are compared with GitLab's own description of its API."""

from __future__ import annotations

import json
from collections.abc import Callable

from werkzeug.wrappers import Response

from sandbox.gitlab import Asked, Moods
from sandbox.openapi import load

SPEC = load()

CALLED_TEXT = (
    "blocking_discussions_resolved",
    "diverged_commits_count",
    "downvotes",
    "draft",
    "first_contribution",
    "force_remove_source_branch",
    "has_conflicts",
    "id",
    "imported",
    "labels",
    "merge_request_id",
    "merge_when_pipeline_succeeds",
    "overflow",
    "rebase_in_progress",
    "source_project_id",
    "squash",
    "squash_on_merge",
    "subscribed",
    "target_project_id",
    "task_completion_status",
    "upvotes",
    "user_notes_count",
    "work_in_progress",
)
"""Fields of merge requests that have no type in GitLab's code; its description then calls them a string."""

CALLED_ONE = ("assignees", "reviewers", "changes")
"""Lists there that it calls a single one."""

WRONG = {
    # GitLab's notes on this file, and its own code, say 201: something new was made.
    "POST /projects/{}/statuses/{}": "201",
    "POST /projects/{}/repository/commits": "201",
    "POST /projects/{}/repository/commits/{}/comments": "201",
    # These set their status by hand.
    "POST /projects/{}/pipelines/{}/cancel": "200",
    "DELETE /projects/{}/registry/repositories/{}/tags/{}": "200",
    # It answers with what it took away.
    "DELETE /projects/{}/releases/{}": "200",
    # Without a type in GitLab's code.
    **{
        f"MergeRequest{kind}.{name}": "not text"
        for kind in ("", "Basic", "Changes", "Diff")
        for name in CALLED_TEXT
    },
    **{f"MergeRequest{kind}.{name}": "a list" for kind in ("", "Basic", "Changes") for name in CALLED_ONE},
    "Member.access_level": "a number",
    "User.bot": "not text",
    **{f"Suggestion.{name}": "not text" for name in ("id", "from_line", "to_line", "appliable", "applied")},
    "ProjectHook.id": "a number",
    "ProjectHook.project_id": "a number",
    # Answered besides, by what wraps the entity.
    "Project.permissions": "there for whoever is a member",
    "EnvironmentBasic.state": "of the entity around it",
    "EnvironmentBasic.tier": "of the entity around it",
    # Newer than the description (17.9).
    "Ci_Bridge.archived": "newer",
    "Ci_Pipeline.archived": "newer",
    "Ci_PipelineWithMetadata.archived": "newer",
    "Ci_Pipeline.name": "newer",
    "Ci_PipelineBasic.name": "newer",
    "ProjectHook.token_present": "newer (19.0)",
    "ProjectHook.signing_token_present": "newer (19.0)",
    "Diff.collapsed": "newer (18.4)",
    "Diff.too_large": "newer (18.4)",
    "Member.public_email": "newer",
    "UserBasic.public_email": "newer",
}
"""Where the description is wrong or older than the sandbox's GitLab: the fault's place → what is true."""


class Described(Moods):
    """Collects what answers say otherwise than described, but for what is known to be WRONG."""

    def __init__(self) -> None:
        self.faults: set[str] = set()
        self.seen: set[str] = set()

    def on_request(self, asked: Asked, answer: Callable[[], Response]) -> Response:
        given = answer()
        if 200 <= given.status_code < 300 and asked.method != "HEAD":
            body = (
                json.loads(given.get_data())
                if given.mimetype == "application/json" and given.get_data()
                else None
            )
            self.seen |= {f"{asked.method} {asked.route}"} if SPEC.knows(asked.method, asked.route) else set()
            found = SPEC.faults(asked.method, asked.route, given.status_code, body)
            self.faults |= {fault for fault in found if fault.partition(": ")[0] not in WRONG}
        return given

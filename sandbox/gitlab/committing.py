"""The Commits API's rules: what is refused, and with which words, before git writes anything."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.git import ZEROS, GitFailed, Repository
from sandbox.gitlab.git_objects import FileAction
from sandbox.gitlab.http import ApiError, forbidden
from sandbox.gitlab.ref_change import RefChange
from sandbox.gitlab.values import Project, User

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

ACTIONS = ("create", "update", "delete", "move", "chmod")


@dataclass(frozen=True)
class CommitRequest:
    """`POST /projects/:id/repository/commits`: all actions go into one commit, or none does."""

    branch: str
    message: str
    actions: tuple[Mapping[str, Any], ...]
    start_branch: str | None = None
    start_sha: str | None = None
    author_name: str | None = None
    author_email: str | None = None
    force: bool = False


def read_action(fields: Mapping[str, Any]) -> FileAction:
    """One action as sent, checked for form."""
    kind, path = fields.get("action"), fields.get("file_path")
    if kind not in ACTIONS:
        raise ApiError(400, {"error": "actions[action] does not have a valid value"})
    if not path:
        raise ApiError(400, {"error": "actions[file_path] is missing"})
    parts = str(path).split("/")
    if str(path).startswith("/") or "" in parts or {".", "..", ".git"} & {part.lower() for part in parts}:
        raise ApiError(400, f"invalid path: '{path}'")
    content = fields.get("content")
    if content is None and kind in ("create", "update"):
        content = ""
    raw = (
        None
        if content is None or kind in ("delete", "chmod")
        else str(content).encode("utf-8", "surrogateescape")
    )
    if raw is not None and fields.get("encoding") == "base64":
        try:
            raw = base64.b64decode(raw)
        except binascii.Error:
            raise ApiError(400, "invalid base64") from None
    mode = fields.get("execute_filemode")
    executable = None if mode is None else str(mode).lower() in ("true", "1")
    return FileAction(str(kind), str(path), raw, fields.get("previous_path"), executable)


def commit(core: Core, project: Project, user: User, wanted: CommitRequest, quietly: bool = False) -> str:
    """Make the commit, let everything follow from it, and give its sha. ApiError 400 or 403 as GitLab refuses.

    `quietly` leaves out what follows: no hook, no pipeline.
    """
    git = core.git(project)
    if not core.state.may_push(user, project, wanted.branch):
        raise forbidden("You are not allowed to push into this branch")
    actions = [read_action(fields) for fields in wanted.actions]
    with git.write_lock:
        before = git.branch(wanted.branch)
        parent = _parent(git, wanted, before)
        for action, fields in zip(actions, wanted.actions, strict=True):
            _check(git, parent, action, fields.get("last_commit_id"))
        me = (user.name, user.email)
        author = (wanted.author_name or user.name, wanted.author_email or user.email)
        try:
            made = git.commit_files(
                wanted.branch, parent, actions, wanted.message, author, me, force=wanted.force
            )
        except GitFailed:
            raise ApiError(
                400, f"Could not update refs/heads/{wanted.branch}. Please refresh and try again."
            ) from None
        if not quietly:
            change = RefChange(f"refs/heads/{wanted.branch}", before or ZEROS, made)
            core.pushes.happened(project, user, [change])
    return made


def _parent(git: Repository, wanted: CommitRequest, before: str | None) -> str | None:
    """The commit to build on; None for the first commit of an empty repository."""
    start = wanted.start_sha or wanted.start_branch
    if wanted.start_sha and wanted.start_branch:
        raise ApiError(400, {"error": "start_branch, start_sha are mutually exclusive"})
    if start is not None and start != wanted.branch:
        if before is not None and not wanted.force:
            raise ApiError(
                400,
                f"A branch called '{wanted.branch}' already exists. Switch to that branch in order to make changes",
            )
        found = git.resolve(wanted.start_sha) if wanted.start_sha else git.branch(str(wanted.start_branch))
        if found is None:
            raise ApiError(400, "Invalid reference name: " + start)
        return found
    if before is None and git.branches():
        raise ApiError(400, "You can only create or edit files when you are on a branch")
    return before


def _check(git: Repository, parent: str | None, action: FileAction, last_commit_id: str | None) -> None:
    source = action.previous_path if action.action == "move" else action.path
    there = git.entry(parent, source or action.path) if parent is not None else None
    is_file = there is not None and there.kind == "blob"
    if action.action == "create" and there is not None:
        raise ApiError(400, "A file with this name already exists")
    if action.action == "move" and not source:
        raise ApiError(400, {"error": "actions[previous_path] is missing"})
    if action.action != "create" and not is_file:
        raise ApiError(400, "A file with this name doesn't exist")
    if last_commit_id is None or parent is None or action.action == "create":
        return
    if last_commit_id and _changed_since(git, last_commit_id, parent, source or action.path):
        what = "update" if action.action == "chmod" else action.action
        raise ApiError(
            400, f"You are attempting to {what} a file that has changed since you started editing it."
        )


def _changed_since(git: Repository, known: str, parent: str, path: str) -> bool:
    """GitLab compares the file's last commits as seen from both; what it does not know counts as unchanged."""
    if git.resolve(known) is None:
        return False
    then = git.last_commit_of(known, path)
    return then is not None and then != git.last_commit_of(parent, path)

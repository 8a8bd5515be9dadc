"""Merge requests: opened, moved by pushes, merged, closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.git import ZEROS
from sandbox.gitlab.http import ApiError
from sandbox.gitlab.ref_change import RefChange
from sandbox.gitlab.values import MergeRequest, MergeRequestVersion, Project, User, now

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core


@dataclass(frozen=True)
class Merging:
    """What happens to merge requests, whoever makes it happen."""

    core: Core

    def open(
        self,
        project: Project,
        user: User,
        source: Project,
        source_branch: str,
        target_branch: str,
        title: str,
        **more: Any,
    ) -> MergeRequest:
        """Open a merge request into `project`; ApiError as GitLab refuses it."""
        core = self.core
        sha = core.git(source).branch(source_branch)
        errors = []
        if sha is None:
            errors.append(f'Source branch "{source_branch}" does not exist')
        if core.git(project).branch(target_branch) is None:
            errors.append(f'Target branch "{target_branch}" does not exist')
        if source.id == project.id and source_branch == target_branch:
            errors.append("You can't use same project/branch for source and target")
        if errors or sha is None:
            raise ApiError(422, {"message": errors})
        for other in self.of(project):
            same = (other.source_project_id, other.source_branch) == (source.id, source_branch)
            if same and other.target_branch == target_branch and other.state == "opened":
                raise ApiError(
                    409,
                    {
                        "message": [
                            f"Another open merge request already exists for this source branch: !{other.iid}"
                        ]
                    },
                )
        with core.state.lock:
            number, iid = core.state.next_id("merge_request"), core.state.next_id("merge_request", project.id)
            made = MergeRequest(
                number,
                iid,
                project.id,
                source.id,
                source_branch,
                target_branch,
                title,
                user.id,
                sha=sha,
                **more,
            )
            core.state.merge_requests[(project.id, iid)] = made
        self._moved(made, sha)
        self.tell(made, user, "open")
        return made

    def of(self, project: Project) -> list[MergeRequest]:
        """A project's merge requests, newest first; one that is being made has no diff yet, and is not there."""
        with self.core.state.lock:
            return [
                found
                for found in reversed(self.core.state.merge_requests.values())
                if found.project_id == project.id and found.versions
            ]

    def tell(
        self,
        merge_request: MergeRequest,
        user: User,
        action: str,
        changes: dict[str, Any] | None = None,
        oldrev: str | None = None,
    ) -> None:
        bodies = self.core.bodies_review
        self.core.hooks.fire(
            merge_request.project_id,
            "merge_requests_events",
            lambda: bodies.merge_request(merge_request, user, action, changes or {}, oldrev),
        )

    def _moved(self, merge_request: MergeRequest, sha: str) -> None:
        """Take a new head in: fetch it where it is a fork's, keep the ref, and remember what the diff is made of."""
        core = self.core
        project = core.state.projects[merge_request.project_id]
        git, source = core.git(project), core.state.projects[merge_request.source_project_id]
        ref = f"refs/merge-requests/{merge_request.iid}/head"
        if source.id != project.id:
            git.fetch(core.git(source), sha, ref)
        else:
            git.update_ref(ref, sha)
        start = git.branch(merge_request.target_branch) or sha
        base = git.merge_base(start, sha) or start
        merge_request.sha, merge_request.updated_at = sha, now()
        number = core.state.next_id("version")
        merge_request.versions.append(MergeRequestVersion(number, sha, base, start, now()))

    def branch_moved(self, project: Project, user: User, change: RefChange) -> None:
        """A push: open merge requests from this branch have new code; those into it may have been merged by hand."""
        core = self.core
        for found in list(core.state.merge_requests.values()):
            if found.state != "opened":
                continue
            if (found.source_project_id, found.source_branch) == (
                project.id,
                change.branch,
            ) and change.after != ZEROS:
                old = found.sha
                if old != change.after:
                    self._moved(found, change.after)
                    core.notes.follow(found, user)
                    count = core.git(core.state.projects[found.project_id]).count(change.after, f"^{old}")
                    core.notes.system(found, user, f"added {count} commit{'s' if count != 1 else ''}")
                    self.tell(found, user, "update", {}, oldrev=old)
            elif (found.project_id, found.target_branch) == (
                project.id,
                change.branch,
            ) and change.after != ZEROS:
                git = core.git(project)
                if git.is_ancestor(found.sha, change.after) and not (
                    change.before != ZEROS and git.is_ancestor(found.sha, change.before)
                ):
                    self._merged(found, user, change.after)

    def detailed_status(self, merge_request: MergeRequest) -> str:
        """GitLab's `detailed_merge_status`."""
        if merge_request.state != "opened":
            return "not_open"
        core = self.core
        project = core.state.projects[merge_request.project_id]
        git = core.git(project)
        target = git.branch(merge_request.target_branch)
        if target is None:
            return "broken_status"
        if merge_request.draft:
            return "draft_status"
        if merge_request.sha == target or git.is_ancestor(merge_request.sha, target):
            return "commits_status"
        if git.merged_tree(target, merge_request.sha) is None:
            return "conflict"
        if project.needs_resolved_discussions and core.notes.unresolved(merge_request):
            return "discussions_not_resolved"
        head = core.pipelines.head_of(merge_request)
        if project.needs_pipeline_success and (head is None or head.status != "success"):
            return "ci_still_running" if head is not None and head.finished_at is None else "ci_must_pass"
        return "mergeable"

    def merge(self, merge_request: MergeRequest, user: User, options: dict[str, Any]) -> MergeRequest:
        """Merge with a merge commit (or squash); ApiError 401, 405, 409, 422 as GitLab answers."""
        core = self.core
        project = core.state.projects[merge_request.project_id]
        git = core.git(project)
        if not core.state.may_merge(user, project, merge_request.target_branch):
            raise ApiError(401, "401 Unauthorized")
        with git.write_lock:
            if options.get("sha") and options["sha"] != merge_request.sha:
                raise ApiError(409, f"SHA does not match HEAD of source branch: {merge_request.sha}")
            status = self.detailed_status(merge_request)
            if status == "conflict":
                raise ApiError(422, "Branch cannot be merged")
            if status != "mergeable":
                raise ApiError(405, "405 Method Not Allowed")
            before = git.branch(merge_request.target_branch) or ZEROS
            after = self._make_merge(merge_request, user, before, options)
            git.update_ref(f"refs/heads/{merge_request.target_branch}", after, before)
            self._merged(merge_request, user, after)
            ref = f"refs/heads/{merge_request.target_branch}"
            core.pushes.happened(project, user, [RefChange(ref, before, after)])
            self._remove_source(merge_request, user, options)
        return merge_request

    def _make_merge(
        self, merge_request: MergeRequest, user: User, before: str, options: dict[str, Any]
    ) -> str:
        core = self.core
        project = core.state.projects[merge_request.project_id]
        git = core.git(project)
        me = (user.name, user.email)
        tree = git.merged_tree(before, merge_request.sha)
        if tree is None:
            raise ApiError(422, "Branch cannot be merged")
        head = merge_request.sha
        if options.get("squash") or merge_request.squash:
            author = core.state.user(merge_request.author_id)
            message = options.get("squash_commit_message") or merge_request.title
            head = git.commit_tree(tree, [before], message, (author.name, author.email), me)
            merge_request.squash_commit_sha = head
        if project.merge_method == "ff":
            if not git.is_ancestor(before, head):
                raise ApiError(405, "405 Method Not Allowed")
            return head
        message = options.get("merge_commit_message") or (
            f"Merge branch '{merge_request.source_branch}' into '{merge_request.target_branch}'\n\n"
            f"{merge_request.title}\n\nSee merge request {project.full_path}!{merge_request.iid}"
        )
        made = git.commit_tree(tree, [before, head], message, me, me)
        merge_request.merge_commit_sha = made
        return made

    def _merged(self, merge_request: MergeRequest, user: User, sha: str) -> None:
        merge_request.state, merge_request.merge_user_id = "merged", user.id
        merge_request.merged_at = merge_request.updated_at = now()
        self.core.notes.system(merge_request, user, "merged")
        self.tell(merge_request, user, "merge")

    def _remove_source(self, merge_request: MergeRequest, user: User, options: dict[str, Any]) -> None:
        wanted = options.get("should_remove_source_branch", merge_request.remove_source_branch)
        source = self.core.state.projects[merge_request.source_project_id]
        git = self.core.git(source)
        branch = merge_request.source_branch
        with git.write_lock:
            sha = git.branch(branch)
            if (
                not wanted
                or sha is None
                or branch == source.default_branch
                or not self.core.state.may_push(user, source, branch)
            ):
                return
            git.update_ref(f"refs/heads/{branch}", ZEROS, sha)
            self.core.pushes.happened(source, user, [RefChange(f"refs/heads/{branch}", sha, ZEROS)])

    def set_state(self, merge_request: MergeRequest, user: User, event: str) -> None:
        """`close` or `reopen`."""
        if event == "close" and merge_request.state == "opened":
            merge_request.state, merge_request.closed_by_id = "closed", user.id
            merge_request.closed_at = merge_request.updated_at = now()
            self.core.notes.system(merge_request, user, "closed")
            self.tell(merge_request, user, "close")
        elif event == "reopen" and merge_request.state == "closed":
            merge_request.state, merge_request.closed_by_id, merge_request.closed_at = "opened", None, None
            merge_request.updated_at = now()
            head = self.core.git(self.core.state.projects[merge_request.source_project_id]).branch(
                merge_request.source_branch
            )
            if head is not None and head != merge_request.sha:
                self._moved(merge_request, head)
            self.core.notes.system(merge_request, user, "reopened")
            self.tell(merge_request, user, "reopen")

    def edit(self, merge_request: MergeRequest, user: User, fields: dict[str, Any]) -> None:
        """Change title, description, labels, target branch or people, and tell what changed."""
        changes = {}
        for name, value in fields.items():
            before = getattr(merge_request, name)
            if before != value:
                setattr(merge_request, name, value)
                changes[name] = {"previous": before, "current": value}
        if changes:
            merge_request.updated_at = now()
            if "target_branch" in changes:
                self._moved(merge_request, merge_request.sha)
            self.tell(merge_request, user, "update", changes)

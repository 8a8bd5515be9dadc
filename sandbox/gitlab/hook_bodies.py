"""The bodies of GitLab's push hooks, field by field, and the parts that all hooks share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.git import ZEROS, run_git
from sandbox.gitlab.git_objects import Commit
from sandbox.gitlab.ref_change import RefChange
from sandbox.gitlab.values import Project, User

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

COMMITS_IN_A_PUSH = 20


@dataclass(frozen=True)
class Bodies:
    """Body of Push Hook and Tag Push Hook, and what bodies have in common."""

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

"""People, projects and repositories as the JSON of GitLab's REST API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.git import Repository
from sandbox.gitlab.git_objects import Commit, TreeEntry
from sandbox.gitlab.values import VISIBILITY_LEVELS, Hook, Project, Protection, Token, User, iso

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
            "state": user.state,
            "locked": False,
            "avatar_url": None,
            "web_url": f"{self.core.url}/{user.username}",
        }

    def me(self, user: User) -> dict[str, Any]:
        more = {"email": user.email, "bot": user.bot, "commit_email": user.email, "two_factor_enabled": False}
        more["external"] = user.external
        return {**self.person(user), **more, **({"is_admin": True} if user.admin else {})}

    def member(self, user: User, level: int) -> dict[str, Any]:
        about = {"access_level": level, "expires_at": user.expires_at, "membership_state": "active"}
        return {**self.person(user), **about}

    def token(self, token: Token) -> dict[str, Any]:
        return {
            "id": token.id,
            "name": token.name,
            "revoked": token.revoked,
            "scopes": list(token.scopes),
            "user_id": token.user_id,
            "active": not (token.revoked or token.expired),
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
            "last_activity_at": iso(project.last_activity_at),
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
            "repository_access_level": project.repository_access,
            "builds_access_level": "enabled",
            "jobs_enabled": True,
            "public_jobs": project.public_jobs,
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

    def visibility_level(self, project: Project) -> int:
        return VISIBILITY_LEVELS[project.visibility]

"""Everything the sandbox's GitLab remembers beside its git repositories, changed under one lock."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from sandbox.gitlab.values import (
    DEVELOPER,
    NO_ONE,
    OWNER,
    Deployment,
    Environment,
    Hook,
    Issue,
    Job,
    Mention,
    MergeRequest,
    ModelExperiment,
    Note,
    Pipeline,
    Project,
    Protection,
    QuickAction,
    Release,
    Suggestion,
    Token,
    User,
)


class State:
    """All of it, with the counters that number things. Change it only while holding `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.users: dict[int, User] = {}
        self.tokens: dict[str, Token] = {}
        self.projects: dict[int, Project] = {}
        self.project_ids: dict[str, int] = {}
        self.moved_paths: dict[str, int] = {}
        self.group_members: dict[tuple[str, int], int] = {}
        self.namespaces: dict[str, int] = {}
        self.hooks: dict[int, Hook] = {}
        self.pipelines: dict[int, Pipeline] = {}
        self.jobs: dict[int, Job] = {}
        self.merge_requests: dict[tuple[int, int], MergeRequest] = {}
        self.issues: dict[tuple[int, int], Issue] = {}
        self.notes: dict[int, Note] = {}
        self.suggestions: dict[int, Suggestion] = {}
        self.environments: dict[int, Environment] = {}
        self.deployments: dict[int, Deployment] = {}
        self.releases: dict[tuple[int, str], Release] = {}
        self.packages: dict[tuple[int, str, str, str], bytes] = {}
        self.model_experiments: list[ModelExperiment] = []
        self.quick_actions: list[QuickAction] = []
        self.mentions: list[Mention] = []
        self._counters: dict[object, Iterator[int]] = {}

    def next_id(self, *kind: object) -> int:
        """The next number of a series; series are named by what they count, such as ("pipeline", project_id)."""
        with self.lock:
            return next(self._counters.setdefault(kind, itertools.count(1)))

    def namespace_id(self, path: str) -> int:
        """The number of a user's or group's namespace, given when it is first asked for."""
        with self.lock:
            return self.namespaces.get(path.lower()) or self.namespaces.setdefault(
                path.lower(), self.next_id("namespace")
            )

    def namespace_of(self, number: int) -> str | None:
        """The path of the namespace with that number, in lower case."""
        return next((path for path, found in self.namespaces.items() if found == number), None)

    def is_group(self, path: str) -> bool:
        """Whether somebody is a member of a group with that path; there are no others here."""
        return any(name.lower() == path.lower() for name, _ in self.group_members)

    def group_level(self, user: User, path: str) -> int:
        """The level that a user has in a group itself; 0 for none."""
        levels = {name.lower(): level for (name, who), level in self.group_members.items() if who == user.id}
        return levels.get(path.lower(), NO_ONE)

    def user(self, user_id: int) -> User:
        return self.users[user_id]

    def user_named(self, username: str) -> User | None:
        return next((user for user in self.users.values() if user.username.lower() == username.lower()), None)

    def project_by(self, reference: str) -> Project | None:
        """A project by its number or its full path, in any case, as GitLab's `:id`."""
        if reference.isdigit():
            return self.projects.get(int(reference))
        return self.projects.get(self.project_ids.get(reference.lower(), 0))

    def access_level(self, user: User | None, project: Project) -> int:
        """The highest level that a user has in a project, from the project or its namespace; 0 for none."""
        if user is None:
            return NO_ONE
        inherited = self.group_members.get((project.namespace, user.id), NO_ONE)
        return max(project.members.get(user.id, NO_ONE), inherited)

    def protections_of(self, project: Project, branch: str) -> list[Protection]:
        return [rule for rule in project.protections if rule.name == branch or fnmatchcase(branch, rule.name)]

    def may_tag(self, user: User | None, project: Project, tag: str) -> bool:
        """Whether a user may make a tag, or take it away."""
        level = self.rights(user, project)
        rules = [rule for rule in project.protected_tags if fnmatchcase(tag, rule.name)]
        allowed = not rules or any(NO_ONE < rule.create_level <= level for rule in rules)
        return level >= DEVELOPER and allowed and not project.archived

    def may_push(self, user: User | None, project: Project, branch: str) -> bool:
        """Whether a user may push to a branch, which need not exist yet."""
        level = self.rights(user, project)
        if user is None or level < DEVELOPER or project.archived:
            return False
        rules = self.protections_of(project, branch)
        return not rules or any(
            NO_ONE < rule.push_level <= level or user.id in rule.push_users for rule in rules
        )

    def may_merge(self, user: User | None, project: Project, branch: str) -> bool:
        level = self.rights(user, project)
        if user is None or level < DEVELOPER or project.archived:
            return False
        rules = self.protections_of(project, branch)
        return not rules or any(NO_ONE < rule.merge_level <= level for rule in rules)

    def rights(self, user: User | None, project: Project) -> int:
        """The level that counts for permission: an administrator may what an owner may."""
        return OWNER if user is not None and user.admin else self.access_level(user, project)

    def pipelines_of(self, project_id: int) -> list[Pipeline]:
        """A project's pipelines, newest first."""
        with self.lock:
            return [found for found in reversed(self.pipelines.values()) if found.project_id == project_id]

    def new_token(self, user_id: int, prefix: str = "glpat-", **more: Any) -> Token:
        with self.lock:
            token = Token(prefix + secrets.token_urlsafe(15), user_id, self.next_id("token"), **more)
            self.tokens[token.value] = token
            return token

    def new_job_token(self, job: Job) -> Token:
        """A token for a running job; it is good until the job ends."""
        token = self.new_token(job.user_id, prefix="glcbt-", job_id=job.id, name=f"job {job.id}")
        job.tokens.append(token)
        return token

"""The parts of the sandbox's GitLab, joined: what routes, hooks and runners find each other by."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.gitlab.bridges import Bridges
from sandbox.gitlab.git import Repository
from sandbox.gitlab.git_reader import Readers
from sandbox.gitlab.hook_bodies import Bodies
from sandbox.gitlab.hook_bodies_ci import CiBodies
from sandbox.gitlab.hook_bodies_review import ReviewBodies
from sandbox.gitlab.hooks import Hooks
from sandbox.gitlab.making import Making
from sandbox.gitlab.merging import Merging
from sandbox.gitlab.moods import Moods
from sandbox.gitlab.notes import Notes
from sandbox.gitlab.oauth import OAuth
from sandbox.gitlab.pipelines import Pipelines
from sandbox.gitlab.present import Presenter
from sandbox.gitlab.present_ci import CiPresenter
from sandbox.gitlab.present_review import ReviewPresenter
from sandbox.gitlab.pushes import Pushes
from sandbox.gitlab.runner import Runner
from sandbox.gitlab.state import State
from sandbox.gitlab.statuses import Statuses
from sandbox.gitlab.suggestions import Suggestions
from sandbox.gitlab.values import (
    DEVELOPER,
    GUEST,
    MAINTAINER,
    NO_ONE,
    OWNER,
    REPORTER,
    Job,
    Project,
    Protection,
    User,
)
from sandbox.registry import RegistryServer
from sandbox.registry.auth import TokenAuthorizer

VERSION = "18.5.0"


@dataclass(frozen=True)
class LoggedRequest:
    """One request as the log keeps it; `route` is the pattern that matched, empty for an unknown path."""

    method: str
    path: str
    query: str
    route: str
    status: int
    user: str | None
    at: datetime
    seconds: float


@dataclass
class Core:
    """All parts of one GitLab; everything is found from here."""

    directory: Path
    host: str = "127.0.0.1"
    url: str = ""
    version: str = VERSION
    registry: RegistryServer | None = None
    registry_auth: TokenAuthorizer | None = None
    moods: Moods = field(default_factory=Moods)
    state: State = field(default_factory=State)
    requests: list[LoggedRequest] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changed = threading.Condition(self.state.lock)
        self.readers = Readers()
        self.hooks = Hooks(self)
        self.bodies, self.bodies_ci, self.bodies_review = Bodies(self), CiBodies(self), ReviewBodies(self)
        self.present = Presenter(self)
        self.present_ci, self.present_review = CiPresenter(self), ReviewPresenter(self)
        self.pushes = Pushes(self)
        self.merging = Merging(self)
        self.notes = Notes(self)
        self.suggestions = Suggestions(self)
        self.statuses = Statuses(self)
        self.making, self.pipelines, self.bridges = Making(self), Pipelines(self), Bridges(self)
        self.runner = Runner(self)
        self.oauth = OAuth(self)
        self._repositories: dict[int, Repository] = {}
        self._registry_ids: dict[str, int] = {}
        self.git_hooks = self.directory / "git-hooks"

    # Where things are

    def git(self, project: Project) -> Repository:
        return self._repositories[project.id]

    def new_project(
        self,
        full_path: str,
        owner: User,
        *,
        visibility: str,
        default_branch: str,
        name: str = "",
        **more: Any,
    ) -> Project:
        """A project with an empty repository, its owner in it; the default branch is protected, as GitLab does it."""
        namespace, _, path = full_path.rpartition("/")
        state = self.state
        with state.lock:
            number = state.next_id("project")
            project = Project(
                number, namespace, path, name or path, owner.id, visibility, default_branch, **more
            )
            project.members[owner.id] = OWNER
            project.protections.append(Protection(state.next_id("protection"), default_branch))
            place = self.directory / "repositories" / f"{number}.git"
            self._repositories[number] = Repository.create(
                place, self.readers, default_branch, self.git_hooks
            )
            state.projects[number] = project
            state.project_ids[full_path.lower()] = number
            return project

    def remove_project(self, project: Project) -> None:
        """From now on nobody finds it; its repository stays on disk until the sandbox ends."""
        with self.state.lock:
            del self.state.projects[project.id]
            self.state.project_ids.pop(project.full_path.lower(), None)
            for hook in [hook for hook in self.state.hooks.values() if hook.project_id == project.id]:
                del self.state.hooks[hook.id]

    def web_url(self, project: Project) -> str:
        return f"{self.url}/{project.full_path}"

    @property
    def registry_host(self) -> str:
        """`HOST:PORT` of the container registry; empty without one."""
        return self.registry.address if self.registry is not None else ""

    def use_registry(self, registry: RegistryServer) -> None:
        """Take a registry under this GitLab's wing: from now on its clients come here for their tokens."""
        self.registry_auth = TokenAuthorizer(f"{self.url}/jwt/auth", secrets.token_bytes(32))
        self.registry = registry
        registry.guard(self.registry_auth)

    def registry_id(self, name: str) -> int:
        """The number that GitLab gives an image repository when it first sees it."""
        with self.state.lock:
            return self._registry_ids.setdefault(name, len(self._registry_ids) + 1)

    def registry_image(self, project: Project) -> str:
        return f"{self.registry_host}/{project.full_path}".lower()

    # Who may what

    def may_see(self, user: User | None, project: Project) -> bool:
        if project.visibility == "public":
            return True
        if user is None:
            return False
        internal = project.visibility == "internal" and not user.external
        return internal or self.state.rights(user, project) >= GUEST

    def may_read_code(self, user: User | None, project: Project) -> bool:
        if not self.may_see(user, project) or project.repository_access == "disabled":
            return False
        # Guests read code in projects that others see as well, and not in private ones
        if project.visibility == "private":
            return self.state.rights(user, project) >= REPORTER
        return project.repository_access != "private" or self.state.rights(user, project) >= GUEST

    def may_have_artifacts(self, user: User | None, job: Job) -> bool:
        """`artifacts: access` of the job decides, as long as it has an archive: it is kept with that."""
        project = self.state.projects[job.project_id]
        if not self.may_see(user, project) or job.artifacts is None:
            return self.may_see(user, project)
        wanted = {"all": NO_ONE, "developer": DEVELOPER, "maintainer": MAINTAINER}.get(job.artifacts_access)
        return wanted is not None and self.state.rights(user, project) >= wanted

    # Noise

    def complain(self, text: str) -> None:
        """Say loudly, on standard error and in the list of complaints, that something is not as it should be."""
        self.complaints.append(text)
        print(f"sandbox gitlab: {text}", file=sys.stderr, flush=True)

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no hook, errand or job is under way; False when time ran out."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            # What ends in one place may start something in the other: both must be idle in a row.
            if not (self.runner.wait_idle(until) and self.hooks.wait_idle(until)):
                return False
            if self.runner.wait_idle(time.monotonic()) and self.hooks.wait_idle(time.monotonic()):
                return True
        return False

    def close(self) -> None:
        self.runner.close()
        self.hooks.close()
        self.readers.close()

"""The sandbox's GitLab as tests and the demo use it: start it, fill it, watch it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sandbox.gitlab.app import Server
from sandbox.gitlab.committing import CommitRequest, commit
from sandbox.gitlab.core import VERSION, Core, LoggedRequest
from sandbox.gitlab.git_http import write_git_hooks
from sandbox.gitlab.hooks import SWITCHES, Delivery
from sandbox.gitlab.moods import Moods
from sandbox.gitlab.oauth import Application
from sandbox.gitlab.state import State
from sandbox.gitlab.values import (
    ENDED,
    MAINTAINER,
    Deployment,
    Hook,
    Issue,
    Job,
    Mention,
    MergeRequest,
    Note,
    Pipeline,
    Project,
    Protection,
    QuickAction,
    Token,
    User,
)
from sandbox.plan import Executor
from sandbox.registry import RegistryServer

T = TypeVar("T")

WAIT_SECONDS = 30.0


class Sandbox:
    """A GitLab on one address, with everything below one directory. A context manager: it serves inside the block.

    Without an `executor` pipelines are planned from their YAML and their jobs wait for `start_job` and `finish_job`.
    `pipeline_delay` (seconds) lets a push's pipeline come later than its hook, as GitLab's may.
    """

    def __init__(
        self,
        directory: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        executor: Executor | None = None,
        registry: RegistryServer | None = None,
        moods: Moods | None = None,
        pipeline_delay: float = 0.0,
        version: str = VERSION,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.core = Core(directory.resolve(), host, version=version)
        self.core.moods = moods or Moods()
        self.core.runner.executor = executor
        self.core.runner.delay = pipeline_delay
        write_git_hooks(self.core.git_hooks)
        self._server = Server(self.core, port)
        if registry is not None:
            self.core.use_registry(registry)
        self._running = False

    def start(self) -> Sandbox:
        self._server.start()
        self._running = True
        return self

    def close(self) -> None:
        if self._running:
            self._running = False
            self._server.close()
        self.core.close()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # Where it is, how it behaves

    @property
    def url(self) -> str:
        return self.core.url

    @property
    def state(self) -> State:
        return self.core.state

    @property
    def moods(self) -> Moods:
        return self.core.moods

    @moods.setter
    def moods(self, moods: Moods) -> None:
        self.core.moods = moods

    def use_registry(self, registry: RegistryServer) -> None:
        """Put a container registry beside the GitLab, which guards it from now on; jobs then see CI_REGISTRY…"""
        self.core.use_registry(registry)

    # Filling it

    def create_user(
        self,
        username: str,
        *,
        admin: bool = False,
        bot: bool = False,
        external: bool = False,
        name: str = "",
    ) -> User:
        """A user with a personal access token of scope api, which is also the git password."""
        with self.state.lock:
            number = self.state.next_id("user")
            token = self.state.new_token(number)
            email = f"{username}@example.com"
            user = User(
                number, username, token.value, name or username.title(), email, admin, bot, external=external
            )
            self.state.users[number] = user
            return user

    def create_token(self, user: User, scopes: Sequence[str] = ("api",)) -> Token:
        return self.state.new_token(user.id, scopes=tuple(scopes))

    def create_application(
        self, name: str, *redirect_uris: str, scopes: Sequence[str] = ("openid", "read_api")
    ) -> Application:
        """A program that people may sign in to with this GitLab."""
        made = Application(
            secrets.token_hex(32), f"gloas-{secrets.token_hex(32)}", name, redirect_uris, tuple(scopes)
        )
        self.core.oauth.applications[made.client_id] = made
        return made

    def revoke(self, token: str) -> None:
        """Make a token's value invalid from now on."""
        self.state.tokens[token].revoked = True

    def expire(self, token: str, expired: bool = True) -> None:
        """Let a token's day pass, or (False) give it another one."""
        self.state.tokens[token].expired = expired

    def create_project(
        self,
        full_path: str,
        owner: User,
        *,
        visibility: str = "private",
        default_branch: str = "main",
        ci_config_path: str | None = None,
        name: str = "",
        protect_default_branch: bool = True,
        files: Mapping[str, str | bytes] | None = None,
    ) -> Project:
        """A project; with `files` its first commit is there already, and nobody was told of it."""
        project = self.core.new_project(
            full_path,
            owner,
            visibility=visibility,
            default_branch=default_branch,
            name=name,
            ci_config_path=ci_config_path,
        )
        if not protect_default_branch:
            project.protections.clear()
        if files:
            self.commit(project.id, owner, dict(files), "Initial commit", branch=default_branch, quietly=True)
        return project

    def add_member(self, project_id: int, user: User, level: int) -> None:
        """Give a user a role in a project: GUEST … OWNER."""
        self.state.projects[project_id].members[user.id] = level

    def add_group_member(self, namespace: str, user: User, level: int) -> None:
        """Give a user a role in all projects of a namespace: inherited, seen only by members/all."""
        self.state.group_members[(namespace, user.id)] = level

    def add_hook(
        self,
        project_id: int,
        url: str,
        *,
        token: str | None = None,
        signing_token: str | None = None,
        branch_filter: str = "",
        **events: bool,
    ) -> Hook:
        """A project hook for every kind of event, but those switched off as in `job_events=False`."""
        switches = {switch: events.get(switch, True) for switch in SWITCHES}
        hook = Hook(
            self.state.next_id("hook"), project_id, url, token, signing_token, switches, branch_filter
        )
        with self.state.lock:
            self.state.hooks[hook.id] = hook
        return hook

    def protect_branch(
        self,
        project_id: int,
        name: str,
        *,
        push_level: int = MAINTAINER,
        merge_level: int = MAINTAINER,
        push_users: Sequence[User] = (),
        allow_force_push: bool = False,
    ) -> Protection:
        """Protect the branches of a name, in place of an earlier rule for the same name; level 0 is nobody."""
        self.unprotect_branch(project_id, name)
        users = tuple(user.id for user in push_users)
        rule = Protection(
            self.state.next_id("protection"), name, push_level, merge_level, users, allow_force_push
        )
        self.state.projects[project_id].protections.append(rule)
        return rule

    def unprotect_branch(self, project_id: int, name: str) -> None:
        project = self.state.projects[project_id]
        project.protections = [rule for rule in project.protections if rule.name != name]

    def commit(
        self,
        project_id: int,
        user: User,
        files: Mapping[str, str | bytes | None],
        message: str = "Change files",
        *,
        branch: str | None = None,
        start_branch: str | None = None,
        quietly: bool = False,
    ) -> str:
        """A commit that sets these files (None removes one), with everything that a push causes; gives its sha.

        `quietly` causes nothing: no hook, no pipeline.
        """
        project = self.state.projects[project_id]
        git = self.core.git(project)
        target = branch or project.default_branch
        base = git.branch(target) or (git.branch(start_branch) if start_branch else None)
        actions: list[dict[str, Any]] = []
        for path, content in files.items():
            there = base is not None and git.entry(base, path) is not None
            kind = "delete" if content is None else "update" if there else "create"
            text = content.decode("utf-8", "surrogateescape") if isinstance(content, bytes) else content
            actions.append({"action": kind, "file_path": path, "content": text})
        request = CommitRequest(target, message, tuple(actions), start_branch=start_branch)
        return commit(self.core, project, user, request, quietly)

    def git_url(self, project_id: int, user: User | None = None) -> str:
        """The address to clone from and push to, with the user's credentials in it."""
        project = self.state.projects[project_id]
        address = urlsplit(self.url)
        login = f"{user.username}:{user.token}@" if user is not None else ""
        return f"{address.scheme}://{login}{address.netloc}/{project.full_path}.git"

    def create_issue(
        self, project_id: int, author: User, title: str, description: str = "", *, confidential: bool = False
    ) -> Issue:
        """An issue; GitLab's hook of issues is not played."""
        number, iid = self.state.next_id("issue"), self.state.next_id("issue", project_id)
        issue = Issue(number, iid, project_id, author.id, title, description, confidential=confidential)
        self.state.issues[(project_id, iid)] = issue
        return issue

    def archive_project(self, project_id: int, archived: bool = True) -> None:
        self.state.projects[project_id].archived = archived

    def move_project(self, project_id: int, full_path: str) -> None:
        """Give a project another path; the old one redirects."""
        project = self.state.projects[project_id]
        with self.state.lock:
            self.state.project_ids.pop(project.full_path.lower())
            self.state.moved_paths[project.full_path.lower()] = project.id
            project.namespace, _, project.path = full_path.rpartition("/")
            self.state.project_ids[full_path.lower()] = project.id

    def delete_project(self, project_id: int) -> None:
        self.core.remove_project(self.state.projects[project_id])

    # Looking

    @property
    def requests(self) -> list[LoggedRequest]:
        """Every request so far: method, path, query, route, status, user, at, seconds."""
        return self.core.requests

    @property
    def hook_deliveries(self) -> list[Delivery]:
        """Every hook call that was tried so far, with the receiver's answer."""
        return self.core.hooks.log

    @property
    def complaints(self) -> list[str]:
        """What was asked for that is not built, and what broke: a good run leaves this empty."""
        return self.core.complaints

    @property
    def quick_actions(self) -> list[QuickAction]:
        """Commands that a note's text gave to GitLab."""
        return self.state.quick_actions

    @property
    def mentions(self) -> list[Mention]:
        """Users whom a note's text called."""
        return self.state.mentions

    def clear_log(self) -> None:
        """Forget requests and deliveries so far."""
        self.core.requests.clear()
        self.core.hooks.log.clear()

    def calls(self, user: User) -> list[LoggedRequest]:
        """The API calls of one user, oldest first; git's own requests are not among them."""
        return [asked for asked in self.requests if asked.user == user.username and asked.route != "git"]

    def head(self, project_id: int, branch: str | None = None) -> str | None:
        """The sha at the head of a branch."""
        project = self.state.projects[project_id]
        return self.core.git(project).branch(branch or project.default_branch)

    def read_file(self, project_id: int, path: str, revision: str | None = None) -> bytes | None:
        """A file's content at a branch or sha, None where there is none."""
        project = self.state.projects[project_id]
        git = self.core.git(project)
        sha = git.resolve(revision or project.default_branch)
        return git.file(sha, path) if sha is not None else None

    def pipelines(self, project_id: int, sha: str | None = None) -> list[Pipeline]:
        """Newest first, children among them."""
        return [found for found in self.state.pipelines_of(project_id) if sha in (None, found.sha)]

    def jobs(self, pipeline_id: int) -> list[Job]:
        """A pipeline's CI jobs and bridges, as they stand, without those that were retried."""
        return [job for job in self.state.pipelines[pipeline_id].latest_jobs if job.kind != "status"]

    def job(self, pipeline_id: int, name: str) -> Job:
        return next(job for job in self.jobs(pipeline_id) if job.name == name)

    def statuses(self, project_id: int, sha: str, name: str | None = None) -> list[Job]:
        """Commit statuses from outside, oldest first, those replaced by newer ones among them."""
        found = [
            job
            for job in list(self.state.jobs.values())
            if job.kind == "status" and job.project_id == project_id
        ]
        return [job for job in found if job.sha == sha and name in (None, job.name)]

    def merge_requests(self, project_id: int) -> list[MergeRequest]:
        return self.core.merging.of(self.state.projects[project_id])

    def notes(self, project_id: int, iid: int) -> list[Note]:
        """What people wrote below a merge request, oldest first; GitLab's own notes are left out."""
        found = self.state.merge_requests[(project_id, iid)]
        return [note for note in self.core.notes.of_merge_request(found) if not note.system]

    def issue_notes(self, project_id: int, iid: int) -> list[Note]:
        """What was written below an issue, oldest first."""
        return self.core.notes.of_issue(self.state.issues[(project_id, iid)])

    def comments(self, project_id: int, sha: str) -> list[Note]:
        """Comments on a commit, oldest first."""
        return self.core.notes.of_commit(self.state.projects[project_id], sha)

    def deployments(self, project_id: int, environment: str | None = None) -> list[Deployment]:
        """Oldest first."""
        found = [item for item in list(self.state.deployments.values()) if item.project_id == project_id]
        names = self.state.environments
        return [item for item in found if environment in (None, names[item.environment_id].name)]

    # Playing jobs by hand

    def start_job(self, job_id: int) -> bool:
        """A pending job begins to run; False when it may not (any more)."""
        return self.core.pipelines.start(self.state.jobs[job_id])

    def finish_job(
        self,
        job_id: int,
        status: str = "success",
        *,
        trace: bytes = b"",
        exit_code: int | None = None,
        artifacts: bytes | None = None,
        reason: str | None = None,
    ) -> None:
        """End a job; a pending one starts first. `artifacts` is a zip archive's bytes."""
        job = self.state.jobs[job_id]
        if job.status == "pending":
            self.start_job(job_id)
        if job.status != "running":
            raise RuntimeError(
                f"job {job.name} is {job.status}: only a pending or running job can be finished"
            )
        job.trace.extend(trace)
        job.artifacts = artifacts if artifacts is not None else job.artifacts
        code = exit_code if exit_code is not None else {"success": 0, "failed": 1}.get(status)
        self.core.pipelines.finish(job, status, exit_code=code, reason=reason)

    def job_token(self, job_id: int) -> str:
        """A token of a job, good until the job ends."""
        return self.state.new_job_token(self.state.jobs[job_id]).value

    def play_pipeline(self, pipeline_id: int, **outcomes: str) -> str:
        """End all jobs of a pipeline in their order, each with success unless named (dashes as underscores)."""
        while True:
            ready = [
                job
                for job in self.jobs(pipeline_id)
                if job.status in ("pending", "running") and job.kind == "build"
            ]
            if not ready:
                return self.state.pipelines[pipeline_id].status
            job = ready[0]
            self.finish_job(job.id, outcomes.get(job.name.replace("-", "_"), "success"))

    # Waiting

    def wait_idle(self, timeout: float = WAIT_SECONDS) -> None:
        """Until no hook is under way and nothing in the background waits; jobs without an executor do not count."""
        if not self.core.wait_idle(timeout):
            raise TimeoutError(f"the sandbox was still busy after {timeout} s")

    def wait_for(self, found: Callable[[], T | None], timeout: float = WAIT_SECONDS, what: str = "it") -> T:
        """Ask again and again until there is a true answer, and give it."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            answer = found()
            if answer:
                return answer
            with self.core.changed:
                self.core.changed.wait(timeout=0.05)
        raise TimeoutError(f"{what} did not come within {timeout} s")

    def wait_pipeline(self, pipeline_id: int, timeout: float = 600.0) -> Pipeline:
        """Until a pipeline has ended."""
        pipeline = self.state.pipelines[pipeline_id]
        return self.wait_for(
            lambda: pipeline if pipeline.status in ENDED else None, timeout, "the pipeline's end"
        )

"""What the sandbox's GitLab knows of, as plain values: people, projects, merge requests, pipelines."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

GUEST, REPORTER, DEVELOPER, MAINTAINER, OWNER = 10, 20, 30, 40, 50
NO_ONE = 0

VISIBILITY_LEVELS = {"private": 0, "internal": 10, "public": 20}

ALIVE = ("created", "waiting_for_resource", "preparing", "pending", "running", "scheduled")
ENDED = ("success", "failed", "canceled", "skipped")
CANCELABLE = (*ALIVE, "manual")


def now() -> datetime:
    return datetime.now(UTC)


def iso(moment: datetime | None) -> str | None:
    """The REST API's way of writing a moment: UTC, milliseconds, Z."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def hook_time(moment: datetime | None) -> str | None:
    """The way of hook bodies: `2016-08-12 15:23:28 UTC`."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def seconds_between(start: Any, end: Any, whole: bool = False) -> float | int | None:
    """How long something took; None while an end of it is open."""
    if start is None or end is None:
        return None
    seconds = float((end - start).total_seconds())
    return int(seconds) if whole else round(seconds, 6)


@dataclass(frozen=True)
class User:
    """A person or bot; `token` is the personal access token it was made with (scope api)."""

    id: int
    username: str
    token: str
    name: str
    email: str
    admin: bool = False
    bot: bool = False
    state: str = "active"
    external: bool = False
    """Whether internal projects are as private to it as any other."""
    expires_at: str | None = None
    """The day on which all its memberships end; GitLab goes on to list them until it cleans up."""


@dataclass
class Token:
    """What a request shows to say who it is. A job's token names its job and dies with it."""

    value: str
    user_id: int
    id: int = 0
    name: str = "token"
    scopes: tuple[str, ...] = ("api",)
    revoked: bool = False
    expired: bool = False
    job_id: int | None = None
    oauth: bool = False


@dataclass
class Protection:
    """Who may push to and merge into the branches whose names match; `*` is a wildcard."""

    id: int
    name: str
    push_level: int = MAINTAINER
    merge_level: int = MAINTAINER
    push_users: tuple[int, ...] = ()
    allow_force_push: bool = False


@dataclass
class ProtectedTag:
    """From which level on people may make tags whose names match; `*` is a wildcard."""

    name: str
    create_level: int = MAINTAINER


@dataclass
class Release:
    """What is known of a tag as a release."""

    tag: str
    name: str
    description: str
    author_id: int
    created_at: datetime = field(default_factory=now)


@dataclass
class Hook:
    """A project hook; `events` are GitLab's switches, such as push_events."""

    id: int
    project_id: int
    url: str
    token: str | None = None
    signing_token: str | None = None
    events: dict[str, bool] = field(default_factory=dict)
    branch_filter: str = ""
    created_at: datetime = field(default_factory=now)
    failures: int = 0
    disabled_until: datetime | None = None
    disabled_for_good: bool = False

    @property
    def alert_status(self) -> str:
        """What GitLab says of its health; failures in a row decide."""
        if self.disabled_for_good:
            return "disabled"
        return "executable" if self.executable else "temporarily_disabled"

    @property
    def executable(self) -> bool:
        """Whether events are sent to it now."""
        over = self.disabled_until is None or self.disabled_until <= now()
        return over and not self.disabled_for_good


@dataclass
class Project:
    """A project with its settings, members (user id → level) and protected branches."""

    id: int
    namespace: str
    path: str
    name: str
    owner_id: int
    visibility: str
    default_branch: str
    ci_config_path: str | None = None
    description: str = ""
    archived: bool = False
    topics: tuple[str, ...] = ()
    registry_access: str = "enabled"
    repository_access: str = "enabled"
    public_jobs: bool = True
    auto_cancel: str = "enabled"
    job_tokens_may_push: bool = False
    in_catalog: bool = False
    """Whether its components are in GitLab's CI/CD Catalog, which a Maintainer switches on."""
    forked_from: int | None = None
    merge_method: str = "merge"
    squash_option: str = "default_off"
    needs_resolved_discussions: bool = False
    needs_pipeline_success: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    members: dict[int, int] = field(default_factory=dict)
    protections: list[Protection] = field(default_factory=list)
    protected_tags: list[ProtectedTag] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    last_activity_at: datetime = field(default_factory=now)

    @property
    def full_path(self) -> str:
        return f"{self.namespace}/{self.path}"


@dataclass
class Note:
    """Something said below a merge request, issue or commit; notes of one discussion share `discussion_id`."""

    id: int
    project_id: int
    author_id: int
    body: str
    noteable_type: str
    noteable_id: int | None
    noteable_iid: int | None = None
    commit_id: str | None = None
    discussion_id: str = ""
    individual: bool = True
    system: bool = False
    internal: bool = False
    resolvable: bool = False
    resolved: bool = False
    resolved_by: int | None = None
    position: dict[str, Any] | None = None
    outdated: bool = False
    line: int | None = None
    line_type: str | None = None
    path: str | None = None
    emoji: list[tuple[int, int, str]] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass
class Issue:
    """An issue: a place for people's notes."""

    id: int
    iid: int
    project_id: int
    author_id: int
    title: str
    description: str = ""
    state: str = "opened"
    confidential: bool = False
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass
class Suggestion:
    """A block of a note that may become a commit: the lines it takes in, and what becomes of them."""

    id: int
    note_id: int
    above: int
    below: int
    before: bytes
    after: bytes
    commit_id: str | None = None


@dataclass
class MergeRequest:
    """A merge request; `sha` is its head, the newest of `versions` what its diff is made of."""

    id: int
    iid: int
    project_id: int
    source_project_id: int
    source_branch: str
    target_branch: str
    title: str
    author_id: int
    description: str = ""
    state: str = "opened"
    sha: str = ""
    labels: list[str] = field(default_factory=list)
    assignees: list[int] = field(default_factory=list)
    reviewers: list[int] = field(default_factory=list)
    remove_source_branch: bool = False
    squash: bool = False
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    merge_user_id: int | None = None
    merged_at: datetime | None = None
    closed_by_id: int | None = None
    closed_at: datetime | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    versions: list[MergeRequestVersion] = field(default_factory=list)

    @property
    def draft(self) -> bool:
        return self.title.lower().startswith(("draft:", "[draft]", "(draft)"))


@dataclass(frozen=True)
class MergeRequestVersion:
    """The three commits that a diff is made of, kept for each push to a merge request."""

    id: int
    head: str
    base: str
    start: str
    created_at: datetime


@dataclass
class Job:
    """A build, a bridge to a child pipeline (`kind` "bridge"), or a commit status from outside ("status")."""

    id: int
    project_id: int
    pipeline_id: int
    name: str
    stage: str
    ref: str
    sha: str
    user_id: int
    kind: str = "build"
    tag: bool = False
    status: str = "created"
    when: str = "on_success"
    needs: tuple[str, ...] | None = None
    allow_failure: bool = False
    allow_failure_exit_codes: tuple[int, ...] = ()
    interruptible: bool = False
    resource_group: str | None = None
    environment: str | None = None
    trigger: dict[str, Any] | None = None
    variables: dict[str, str] = field(default_factory=dict)
    dotenv: dict[str, str] = field(default_factory=dict)
    retried: bool = False
    failure_reason: str | None = None
    exit_code: int | None = None
    description: str | None = None
    target_url: str | None = None
    coverage: float | None = None
    downstream_id: int | None = None
    trace: bytearray = field(default_factory=bytearray)
    artifacts: bytes | None = None
    artifacts_name: str = "artifacts"
    artifacts_access: str = "all"
    release: dict[str, str] | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    tokens: list[Token] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def counted_status(self) -> str:
        """The status as it counts for a pipeline: a failure that is allowed is a success with warnings."""
        if self.status == "failed" and self.allow_failure:
            return "success_with_warnings"
        if self.status == "manual" and self.allow_failure:
            return "ignored"
        return self.status


@dataclass
class Pipeline:
    """A pipeline with its jobs, oldest first, retried ones among them."""

    id: int
    iid: int
    project_id: int
    ref: str
    sha: str
    source: str
    user_id: int
    tag: bool = False
    before_sha: str = "0" * 40
    status: str = "created"
    stages: tuple[str, ...] = ()
    jobs: list[Job] = field(default_factory=list)
    config_path: str = ".gitlab-ci.yml"
    yaml_errors: str | None = None
    auto_cancel: str = "conservative"
    variables: dict[str, str] = field(default_factory=dict)
    parent_job_id: int | None = None
    name: str | None = None
    checkout: Path | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def latest_jobs(self) -> list[Job]:
        return [job for job in self.jobs if not job.retried]


@dataclass
class Environment:
    """Where deployments go."""

    id: int
    project_id: int
    name: str
    slug: str
    external_url: str | None = None
    state: str = "available"
    tier: str = "other"
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass
class Deployment:
    """One go at an environment; `job_id` is None where it came by the API."""

    id: int
    iid: int
    project_id: int
    environment_id: int
    ref: str
    sha: str
    user_id: int
    tag: bool = False
    status: str = "created"
    job_id: int | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    finished_at: datetime | None = None


@dataclass
class ModelRun:
    """A run of a model experiment: metrics as name, value and step, in the order in which they were logged."""

    run_id: str
    experiment_iid: int
    name: str
    status: str = "RUNNING"
    metrics: list[tuple[str, float, int]] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    tags: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class ModelExperiment:
    """An experiment of a project, with its runs, the oldest first."""

    iid: int
    project_id: int
    name: str
    runs: list[ModelRun] = field(default_factory=list)


@dataclass(frozen=True)
class QuickAction:
    """A command that a note's text made GitLab carry out: what no text of a stranger may ever do."""

    project_id: int
    user_id: int
    noteable: str
    command: str
    argument: str


@dataclass(frozen=True)
class Mention:
    """A user that a note's text called: somebody gets an e-mail."""

    project_id: int
    user_id: int
    noteable: str
    username: str

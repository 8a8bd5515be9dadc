"""GitLab's things as values, with the few fields that decisions rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ENDED = frozenset({"success", "failed", "canceled", "skipped"})
"""Statuses of jobs and pipelines after which nothing more happens by itself."""

EVERYBODY, DEVELOPER, MAINTAINER = 0, 30, 40
"""Levels of access; everybody are those who may see the project."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project; `path` is its full path, `visibility` one of private, internal, public."""

    id: int
    path: str
    default_branch: str | None
    visibility: str
    ci_config_path: str | None
    web_url: str
    archived: bool = False
    registry_host: str | None = None
    needs_resolved_discussions: bool = False
    """Whether GitLab merges only what has no open discussion."""
    topics: tuple[str, ...] = ()
    keeps_images: bool = True
    """Whether its container registry is switched on; without, nobody can get what was published."""
    going: bool = False
    """Whether somebody deleted it, and GitLab only keeps it for a while."""
    open_code: bool = True
    """Whether its code is for all who see it; else it is for members, or for nobody."""
    open_logs: bool = True
    """Whether who may read its merge requests may read its jobs' logs as well."""

    @property
    def name(self) -> str:
        """Last part of the path, as in CI_PROJECT_NAME."""
        return self.path.rpartition("/")[2]

    @property
    def registry_path(self) -> str:
        """The project's repository in the container registry, as in CI_REGISTRY_IMAGE."""
        return self.path.lower()


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch and its head; `can_push` is for the user who asks, the bot; `developers_can_push` if it is protected."""

    name: str
    sha: str
    parents: tuple[str, ...]
    message: str
    can_push: bool
    protected: bool = False
    developers_can_push: bool = False


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """An entry of a commit's tree; mode as git writes it ("100644", "120000", "160000")."""

    path: str
    blob: str
    mode: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit just made or read."""

    sha: str
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline; `source` tells who started it (push, api, parent_pipeline, external, ...)."""

    id: int
    sha: str
    ref: str
    status: str
    source: str
    web_url: str
    yaml_errors: str | None = None
    user_id: int | None = None
    """Who started it, or pushed what did; None in lists, where GitLab does not say."""


@dataclass(frozen=True, slots=True)
class CiJob:
    """A job of a pipeline, the newest of its name; `seconds` that it ran, None where GitLab does not say.

    `archive` is the name of its artifacts' archive without the ending, empty where it left none.
    """

    id: int
    name: str
    status: str
    allow_failure: bool
    web_url: str
    failure_reason: str | None = None
    seconds: float | None = None
    archive: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file out of a job's artifacts; where it is not `whole`, it is larger than was asked for: its beginning."""

    content: bytes
    whole: bool


@dataclass(frozen=True, slots=True)
class Bridge:
    """A job that triggers a pipeline, the newest of its name.

    `child` is None while there is none, and where it is another project's; `child_url` is told of both.
    """

    id: int
    name: str
    status: str
    child: int | None
    child_url: str
    allow_failure: bool = False


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """A commit status that the bot wrote."""

    name: str
    state: str
    description: str
    pipeline_id: int | None


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment that went well: what of a branch was published `at` (seconds since 1970), and by which pipeline."""

    id: int
    environment: str
    branch: str
    sha: str
    at: float | None
    pipeline_id: int | None


@dataclass(frozen=True, slots=True)
class DiffRefs:
    """The three commits by which a line of a merge request's diff is named."""

    base_sha: str
    start_sha: str
    head_sha: str


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """A merge request into `project_id`; `sha` is its head, "" while there is none.

    `source_project_id` is None where the fork is gone. Lists of GitLab's leave `diff_refs` out.
    """

    iid: int
    state: str
    source_branch: str
    target_branch: str
    web_url: str
    project_id: int = 0
    sha: str = ""
    source_project_id: int | None = None
    author_id: int | None = None
    diff_refs: DiffRefs | None = None

    @property
    def open(self) -> bool:
        """Whether it can still be merged; while GitLab merges it, it is `locked`."""
        return self.state == "opened"

    @property
    def merged(self) -> bool:
        """Whether it was merged."""
        return self.state == "merged"

    @property
    def from_fork(self) -> bool:
        """Whether its commits lie in another project than the one it goes to."""
        return self.source_project_id != self.project_id


@dataclass(frozen=True, slots=True)
class Topic:
    """What people talk about: `id` is the number of a merge request or issue in its project, or a commit's sha."""

    project_id: int
    kind: Literal["MergeRequest", "Issue", "Commit"]
    id: str


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody said; `author_id` 0 where GitLab no longer knows who."""

    id: int
    author_id: int
    body: str
    system: bool = False
    discussion_id: str | None = None


@dataclass(frozen=True, slots=True)
class Discussion:
    """Notes that belong together, oldest first; `new_line` is where it stands in the diff, if it does.

    `resolved_by` is the user who resolved it, None while nobody has or where GitLab does not say.
    """

    id: str
    notes: tuple[Note, ...]
    resolved: bool = False
    resolved_by: int | None = None
    new_line: int | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A line of a merge request's diff, in the version of these three commits.

    An added line has a new number only, a removed one an old number only, an unchanged one both.
    """

    base_sha: str
    start_sha: str
    head_sha: str
    old_path: str
    new_path: str
    old_line: int | None
    new_line: int | None


@dataclass(frozen=True, slots=True)
class DiffFile:
    """A file that a merge request changes; `diff` is its hunks in git's form, and empty where GitLab leaves them out.

    It does that for a file, or a whole diff, that is too large.
    """

    old_path: str
    new_path: str
    diff: str
    deleted_file: bool = False


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji that a user put on a note; `name` as GitLab spells it, without colons."""

    name: str
    user_id: int


@dataclass(frozen=True, slots=True)
class Person:
    """A user of GitLab; `bot` is a program, such as the user of an access token."""

    id: int
    username: str
    bot: bool

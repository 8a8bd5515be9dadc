"""The closed set of things that a publication does to the world, as values decided before any is done."""

from __future__ import annotations

from dataclasses import dataclass

from parser.model import Quiet

PUBLISH_STATUS = "mlreef/publish"
"""Name of the commit status; it can never equal a CI job's name of ours."""

CHECK_STATUS = "mlreef/check"
"""Name of the status on the head of a merge request."""


@dataclass(frozen=True, slots=True)
class CommitFile:
    """Write the generated file on the branch, on top of `parent`."""

    branch: str
    parent: str
    path: str
    content: bytes
    message: str
    exists: bool


@dataclass(frozen=True, slots=True)
class ProposeFile:
    """Offer the generated file as a merge request from `source_branch`, which starts at `parent`."""

    branch: str
    source_branch: str
    parent: str
    path: str
    content: bytes
    message: str
    exists: bool
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Tell the outcome on a commit; a state that is not an end needs the pipeline it belongs to."""

    sha: str
    branch: str
    state: str
    description: str
    target_url: str
    pipeline_id: int | None = None
    name: str = PUBLISH_STATUS


@dataclass(frozen=True, slots=True)
class Tell:
    """Write to the author: on the merge request that brought the commit, else (if `aloud`) on the commit.

    What is well is told on merge requests only; a direct push learns it from the status. `quiet`: what the repository
    wishes.
    """

    sha: str
    branch: str
    body: str
    aloud: bool
    quiet: Quiet = "no"

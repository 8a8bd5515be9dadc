"""What the worker is asked to do: small values that can be stored, repeated and superseded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Publish:
    """Bring the branch's head to publication. The sha is a hint from a hook; the branch's head is the truth."""

    project_id: int
    branch: str
    sha: str | None = None
    cause: str = "push"
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class EnsurePipeline:
    """See to it that a commit that is to be published has a pipeline; asked after GitLab had time to make one."""

    project_id: int
    branch: str
    sha: str
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Follow:
    """A pipeline moved: tell that it runs, or how it ended. Its state is read from GitLab, not from the hook."""

    project_id: int
    branch: str
    sha: str
    pipeline_id: int
    attempt: int = 0


Job = Publish | EnsurePipeline | Follow


@dataclass(frozen=True, slots=True)
class Later:
    """A job that follows from another one, not before `seconds` have passed."""

    job: Job
    seconds: float = 0.0

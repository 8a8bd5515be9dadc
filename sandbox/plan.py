"""What the sandbox's GitLab and whatever runs its jobs say to each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

NOT_RUN = -1
"""Instead of an exit code: the job could not be run (no image, say); GitLab's runner_system_failure."""

TIMED_OUT = -2
"""Instead of an exit code: the job ran into its time limit; GitLab's job_execution_timeout."""

CANCELLED = -3
"""Instead of an exit code: the job was ended because it was cancelled."""


@dataclass(frozen=True)
class JobPlan:
    """One job of a pipeline, as GitLab decides it before anything runs.

    `needs` is None where the job waits for the stages before its own. `trigger` is the YAML of a bridge to a child
    pipeline, `variables` what it hands to that, before their own variables are replaced. `when` is GitLab's word:
    on_success, on_failure, always, manual, delayed. `artifacts_name` is that of the archive, without its ending,
    `artifacts_access` who may have it: all, developer, maintainer or none.
    `release` is what the job makes of its tag when it succeeds: `tag_name`, `name`, `description`.
    """

    name: str
    stage: str
    needs: tuple[str, ...] | None = None
    when: str = "on_success"
    allow_failure: bool = False
    allow_failure_exit_codes: tuple[int, ...] = ()
    interruptible: bool = False
    resource_group: str | None = None
    environment: str | None = None
    trigger: Mapping[str, Any] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    artifacts_name: str = "artifacts"
    artifacts_access: str = "all"
    release: Mapping[str, str] | None = None


@dataclass(frozen=True)
class PipelinePlan:
    """All jobs of one pipeline. With errors, GitLab makes a failed pipeline without jobs; without jobs, none at all.

    `auto_cancel` is `workflow:auto_cancel:on_new_commit`: conservative, interruptible or none.
    """

    jobs: tuple[JobPlan, ...]
    stages: tuple[str, ...]
    errors: tuple[str, ...] = ()
    auto_cancel: str = "conservative"


def access_of(spec: Mapping[str, Any]) -> str:
    """Who may have a job's artifacts; `public: false` is the older way to say developer."""
    artifacts = spec.get("artifacts")
    if not isinstance(artifacts, Mapping):
        return "all"
    return str(artifacts.get("access") or ("developer" if artifacts.get("public") is False else "all"))


def release_of(spec: Mapping[str, Any], expanded: Callable[[str], str]) -> dict[str, str] | None:
    """What a job releases, its variables replaced by `expanded`."""
    release = spec.get("release")
    if not isinstance(release, dict):
        return None
    return {str(key): expanded(str(value)) for key, value in release.items()}


class Executor(Protocol):
    """Plans a pipeline from a checkout and runs its jobs, one call for each job."""

    def plan(self, checkout: Path, config_file: str, variables: Mapping[str, str]) -> PipelinePlan:
        """Read the checkout's CI file; fast, as it is called for every push."""
        ...

    def run(
        self,
        checkout: Path,
        config_file: str,
        job: str,
        variables: Mapping[str, str],
        output: Callable[[bytes], None],
        cancelled: threading.Event,
    ) -> int:
        """Run one job to its end and give its exit code, or one of the three above.

        The artifacts of earlier jobs are found in the same checkout.
        """
        ...

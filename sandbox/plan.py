"""What the sandbox's GitLab and whatever runs its jobs say to each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class JobPlan:
    """One job of a pipeline, as GitLab decides it before anything runs.

    `needs` is None where the job waits for the stages before its own. `trigger` is the YAML of a bridge to a child
    pipeline. `when` is GitLab's word: on_success, on_failure, always, manual, delayed.
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


@dataclass(frozen=True)
class PipelinePlan:
    """All jobs of one pipeline. With errors, GitLab makes a failed pipeline without jobs; without jobs, none at all.

    `auto_cancel` is `workflow:auto_cancel:on_new_commit`: conservative, interruptible or none.
    """

    jobs: tuple[JobPlan, ...]
    stages: tuple[str, ...]
    errors: tuple[str, ...] = ()
    auto_cancel: str = "conservative"


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
        """Run one job to its end and give its exit code; earlier jobs' artifacts are found in the same checkout."""
        ...

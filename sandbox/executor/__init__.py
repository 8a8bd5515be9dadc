"""Runs CI jobs on this machine by gitlab-ci-local: the executor behind the sandbox's pipelines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sandbox.executor.leaving import under_way
from sandbox.executor.planning import read_plan, strategy_of
from sandbox.executor.remembered import Plans
from sandbox.executor.running import Means, Run
from sandbox.executor.trace import Trace, secrets_of
from sandbox.executor.workplace import (
    WorkplaceError,
    artifacts,
    complete,
    copy_tree,
    folder_name,
    included,
    open_workplace,
    remove,
    whole_file,
)
from sandbox.node import PACKAGE_VERSION, Tools
from sandbox.plan import NOT_RUN, PipelinePlan

__all__ = ["GitlabCiLocal", "artifacts", "folder_name", "whole_file"]

JOB_LIMIT_SECONDS = 30 * 60.0
"""A job that runs longer is ended and has failed, as with GitLab's `timeout`."""


@dataclass(frozen=True)
class GitlabCiLocal:
    """Plans pipelines and runs their jobs.

    `mode` docker runs each job in its image, with the engine's socket in it and on the host's network;
    `helper_image` (see sandbox.node.ensure_helper_image) is needed then. `mode` shell runs all on the host,
    images ignored: for trusted jobs of tests only.
    """

    tools: Tools
    mode: Literal["docker", "shell"] = "docker"
    helper_image: str | None = None
    job_limit_seconds: float = JOB_LIMIT_SECONDS
    _plans: Plans = field(default_factory=Plans, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.mode == "docker" and not self.helper_image:
            raise ValueError(
                "the docker mode needs a helper image: give sandbox.node.ensure_helper_image(base)"
            )

    def plan(self, checkout: Path, config_file: str, variables: Mapping[str, str]) -> PipelinePlan:
        """Read the checkout's CI file. Filtered out by rules means a plan without jobs and without errors."""

        def ask() -> PipelinePlan:
            try:
                with open_workplace(checkout, config_file, known) as place:
                    plan = read_plan(place, self.tools, config_file, known)
                    _keep(place.state / "includes", included(checkout))
                    return plan
            except WorkplaceError as fault:
                return PipelinePlan((), (), (str(fault),))

        try:
            known = complete(checkout, variables)
        except WorkplaceError as fault:
            return PipelinePlan((), (), (str(fault),))
        return self._plans.of(checkout / config_file, known, ask)

    def run(
        self,
        checkout: Path,
        config_file: str,
        job: str,
        variables: Mapping[str, str],
        output: Callable[[bytes], None],
        cancelled: threading.Event,
    ) -> int:
        """Run one job to its end and give its exit code, or NOT_RUN, TIMED_OUT, CANCELLED.

        `output` gets the job's log while it runs. Artifacts and dotenv reports of earlier jobs of the same
        checkout are handed to it. Nothing is left running or on disk but its artifacts (see `artifacts`).
        """
        trace = Trace(output, secrets_of(variables))
        trace.say(f"Running with gitlab-ci-local {PACKAGE_VERSION}")
        try:
            known = complete(checkout, variables)
            empty = known.get("GIT_STRATEGY", strategy_of(checkout, config_file, job)) == "none"
            with under_way(), open_workplace(checkout, config_file, known, empty=empty) as place:
                kept, fetched = artifacts(checkout), included(checkout)
                for there, here in ((kept, "artifacts"), (fetched, "includes")):
                    if there.is_dir():
                        copy_tree(there, place.state / here)
                means = Means(self.tools, self.mode, self.helper_image, self.job_limit_seconds)
                code = Run(means, place, job, trace, known, empty).to_its_end(config_file, cancelled)
                _keep(place.state / "artifacts" / folder_name(job), kept / folder_name(job))
        except WorkplaceError as fault:
            trace.say(f"ERROR: Job failed (system failure): {fault}")
            return NOT_RUN
        return code


def _keep(made: Path, kept: Path) -> None:
    remove(kept)
    if made.is_dir():
        copy_tree(made, kept)

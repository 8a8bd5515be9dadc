"""Where a publication's pipeline stands, by our own jobs in it.

Never by the pipeline's status: our commit status is a job in it, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import pipeline
from bot.domain.gitlab import CiJob
from bot.domain.plan import State

WITHOUT_END = frozenset({"skipped", "manual"})
"""Statuses of jobs that will not run by themselves."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where our jobs of one pipeline stand, and the job that decided it."""

    state: State | None
    job: CiJob | None = None


def read_progress(jobs: tuple[CiJob, ...]) -> Progress:
    """What our jobs say together; no state when the pipeline has none of them."""
    ours = {job.name: job for job in jobs if job.name in pipeline.OUR_JOBS}
    if not ours:
        return Progress(None)
    promote = ours.get(pipeline.PROMOTE)
    if promote is not None and promote.status == "success":
        return Progress(State.PUBLISHED, promote)
    if promote is not None and promote.status == "failed" and promote.allow_failure:
        return Progress(State.SUPERSEDED, promote)
    if any(job.status in WITHOUT_END for job in ours.values()) and not any(
        job.status in ("failed", "canceled") for job in ours.values()
    ):
        return Progress(None)
    for name in pipeline.OUR_JOBS:
        found = ours.get(name)
        if found is not None and found.status in ("failed", "canceled"):
            return Progress(State.FAILED, found)
    return Progress(State.RUNNING, next(iter(ours.values())))

"""A version that is built once more: what its pipeline is told, and what its jobs tell. Anybody may write a log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.gitlab import ENDED, CiJob
from bot.domain.pipeline import OUR_JOBS, PROMOTE
from bot.domain.text import log_lines, shorten, visible

REPUBLISH = "MLREEF_REPUBLISH"
"""Variable of a pipeline that builds a version once more that was taken back: its number's tag, or its version."""

DIFFERENCE = "  differs: "
"""Begins each line of a job's log that says what is otherwise than it was."""

MAX_DIFFERENCES = 40
"""Differences that are repeated in GitLab; the log has more."""

MAX_DIFFERENCE_CHARS = 300
"""Characters of one of them: a path and what is different about it."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How far a pipeline is that builds a version once more: `ended`, and the job of ours that decided it."""

    ended: bool
    job: CiJob | None = None
    ours: bool = True


def read_rebuilt(jobs: Sequence[CiJob], pipeline_ended: bool) -> Rebuilt:
    """How far it is, by its jobs. Promote ends with an exit code that is allowed: it publishes nothing."""
    ours = {job.name: job for job in jobs if job.name in OUR_JOBS}
    for name in OUR_JOBS:
        found = ours.get(name)
        if found is not None and (found.status in ("failed", "canceled") or name == PROMOTE):
            return Rebuilt(found.status in ENDED or pipeline_ended, found)
    return Rebuilt(pipeline_ended, None, bool(ours))


def difference_lines(differences: Iterable[str]) -> Iterable[str]:
    """What a job prints of differences."""
    return (f"{DIFFERENCE}{line}" for line in differences)


def read_differences(trace: bytes) -> tuple[str, ...]:
    """The differences that a job's log names."""
    found = [line.removeprefix(DIFFERENCE) for line in log_lines(trace) if line.startswith(DIFFERENCE)]
    shown = [shorten(visible(line), MAX_DIFFERENCE_CHARS) for line in found[:MAX_DIFFERENCES]]
    return (*shown, *(["… and more, in the log"] if len(found) > MAX_DIFFERENCES else []))

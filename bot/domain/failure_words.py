"""What an author reads of a job that failed: why, what to do, the log's last lines, and where the rest is."""

from __future__ import annotations

from bot.domain.causes import Cause, likely_cause
from bot.domain.gitlab import CiJob, Pipeline
from bot.domain.text import link, log_block, log_lines, prose, shorten, span, status_line, visible

MAX_CAUSE_CHARS = 400
LOG_LINES_SHOWN = 20
SHORT_SHA = 8

NOT_PUBLISHED = "Not published:"
"""Begins the line of a job's log that says why; the service repeats it."""


def read_cause(trace: bytes) -> str | None:
    """What a job of ours said last about why nothing is published; anybody may have written the log."""
    lines = [line.strip() for line in log_lines(trace)]
    found = [line.removeprefix(NOT_PUBLISHED).strip() for line in lines if line.startswith(NOT_PUBLISHED)]
    return shorten(visible(found[-1]), MAX_CAUSE_CHARS) if found and found[-1] else None


def why_failed(job: CiJob, trace: bytes) -> str | None:
    """Why a job failed, in a sentence: its own words, else the likely cause; None where neither is known."""
    own = read_cause(trace)
    if own is not None:
        return own
    likely = _likely(job, trace)
    return likely.why if likely is not None else None


def failed_status(job: CiJob, trace: bytes) -> str:
    """Why the publication ended, or at least where."""
    why = why_failed(job, trace)
    return status_line(
        f"{NOT_PUBLISHED} {why}" if why else f"{NOT_PUBLISHED} the job {job.name} {_ended(job)}"
    )


def failed_note(sha: str, job: CiJob, pipeline: Pipeline, trace: bytes, is_open: bool = True) -> str:
    """Why and what to do, which job failed, its last lines where its log is open, and where the rest is."""
    reason = f" GitLab names the reason {span(job.failure_reason)}." if job.failure_reason else ""
    return "\n".join(
        [
            "**Not published.** What was published before is untouched.",
            *_causes(job, trace),
            "",
            f"The job {link(prose(job.name), job.web_url)} of "
            f"{link(f'pipeline {pipeline.id}', pipeline.web_url)} {_ended(job)} at {span(sha[:SHORT_SHA])}.{reason}",
            *_tail(trace, is_open),
            "",
            "Mend the cause and push, or retry the job when the cause has passed.",
        ]
    )


def stage_status(file: str, job: CiJob | None, trace: bytes) -> str:
    """Which stage of the author's own stopped it, and why, where that is known."""
    if job is None:
        return status_line(f"{NOT_PUBLISHED} GitLab could not run your stage {file}")
    likely = _likely(job, trace)
    why = f". {likely.why}" if likely is not None else ""
    return status_line(f"{NOT_PUBLISHED} your stage {file} stopped it: the job {job.name} {_ended(job)}{why}")


def stage_note(
    sha: str, file: str, job: CiJob | None, pipeline_url: str, trace: bytes, is_open: bool = True
) -> str:
    """Which stage of the author's own stopped it, which job, why, and its last lines where its log is open."""
    if job is None:
        what = (
            f"GitLab started no job of your stage {span(file)} ({link('pipeline', pipeline_url)}) at "
            f"{span(sha[:SHORT_SHA])}. It needs at least one job that its rules let run."
        )
    else:
        what = (
            f"Your stage {span(file)} stopped it: its job {link(prose(job.name), job.web_url)} {_ended(job)} at "
            f"{span(sha[:SHORT_SHA])} ({link('pipeline', pipeline_url)})."
        )
    return "\n".join(
        [
            f"**Not published.** {what} What was published before is untouched.",
            *(_causes(job, trace) if job is not None else []),
            *_tail(trace, is_open),
            "",
            "Mend the cause and push, or retry that job when the cause has passed.",
        ]
    )


def _likely(job: CiJob, trace: bytes) -> Cause | None:
    # somebody cancelled the others
    return likely_cause(trace, job.failure_reason) if job.status == "failed" else None


def _causes(job: CiJob, trace: bytes) -> list[str]:
    """What the job itself says, what is likely besides, and what to do: nothing twice."""
    own, likely = read_cause(trace) or "", _likely(job, trace)
    lines = ["", f"**Why:** {prose(own)}"] if own else []
    if likely is None:
        return lines
    told = own.lower()
    if likely.why.rstrip(".").lower() not in told:
        lines += ["", f"**Likely cause:** {prose(likely.why)}"]
    if likely.mend.rstrip(".").lower() not in told:
        lines += ["", f"**What to do:** {prose(likely.mend)}"]
    return lines


def _tail(trace: bytes, is_open: bool) -> list[str]:
    if not trace.strip():
        return []
    if not is_open:
        return ["", "The project keeps its jobs' logs for its members: the job's page shows it to them."]
    return ["", "Its last lines:", "", log_block(trace, LOG_LINES_SHOWN)]


def _ended(job: CiJob) -> str:
    return {"failed": "failed", "canceled": "was cancelled"}.get(job.status, f"ended as {span(job.status)}")

"""What waits, runs and failed, and why, for a person; and what a person may do about it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bot.adapters.deliveries import Delivery
from bot.adapters.given_up import Parked
from bot.adapters.store import Store
from bot.domain.jobs import COMMAND, EnsurePipeline, Job, Publish
from bot.domain.text import plain
from bot.errors import OperatorError
from bot.jobs.engine import DELAYED, FAILED, RUNNING, Desk, Known
from bot.jobs.names import again_id, read_job

State = Literal["waiting", "running", "failed"]
STATES: tuple[State, ...] = ("waiting", "running", "failed")

MOST_DELIVERIES = 10_000
"""Deliveries without a job that are listed at most."""

MAX_WHY_CHARACTERS = 120
"""Of a reason in a table; JSON has all of it."""

DELIVERY = "delivery "


@dataclass(frozen=True, slots=True)
class Line:
    """One job or delivery. `age_seconds` is since it came; `due_seconds` until it may begin, where that is known."""

    id: str
    state: State
    kind: str
    project_id: int | None
    branch: str | None
    age_seconds: float
    attempt: int = 0
    due_seconds: float | None = None
    why: str = ""


def list_jobs(store: Store, desk: Desk, state: State | None = None) -> list[Line]:
    """All that waits, runs or failed, the oldest first; or only what is in one state."""
    now = time.time()
    lines = [_of_parked(parked, now) for parked in store.parked()]
    lines += [_of_known(known, now) for known in desk.jobs()]
    lines += [_of_delivery(delivery, now) for delivery in store.pending(MOST_DELIVERIES)]
    lines = [line for line in lines if state in (None, line.state)]
    return sorted(lines, key=lambda line: (STATES.index(line.state), -line.age_seconds))


def retry(store: Store, desk: Desk, job_id: str) -> str:
    """Let a failed job be done anew, or a delayed one at once; returns what was done, in words."""
    parked = next((one for one in store.parked() if one.job_id == job_id), None)
    if parked is not None and job_id.startswith(DELIVERY):
        if not store.wait_again(int(job_id.removeprefix(DELIVERY))):
            raise OperatorError(
                f"{job_id} is not kept any more", "push again, or ask for the branch with `publish`"
            )
        store.unpark(job_id)
        return f"{job_id} is taken up anew"
    if parked is not None:
        # Stored first: a crash in between leaves both, and asking again finds the same id in use.
        desk.enqueue(again_id(job_id, parked.parked_at), _anew(parked.job))
        store.unpark(job_id)
        return f"{job_id} is done anew"
    known = desk.job(job_id)
    if known is None:
        raise _unknown(job_id)
    if known.status != DELAYED:
        raise OperatorError(
            f"{job_id} is {_state(known)} already", "only failed and delayed jobs can be retried"
        )
    desk.begin_now(job_id)
    return f"{job_id} begins now"


def forget(store: Store, desk: Desk, job_id: str) -> str:
    """Let a job that failed or waits not be done any more; returns what was done, in words."""
    if any(parked.job_id == job_id for parked in store.parked()):
        store.unpark(job_id)
        return f"{job_id} is forgotten"
    known = desk.job(job_id)
    if known is None:
        raise _unknown(job_id)
    if known.status == RUNNING:
        raise OperatorError(f"{job_id} is running", "wait until it ends, or stop its worker first")
    desk.delete(job_id)
    return f"{job_id} is forgotten"


def as_json(lines: Sequence[Line]) -> str:
    """One array of objects, by the names of Line."""
    return json.dumps([asdict(line) for line in lines], indent=2)


def as_table(lines: Sequence[Line]) -> str:
    """For a terminal."""
    if not lines:
        return "Nothing waits, runs, or failed."
    head = ("STATE", "AGE", "PROJECT", "BRANCH", "KIND", "TRY", "ID", "WHY")
    rows = [head, *map(_cells, lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in padded)


FORMATS: Mapping[str, Callable[[Sequence[Line]], str]] = {"table": as_table, "json": as_json}


def _cells(line: Line) -> tuple[str, ...]:
    why = " ".join(line.why.split())
    due = f"in {_span(line.due_seconds)}" if line.due_seconds else ""
    return (
        line.state,
        _span(line.age_seconds),
        str(line.project_id or "-"),
        plain(line.branch or "-"),
        line.kind,
        str(line.attempt + 1),
        line.id,
        plain(": ".join(filter(None, (due, why))))[:MAX_WHY_CHARACTERS],
    )


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _state(known: Known) -> State:
    if known.status in FAILED:
        return "failed"
    return "running" if known.status == RUNNING else "waiting"


def _of_known(known: Known, now: float) -> Line:
    due = max(known.due_at - now, 0.0) if known.status == DELAYED and known.due_at else None
    return _line(
        known.job_id, _state(known), known.kind, known.values, now - known.created_at, due, known.why
    )


def _of_parked(parked: Parked, now: float) -> Line:
    kind = str(parked.job.get("kind", "?"))
    return _line(parked.job_id, "failed", kind, parked.job, now - parked.parked_at, None, parked.why)


def _of_delivery(delivery: Delivery, now: float) -> Line:
    kind = f"{delivery.event.get('kind', '?')} event"
    age = now - delivery.received_at
    return _line(
        f"{DELIVERY}{delivery.seq}", "waiting", kind, delivery.event, age, None, "no worker took it up yet"
    )


def _line(
    name: str, state: State, kind: str, values: Mapping[str, Any], age: float, due: float | None, why: str
) -> Line:
    project, branch, attempt = values.get("project_id"), values.get("branch"), values.get("attempt")
    return Line(
        name,
        state,
        kind,
        project if isinstance(project, int) else None,
        branch if isinstance(branch, str) else None,
        round(max(age, 0.0), 1),
        attempt if isinstance(attempt, int) else 0,
        None if due is None else round(due, 1),
        why,
    )


def _anew(stored: Mapping[str, Any]) -> Job:
    job = replace(read_job(stored["kind"], stored), attempt=0, faults=0)
    if isinstance(job, Publish | EnsurePipeline):
        # Its commit counts as handled since it was given up; what a person asks for is done all the same.
        return Publish(job.project_id, job.branch, job.sha, cause=COMMAND)
    return job


def _unknown(job_id: str) -> OperatorError:
    return OperatorError(
        f"there is no job {job_id!r} that waits, runs or failed", "`mlreef-bot jobs` lists them"
    )

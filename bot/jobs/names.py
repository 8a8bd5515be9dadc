"""What jobs are called: ids that follow from what led to them, so that nothing is started twice.

An id is `BRANCH:SEQ:SLOT:PATH`: a branch of a project, the number of the delivery that it goes back to, what a newer
job must be about to take its place, and a hash of that delivery's key or, of jobs that follow from another one, of the
way there. The number alone would not do: in a database that was put back from a backup it is given again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from bot.domain.jobs import (
    COMMAND,
    Answer,
    Check,
    EnsurePipeline,
    Follow,
    Job,
    List,
    Offer,
    Publish,
    Retire,
    Run,
    Setup,
    Withdraw,
)


def _stored_name(of: type[Any]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", of.__name__).lower()


KINDS: Mapping[str, type[Any]] = {_stored_name(of): of for of in get_args(Job)}
"""Every kind of job, by the name under which it is stored: its class must keep its name while such jobs may wait."""


class Name(NamedTuple):
    """The parts of an id that jobs are compared by."""

    branch: str
    seq: str
    slot: str


def read_name(job_id: str) -> Name:
    """The parts of an id. Raises ValueError for one that is not ours."""
    branch, seq, slot, *_ = job_id.split(":")
    return Name(branch, seq, slot)


def kind_of(job: Job) -> str:
    """The name under which jobs like this one are stored."""
    return _stored_name(type(job))


def read_job(kind: str, values: Mapping[str, Any]) -> Job:
    """A job as it was stored; what a later version of the bot added to it is left out. KeyError for no kind of ours."""
    of = KINDS[kind]
    job: Job = of(**{name: value for name, value in values.items() if name in of.__slots__})
    return job


def branch_name(job: Job) -> str:
    """What the ids of all jobs of this one's branch begin with."""
    # Ids are looked up by their beginning, where a branch's own characters could act as wildcards.
    return f"{job.project_id}-{_digest(job.branch)[:16]}"


def first_id(seq: int, key: str, job: Job) -> str:
    """The id of the job that a delivery leads to, by its number and key; ids of one branch sort by age."""
    return f"{branch_name(job)}:{seq:020d}:{slot_of(job)}:{_digest(key)[:24]}"


def child_id(parent: str, index: int, job: Job) -> str:
    """The id of the job that follows from another one, the same after a crash in between."""
    name = read_name(parent)
    # what a comment on a merge request leads to may be about a branch
    return f"{branch_name(job)}:{name.seq}:{slot_of(job)}:{_digest(f'{parent}/{index}')[:24]}"


def again_id(job_id: str, at: float) -> str:
    """The id under which a job that was given up or broken off is started anew, once for each time (`at`) it was."""
    name = read_name(job_id)
    return f"{name.branch}:{name.seq}:{name.slot}:again-{round(at * 1000)}"


def slot_of(job: Job) -> str:
    """What a newer job must be about to take this one's place."""
    match job:
        case Publish(cause=cause):
            # A push must not take the place of what a person asked for: that is done for a known head, too.
            return "asked" if cause == COMMAND else "publish"
        case EnsurePipeline(sha=sha):
            return f"ensure-{sha}"
        case Follow(pipeline_id=pipeline_id, running=running, by_job=by_job, runs=runs):
            # Word that it runs may arrive after word of its end, and must not take that one's place.
            return f"follow-{pipeline_id}-{running:d}{by_job:d}{'-runs' if runs else ''}"
        case Check(cause=cause):
            return "check-asked" if cause == COMMAND else "check"
        case Answer(note_id=note_id):
            # no comment takes the place of another one
            return f"answer-{note_id}"
        case Setup():
            return "setup"
        case List():
            return "list"
        case Retire():
            return "retire"
        case Withdraw(action=action, version=version, key=key):
            # whoever waits for one is told of that one
            return f"{action}-{_digest(f'{version} {key}')[:16]}"
        case Run(pipeline_id=pipeline_id):
            return f"run-{pipeline_id}"
        case Offer(version=version):
            return f"offer-{_digest(version)[:16]}"


def lane_of(job: Job, lanes: int) -> str:
    """Which of its project's lanes a job goes through: those of one branch share one, and go one after the other."""
    return f"{job.project_id}:{int(_digest(job.branch)[:8], 16) % lanes}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

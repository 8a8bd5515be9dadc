"""What the worker is asked to do: small values that can be stored, repeated and superseded.

Of each, `attempt` counts the tries before this one, and `faults` those of them that failed by a fault of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

COMMAND = "command"
"""Cause of a job that a person asked for: it is done even when the head was handled before."""


MERGE_REQUEST_LANE = "merge request "
"""Begins what stands for a branch in jobs about a merge request: no branch of git's can have a blank in its name."""


def merge_request_lane(iid: int) -> str:
    """What stands for a branch in jobs about that merge request."""
    return f"{MERGE_REQUEST_LANE}{iid}"


@dataclass(frozen=True, slots=True)
class Publish:
    """Bring the branch's head to publication; the sha is a hook's hint, the branch's head is the truth."""

    project_id: int
    branch: str
    sha: str | None = None
    cause: str = "push"
    attempt: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class EnsurePipeline:
    """See that a commit to be published has a pipeline, after GitLab had time to make one by itself.

    `fresh`: one that ended already does not count. `looks`: how often a child pipeline was waited for.
    `watch`: the pipeline is known; its end is looked for in case no hook tells of it. `since`: the newest pipeline
    before a fresh one was asked for; a newer one is it, however soon it ended.
    """

    project_id: int
    branch: str
    sha: str
    fresh: bool = False
    looks: int = 0
    watch: bool = False
    since: int | None = None
    attempt: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Follow:
    """A pipeline moved. `running`: a hook said that it runs; else its jobs are read to see how it ended.

    `by_job`: a job hook told it. Only then may a status say that it runs: such a status is a job of the pipeline
    and keeps it from ending, so without job hooks nobody would tell of the end.
    `runs`: the pipeline has ended, and has runs of modules to be told as well.
    """

    project_id: int
    branch: str
    sha: str
    pipeline_id: int
    running: bool = False
    by_job: bool = False
    runs: bool = False
    attempt: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """Review a merge request's head as it is now; the sha is a hook's hint, the merge request is the truth.

    `branch` is the lane of the merge request, no branch: what is about one merge request goes one after the other.
    When a person asked (`cause`), it is done and told also where nothing changed.
    """

    project_id: int
    branch: str
    iid: int
    sha: str | None = None
    cause: str = "push"
    attempt: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Do what a comment asks for, and answer below it.

    `target` is MergeRequest or Issue, and `iid` says which; or Commit, and `sha` does.
    `branch` is no branch of git's but what the comment is about, so that one thing at a time is done about it.
    `looks`: how often the end of the publication was waited for that was asked for; the fields after it say which.
    """

    project_id: int
    branch: str
    target: str
    iid: int
    sha: str
    note_id: int
    discussion_id: str
    user_id: int
    line: str
    looks: int = 0
    awaited_branch: str = ""
    awaited_sha: str = ""
    since: float = 0.0
    rerun: int = 0
    attempt: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Setup:
    """Open the merge request that sets a repository up, unless there was one before.

    `branch` is the one that it is proposed from, so that looking versions up keeps no publication waiting; no `sha`.
    """

    project_id: int
    branch: str
    sha: str | None = None
    attempt: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Retire:
    """Take back what a branch has published beyond the newest versions that are kept, and clean up candidates."""

    project_id: int
    branch: str
    attempt: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take a version back, or bring it back (`action`: unpublish or republish), as a person asked; 0 is the operator.

    `key`: under which the end is noted for whoever waits for it. `told`: the end is told by whoever waits, so nobody
    else is told. `looks`: how often the end of its pipeline was waited for; `since`: the newest pipeline before it.
    """

    project_id: int
    branch: str
    version: str
    action: str
    user_id: int = 0
    key: str = ""
    told: bool = False
    looks: int = 0
    since: int | None = None
    pipeline_id: int = 0
    attempt: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Keep and tell what the runs of a pipeline measured; `branch` is the pipeline's ref.

    `iid`: the merge request that the pipeline was made for, 0 for a branch's own pipeline.
    """

    project_id: int
    branch: str
    sha: str
    pipeline_id: int
    iid: int = 0
    attempt: int = 0
    faults: int = 0


LIST_LANE = "the catalogue"
"""What stands for a branch in jobs about a project's place in the catalogue: no branch of git's has a blank."""


@dataclass(frozen=True, slots=True)
class List:
    """Work out anew what the catalogue says of a project, all its branches; `branch` keeps two from being at it.

    `looks`: how often GitLab's ledger was waited for. `whole`: what is listed already is looked at once more, too.
    """

    project_id: int
    branch: str = LIST_LANE
    whole: bool = False
    looks: int = 0
    attempt: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """Have a published version as a component: a git tag with a release. `sha` "": whichever commit it was built of."""

    project_id: int
    branch: str
    sha: str
    version: str
    attempt: int = 0
    faults: int = 0


Job = Offer | Publish | List | EnsurePipeline | Follow | Check | Answer | Setup | Retire | Withdraw | Run


@dataclass(frozen=True, slots=True)
class Later:
    """A job that follows from another one, not before `seconds` have passed; `why` it waits, for people."""

    job: Job
    seconds: float = 0.0
    why: str = ""

"""What a command is about, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.gitlab import MergeRequest, Project
from bot.domain.jobs import Answer, Later
from bot.world import World


@dataclass(frozen=True, slots=True)
class Place:
    """What a comment is about: its project, the published branch that it concerns, and the commit to look at.

    `request`: the merge request that the comment is on. `sha` is empty where only the branch's head can be meant.
    """

    project: Project
    branch: str
    request: MergeRequest | None = None
    sha: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """It was done; `reply` where an emoji does not say it all, and what follows from it."""

    reply: str = ""
    later: tuple[Later, ...] = ()


@dataclass(frozen=True, slots=True)
class Undone:
    """It was not done, and why."""

    reply: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """A publication of the branch, of that commit or of what the bot makes of it, is to end; `later` leads there.

    `since`: when its record changed last before that, so that an end of earlier is not taken for this one's. `rerun`: a
    pipeline whose failed jobs are to be run again first; noted before it is done, so that it is done once.
    """

    branch: str
    sha: str
    since: float
    later: tuple[Later, ...] = ()
    rerun: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """It is done by another job, whose end is kept under a key for whoever waits for it."""

    later: tuple[Later, ...] = ()


Outcome = Done | Undone | Awaited | Asked


def fetch_place(job: Answer, world: World) -> Place:
    """What a comment is about; a merge request's branch is its target, a commit's the one it was published from."""
    project = world.forge.fetch_project(job.project_id)
    default = project.default_branch or "main"
    match job.target:
        case "MergeRequest":
            request = world.forge.fetch_merge_request(job.project_id, job.iid)
            if request is not None:
                return Place(project, request.target_branch, request, request.sha or "")
        case "Commit":
            known = world.store.publication(project.id, job.sha)
            return Place(project, known.branch if known else default, None, job.sha)
    return Place(project, default)

"""The catalogue of published modules, as values; and in which of MLReef's states a version or an attempt is.

A state is worked out of what GitLab's ledger (the deployments) and the registry say now. Nothing here is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.gitlab import CiJob
from bot.domain.pipeline import OUR_JOBS, PROMOTE
from bot.domain.plan import State


class VersionState(StrEnum):
    """How a version, or the attempt to publish one, stands: MLReef's words."""

    CREATION_FAILED = "creation_failed"
    CREATED = "created"
    PENDING = "pending"
    STARTING = "starting"
    STARTED = "started"
    FINISHING = "finishing"
    FAILED = "failed"
    PUBLISHED = "published"
    INCONSISTENT = "inconsistent"
    OUTDATED = "outdated"
    PIPELINE_MISSING = "pipeline_missing"
    UNPUBLISHING = "unpublishing"
    UNPUBLISHED = "unpublished"
    REPUBLISHING = "republishing"

    @property
    def available(self) -> bool:
        """Whether its image can be had under its names."""
        return self in (VersionState.PUBLISHED, VersionState.OUTDATED)

    @property
    def under_way(self) -> bool:
        """Whether it changes by itself soon."""
        return self in _UNDER_WAY


_UNDER_WAY = frozenset(
    {
        VersionState.CREATED,
        VersionState.PENDING,
        VersionState.STARTING,
        VersionState.STARTED,
        VersionState.FINISHING,
        VersionState.UNPUBLISHING,
        VersionState.REPUBLISHING,
    }
)


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """One version in the catalogue: `number` of its branch, `version` of the default branch ("" for others).

    `image` is the repository's address without tag, `size` in bytes as the registry keeps it, `published_at` in
    seconds since 1970, `environment` the name of its base. What is not known is "" or None.
    """

    project_id: int
    branch: str
    number: int
    version: str
    sha: str
    digest: str
    image: str
    size: int | None
    state: VersionState
    published_at: float | None
    pipeline_id: int | None
    environment: str = ""


@dataclass(frozen=True, slots=True)
class ListedModule:
    """A project's module in the catalogue, as its newest available version describes it.

    `visibility` is whose search finds it: the project's, or private where its code is for members only. `newest` is
    None where no version can be had. `parameters` are names; the whole Module is kept by digest.
    `readme` is the text of README at that version's commit, "" in lists. `updated_at`: when the newest was published.
    """

    project_id: int
    path: str
    web_url: str
    visibility: str
    name: str
    slug: str
    kind: str
    input_type: str
    output_type: str
    description: str
    author: str
    topics: tuple[str, ...]
    parameters: tuple[str, ...]
    readme: str
    newest: ListedVersion | None
    updated_at: float
    model_type: str = ""
    ml_category: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody looks for: words of `text` begin words of the module; the others are equal to what it has."""

    text: str = ""
    kind: str = ""
    input_type: str = ""
    output_type: str = ""
    parameter: str = ""
    topic: str = ""
    model_type: str = ""
    ml_category: str = ""


@dataclass(frozen=True, slots=True)
class Among:
    """Which modules come into question: those of these visibilities, and those of these projects."""

    visibilities: frozenset[str]
    projects: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Traces:
    """What is to be seen of one version now. Digests are "" where a name leads nowhere.

    `promised`: the digest that it was published with, as the bot said in GitLab; "" where that is not known.
    `by_number`, `by_version`: what its two tags lead to; `by_version` is None for a version that has no second name.
    `withdrawn`: a record keeps its number. `current`: the branch's head is its commit, or is the same as it.
    """

    promised: str
    by_number: str
    by_version: str | None
    withdrawn: bool
    current: bool
    building: bool = False
    """A pipeline builds its image once more, to bring it back."""


def read_state(traces: Traces) -> VersionState:
    """The state of a version that was published once."""
    named = {traces.by_number} | (set() if traces.by_version is None else {traces.by_version})
    if traces.withdrawn:
        if named != {""}:
            return VersionState.UNPUBLISHING
        return VersionState.REPUBLISHING if traces.building else VersionState.UNPUBLISHED
    if "" in named or len(named) > 1 or (traces.promised and named != {traces.promised}):
        return VersionState.INCONSISTENT
    return VersionState.PUBLISHED if traces.current else VersionState.OUTDATED


_ATTEMPTS = {
    State.PUBLISHED: VersionState.PUBLISHED,
    State.UNCHANGED: VersionState.PUBLISHED,
    State.FAILED: VersionState.FAILED,
    State.REFUSED: VersionState.CREATION_FAILED,
    State.PROPOSED: VersionState.CREATED,
    State.UNBUILT: VersionState.PIPELINE_MISSING,
    State.SUPERSEDED: VersionState.OUTDATED,
    State.UNPUBLISHED: VersionState.UNPUBLISHED,
}

NOT_BEGUN = frozenset({"created", "waiting_for_resource", "preparing", "pending", "scheduled", "manual"})
"""Statuses of a job before a runner has it."""


def read_attempt(state: State, pipeline_known: bool, jobs: Iterable[CiJob]) -> VersionState:
    """The state of an attempt to publish a commit, by what the bot knows of it and by its pipeline's jobs now."""
    if state.ended:
        return _ATTEMPTS[state]
    ours = {job.name: job.status for job in jobs if job.name in OUR_JOBS}
    if not pipeline_known:
        return VersionState.CREATED
    if not ours:
        return VersionState.PIPELINE_MISSING
    order = [name for name in OUR_JOBS if name in ours]
    begun = [name for name in order if ours[name] not in NOT_BEGUN]
    if any(ours[name] in ("failed", "canceled") for name in order):
        return VersionState.FAILED
    if not begun:
        return VersionState.PENDING
    if PROMOTE in begun or (PROMOTE in ours and all(ours[n] == "success" for n in order if n != PROMOTE)):
        return VersionState.FINISHING
    return (
        VersionState.STARTING if begun == order[:1] and ours[order[0]] == "running" else VersionState.STARTED
    )

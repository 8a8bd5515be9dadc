"""What happened, as far as it decides anything: the events that GitLab, people and the sweep tell of.

As plain data they wait in the store; nothing else of a payload is kept, for it may carry variables in clear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNKNOWN_SOURCE = "unknown"
"""Source of a pipeline that a job's own hook tells of; that hook does not say."""


@dataclass(frozen=True, slots=True)
class Push:
    """A branch or tag moved. `changed` is None when the payload does not list every commit's paths."""

    project_id: int
    ref: str
    before: str
    after: str
    user_id: int | None
    default_branch: str | None
    changed: tuple[str, ...] | None

    @property
    def branch(self) -> str | None:
        """The branch's name, or None for a tag."""
        name = self.ref.removeprefix("refs/heads/")
        return None if name == self.ref else name

    @property
    def deleted(self) -> bool:
        """Whether the ref is gone: GitLab then sends an id of zeros, 40 or 64 of them."""
        return not self.after.strip("0")


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """A merge request was opened, changed, merged or closed; `sha` is its head, "" where the hook names none.

    `moved`: it has other commits or another target than before; `retargeted`: it went to another branch before.
    """

    project_id: int
    iid: int
    action: str
    source_branch: str = ""
    target_branch: str = ""
    source_project_id: int | None = None
    sha: str = ""
    state: str = ""
    default_branch: str | None = None
    moved: bool = False
    retargeted: bool = False
    author_id: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Somebody commented, or edited a comment. Of its text only the first line is kept, and whom it calls.

    `target` is MergeRequest, Commit, Issue or Snippet: `iid` or `sha` says which. `action` is create or update, or
    unknown to GitLabs before 16.11; `once` tells those apart: it was never edited. `mentions` are the names called
    in it and in the issue that it is about.
    """

    project_id: int
    target: str
    action: str
    note_id: int = 0
    author_id: int = 0
    line: str = ""
    iid: int = 0
    sha: str = ""
    discussion_id: str = ""
    system: bool = False
    internal: bool = False
    once: bool = True
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """A job of a pipeline, as the pipeline's hook lists it. `run`: it left what a run of a module leaves."""

    name: str
    status: str
    allow_failure: bool = False
    run: bool = False


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline, or one job of it, changed its state. A job's own hook lists only that job.

    `parent`: the pipeline of the same project that triggered it. `merge_request`: the number of the merge request
    into this project that it was made for, 0 for none.
    """

    project_id: int
    ref: str
    sha: str
    pipeline_id: int
    status: str
    source: str
    tag: bool
    default_branch: str | None
    builds: tuple[Build, ...]
    by_job: bool = False
    parent: int | None = None
    merge_request: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A person asked on the command line that a branch be published now."""

    project_id: int
    branch: str


@dataclass(frozen=True, slots=True)
class Found:
    """The sweep found a head that nobody told of, or (with `pipeline_id`) a pipeline whose end nobody told."""

    project_id: int
    branch: str
    sha: str
    pipeline_id: int | None = None


@dataclass(frozen=True, slots=True)
class WithdrawAsked:
    """A person asked, by the API or on the command line, that a version be taken back, or brought back.

    `action` is unpublish or republish. `user_id` 0 is the operator, who may. `key` names the end for whoever waits.
    """

    project_id: int
    branch: str
    version: str
    action: str
    user_id: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """A project was renamed, moved, shown to others, archived or deleted; or, `whole`, has its turn to be looked at."""

    project_id: int
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Other:
    """An event that needs no work: what GitLab calls it, and why."""

    name: str
    why: str


Event = Push | MergeRequest | Note | Pipeline | Asked | Found | Changed | WithdrawAsked | Other

_KINDS: dict[str, type[Any]] = {
    "push": Push,
    "merge_request": MergeRequest,
    "note": Note,
    "pipeline": Pipeline,
    "asked": Asked,
    "found": Found,
    "changed": Changed,
    "withdraw": WithdrawAsked,
    "other": Other,
}

_NAMES = {of: kind for kind, of in _KINDS.items()}


def subject(event: Event) -> str:
    """What an event is about, in words that are equal for the same branch: project and ref."""
    match event:
        case Push(project_id, ref):
            return f"push {project_id} {ref}"
        case Pipeline(project_id, _, _, pipeline_id):
            return f"pipeline {project_id} {pipeline_id}"
        case MergeRequest(project_id, iid):
            return f"merge request {project_id} {iid}"
        case Asked(project_id, branch):
            return f"asked {project_id} {branch}"
        case Found(project_id, branch):
            return f"found {project_id} {branch}"
        case Changed(project_id):
            return f"changed {project_id}"
        case WithdrawAsked(project_id, _, version, action):
            return f"{action} {project_id} {version}"
        case Note(project_id, _, action, note_id) if note_id:
            return f"note {project_id} {note_id} {action}"
        case _:
            return ""


def to_dict(event: Event) -> dict[str, Any]:
    """The event as plain data that JSON can hold."""
    data = {"kind": _NAMES[type(event)], **_values(event)}
    if isinstance(event, Pipeline):
        data["builds"] = [_values(build) for build in event.builds]
    return data


def _values(value: Event | Build) -> dict[str, Any]:
    # dataclasses.asdict copies deeply, which takes longer than all of the reading.
    values = {name: getattr(value, name) for name in value.__slots__}
    # An older worker beside this door does not know these; it need not, where they say nothing.
    return {name: kept for name, kept in values.items() if kept or name not in ("run", "merge_request")}


def from_dict(data: Mapping[str, Any]) -> Event:
    """The event that `to_dict` made the data from. Raises ValueError for data of another form."""
    values = dict(data)
    of = _KINDS.get(values.pop("kind", ""))
    if of is None:
        raise ValueError(f"no stored event has the kind {data.get('kind')!r}")
    try:
        if of is Push and values["changed"] is not None:
            values["changed"] = tuple(values["changed"])
        if of is Pipeline:
            values["builds"] = tuple(Build(**build) for build in values["builds"])
        if of is Note:
            values["mentions"] = tuple(values.get("mentions", ()))
        event: Event = of(**values)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"a stored {data['kind']} event lacks a field or has a strange one: {error}"
        ) from error
    return event

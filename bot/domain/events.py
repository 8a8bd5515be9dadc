"""What GitLab tells: a webhook's payload, read into the few fields that decide anything.

GitLab's payloads differ between versions, hook kinds and samples, so reading never raises: what cannot be
understood becomes `Other`, with a reason that its sender may read. Nothing else of a payload is kept; it may
carry variables in clear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from bot.domain.runs import ARCHIVE

MAX_TEXT = 1024
"""Longest name of a branch, job or path that is believed (characters); git and GitLab stop far below."""

MAX_ID = 2**63 - 1
"""Largest id that GitLab's database can hold."""

MAX_CHANGED = 50
"""Longest list of changed paths that is kept; a longer one cannot be a push of one generated file."""

UNKNOWN_SOURCE = "unknown"
"""Source of a pipeline that a job's own hook tells of; that hook does not say."""

MAX_BUILDS = 2000
"""Most jobs of one pipeline that are read."""

MAX_LINE = 500
"""Longest first line of a comment that is read (characters); a command is much shorter."""

MAX_MENTIONS = 20
"""Most names called in one comment, or in the issue that it is about, that are kept."""

MAX_SEARCHED = 20_000
"""So many characters of a comment or an issue are searched for names."""


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
    """A project was renamed, moved, made visible to others, archived or deleted; or is to be looked at for that."""

    project_id: int


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


PROJECT_CHANGES = frozenset({"project_rename", "project_transfer", "project_update", "project_destroy"})
"""GitLab's names, in system and group hooks, for what may change a project's place in the catalogue."""

_NAMES = {of: kind for kind, of in _KINDS.items()}

# Control characters and halves of surrogate pairs are in no legal ref; databases and URLs choke on them.
_TEXT = re.compile(rf"[^\x00-\x1f\x7f\ud800-\udfff]{{1,{MAX_TEXT}}}")
_LINE_END = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_MENTION = re.compile(r"(?<![\w@/])@([A-Za-z0-9_][A-Za-z0-9_.-]{1,254})")


class _Unreadable(Exception):
    """A field is missing or of another type; the text names it."""


def read_event(payload: object) -> Event:
    """Read a decoded JSON payload; never raises."""
    if not isinstance(payload, Mapping):
        return Other("unknown", "the payload is not a JSON object")
    # System and group hooks of their own kinds carry event_name only; every hook names itself in the body.
    named = payload.get("object_kind") or payload.get("event_name")
    kind = named if isinstance(named, str) and len(named) <= MAX_TEXT and named.isprintable() else "unknown"
    try:
        match kind:
            case "push" | "tag_push":
                return _read_push(payload)
            case "merge_request":
                return _read_merge_request(payload)
            case "note":
                return _read_note(payload)
            case "pipeline":
                return _read_pipeline(payload)
            case "build":
                return _read_build(payload)
            case _ if kind in PROJECT_CHANGES:
                return Changed(_id(payload, "project_id"))
    except _Unreadable as error:
        return Other(kind, f"the payload of this {kind} event cannot be read: {error}")
    return Other(kind, f"events of kind {kind} need no work")


def _read_push(payload: Mapping[str, Any]) -> Push:
    project = _mapping(payload, "project")
    return Push(
        project_id=_project_id(payload, project),
        ref=_text(payload, "ref"),
        before=_sha(payload, "before"),
        after=_sha(payload, "after"),
        user_id=_optional_id(payload.get("user_id")),
        default_branch=_optional_text(project.get("default_branch")),
        changed=_read_changed(payload),
    )


def _read_changed(payload: Mapping[str, Any]) -> tuple[str, ...] | None:
    commits, total = payload.get("commits"), payload.get("total_commits_count")
    # GitLab lists the newest 20 commits only, and none at all behind a system hook.
    if not isinstance(commits, list) or not commits or type(total) is not int or total != len(commits):
        return None
    paths: set[str] = set()
    for commit in commits:
        for verb in ("added", "modified", "removed"):
            listed = commit.get(verb) if isinstance(commit, Mapping) else None
            if not isinstance(listed, list) or not all(_is_text(path) for path in listed):
                return None
            paths.update(listed)
    return tuple(sorted(paths)) if len(paths) <= MAX_CHANGED else None


def _read_merge_request(payload: Mapping[str, Any]) -> MergeRequest:
    about = _mapping(payload, "object_attributes")
    project = _mapping(payload, "project")
    commit, changes = about.get("last_commit"), payload.get("changes")
    sha = commit.get("id") if isinstance(commit, Mapping) else None
    retargeted = isinstance(changes, Mapping) and "target_branch" in changes
    return MergeRequest(
        project_id=_project_id(payload, project),
        iid=_id(about, "iid"),
        action=_optional_text(about.get("action")) or "unknown",
        source_branch=_optional_text(about.get("source_branch")) or "",
        target_branch=_optional_text(about.get("target_branch")) or "",
        source_project_id=_optional_id(about.get("source_project_id")),
        sha=sha if _is_sha(sha) else "",
        state=_optional_text(about.get("state")) or "",
        default_branch=_optional_text(project.get("default_branch")),
        moved=retargeted or _is_text(about.get("oldrev")),
        retargeted=retargeted,
        author_id=_optional_id(about.get("author_id")),
    )


def _read_note(payload: Mapping[str, Any]) -> Note:
    about = _mapping(payload, "object_attributes")
    target = _optional_text(about.get("noteable_type")) or "unknown"
    text, sha = about.get("note"), about.get("commit_id")
    noteable = payload.get({"MergeRequest": "merge_request", "Issue": "issue"}.get(target, ""))
    noteable = noteable if isinstance(noteable, Mapping) else {}
    return Note(
        project_id=_project_id(payload, _mapping(payload, "project")),
        target=target,
        action=_optional_text(about.get("action")) or "unknown",
        note_id=_optional_id(about.get("id")) or 0,
        author_id=_optional_id(about.get("author_id")) or 0,
        line=_first_line(text),
        iid=_optional_id(noteable.get("iid")) or 0,
        sha=sha if _is_sha(sha) else "",
        discussion_id=_optional_text(about.get("discussion_id")) or "",
        system=about.get("system") is True,
        internal=about.get("internal") is True
        or payload.get("event_type") == "confidential_note"
        or noteable.get("confidential") is True,
        once=about.get("created_at") == about.get("updated_at"),
        mentions=(*_mentions(text), *_mentions(noteable.get("description"))) if target == "Issue" else (),
    )


def _first_line(text: object) -> str:
    """The first line, whole; empty when it is too long to be a command, or holds what no command does."""
    if not isinstance(text, str):
        return ""
    line = _LINE_END.split(text[: MAX_LINE + 1], maxsplit=1)[0].replace("\t", " ")
    return line if len(line) <= MAX_LINE and _is_text(line) else ""


def _mentions(text: object) -> tuple[str, ...]:
    if not isinstance(text, str):
        return ()
    called = (found.rstrip(".-").lower() for found in _MENTION.findall(text[:MAX_SEARCHED]))
    return tuple(dict.fromkeys(called))[:MAX_MENTIONS]


def _read_pipeline(payload: Mapping[str, Any]) -> Pipeline:
    about, project = _mapping(payload, "object_attributes"), _mapping(payload, "project")
    listed = payload.get("builds")
    if not isinstance(listed, list):
        raise _Unreadable("`builds` is not a list")
    builds = (_read_listed_build(build) for build in listed[:MAX_BUILDS])
    return Pipeline(
        project_id=_project_id(payload, project),
        ref=_text(about, "ref"),
        sha=_sha(about, "sha"),
        pipeline_id=_id(about, "id"),
        status=_optional_text(about.get("status")) or "unknown",
        source=_optional_text(about.get("source")) or "unstated",
        tag=about.get("tag") is True,
        default_branch=_optional_text(project.get("default_branch")),
        builds=tuple(build for build in builds if build),
        parent=_parent(payload, project),
        merge_request=_merge_request_of(payload, project),
    )


def _merge_request_of(payload: Mapping[str, Any], project: Mapping[str, Any]) -> int:
    request = payload.get("merge_request")
    if not isinstance(request, Mapping) or request.get("target_project_id") != project.get("id"):
        return 0
    return _optional_id(request.get("iid")) or 0


def _parent(payload: Mapping[str, Any], project: Mapping[str, Any]) -> int | None:
    source = payload.get("source_pipeline")
    of = source.get("project") if isinstance(source, Mapping) else None
    if not isinstance(source, Mapping) or not isinstance(of, Mapping) or of.get("id") != project.get("id"):
        return None
    found = source.get("pipeline_id")
    return found if type(found) is int and found > 0 else None


def _read_listed_build(build: object) -> Build | None:
    if not isinstance(build, Mapping):
        return None
    name, status = build.get("name"), build.get("status")
    if not _is_text(name) or not _is_text(status):
        return None
    archive = build.get("artifacts_file")
    run = isinstance(archive, Mapping) and archive.get("filename") == f"{ARCHIVE}.zip"
    return Build(name, status, build.get("allow_failure") is True, run)


def _read_build(payload: Mapping[str, Any]) -> Pipeline:
    project = payload.get("project")
    project = project if isinstance(project, Mapping) else {}
    build = Build(
        _text(payload, "build_name"),
        _text(payload, "build_status"),
        payload.get("build_allow_failure") is True,
    )
    return Pipeline(
        project_id=_project_id(payload, project),
        ref=_text(payload, "ref"),
        sha=_sha(payload, "sha"),
        pipeline_id=_id(payload, "pipeline_id"),
        status="unknown",
        source=UNKNOWN_SOURCE,
        tag=payload.get("tag") is True,
        default_branch=_optional_text(project.get("default_branch")),
        builds=(build,),
        by_job=True,
    )


def _project_id(payload: Mapping[str, Any], project: Mapping[str, Any]) -> int:
    found = _optional_id(payload.get("project_id")) or _optional_id(project.get("id"))
    if found is None:
        raise _Unreadable("neither `project_id` nor `project.id` is a project's id")
    return found


def _mapping(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    if not isinstance(found, Mapping):
        raise _Unreadable(f"`{name}` is missing or not an object")
    return found


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if not _is_text(found):
        raise _Unreadable(f"`{name}` is missing or not a plain text of 1 to {MAX_TEXT} characters")
    return found


def _sha(value: Mapping[str, Any], name: str) -> str:
    found = _text(value, name)
    if not _is_sha(found):
        raise _Unreadable(f"`{name}` is not a commit id of 40 or 64 hex digits")
    return found


def _id(value: Mapping[str, Any], name: str) -> int:
    found = _optional_id(value.get(name))
    if found is None:
        raise _Unreadable(f"`{name}` is missing or not an id")
    return found


def _optional_id(found: object) -> int | None:
    # bool is an int to Python, and `true` is no id.
    return found if type(found) is int and 0 < found <= MAX_ID else None


def _optional_text(found: object) -> str | None:
    return found if _is_text(found) else None


def _is_sha(found: object) -> TypeGuard[str]:
    return isinstance(found, str) and len(found) in (40, 64) and set(found) <= set("0123456789abcdef")


def _is_text(found: object) -> TypeGuard[str]:
    return isinstance(found, str) and _TEXT.fullmatch(found) is not None


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

"""What GitLab tells: a webhook's payload, read into an event.

GitLab's payloads differ between versions, hook kinds and samples, so reading never raises: what cannot be
understood becomes `Other`, with a reason that its sender may read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

from bot.domain.events import UNKNOWN_SOURCE, Build, Changed, Event, MergeRequest, Note, Other, Pipeline, Push
from bot.domain.runs import ARCHIVE

MAX_TEXT = 1024
"""Longest name of a branch, job or path that is believed (characters); git and GitLab stop far below."""

MAX_ID = 2**63 - 1
"""Largest id that GitLab's database can hold."""

MAX_CHANGED = 50
"""Longest list of changed paths that is kept; a longer one cannot be a push of one generated file."""

MAX_BUILDS = 2000
"""Most jobs of one pipeline that are read."""

MAX_LINE = 500
"""Longest first line of a comment that is read (characters); a command is much shorter."""

MAX_MENTIONS = 20
"""Most names called in one comment, or in the issue that it is about, that are kept."""

MAX_SEARCHED = 20_000
"""So many characters of a comment or an issue are searched for names."""

PROJECT_CHANGES = frozenset({"project_rename", "project_transfer", "project_update", "project_destroy"})
"""GitLab's names, in system and group hooks, for what may change a project's place in the catalogue."""

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

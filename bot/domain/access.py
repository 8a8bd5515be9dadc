"""Who looks, and what GitLab lets them see. Nothing here decides: the answers are GitLab's, given to that person."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain.gitlab import DEVELOPER, MAINTAINER, Bridge, CiJob
from bot.errors import BotError

NO_ONE = 0
MAX_PATH_CHARACTERS = 1024
MAX_ID = 2**63 - 1
"""Largest id that GitLab's database can hold."""

ACCESS_EVENTS = frozenset(
    {
        *("project_update", "project_rename", "project_transfer", "project_destroy"),
        *("user_add_to_team", "user_update_for_team", "user_remove_from_team"),
        *("user_add_to_group", "user_update_for_group", "user_remove_from_group"),
        *("group_rename", "group_destroy", "user_destroy"),
    }
)
"""GitLab's names, in system and group hooks, for what may change who sees what."""

_GID = "gid://gitlab/Project/"
_BUILD_GID = "gid://gitlab/Ci::Build/"
_PART = r"(?!\.{1,2}(?:/|\Z))[\w.][\w.+-]*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})+", re.ASCII)

Ref = int | str
"""A project as people name it: by its id, or by its full path."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who looks at the catalogue: `token` is their own, and empty for a visitor who is not signed in."""

    id: int | None
    username: str
    token: str = field(default="", repr=False)

    @property
    def anonymous(self) -> bool:
        """Whether nobody knows who it is."""
        return not self.token


ANONYMOUS = Person(None, "")


class NotAccepted(BotError):
    """GitLab does not accept the person's own token: it is expired, revoked, not GitLab's, or may read too little."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A project as one person sees it now.

    `readable`: they may read its code, and so what is published of it; `can_pull`: its images, too. `level` is
    MAINTAINER or DEVELOPER where they may do at least what such a member may, else 0.
    """

    project_id: int
    path: str
    web_url: str
    visibility: str
    readable: bool
    can_pull: bool
    level: int
    topics: tuple[str, ...] = ()


def changes_access(payload: object) -> bool:
    """Whether a webhook's payload tells of something that may change who sees what."""
    named = payload.get("event_name") if isinstance(payload, Mapping) else None
    return isinstance(named, str) and named in ACCESS_EVENTS


def read_ref(text: str) -> Ref | None:
    """What somebody named a project by: digits are its id, anything else its path. None for what cannot be either."""
    if text.isascii() and text.isdigit():
        return int(text) if len(text) < 20 and 0 < int(text) <= MAX_ID else None
    return text if len(text) <= MAX_PATH_CHARACTERS and _PATH.fullmatch(text) else None


def gid_of(project_id: int) -> str:
    """GitLab's global id of a project."""
    return f"{_GID}{project_id}"


def read_seen(node: Mapping[str, Any] | None) -> Seen | None:
    """A project as GitLab's GraphQL tells it to the person who asks; None where it tells of none.

    What is missing counts as not allowed.
    """
    if not node:
        return None
    number = str(node.get("id") or "").removeprefix(_GID)
    path = str(node.get("fullPath") or "")
    if not number.isdigit() or not path:
        return None
    may = node.get("userPermissions") or {}
    visibility = str(node.get("visibility") or "private")
    readable = may.get("downloadCode") is True
    return Seen(
        int(number),
        path,
        str(node.get("webUrl") or ""),
        visibility,
        readable,
        # of a private project only its Reporters get images, and they are those who may read the code
        readable and node.get("containerRegistryEnabled") is True,
        MAINTAINER
        if may.get("adminProject") is True
        else DEVELOPER
        if may.get("pushCode") is True
        else NO_ONE,
        tuple(str(topic) for topic in node.get("topics") or ()),
    )


def build_gid(job_id: int) -> str:
    """GitLab's global id of a job."""
    return f"{_BUILD_GID}{job_id}"


def read_open_jobs(project: Mapping[str, Any] | None) -> frozenset[int]:
    """Of the jobs that GitLab's GraphQL tells of, those whose artifacts are there and may be had by who asked.

    Of artifacts that are gone GitLab no longer knows for whom they were, so then nobody may.
    """
    found = set()
    for node in (project or {}).values():
        if not isinstance(node, Mapping):
            continue
        number = str(node.get("id") or "").removeprefix(_BUILD_GID)
        may = (node.get("userPermissions") or {}).get("readJobArtifacts") is True
        files = (node.get("artifacts") or {}).get("nodes") or ()
        if number.isdigit() and may and any(one and one.get("fileType") == "ARCHIVE" for one in files):
            found.add(int(number))
    return frozenset(found)


def read_jobs(items: Sequence[Any]) -> tuple[CiJob, ...]:
    """A pipeline's jobs as GitLab lists them, the newest of each name, in the order in which they were made."""
    jobs: dict[str, CiJob] = {}
    for item in sorted((one for one in items if isinstance(one, Mapping)), key=lambda one: int(one["id"])):
        name, seconds = str(item.get("name") or ""), item.get("duration")
        jobs[name] = CiJob(
            int(item["id"]),
            name,
            str(item.get("status") or ""),
            item.get("allow_failure") is True,
            str(item.get("web_url") or ""),
            seconds=float(seconds) if isinstance(seconds, int | float) else None,
        )
    return tuple(jobs.values())


def read_bridges(items: Sequence[Any], project_id: int) -> tuple[Bridge, ...]:
    """A pipeline's jobs that trigger others, as GitLab lists them; of retried ones the newest."""
    newest: dict[str, Bridge] = {}
    for item in sorted((one for one in items if isinstance(one, Mapping)), key=lambda one: int(one["id"])):
        name, child = str(item.get("name") or ""), item.get("downstream_pipeline") or {}
        own = "id" in child and child.get("project_id", project_id) == project_id
        newest[name] = Bridge(
            id=int(item["id"]),
            name=name,
            status=str(item.get("status") or ""),
            child=int(child["id"]) if own else None,
            child_url=str(child.get("web_url") or ""),
            allow_failure=item.get("allow_failure") is True,
        )
    return tuple(newest.values())

"""What GitLab shows to a person: asked live, with their own token, and believed for a few seconds.

The bot's own token has no part in it. Where GitLab gives no answer, nothing is shown.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.adapters.as_person import Line
from bot.domain.access import (
    NotAccepted,
    Person,
    Ref,
    Seen,
    build_gid,
    gid_of,
    read_bridges,
    read_jobs,
    read_open_jobs,
    read_seen,
)
from bot.domain.catalogue import Among
from bot.domain.gitlab import Bridge, CiJob

PEOPLE_KEPT = 256
"""People whose answers are kept; who asked longest ago goes first."""

ANSWERS_KEPT = 2_000
"""Answers kept of one person."""

IDS_PER_QUESTION = 100
"""GitLab gives a page of so many projects."""

NOBODYS_ID = 2**31 - 1_000_000
"""From here on ids are asked for that no project has: they fill a question up."""

MEMBERSHIP_SECONDS = 60.0
"""How long a list of somebody's projects is used to search among: who sees them is asked anew all the same."""

MEMBERSHIP_PAGES = 20
"""Pages of 100 projects of one person's that are searched."""

FOR_EVERYBODY = frozenset({"public"})
FOR_EVERY_USER = frozenset({"public", "internal"})
FOR_ADMINISTRATORS = frozenset({"public", "internal", "private"})

_FIELDS = """{
  id fullPath webUrl visibility topics containerRegistryEnabled
  userPermissions { downloadCode pushCode adminProject }
}"""
_MANY = f"query seen($ids: [ID!]!) {{ projects(ids: $ids, first: 100) {{ nodes {_FIELDS} }} }}"
_ONE = f"query seen($path: ID!) {{ project(fullPath: $path) {_FIELDS} }}"


@dataclass
class _Known:
    """What is kept of one person: their line, and answers with the time until which they are believed."""

    line: Line
    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: dict[Ref, tuple[float, Seen | None]] = field(default_factory=dict)
    lists: dict[str, tuple[float, Sequence[Any] | None]] = field(default_factory=dict)
    open: dict[int, tuple[float, bool]] = field(default_factory=dict)
    among: tuple[float, Among] | None = None
    person: tuple[float, Person] | None = None


class Visibility:
    """GitLab's word on who may see which projects. Safe to use from several threads.

    Every method raises TryAgain when GitLab gives no answer, and NotAccepted for a token that it does not take.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: float,
        cache_seconds: float,
        ca_file: str | None = None,
        now: Callable[[], float] = time.monotonic,
        changed: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`changed` gives another text than before once GitLab told that somebody may see more, or less."""
        self._where = (url, timeout_seconds, ca_file)
        self._cache_seconds = cache_seconds
        self._now = now
        self._changed = changed
        self._mark: str | None = None
        self._lock = threading.Lock()
        self._people: OrderedDict[str, _Known] = OrderedDict()

    def look(self, person: Person, refs: Sequence[Ref]) -> Mapping[Ref, Seen]:
        """Those of the projects that this person may see at all, by what they were asked for as."""
        known, now = self._known(person.token), self._now()
        with known.lock:
            found = {ref: kept[1] for ref in refs if (kept := known.seen.get(ref)) and kept[0] > now}
        missing = [ref for ref in dict.fromkeys(refs) if ref not in found]
        numbers = [ref for ref in missing if isinstance(ref, int)]
        for start in range(0, len(numbers), IDS_PER_QUESTION):
            found |= _ask_many(known.line, numbers[start : start + IDS_PER_QUESTION])
        for ref in missing:
            if isinstance(ref, str):
                data = known.line.graphql(_ONE, {"path": ref})
                found[ref] = read_seen(data.get("project"))
        until = self._now() + self._cache_seconds
        with known.lock:
            if len(known.seen) + len(missing) > ANSWERS_KEPT:
                known.seen.clear()
            known.seen |= {ref: (until, found.get(ref)) for ref in missing}
        return {ref: seen for ref, seen in found.items() if seen is not None}

    def look_among(self, person: Person, numbers: Sequence[int], size: int) -> Mapping[int, Seen]:
        """The same of up to `size` projects that a search came upon, always asked anew and always about `size` of them.

        What a search came upon and this person may not see must not show by its time: whether there was a question,
        how long it was, or whether its answer was known already.
        """
        line = self._known(person.token).line
        asked = [*numbers, *range(NOBODYS_ID, NOBODYS_ID + size - len(numbers))]
        found: dict[Ref, Seen | None] = {}
        for start in range(0, len(asked), IDS_PER_QUESTION):
            found |= _ask_many(line, asked[start : start + IDS_PER_QUESTION])
        return {number: seen for number in numbers if (seen := found.get(number)) is not None}

    def candidates(self, person: Person) -> Among:
        """What a search by this person goes through; who may see what of it is asked for each page."""
        known, now = self._known(person.token), self._now()
        if known.among is not None and known.among[0] > now:
            return known.among[1]
        among = Among(FOR_EVERYBODY, frozenset())
        if not person.anonymous:
            me = _me(known.line)
            among = Among(_visibilities(me), _readable(known.line, _membership(known.line)))
        known.among = (now + MEMBERSHIP_SECONDS, among)
        return among

    def identify(self, token: str) -> Person:
        """Whose token it is."""
        known, now = self._known(token), self._now()
        if known.person is None or known.person[0] <= now:
            me = _me(known.line)
            person = Person(int(me["id"]), str(me.get("username") or ""), token)
            known.person = (now + self._cache_seconds, person)
        return known.person[1]

    def may_change(self, person: Person) -> bool:
        """Whether the token itself may change anything, asked anew: one that only reads must not through us, either."""
        line = self._known(person.token).line
        about, _ = line.get("/personal_access_tokens/self", {}) if not person.anonymous else (None, "")
        if about is None and not person.anonymous:
            # what an application got for a person's yes is no personal token
            told = line.get_outside("/oauth/token/info")
            about = {"scopes": told.get("scope")} if isinstance(told, dict) else None
        scopes = about.get("scopes") if isinstance(about, dict) else None
        return isinstance(scopes, list) and "api" in scopes

    def fetch_jobs(self, person: Person, project_id: int, pipeline_id: int) -> tuple[CiJob, ...] | None:
        """The jobs of a pipeline, the newest of each name, oldest first; None where this person may not see them."""
        items = self._listed(person, f"/projects/{project_id}/pipelines/{pipeline_id}/jobs")
        return read_jobs(items) if items is not None else None

    def fetch_bridges(self, person: Person, project_id: int, pipeline_id: int) -> tuple[Bridge, ...]:
        """The jobs of a pipeline that trigger others; none where this person may not see them."""
        items = self._listed(person, f"/projects/{project_id}/pipelines/{pipeline_id}/bridges")
        return read_bridges(items or (), project_id)

    def _listed(self, person: Person, path: str) -> Sequence[Any] | None:
        """What GitLab lists there for this person, kept for a while; None where it is not for them."""
        known, now = self._known(person.token), self._now()
        with known.lock:
            kept = known.lists.get(path)
        if kept is not None and kept[0] > now:
            return kept[1]
        items, _ = known.line.get(path, {"per_page": "100"})
        told = items if isinstance(items, list) else None
        with known.lock:
            if len(known.lists) > ANSWERS_KEPT:
                known.lists.clear()
            known.lists[path] = (self._now() + self._cache_seconds, told)
        return told

    def fetch_open(self, person: Person, path: str, job_ids: Sequence[int]) -> frozenset[int]:
        """Those of a project's jobs whose artifacts GitLab has, and gives to this person."""
        known, now = self._known(person.token), self._now()
        with known.lock:
            found = {one: kept[1] for one in job_ids if (kept := known.open.get(one)) and kept[0] > now}
        missing = [one for one in job_ids if one not in found]
        if missing:
            data = known.line.graphql(_open_question(missing), {"path": path})
            told = read_open_jobs(data.get("project"))
            found |= {one: one in told for one in missing}
            until = self._now() + self._cache_seconds
            with known.lock:
                if len(known.open) + len(missing) > ANSWERS_KEPT:
                    known.open.clear()
                known.open |= {one: (until, found[one]) for one in missing}
        return frozenset(one for one in job_ids if found[one])

    def forget(self) -> None:
        """Believe nothing any more of what was answered so far."""
        with self._lock:
            people, self._people = self._people, OrderedDict()
        for known in people.values():
            known.line.close()

    def _known(self, token: str) -> _Known:
        # the digest: a token is not kept in more places than its line
        mark = self._changed()
        if mark != self._mark:
            # whoever is still asking keeps its answer where nobody looks any more
            self.forget()
            self._mark = mark
        url, timeout_seconds, ca_file = self._where
        key = hashlib.sha256(token.encode()).hexdigest()
        with self._lock:
            known = self._people.get(key)
            if known is None:
                known = self._people[key] = _Known(Line(url, token, timeout_seconds, ca_file))
            self._people.move_to_end(key)
            while len(self._people) > PEOPLE_KEPT:
                self._people.popitem(last=False)
        return known


def _open_question(job_ids: Sequence[int]) -> str:
    fields = "id userPermissions { readJobArtifacts } artifacts { nodes { fileType } }"
    jobs = " ".join(f'job{one}: job(id: "{build_gid(one)}") {{ {fields} }}' for one in job_ids)
    return f"query open($path: ID!) {{ project(fullPath: $path) {{ {jobs} }} }}"


def _ask_many(line: Line, numbers: Sequence[int]) -> dict[Ref, Seen | None]:
    data = line.graphql(_MANY, {"ids": [gid_of(number) for number in numbers]})
    nodes = (data.get("projects") or {}).get("nodes") or ()
    told = {seen.project_id: seen for node in nodes if (seen := read_seen(node))}
    return {number: told.get(number) for number in numbers}


def _readable(line: Line, numbers: Sequence[int]) -> frozenset[int]:
    """Those of somebody's projects whose code they may read.

    A search must not come upon the others: somebody could make so many of these, for a Guest, that one hidden module
    more costs a question more.
    """
    found: set[int] = set()
    for start in range(0, len(numbers), IDS_PER_QUESTION):
        seen = _ask_many(line, numbers[start : start + IDS_PER_QUESTION])
        found |= {number for number in numbers if (one := seen.get(number)) is not None and one.readable}
    return frozenset(found)


def _me(line: Line) -> Mapping[str, Any]:
    me, _ = line.get("/user", {})
    if not isinstance(me, dict) or not isinstance(me.get("id"), int):
        raise NotAccepted("This token is nobody's who can be asked for: it needs the scope read_api (or api)")
    return me


def _visibilities(me: Mapping[str, Any]) -> frozenset[str]:
    if me.get("is_admin") is True or me.get("is_auditor") is True:
        return FOR_ADMINISTRATORS
    return FOR_EVERYBODY if me.get("external") is True else FOR_EVERY_USER


def _membership(line: Line) -> list[int]:
    query = {
        "membership": "true",
        "simple": "true",
        "per_page": "100",
        "pagination": "keyset",
        "order_by": "id",
        "sort": "desc",
    }
    items, following = line.get("/projects", query)
    found = [int(item["id"]) for item in items or ()]
    for _ in range(MEMBERSHIP_PAGES - 1):
        if not following:
            break
        items, following = line.get_next(following)
        found += [int(item["id"]) for item in items or ()]
    return found

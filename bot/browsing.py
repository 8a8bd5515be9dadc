"""The catalogue as one person sees it: the only way by which pages and API reach the store.

GitLab is asked first, as that person, and the store only about what GitLab showed. So what is hidden and what is not
there are the same: the same question, the same answer, nothing to compare. No answer holds a total.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

from bot.adapters.publications import Publication
from bot.domain.access import Person, Ref, Seen, read_ref
from bot.domain.catalogue import (
    Among,
    ListedModule,
    ListedVersion,
    Query,
    VersionState,
    read_attempt,
)
from bot.domain.catalogue_words import cursor_of
from bot.domain.gitlab import DEVELOPER, MAINTAINER, Bridge, CiJob
from bot.domain.interface import InterfaceDiff
from bot.domain.interface import compare as compare_interfaces
from bot.domain.listing import MAX_TOPICS, line
from bot.domain.module_label import read_module
from bot.domain.pipeline import OUR_JOBS, STAGE_JOB
from bot.domain.plan import State
from bot.domain.runs import KeptRun
from bot.domain.shown_versions import Named, find, front, shown, view
from bot.domain.views import CompareView, Found, ModuleView, ProgressView, RunView, StageView, VersionView
from parser.model import Module

MAX_ITEMS = 100
"""Modules on one page of a search; GitLab is asked about so many at a time."""

USUAL_ITEMS = 24
SPARE_ITEMS = 8
"""Modules on a small page, and how many more are looked at beside it: so many hidden ones cost no further question.

Else, of a page of one module, the time would tell of the hidden one behind it.
"""

MAX_SCANNED = 1_000
"""Modules that are looked at for one page. More in a row that turn out to be hidden end the search."""

RUNS_SHOWN = 5
"""Runs of a module whose measurements are shown."""

PROGRESS_SHOWN = 20
"""Publications under way that are shown: GitLab is asked about the jobs of each."""

PROGRESS_LOOKED_AT = 100
PEOPLE_KEPT = 256
"""People who are given the same answer again; who asked longest ago goes first."""

MODULES_KEPT = 16
"""Modules that stay read, and pairs that stay compared, by what their images say: at most some MB each."""

UNDER_WAY_SECONDS = 24 * 3600.0
"""A publication that did not move for so long is under way no more."""

JUST_ENDED_SECONDS = 600.0


class Catalogue(Protocol):
    """What is asked of the store."""

    def search(self, query: Query, among: Among, after: str | None, limit: int) -> tuple[ListedModule, ...]:
        """Modules that fit, behind a place in the list. ValueError for what is no place."""

    def listed(self, project_id: int) -> ListedModule | None:
        """A project's module."""

    def listed_versions(self, project_id: int) -> tuple[ListedVersion, ...]:
        """All its versions."""

    def described(self, digest: str) -> Any:
        """What is known of an image."""

    def runs_of(self, project_id: int, branch: str | None = None, limit: int = ...) -> tuple[KeptRun, ...]:
        """A project's runs, the newest first."""

    def newest_publication(self, project_id: int) -> Publication | None:
        """What became of a project's newest push."""

    def recent_publications(
        self, open_since: float, ended_since: float, limit: int
    ) -> tuple[Publication, ...]:
        """Publications that are under way, or ended lately."""


class Eyes(Protocol):
    """What is asked of GitLab, as that person."""

    def look(self, person: Person, refs: Sequence[Ref]) -> Mapping[Ref, Seen]:
        """Those of the projects that this person may see at all."""

    def look_among(self, person: Person, numbers: Sequence[int], size: int) -> Mapping[int, Seen]:
        """The same of what a search came upon, in a question that is always about `size` projects."""

    def candidates(self, person: Person) -> Among:
        """What a search of theirs goes through."""

    def fetch_open(self, person: Person, path: str, job_ids: Sequence[int]) -> frozenset[int]:
        """Those of a project's jobs whose artifacts GitLab has, and gives to this person."""

    def fetch_jobs(self, person: Person, project_id: int, pipeline_id: int) -> Sequence[CiJob] | None:
        """A pipeline's jobs; None where this person may not see them."""

    def fetch_bridges(self, person: Person, project_id: int, pipeline_id: int) -> Sequence[Bridge]:
        """A pipeline's jobs that trigger others; none where this person may not see them."""


class Browser:
    """Reads of the catalogue. Every method raises TryAgain without GitLab's answer, NotAccepted for a bad token."""

    def __init__(
        self,
        store: Catalogue,
        eyes: Eyes,
        progress_seconds: float = 0.0,
        now: Callable[[], float] = time.time,
        changed: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`progress_seconds`: how long somebody is given the same answer about what is under way.

        `changed` gives another text than before once GitLab told that somebody may see more, or less.
        """
        self._store = store
        self._eyes = eyes
        self._progress_seconds = progress_seconds
        self._now = now
        self._changed = changed
        self._mark: str | None = None
        self._told: OrderedDict[Person, tuple[float, tuple[ProgressView, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, query: Query, person: Person, after: str = "", limit: int = USUAL_ITEMS) -> Found:
        """Modules that can be had now, by name. ValueError for an `after` that no page ended with."""
        limit = max(1, min(limit, MAX_ITEMS))
        among = self._eyes.candidates(person)
        kept: list[tuple[ListedModule, ListedModule]] = []
        place, size, scanned = after, max(limit, USUAL_ITEMS) + SPARE_ITEMS, 0
        while scanned < MAX_SCANNED:
            batch = self._store.search(query, among, place or None, size)
            seen = self._eyes.look_among(person, [one.project_id for one in batch], size)
            kept += [
                (one, _as_seen(one, now))
                for one in batch
                if (now := seen.get(one.project_id)) and now.readable and one.newest is not None
            ]
            if len(kept) > limit or len(batch) < size:
                break
            place, size, scanned = cursor_of(batch[-1]), MAX_ITEMS, scanned + len(batch)
        more = len(kept) > limit
        # the place behind the last one shown: one behind a hidden one would tell of it
        return Found(tuple(told for _, told in kept[:limit]), cursor_of(kept[limit - 1][0]) if more else "")

    def module(self, project: Ref, person: Person, version: str = "") -> ModuleView | None:
        """A module, with the version that `version` names, "" for the newest. None for what this person cannot see."""
        found = self._look(project, person)
        if found is None:
            return None
        seen, listed, versions = found
        wanted = find(versions, version) if version else front(versions)
        if wanted is None and (version or not versions):
            return None
        told = self._describe(wanted, listed, seen, versions) if wanted else None
        runs, newest = self._runs(seen, person), self._newest(seen, person)
        return ModuleView(_as_seen(listed, seen), told, versions, seen.can_pull, seen.level, runs, newest)

    def compare(self, project: Ref, before: str, after: str, person: Person) -> CompareView | None:
        """What changes for users of a module between two of its versions; None for what this person cannot see."""
        found = self._look(project, person)
        if found is None:
            return None
        seen, listed, versions = found
        pair = find(versions, before), find(versions, after)
        if pair[0] is None or pair[1] is None:
            return None
        old, new = (self._describe(one, listed, seen, versions) for one in pair if one)
        diff = _compare(*(self._label(one) for one in pair if one))
        return CompareView(_as_seen(listed, seen), old, new, diff)

    def sees(self, project: Ref, person: Person) -> Seen | None:
        """A project whose code this person may read, whether or not anything is published of it."""
        ref = read_ref(str(project))
        seen = self._eyes.look(person, [ref]).get(ref) if ref is not None else None
        return seen if seen is not None and seen.readable else None

    def progress(self, person: Person) -> tuple[ProgressView, ...]:
        """Publications under way and those that just ended, the one that moved last first."""
        now, mark = self._now(), self._changed()
        with self._lock:
            if mark != self._mark:
                self._told.clear()
                self._mark = mark
            until, told = self._told.get(person, (0.0, ()))
        if now < until:
            return told
        told = self._under_way(person, now)
        with self._lock:
            if mark == self._mark:
                self._told[person] = (now + self._progress_seconds, told)
            while len(self._told) > PEOPLE_KEPT:
                self._told.popitem(last=False)
        return told

    def _under_way(self, person: Person, now: float) -> tuple[ProgressView, ...]:
        recent = self._store.recent_publications(
            now - UNDER_WAY_SECONDS, now - JUST_ENDED_SECONDS, PROGRESS_LOOKED_AT
        )
        # always a question, and of one size: whether anything hidden is under way must not show by its time
        projects = list(dict.fromkeys(one.project_id for one in recent))
        seen = self._eyes.look_among(person, projects, PROGRESS_LOOKED_AT)
        told: list[ProgressView] = []
        for one in recent:
            project = seen.get(one.project_id)
            if project is None or not project.readable or len(told) == PROGRESS_SHOWN:
                continue
            if (made := self._progress_of(one, project, person)) is not None:
                told.append(made)
        return tuple(told)

    def _look(self, project: Ref, person: Person) -> tuple[Seen, ListedModule, tuple[Named, ...]] | None:
        seen = self.sees(project, person)
        listed = self._store.listed(seen.project_id) if seen else None
        if seen is None or listed is None:
            return None
        return seen, listed, shown(self._store.listed_versions(seen.project_id), seen.level)

    def _describe(
        self, version: ListedVersion, listed: ListedModule, seen: Seen, versions: Sequence[Named]
    ) -> VersionView:
        return view(version, listed, seen, versions, _read(self._label(version)))

    def _label(self, version: ListedVersion) -> str:
        """What the version's image says of its module, "" where nobody knows."""
        known = self._store.described(version.digest) if version.digest else None
        return known.module if known else ""

    def _newest(self, seen: Seen, person: Person) -> ProgressView | None:
        """The newest push's way to an image, its stages and their logs: for those who may push."""
        one = self._store.newest_publication(seen.project_id) if seen.level >= DEVELOPER else None
        return self._progress_of(one, seen, person) if one is not None else None

    def _runs(self, seen: Seen, person: Person) -> tuple[RunView, ...]:
        """What runs measured: each for those whom GitLab gives its artifacts, where all of it was read."""
        # its pipelines may run other people's modules, too
        told = self._store.runs_of(seen.project_id)
        kept = [one for one in told if one.record.module in ("", seen.path)][:RUNS_SHOWN]
        if kept and seen.level < MAINTAINER:
            # of a job that keeps its artifacts from Maintainers, too, the bot has read nothing
            given = self._eyes.fetch_open(person, seen.path, [one.job_id for one in kept])
            kept = [one for one in kept if one.job_id in given]
        return tuple(
            RunView(
                *(one.record.version, one.web_url, one.at, one.experiment),
                one.record.model.address if one.record.model else "",
            )
            for one in kept
        )

    def _progress_of(self, one: Publication, project: Seen, person: Person) -> ProgressView | None:
        state = State(one.state)
        if state is State.UNPUBLISHED and project.level < DEVELOPER:
            return None
        if state is State.SUPERSEDED:
            # nothing came of it: the commit that overtook it, often the bot's own, is shown in its place
            return None
        jobs: Sequence[CiJob] | None = None
        if one.pipeline_id is not None:
            jobs = self._eyes.fetch_jobs(person, one.project_id, one.pipeline_id)
        if jobs is None and project.level < DEVELOPER:
            # how a pipeline goes is told to those to whom GitLab shows it
            return None
        listed = self._store.listed(one.project_id)
        return ProgressView(
            project.path,
            project.web_url,
            listed.name if listed else project.path.rpartition("/")[2],
            line(one.branch),
            one.sha,
            VersionState.CREATED
            if jobs is None and not state.ended
            else read_attempt(state, one.pipeline_id is not None, jobs or ()),
            self._stages_of(one, jobs or (), person),
            f"{project.web_url}/-/pipelines/{one.pipeline_id}" if one.pipeline_id else "",
            one.updated_at,
        )

    def _stages_of(self, one: Publication, jobs: Sequence[CiJob], person: Person) -> tuple[StageView, ...]:
        """Our jobs and the repository's own stages, in their order, each with where its log is."""
        ours = [job for job in jobs if job.name in OUR_JOBS]
        made = [(job.id, StageView(job.name, job.status, job.web_url)) for job in ours]
        if one.pipeline_id is not None and any(job.status != "success" for job in ours):
            stages = self._eyes.fetch_bridges(person, one.project_id, one.pipeline_id)
            for stage in (stage for stage in stages if STAGE_JOB.match(stage.name)):
                url = self._failed_of(one.project_id, stage, person) or stage.child_url
                made.append((stage.id, StageView(stage.name, stage.status, url)))
        return tuple(view for _, view in sorted(made, key=lambda item: item[0]))

    def _failed_of(self, project_id: int, stage: Bridge, person: Person) -> str:
        """The page of the job that made a stage fail, "" where none did."""
        if stage.status != "failed" or stage.child is None:
            return ""
        jobs = self._eyes.fetch_jobs(person, project_id, stage.child) or ()
        return next((job.web_url for job in jobs if job.status == "failed" and not job.allow_failure), "")


@lru_cache(maxsize=MODULES_KEPT)
def _read(label: str) -> Module | None:
    return read_module(label)


@lru_cache(maxsize=MODULES_KEPT)
def _compare(before: str, after: str) -> InterfaceDiff | None:
    old, new = _read(before), _read(after)
    return compare_interfaces(old, new) if old and new else None


def _as_seen(listed: ListedModule, seen: Seen) -> ListedModule:
    """What GitLab says now wins over what was written down when the module was published."""
    return replace(
        listed,
        path=seen.path,
        web_url=seen.web_url,
        visibility=seen.visibility,
        topics=tuple(map(line, seen.topics[:MAX_TOPICS])),
    )

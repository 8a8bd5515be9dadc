"""Watching one publication from outside, as its author could: through GitLab's API, told as it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gitlab.exceptions
from gitlab.v4.objects import Project

from parser.model import Report
from parser.wire import report_to_dict
from sandbox.demo import story
from sandbox.demo.children import DemoError
from sandbox.demo.outcome import Ending
from sandbox.demo.terminal import Terminal

LOOK_SECONDS = 0.4
"""Time between two looks at GitLab."""

QUIET_SECONDS = 2.0
"""After the final status, this long nothing new may appear; then all has been told."""

STILL_SECONDS = 600.0
"""When nothing at all was seen for this long, something hangs; large packages take minutes without a word."""

FINAL = {"success", "failed", "canceled"}
STATUS = "mlreef/publish"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that GitLab sent; `status` is None while, or when, there is no answer, `why` the answer's reason."""

    id: int
    event: str
    about: str
    status: int | None
    why: str
    seconds: float
    done: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """Where to look: the project as its author sees it, the merge and what follows it, the bot's log."""

    project: Project
    branch: str
    merged: str
    merge_request: int
    bot: str
    report: Report
    deliveries: Callable[[], Sequence[Delivery]]
    log: Path
    still_alive: Callable[[], None]


@dataclass
class Seen:
    """What has been seen so far, so that everything is told once."""

    began: float
    deliveries: set[int] = field(default_factory=set)
    heads: list[str] = field(default_factory=list)
    jobs: dict[int, str] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)
    statuses: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    notes: dict[tuple[str, int], str] = field(default_factory=dict)
    chapters: set[str] = field(default_factory=set)
    seconds: dict[str, float] = field(default_factory=dict)
    log_offset: int = 0
    last_news: float = field(default_factory=time.monotonic)
    final: tuple[str, str] | None = None


class Watch:
    """Looks again and again, tells what is new, and knows when it has ended."""

    def __init__(self, scene: Scene, terminal: Terminal) -> None:
        self._scene = scene
        self._terminal = terminal
        self.seen = Seen(began=time.monotonic(), heads=[scene.merged])

    def until_it_ended(self) -> Ending:
        """Tell the whole way; DemoError when the bot died or nothing happens any more."""
        while True:
            self._scene.still_alive()
            if self._look():
                self.seen.last_news = time.monotonic()
            quiet = time.monotonic() - self.seen.last_news
            if self.seen.final and quiet >= QUIET_SECONDS:
                return self._ending(*self.seen.final)
            if quiet >= STILL_SECONDS:
                raise DemoError(
                    f"nothing happened for {STILL_SECONDS:.0f} seconds; the bot's log: {self._scene.log}"
                )
            time.sleep(LOOK_SECONDS)

    def _ending(self, state: str, sha: str) -> Ending:
        if state == "success":
            return Ending.PUBLISHED
        # what is told before any job ran is a refusal, be it for a reason that only the bot's settings know
        refused = self._scene.report.refused or not self.seen.jobs
        return Ending.REFUSED if refused else Ending.FAILED

    def _look(self) -> bool:
        looks = (self._webhooks, self._reading, self._commits, self._pipelines, self._statuses, self._notes)
        news = [look() for look in looks]
        return any(news)

    def _chapter(self, number: int, title: str) -> None:
        if title not in self.seen.chapters:
            self.seen.chapters.add(title)
            self._terminal.tell_all(story.chapter(number, title))

    def _mark(self, name: str) -> None:
        self.seen.seconds.setdefault(name, time.monotonic() - self.seen.began)

    def _webhooks(self) -> bool:
        news = False
        for delivery in self._scene.deliveries():
            told = delivery.event in {"Push Hook", "Merge Request Hook"}
            if delivery.id in self.seen.deliveries or not delivery.done:
                continue
            self.seen.deliveries.add(delivery.id)
            if told or delivery.status is None or delivery.status >= 300:
                self._chapter(3, "GitLab tells the bot")
                named = f"{delivery.event} ({delivery.about})" if delivery.about else delivery.event
                self._terminal.tell(story.delivery(named, delivery.status, delivery.seconds, delivery.why))
                self._mark("webhook")
                news = True
        return news

    def _reading(self) -> bool:
        """The bot's log tells when it has read the head; what it read is what the parser gives for this commit."""
        news = False
        for line in self._log_lines():
            if line.get("event") == "head_read" and line.get("sha") == self._scene.merged:
                if "parsed" in self.seen.seconds:
                    continue
                self._mark("parsed")
                self._chapter(4, "The bot reads the repository; nothing is executed")
                self._tell_report()
                news = True
        return news

    def _log_lines(self) -> Iterator[dict[str, Any]]:
        with self._scene.log.open("rb") as file:
            file.seek(self.seen.log_offset)
            for raw in file:
                if not raw.endswith(b"\n"):
                    break
                self.seen.log_offset += len(raw)
                try:
                    line = json.loads(raw)
                except ValueError:
                    continue
                if isinstance(line, dict):
                    yield line

    def _tell_report(self) -> None:
        wire = report_to_dict(self._scene.report)
        if self._scene.report.module is not None:
            self._terminal.tell_all(story.parsed(wire))
        for problem in wire["problems"]:
            self._terminal.tell_all(story.problem(problem))

    def _commits(self) -> bool:
        head = self._scene.project.branches.get(self._scene.branch).commit["id"]
        if head in self.seen.heads:
            return False
        new: list[Any] = []
        commit = self._scene.project.commits.get(head)
        while commit.id not in self.seen.heads and len(new) < 10:
            new.append(commit)
            if not commit.parent_ids:
                break
            commit = self._scene.project.commits.get(commit.parent_ids[0])
        for commit in reversed(new):
            self.seen.heads.append(commit.id)
            self._mark("committed")
            self._chapter(5, "The bot commits the pipeline, because it changed")
            self._terminal.tell(story.happened(f"{commit.short_id} {commit.title} (by {commit.author_name})"))
            for change in commit.diff(get_all=True):
                self._terminal.tell_all(story.diff(change["new_path"], change["diff"]))
        return True

    def _pipelines(self) -> bool:
        news = False
        for pipeline in sorted(self._scene.project.pipelines.list(get_all=True), key=lambda found: found.id):
            if pipeline.sha not in self.seen.heads or pipeline.source == "external":
                continue
            for job in sorted(pipeline.jobs.list(get_all=True), key=lambda found: found.id):
                news |= self._job(pipeline, job)
        return news

    def _job(self, pipeline: Any, job: Any) -> bool:
        before = self.seen.jobs.get(job.id)
        if before in FINAL | {"skipped"} or job.status in {"created", "pending", "waiting_for_resource"}:
            return False
        self.seen.jobs[job.id] = job.status
        self._chapter(6, "GitLab's runner builds, tries and promotes the image")
        if before is None:
            self._mark("pipeline")
            self._terminal.tell(story.job_started(f"{job.name}, pipeline {pipeline.id}", job.stage))
        lines = self._trace(job, ended=job.status in FINAL)
        self._terminal.tell_all(story.job_line(job.name, line) for line in lines)
        if job.status in FINAL:
            self._terminal.tell(story.job_ended(job.name, job.status, job.duration))
        return bool(lines) or before != job.status

    def _trace(self, job: Any, *, ended: bool) -> list[str]:
        try:
            text = self._scene.project.jobs.get(job.id, lazy=True).trace().decode("utf-8", "replace")
        except gitlab.exceptions.GitlabGetError:
            return []
        lines = text.split("\n")
        whole = lines if ended and lines[-1] else lines[:-1]
        told = self.seen.lines.get(job.id, 0)
        self.seen.lines[job.id] = len(whole)
        return whole[told:]

    def _statuses(self) -> bool:
        news = False
        for sha in self.seen.heads:
            for status in self._scene.project.commits.get(sha, lazy=True).statuses.list(get_all=True):
                if status.name != STATUS:
                    continue
                now = (status.status, status.description or "")
                if self.seen.statuses.get((sha, status.name)) == now:
                    continue
                self.seen.statuses[sha, status.name] = now
                news = True
                if status.status in FINAL:
                    self._chapter(7, "The author is told")
                    self._mark("told")
                    self.seen.final = (status.status, sha)
                self._terminal.tell(story.status(f"{sha[:8]} {status.name}", *now))
        return news

    def _notes(self) -> bool:
        news = False
        request = self._scene.project.mergerequests.get(self._scene.merge_request, lazy=True)
        for note in request.notes.list(get_all=True):
            news |= self._note(f"merge request !{self._scene.merge_request}", note.id, note.author, note.body)
        for sha in self.seen.heads:
            comments = self._scene.project.commits.get(sha, lazy=True).comments.list(get_all=True)
            for number, comment in enumerate(comments):
                news |= self._note(f"commit {sha[:8]}", number, comment.author, comment.note)
        return news

    def _note(self, where: str, number: int, author: dict[str, Any], body: str) -> bool:
        if author["username"] != self._scene.bot or self.seen.notes.get((where, number)) == body:
            return False
        self.seen.notes[where, number] = body
        self._chapter(7, "The author is told")
        self._terminal.tell_all(story.note(where, author["username"], body))
        return True

"""The second act: the life of one merge request, from two mistakes to the next version.

Only the sample plays it, for what is changed is written here. The bot's answers are awaited through GitLab's API, as
the author would see them; nothing of the bot's is looked into.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gitlab.v4.objects import Project, ProjectMergeRequest

from sandbox.demo import story
from sandbox.demo.author import Clone
from sandbox.demo.children import DemoError
from sandbox.demo.terminal import Terminal
from sandbox.demo.waiting import LOOK_SECONDS, wait_for

BRANCH = "choose-strength"
CHECK, PUBLISH = "mlreef/check", "mlreef/publish"
FINAL = {"success", "failed", "canceled"}
QUIET_SECONDS = 1.5
"""After the status of a check, what else the bot has to say comes within this time of the last news."""

SCRIPT, REQUIREMENTS = "im_add_noise.py", "requirements.txt"
BEFORE_ANNOTATION = '@parameter(\n    name="variance"'
ANNOTATION = """\
@parameter(name="strength", type="FLOT", required=False, defaultValue=1.0, description="Share of the noise")
"""
"""The first mistake: the type has a letter too few. The bot suggests the line as it should be."""

BEFORE_ARGUMENT = '    parser.add_argument("--seed"'
ARGUMENT = '    parser.add_argument("--strength", type=float, default=1.0, help="share of the noise that is added")\n'
PINNED, MISTYPED = "scikit-image==", "scikit-image="
"""The second mistake is of the kind that everybody makes: one `=` is no version."""


def with_mistakes(script: str, requirements: str) -> tuple[str, str]:
    """The sample's two files with one more parameter and two mistakes; DemoError when they are not as they were."""
    script = _replaced(script, BEFORE_ANNOTATION, ANNOTATION + BEFORE_ANNOTATION)
    return _replaced(script, BEFORE_ARGUMENT, ARGUMENT + BEFORE_ARGUMENT), _replaced(
        requirements, PINNED, MISTYPED
    )


def with_version(requirements: str) -> str:
    """The second mistake mended."""
    return _replaced(requirements, MISTYPED, PINNED)


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise DemoError(f"the sample has changed: {old!r} is not in it once")
    return text.replace(old, new)


@dataclass(frozen=True, slots=True)
class Played:
    """How it ended: whether a version was published, and what was told meanwhile, in the form of the outcome's line."""

    published: bool
    statuses: tuple[dict[str, Any], ...]
    notes: tuple[dict[str, Any], ...]


@dataclass(slots=True)
class SecondAct:
    """Who plays, and what has been told so far. `project` is GitLab's API in the author's name."""

    project: Project
    clone: Clone
    main: str
    author: str
    bot: str
    still_alive: Callable[[], None]
    terminal: Terminal
    statuses: list[dict[str, Any]] = field(default_factory=list)
    told: dict[tuple[str, int], str] = field(default_factory=dict)
    request: ProjectMergeRequest = field(init=False)

    def play(self) -> Played:
        """All of it; DemoError when the bot died, or what has to come does not."""
        self._open_with_two_mistakes()
        self._apply_the_suggestion()
        self._mend_the_other()
        published = self._merge()
        notes = tuple(
            {"on": f"merge request !{self.request.iid}", "body": body}
            for (kind, _), body in self.told.items()
            if kind == "note"
        )
        return Played(published, tuple(self.statuses), notes)

    # What the author does

    def _open_with_two_mistakes(self) -> None:
        self.terminal.tell_all(story.chapter(9, "Second act: a merge request with two mistakes"))
        self.clone.git("fetch", "--quiet", self.clone.url, self.main)
        self.clone.git("checkout", "--quiet", "-b", BRANCH, "FETCH_HEAD")
        script, requirements = self.clone.directory / SCRIPT, self.clone.directory / REQUIREMENTS
        changed = with_mistakes(script.read_text("utf-8"), requirements.read_text("utf-8"))
        script.write_text(changed[0], "utf-8")
        requirements.write_text(changed[1], "utf-8")
        sha = self.clone.commit("Let users choose how strong the noise is")
        self.clone.push(BRANCH)
        made = self.project.mergerequests.create(
            {"source_branch": BRANCH, "target_branch": self.main, "title": "Choose how strong the noise is"}
        )
        self.request = self.project.mergerequests.get(made.iid)
        self.terminal.tell(
            story.happened(f"{self.author} adds a parameter and opens merge request !{made.iid}, in a hurry")
        )
        self._wait_for_check(sha)

    def _apply_the_suggestion(self) -> None:
        self.terminal.tell_all(story.chapter(10, "The author mends: one click, one push"))
        number = self._suggestion()
        self.project.manager.gitlab.http_put(f"/suggestions/{number}/apply")
        self.terminal.tell(story.happened(f"{self.author} presses “Apply suggestion”"))
        self._wait_for_check(self.project.branches.get(BRANCH).commit["id"])

    def _mend_the_other(self) -> None:
        self.clone.git("fetch", "--quiet", self.clone.url, BRANCH)
        self.clone.git("reset", "--quiet", "--hard", "FETCH_HEAD")
        requirements = self.clone.directory / REQUIREMENTS
        requirements.write_text(with_version(requirements.read_text("utf-8")), "utf-8")
        sha = self.clone.commit("Ask for the version with two equals signs")
        self.clone.push(BRANCH)
        self.terminal.tell(story.happened(f"{self.author} pushes the other mend"))
        self._wait_for_check(sha)

    def _merge(self) -> bool:
        """Whether the merge was published."""
        self.terminal.tell_all(
            story.chapter(11, "Merged: the next version is published, and the same note tells it")
        )
        merged = self.request.merge()["merge_commit_sha"]
        self.terminal.tell(
            story.happened(f"merge request !{self.request.iid} is merged: {self.main} is at {merged[:8]}")
        )
        jobs: set[int] = set()
        state: str = wait_for(lambda: self._published(merged, jobs), "its publication", self.still_alive)
        self._tell_the_rest()
        return state == "success"

    # What the bot answers

    def _wait_for_check(self, sha: str) -> None:
        found = wait_for(lambda: self._status(CHECK, sha), f"{CHECK} of {sha[:8]}", self.still_alive)
        self._tell_status(sha, found)
        self._tell_the_rest()

    def _status(self, name: str, sha: str) -> Any:
        """The final status of that name, or None."""
        statuses = self.project.commits.get(sha, lazy=True).statuses.list(get_all=True)
        return next((one for one in statuses if one.name == name and one.status in FINAL), None)

    def _tell_status(self, sha: str, found: Any) -> None:
        said = {"name": found.name, "sha": sha, "state": found.status, "description": found.description or ""}
        self.statuses.append(said)
        self.terminal.tell(story.status(f"{sha[:8]} {found.name}", found.status, said["description"]))

    def _published(self, merged: str, jobs: set[int]) -> str | None:
        """The state of the publication's status once it is final; tells the pipeline's jobs as they end."""
        head = self.project.branches.get(self.main).commit["id"]
        for pipeline in self.project.pipelines.list(sha=head, get_all=True):
            for job in sorted(pipeline.jobs.list(get_all=True), key=lambda found: found.id):
                if job.status in FINAL and job.id not in jobs:
                    jobs.add(job.id)
                    self.terminal.tell(story.job_ended(job.name, job.status, job.duration))
        for sha in dict.fromkeys((head, merged)):
            found = self._status(PUBLISH, sha)
            if found is not None:
                self._tell_status(sha, found)
                return str(found.status)
        return None

    def _tell_the_rest(self) -> None:
        """Notes and discussions, until no more of them come."""
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < QUIET_SECONDS:
            if self._tell_news():
                quiet_since = time.monotonic()
            time.sleep(LOOK_SECONDS)

    def _tell_news(self) -> bool:
        news = False
        for discussion in self.request.discussions.list(get_all=True):
            first = discussion.attributes["notes"][0]
            if first["author"]["username"] != self.bot or first["system"]:
                continue
            place = first.get("position") or {}
            kind = "thread" if place else "note"
            now = first["body"] if kind == "note" or not first.get("resolved") else "resolved"
            before = self.told.get((kind, first["id"]), "")
            if before == now:
                continue
            self.told[kind, first["id"]] = now
            where = (
                f"{place['new_path']}:{place['new_line']}" if place else f"merge request !{self.request.iid}"
            )
            if now == "resolved":
                self.terminal.tell(story.happened(f"{self.bot} resolves its thread at {where}"))
            elif before and kind == "note":
                self.terminal.tell_all(story.edited(where, self.bot, before, now))
            else:
                self.terminal.tell_all(story.note(where, self.bot, now))
            news = True
        return news

    def _suggestion(self) -> int:
        for discussion in self.request.discussions.list(get_all=True):
            for note in discussion.attributes["notes"]:
                for suggestion in note.get("suggestions") or ():
                    if suggestion.get("appliable", True):
                        return int(suggestion["id"])
        raise DemoError(f"merge request !{self.request.iid} holds no suggestion of the bot's")

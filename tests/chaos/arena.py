"""A GitLab and a registry with several bots beside each other, so that what one waits for does not hold up the rest."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from bot.adapters.publications import Publication
from bot.domain.plan import State
from sandbox.gitlab import MAINTAINER, Project, Sandbox
from sandbox.gitlab.moods import Asked
from sandbox.gitlab.trouble import Trouble
from sandbox.registry import RegistryServer
from tests.chaos.lane import Forkery, Lane
from tests.chaos.trap import AFTER, BEFORE
from tests.whole_way.conftest import SECRET

PIPELINE_SECONDS = 0.05
"""How long after a push GitLab makes its pipeline: time to die in between."""


@dataclass
class Watched:
    """The requests about one project, counted by name; the bot dies at the one that is named."""

    lane: Lane
    project: Project
    name: str = ""
    number: int = 0
    when: str = BEFORE
    sprung: bool = False
    seen: list[tuple[str, int]] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_about(self, path: str) -> bool:
        """Whether a request is about the project, or about none that its path names, as GraphQL's are."""
        number = str(self.project.id)
        return path.split("/")[3:5] == ["projects", number] or path.endswith(("/graphql", "/jwt/auth"))

    def meet(self, name: str) -> bool:
        """Count a request; True when it is the one."""
        with self._lock:
            self._counts[name] += 1
            self.seen.append((name, self._counts[name]))
            due = not self.sprung and (name, self._counts[name]) == (self.name, self.number)
            self.sprung = self.sprung or due
            return due


@dataclass
class Danger(Trouble):
    """A GitLab that may see a bot die while it asks: before the request takes effect, or before it has its answer."""

    watched: dict[str, Watched] = field(default_factory=dict)

    def on_request(self, asked: Asked, answer: Callable[[], Response]) -> Response:
        watched = self.watched.get(asked.user or "")
        if (
            watched is None
            or not watched.is_about(asked.path)
            or not watched.meet(f"{asked.method} {asked.route}")
        ):
            return super().on_request(asked, answer)
        if watched.when == AFTER:
            answer()
        watched.lane.kill_workers()
        raise ConnectionAbortedError

    def on_registry(self, request: Request) -> Response | None:
        """The registry's part: its reads are the bots', its writes those of pipelines."""
        if request.method not in ("GET", "HEAD") or not request.path.startswith("/v2/"):
            return None
        for watched in list(self.watched.values()):
            path = f"/v2/{watched.project.full_path.lower()}/"
            if request.path.startswith(path):
                name = f"registry {request.method} {request.path.removeprefix(path).split('/')[0]}"
                if watched.meet(name):
                    watched.lane.kill_workers()
        return None


class Arena:
    """Everything that is up. A context manager."""

    def __init__(
        self,
        folder: Path,
        lanes: int,
        database: Callable[[int], str] = lambda _number: "",
        **lane: Any,
    ) -> None:
        self.folder = folder
        self.mood = Danger()
        self._stack = ExitStack()
        self._wanted = lanes
        self._database = database
        self._more = lane
        self._names = (f"add-noise-{number}" for number in count(1))
        self._lock = threading.Lock()

    def __enter__(self) -> Arena:
        enter = self._stack.enter_context
        self.registry = enter(RegistryServer(self.folder / "registry", intercept=self.mood.on_registry))
        self.sandbox = enter(
            Sandbox(
                self.folder / "gitlab",
                registry=self.registry,
                moods=self.mood,
                pipeline_delay=PIPELINE_SECONDS,
            )
        )
        self.alice = self.sandbox.create_user("alice")
        self.forkery = Forkery(self.folder / "forkery.log")
        self._stack.callback(self.forkery.close)
        self.lanes = [enter(self._lane(number)) for number in range(self._wanted)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _lane(self, number: int) -> Lane:
        user = self.sandbox.create_user(f"mlreef-bot-{number}", bot=True, name="MLReef bot")
        return Lane(
            self.folder / f"lane-{number}",
            self.sandbox.url,
            user,
            self.forkery,
            self._database(number),
            **self._more,
        )

    def project(
        self, lane: Lane, *, bot_level: int = MAINTAINER, reviewed: bool = False, left_alone: bool = False
    ) -> Project:
        """A project of Alice's with a hook to that bot; its first push is still to come.

        `reviewed`: the bot hears of merge requests, too. Where they are merged at once, it is chance whether that
        comes before the check. `left_alone`: nothing is going to be pushed to the default branch, and the sweep of a
        worker that is started again has nothing to find there.
        """
        with self._lock:
            path = f"lab/{next(self._names)}"
        made = self.sandbox.create_project(
            path,
            self.alice,
            default_branch="master",
            ci_config_path="mlreef.yml",
            files={"README.md": "Hi\n"},
        )
        self.sandbox.add_member(made.id, lane.user, bot_level)
        self.sandbox.add_hook(made.id, lane.hook_url, token=SECRET, merge_requests_events=reviewed)
        head = self.sandbox.head(made.id)
        if left_alone and head is not None:
            lane.store.ensure_publication(Publication(made.id, "master", head, head, State.REFUSED))
        return made

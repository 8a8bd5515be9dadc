"""Ways that a push can go, each from its first move to rest, whatever dies meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from parser.wire import canonical, module_to_dict
from sandbox.gitlab import DEVELOPER, MAINTAINER, Project, Sandbox
from sandbox.gitlab.values import ENDED, Pipeline
from tests.chaos.arena import Arena
from tests.chaos.lane import PATIENCE_SECONDS, Lane
from tests.domain.component_parts import read_module
from tests.whole_way.conftest import FILES as PLAIN_FILES
from tests.whole_way.conftest import SCRIPT, Way, World

FILES = {**PLAIN_FILES, ".mlreef.yaml": "name: Add noise\n"}
"""Named, so that what is generated is the same for every project."""

WITHOUT_OUTPUT = SCRIPT.replace('parser.add_argument("--output-path", required=True)\n', "")
LOOKS_AT_REST = 2
"""So many looks in a row must find nothing to do: what ends in one place begins in another."""

LOOK_SECONDS = 0.06
VERSION = re.compile(r"master-(\d+)")


@dataclass(frozen=True)
class Journey:
    """`move` is what people do, `verdict` how the pipelines' jobs end, `ends` where the head's publication stands.

    `reviewed`: a merge request stays open, and its check ends as `check`. Where `ends` is empty nothing is published:
    the default branch is left alone.
    """

    name: str
    move: Callable[[Way], None]
    ends: str
    bot_level: int = MAINTAINER
    verdict: str = "success"
    reviewed: bool = False
    check: str = "failed"
    offers: bool = False
    """Whether what is promoted has a version and says what it is, so that it becomes a component."""


MODULE = canonical(module_to_dict(read_module(SCRIPT)))
"""What the image of SCRIPT says of its module."""


def generated(sandbox: Sandbox) -> bytes:
    """What the bot writes for FILES, from a project where it did."""
    found = (sandbox.read_file(project, "mlreef.yml") for project in list(sandbox.state.projects))
    return next(content for content in found if content is not None)


def _push(way: Way) -> None:
    way.push(FILES)


def _push_without_pipeline(way: Way) -> None:
    # the file is what the bot would write, so it commits nothing; GitLab starts no pipeline, so the bot must
    way.push({**FILES, "mlreef.yml": generated(way.sandbox)}, message="Work [skip ci]")


def _push_mistake(way: Way) -> None:
    way.push({**FILES, "add_noise.py": WITHOUT_OUTPUT})


def _merge(way: Way) -> None:
    way.merge(FILES)


def comment(way: Way, iid: int, line: str) -> None:
    """Alice says something on a merge request."""
    way.ask("POST", f"merge_requests/{iid}/notes", {"body": line})


def _open_and_ask(way: Way) -> None:
    comment(way, way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT}), "/mlreef explain argument-refused")


JOURNEYS = (
    Journey("a push is published", _push, "published", offers=True),
    Journey("a pipeline that GitLab does not start", _push_without_pipeline, "published"),
    Journey("a push with a mistake", _push_mistake, "refused"),
    Journey("a merge is published and told", _merge, "published"),
    Journey("a pipeline that fails", _push, "failed", verdict="failed"),
    Journey(
        "a branch that the bot may not push to", _push, "proposed", DEVELOPER, reviewed=True, check="success"
    ),
    Journey("a merge request with a mistake, and a question", _open_and_ask, "", reviewed=True),
)


class Drive:
    """One project on its journey: pipelines are played and, if `resends`, failed hooks are sent again."""

    def __init__(
        self,
        arena: Arena,
        lane: Lane,
        project: Project,
        verdict: str = "success",
        resends: bool = True,
        offers: bool = False,
    ) -> None:
        self.arena, self.lane, self.project = arena, lane, project
        self.sandbox = arena.sandbox
        world = World(
            arena.sandbox, arena.registry, arena.mood, arena.alice, lane.user, lane.hook_url, lane.log
        )
        self.way = Way(world, project)
        self.verdict = verdict
        self._offers = offers
        self._resends = resends
        self._resent: set[int] = set()

    def busy(self) -> bool:
        """Do what is to be done outside the bot; whether there was anything."""
        resent, played = self._resends and self._resend(), self._play()
        return resent or played

    def _resend(self) -> bool:
        """What the sweep does by GitLab's API: deliveries that failed are sent again."""
        failed = [
            delivery
            for delivery in list(self.sandbox.hook_deliveries)
            if delivery.project_id == self.project.id
            and not delivery.delivered
            and delivery.id not in self._resent
        ]
        for delivery in failed:
            self._resent.add(delivery.id)
            self.sandbox.core.hooks.resend(delivery)
        return bool(failed)

    def _play(self) -> bool:
        """What runners do: build and promote put the image into the registry, then all jobs end."""
        waiting = [
            pipeline
            for pipeline in self.sandbox.pipelines(self.project.id)
            if pipeline.status not in ENDED
            and any(
                job.status in ("pending", "running")
                for job in self.sandbox.jobs(pipeline.id)
                if job.kind == "build"
            )
        ]
        for pipeline in sorted(waiting, key=lambda pipeline: pipeline.id):
            # a newer push may cancel its jobs at this moment
            with suppress(RuntimeError, StopIteration):
                self._end(pipeline)
        return bool(waiting)

    def _end(self, pipeline: Pipeline) -> None:
        if self.verdict == "success":
            if pipeline.ref == "master":
                self._promote(pipeline.sha)
            self.sandbox.play_pipeline(pipeline.id)
            return
        job = next(job for job in self.sandbox.jobs(pipeline.id) if job.status in ("pending", "running"))
        self.sandbox.finish_job(job.id, self.verdict, trace=b"odd\n", exit_code=1)

    def _promote(self, sha: str) -> None:
        tags = self.arena.registry.tags(self.project.full_path.lower())
        if f"c-{sha}" not in tags:
            numbers = [int(found[1]) for tag in tags if (found := VERSION.fullmatch(tag))]
            number = max(numbers, default=0) + 1
            about = {"version": f"1.0.{number - 1}", "module": MODULE} if self._offers else {}
            self.way.push_image(sha, number, **about)


def come_to_rest(lane: Lane, *drives: Drive, seconds: float = PATIENCE_SECONDS) -> None:
    """Go on until nothing is to be done any more, on any side. AssertionError when that does not come."""
    until, quiet = time.monotonic() + seconds, 0
    while quiet < LOOKS_AT_REST:
        assert time.monotonic() < until, f"no rest:\n{lane.log.read_text()[-4000:]}"
        lane.revive()
        drives[0].sandbox.wait_idle(seconds)
        busy = [drive.busy() for drive in drives]
        quiet = 0 if any(busy) or lane.waiting() > 0 else quiet + 1
        time.sleep(LOOK_SECONDS)

"""Open merge requests that no hook told of are found by the sweep, and checked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.overview import MAX_REQUEST_PAGES, Overview
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.domain.events import MergeRequest as Told
from bot.domain.events import from_dict, subject, to_dict
from bot.domain.jobs import Answer, Check, Job, Setup, merge_request_lane
from bot.domain.manner import Manner
from bot.domain.pipeline import OUR_JOBS, Environment
from bot.domain.policy import Policy
from bot.domain.reconcile import Enrolment, Findings, Rhythm, Scope
from bot.domain.routing import Rules, route
from bot.domain.steps import CHECK_STATUS
from bot.jobs.names import kind_of
from bot.reach import Reach
from bot.reconcile import sweep
from bot.sweeper import lines_of, sweep_now
from bot.world import World
from sandbox.gitlab import MAINTAINER, Project, Sandbox, Trouble, User, trouble
from sandbox.gitlab.values import MergeRequest
from tests.whole_way.conftest import FILES, SOON
from tests.whole_way.conftest import World as WholeWorld

NO_REGISTRY: Any = None


@dataclass
class Place:
    """One GitLab, one store, and what a sweep needs of them."""

    sandbox: Sandbox
    bad: Trouble
    store: Store
    alice: User
    bot: User
    reach: Reach

    def project(self, path: str) -> Project:
        made = self.sandbox.create_project(path, self.alice, files={"a.py": "1\n"})
        self.sandbox.add_member(made.id, self.bot, MAINTAINER)
        return made

    def open(self, project: Project, branch: str = "work") -> MergeRequest:
        self.sandbox.commit(project.id, self.alice, {"a.py": "2\n"}, branch=branch, start_branch="main")
        return self.sandbox.core.merging.open(project, self.alice, project, branch, "main", "Work")

    def check(self, request: MergeRequest) -> None:
        """Let the merge request count as checked."""
        kept = {"head_sha": request.sha, "target": request.target_branch}
        self.store.keep_review(request.project_id, request.iid, **kept)  # type: ignore[arg-type] # by name

    def sweep(self) -> int:
        """How many merge requests a sweep finds."""
        return sweep_now(self.reach, "test").missed_merge_requests

    def sweep_since(self, active_after: float | None) -> Findings:
        return sweep(Scope(time.time(), active_after, 0, 96), self.reach)

    def asked(self) -> list[Check]:
        """The checks that what was found leads to."""
        events = [from_dict(delivery.event) for delivery in self.store.pending(100)]
        rules = Rules((), OUR_JOBS)
        jobs = [route(event, rules, self.bot.id) for event in events if isinstance(event, Told)]
        return [job for job in jobs if isinstance(job, Check)]


@pytest.fixture(scope="module")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Trouble, User, User]]:
    bad = Trouble()
    with Sandbox(tmp_path_factory.mktemp("mr-sweep") / "gitlab", moods=bad) as sandbox:
        yield sandbox, bad, sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        assert sandbox.complaints == []


@pytest.fixture
def place(gitlab: tuple[Sandbox, Trouble, User, User], tmp_path: Path) -> Iterator[Place]:
    sandbox, bad, alice, bot = gitlab
    bad.clear()
    for project_id in list(sandbox.state.projects):
        sandbox.delete_project(project_id)
    store = Store.prepare(f"sqlite:///{tmp_path / 'bot.db'}")
    client = GitlabClient(sandbox.url, bot.token, 10)
    policy = Policy((Environment("python", "Python", "python:3.12", "3.12", {}),), "python", "bot", "")
    world = World(Forge(client), NO_REGISTRY, store, policy, bot.id, Talk(client, bot.id))
    reach = Reach(world, Overview(client), Enrolment(groups=("lab",)), Rhythm())
    yield Place(sandbox, bad, store, alice, bot, reach)
    assert bad.left == []
    store.close()


def test_a_merge_request_that_no_hook_told_of_is_checked_once(place: Place) -> None:
    request = place.open(place.project("lab/noise"))
    assert place.sweep() == 1
    [job] = place.asked()
    assert (job.project_id, job.iid, job.sha) == (request.project_id, request.iid, request.sha)
    # found again it is no news, whatever became of it
    assert place.sweep() == 0
    assert len(place.asked()) == 1


def test_what_was_checked_as_it_is_now_is_left_alone(place: Place) -> None:
    project = place.project("lab/noise")
    request = place.open(project)
    place.check(request)
    assert place.sweep() == 0
    place.sandbox.commit(project.id, place.alice, {"a.py": "3\n"}, branch="work")
    assert place.sweep() == 1
    place.check(request)
    place.sandbox.core.merging.edit(request, place.alice, {"target_branch": "work-2"})
    assert place.sweep() == 1
    assert [job.sha for job in place.asked()] == [request.sha, request.sha]


def test_what_was_given_up_of_comments_and_merge_requests_is_no_failed_publication(place: Place) -> None:
    request = place.open(place.project("lab/noise"))
    place.check(request)
    project, lane = request.project_id, merge_request_lane(request.iid)
    given_up: tuple[Job, ...] = (
        Answer(project, lane, "MergeRequest", request.iid, "", 7, "", place.alice.id, "/mlreef publish"),
        Answer(
            project, f"commit {request.sha}", "Commit", 0, request.sha, 8, "", place.alice.id, "/mlreef retry"
        ),
        Check(project, lane, request.iid, request.sha),
        Setup(project, "mlreef-setup"),
    )
    for number, job in enumerate(given_up):
        place.store.park(f"job {number}", {"kind": kind_of(job), **asdict(job)}, "GitLab did not answer")
    assert sweep_now(place.reach, "test").untold_failures == 0
    assert place.store.newest_publication(project) is None
    assert place.sandbox.statuses(project, request.sha) == []


def test_closed_ones_and_those_of_strangers_are_left_alone(place: Place) -> None:
    closed = place.open(place.project("lab/noise"))
    place.sandbox.core.merging.set_state(closed, place.alice, "close")
    place.open(place.project("elsewhere/thing"))
    place.sandbox.create_project("elsewhere/unseen", place.alice, files={"a.py": "1\n"})
    assert place.sweep() == 0
    assert place.asked() == []


def test_a_project_is_known_once_a_merge_request_of_it_was_checked(place: Place) -> None:
    project = place.project("elsewhere/thing")
    place.check(place.open(project))
    place.open(project, "more")
    assert place.sweep() == 1
    assert [job.iid for job in place.asked()] == [2]


def test_a_hook_that_told_of_it_just_now_is_believed(place: Place) -> None:
    request = place.open(place.project("lab/noise"))
    told = Told(
        request.project_id, request.iid, "open", target_branch="main", sha=request.sha, default_branch="main"
    )
    place.store.accept("a hook's own key", to_dict(told), subject(told))
    assert place.sweep() == 0
    assert len(place.asked()) == 1


def test_a_look_changes_nothing(place: Place) -> None:
    place.open(place.project("lab/noise"))
    looked = sweep_now(replace(place.reach, act=False), "look")
    assert looked.missed_merge_requests == 1
    assert "     1 open merge requests that were never checked" in lines_of(looked)
    assert place.asked() == []


def test_nothing_is_looked_for_where_reviews_are_switched_off(place: Place) -> None:
    place.open(place.project("lab/noise"))
    policy = replace(place.reach.world.policy, review=Manner(enabled=False))
    off = replace(place.reach, world=replace(place.reach.world, policy=policy))
    place.sandbox.clear_log()
    assert sweep_now(off, "test").missed_merge_requests == 0
    assert "/merge_requests" not in [call.route for call in place.sandbox.requests]


def test_a_sweep_of_what_moved_asks_for_merge_requests_that_changed_since(place: Place) -> None:
    request = place.open(place.project("lab/noise"))
    request.updated_at = request.updated_at.replace(year=2020)
    assert place.sweep_since(time.time()).missed_merge_requests == 0
    assert place.sweep_since(None).missed_merge_requests == 1
    newer = place.open(place.project("lab/other"))
    assert place.sweep_since(time.time() - 2 * 3600).missed_merge_requests == 1
    assert [job.project_id for job in place.asked()] == [request.project_id, newer.project_id]


def test_many_merge_requests_cost_one_question_for_a_hundred(place: Place) -> None:
    project = place.project("lab/noise")
    first = place.open(project)
    state = place.sandbox.state
    with state.lock:
        for iid in range(2, 251):
            state.merge_requests[(project.id, iid)] = replace(first, id=first.id + 10_000 + iid, iid=iid)
    place.sandbox.clear_log()
    assert place.sweep() == 250
    pages = [call for call in place.sandbox.requests if call.route == "/merge_requests"]
    assert len(pages) == 3


def test_a_list_without_end_is_given_up_and_the_sweep_goes_on(place: Place) -> None:
    place.open(place.project("lab/noise"))

    def again(_asked: object, answer: trouble.Answer) -> Any:
        real = answer()
        real.headers["Link"] = f'<{place.sandbox.url}/api/v4/merge_requests?scope=all&page=1>; rel="next"'
        return real

    rule = place.bad.on("GET", "/merge_requests", again, times=MAX_REQUEST_PAGES)
    found = sweep_now(place.reach, "test")
    assert (found.missed_merge_requests, rule.happened) == (1, MAX_REQUEST_PAGES)
    assert found.missing_hooks == 0  # it came to its end


def test_a_list_that_gitlab_does_not_give_costs_the_heads_nothing(place: Place) -> None:
    place.open(place.project("lab/noise"))
    place.bad.on("GET", "/merge_requests", trouble.server_error(500))
    assert sweep_now(place.reach, "test") == Findings(projects=1, missed_heads=1)
    assert place.sweep() == 1


def test_a_lost_hook_of_a_merge_request_delays_its_check_until_the_next_sweep(world: WholeWorld) -> None:
    way = world.project()
    way.open(FILES, branch="first")
    first = way.head("first")
    way.sandbox.wait_for(lambda: way.sandbox.statuses(way.project.id, first, CHECK_STATUS), SOON, "the check")
    world.mood.hooks(trouble.drop(), event="Merge Request Hook", project_id=way.project.id)
    way.open({**FILES, "notes.txt": "of another change\n"}, branch="second")
    way.sandbox.wait_idle()
    second = way.head("second")
    assert way.sandbox.statuses(way.project.id, second, CHECK_STATUS) == []
    world.command("reconcile")
    [told] = way.sandbox.wait_for(
        lambda: way.sandbox.statuses(way.project.id, second, CHECK_STATUS),
        SOON,
        "the check that the sweep asked for",
    )
    assert told.status == "success"

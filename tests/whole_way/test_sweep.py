"""The sweep against a real GitLab of the sandbox: what it finds, what it mends, what it costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs
from werkzeug.wrappers import Response

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.overview import Overview
from bot.adapters.patience import MOST_FAILED
from bot.adapters.publications import Publication
from bot.adapters.schema import publications
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.domain.branches import named_fact, named_to_text
from bot.domain.catalogue import ListedVersion, VersionState
from bot.domain.events import Changed, Found, Pipeline, Push, from_dict, subject, to_dict
from bot.domain.gitlab import Project as GitlabProject
from bot.domain.jobs import Publish, Run
from bot.domain.listing import plan_module
from bot.domain.pipeline import JOB_NAMES, Environment
from bot.domain.plan import State
from bot.domain.policy import Policy
from bot.domain.reconcile import Enrolment, Findings, Rhythm, Scope
from bot.domain.routing import Rules, route
from bot.domain.steps import PUBLISH_STATUS
from bot.domain.uses import Use
from bot.errors import Refused, TryAgain
from bot.mending_hooks import UNSEEN_HINT
from bot.reach import Reach
from bot.reconcile import sweep
from bot.sweeper import LEASE, Sweeper, read_swept, sweep_now
from bot.world import World
from sandbox.gitlab import DEVELOPER, MAINTAINER, REPORTER, Project, Sandbox, Trouble, User, trouble
from sandbox.gitlab.moods import Asked
from sandbox.gitlab.trouble import Answer
from sandbox.gitlab.values import Project as ProjectRow

NO_REGISTRY: Any = None
RHYTHM = Rhythm(interval_seconds=900, complete_seconds=86_400, stale_seconds=1200)


@dataclass
class Place:
    """One GitLab, one store, and what a sweeper needs of them."""

    sandbox: Sandbox
    bad: Trouble
    store: Store
    alice: User
    bot: User
    reach: Reach

    def project(self, path: str, level: int = MAINTAINER, **files: str) -> Project:
        made = self.sandbox.create_project(path, self.alice, files={"a.py": "1\n", **files})
        self.sandbox.add_member(made.id, self.bot, level)
        return made

    def handle(self, project: Project, state: State = State.PUBLISHED, **more: Any) -> str:
        """Let the head count as handled."""
        head = self.sandbox.head(project.id)
        assert head is not None
        self.store.ensure_publication(Publication(project.id, "main", head, head, state, **more))
        return head

    def sweep(self) -> Findings:
        return sweep_now(self.reach, "test")

    def found(self) -> list[Any]:
        """The events that wait for the worker."""
        return [from_dict(delivery.event) for delivery in self.store.pending(100)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    bad = Trouble()
    with Sandbox(tmp_path / "gitlab", moods=bad) as sandbox:
        alice, bot = sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        store = Store.prepare(f"sqlite:///{tmp_path / 'bot.db'}")
        client = GitlabClient(sandbox.url, bot.token, 10)
        policy = Policy((Environment("python", "Python", "python:3.12", "3.12", {}),), "python", "bot", "")
        world = World(Forge(client), NO_REGISTRY, store, policy, bot.id, Talk(client, bot.id))
        reach = Reach(world, Overview(client), Enrolment(groups=("lab",)), RHYTHM)
        yield Place(sandbox, bad, store, alice, bot, reach)
        assert sandbox.complaints == []
        store.close()


def test_what_was_published_and_is_not_in_the_catalogue_is_listed(place: Place) -> None:
    project = place.project("lab/noise")
    digest = f"sha256:{'d' * 64}"
    head = place.handle(project, number=1, digest=digest)
    # what follows a publication may still be on its way, and is looked for when it should long be done
    later, soon = Scope(1000.0, None, 1, 2), replace(place.reach, rhythm=replace(RHYTHM, stale_seconds=0.0))
    assert sweep(later, place.reach).unlisted == 0
    assert sweep(later, replace(soon, act=False)).unlisted == 1
    assert place.found() == []
    assert sweep(later, soon).unlisted == 1
    assert place.found() == [Changed(project.id, whole=True)]
    listed = ListedVersion(
        *(project.id, "main", 1, "", head, digest, "image", None, VersionState.PUBLISHED, 1.0, 1)
    )
    module = plan_module(
        GitlabProject(project.id, "lab/noise", "main", "private", None, ""), listed, None, ""
    )
    place.store.list_module(module, [listed])
    assert sweep(Scope(2000.0, None, 1 - project.id % 2, 2), soon).unlisted == 0
    assert len(place.found()) == 1
    # each one of the catalogue is looked at when it has its turn
    sweep(Scope(3000.0, None, project.id % 2, 2), soon)
    assert place.found() == 2 * [Changed(project.id, whole=True)]


def test_what_cannot_be_listed_is_not_tried_with_every_sweep(place: Place) -> None:
    project = place.project("lab/gone-from-the-ledger")
    place.handle(project, number=1, digest=f"sha256:{'d' * 64}")
    soon = replace(place.reach, rhythm=replace(RHYTHM, stale_seconds=0.0))
    not_its_turn = [Scope(at, None, 1 - project.id % 2, 2) for at in (1000.0, 2000.0, 3000.0)]
    assert [sweep(scope, soon).unlisted for scope in not_its_turn] == [1, 0, 0]
    assert place.found() == [Changed(project.id, whole=True)]
    sweep(Scope(4000.0, None, project.id % 2, 2), soon)
    assert place.found() == 2 * [Changed(project.id, whole=True)]


class Door:
    """A receiver of hooks at the bot's own path."""

    def __init__(self) -> None:
        self.status, self.keys = 202, list[str]()
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                door.keys.append(self.headers["Idempotency-Key"])
                self.send_response(door.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/gitlab"


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    yield made
    made.server.shutdown()
    made.server.server_close()


# Heads


def test_a_project_that_uses_modules_is_read_again_when_its_head_moved_unheard(place: Place) -> None:
    project = place.project("vision/pictures")
    place.store.keep_uses(project.id, "main", (Use("vision/noise", "noise", "1"),))
    head = place.sandbox.head(project.id)
    found = place.sweep()
    assert (found.missed_heads, place.found()) == (1, [Found(project.id, "main", str(head))])
    # it has no publication: it is read once, and its hooks are nobody's business
    again = place.sweep()
    assert (again.missed_heads, again.missing_hooks) == (0, 0)


def test_runs_are_looked_for_in_pipelines_whose_end_no_hook_told_of_once(place: Place) -> None:
    ci = {".gitlab-ci.yml": "train: {script: python train.py}\n"}
    project = place.project("vision/pictures", **ci)
    stranger = place.project("vision/others", **ci)
    place.store.keep_uses(project.id, "main", (Use("vision/noise", "noise", "1"),))
    for one in (project, stranger):
        place.sandbox.commit(one.id, place.alice, {"train.py": "1"})
    place.sandbox.wait_idle()
    [heard] = place.sandbox.pipelines(project.id)
    place.sandbox.play_pipeline(heard.id)
    event = Pipeline(project.id, "main", heard.sha, heard.id, "success", "push", False, "main", ())
    place.store.accept("a hook", to_dict(event), subject(event))
    place.sandbox.commit(project.id, place.alice, {"train.py": "2"})
    place.sandbox.wait_idle()
    [unheard] = [one for one in place.sandbox.pipelines(project.id) if one.id != heard.id]
    reach = replace(
        place.reach, rhythm=replace(RHYTHM, stale_seconds=0.0, interval_seconds=RHYTHM.complete_seconds)
    )
    looked = Scope(time.time() + 1, None, 0, 1)
    assert sweep(looked, reach).missed_pipelines == 0, "it runs"
    place.sandbox.play_pipeline(unheard.id)
    assert sweep(replace(looked, began_at=time.time() + 1), replace(reach, act=False)).missed_pipelines == 1
    assert sweep(replace(looked, began_at=time.time() + 1), reach).missed_pipelines == 1
    [entered] = [one for one in place.found() if isinstance(one, Pipeline) and one.pipeline_id == unheard.id]
    job = route(entered, Rules((), JOB_NAMES), None)
    assert job == Run(project.id, "main", unheard.sha, unheard.id)
    assert sweep(replace(looked, began_at=time.time() + 1), reach).missed_pipelines == 0


def test_heads_of_branches_that_a_project_names_are_found_too(place: Place) -> None:
    project = place.project("vision/noise")
    place.handle(project)
    place.store.keep_fact(named_fact(project.id), named_to_text(("stable", "line/*")))
    heads = {
        branch: place.sandbox.commit(
            project.id, place.alice, {branch: "1"}, branch=branch, start_branch="main"
        )
        for branch in ("stable", "line/1", "feature")
    }
    place.store.ensure_publication(
        Publication(project.id, "stable", heads["stable"], heads["stable"], State.PUBLISHED)
    )
    assert place.sweep().missed_heads == 1
    assert place.found() == [Found(project.id, "line/1", heads["line/1"])]
    assert place.sweep().missed_heads == 0


def test_a_head_that_no_hook_told_of_enters_as_a_delivery_once(place: Place) -> None:
    project = place.project("lab/noise")
    head = place.sandbox.head(project.id)
    assert place.sweep().missed_heads == 1
    assert place.found() == [Found(project.id, "main", str(head))]
    # found again it is no news, whatever became of it
    assert place.sweep().missed_heads == 0
    assert len(place.found()) == 1


def test_a_handled_head_and_strangers_projects_are_left_alone(place: Place) -> None:
    place.handle(place.project("lab/noise"))
    place.project("elsewhere/thing")
    place.project("lab/only-looked-at", level=REPORTER)
    archived = place.project("lab/old")
    place.sandbox.archive_project(archived.id)
    place.sandbox.create_project("lab/empty", place.alice)
    found = place.sweep()
    assert found.missed_heads == 0
    assert place.found() == []


def test_a_head_that_is_the_same_as_a_version_is_not_missing(place: Place) -> None:
    place.handle(place.project("same"), State.UNCHANGED)
    assert place.sweep() == Findings(projects=1, missing_hooks=1)


def test_a_project_that_was_published_before_is_swept_wherever_it_is(place: Place) -> None:
    project = place.project("elsewhere/thing", level=DEVELOPER)
    place.handle(project)
    newer = place.sandbox.commit(project.id, place.alice, {"a.py": "2\n"}, quietly=True)
    assert place.sweep().missed_heads == 1
    assert place.found() == [Found(project.id, "main", newer)]


def test_a_push_that_a_hook_told_just_now_is_not_taken_for_missed(place: Place) -> None:
    project = place.project("lab/noise")
    head = str(place.sandbox.head(project.id))
    push = Push(project.id, "refs/heads/main", "0" * 40, head, place.alice.id, "main", None)
    place.store.accept("hook 1", to_dict(push), subject(push))
    assert place.sweep().missed_heads == 0
    assert place.found() == [push]


def test_a_branch_moved_back_to_a_commit_that_was_superseded_is_found_each_time(place: Place) -> None:
    project = place.project("lab/noise")
    head = str(place.sandbox.head(project.id))
    push = Push(project.id, "refs/heads/main", "0" * 40, head, place.alice.id, "main", None)
    place.store.accept("hook 1", to_dict(push), subject(push))
    for times in (1, 2):
        # published or not, a newer commit took its place; then the branch came back, and no hook told of it
        place.handle(project, State.SUPERSEDED)
        assert place.sweep().missed_heads == 1
        assert place.found() == [push, *[Found(project.id, "main", head)] * times]
        assert place.sweep().missed_heads == 0


def test_where_graphql_does_not_answer_each_project_is_asked(place: Place) -> None:
    projects = [place.project(f"lab/noise-{number}") for number in range(3)]
    place.bad.on("POST", "/api/graphql", trouble.refuse(404), times=None)
    assert place.sweep().missed_heads == 3
    assert {event.project_id for event in place.found()} == {project.id for project in projects}


def test_a_dry_run_tells_and_changes_nothing(place: Place, door: Door) -> None:
    project = place.project("lab/noise")
    place.handle(place.project("lab/other"), State.RUNNING)
    hook = place.sandbox.add_hook(project.id, door.url)
    hook.disabled_for_good = True
    found = sweep_now(replace(place.reach, act=False), "test")
    assert (found.missed_heads, found.open_publications) == (1, 1)
    assert place.found() == []
    assert door.keys == []
    assert read_swept(place.store) is None
    assert [asked.method for asked in place.sandbox.requests if asked.route != "/api/graphql"].count(
        "POST"
    ) == 0


def test_a_project_that_answers_with_errors_alone_keeps_nobody_from_the_others(place: Place) -> None:
    broken, other = place.project("lab/broken"), place.project("lab/other")
    place.handle(broken, State.FAILED)
    head = place.handle(other, State.FAILED)
    job = {"kind": "publish", **asdict(Publish(broken.id, "main", "5" * 40))}
    place.store.park("job 1", job, "GitLab did not answer")
    newer = place.sandbox.commit(other.id, place.alice, {"a.py": "2\n"}, quietly=True)
    place.reach.world.forge.set_status(
        other.id, head, PUBLISH_STATUS, "running", "The image is being built", "", None, "main"
    )
    # one broken project spoils the answer for all, too
    place.bad.on("POST", "/api/graphql", trouble.server_error(500), times=None)
    fails = trouble.server_error(500)

    def on_broken(asked: Asked, answer: Answer) -> Response:
        its = f"/projects/{broken.id}/" in f"{asked.path}/"
        return fails(asked, answer) if its else answer()

    place.bad.on("*", "*", on_broken, times=None)
    found = place.sweep()
    assert place.found() == [Found(other.id, "main", newer)]
    assert (found.missed_heads, found.stale_statuses) == (1, 1)
    assert read_swept(place.store) is not None


# What stood still


def test_an_open_publication_is_followed_to_its_pipeline_or_begun_again(place: Place) -> None:
    with_pipeline = place.project("lab/one")
    one = place.handle(with_pipeline, State.RUNNING, pipeline_id=77)
    without = place.project("lab/two")
    two = place.handle(without, State.WAITING)
    assert place.sweep().open_publications == 2
    assert place.found() == [
        Found(with_pipeline.id, "main", one, 77),
        Found(without.id, "main", two),
    ]


@pytest.mark.parametrize(
    ("state", "truth"),
    [
        (State.PUBLISHED, "success"),
        (State.UNCHANGED, "success"),
        (State.FAILED, "failed"),
        (State.SUPERSEDED, "canceled"),
    ],
)
def test_a_status_left_open_is_closed_with_the_truth(place: Place, state: State, truth: str) -> None:
    project = place.project("lab/noise")
    head = place.handle(project, state)
    forge = place.reach.world.forge
    forge.set_status(
        project.id, head, PUBLISH_STATUS, "running", "The image is being built", "", None, "main"
    )
    assert place.sweep().stale_statuses == 1
    assert [status.status for status in place.sandbox.statuses(project.id, head)] == [truth]
    assert place.sweep().stale_statuses == 0


def test_an_author_who_could_not_be_told_of_a_job_given_up_is_told_now(place: Place) -> None:
    project = place.project("lab/noise")
    head = str(place.sandbox.head(project.id))
    job = {"kind": "publish", **asdict(Publish(project.id, "main", head))}
    place.store.park("job 1", job, "GitLab did not answer")
    place.store.park("delivery 7", {"kind": "push"}, "cannot be read")
    assert place.sweep().untold_failures == 1
    (status,) = place.sandbox.statuses(project.id, head)
    assert status.status == "failed"
    assert place.sweep().untold_failures == 0
    assert len(place.sandbox.statuses(project.id, head)) == 1


# Hooks


def test_a_hook_that_gitlab_switched_off_is_tried_and_on_again(place: Place, door: Door) -> None:
    place.sandbox.core.hooks.auto_disable = True
    project = place.project("lab/noise")
    place.handle(project)
    hook = place.sandbox.add_hook(project.id, door.url, pipeline_events=False, job_events=False)
    hook.failures, hook.disabled_for_good = 40, True
    place.sandbox.add_hook(project.id, "http://127.0.0.1:9/somebody-elses").disabled_for_good = True
    assert place.sweep().bad_hooks == 1
    assert hook.alert_status == "executable"
    assert len(door.keys) == 1


def test_deliveries_that_failed_are_sent_again_with_their_keys_and_only_once(
    place: Place, door: Door
) -> None:
    project = place.project("lab/noise")
    place.sandbox.add_hook(project.id, door.url, pipeline_events=False, job_events=False)
    door.status = 503
    for number in range(3):
        place.sandbox.commit(project.id, place.alice, {"a.py": f"{number}\n"})
    place.sandbox.wait_idle()
    place.handle(project)
    refused, door.keys, door.status = door.keys, [], 202
    assert place.sweep().resent_deliveries == 3
    place.sandbox.wait_idle()
    assert door.keys == refused
    assert place.sweep().resent_deliveries == 0


def test_where_the_bot_may_not_see_hooks_the_rest_is_done_all_the_same(place: Place) -> None:
    project = place.project("lab/noise", level=DEVELOPER)
    place.handle(project)
    place.sandbox.commit(project.id, place.alice, {"a.py": "2\n"}, quietly=True)
    found = place.sweep()
    assert (found.missed_heads, found.bad_hooks, found.missing_hooks) == (1, 0, 0)


def test_the_operator_is_told_once_of_hooks_that_the_bot_may_not_see(place: Place) -> None:
    project = place.project("lab/noise", level=DEVELOPER)
    place.handle(project)

    def told() -> tuple[int, list[str]]:
        with capture_logs() as lines:
            unseen = place.sweep().unseen_hooks
        return unseen, [line["hint"] for line in lines if line["event"] == "webhooks cannot be seen"]

    assert told() == (1, [UNSEEN_HINT])
    assert told() == (1, [])
    place.sandbox.add_member(project.id, place.bot, MAINTAINER)
    assert told() == (0, [])
    # seen, and then not any more, is news again
    place.sandbox.add_member(project.id, place.bot, DEVELOPER)
    assert told() == (1, [UNSEEN_HINT])


# One sweeper at a time, in its rhythm


def sweeper(place: Place, owner: str) -> Sweeper:
    return Sweeper(place.store, owner, RHYTHM, lambda: place.reach)


def test_of_two_workers_one_sweeps_and_in_its_time(place: Place) -> None:
    place.project("lab/noise")
    one, other = sweeper(place, "one"), sweeper(place, "other")
    now = time.time()
    assert place.store.lease(LEASE, "other", 60)
    assert one.sweep_if_due(now) is None
    assert other.sweep_if_due(now) == Findings(projects=1, missed_heads=1)
    assert one.sweep_if_due(now + 1) is None
    assert one.sweep_if_due(now + 901) == Findings(projects=1)
    swept = read_swept(place.store)
    assert swept is not None
    assert (swept.turn, swept.total.missed_heads) == (2, 1)


def test_a_person_is_told_that_a_worker_sweeps(place: Place) -> None:
    assert place.store.lease(LEASE, "a worker", 60)
    with pytest.raises(Refused, match="sweeps just now"):
        place.sweep()


def test_a_sweep_that_gitlab_broke_off_is_done_again(place: Place) -> None:
    place.project("lab/noise")
    place.bad.on("GET", "/projects", trouble.server_error(502))
    one = sweeper(place, "one")
    with pytest.raises(TryAgain, match="502"):
        one.sweep_if_due()
    assert place.found() == []
    # the lease was given back: another one may
    assert sweeper(place, "other").sweep_if_due() == Findings(projects=1, missed_heads=1)


def test_a_long_sweep_that_was_broken_off_goes_on_where_it_was(place: Place) -> None:
    ids = rows(place, 250)
    # the third page's heads are not told: GitLab asks to slow down
    place.bad.on("POST", "/api/graphql", trouble.server_error(502), after=2)
    place.bad.on("GET", "*/repository/branches/*", trouble.server_error(502), times=MOST_FAILED)
    with pytest.raises(TryAgain, match="502"):
        sweeper(place, "one").sweep_if_due()
    assert len(place.found()) == 100  # the store gives a hundred at a time
    place.store.mark_dispatched(*(delivery.key for delivery in place.store.pending(1000)))
    place.sandbox.clear_log()
    assert sweeper(place, "other").sweep_if_due() == Findings(projects=50, missed_heads=50)
    assert {event.project_id for event in place.found()} == set(ids[200:])
    assert [asked.route for asked in place.sandbox.requests] == [
        "/projects",
        "/api/graphql",
        "/merge_requests",
    ]


# What it costs


def rows(place: Place, count: int) -> list[int]:
    """Rows of projects that share one repository, for git would take minutes to make so many."""
    first = place.project("lab/p-0")
    core, state = place.sandbox.core, place.sandbox.state
    ids = [first.id]
    with state.lock:
        for number in range(1, count):
            made = ProjectRow(
                state.next_id("project"),
                "lab",
                f"p-{number}",
                f"p-{number}",
                place.alice.id,
                "private",
                "main",
            )
            made.members[place.bot.id] = MAINTAINER
            state.projects[made.id] = made
            state.project_ids[made.full_path] = made.id
            core._repositories[made.id] = core._repositories[first.id]
            ids.append(made.id)
    return ids


def test_ten_thousand_quiet_projects_fit_in_one_interval(place: Place) -> None:
    ids = rows(place, 10_000)
    head = str(place.sandbox.head(ids[0]))
    missing = ids[4711]
    handled = [
        asdict(Publication(number, "main", head, head, State.PUBLISHED))
        for number in ids
        if number != missing
    ]
    engine = sa.create_engine(place.store.url)
    with engine.begin() as connection:
        connection.execute(sa.insert(publications), handled)
    engine.dispose()
    one = sweeper(place, "one")
    began = time.monotonic()
    place.sandbox.clear_log()
    found = one.sweep_if_due()
    seconds = time.monotonic() - began
    assert found is not None
    assert (found.projects, found.missed_heads) == (10_000, 1)
    assert place.found() == [Found(missing, "main", head)]
    # everybody's closer look comes once a day: this time it is a 96th of them
    asked = len(place.sandbox.requests)
    looks = sum(number % RHYTHM.turns == 0 for number in ids if number != missing)
    assert asked <= 200 + 1 + 2 * looks
    assert asked < len(ids)
    assert seconds < RHYTHM.interval_seconds / 4
    # nothing moved since: the list alone is asked for
    for row in place.sandbox.state.projects.values():
        row.last_activity_at = row.last_activity_at.replace(year=2020)
    place.sandbox.clear_log()
    quiet = one.sweep_if_due(time.time() + 901)
    assert quiet is not None
    assert quiet.projects == 0
    lists = [asked for asked in place.sandbox.requests if asked.route in ("/projects", "/api/graphql")]
    assert len(lists) == 1

"""GitLab's moods and the running bot: what passes is waited for, what is gone is let go, and nothing else suffers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import requests

from sandbox.gitlab import MAINTAINER
from sandbox.gitlab.trouble import (
    half_answer,
    hang,
    maintenance_page,
    not_json,
    read_only,
    reset,
    resource_lock,
    server_error,
    slow_down,
)
from tests.whole_way.conftest import FILES, SCRIPT, Way, World

LONG = 120.0
BOT = "mlreef-bot"


def told(world: World, event: str) -> list[dict[str, Any]]:
    """The log's lines of that name."""
    lines = (json.loads(line) for line in world.log.read_text().splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("event") == event]


def held_up(world: World) -> Way:
    """A project whose publication waits for its second try: GitLab failed at the first."""
    world.mood.once("GET", "/repository/tree", lambda _answer: server_error(503)(None, None))  # type: ignore[arg-type] # looks at neither
    way = world.project(FILES)
    world.sandbox.wait_for(lambda: not world.mood.scripts, what="the first try")
    return way


def bot_commit(way: Way) -> str:
    """The bot's commit, after longer pauses."""
    found: Callable[[], str | None] = lambda: way.head() if way.file() is not None else None  # noqa: E731 -- short
    return way.sandbox.wait_for(found, LONG, "the bot's commit")


def test_a_project_that_is_deleted_while_its_work_waits_costs_only_that_work(world: World) -> None:
    way, other = held_up(world), world.project(FILES)
    world.sandbox.delete_project(way.project.id)
    other.publish(other.bot_commit(), 1)
    what = "job is about something that is not there for the bot"
    world.sandbox.wait_for(
        lambda: [line for line in told(world, what) if line["project"] == way.project.id], what="the end"
    )
    way.rest()


def test_a_project_that_is_moved_while_its_work_waits_is_published_where_it_went(world: World) -> None:
    way = held_up(world)
    path = f"moved/{way.project.path}"
    world.sandbox.move_project(way.project.id, path)
    way.publish(bot_commit(way), 1)
    assert "latest" in world.registry.tags(path)


def test_a_project_that_is_archived_is_left_alone_until_it_is_not(world: World) -> None:
    way = held_up(world)
    world.sandbox.archive_project(way.project.id)
    way.rest()
    time.sleep(3)
    assert way.writes() == []
    world.sandbox.archive_project(way.project.id, archived=False)
    way.push({"add_noise.py": SCRIPT.replace('"speckle"]', '"speckle", "salt"]')})
    way.publish(way.bot_commit(), 1)


def test_a_project_that_is_hidden_is_left_alone_and_found_again_on_request(world: World) -> None:
    way = held_up(world)
    row = world.sandbox.state.projects[way.project.id]
    del row.members[world.bot.id]
    what = "job is about something that is not there for the bot"
    world.sandbox.wait_for(
        lambda: [line for line in told(world, what) if line["project"] == way.project.id], what="the end"
    )
    world.sandbox.add_member(way.project.id, world.bot, MAINTAINER)
    world.command("publish", str(way.project.id))
    way.publish(bot_commit(way), 1)


def test_a_storm_of_every_kind_delays_and_loses_nothing(world: World) -> None:
    storm = (
        server_error(500),
        maintenance_page(1),
        resource_lock(),
        resource_lock(by_reason=True),
        reset(),
        half_answer(),
        not_json(),
        slow_down(1),
        slow_down(),
    )
    ways = [world.project() for _ in storm]
    for way, mishap in zip(ways, storm, strict=True):
        branch = "/projects/:id/repository/branches/:branch"
        rule = world.mood.on("GET", branch, mishap, user=BOT)
        rule.matches = only(way, rule.matches)
        way.push(FILES)
    for way in ways:
        way.publish(bot_commit(way), 1)


def only(way: Way, matches: Callable[..., bool]) -> Callable[..., bool]:
    """The same, in one project alone."""
    return lambda asked: matches(asked) and f"/projects/{way.project.id}/" in asked.path


def test_a_gitlab_that_hangs_is_left_after_the_time_limit_and_asked_again(world: World) -> None:
    world.mood.on("GET", "/projects/:id/repository/branches/:branch", hang(7), user=BOT)
    way = world.project(FILES)
    way.publish(bot_commit(way), 1)


def test_in_maintenance_mode_writes_wait_for_its_end(world: World) -> None:
    world.mood.on("*", "*", read_only(), times=None, user=BOT)
    way = world.project(FILES)
    commits = ("read_only", "POST /projects/:id/repository/commits")
    world.sandbox.wait_for(lambda: commits in world.mood.happened, what="a refused write")
    assert way.file() is None
    world.mood.clear()
    way.publish(bot_commit(way), 1)
    # what was refused for a while was not taken for a refusal for good
    assert way.comments(way.head()) == []


def test_an_expired_token_is_told_once_and_work_waits_for_a_good_one(world: World) -> None:
    before = len(told(world, "the operator must act"))
    world.sandbox.expire(world.bot.token)
    ways = [world.project(FILES) for _ in range(3)]
    world.sandbox.wait_for(
        lambda: told(world, "the operator must act")[before:], what="the word to the operator"
    )
    time.sleep(4)
    world.sandbox.expire(world.bot.token, expired=False)
    for way in ways:
        way.publish(bot_commit(way), 1)
    (line,) = told(world, "the operator must act")[before:]
    assert "token" in line["what"]
    assert "token_file" in line["hint"]


def test_a_head_whose_hook_was_lost_is_published_by_reconcile(world: World) -> None:
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1)
    way.rest()
    salted = {"add_noise.py": SCRIPT.replace('"speckle"]', '"speckle", "salt"]')}
    sha = world.sandbox.commit(way.project.id, world.alice, salted, quietly=True)
    way.rest()
    assert way.head() == sha
    world.command("reconcile", "--dry-run")
    way.rest()
    assert way.head() == sha
    world.command("reconcile")
    ours = world.sandbox.wait_for(lambda: way.head() if way.head() != sha else None, LONG, "the bot's commit")
    way.publish(ours, 2)


def test_a_pipeline_whose_end_no_hook_told_is_ended_by_reconcile(world: World) -> None:
    way = world.project(FILES, pipeline_events=False, job_events=False)
    ours = way.bot_commit()
    pipeline = way.pipeline(ours)
    looked = "/projects/:id/pipelines/:pipeline_id/jobs"
    # its own look comes once, and finds that it runs
    world.sandbox.wait_for(lambda: [c for c in way.calls() if c.route == looked], LONG, "the look")
    way.rest()
    digest = way.push_image(ours, 1)
    world.sandbox.play_pipeline(pipeline.id)
    way.rest()
    assert [status.status for status in way.statuses(ours)] != ["success"]
    world.command("reconcile")
    assert digest in str(way.status(ours, "success").description)


def test_a_pipeline_that_somebody_deleted_is_replaced_by_another(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    first = way.pipeline(ours)
    world.sandbox.start_job(world.sandbox.jobs(first.id)[0].id)
    way.status(ours, "running")
    way.rest()
    api = f"{world.sandbox.url}/api/v4/projects/{way.project.id}/pipelines/{first.id}"
    requests.delete(api, headers={"PRIVATE-TOKEN": world.alice.token}, timeout=10).raise_for_status()
    assert world.sandbox.pipelines(way.project.id, ours) == []
    world.command("reconcile")
    second = way.pipeline(ours)
    assert second.id != first.id
    way.publish(ours, 1)

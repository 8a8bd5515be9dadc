"""GitLab in a bad mood: nothing is lost, nothing is done twice."""

from __future__ import annotations

import time
from collections.abc import Callable

import requests
from werkzeug.wrappers import Response

from sandbox.gitlab import GUEST, MAINTAINER
from tests.whole_way.conftest import FILES, SCRIPT, SECRET, World

COMMITS = "/repository/commits"
Answer = Callable[[], Response]


def refuse(status: int, **headers: str) -> Callable[[Answer], Response]:
    return lambda _answer: Response(
        '{"message": "not now"}', status, headers, content_type="application/json"
    )


def after_effect(status: int) -> Callable[[Answer], Response]:
    def script(answer: Answer) -> Response:
        answer()
        return Response("gateway gone", status)

    return script


def hang_up(answer: Answer) -> Response:
    answer()
    raise ConnectionAbortedError


def test_a_commit_that_took_effect_before_a_502_is_not_made_again(world: World) -> None:
    world.mood.once("POST", COMMITS, after_effect(502))
    way = world.project(FILES)
    ours = way.bot_commit()
    way.publish(ours, 1)
    way.rest()
    assert way.commit(ours)["parent_ids"] != []
    assert [r for _, r in way.writes() if r.endswith(COMMITS)] == ["/projects/:id/repository/commits"]


def test_a_connection_lost_after_the_commit_is_as_good(world: World) -> None:
    world.mood.once("POST", COMMITS, hang_up)
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1)
    way.rest()
    assert len([r for _, r in way.writes() if r.endswith(COMMITS)]) == 1


def test_a_pipeline_that_ended_before_its_lost_answer_was_missed_is_the_one(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    way.finish(ours, "mlreef-verify", "failed", trace=b"odd\n", exit_code=1)
    way.status(ours, "failed")
    way.rest()
    # no hook tells of its end either
    for hook in world.sandbox.core.hooks.wanted(way.project.id, "push_events"):
        del world.sandbox.state.hooks[hook.id]

    def start_end_and_lose(answer: Answer) -> Response:
        answer()
        started = next(p for p in world.sandbox.pipelines(way.project.id, ours) if p.source == "api")
        world.sandbox.finish_job(world.sandbox.jobs(started.id)[0].id, "failed", exit_code=1)
        raise ConnectionAbortedError

    world.mood.once("POST", "/projects/:id/pipeline", start_end_and_lose)
    world.command("publish", str(way.project.id))
    world.sandbox.wait_for(lambda: not world.mood.scripts, what="the new pipeline")
    way.rest()
    time.sleep(3)
    way.rest()
    assert len([p for p in world.sandbox.pipelines(way.project.id, ours) if p.source == "api"]) == 1


def test_a_storm_of_errors_delays_and_loses_nothing(world: World) -> None:
    for status in (500, 503, 502):
        world.mood.once("GET", "/repository/tree", refuse(status))
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1)


def test_being_slowed_down_is_obeyed(world: World) -> None:
    world.mood.once("GET", "/repository/tree", refuse(429, **{"Retry-After": "1"}))
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1)


def test_a_note_that_took_effect_before_an_error_is_there_once(world: World) -> None:
    way = world.project()
    iid = way.merge(FILES)
    ours = way.bot_commit()
    world.mood.once("POST", "/notes", after_effect(500))
    way.push_image(ours, 1)
    world.sandbox.play_pipeline(way.pipeline(ours).id)
    world.sandbox.wait_for(lambda: way.notes(iid), what="the note")
    world.sandbox.wait_for(lambda: not world.mood.scripts, what="the scripted answer")
    way.rest()
    assert len(way.notes(iid)) == 1
    assert [s.status for s in way.statuses(ours) if not s.retried] == ["success"]


def test_a_push_between_reading_and_committing_is_read_again(world: World) -> None:
    way = world.project()
    salted = SCRIPT.replace('"speckle"]', '"speckle", "salt"]')

    def somebody_pushes_first(answer: Answer) -> Response:
        way.push({"add_noise.py": salted})
        return answer()

    world.mood.once("POST", COMMITS, somebody_pushes_first)
    way.push(FILES)
    world.sandbox.wait_for(lambda: b"salt" in (way.file() or b""), what="the file of the newer head")
    way.rest()
    way.publish(way.head(), 1)
    assert way.is_by_bot(way.head())


def test_a_refused_commit_is_told_with_gitlabs_words(world: World) -> None:
    world.mood.once(
        "POST",
        COMMITS,
        lambda _answer: Response(
            '{"message": "Commit message does not follow the pattern @all /close"}',
            400,
            content_type="application/json",
        ),
    )
    way = world.project(FILES)
    sha = way.head()
    way.status(sha, "failed")
    assert "does not follow the pattern" in way.comment(sha)
    assert [m for m in world.sandbox.mentions if m.project_id == way.project.id] == []


def test_a_wrong_secret_is_refused_and_changes_nothing(world: World) -> None:
    body = '{"object_kind": "push"}'
    headers = {"Content-Type": "application/json", "X-Gitlab-Event": "Push Hook"}
    for secret in (None, "wrong", SECRET + "x"):
        sent = headers if secret is None else {**headers, "X-Gitlab-Token": secret}
        answer = requests.post(world.hook_url, data=body, headers=sent, timeout=10)
        assert answer.status_code == 401
    assert SECRET not in world.log.read_text()


def test_many_projects_at_once_are_all_published(world: World) -> None:
    ways = [world.project(FILES) for _ in range(12)]
    for way in ways:
        way.publish(way.bot_commit(), 1)


def test_pushes_in_a_burst_end_with_the_newest(world: World) -> None:
    way = world.project(FILES)
    for number in range(6):
        way.push({"add_noise.py": SCRIPT.replace('"speckle"]', f'"speckle", "n{number}"]')})
    world.sandbox.wait_for(lambda: b"n5" in (way.file() or b""), what="the newest file")
    way.rest()
    assert way.is_by_bot(way.head())
    way.publish(way.head(), 1)


def test_a_merge_request_that_is_marked_late_still_gets_the_note(world: World) -> None:
    world.mood.once(
        "GET", "/merge_requests", lambda _answer: Response("[]", 200, content_type="application/json")
    )
    way = world.project()
    iid = way.merge({"add_noise.py": "x = (\n"})
    merged = way.head()
    world.sandbox.wait_for(lambda: way.notes(iid), what="the note")
    way.rest()
    assert way.comments(merged) == []


def test_a_registry_that_may_not_be_read_leaves_no_status_open(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    pipeline = way.pipeline(ours)
    world.sandbox.start_job(world.sandbox.jobs(pipeline.id)[0].id)
    way.status(ours, "running")
    way.push_image(ours, 1)
    world.sandbox.add_member(way.project.id, world.bot, GUEST)
    world.sandbox.play_pipeline(pipeline.id)
    assert way.world.log.exists()
    way.rest()
    # the rights come back, and with them the digest
    world.sandbox.add_member(way.project.id, world.bot, MAINTAINER)
    assert "Published master-1 (" in str(way.status(ours, "success").description)

"""From a push to a published module, as the author and GitLab see it."""

from __future__ import annotations

import requests

from bot.adapters.registry import Registry
from bot.domain.gitlab import ENDED
from bot.domain.tags import candidate_tag
from tests.whole_way.conftest import FILES, SCRIPT, Way, World
from tests.whole_way.test_refusals import start_by_hand

SEVENTH = SCRIPT.replace('"speckle"]', '"speckle", "salt"]')


def test_a_merge_is_published_and_told_on_its_merge_request(world: World) -> None:
    way = world.project()
    iid = way.merge(FILES)
    merged = way.head()
    ours = way.bot_commit()
    assert way.commit(ours)["parent_ids"] == [merged]
    assert f"Mlreef-Source: {merged}" in str(way.commit(ours)["message"])

    digest = way.publish(ours, 1)
    way.rest()
    (note,) = way.notes(iid)
    assert f"{world.registry.address}/{way.project.full_path}@{digest}" in note
    assert "is published as `master-1`" in note
    assert "--mode" in note
    status = way.statuses(ours)[-1]
    assert status.description == f"Published master-1 ({digest})"
    assert world.sandbox.state.pipelines[status.pipeline_id].source == "push"


def test_while_it_builds_the_status_runs_in_the_pipeline_and_ends_with_it(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    pipeline = way.pipeline(ours)
    world.sandbox.start_job(world.sandbox.jobs(pipeline.id)[0].id)
    running = way.status(ours, "running")
    assert running.pipeline_id == pipeline.id
    way.publish(ours, 1)
    way.rest()
    assert world.sandbox.state.pipelines[pipeline.id].status == "success"
    assert [s.status for s in way.statuses(ours) if not s.retried] == ["success"]
    assert [p.source for p in world.sandbox.pipelines(way.project.id, ours)] == ["push"]


def test_without_job_hooks_no_status_keeps_the_pipeline_from_ending(world: World) -> None:
    way = world.project(FILES, job_events=False)
    ours = way.bot_commit()
    way.publish(ours, 1)
    way.rest()
    assert [s.status for s in way.statuses(ours)] == ["success"]


def test_a_redelivered_hook_changes_nothing(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    way.publish(ours, 1)
    way.rest()
    pushes = [
        d for d in world.sandbox.hook_deliveries if d.project_id == way.project.id and d.event == "Push Hook"
    ]
    before = len(way.writes())
    for delivery in pushes:
        answer = requests.post(delivery.url, data=delivery.body, headers=delivery.headers, timeout=10)
        assert 200 <= answer.status_code < 300
        # the same push told by a second hook comes under another key
        other = {**delivery.headers, "Idempotency-Key": f"other-{delivery.id}", "X-Gitlab-Webhook-UUID": "x"}
        assert requests.post(delivery.url, data=delivery.body, headers=other, timeout=10).status_code < 300
    way.rest()
    assert len(way.writes()) == before
    assert way.head() == ours


def test_a_push_that_changes_nothing_the_file_depends_on_costs_few_calls(world: World) -> None:
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1)
    way.rest()
    world.sandbox.clear_log()
    sha = way.push({"add_noise.py": SCRIPT + "\n# faster now\n"})
    pipeline = way.pipeline(sha)
    world.sandbox.start_job(world.sandbox.jobs(pipeline.id)[0].id)
    way.status(sha, "running")
    way.rest()
    assert way.head() == sha
    assert len(way.calls()) <= 6, [(c.method, c.path) for c in way.calls()]
    way.publish(sha, 2)


def test_an_empty_commit_is_published_without_a_commit_or_a_note_of_the_bots(world: World) -> None:
    way = world.project()
    iid = way.merge(FILES)
    way.publish(way.bot_commit(), 1)
    way.rest()
    notes = way.notes(iid)
    sha = way.push({"notes.txt": "x\n"}, message="As good as empty")
    digest = way.publish(sha, 2)
    way.rest()
    assert way.head() == sha
    assert way.notes(iid) == notes
    assert way.comments(sha) == []
    assert digest in str(way.statuses(sha)[-1].description)


def test_a_changed_parameter_makes_one_commit_and_the_users_own_pipeline_is_left_alone(world: World) -> None:
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1)
    way.rest()
    sha = way.push({"add_noise.py": SEVENTH})
    stale = way.pipeline(sha)
    ours = way.bot_commit()
    assert way.commit(ours)["parent_ids"] == [sha]
    assert b"salt" in (way.file() or b"")
    way.publish(ours, 2)
    way.rest()
    assert way.head() == ours
    # the pipeline of the old file was cancelled by GitLab; nothing is told of it
    assert world.sandbox.state.pipelines[stale.id].status == "canceled"
    assert way.statuses(sha) == []


def test_the_bots_own_push_asks_for_no_work(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    way.rest()
    answers = [
        d.answer
        for d in world.sandbox.hook_deliveries
        if d.project_id == way.project.id and d.event == "Push Hook" and ours in d.body.decode()
    ]
    assert any("own commit" in answer for answer in answers)
    assert [route for _, route in way.writes() if route.endswith("/commits")] == [
        "/projects/:id/repository/commits"
    ]


def test_skip_ci_does_not_keep_a_push_from_being_published(world: World) -> None:
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1)
    sha = way.push({"add_noise.py": SCRIPT + "# x\n"}, message="Quietly [skip ci]")
    started = way.pipeline(sha)
    assert started.source == "api"
    way.publish(sha, 2)


def test_a_pipeline_is_started_once_for_a_push_that_gitlab_made_none_for(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    way.publish(ours, 1)
    sha = way.push({"add_noise.py": SCRIPT + "# y\n"}, message="[ci skip]")
    way.pipeline(sha)
    way.rest()
    made = [p for p in world.sandbox.pipelines(way.project.id, sha) if p.source == "api"]
    assert len(made) == 1


def test_a_failed_job_is_told_with_its_last_lines(world: World) -> None:
    way = world.project()
    iid = way.merge(FILES)
    ours = way.bot_commit()
    way.finish(
        ours,
        "mlreef-build",
        "failed",
        trace=b"ERROR: No matching distribution found for numppy\n",
        exit_code=1,
    )
    status = way.status(ours, "failed")
    why = "There is no version of {} for this environment's Python."
    assert status.description == f"Not published: {why.format(chr(39) + 'numppy' + chr(39))}"
    pipeline = way.pipeline(ours)
    (build,) = [job for job in world.sandbox.jobs(pipeline.id) if job.name == "mlreef-build"]
    job_url, pipeline_url = (
        f"{way.project.path}/-/{kind}" for kind in (f"jobs/{build.id}", f"pipelines/{pipeline.id}")
    )
    assert str(status.target_url).endswith(job_url)
    way.rest()
    (note,) = way.notes(iid)
    told = [
        *(
            "**Not published.**",
            f"**Likely cause:** {why.format('`numppy`')}",
            "**What to do:** Check its name",
        ),
        *(f"{job_url})", f"{pipeline_url})", "| ERROR: No matching distribution found for numppy"),
    ]
    assert [note.find(words) for words in told] == sorted(note.index(words) for words in told)


def test_a_log_that_a_public_project_keeps_for_its_members_is_not_in_the_note(world: World) -> None:
    way = world.project()
    way.project.visibility, way.project.public_jobs = "public", False
    iid = way.merge(FILES)
    ours = way.bot_commit()
    printed = b"a line for members\nERROR: No matching distribution found for numppy\n"
    way.finish(ours, "mlreef-build", "failed", trace=printed, exit_code=1)
    assert "'numppy'" in str(way.status(ours, "failed").description)
    way.rest()
    (note,) = way.notes(iid)
    assert "a line for members" not in note
    assert "**Likely cause:** There is no version of `numppy`" in note


def test_a_job_that_no_runner_took_is_told_by_gitlabs_reason(world: World) -> None:
    way = world.project()
    iid = way.merge(FILES)
    ours = way.bot_commit()
    way.finish(ours, "mlreef-build", "failed", reason="stuck_or_timeout_failure")
    assert way.status(ours, "failed").description == "Not published: No runner took the job in time."
    way.rest()
    (note,) = way.notes(iid)
    assert "**What to do:** Whoever runs the runners looks whether one is up" in note


def test_a_failed_job_that_is_retried_with_success_publishes_after_all(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    way.finish(ours, "mlreef-build", "failed", trace=b"network\n", exit_code=1)
    way.status(ours, "failed")
    way.rest()
    pipeline = way.pipeline(ours)
    api = f"{world.sandbox.url}/api/v4/projects/{way.project.id}/pipelines/{pipeline.id}/retry"
    requests.post(api, headers={"PRIVATE-TOKEN": world.alice.token}, timeout=10).raise_for_status()
    digest = way.push_image(ours, 1)
    world.sandbox.play_pipeline(pipeline.id)
    assert digest in str(way.status(ours, "success").description)


def test_other_branches_tags_and_deletions_ask_for_nothing(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    way.publish(ours, 1)
    way.rest()
    world.sandbox.clear_log()
    way.push({"add_noise.py": "x = (\n"}, branch="experiment")
    api = f"{world.sandbox.url}/api/v4/projects/{way.project.id}/repository/branches/experiment"
    requests.delete(api, headers={"PRIVATE-TOKEN": world.alice.token}, timeout=10).raise_for_status()
    way.rest()
    assert way.calls() == []
    assert way.head() == ours


def test_at_rest_every_status_of_the_head_has_ended(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    way.publish(ours, 1)
    way.rest()
    live = [s for s in way.statuses(ours) if not s.retried]
    assert {s.status for s in live} <= ENDED
    assert len(live) == 1


def test_a_second_pipeline_of_a_published_commit_is_not_kept_running(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    first = way.pipeline(ours)
    start_by_hand(way)
    second = next(p for p in world.sandbox.pipelines(way.project.id, ours) if p.source == "api")
    for pipeline in (first, second):
        world.sandbox.start_job(world.sandbox.jobs(pipeline.id)[0].id)
        world.sandbox.wait_for(
            lambda pipeline=pipeline: [s for s in way.statuses(ours) if s.pipeline_id == pipeline.id],
            what="the running status",
        )
    way.push_image(ours, 1)
    world.sandbox.play_pipeline(first.id)
    world.sandbox.play_pipeline(second.id)
    world.sandbox.wait_pipeline(second.id, 20)
    world.sandbox.wait_pipeline(first.id, 20)
    way.rest()
    assert {s.status for s in way.statuses(ours) if not s.retried} == {"success"}


def test_a_branch_made_from_a_published_head_is_published_by_itself(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    way.publish(ours, 1)
    way.rest()
    made = f"{world.sandbox.url}/api/v4/projects/{way.project.id}/repository/branches"
    body = {"branch": "release", "ref": "master"}
    headers = {"PRIVATE-TOKEN": world.alice.token}
    requests.post(made, json=body, headers=headers, timeout=10).raise_for_status()
    # the file names its branch, so the new branch gets one of its own
    head = world.sandbox.wait_for(
        lambda: way.head("release") if way.head("release") != ours else None, what="the bot's commit"
    )
    assert b"release" in (way.file(head) or b"")
    assert way.head() == ours


def test_asking_again_for_a_failed_head_starts_one_new_pipeline(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    way.finish(ours, "mlreef-verify", "failed", trace=b"odd\n", exit_code=1)
    way.status(ours, "failed")
    way.rest()
    world.command("publish", str(way.project.id))
    started = world.sandbox.wait_for(
        lambda: next((p for p in world.sandbox.pipelines(way.project.id, ours) if p.source == "api"), None),
        what="the new pipeline",
    )
    # it ends badly before anybody looks; that is its end, and no reason for another one
    job = world.sandbox.jobs(started.id)[0]
    world.sandbox.finish_job(job.id, "failed", trace=b"odd again\n", exit_code=1)
    way.rest()
    way.rest()
    assert len([p for p in world.sandbox.pipelines(way.project.id, ours) if p.source == "api"]) == 1
    assert way.statuses(ours)[-1].status == "failed"


def test_a_pipeline_of_another_ref_does_not_count(world: World) -> None:
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1)
    sha = way.push({"add_noise.py": SCRIPT + "# z\n"}, message="[skip ci]")
    tags = f"{world.sandbox.url}/api/v4/projects/{way.project.id}/repository/branches"
    body = {"branch": "a-copy", "ref": sha}
    headers = {"PRIVATE-TOKEN": world.alice.token}
    requests.post(tags, json=body, headers=headers, timeout=10).raise_for_status()
    started = world.sandbox.wait_for(
        lambda: next((p for p in world.sandbox.pipelines(way.project.id, sha) if p.source == "api"), None),
        what="the pipeline of the published branch",
    )
    assert started.ref == "master"


def test_a_pipeline_that_a_newer_push_overtook_is_told_so(world: World) -> None:
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1)
    older = way.push({"add_noise.py": SCRIPT + "# 1\n"})
    overtaken = way.pipeline(older)
    world.sandbox.start_job(world.sandbox.jobs(overtaken.id)[0].id)
    way.status(older, "running")
    newer = way.push({"add_noise.py": SCRIPT + "# 2\n"})
    # GitLab ends our status with the pipeline; the bot says why
    world.sandbox.wait_for(
        lambda: "newer commit" in str(way.statuses(older)[-1].description), what="the reason"
    )
    assert {s.status for s in way.statuses(older)} == {"canceled"}
    way.publish(newer, 2)


def tag_as(way: Way, sha: str, version: str) -> None:
    """What promote does for a commit that is the same as a version."""
    repository = way.project.full_path.lower()
    with Registry(way.world.registry.address, way.world.alice.username, way.world.alice.token) as registry:
        image = registry.fetch_manifest(repository, version)
        assert image is not None
        registry.ensure_tag(repository, candidate_tag(sha), image)


def keep(way: Way, sha: str, version: str) -> None:
    """Play the pipeline of a commit that is the same as a version."""
    way.pipeline(sha)
    tag_as(way, sha, version)
    way.finish(sha, "mlreef-promote", "failed", exit_code=75)


def test_a_commit_that_is_the_same_as_a_version_is_told_so_and_nothing_else_happens(world: World) -> None:
    way = world.project(FILES)
    first = way.bot_commit()
    digest = way.publish(first, 1)
    iid = way.merge({"notes.txt": "as if it counted for nothing\n"})
    same = way.head()
    keep(way, same, "master-1")
    assert way.status(same, "success").description == (
        f"Unchanged: the same as master-1, which stays published ({digest})"
    )
    way.rest()
    (note,) = way.notes(iid)
    assert "**Unchanged.**" in note
    assert f"@{digest}" in note
    assert way.comments(same) == []
    assert way.head() == same
    assert sorted(world.registry.tags(way.project.full_path)) == sorted(
        ["latest", "master-1", candidate_tag(first), candidate_tag(same)]
    )


def test_a_commit_that_was_the_same_once_is_published_when_it_is_no_longer(world: World) -> None:
    """The branch moved on, and then back to it."""
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1)
    same = way.push({"notes.txt": "x\n"})
    keep(way, same, "master-1")
    way.status(same, "success")
    way.rest()
    start_by_hand(way)
    digest = way.push_image(same, 2)
    world.sandbox.play_pipeline(max(p.id for p in world.sandbox.pipelines(way.project.id, same)))
    world.sandbox.wait_for(
        lambda: digest in str(way.statuses(same)[-1].description), what="the word of version 2"
    )
    assert way.statuses(same)[-1].description == f"Published master-2 ({digest})"


def test_a_published_commit_that_is_built_anew_by_a_wish_gets_its_new_version_told(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    way.publish(ours, 1)
    way.rest()
    start_by_hand(way)
    digest = way.push_image(ours, 2)
    world.sandbox.play_pipeline(max(p.id for p in world.sandbox.pipelines(way.project.id, ours)))
    wanted = f"Published master-2 ({digest})"
    world.sandbox.wait_for(
        lambda: str(way.statuses(ours)[-1].description) == wanted, what="the word of version 2"
    )
    way.rest()
    assert way.statuses(ours)[-1].description == wanted

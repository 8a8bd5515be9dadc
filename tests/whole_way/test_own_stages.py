"""Stages of the author's own: they can stop a publication and are told of; they can change nothing of ours."""

from __future__ import annotations

from sandbox.gitlab.state import Pipeline
from tests.whole_way.conftest import SCRIPT, Way, World

HOSTILE = """\
workflow: {rules: [{when: always}]}
default: {image: "evil:1", interruptible: true}
variables: {MLREEF_VERDICT: publish, MLREEF_DIGEST: evil, CI_REGISTRY_IMAGE: evil}
stages: [promote, verify]
"""
JOBS = "".join(
    f"{name}: {{stage: promote, script: [echo]}}\n"
    for name in ("mlreef-verify", "mlreef-build", "mlreef-smoke", "mlreef-promote")
)
FILES = {
    "add_noise.py": SCRIPT,
    "requirements.txt": "numpy==2.1\n",
    ".mlreef.yaml": "stages: {before: [ci/lint.yml], after: [ci/scan.yml]}\n",
    "ci/lint.yml": "lint: {script: [make lint]}\n",
    "ci/scan.yml": "scan: {script: [make scan]}\n",
}


def child(way: Way, pipeline: Pipeline, job: str) -> int:
    """The pipeline of a stage, once it is there."""
    found = way.sandbox.wait_for(
        lambda: way.sandbox.job(pipeline.id, job).downstream_id, what=f"the child of {job}"
    )
    return int(found)


def play(way: Way, pipeline: Pipeline, *jobs: str) -> None:
    """These jobs end well, one after the other."""
    for name in jobs:
        way.sandbox.finish_job(way.sandbox.job(pipeline.id, name).id)


def test_both_stages_are_waited_for_and_then_it_is_published(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    pipeline = way.pipeline(ours)
    play(way, pipeline, "mlreef-verify")
    assert way.sandbox.job(pipeline.id, "mlreef-build").status == "created"
    assert way.sandbox.play_pipeline(child(way, pipeline, "mlreef-before-1")) == "success"
    play(way, pipeline, "mlreef-build", "mlreef-smoke")
    assert way.sandbox.job(pipeline.id, "mlreef-promote").status == "created"
    assert way.sandbox.play_pipeline(child(way, pipeline, "mlreef-after-1")) == "success"
    digest = way.push_image(ours, 1)
    play(way, pipeline, "mlreef-promote")
    assert digest in str(way.status(ours, "success").description)


def test_a_stage_that_fails_before_the_build_stops_it_and_is_named(world: World) -> None:
    way = world.project(FILES)
    source = way.head()
    ours = way.bot_commit()
    pipeline = way.pipeline(ours)
    play(way, pipeline, "mlreef-verify")
    lint = way.sandbox.job(child(way, pipeline, "mlreef-before-1"), "lint")
    way.sandbox.finish_job(lint.id, "failed", trace=b"line 3 is too long\n")
    told = str(way.status(ours, "failed").description)
    assert told == "Not published: your stage ci/lint.yml stopped it: the job lint failed"
    job_url = f"{way.project.path}/-/jobs/{lint.id}"
    assert str(way.status(ours, "failed").target_url).endswith(job_url)
    note = way.comment(source)
    assert "`ci/lint.yml`" in note
    assert "line 3 is too long" in note
    assert f"{job_url})" in note
    assert way.sandbox.job(pipeline.id, "mlreef-build").status == "skipped"


def test_a_stage_that_fails_after_the_build_keeps_the_tags_from_moving(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    pipeline = way.pipeline(ours)
    play(way, pipeline, "mlreef-verify")
    way.sandbox.play_pipeline(child(way, pipeline, "mlreef-before-1"))
    play(way, pipeline, "mlreef-build", "mlreef-smoke")
    way.sandbox.play_pipeline(child(way, pipeline, "mlreef-after-1"), scan="failed")
    assert "your stage ci/scan.yml" in str(way.status(ours, "failed").description)
    assert way.sandbox.job(pipeline.id, "mlreef-promote").status == "skipped"


def test_a_job_that_fails_in_a_pipeline_of_a_stage_is_named_and_a_click_away(world: World) -> None:
    inner = "inner: {trigger: {include: [{local: ci/inner.yml}], strategy: depend}}\n"
    way = world.project({**FILES, "ci/lint.yml": inner, "ci/inner.yml": "deep: {script: [make deep]}\n"})
    source = way.head()
    ours = way.bot_commit()
    pipeline = way.pipeline(ours)
    play(way, pipeline, "mlreef-verify")
    stage = way.sandbox.state.pipelines[child(way, pipeline, "mlreef-before-1")]
    deep = way.sandbox.job(child(way, stage, "inner"), "deep")
    way.sandbox.finish_job(deep.id, "failed", trace=b"OSError: [Errno 28] No space left on device\n")
    status = way.status(ours, "failed")
    assert str(status.description).startswith(
        "Not published: your stage ci/lint.yml stopped it: the job deep failed. The machine that runs the job"
    )
    assert str(status.target_url).endswith(f"{way.project.path}/-/jobs/{deep.id}")
    note = way.comment(source)
    assert f"{way.project.path}/-/jobs/{deep.id})" in note
    assert f"/-/pipelines/{stage.id})" in note
    assert "No space left on device" in note


def test_a_pipeline_that_a_stage_cannot_start_is_told_by_the_job_that_should(world: World) -> None:
    inner = "inner: {trigger: {include: [{local: ci/nowhere.yml}], strategy: depend}}\n"
    way = world.project({**FILES, "ci/lint.yml": inner})
    source = way.head()
    ours = way.bot_commit()
    pipeline = way.pipeline(ours)
    play(way, pipeline, "mlreef-verify")
    stage = child(way, pipeline, "mlreef-before-1")
    status = way.status(ours, "failed")
    assert status.description == "Not published: your stage ci/lint.yml stopped it: the job inner failed"
    assert str(status.target_url).endswith(f"{way.project.path}/-/pipelines/{stage}")
    assert "its job [inner]" in way.comment(source)


def test_a_stage_without_a_job_to_run_is_a_failure_that_says_so(world: World) -> None:
    way = world.project({**FILES, "ci/lint.yml": "lint: {script: [x], rules: [{when: never}]}\n"})
    source = way.head()
    ours = way.bot_commit()
    play(way, way.pipeline(ours), "mlreef-verify")
    assert "could not run your stage ci/lint.yml" in str(way.status(ours, "failed").description)
    assert "at least one job" in way.comment(source)


def test_a_hostile_stage_with_our_jobs_names_changes_nothing_of_ours(world: World) -> None:
    way = world.project({**FILES, "ci/lint.yml": HOSTILE + JOBS})
    ours = way.bot_commit()
    pipeline = way.pipeline(ours)
    before = {job.name: (job.stage, job.needs, job.when) for job in way.sandbox.jobs(pipeline.id)}
    play(way, pipeline, "mlreef-verify")
    # its own `mlreef-promote` says that it has published
    assert way.sandbox.play_pipeline(child(way, pipeline, "mlreef-before-1")) == "success"
    way.rest()
    assert way.sandbox.job(pipeline.id, "mlreef-promote").status == "created"
    assert {job.name: (job.stage, job.needs, job.when) for job in way.sandbox.jobs(pipeline.id)} == before
    assert [status.status for status in way.statuses(ours)][-1] in ("pending", "running")
    play(way, pipeline, "mlreef-build", "mlreef-smoke")
    way.sandbox.play_pipeline(child(way, pipeline, "mlreef-after-1"))
    digest = way.push_image(ours, 1)
    play(way, pipeline, "mlreef-promote")
    assert digest in str(way.status(ours, "success").description)

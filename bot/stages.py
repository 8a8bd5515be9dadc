"""The stages of a repository's own, as they stand in GitLab: which one stopped a publication, and why."""

from __future__ import annotations

from bot.domain import failure_words, pipeline
from bot.domain.gitlab import Bridge, CiJob, Pipeline, Project
from bot.domain.plan import ci_config_file
from bot.reading import fetch_report
from bot.world import World

_STOPPED = ("failed", "canceled")

MAX_DEPTH = 3
"""Pipelines in pipelines that are looked into; GitLab lets a stage's start one more."""


def fetch_stopped_stage(
    project_id: int, pipeline_id: int, jobs: tuple[CiJob, ...], world: World
) -> Bridge | None:
    """The stage that keeps our jobs from going on; None when none does."""
    if not any(job.name == pipeline.VERIFY and job.status == "success" for job in jobs):
        return None
    bridges = world.forge.fetch_bridges(project_id, pipeline_id)
    stopped = (one for one in bridges if pipeline.STAGE_JOB.match(one.name) and one.status in _STOPPED)
    return next(stopped, None)


def is_stage_of_ours(project: Project, found: Pipeline, ours: int | None, world: World) -> bool:
    """Whether a pipeline is a stage of a repository's own, whatever its jobs are called. `ours`: our pipeline's id."""
    if found.source != "parent_pipeline":
        return False
    if ci_config_file(project) == pipeline.PATH:
        return True
    if ours in (None, found.id):
        return False
    return any(bridge.child == found.id for bridge in world.forge.fetch_bridges(project.id, ours or 0))


def fetch_stage_failure(
    project: Project, sha: str, bridge: Bridge, parent: Pipeline, world: World
) -> tuple[str, str, str]:
    """Status, note and link: which file's pipeline stopped, and the last lines of the job that failed in it."""
    failed = _fetch_failed(project.id, bridge, MAX_DEPTH, world)
    trace = world.forge.fetch_trace_tail(project.id, failed.id) if failed is not None else b""
    file = _file(project, sha, bridge, world)
    url = bridge.child_url or parent.web_url
    status = failure_words.stage_status(file, failed, trace)
    note = failure_words.stage_note(sha, file, failed, url, trace, project.open_logs)
    return status, note, (failed.web_url if failed is not None else "") or url


def _fetch_failed(project_id: int, bridge: Bridge, depth: int, world: World) -> CiJob | None:
    """The job that failed in a child pipeline, or in a child of that; None where there is none."""
    if bridge.child is None or depth == 0:
        return None
    jobs = world.forge.fetch_jobs(project_id, bridge.child)
    failed = next((job for job in jobs if job.status in _STOPPED and not job.allow_failure), None)
    if failed is not None:
        return failed
    inner = next(
        (
            one
            for one in world.forge.fetch_bridges(project_id, bridge.child)
            if one.status in _STOPPED and not one.allow_failure
        ),
        None,
    )
    if inner is None:
        return None
    # of a pipeline of another project, or of one that was never made, the job that starts it is all there is to tell
    told = CiJob(inner.id, inner.name, inner.status, False, inner.child_url or bridge.child_url)
    return _fetch_failed(project_id, inner, depth - 1, world) or told


def _file(project: Project, sha: str, bridge: Bridge, world: World) -> str:
    """The CI file of a stage; the job's own name if the repository does not say it."""
    found = pipeline.STAGE_JOB.match(bridge.name)
    stages = fetch_report(project, sha, world).report.settings.stages
    files = () if found is None else stages.before if found[1] == "before" else stages.after
    number = int(found[2]) - 1 if found is not None else 0
    return files[number] if 0 <= number < len(files) else bridge.name

"""The pipeline of a commit that is to be published: waited for, started where GitLab did not, looked for at its end.

Every look may be repeated, and ends: what follows from it is a later job.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from bot.adapters.publications import Publication
from bot.domain import pipeline, plan, reports
from bot.domain.gitlab import ENDED, Pipeline
from bot.domain.jobs import EnsurePipeline, Follow, Later, Publish
from bot.domain.plan import State
from bot.domain.steps import SetStatus, Tell
from bot.errors import Gone, Refused
from bot.metrics import PUBLICATIONS
from bot.rebuilds import is_rebuild
from bot.telling import perform
from bot.world import World

MAX_PIPELINE_LOOKS = 3
"""How often, a grace apart, a pipeline is looked for before the author is told that none came."""

log = structlog.get_logger()


def ensure_pipeline(job: EnsurePipeline, world: World) -> tuple[Later, ...]:
    """See that the commit has a pipeline that publishes it, and look for an end that no hook told."""
    known = world.store.publication(job.project_id, job.sha, job.branch)
    if known is None or State(known.state).ended:
        return ()
    watch = Later(replace(job, watch=True, attempt=0), world.policy.watch_seconds)
    if known.pipeline_id is not None:
        if not job.watch:
            return (watch,)
        return (Later(Follow(job.project_id, job.branch, job.sha, known.pipeline_id)), watch)
    project = world.forge.fetch_project(job.project_id)
    as_child = plan.ci_config_file(project) != pipeline.PATH
    found = _usable(job, world, "parent_pipeline" if as_child else None)
    if found:
        return (
            Later(Follow(project.id, job.branch, job.sha, _with_our_jobs(found, world, project.id))),
            watch,
        )
    parents = _usable(job, world, None) if as_child else []
    if job.looks >= MAX_PIPELINE_LOOKS:
        return _unstarted(_why_no_pipeline(parents, world, project.id), job, known, world)
    again = Later(replace(job, looks=job.looks + 1, attempt=0), world.policy.grace_seconds)
    if parents:
        return (again,)
    if job.fresh and job.since is None:
        # noted before one is made: should its answer be lost, it is known by its number
        return (Later(replace(job, since=_newest(job, as_child, world), attempt=0)),)
    return _start_pipeline(job, known, as_child, world)


def _usable(job: EnsurePipeline, world: World, source: str | None) -> list[Pipeline]:
    found = world.forge.fetch_pipelines(job.project_id, job.branch, job.sha, source)
    foreign = ("external", "merge_request_event")
    return [
        p
        for p in found
        if p.source not in foreign
        and p.status != "skipped"
        and not (p.status in ENDED and _is_old(p, job))
        and not is_rebuild(job.project_id, p.id, world)
    ]


def _with_our_jobs(found: list[Pipeline], world: World, project_id: int) -> int:
    """Of several children the first that has our jobs: stages of the author's own come after it."""
    for one in reversed(found) if len(found) > 1 else ():
        names = {job.name for job in world.forge.fetch_jobs(project_id, one.id)}
        if names.issuperset(pipeline.JOB_NAMES):
            return one.id
    return found[0].id


def _is_old(found: Pipeline, job: EnsurePipeline) -> bool:
    return job.fresh and (job.since is None or found.id <= job.since)


def _newest(job: EnsurePipeline, as_child: bool, world: World) -> int:
    sources = (None, "parent_pipeline") if as_child else (None,)
    lists = (world.forge.fetch_pipelines(job.project_id, job.branch, job.sha, source) for source in sources)
    return max((found.id for listed in lists for found in listed), default=0)


def _why_no_pipeline(parents: list[Pipeline], world: World, project_id: int) -> str:
    newest = world.forge.fetch_pipeline(project_id, parents[0].id) if parents else None
    if newest is None:
        return reports.NO_PIPELINE
    return newest.yaml_errors or reports.NO_CHILD_PIPELINE


def _start_pipeline(
    job: EnsurePipeline, known: Publication, as_child: bool, world: World
) -> tuple[Later, ...]:
    branch = world.forge.fetch_branch(job.project_id, job.branch)
    if branch is None or branch.sha != job.sha:
        # a pipeline can only be started for a branch's head; the new head has a job of its own
        world.store.ensure_publication(replace(known, state=State.SUPERSEDED))
        PUBLICATIONS.labels(State.SUPERSEDED.value).inc()
        return (Later(Publish(job.project_id, job.branch, cause="moved")),)
    try:
        started = world.forge.create_pipeline(job.project_id, job.branch)
    except (Refused, Gone) as refusal:
        return _unstarted(str(refusal), job, known, world)
    log.info("pipeline_started", project=job.project_id, sha=job.sha, pipeline=started.id)
    # from now on an ended pipeline counts: it may be this one
    again = replace(job, looks=job.looks + 1, fresh=False, attempt=0)
    if as_child:
        return (Later(again, world.policy.grace_seconds),)
    return (
        Later(Follow(job.project_id, job.branch, started.sha, started.id)),
        Later(again, world.policy.grace_seconds),
    )


def _unstarted(words: str, job: EnsurePipeline, known: Publication, world: World) -> tuple[Later, ...]:
    project = world.forge.fetch_project(job.project_id)
    url = f"{project.web_url}/-/commit/{job.sha}"
    perform(
        (
            SetStatus(job.sha, job.branch, "failed", reports.unstarted_status(words), url),
            Tell(known.source_sha, job.branch, reports.unstarted_note(job.sha, words), aloud=True),
        ),
        project.id,
        world,
    )
    world.store.ensure_publication(replace(known, state=State.UNBUILT))
    PUBLICATIONS.labels(State.UNBUILT.value).inc()
    return ()

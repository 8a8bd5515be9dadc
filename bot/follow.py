"""What became of a pipeline: told while it runs, and recorded when our own jobs in it have ended.

The end is read from our named jobs, never from the pipeline's status: our commit status is a job in it, too.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from bot.adapters.publications import Publication
from bot.domain import reports
from bot.domain.afterwards import Ended, plan_afterwards
from bot.domain.catalogue import VersionState
from bot.domain.gitlab import ENDED, Bridge, CiJob, Project
from bot.domain.jobs import EnsurePipeline, Follow, Later, Publish, Run
from bot.domain.plan import State
from bot.domain.progress import Progress, read_progress
from bot.domain.steps import PUBLISH_STATUS, SetStatus, Tell
from bot.ending import end_published, end_unchanged, end_unpublished, quiet_of, status_of
from bot.errors import OperatorError, Refused
from bot.metrics import PUBLICATIONS
from bot.published import fetch_kept, fetch_published
from bot.rebuilds import is_rebuild
from bot.stages import fetch_stage_failure, fetch_stopped_stage, is_stage_of_ours
from bot.telling import perform
from bot.world import World

log = structlog.get_logger()


def follow(job: Follow, world: World) -> tuple[Later, ...]:
    """Tell that the commit's pipeline runs, or how it ended; what its runs measured is another job."""
    ran = (Later(Run(job.project_id, job.branch, job.sha, job.pipeline_id)),) if job.runs else ()
    return (*_follow(job, world), *ran)


def _follow(job: Follow, world: World) -> tuple[Later, ...]:
    if is_rebuild(job.project_id, job.pipeline_id, world):
        return ()
    known = world.store.publication(job.project_id, job.sha, job.branch)
    if known is None:
        # a pipeline of a commit that nobody told of: if it is the head, publishing it will find the pipeline
        return (Later(Publish(job.project_id, job.branch, job.sha, cause="pipeline")),)
    if State(known.state).final or (known.state == State.UNCHANGED and known.pipeline_id == job.pipeline_id):
        if not _is_published_anew(job, known, world):
            _close_second_pipeline(job, known, world)
            return _afterwards_lost(known, world)
        known = replace(known, state=State.WAITING)
    pipeline_known = replace(known, pipeline_id=job.pipeline_id, state=State.RUNNING)
    progress, jobs = Progress(State.RUNNING), tuple[CiJob, ...]()
    if not job.running or job.by_job or State(known.state).ended:
        # a failed publication may go on when somebody retries a job; an old hook may come late, also when the end
        # was told and we died before we noted it: GitLab knows
        jobs = world.forge.fetch_jobs(job.project_id, job.pipeline_id)
        progress = read_progress(jobs)
        if progress.state is None:
            stage = fetch_stopped_stage(job.project_id, job.pipeline_id, jobs, world)
            return (
                _without_our_jobs(job, known, world) if stage is None else _stopped(job, stage, known, world)
            )
    if progress.state is State.RUNNING:
        if job.by_job and job.running:
            running = reports.running_status()
            status = SetStatus(job.sha, job.branch, "running", running, "", job.pipeline_id)
            perform((status,), job.project_id, world)
        world.store.ensure_publication(pipeline_known)
        return ()
    if progress.job is None or progress.state in (None, known.state):
        return ()
    project = world.forge.fetch_project(job.project_id)
    ended = world.forge.fetch_pipeline(job.project_id, job.pipeline_id)
    if ended is None or is_stage_of_ours(project, ended, known.pipeline_id, world):
        return ()
    known = pipeline_known
    if progress.state is State.PUBLISHED:
        outcome = end_published(known, project, ended, jobs, world)
    else:
        kept = fetch_kept(known, project, world) if progress.state is State.SUPERSEDED else None
        outcome = (
            end_unchanged(kept, known, project, ended, world)
            if kept is not None
            else end_unpublished(progress.job, progress.state, known, project, ended, world)
        )
    perform(outcome.tell, project.id, world)
    world.store.ensure_publication(outcome.publication)
    PUBLICATIONS.labels(State(outcome.publication.state).value).inc()
    log.info(
        "publication_ended",
        project=project.path,
        sha=known.sha,
        state=outcome.publication.state,
        digest=outcome.publication.digest,
    )
    return _afterwards(outcome.publication, outcome.version, project, world)


def _afterwards(known: Publication, version: str, project: Project, world: World) -> tuple[Later, ...]:
    ended = Ended(known.project_id, known.branch, known.sha, State(known.state), version)
    return plan_afterwards(ended, known.branch == project.default_branch, world.policy)


def _afterwards_lost(known: Publication, world: World) -> tuple[Later, ...]:
    """What follows a publication once more, where we died after we noted it and before that was asked for."""
    if not _is_unlisted(known, world):
        return ()
    described = world.store.described(known.digest or "")
    project = world.forge.fetch_project(known.project_id)
    return _afterwards(known, described.version if described is not None else "", project, world)


def _is_unlisted(known: Publication, world: World) -> bool:
    """Whether the catalogue cannot have been told how the publication ended."""
    if known.state == State.PUBLISHED:
        return bool(world.store.unlisted((State.PUBLISHED,), 0.0, known.project_id))
    # the push had the version outdated that this commit is the same as
    versions = world.store.listed_versions(known.project_id) if known.state == State.UNCHANGED else ()
    same = (one for one in versions if (one.branch, one.number) == (known.branch, known.number))
    return any(one.state is VersionState.OUTDATED for one in same)


def _stopped(job: Follow, stage: Bridge, known: Publication, world: World) -> tuple[Later, ...]:
    """A stage of the author's own failed, and our jobs behind it are skipped."""
    project = world.forge.fetch_project(job.project_id)
    ended = world.forge.fetch_pipeline(job.project_id, job.pipeline_id)
    if ended is None or known.state == State.FAILED:
        return ()
    words, note, url = fetch_stage_failure(project, known.sha, stage, ended, world)
    status = replace(status_of(known, "failed", words, ended), target_url=url)
    told = Tell(known.source_sha, known.branch, note, True, quiet_of(known, project, world))
    perform((status, told), project.id, world)
    world.store.ensure_publication(replace(known, pipeline_id=job.pipeline_id, state=State.FAILED))
    PUBLICATIONS.labels(State.FAILED.value).inc()
    return ()


def _without_our_jobs(job: Follow, known: Publication, world: World) -> tuple[Later, ...]:
    ended = world.forge.fetch_pipeline(job.project_id, job.pipeline_id)
    if ended is None and known.pipeline_id == job.pipeline_id and not State(known.state).ended:
        # somebody deleted it: another one is looked for, and started if there is none
        world.store.ensure_publication(replace(known, pipeline_id=None, state=State.WAITING))
        return (Later(EnsurePipeline(job.project_id, job.branch, job.sha)),)
    if ended is None or ended.status not in ENDED or State(known.state).ended:
        return ()
    words = ended.yaml_errors or reports.NO_JOBS
    status = SetStatus(
        known.sha, known.branch, "failed", reports.unstarted_status(words), ended.web_url, ended.id
    )
    note = Tell(known.source_sha, known.branch, reports.unstarted_note(known.sha, words), aloud=True)
    perform((status, note), job.project_id, world)
    world.store.ensure_publication(replace(known, state=State.FAILED))
    PUBLICATIONS.labels(State.FAILED.value).inc()
    return ()


def _is_published_anew(job: Follow, known: Publication, world: World) -> bool:
    """Whether another pipeline gave the commit a further version, or one anew, as people may wish."""
    if job.running or known.state not in (State.PUBLISHED, State.UNPUBLISHED):
        return False
    if known.state == State.PUBLISHED and known.pipeline_id == job.pipeline_id:
        return False
    jobs = world.forge.fetch_jobs(job.project_id, job.pipeline_id)
    if read_progress(jobs).state is not State.PUBLISHED:
        return False
    try:
        found = fetch_published(known, world.forge.fetch_project(job.project_id), jobs, world)
    except (Refused, OperatorError):
        # told when it was published first
        return False
    return found is not None and found.published.number != known.number


def _close_second_pipeline(job: Follow, known: Publication, world: World) -> None:
    """End our status in another pipeline of a commit that is done with, or that pipeline would run for ever."""
    if job.running or known.pipeline_id == job.pipeline_id:
        return
    name, user = PUBLISH_STATUS, world.user_id
    ours = world.forge.fetch_status(known.project_id, known.branch, known.sha, name, user, job.pipeline_id)
    if ours is None or ours.state in ENDED:
        return
    published = known.state == State.PUBLISHED
    state, words = (
        ("success", reports.already_status()) if published else ("canceled", reports.superseded_status())
    )
    status = SetStatus(known.sha, known.branch, state, words, "", job.pipeline_id)
    perform((status,), known.project_id, world)

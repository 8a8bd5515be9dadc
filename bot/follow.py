"""What became of a pipeline: told while it runs, and recorded when our own jobs in it have ended.

The end is read from our named jobs, never from the pipeline's status: our commit status is a job in it, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from bot.adapters.store import Publication
from bot.domain import pipeline, reports, tags
from bot.domain.gitlab import ENDED, CiJob, Pipeline, Project
from bot.domain.jobs import Follow, Later, Publish
from bot.domain.plan import State, problems_of
from bot.domain.steps import SetStatus, Tell
from bot.reading import fetch_report
from bot.telling import perform
from bot.world import World

MAX_NUMBERS_LOOKED_AT = 20
"""How many of the newest version tags are compared with the image before it counts as missing."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Progress:
    """Where our jobs of one pipeline stand, and the job that decided it."""

    state: State | None
    job: CiJob | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a publication ended, and what is told of it."""

    publication: Publication
    tell: tuple[SetStatus | Tell, ...]


def follow(job: Follow, world: World) -> tuple[Later, ...]:
    """Tell that the commit's pipeline runs, or how it ended."""
    known = world.store.publication(job.project_id, job.sha, job.branch)
    if known is None:
        # a pipeline of a commit that nobody told of: if it is the head, publishing it will find the pipeline
        return (Later(Publish(job.project_id, job.branch, job.sha, cause="pipeline")),)
    if State(known.state).ended and known.state != State.FAILED:
        return ()
    pipeline_known = replace(known, pipeline_id=job.pipeline_id, state=State.RUNNING)
    if job.running and known.state != State.FAILED:
        if job.by_job:
            status = SetStatus(job.sha, "running", reports.running_status(), "", job.pipeline_id)
            perform((status,), job.project_id, world)
        world.store.ensure_publication(pipeline_known)
        return ()
    # a failed publication may go on: somebody retried the job; only GitLab knows, an old hook may come late
    progress = read_progress(world.forge.fetch_jobs(job.project_id, job.pipeline_id))
    if progress.state is None or progress.job is None:
        return _without_our_jobs(job, known, world)
    if progress.state == known.state:
        return ()
    if progress.state is State.RUNNING:
        world.store.ensure_publication(pipeline_known)
        return ()
    known = pipeline_known
    project = world.forge.fetch_project(job.project_id)
    ended = world.forge.fetch_pipeline(job.project_id, job.pipeline_id)
    if ended is None:
        return ()
    if progress.state is State.PUBLISHED:
        outcome = _published(known, project, ended, world)
    else:
        outcome = _not_published(progress.job, progress.state, known, project, ended, world)
    perform(outcome.tell, project.id, world)
    world.store.ensure_publication(outcome.publication)
    log.info(
        "publication_ended",
        project=project.path,
        sha=known.sha,
        state=outcome.publication.state,
        digest=outcome.publication.digest,
    )
    return ()


def _without_our_jobs(job: Follow, known: Publication, world: World) -> tuple[Later, ...]:
    ended = world.forge.fetch_pipeline(job.project_id, job.pipeline_id)
    if ended is None or ended.status not in ENDED or State(known.state).ended:
        return ()
    words = ended.yaml_errors or reports.NO_JOBS
    status = SetStatus(known.sha, "failed", reports.unstarted_status(words), ended.web_url, ended.id)
    note = Tell(known.source_sha, known.branch, reports.unstarted_note(known.sha, words), aloud=True)
    perform((status, note), job.project_id, world)
    world.store.ensure_publication(replace(known, state=State.FAILED))
    return ()


def read_progress(jobs: tuple[CiJob, ...]) -> Progress:
    """What our jobs say together; no state when the pipeline has none of them."""
    ours = {job.name: job for job in jobs if job.name in pipeline.JOB_NAMES}
    if not ours:
        return Progress(None)
    promote = ours.get(pipeline.PROMOTE)
    if promote is not None and promote.status == "success":
        return Progress(State.PUBLISHED, promote)
    if promote is not None and promote.status == "failed" and promote.allow_failure:
        return Progress(State.SUPERSEDED, promote)
    for name in pipeline.JOB_NAMES:
        found = ours.get(name)
        if found is not None and found.status in ("failed", "canceled"):
            return Progress(State.FAILED, found)
    return Progress(State.RUNNING, next(iter(ours.values())))


def _published(known: Publication, project: Project, ended: Pipeline, world: World) -> Outcome:
    published = _fetch_published(known, project, world)
    if published is None:
        return Outcome(
            replace(known, state=State.FAILED),
            (
                SetStatus(known.sha, "failed", reports.missing_image_status(), ended.web_url, ended.id),
                Tell(
                    known.source_sha, known.branch, reports.missing_image_note(known.sha, ended), aloud=True
                ),
            ),
        )
    tell: list[SetStatus | Tell] = [
        SetStatus(known.sha, "success", reports.published_status(published), ended.web_url, ended.id)
    ]
    if world.forge.fetch_merge_request_of(project.id, known.source_sha, known.branch) is not None:
        report = fetch_report(project, known.sha, world).report
        if report.module is not None and not report.settings.quiet:
            body = reports.published_note(report.module, problems_of(report, project), published, ended)
            tell.append(Tell(known.source_sha, known.branch, body, aloud=False))
    return Outcome(
        replace(
            known,
            state=State.PUBLISHED,
            number=published.number,
            digest=published.digest,
            image=published.image,
        ),
        tuple(tell),
    )


def _fetch_published(known: Publication, project: Project, world: World) -> reports.Published | None:
    """The version tag that holds the commit's image; the registry is asked, not the job's log."""
    if project.registry_host is None:
        return None
    registry, repository = world.registry(project.registry_host), project.registry_path
    candidate = registry.fetch_manifest(repository, tags.candidate_tag(known.sha))
    if candidate is None:
        return None
    there = registry.fetch_tags(repository)
    numbers = {number for tag in there if (number := tags.read_number(known.branch, tag)) is not None}
    for number in sorted(numbers, reverse=True)[:MAX_NUMBERS_LOOKED_AT]:
        tag = tags.version_tag(known.branch, number)
        manifest = registry.fetch_manifest(repository, tag)
        if manifest is not None and manifest.digest == candidate.digest:
            also = [t for t in (tags.LATEST,) if t in there and known.branch == project.default_branch]
            image = f"{project.registry_host}/{repository}"
            return reports.Published(image, candidate.digest, number, (tag, *also))
    return None


def _not_published(
    job: CiJob, state: State, known: Publication, project: Project, ended: Pipeline, world: World
) -> Outcome:
    if state is State.SUPERSEDED or job.status == "canceled":
        branch = world.forge.fetch_branch(project.id, known.branch)
        if branch is None or branch.sha != known.sha:
            status = SetStatus(known.sha, "canceled", reports.superseded_status(), ended.web_url, ended.id)
            return Outcome(replace(known, state=State.SUPERSEDED), (status,))
    trace = world.forge.fetch_trace_tail(project.id, job.id)
    return Outcome(
        replace(known, state=State.FAILED),
        (
            SetStatus(known.sha, "failed", reports.failed_status(job), job.web_url, ended.id),
            Tell(
                known.source_sha,
                known.branch,
                reports.failed_note(known.sha, job, ended, trace),
                aloud=True,
            ),
        ),
    )

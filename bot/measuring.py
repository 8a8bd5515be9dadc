"""What became of the runs in a pipeline, top to bottom: fetch what they left, keep it, tell it where people look."""

from __future__ import annotations

import time
from dataclasses import replace

import structlog

from bot.adapters.model_experiments import Measured, ModelRun
from bot.domain.experiment import MAX_EXPERIMENT_BYTES, TOO_LARGE, Experiment, read_experiment
from bot.domain.gitlab import DEVELOPER, CiJob, Project
from bot.domain.jobs import Later, Run
from bot.domain.manner import plan_notes
from bot.domain.measures import measure, missing
from bot.domain.module_label import read_module
from bot.domain.panels import spread
from bot.domain.plan import State
from bot.domain.run_words import Before, ShownRun, runs_note
from bot.domain.runs import (
    ARCHIVE,
    NO_RECORD,
    RECORD,
    RECORD_BYTES,
    USUAL_PLACES,
    KeptRun,
    Record,
    keeps_at_home,
    newest_by_job,
    read_record,
)
from bot.domain.tree import bounded_source
from bot.errors import Gone, Refused
from bot.sticky import ensure_runs_note
from bot.world import World
from parser.model import Quiet
from parser.settings import PATH as SETTINGS_PATH
from parser.settings import read_settings
from parser.source import Entry

MAX_RUNS = 20
"""Runs of one pipeline that are looked at; their jobs' numbers decide which."""

MAX_LOGGED = 900
"""Values of one run that model experiments get; MLflow takes a thousand at once."""

log = structlog.get_logger()


def measure_runs(job: Run, world: World) -> tuple[Later, ...]:
    """Keep what the pipeline's runs left, and tell it in the merge request or on the commit."""
    jobs = [one for one in world.forge.fetch_jobs(job.project_id, job.pipeline_id) if one.archive == ARCHIVE]
    kept = []
    for one in sorted(jobs, key=lambda one: one.id)[:MAX_RUNS]:
        run = _fetch_run(one, job, world)
        if run is not None:
            world.store.keep_run(run)
            kept.append((one, run))
    if not kept:
        return ()
    project = world.forge.fetch_project(job.project_id)
    _tell(job, project, world)
    if world.policy.experiments.mlflow:
        _log_runs(project, kept, world)
    return ()


def _fetch_run(ran: CiJob, job: Run, world: World) -> KeptRun | None:
    """What a job left to be told; None where that is nothing, or the bot may not look."""
    try:
        record, experiment = _fetch_results(ran, job, world)
    except (Refused, Gone) as refusal:
        log.warning("run_unread", project=job.project_id, job=ran.id, reason=str(refusal))
        return None
    if experiment is None and record.model is None:
        return None
    return KeptRun(
        project_id=job.project_id,
        job_id=ran.id,
        pipeline_id=job.pipeline_id,
        branch=job.branch,
        sha=job.sha,
        job_name=ran.name,
        web_url=ran.web_url,
        record=record,
        experiment=experiment or Experiment(()),
        at=time.time(),
    )


def _fetch_results(ran: CiJob, job: Run, world: World) -> tuple[Record, Experiment | None]:
    forge, project_id = world.forge, job.project_id
    written = forge.fetch_artifact(project_id, ran.id, RECORD, RECORD_BYTES)
    record = NO_RECORD if written is None else read_record(written.content, project_id)
    if not keeps_at_home(record, ran.web_url):
        record = replace(record, model=None)
    places = (record.experiment,) if record.experiment else () if record.module else USUAL_PLACES
    for place in places:
        found = forge.fetch_artifact(project_id, ran.id, place, MAX_EXPERIMENT_BYTES)
        if found is not None:
            return record, read_experiment(found.content) if found.whole else TOO_LARGE
    return record, None


def _tell(job: Run, project: Project, world: World) -> None:
    notes = world.policy.experiments.notes
    quiet = _quiet(project, world)
    if notes == "off" or plan_notes("all", quiet, quiet) != "all":
        return
    runs = newest_by_job(world.store.runs_of_commit(project.id, job.sha))
    body = runs_note(job.sha, [_shown(run, project, world) for run in runs])
    try:
        iid = job.iid or _merge_request_of(job, project, world)
        if iid:
            ensure_runs_note(project.id, iid, body, world)
        elif notes == "all":
            world.forge.ensure_commit_comment(project.id, job.sha, body, world.user_id)
    except (Refused, Gone) as refusal:
        log.warning("not_told", project=project.id, step="run", reason=str(refusal))


def _merge_request_of(job: Run, project: Project, world: World) -> int:
    if job.branch == project.default_branch:
        return 0
    request = world.forge.fetch_open_merge_request_from(project.id, job.branch)
    return 0 if request is None else request.iid


def _quiet(project: Project, world: World) -> Quiet:
    """How quiet the default branch wishes the bot to be: nobody silences it by the very change that it looks at."""
    branch = project.default_branch or "HEAD"
    contents = world.forge.fetch_files(project, branch, [SETTINGS_PATH])
    entries = [Entry(SETTINGS_PATH, "file", "")] if contents else []
    return read_settings(bounded_source(entries, contents))[0].quiet


def _shown(run: KeptRun, project: Project, world: World) -> ShownRun:
    earlier, before = _before(run, project, world)
    metrics = run.record.metrics or (() if run.record.module else _own_metrics(project, world))
    return ShownRun(
        job_name=run.job_name,
        web_url=run.web_url,
        experiment=run.experiment,
        measures=measure(run.experiment, earlier, metrics),
        missing=missing(run.experiment, metrics) if run.experiment.series else (),
        module=run.record.module,
        version=run.record.version,
        before=before,
        model=run.record.model,
    )


def _before(run: KeptRun, project: Project, world: World) -> tuple[Experiment | None, Before | None]:
    """What the run is compared with: that of what is published, else the newest of the default branch."""
    branch = project.default_branch or ""
    published = world.store.newest_of(project.id, branch, (State.PUBLISHED, State.UNCHANGED))
    if published is not None:
        shas = (published.sha, published.source_sha)
        found = world.store.run_before(project.id, run.job_name, branch, run.sha, shas)
        if found is not None and run.sha not in shas:
            described = world.store.described(published.digest or "")
            version = described.version if described is not None else ""
            return found.experiment, Before(found.web_url, branch, version, published=True)
    found = world.store.run_before(project.id, run.job_name, branch, run.sha)
    if found is None:
        return None, None
    return found.experiment, Before(found.web_url, branch, found.record.version)


def _own_metrics(project: Project, world: World) -> tuple[str, ...]:
    """What the published module's `@metric` name, for a job of the module's own."""
    published = world.store.newest_of(project.id, project.default_branch or "", (State.PUBLISHED,))
    described = world.store.described(published.digest or "") if published is not None else None
    module = read_module(described.module) if described is not None else None
    return tuple(metric.name for metric in module.metrics) if module is not None else ()


def _log_runs(project: Project, kept: list[tuple[CiJob, KeptRun]], world: World) -> None:
    """Have GitLab's model experiments hold the runs. To who may not write there GitLab says that the token is bad."""
    if project.archived or world.forge.fetch_level(project.id, world.user_id) < DEVELOPER:
        log.warning("not_logged", project=project.id, reason="the bot is no Developer of this project")
        return
    for ran, run in kept:
        try:
            world.forge.ensure_model_run(project.id, run.record.module or run.job_name, _model_run(ran, run))
        except (Refused, Gone) as refusal:
            log.warning("not_logged", project=project.id, job=run.job_id, reason=str(refusal))


def _model_run(ran: CiJob, run: KeptRun) -> ModelRun:
    record, series = run.record, run.experiment.series
    each = max(2, MAX_LOGGED // max(1, len(series)))
    told = (
        ("version", record.version),
        ("commit", run.sha),
        # its whole address is longer than what GitLab keeps of a parameter
        ("model", record.model and f"sha256:{record.model.sha256}"),
    )
    return ModelRun(
        name=f"{run.job_name} {run.job_id}",
        job_id=run.job_id,
        parameters=[*record.arguments, *((f"mlreef.{name}", value) for name, value in told if value)],
        measured=[
            Measured(one.name, one.finite[place][1], round(one.finite[place][0]))
            for one in series
            for place in spread(len(one.finite), each)
        ],
        succeeded=ran.status == "success",
    )

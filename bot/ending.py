"""How a publication ended: what is noted of it, and what its author is told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.adapters.publications import Publication
from bot.domain import failure_words, pipeline, published_words, reports
from bot.domain.choice import advise
from bot.domain.gitlab import CiJob, Pipeline, Project
from bot.domain.making import Making, explained, read_warnings
from bot.domain.plan import State, problems_of
from bot.domain.snippets import component_example
from bot.domain.steps import SetStatus, Tell
from bot.errors import OperatorError, Refused
from bot.published import fetch_published
from bot.reading import fetch_report
from bot.telling import perform
from bot.world import World
from parser.model import Problem, Quiet, Report


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a publication ended, what is told of it, and the version that it has, if any."""

    publication: Publication
    tell: tuple[SetStatus | Tell, ...]
    version: str = ""


def end_published(
    known: Publication, project: Project, ended: Pipeline, jobs: tuple[CiJob, ...], world: World
) -> Outcome:
    """Promote succeeded. Raises OperatorError where the registry keeps its image from the bot."""
    try:
        found = fetch_published(known, project, jobs, world)
    except (Refused, OperatorError) as refusal:
        # it is published all the same, and an open status would keep the pipeline from ending
        perform((status_of(known, "success", published_words.unread_status(), ended),), project.id, world)
        raise OperatorError(
            f"The registry does not let the bot read {project.registry_path}: {refusal}",
            "Give the bot's token the right to read the registry, or set registry.username and its password.",
        ) from refusal
    if found is None:
        return Outcome(
            replace(known, state=State.FAILED),
            (
                status_of(known, "failed", reports.missing_image_status(), ended),
                Tell(
                    known.source_sha, known.branch, reports.missing_image_note(known.sha, ended), aloud=True
                ),
            ),
        )
    published, making = found.published, found.making
    world.store.keep_described(found.described)
    words = published_words.published_status(published, making)
    tell: list[SetStatus | Tell] = [status_of(known, "success", words, ended)]
    if world.forge.fetch_merge_request_of(project.id, known.source_sha, known.branch) is not None:
        report = fetch_report(project, known.sha, world).report
        if report.module is not None:
            problems, making = _looked_into(report, project, making, jobs, world)
            use = ""
            if world.policy.component.enabled and published.version:
                use = component_example(report.module, project.path, published.version)
            body = published_words.published_note(report.module, problems, published, ended, making, use)
            tell.append(Tell(known.source_sha, known.branch, body, False, report.settings.quiet))
    return Outcome(
        replace(
            known,
            state=State.PUBLISHED,
            number=published.number,
            digest=published.digest,
            image=published.image,
        ),
        tuple(tell),
        published.version,
    )


def _looked_into(
    report: Report, project: Project, making: Making, jobs: tuple[CiJob, ...], world: World
) -> tuple[tuple[Problem, ...], Making]:
    """What is worth a look, by what the repository says and by what the build's log does; and why it was so made."""
    problems, advice = problems_of(report, project, world.policy), tuple[Problem, ...]()
    settings = world.policy.pipeline_settings(report)
    if not isinstance(settings, Problem):
        advice = advise(report, settings.environment)
        making = explained(making, report, settings.environment, settings.engine, settings.engine_why)
    builder = next((job for job in jobs if job.name == pipeline.BUILD), None)
    if builder is not None:
        trace = world.forge.fetch_trace_tail(project.id, builder.id)
        making = replace(making, warnings=read_warnings(trace, (problem.code for problem in problems)))
    # of two that say the same, the build knows more
    told = {warned.code for warned in making.warnings}
    return (*problems, *(one for one in advice if one.code not in told)), making


def end_unchanged(
    kept: published_words.Published, known: Publication, project: Project, ended: Pipeline, world: World
) -> Outcome:
    """Nothing of the image has changed, so what was published before is kept."""
    tell: list[SetStatus | Tell] = [
        status_of(known, "success", published_words.unchanged_status(kept), ended)
    ]
    request = world.forge.fetch_merge_request_of(project.id, known.source_sha, known.branch)
    if request is not None:
        body = published_words.unchanged_note(known.sha, kept, ended)
        tell.append(Tell(known.source_sha, known.branch, body, False, quiet_of(known, project, world)))
    return Outcome(
        replace(known, state=State.UNCHANGED, number=kept.number, digest=kept.digest, image=kept.image),
        tuple(tell),
        kept.version,
    )


def quiet_of(known: Publication, project: Project, world: World) -> Quiet:
    """What the published commit says of how quiet the bot is to be."""
    return fetch_report(project, known.sha, world).report.settings.quiet


def status_of(known: Publication, state: str, description: str, ended: Pipeline) -> SetStatus:
    """The publication's status, in the pipeline that it is about."""
    return SetStatus(known.sha, known.branch, state, description, ended.web_url, ended.id)


def end_unpublished(
    job: CiJob, state: State, known: Publication, project: Project, ended: Pipeline, world: World
) -> Outcome:
    """That job decided that nothing is published: it failed, or a newer commit took this one's place."""
    if state is State.SUPERSEDED or job.status == "canceled":
        branch = world.forge.fetch_branch(project.id, known.branch)
        if branch is None or branch.sha != known.sha:
            status = status_of(known, "canceled", reports.superseded_status(), ended)
            return Outcome(replace(known, state=State.SUPERSEDED), (status,))
    trace = world.forge.fetch_trace_tail(project.id, job.id)
    words = failure_words.failed_status(job, trace)
    return Outcome(
        replace(known, state=State.FAILED),
        (
            replace(status_of(known, "failed", words, ended), target_url=job.web_url),
            Tell(
                known.source_sha,
                known.branch,
                failure_words.failed_note(known.sha, job, ended, trace, project.open_logs),
                True,
                quiet_of(known, project, world),
            ),
        ),
    )

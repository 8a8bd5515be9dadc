"""The first job: is mlreef.yml exactly what this very commit gives?

GitLab starts a pipeline for an author's push at once, with the generated file of the push before. That pipeline
must not publish; the bot's own commit brings the one that does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from bot.adapters.checkout import Commit, load_commit
from bot.ci.gathering import load_contents
from bot.ci.handover import ensure_folder, write_dotenv
from bot.ci.job import CiJob
from bot.ci.log import Log
from bot.ci.unchanged import Version, find_same, handed_over
from bot.domain.choice import advise, refused_cuda, why_environment
from bot.domain.engines import makes_wheels, plan_engine
from bot.domain.image_start import runs
from bot.domain.pipeline import PATH, WHEELS_LIST, PipelineSettings, read_pipeline_settings, render
from bot.domain.wishes import read_wish
from bot.layers.built import wheel_requirements
from bot.layers.content_of import content_of
from bot.layers.contents import Contents
from parser.model import Module, Problem, Report, Severity
from parser.read import read
from parser.source import Source


class Verdict(StrEnum):
    """What becomes of a pipeline."""

    PUBLISH = "publish"
    UNCHANGED = "unchanged"
    STOP = "stop"
    REFUSE = "refuse"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason; module and settings are there when it is to publish."""

    verdict: Verdict
    why: str
    report: Report
    problems: tuple[Problem, ...]
    module: Module | None = None
    settings: PipelineSettings | None = None


def judge(commit: Commit, branch: str, project_name: str) -> Judgement:
    """Decides from the commit's own content alone."""
    report = read(with_limits(commit), project_name)
    problems = report.problems
    module = report.module
    if module is None or any(problem.severity is Severity.ERROR for problem in problems):
        return Judgement(Verdict.REFUSE, "This commit cannot be published.", report, problems)

    def stop(why: str) -> Judgement:
        return Judgement(Verdict.STOP, why, report, problems)

    if commit.pipeline is None:
        return stop(f"{PATH} is not in this commit yet.")
    try:
        settings = read_pipeline_settings(commit.pipeline)
    except ValueError as error:
        return stop(f"{PATH} was not written by mlreef-bot: {error}.")
    wished = report.settings.environment
    if (wished is not None) != settings.environment.asked or wished not in {None, settings.environment.name}:
        return stop(f"{PATH} was written for another environment than .mlreef.yaml asks for.")
    choice = plan_engine(report, settings.building.engines)
    if isinstance(choice, Problem):
        return Judgement(Verdict.REFUSE, "This commit cannot be published.", report, (*problems, choice))
    if (choice.engine, choice.why) != (settings.engine, settings.engine_why):
        return stop(f"{PATH} was written for another engine than this commit needs.")
    if report.settings.stages != settings.stages:
        return stop(f"{PATH} was written for other stages than .mlreef.yaml names.")
    if makes_wheels(report, choice.engine) != settings.wheels:
        return stop(f"{PATH} was written for other packages to build than .mlreef.yaml names.")
    wish = read_wish(report)
    if not settings.environment.asked and settings.environment.wish != wish.text:
        return stop(f"{PATH} was written for another environment than the requirements ask for.")
    unfit = refused_cuda(wish, settings.environment)
    if unfit is not None:
        return Judgement(Verdict.REFUSE, "This commit cannot be published.", report, (*problems, unfit))
    problems = (*problems, *advise(report, settings.environment))
    if render(module, settings, branch) != commit.pipeline:
        return stop(f"{PATH} was written for an earlier state of this repository.")
    return Judgement(
        Verdict.PUBLISH, f"{PATH} is what this commit gives.", report, problems, module, settings
    )


def with_limits(commit: Commit) -> Source:
    """The commit's source with the limits that the bot reads with; else both would come to different modules."""
    try:
        limits = read_pipeline_settings(commit.pipeline or b"").limits
    except ValueError:
        # said below, where it is the reason to stop
        return commit.source
    return replace(commit.source, limits=limits)


def judge_checkout(job: CiJob) -> tuple[Commit, Judgement]:
    """The commit of a job and the verdict on it."""
    commit = load_commit(job.directory, job.sha, PATH)
    return commit, judge(commit, job["CI_COMMIT_BRANCH"], job["CI_PROJECT_NAME"])


def verify(job: CiJob, log: Log) -> int:
    """Runs the job. Exit code 1: the author has something to mend."""
    _, judgement = judge_checkout(job)
    if judgement.verdict is Verdict.REFUSE:
        errors = sum(problem.severity is Severity.ERROR for problem in judgement.problems)
        log.say(f"{judgement.why} Mend {'this' if errors == 1 else f'these {errors}'} and push again.")
        log.refuse(judgement.problems)
        return 1
    log.problems(judgement.problems)
    log.say(judgement.why)
    if judgement.verdict is Verdict.STOP:
        log.say("Nothing is built here. The bot commits the right file, and its pipeline publishes.")
    values = {"MLREEF_VERDICT": str(judgement.verdict)}
    if judgement.module is not None and judgement.settings is not None:
        module, settings = judgement.module, judgement.settings
        log.say(f"{module.name}: {runs(module)}, {len(module.parameters)} parameters.")
        log.say(f"Environment {why_environment(judgement.report, settings.environment)}")
        same = _find_same(job, log, module, settings, judgement.report.settings.env)
        if same is not None:
            log.say(f"Its content is that of {same.tag}, which is published: nothing is built.")
            values = {"MLREEF_VERDICT": str(Verdict.UNCHANGED), **handed_over(same)}
    folder = ensure_folder(job.directory)
    write_dotenv(folder / "verify.env", values)
    write_wheels_list(folder, judgement, values["MLREEF_VERDICT"] == Verdict.PUBLISH)
    return 0


def write_wheels_list(folder: Path, judgement: Judgement, wanted: bool) -> None:
    """Leaves the job that makes wheels of sources a list of what is `wanted` there."""
    (folder / WHEELS_LIST).write_text(_wheels(judgement) if wanted else "", encoding="utf-8")


def _wheels(judgement: Judgement) -> str:
    """The requirements file of what a job of its own makes wheels of; empty where there is nothing to make."""
    if judgement.module is None or judgement.settings is None or not judgement.settings.wheels:
        return ""
    return wheel_requirements(judgement.module.requirements, judgement.report.settings.build_sdists)


def _find_same(
    job: CiJob, log: Log, module: Module, settings: PipelineSettings, env: Mapping[str, str]
) -> Version | None:
    contents = load_contents(job.directory, job.sha, module)
    if not isinstance(contents, Contents):
        # told by the job that would build it
        return None
    return find_same(job, log, content_of(contents, module, settings.environment, settings.engine, env))

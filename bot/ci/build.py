"""The second job: the commit → an image without rights, pushed as a candidate that nobody is told about yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.adapters.checkout import Commit
from bot.ci.dockerfile import WORKDIR
from bot.ci.gathering import load_contents
from bot.ci.handover import add_dotenv, ensure_folder, write_dotenv
from bot.ci.job import CiJob
from bot.ci.log import Log
from bot.ci.order import Candidate, Order
from bot.ci.smoke_folder import STOP, write_smoke
from bot.ci.trial_plan import plan_document
from bot.ci.verify import Verdict, judge_checkout
from bot.ci.vouch import plan_handover
from bot.domain.rebuild import REPUBLISH
from bot.layers.contents import Contents
from parser.model import Problem

if TYPE_CHECKING:
    from bot.adapters.engine import Engine


def build(job: CiJob, log: Log, connect: Callable[[], Engine] | None = None) -> int:
    """Runs the job. Exit code 1: the author has something to mend."""
    folder, order = open_order(job, log)
    if not isinstance(order, Order):
        if order is not Verdict.REFUSE:
            hand_over_nothing(folder, job, order)
        return 1 if order is Verdict.REFUSE else 0
    built = _build(order, log, connect)
    if not isinstance(built, Candidate):
        log.refuse(built or ())
        return 1
    log.say(f"     {order.repository}@{built.digest}")

    log.say("4/4  Handing over to the next jobs")
    hand_over_candidate(folder, order, built)
    return 0


def open_order(job: CiJob, log: Log) -> tuple[Path, Order | Verdict]:
    """The folder for artifacts, emptied, and what is to be built; or the verdict by which nothing is."""
    if job.get(REPUBLISH):
        # Imported here because it is seldom needed.
        from bot.ci.again import open_order_again

        return ensure_folder(job.directory), open_order_again(job, log)
    commit, judgement = judge_checkout(job)
    folder = ensure_folder(job.directory)
    module, settings = judgement.module, judgement.settings
    if judgement.verdict is Verdict.REFUSE:
        log.refuse(judgement.problems)
        return folder, Verdict.REFUSE
    if module is None or settings is None:
        log.say(f"{judgement.why} Nothing is built here.")
        return folder, Verdict.STOP
    if job.get("MLREEF_VERDICT") == Verdict.UNCHANGED:
        log.say(f"This commit is the same as {job['MLREEF_SAME_AS']}. Nothing is built here.")
        return folder, Verdict.UNCHANGED
    log.say("1/4  Gathering the sources")
    contents = load_contents(job.directory, commit.sha, module)
    if not isinstance(contents, Contents):
        log.refuse(contents)
        return folder, Verdict.REFUSE
    say_contents(log, commit, contents)
    log.say(f"     Engine `{settings.engine}`: {settings.engine_why}.")
    return folder, Order(job, commit, judgement.report, module, settings, contents)


def hand_over_nothing(folder: Path, job: CiJob, verdict: Verdict) -> None:
    """What the next jobs need where nothing is built: an image to run in, and why.

    It is the bot's; where a version is the same it is that one's, so that stages of the author's own find their module.
    """
    if verdict is not Verdict.UNCHANGED:
        _hand_over(folder, STOP, verdict, job["MLREEF_BUILDER"], "")
        return
    digest = job["MLREEF_DIGEST"]
    _hand_over(folder, STOP, verdict, f"{job['CI_REGISTRY_IMAGE'].lower()}@{digest}", digest)
    add_dotenv(folder / "build.env", {"MLREEF_SAME_AS": job["MLREEF_SAME_AS"]})


def _build(
    order: Order, log: Log, connect: Callable[[], Engine] | None
) -> Candidate | tuple[Problem, ...] | None:
    """By the engine that was chosen; each loads only what it uses. None: the log says why there is nothing."""
    if order.settings.engine == "layers":
        from bot.ci.by_layers import build_by_layers

        return build_by_layers(order, log)
    from bot.adapters.engine import Engine
    from bot.ci.by_docker import build_by_docker

    return build_by_docker(order, log, connect or Engine)


def hand_over_candidate(folder: Path, order: Order, built: Candidate) -> None:
    """What the next jobs need of a candidate."""
    wishes, entries = order.report.settings, order.commit.source.entries
    plan = plan_document(
        order.module, order.report.problems, wishes, entries, built.command, built.directory or WORKDIR
    )
    verdict = Verdict.PUBLISH if order.again is None else Verdict.AGAIN
    _hand_over(folder, plan, verdict, f"{order.repository}@{built.digest}", built.digest)
    add_dotenv(folder / "build.env", plan_handover(order.settings.building, order.job["MLREEF_BUILDER"]))


def say_contents(log: Log, commit: Commit, contents: Contents) -> None:
    """How much it is, and what is left out."""
    log.say(f"     {len(contents.files)} files, {contents.size / 1024:.0f} KiB, of commit {commit.sha[:8]}")
    for path in contents.submodules:
        log.say(f"     The submodule {path} is left out: a module is built from its own repository.")


def _hand_over(folder: Path, plan: Mapping[str, Any], verdict: Verdict, candidate: str, digest: str) -> None:
    write_smoke(folder, plan)
    values = {"MLREEF_VERDICT": str(verdict), "MLREEF_CANDIDATE": candidate}
    write_dotenv(folder / "build.env", values | ({"MLREEF_DIGEST": digest} if digest else {}))

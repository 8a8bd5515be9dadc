"""The engine `buildkit`: a job lays out what is built, a job without us builds it, a job labels what came of it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from bot.ci.build import hand_over_candidate, hand_over_nothing, open_order
from bot.ci.context import write_order
from bot.ci.finish import finish
from bot.ci.handover import write_dotenv
from bot.ci.job import FOLDER, CiJob
from bot.ci.log import Log
from bot.ci.order import Order
from bot.ci.verify import Verdict
from bot.domain.tags import is_digest
from bot.errors import OperatorError
from parser.model import Problem

CONTEXT, DOCKERFILES, METADATA = "context.tar", "dockerfile", "metadata.json"
"""Names in the folder of artifacts; the template holds the same."""

IGNORE = ".dockerignore"


def context(job: CiJob, log: Log) -> int:
    """Runs the job before the build. Exit code 1: the author has something to mend."""
    folder, order = open_order(job, log)
    if not isinstance(order, Order):
        if order is Verdict.REFUSE:
            return 1
        same = {name: job[name] for name in ("MLREEF_SAME_AS", "MLREEF_DIGEST") if order is Verdict.UNCHANGED}
        write_dotenv(folder / "context.env", {"MLREEF_VERDICT": order, **same})
        return 0
    problems = _lay_out(order, folder)
    if problems:
        log.refuse(problems)
        return 1
    values = {
        "MLREEF_VERDICT": Verdict.PUBLISH,
        "MLREEF_BASE": order.settings.environment.image,
        "MLREEF_TARGET": f"{order.repository}:{order.tag}",
    }
    write_dotenv(folder / "context.env", values)
    return 0


def label(job: CiJob, log: Log) -> int:
    """Runs the job after the build: the candidate gets its labels, and an entry point if it has none."""
    metadata = job.directory / FOLDER / METADATA
    told = metadata.read_bytes() if metadata.is_file() and not metadata.is_symlink() else b"{}"
    folder, order = open_order(job, log)
    if not isinstance(order, Order):
        if order is not Verdict.REFUSE:
            hand_over_nothing(folder, job, order)
        return 1 if order is Verdict.REFUSE else 0
    log.say("3/4  Labelling the candidate")
    built = finish(order, _digest(told), log)
    if built is None:
        return 1
    log.say(f"     {order.repository}@{built.digest}")
    log.say("4/4  Handing over to the next jobs")
    hand_over_candidate(folder, order, built)
    return 0


def _lay_out(order: Order, folder: Path) -> tuple[Problem, ...]:
    """The context as an archive, and the Dockerfile in a folder of its own under its usual name."""
    packed, beside = folder / CONTEXT, folder / DOCKERFILES
    with packed.open("wb") as archive:
        dockerfile, problems = write_order(order, archive)
    beside.mkdir()
    with tarfile.open(packed, encoding="utf-8") as written:
        names = {member.name: member for member in written if member.isfile()}
        for name in (dockerfile, f"{dockerfile}{IGNORE}"):
            content = written.extractfile(names[name]) if name in names else None
            if content is not None:
                usual = "Dockerfile" + name.removeprefix(dockerfile)
                (beside / usual).write_bytes(content.read())
    return problems


def _digest(told: bytes) -> str:
    try:
        found = json.loads(told).get("containerimage.digest")
    except (ValueError, AttributeError):
        found = None
    if not isinstance(found, str) or not is_digest(found):
        raise OperatorError(
            f"The build job left no digest in {FOLDER}/{METADATA}.",
            "Run the pipeline again; if that does not help, its runner's BuildKit is too old (0.11 is needed).",
        )
    return found

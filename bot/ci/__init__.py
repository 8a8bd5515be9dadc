"""What the jobs of a generated pipeline run: verify, build (with a job before and after BuildKit), promote; and the
test that smoke runs.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from bot.ci.job import CiJob
from bot.ci.log import Log
from bot.domain.rebuild import REPUBLISH
from bot.errors import Gone, OperatorError, Refused, TryAgain

PAUSES = (5.0, 20.0)
"""Seconds before a job is tried again from its start, which is safe, when a server was busy."""

# Each job loads only what it uses: one that sends a changed script takes less time than loading all of them.


def _verify(job: CiJob, log: Log) -> int:
    if job.get(REPUBLISH):
        from bot.ci.again import verify_again

        return verify_again(job, log)
    from bot.ci.verify import verify

    return verify(job, log)


def _context(job: CiJob, log: Log) -> int:
    from bot.ci.by_buildkit import context

    return context(job, log)


def _build(job: CiJob, log: Log) -> int:
    from bot.ci.build import build

    return build(job, log)


def _label(job: CiJob, log: Log) -> int:
    from bot.ci.by_buildkit import label

    return label(job, log)


def _promote(job: CiJob, log: Log) -> int:
    if job.get(REPUBLISH):
        from bot.ci.again import compare_again

        return compare_again(job, log)
    from bot.ci.promote import promote

    return promote(job, log)


JOBS: Mapping[str, Callable[[CiJob, Log], int]] = {
    "verify": _verify,
    "context": _context,
    "build": _build,
    "label": _label,
    "promote": _promote,
}


def run(
    argv: Sequence[str],
    variables: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
    pauses: Sequence[float] = PAUSES,
) -> int:
    """Runs one job by its name and gives the exit code: 0 good, 1 refused, 2 usage, 75 nothing to promote."""
    log = Log(stream or sys.stdout)
    if len(argv) != 1 or argv[0] not in JOBS:
        log.say(f"usage: mlreef-bot ci {{{','.join(JOBS)}}}")
        return 2
    job = CiJob(os.environ if variables is None else variables)
    for pause in (*pauses, None):
        try:
            return JOBS[argv[0]](job, log)
        except TryAgain as error:
            if pause is None:
                log.give_up(f"{error} Retry this job later.")
                return 1
            log.say(f"{error} Trying again in {pause:.0f} seconds.")
            time.sleep(pause)
        except OperatorError as error:
            log.give_up(f"{error} {error.hint}")
            return 2
        except (Refused, Gone) as error:
            log.give_up(str(error))
            return 1
    raise AssertionError("the last pause is None")

"""One job: whether it is its turn, how it ends, and when it is tried again."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from typing import Any

import structlog

from bot.adapters.database import passes_by_itself
from bot.adapters.presence import Presence
from bot.adapters.store import Store
from bot.domain.jobs import Job, Later
from bot.domain.text import shorten, visible
from bot.errors import Gone, OperatorError, Refused, TryAgain
from bot.jobs.engine import BROKEN_OFF, DEADLY, RUNNING, Engine, Known
from bot.jobs.names import again_id, kind_of, read_job, read_name
from bot.logs import get, redact
from bot.metrics import JOBS

Do = Callable[[Job], tuple[Later, ...]]
GivenUp = Callable[[Job, str], None]

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 600.0
LONGEST_NAMED_PAUSE_SECONDS = 3600.0
"""The most that is believed when the other side names the pause."""

TURN_PAUSE_SECONDS = 1.0
"""About how long a job waits when another one of its branch runs, though the engine should have kept them apart."""

FAST_TRIES = 8
"""Tries at the pace that the other side names; then pauses grow all the same, or minutes of it would use all tries."""

MAX_TRIES = 320
"""Tries of one job before it is given up: about two days of a GitLab that does not answer, or asks to wait."""

MAX_FAULTS = 4
"""Tries of a job that fails by a fault of ours; those at which it had to wait do not count."""

TOLD_AGAIN_SECONDS = 3 * LONGEST_NAMED_PAUSE_SECONDS
"""For so long without it, the same trouble has passed: when it comes back, the operator is told anew."""

MAX_WHY_CHARACTERS = 1000
"""Of a reason that is stored; GitLab's words may be a whole page."""

DEADLY_FAULTS = MAX_FAULTS // 2
"""A job that its worker died of as often as is allowed counts as failed so many times: it has one more chance."""

APART_PAUSES = 30
"""First pauses between two such jobs: one of them kills the others that run beside it, and they are found together."""

DEATHS = "the worker died each time it did this job"
OTHER_RUNS = "another job of its branch runs"

MISSING_RIGHT = "Look whether the bot's user is a member of the project, as Developer or more."
"""What to do about a refusal that no step of a job expected."""

_log = get(__name__)


class Doer:
    """Has jobs done by `do_job`, and tells `given_up` of those that are not tried any more."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        presence: Presence,
        do_job: Do,
        given_up: GivenUp,
        first_pause: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._store = store
        self._engine = engine
        self._presence = presence
        self._do_job = do_job
        self._given_up = given_up
        self._first_pause = first_pause
        self._met: dict[str, float] = {}

    def do(self, job_id: str, kind: str, values: dict[str, Any]) -> dict[str, Any]:
        """One job to its end; all that comes of it as plain data, errors too: the engine stores the answer."""
        outcome = self._do(job_id, kind, values)
        JOBS.labels(kind, outcome["ended"]).inc()
        return outcome

    def _do(self, job_id: str, kind: str, values: dict[str, Any]) -> dict[str, Any]:
        self._presence.begin()
        job = read_job(kind, values)
        log = _log.bind(job=job_id, kind=kind, project=job.project_id, branch=job.branch, attempt=job.attempt)
        try:
            in_the_way = self._what_is_in_the_way(job_id, job)
            if in_the_way is not None:
                log.info("job does not begin", outcome=in_the_way["ended"])
                return in_the_way
            began = time.monotonic()
            log.info("job started")
            later = self._do_job(job)
        except TryAgain as error:
            return self._again(job_id, job, str(error), error.after)
        except (OperatorError, Refused) as error:
            if self._is_news(str(error)):
                hint = error.hint if isinstance(error, OperatorError) else MISSING_RIGHT
                log.error("the operator must act", what=str(error), hint=hint)
            return self._again(job_id, job, str(error), tries=None)
        except Gone as error:
            log.warning("job is about something that is not there for the bot", what=str(error))
            return _outcome("gone")
        except Exception as error:
            if passes_by_itself(error):
                return self._again(job_id, job, _reason(error))
            log.error("job failed by a fault of the bot", exc_info=error)
            return self._fault(job_id, job, _reason(error))
        log.info(
            "job done",
            seconds=round(time.monotonic() - began, 3),
            later=[kind_of(item.job) for item in later],
        )
        return _outcome("done", *later)

    def mend(self, found: Known, place: int = 0) -> None:
        """Try a job again that was broken off; give one up that was the death of its worker time after time.

        Who dies is not always who kills, so a job is given up only when it came to that twice, the second time away
        from the others: `place` is its number among those found at once.
        """
        job = read_job(found.kind, found.values)
        why = _words(found.why)
        if found.status == BROKEN_OFF and job.attempt + 1 < MAX_TRIES:
            _log.warning("job was broken off and is tried again", job=found.job_id, why=why)
            later = Later(dataclasses.replace(job, attempt=job.attempt + 1), self._pause(job.attempt), why)
            self._engine.enqueue(again_id(found.job_id, found.created_at), later)
        elif found.status == DEADLY and job.faults + DEADLY_FAULTS < MAX_FAULTS:
            pause = (place + 1) * APART_PAUSES * self._first_pause
            _log.warning(
                "worker died doing this job, which is tried again apart", job=found.job_id, seconds=pause
            )
            suspect = dataclasses.replace(job, faults=job.faults + DEADLY_FAULTS)
            self._engine.enqueue(again_id(found.job_id, found.created_at), Later(suspect, pause, DEATHS))
        else:
            _log.error("job given up", job=found.job_id, why=why or DEATHS)
            self._give_up(found.job_id, job, why or DEATHS)

    def _what_is_in_the_way(self, job_id: str, job: Job) -> dict[str, Any] | None:
        mine = read_name(job_id)
        others = [one for one in self._engine.of_branch(mine.branch) if one[1] != job_id]
        if any(
            name.slot == mine.slot and name.seq > mine.seq for name, _, status in others if status != RUNNING
        ):
            return _outcome("superseded")
        if any(status == RUNNING for _, _, status in others):
            # Two workers may each take one at the same instant when a delayed job becomes due between their looks.
            pause = TURN_PAUSE_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311 -- a pause, no secret
            return _outcome("not its turn", Later(job, pause, OTHER_RUNS))
        return None

    def _again(
        self, job_id: str, job: Job, why: str, after: float | None = None, tries: int | None = MAX_TRIES
    ) -> dict[str, Any]:
        if tries is not None and job.attempt + 1 >= tries:
            return self._end(job_id, job, why)
        job = dataclasses.replace(job, attempt=self._tries_of_branch(job_id, job))
        return self._put_off(job_id, job, why, self._pause(job.attempt, after))

    def _tries_of_branch(self, job_id: str, job: Job) -> int:
        """Pauses grow for the branch: a new push is tried at once, and goes on where the one that it replaces was."""
        mine = read_name(job_id)
        replaced = (
            int(one.values.get("attempt", 0))
            for one in self._engine.delayed(mine.branch)
            if (name := read_name(one.job_id)).slot == mine.slot and name.seq < mine.seq
        )
        return max(job.attempt, *replaced, 0)

    def _fault(self, job_id: str, job: Job, why: str) -> dict[str, Any]:
        failed = dataclasses.replace(job, faults=job.faults + 1)
        if failed.faults >= MAX_FAULTS:
            return self._end(job_id, failed, why)
        return self._put_off(job_id, failed, why, self._pause(job.faults))

    def _pause(self, attempt: int, named: float | None = None) -> float:
        return pause_seconds(attempt, named, self._first_pause)

    def _put_off(self, job_id: str, job: Job, why: str, pause: float) -> dict[str, Any]:
        why = _words(why)
        _about(job_id, job).warning("job is tried again", why=why, seconds=pause)
        return _outcome("tried again", Later(dataclasses.replace(job, attempt=job.attempt + 1), pause, why))

    def _end(self, job_id: str, job: Job, why: str) -> dict[str, Any]:
        why = _words(why)
        _about(job_id, job).error("job given up", why=why, tries=job.attempt + 1)
        self._give_up(job_id, job, why)
        return _outcome("given up")

    def _is_news(self, what: str) -> bool:
        now = time.monotonic()
        known = {one: at for one, at in self._met.items() if now - at < TOLD_AGAIN_SECONDS}
        # jobs' threads may overwrite each other's: then something is told twice
        self._met = {**known, what: now}
        return what not in known

    def _give_up(self, job_id: str, job: Job, why: str) -> None:
        self._store.park(job_id, {"kind": kind_of(job), **dataclasses.asdict(job)}, why)
        try:
            self._given_up(job, why)
        except Exception as error:  # noqa: BLE001 -- what is in the way of the job is in the way of telling, too
            _log.warning("author is not told of a job given up", job=job_id, why=_words(_reason(error)))


def pause_seconds(attempt: int, named: float | None = None, first: float = FIRST_PAUSE_SECONDS) -> float:
    """How long to wait after a failed try: doubling up to a cap, or as long as the other side said."""
    if named is None:
        return _grown(attempt, first)
    least = first / 4 if attempt < FAST_TRIES else _grown(attempt - FAST_TRIES, first)
    return max(least, min(named, LONGEST_NAMED_PAUSE_SECONDS))


def _grown(times: int, first: float) -> float:
    # Capped before the power: 2**300 s is no float that anybody can wait for.
    return min(first * 2.0 ** min(times, 30), LONGEST_PAUSE_SECONDS)


def _about(job_id: str, job: Job) -> structlog.stdlib.BoundLogger:
    return _log.bind(job=job_id, kind=kind_of(job), project=job.project_id, branch=job.branch)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _words(why: str) -> str:
    """A reason as it may be stored and shown: databases take no NUL, and people no page of it."""
    return shorten(visible(" ".join(redact(why).split())), MAX_WHY_CHARACTERS)


def _outcome(ended: str, *later: Later) -> dict[str, Any]:
    return {
        "ended": ended,
        "later": [
            {
                "kind": kind_of(item.job),
                "job": dataclasses.asdict(item.job),
                "seconds": item.seconds,
                "why": item.why,
            }
            for item in later
        ],
    }

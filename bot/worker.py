"""Does jobs durably, after the door has answered: the worker's process, and its threads.

What is promised: a job that was accepted is done, also when the process is killed at any instant; jobs of one
(project, branch) are done one at a time and in order, other branches' beside them, and other projects' beside those
of a busy one; a newer push takes the place of waiting ones; whoever must wait is a new delayed job, never a sleeping
thread. A job may be done twice when the process dies in the middle of it, so doing one is repeatable. On PostgreSQL
several workers share the jobs, and those of one that dies are taken over by the others.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.adapters.database import SameFile, is_sqlite
from bot.adapters.presence import Presence, open_presence
from bot.adapters.store import Store
from bot.domain.events import Event
from bot.domain.jobs import Job
from bot.domain.plan import State
from bot.domain.routing import Ignored
from bot.jobs.dispatch import Dispatcher
from bot.jobs.doing import FIRST_PAUSE_SECONDS, Do, Doer
from bot.jobs.engine import MAX_CRASHES, MOST_AT_ONCE, Engine
from bot.jobs.peers import LOOK_SECONDS, Peers
from bot.logs import get

LOOK_ANYWAY_SECONDS = 1.0
"""How often deliveries are looked for though nothing seems to have changed."""

HOUSEKEEPING_SECONDS = 5.0
"""How often each worker does its housekeeping, such as giving a sign of life."""

LAST_SECONDS = 0.5
"""How long each last thing may take when the time for running jobs is over: a database that is away answers none."""

COUNT_SECONDS = 5.0
"""How often one of the workers counts jobs."""

SWEEP_SECONDS = 3600.0
"""How often what ended long ago is forgotten: jobs, deliveries, publications."""

JOBS_KEPT_SECONDS = 14 * 24 * 3600.0

SAME_TROUBLE_SECONDS = 60.0
"""How long the same trouble of a thread is not told again."""

_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at a time, and how soon.

    `concurrency`: jobs side by side in this process; `per_project`: of one project, in all processes together, and
    the same in each; `poll_seconds`: between looks for new deliveries; `shutdown_seconds`: how long running jobs may
    take to end after SIGTERM, before they are left to others or to the next start; `first_pause_seconds`: how soon a
    failed job is tried again, and twice that the next time, and so on; `crashes`: how often the worker may die of a job
    before the job is not begun any more.
    """

    concurrency: int = 8
    poll_seconds: float = 0.02
    per_project: int = 4
    shutdown_seconds: float = 6.0
    first_pause_seconds: float = FIRST_PAUSE_SECONDS
    crashes: int = MAX_CRASHES


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done every so many seconds, by one of all workers at a time, in a thread of its own."""

    name: str
    seconds: float
    do: Callable[[], object]


class Worker:
    """Takes accepted deliveries and follow-up jobs, one process of its own. See the module for its promises.

    `route` decides what an event asks for; `do_job` does one and returns what follows from it; `given_up` is told
    of jobs that are not tried any more. `housekeeping`, by name, is done every few seconds in each worker, each in a
    thread of its own, so that one that hangs keeps no other. `presence` is this worker's place among the others. One
    Worker a process: the engine is global.
    """

    def __init__(
        self,
        store: Store,
        engine_url: str,
        route: Callable[[Event], Job | Ignored],
        do_job: Do,
        limits: Limits | None = None,
        housekeeping: Mapping[str, Callable[[], object]] | None = None,
        given_up: Callable[[Job, str], None] = lambda _job, _why: None,
        chores: Sequence[Chore] = (),
        presence: Presence | None = None,
    ) -> None:
        self._store = store
        self._limits = limits or Limits()
        self._housekeeping = dict(housekeeping or {})
        self._presence = presence or open_presence(engine_url)
        self._engine = Engine(
            engine_url,
            self._presence.executor,
            self._limits.concurrency,
            self._limits.per_project,
            self._limits.crashes,
        )
        self._engine_url = engine_url
        self._dispatcher = Dispatcher(store, self._engine, route)
        self._doer = Doer(
            store, self._engine, self._presence, do_job, given_up, self._limits.first_pause_seconds
        )
        self._peers = Peers(self._engine, self._presence)
        self._chores = (
            Chore("count jobs", COUNT_SECONDS, self._count),
            Chore("forget what ended", SWEEP_SECONDS, self._forget),
            *chores,
        )
        self._stop = threading.Event()
        self._threads: tuple[threading.Thread, ...] = ()

    def start(self) -> None:
        """Go on with what was interrupted, and take deliveries from now on; returns at once."""
        self._presence.take()
        self._engine.start(self._doer.do)
        self._files = tuple(map(SameFile, filter(is_sqlite, (self._store.url, self._engine_url))))
        loops: list[tuple[str, Callable[[], object], float]] = [
            ("dispatch", self._dispatch, self._limits.poll_seconds),
            ("peers", self._peers.look, LOOK_SECONDS),
            ("files", self._look_at_files, LOOK_SECONDS),
        ]
        loops += [
            (f"housekeeping: {name}", do, HOUSEKEEPING_SECONDS) for name, do in self._housekeeping.items()
        ]
        loops += [
            (f"chore: {chore.name}", self._in_turn(chore), min(chore.seconds, LOOK_SECONDS))
            for chore in self._chores
        ]
        self._looked = 0.0
        self._threads = tuple(
            threading.Thread(target=self._repeat, args=loop, name=loop[0], daemon=True) for loop in loops
        )
        for thread in self._threads:
            thread.start()
        _log.info("worker started", executor=self._presence.executor, concurrency=self._limits.concurrency)

    def stop(self) -> None:
        """Take nothing new, let running jobs end for a few seconds, then return. Nothing is lost either way.

        Raises nothing, and returns also when database and GitLab answer nothing any more.
        """
        self._stop.set()
        seconds = self._limits.shutdown_seconds
        # First of all: what is claimed from here on would only be cut off.
        _within(seconds + LAST_SECONDS, "end of the job engine", lambda: self._engine.stop(seconds))
        deadline = time.monotonic() + LAST_SECONDS
        for thread in self._threads:
            thread.join(timeout=max(deadline - time.monotonic(), 0.0))
        # From here on nothing is written for a job that did not end: whoever is there takes it over.
        _within(LAST_SECONDS, "leaving the other workers", self._presence.give_back)
        _log.info("worker stopped")

    def run_until_stopped(self) -> None:
        """Wait until `request_stop` is called, then stop."""
        self._stop.wait()
        self.stop()

    def request_stop(self) -> None:
        """Make `run_until_stopped` return soon; fit for a signal handler."""
        self._stop.set()

    def forget_jobs(self, older_than_seconds: float, at_once: int = MOST_AT_ONCE) -> int:
        """Delete all jobs that ended longer ago, so many in one go; returns how many went."""
        gone = 0
        while not self._stop.is_set():
            went = self._engine.forget(older_than_seconds, at_once)
            gone += went
            if went < at_once:
                break
        return gone

    # What threads do ------------------------------------------------------------------------------

    def _repeat(self, name: str, do: Callable[[], object], pause: float) -> None:
        told, told_at = "", 0.0
        while not self._stop.is_set():
            try:
                do()
                if told:
                    _log.info("trouble has passed", work=name, was=told)
                    told = ""
            except Exception as error:  # noqa: BLE001 -- a thread must outlive a locked, full or absent database
                if self._stop.is_set():
                    return  # the engine may be gone already
                what = f"{type(error).__name__}: {error}".splitlines()[0]
                if what != told or time.monotonic() - told_at > SAME_TROUBLE_SECONDS:
                    told, told_at = what, time.monotonic()
                    _log.error("work of the worker fails, and is tried again", work=name, exc_info=error)
                self._stop.wait(LOOK_ANYWAY_SECONDS)
            self._stop.wait(pause)

    def _dispatch(self) -> None:
        if self._store.changed() or time.monotonic() - self._looked > LOOK_ANYWAY_SECONDS:
            self._looked = time.monotonic()
            while self._dispatcher.dispatch() and not self._stop.is_set():
                pass

    def _look_at_files(self) -> None:
        if any(file.changed() for file in self._files):
            # the engine cannot change its file while it runs; whoever keeps this process alive starts it anew
            _log.error(
                "a database file was moved away or replaced, and this worker ends to begin with the new one"
            )
            self._stop.set()

    def _in_turn(self, chore: Chore) -> Callable[[], None]:
        due = 0.0

        def do() -> None:
            nonlocal due
            now = time.monotonic()
            # The lease lasts until the chore is due again: whoever asks first then is the next to do it.
            if now >= due and self._store.lease(
                f"chore: {chore.name}", self._presence.executor, chore.seconds
            ):
                due = now + chore.seconds
                chore.do()

        return do

    def _count(self) -> None:
        for place, found in enumerate(self._engine.failed()):
            self._doer.mend(found, place)
            self._engine.delete(found.job_id)
        self._store.keep_job_counts(replace(self._engine.counts(), failed=self._store.count_parked()))

    def _forget(self) -> None:
        self._store.forget_deliveries()
        self._store.forget_publications([state for state in State if not state.ended])
        self._store.forget_reviews()
        self.forget_jobs(JOBS_KEPT_SECONDS)


def _within(seconds: float, name: str, do: Callable[[], object]) -> None:
    """Do it, for so long at most; what is in its way is logged."""

    def run() -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001 -- the process ends, whatever is in the way
            _log.error("cannot be done before the end", work=name, why=f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(timeout=seconds)
    if thread.is_alive():
        _log.error("is not waited for any more", work=name, seconds=seconds)


def leave(status: int = 0) -> None:
    """End the process at once: threads of the engine would keep it alive."""
    os._exit(status)

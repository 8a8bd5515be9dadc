"""Does jobs durably, after the door has answered. The only user of the job engine.

What is promised: a job that was accepted is done, also when the process is killed at any instant; jobs of one
(project, branch) are done one at a time and in order, other branches' beside them; a newer push takes the
place of waiting ones; whoever must wait is a new delayed job, never a sleeping thread. A job may be done
twice when the process dies in the middle of it, so handlers are repeatable.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions

from bot.adapters.database import WorkerLock, is_sqlite, prepare_sqlite, teach_subseconds
from bot.adapters.store import Delivery, Store
from bot.domain.events import Event, from_dict
from bot.domain.jobs import COMMAND, EnsurePipeline, Follow, Job, Later, Publish
from bot.domain.routing import Ignored, same_push
from bot.errors import Gone, OperatorError, Refused, TryAgain
from bot.logs import get, redact

Handler = Callable[[Any], tuple[Later, ...]]

QUEUE = "jobs"
EXECUTOR = "worker-1"
"""One name for the one worker of a machine: after a restart it goes on with what it was doing."""

APPLICATION_VERSION = "1"
"""Never changes: the engine leaves jobs of another version lying."""

ENGINE_POLL_SECONDS = 0.08
"""How often the engine looks for jobs that may start; each look costs it about 4 ms of a core."""

DELIVERIES_AT_ONCE = 100
SAME_PUSH_SECONDS = 60.0
"""How long after a push the same one is taken for another hook's word, not for a branch that went back and forth."""

LOOK_ANYWAY_SECONDS = 1.0
"""How often deliveries are looked for though nothing seems to have changed."""

HOUSEKEEPING_SECONDS = 5.0
"""How often the worker gives a sign of life."""

SWEEP_SECONDS = 3600.0
"""How often finished jobs and deliveries are forgotten."""

JOBS_KEPT_SECONDS = 14 * 24 * 3600.0
SHUTDOWN_SECONDS = 6
"""How long running jobs may take to end after SIGTERM; what does not is done again after the next start."""

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 600.0
LONGEST_NAMED_PAUSE_SECONDS = 3600.0
"""The most that is believed when the other side names the pause."""

MAX_TRIES = 300
"""Tries of one job before it is given up: more than two days of a GitLab that does not answer."""

MAX_FAULTS = 4
"""Tries of a job that fails by a fault of ours."""

MAX_CRASHES = 20
"""Starts of a job during which the worker died, before the job is taken for the cause."""

MISSING_RIGHT = "Look whether the bot's user is a member of the project, as Developer or more."
"""What to do about a refusal that no step of a job expected."""

_KINDS: dict[str, type[Any]] = {"publish": Publish, "ensure-pipeline": EnsurePipeline, "follow": Follow}

_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at a time, and how soon: jobs side by side, and seconds between looks for new deliveries."""

    concurrency: int = 8
    poll_seconds: float = 0.02


class Worker:
    """Takes accepted deliveries and follow-up jobs, one process of its own. See the module for its promises.

    `route` decides what an event asks for; `handlers` do jobs and return what follows from them. One Worker
    a process: the engine is global. `housekeeping` is called every few seconds, in a thread of its own.
    """

    def __init__(
        self,
        store: Store,
        engine_url: str,
        route: Callable[[Event], Job | Ignored],
        handlers: Mapping[type[Any], Handler],
        limits: Limits | None = None,
        housekeeping: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._engine_url = engine_url
        self._route = route
        self._handlers = dict(handlers)
        self._limits = limits or Limits()
        self._housekeeping = housekeeping
        self._stop = threading.Event()
        self._threads: tuple[threading.Thread, ...] = ()
        self._told: set[str] = set()
        self._lock = WorkerLock(engine_url)

    def start(self) -> None:
        """Go on with what was interrupted, and take deliveries from now on; returns at once."""
        # Some SQLites lack a function that the engine's tables call; nothing may connect before.
        teach_subseconds()
        if not is_sqlite(self._engine_url):
            raise OperatorError(
                "the worker keeps its jobs in SQLite only, so far",
                "set database.url to a file, such as sqlite:////var/lib/mlreef-bot/bot.db",
            )
        prepare_sqlite(self._engine_url)
        # one name for all workers of this database: a second one would take the first one's running jobs over
        self._lock.take()
        config: DBOSConfig = {
            "name": "mlreef-bot",
            "system_database_url": self._engine_url,
            "application_version": APPLICATION_VERSION,
            "executor_id": EXECUTOR,
            "serializer": DBOSPortableJSONSerializer(),
            "max_executor_threads": self._limits.concurrency + 8,
            "log_level": "WARNING",
        }
        DBOS(config=config)
        for kind in _KINDS:
            DBOS.workflow(name=kind, max_recovery_attempts=MAX_CRASHES)(self._named_workflow(kind))
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=self._limits.concurrency,
            polling_interval_sec=ENGINE_POLL_SECONDS,
            on_conflict="always_update",
        )
        self._threads = tuple(
            threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True)
            for work in (self._dispatch_for_ever, self._keep_house)
        )
        for thread in self._threads:
            thread.start()
        _log.info("worker started", concurrency=self._limits.concurrency)

    def stop(self) -> None:
        """Take nothing new, let running jobs end for a few seconds, then return. Nothing is lost either way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=SHUTDOWN_SECONDS)
        running = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        DBOS.destroy(workflow_completion_timeout_sec=SHUTDOWN_SECONDS if running else 0)
        self._lock.give_back()
        _log.info("worker stopped")

    def run_until_stopped(self) -> None:
        """Wait until `request_stop` is called, then stop."""
        self._stop.wait()
        self.stop()

    def request_stop(self) -> None:
        """Make `run` return soon; fit for a signal handler."""
        self._stop.set()

    # From deliveries to jobs ----------------------------------------------------------------------

    def _dispatch_for_ever(self) -> None:
        looked = 0.0
        while not self._stop.is_set():
            try:
                if self._store.changed() or time.monotonic() - looked > LOOK_ANYWAY_SECONDS:
                    looked = time.monotonic()
                    while self.dispatch() and not self._stop.is_set():
                        pass
            except Exception as error:  # noqa: BLE001 -- this thread must outlive a locked or full database
                _log.error("deliveries cannot be read", exc_info=error)
                self._stop.wait(LOOK_ANYWAY_SECONDS)
            self._stop.wait(self._limits.poll_seconds)

    def dispatch(self) -> int:
        """Start the jobs of waiting deliveries, in order; returns how many deliveries there were."""
        deliveries = self._store.pending(DELIVERIES_AT_ONCE)
        for delivery in deliveries:
            self._start_job_of(delivery)
        if deliveries:
            # Marked after the jobs are committed. A crash between finds their ids in use, and starts none twice.
            self._store.mark_dispatched(*(delivery.key for delivery in deliveries))
        return len(deliveries)

    def _start_job_of(self, delivery: Delivery) -> None:
        try:
            decision = self._decide(delivery)
        except Exception as error:  # noqa: BLE001 -- whatever is wrong with it, the next one must not wait
            _log.error("stored delivery cannot be worked on", key=delivery.key, exc_info=error)
            self._store.park(f"delivery {delivery.seq}", delivery.event, _reason(error))
            return
        if isinstance(decision, Ignored):
            _log.info("delivery needs no work", key=delivery.key, why=decision.why)
            return
        self._enqueue(f"{_branch_id(decision)}:{delivery.seq:020d}:{_slot(decision)}", Later(decision))

    def _decide(self, delivery: Delivery) -> Job | Ignored:
        event = from_dict(delivery.event)
        decision = self._route(event)
        if isinstance(decision, Ignored):
            return decision
        if isinstance(decision, Follow) and _is_waiting(decision):
            return Ignored("a look at this pipeline is waiting already, and will see this, too")
        previous = self._store.previous(delivery)
        if not previous or delivery.received_at - previous.received_at > SAME_PUSH_SECONDS:
            return decision
        if same_push(event, from_dict(previous.event)):
            return Ignored("another hook told the same push")
        return decision

    def _enqueue(self, job_id: str, later: Later) -> None:
        options: EnqueueOptions = {
            "workflow_name": _kind(later.job),
            "queue_name": QUEUE,
            "queue_partition_key": f"{later.job.project_id}:{later.job.branch}",
            "workflow_id": job_id,
            "app_version": APPLICATION_VERSION,
        }
        if later.seconds > 0:
            options["delay_seconds"] = later.seconds
        DBOS.enqueue_workflow_with_options(options, dataclasses.asdict(later.job))

    # One job --------------------------------------------------------------------------------------

    def _named_workflow(self, kind: str) -> Callable[[dict[str, Any]], str]:
        def workflow(values: dict[str, Any]) -> str:
            job_id = cast(str, DBOS.workflow_id)
            outcome = DBOS.run_step({"name": "do"}, self._do, job_id, kind, values)
            for index, follower in enumerate(outcome["later"]):
                job = _KINDS[follower["kind"]](**follower["job"])
                self._enqueue(_child_id(job_id, index, job), Later(job, follower["seconds"]))
            return str(outcome["ended"])

        workflow.__qualname__ = workflow.__name__ = kind
        return workflow

    def _do(self, job_id: str, kind: str, values: dict[str, Any]) -> dict[str, Any]:
        """One job to its end; all that comes of it as plain data, errors too: the engine stores the answer."""
        job = _KINDS[kind](**values)
        log = _log.bind(job=job_id, kind=kind, project=job.project_id, branch=job.branch, attempt=job.attempt)
        if _newer_is_waiting(job_id):
            log.info("job superseded")
            return _outcome("superseded")
        began = time.monotonic()
        log.info("job started")
        try:
            later = self._handlers[type(job)](job)
        except TryAgain as error:
            return self._again(job_id, job, str(error), error.after, MAX_TRIES)
        except (OperatorError, Refused) as error:
            if str(error) not in self._told:
                self._told.add(str(error))
                hint = error.hint if isinstance(error, OperatorError) else MISSING_RIGHT
                log.error("the operator must act", what=str(error), hint=hint)
            return self._again(job_id, job, str(error), None, None)
        except Gone as error:
            log.warning("job is about something that is not there for the bot", what=str(error))
            return _outcome("gone")
        except Exception as error:
            log.error("job failed by a fault of the bot", exc_info=error)
            return self._again(job_id, job, _reason(error), None, MAX_FAULTS)
        log.info(
            "job done", seconds=round(time.monotonic() - began, 3), later=[_kind(item.job) for item in later]
        )
        return _outcome("done", *later)

    def _again(
        self, job_id: str, job: Job, why: str, after: float | None, tries: int | None
    ) -> dict[str, Any]:
        log = _log.bind(job=job_id, kind=_kind(job), project=job.project_id, branch=job.branch)
        if tries is not None and job.attempt + 1 >= tries:
            log.error("job given up", why=why, tries=job.attempt + 1)
            self._store.park(job_id, {"kind": _kind(job), **dataclasses.asdict(job)}, why)
            return _outcome("given up")
        pause = pause_seconds(job.attempt, after)
        log.warning("job is tried again", why=why, seconds=pause)
        return _outcome("tried again", Later(dataclasses.replace(job, attempt=job.attempt + 1), pause))

    # Housekeeping ---------------------------------------------------------------------------------

    def _keep_house(self) -> None:
        swept = 0.0
        while True:
            try:
                self._housekeeping()
                if time.monotonic() - swept > SWEEP_SECONDS:
                    swept = time.monotonic()
                    self._store.forget_deliveries()
                    forget_jobs(JOBS_KEPT_SECONDS)
            except Exception as error:  # noqa: BLE001 -- this thread must outlive a locked or full database
                _log.error("housekeeping failed", exc_info=error)
            if self._stop.wait(HOUSEKEEPING_SECONDS):
                return


def pause_seconds(attempt: int, named: float | None = None) -> float:
    """How long to wait after a failed try: doubling up to a cap, or as long as the other side said."""
    # Capped before the power: 2**300 s is no float that anybody can wait for.
    grown = min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempt, 30), LONGEST_PAUSE_SECONDS)
    return grown if named is None else max(FIRST_PAUSE_SECONDS / 4, min(named, LONGEST_NAMED_PAUSE_SECONDS))


def forget_jobs(older_than_seconds: float) -> int:
    """Delete jobs from the engine's tables that ended longer ago; returns how many went."""
    before = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - older_than_seconds))
    old = DBOS.list_workflows(completed_before=before, limit=10_000, load_input=False, load_output=False)
    if old:
        DBOS.delete_workflows([workflow.workflow_id for workflow in old])
    return len(old)


def leave(status: int = 0) -> None:
    """End the process at once: threads of the engine would keep it alive."""
    os._exit(status)


def _reason(error: Exception) -> str:
    return redact(f"{type(error).__name__}: {error}")


def _outcome(ended: str, *later: Later) -> dict[str, Any]:
    return {
        "ended": ended,
        "later": [
            {"kind": _kind(item.job), "job": dataclasses.asdict(item.job), "seconds": item.seconds}
            for item in later
        ],
    }


def _kind(job: Job) -> str:
    return next(kind for kind, of in _KINDS.items() if type(job) is of)


def _branch_id(job: Job) -> str:
    # Ids are looked up by their beginning, where a branch's own characters could act as wildcards.
    return f"{job.project_id}-{hashlib.sha256(job.branch.encode()).hexdigest()[:16]}"


def _slot(job: Job) -> str:
    """What a newer job must be about to take this one's place."""
    match job:
        case Publish(cause=cause):
            # A push must not take the place of what a person asked for: that is done for a known head, too.
            return "asked" if cause == COMMAND else "publish"
        case EnsurePipeline(sha=sha):
            return f"ensure-{sha}"
        case Follow(pipeline_id=pipeline_id, running=running, by_job=by_job):
            # Word that it runs may arrive after word of its end, and must not take that one's place.
            return f"follow-{pipeline_id}-{running:d}{by_job:d}"


def _child_id(parent: str, index: int, job: Job) -> str:
    # Derived from the parent alone: after a crash the same child is found, not made a second time. The
    # delivery's number stays in front, so that ids of one branch sort by age.
    branch, seq, *_ = parent.split(":")
    path = hashlib.sha256(f"{parent}/{index}".encode()).hexdigest()[:24]
    return f"{branch}:{seq}:{_slot(job)}:{path}"


def _newer_is_waiting(job_id: str) -> bool:
    branch, seq, slot, *_ = job_id.split(":")
    waiting = _waiting(branch, ["ENQUEUED", "DELAYED"])
    return any(other_slot == slot and other_seq > seq for other_seq, other_slot in waiting)


def _is_waiting(job: Job) -> bool:
    """Whether the same is to be done already, and has not begun; it will then see what the newer one would."""
    return any(slot == _slot(job) for _, slot in _waiting(_branch_id(job), ["ENQUEUED"]))


def _waiting(branch_id: str, statuses: list[str]) -> list[tuple[str, str]]:
    """Delivery number and slot of the branch's jobs that have not begun."""
    found = DBOS.list_workflows(
        workflow_id_prefix=f"{branch_id}:",
        status=statuses,
        queue_name=QUEUE,
        load_input=False,
        load_output=False,
    )
    return [(seq, slot) for _, seq, slot, *_ in (workflow.workflow_id.split(":") for workflow in found)]

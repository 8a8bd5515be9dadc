"""The job engine: stores jobs, hands them out in order, and remembers how they ended. Its only user.

`Engine` is the worker's side, one for each process, for the engine is global. `Desk` is for looking and mending from
any other process. Both keep their promises on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions, WorkflowStatus

from bot.adapters.database import (
    KEEP_ALIVE,
    is_sqlite,
    open_engine,
    prepare_sqlite,
    sqlite_file,
    teach_subseconds,
)
from bot.domain.facts import JobCounts
from bot.domain.jobs import Job, Later
from bot.jobs.names import KINDS, Name, child_id, kind_of, lane_of, read_job, read_name

QUEUE = "jobs"
APPLICATION = "mlreef-bot"

APPLICATION_VERSION = "1"
"""Never changes: the engine leaves jobs of another version lying."""

POLL_SECONDS = 0.08
"""How often the engine looks for jobs that may start; each look costs it about 4 ms of a core."""

SPARE_THREADS = 8
"""Threads beside those of running jobs, for jobs that end while others begin."""

MAX_CRASHES = 10
"""Starts of a job during which the worker died, before the job is one of those that may be the cause."""

STUCK_SECONDS = 900.0
"""A job that runs for longer is counted as stuck: reading, GitLab and registry all have shorter limits."""

MOST_AT_ONCE = 1000
"""Ended jobs that are forgotten in one go."""

WAITING, DELAYED, RUNNING = "ENQUEUED", "DELAYED", "PENDING"
BROKEN_OFF, DEADLY = "ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
FAILED = (BROKEN_OFF, DEADLY)

Outcome = Mapping[str, Any]
"""How a job ended, as plain data: `ended`, and `later`, what follows from it."""


@dataclass(frozen=True, slots=True)
class Known:
    """A job as the engine knows it. Times are in seconds since 1970; `due_at` is when a delayed one may begin."""

    job_id: str
    status: str
    kind: str
    values: Mapping[str, Any]
    created_at: float
    due_at: float | None = None
    begun_at: float | None = None
    why: str = ""


class Engine:
    """Starts jobs, does them with `do(job_id, kind, values)`, and tells what is known of them."""

    def __init__(
        self, url: str, executor: str, concurrency: int, lanes: int, crashes: int = MAX_CRASHES
    ) -> None:
        self._url = url
        self._executor = executor
        self._concurrency = concurrency
        self._lanes = lanes
        self._crashes = crashes
        self._here: set[str] = set()
        self._tables = open_engine(url)
        # Counting is not among what the engine offers; its table is read, and never written.
        self._jobs = sa.table(
            "workflow_status",
            *map(sa.column, ("status", "executor_id", "created_at", "started_at_epoch_ms")),
            schema=_schema(url),
        )

    def start(self, do: Callable[[str, str, dict[str, Any]], Outcome]) -> None:
        """Go on with what this executor was doing, and take jobs from now on."""
        # Some SQLites lack a function that the engine's tables call; nothing may connect before.
        teach_subseconds()
        if is_sqlite(self._url):
            prepare_sqlite(self._url)
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": self._url,
            "application_version": APPLICATION_VERSION,
            "executor_id": self._executor,
            "serializer": DBOSPortableJSONSerializer(),
            "max_executor_threads": self._concurrency + SPARE_THREADS,
            "log_level": "WARNING",
        }
        if not is_sqlite(self._url):
            config["sys_db_pool_size"] = self._concurrency + SPARE_THREADS
            config["db_engine_kwargs"] = {"connect_args": dict(KEEP_ALIVE), "pool_pre_ping": True}
        DBOS(config=config)
        for kind in KINDS:
            DBOS.workflow(name=kind, max_recovery_attempts=self._crashes)(self._workflow(kind, do))
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=self._concurrency,
            polling_interval_sec=POLL_SECONDS,
            on_conflict="always_update",
        )

    def stop(self, seconds: float) -> None:
        """Take nothing new; return when no job runs here any more, or after so many seconds."""
        # What runs is known here: a database that is away must not keep the process from its end.
        DBOS.destroy(workflow_completion_timeout_sec=round(seconds) if self._here else 0)
        self._tables.dispose()

    def _workflow(
        self, kind: str, do: Callable[[str, str, dict[str, Any]], Outcome]
    ) -> Callable[[dict[str, Any]], str]:
        def workflow(values: dict[str, Any]) -> str:
            job_id = cast(str, DBOS.workflow_id)
            self._here.add(job_id)
            try:
                outcome = DBOS.run_step({"name": "do"}, do, job_id, kind, values)
                for index, follower in enumerate(outcome["later"]):
                    job = read_job(follower["kind"], follower["job"])
                    later = Later(job, follower["seconds"], follower.get("why", ""))
                    self.enqueue(child_id(job_id, index, job), later)
                return str(outcome["ended"])
            finally:
                self._here.discard(job_id)

        workflow.__qualname__ = workflow.__name__ = kind
        return workflow

    def enqueue(self, job_id: str, later: Later) -> None:
        """Store a job; one whose id is known stays as it is."""
        DBOS.enqueue_workflow_with_options(
            _options(job_id, later, self._lanes), dataclasses.asdict(later.job)
        )

    def of_branch(self, branch: str) -> list[tuple[Name, str, str]]:
        """Name, id and status of the branch's jobs that have not ended."""
        found = DBOS.list_workflows(
            workflow_id_prefix=f"{branch}:",
            status=[WAITING, DELAYED, RUNNING],
            queue_name=QUEUE,
            load_input=False,
            load_output=False,
        )
        return [(read_name(one.workflow_id), one.workflow_id, one.status) for one in found]

    def delayed(self, branch: str) -> list[Known]:
        """The branch's jobs that wait for their time, with what they are about."""
        found = DBOS.list_workflows(
            workflow_id_prefix=f"{branch}:", status=DELAYED, queue_name=QUEUE, load_output=False
        )
        return [_known(one) for one in found]

    def executors(self) -> frozenset[str]:
        """Who does jobs now, or died doing them."""
        query = sa.select(self._jobs.c.executor_id).where(self._jobs.c.status == RUNNING).distinct()
        with self._tables.connect() as connection:
            return frozenset(filter(None, connection.scalars(query)))

    def take_over(self, executor: str) -> int:
        """Let others do what a dead executor was doing; returns how many jobs that was."""
        # Marked as internal by the engine, and the one way it has: hence the exact version and the kill tests.
        return len(DBOS._recover_pending_workflows([executor]))

    def left_lying(self) -> frozenset[str]:
        """Jobs that this executor took and no thread of it does: the database failed in between."""
        mine = DBOS.list_workflows(
            status=RUNNING, executor_id=self._executor, load_input=False, load_output=False
        )
        return frozenset(one.workflow_id for one in mine) - self._here

    def begin_again(self, job_id: str) -> None:
        """Put a job that was left lying back into its queue; nothing when it has ended meanwhile."""
        DBOS.resume_workflow(job_id, queue_name=QUEUE)

    def counts(self) -> JobCounts:
        """How the jobs stand."""
        now = time.time()
        jobs = self._jobs
        stuck_since = round((now - STUCK_SECONDS) * 1000)
        query = (
            sa.select(
                jobs.c.status,
                sa.func.count(),
                sa.func.min(jobs.c.created_at),
                sa.func.sum(sa.case((jobs.c.started_at_epoch_ms < stuck_since, 1), else_=0)),
            )
            .where(jobs.c.status.in_((WAITING, DELAYED, RUNNING)))
            .group_by(jobs.c.status)
        )
        with self._tables.connect() as connection:
            rows = list(connection.execute(query))
        found = {status: (count, oldest, stuck) for status, count, oldest, stuck in rows}
        waiting, oldest, _ = found.get(WAITING, (0, now * 1000, 0))
        running, _, stuck = found.get(RUNNING, (0, 0, 0))
        return JobCounts(
            waiting=waiting,
            delayed=found.get(DELAYED, (0, 0, 0))[0],
            running=running,
            stuck=int(stuck or 0),
            oldest_seconds=max(now - oldest / 1000, 0.0),
            counted_at=now,
        )

    def failed(self) -> list[Known]:
        """Jobs that the engine gave up by itself: DEADLY each start of which ended with the death of its worker, and
        those that were BROKEN_OFF, as when the database could not store how they ended."""
        return [_known(one) for one in DBOS.list_workflows(status=list(FAILED), load_output=True)]

    def delete(self, *job_ids: str) -> None:
        """Forget these jobs."""
        DBOS.delete_workflows(list(job_ids))

    def forget(self, older_than_seconds: float, at_once: int = MOST_AT_ONCE) -> int:
        """Delete jobs that ended longer ago, `at_once` at most; returns how many went."""
        before = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - older_than_seconds))
        old = DBOS.list_workflows(completed_before=before, limit=at_once, load_input=False, load_output=False)
        if old:
            DBOS.delete_workflows([workflow.workflow_id for workflow in old])
        return len(old)


class Desk:
    """Looks at jobs, and puts them back, from a process that does none."""

    def __init__(self, url: str, lanes: int) -> None:
        teach_subseconds()
        self._lanes = lanes
        self._begun = _has_tables(url)
        if not self._begun:
            return
        self._client = DBOSClient(
            system_database_url=url,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            retry_connection_errors=False,
        )

    def jobs(self) -> list[Known]:
        """All jobs that have not ended well, the oldest first; none before the first worker was started."""
        if not self._begun:
            return []
        found = self._client.list_workflows(status=[WAITING, DELAYED, RUNNING, *FAILED], load_output=False)
        return [_known(one) for one in found]

    def job(self, job_id: str) -> Known | None:
        """One job that has not ended well."""
        return next((one for one in self.jobs() if one.job_id == job_id), None)

    def enqueue(self, job_id: str, job: Job) -> None:
        """Store a job; one whose id is known stays as it is."""
        self._client.enqueue(_options(job_id, Later(job), self._lanes), dataclasses.asdict(job))

    def begin_now(self, job_id: str) -> None:
        """Let a delayed job begin at once."""
        self._client.set_workflow_delay(job_id, delay_seconds=0)

    def delete(self, job_id: str) -> None:
        """Forget a job; it will not be begun."""
        self._client.cancel_workflow(job_id)
        self._client.delete_workflow(job_id)

    def close(self) -> None:
        """Give all connections back."""
        if self._begun:
            self._client.destroy()


def _has_tables(url: str) -> bool:
    # Opening an SQLite file that is not there would create it, as a user that the worker may not be.
    if is_sqlite(url) and not sqlite_file(url).exists():
        return False
    engine = open_engine(url)
    try:
        return sa.inspect(engine).has_table("workflow_status", schema=_schema(url))
    finally:
        engine.dispose()


def _schema(url: str) -> str | None:
    return None if is_sqlite(url) else "dbos"


def _options(job_id: str, later: Later, lanes: int) -> EnqueueOptions:
    options: EnqueueOptions = {
        "workflow_name": kind_of(later.job),
        "queue_name": QUEUE,
        "queue_partition_key": lane_of(later.job, lanes),
        "workflow_id": job_id,
        "app_version": APPLICATION_VERSION,
    }
    if later.seconds > 0:
        options["delay_seconds"] = later.seconds
    if later.why:
        options["attributes"] = {"why": later.why}
    return options


def _known(found: WorkflowStatus) -> Known:
    given: Mapping[str, Any] = found.input or {}
    arguments: Any = given.get("args") or ({},)
    return Known(
        found.workflow_id,
        found.status,
        found.name or "",
        arguments[0] if isinstance(arguments[0], dict) else {},
        (found.created_at or 0) / 1000,
        _seconds(found.delay_until_epoch_ms),
        _seconds(found.dequeued_at),
        str(found.error or (found.attributes or {}).get("why", "")),
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000

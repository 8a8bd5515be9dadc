"""What the bot remembers: deliveries not yet worked on, publications, cached file contents, and a few facts.

GitLab and the registry hold the truth; everything here but the deliveries can be rebuilt from them.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.adapters import schema
from bot.adapters.database import (
    BUSY_SECONDS,
    SameFile,
    Watch,
    WriteLock,
    is_sqlite,
    open_engine,
    prepare_sqlite,
    unusable,
)
from bot.adapters.intake import Intake
from bot.domain.facts import JOB_COUNTS, JobCounts

BLOB_CACHE_BYTES = 256 * 1024 * 1024
"""Most that cached file contents may take; the least recently kept go first."""

BLOB_BATCH = 500
"""Blob ids asked for in one statement; databases limit the number of variables."""

TURNS = 0x6D74
"""First number of the advisory locks by which workers take turns; the second one follows from the turn's name."""

LONGEST_TURN_SECONDS = 30

DELIVERIES_KEPT_SECONDS = 14 * 24 * 3600.0
"""How long a finished delivery is remembered, so that sending it again does nothing. GitLab keeps two days."""

PUBLICATIONS_KEPT_SECONDS = 90 * 24 * 3600.0
"""How long a publication is remembered that nothing rests on. GitLab and the registry know of it for longer."""

PUBLICATIONS_KEPT_PER_BRANCH = 10
"""So many of a branch's newest publications are remembered, however old they are."""

PUBLICATION_BATCH = 100
"""Publications that are forgotten in one transaction: others wait to write meanwhile."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An accepted event that no job was started for yet. `seq` grows with the order of arrival."""

    seq: int
    key: str
    subject: str
    event: Mapping[str, Any]
    received_at: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries that no job was started for yet: how many, and the age of the oldest in seconds."""

    waiting: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Publication:
    """One attempt to publish one commit: `sha` is built, `source_sha` is the author's commit that led to it.

    `updated_at` is in seconds since 1970 and is set by the store.
    """

    project_id: int
    branch: str
    sha: str
    source_sha: str
    state: str
    pipeline_id: int | None = None
    number: int | None = None
    digest: str | None = None
    image: str | None = None
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Parked:
    """A job that was given up, with the reason; kept so that a person can look and start it again."""

    job_id: str
    job: Mapping[str, Any]
    why: str
    parked_at: float


_DELIVERY = sa.select(
    schema.deliveries.c.seq,
    schema.deliveries.c.key,
    schema.deliveries.c.subject,
    schema.deliveries.c.event,
    schema.deliveries.c.received_at,
)


def _delivery(row: sa.Row[int, str, str, str, float]) -> Delivery:
    seq, key, subject, event, received_at = row
    return Delivery(seq, key, subject, json.loads(event), received_at)


Upsert = sqlite.Insert | postgresql.Insert


def _counted(statement: Upsert) -> Upsert:
    # PostgreSQL's driver forgets how many rows an INSERT wrote unless it is asked to remember.
    return statement.execution_options(preserve_rowcount=True)


class Store:
    """The bot's own tables. Safe to use from several threads and processes; each call is one transaction."""

    def __init__(
        self,
        url: str,
        patience_seconds: int = BUSY_SECONDS,
        before_record: Callable[[], None] = lambda: None,
    ) -> None:
        self.url = url
        self._before_record = before_record
        self._patience_seconds = patience_seconds
        self._engine = open_engine(url, patience_seconds)
        self._lock = WriteLock(url, patience_seconds) if is_sqlite(url) else None
        self._watch: Watch | None = None
        self._file = SameFile(url) if is_sqlite(url) else None
        self._moving = threading.Lock()
        self._intake = Intake(self._engine)

    @classmethod
    def prepare(cls, url: str, before_record: Callable[[], None] = lambda: None) -> Store:
        """Create the database's file where it is missing, bring its tables up to date, and open the store.

        `before_record` is called before a publication is written, and may raise to prevent it. Raises
        OperatorError when the database cannot be used as it is.
        """
        store = cls(url, before_record=before_record)
        try:
            store.reopen()
        except BaseException:
            store.close()
            raise
        return store

    def reopen(self) -> None:
        """Begin anew, also after a failure: another file may be there now, or another server. Raises OperatorError."""
        self._engine.dispose()
        self._intake.reopen()
        if is_sqlite(self.url):
            prepare_sqlite(self.url, self._patience_seconds)
        try:
            with self._writing() as connection:
                schema.bring_up_to_date(connection)
        except sa.exc.DBAPIError as error:
            raise unusable(self.url, error) from error
        self._file = SameFile(self.url) if is_sqlite(self.url) else None

    def _follow_file(self) -> None:
        """Begin anew when the file is another one: nobody would look into the old one for what is written there."""
        if self._file is not None and self._file.changed():
            with self._moving:
                if self._file.changed():
                    self.reopen()

    def close(self) -> None:
        """Give all connections back."""
        self._intake.close()
        self._engine.dispose()
        if self._lock:
            self._lock.close()
        if self._watch:
            self._watch.close()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._lock or nullcontext(), self._engine.begin() as connection:
            yield connection

    def _insert(self, table: sa.Table) -> Upsert:
        return sqlite.insert(table) if is_sqlite(self.url) else postgresql.insert(table)

    def _put(self, table: sa.Table, values: Mapping[str, Any]) -> None:
        keys = [column.name for column in table.primary_key]
        rest = {name: value for name, value in values.items() if name not in keys}
        statement = self._insert(table).values(**values)
        with self._writing() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))

    # Deliveries -----------------------------------------------------------------------------------

    def accept(self, key: str, event: Mapping[str, Any], subject: str = "") -> bool:
        """Commit one event under its delivery's key; False when that key is known, and then nothing changes.

        `subject` names what the event is about, such as a branch, so that the same push told by two
        hooks can be found. When this returns, the event outlives a power cut.
        """
        values = {"key": key, "subject": subject, "event": json.dumps(event), "received_at": time.time()}
        self._follow_file()
        with self._lock or nullcontext():
            return self._intake.insert(values)

    def pending(self, limit: int) -> tuple[Delivery, ...]:
        """The oldest deliveries that no job was started for, in order of arrival."""
        query = (
            _DELIVERY.where(schema.deliveries.c.dispatched_at.is_(None))
            .order_by(schema.deliveries.c.seq)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return tuple(_delivery(row) for row in connection.execute(query))

    def backlog(self) -> Backlog:
        """How much waits to be taken up by a worker."""
        query = sa.select(sa.func.count(), sa.func.min(schema.deliveries.c.received_at)).where(
            schema.deliveries.c.dispatched_at.is_(None)
        )
        with self._engine.connect() as connection:
            waiting, oldest = connection.execute(query).one()
        return Backlog(waiting, max(time.time() - oldest, 0.0) if waiting else 0.0)

    def changed(self) -> bool:
        """Whether there may be new deliveries since the last question; a hundredth of the cost of looking.

        For the one thread that looks for them.
        """
        if not is_sqlite(self.url):
            return True
        if self._watch is None:
            self._watch = Watch(self.url)
        return self._watch.changed()

    def previous(self, delivery: Delivery) -> Delivery | None:
        """The delivery about the same subject that arrived before this one."""
        query = (
            _DELIVERY.where(
                schema.deliveries.c.subject == delivery.subject, schema.deliveries.c.seq < delivery.seq
            )
            .order_by(schema.deliveries.c.seq.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return _delivery(row) if row else None

    def told(self, subject: str, within_seconds: float) -> tuple[Mapping[str, Any], ...]:
        """The events about a subject that arrived within so many seconds, the newest first."""
        query = (
            sa.select(schema.deliveries.c.event)
            .where(
                schema.deliveries.c.subject == subject,
                schema.deliveries.c.received_at > time.time() - within_seconds,
            )
            .order_by(schema.deliveries.c.seq.desc())
        )
        with self._engine.connect() as connection:
            return tuple(json.loads(event) for event in connection.scalars(query))

    def mark_dispatched(self, *keys: str) -> None:
        """Remember that the jobs of these deliveries are started, or that they need none."""
        with self._writing() as connection:
            connection.execute(
                sa.update(schema.deliveries)
                .where(schema.deliveries.c.key.in_(keys))
                .values(dispatched_at=time.time())
            )

    def forget_deliveries(self, older_than_seconds: float = DELIVERIES_KEPT_SECONDS) -> int:
        """Delete finished deliveries that are older; returns how many went."""
        with self._writing() as connection:
            return connection.execute(
                sa.delete(schema.deliveries).where(
                    schema.deliveries.c.dispatched_at < time.time() - older_than_seconds
                )
            ).rowcount

    # Facts ----------------------------------------------------------------------------------------

    def keep_fact(self, name: str, value: str) -> None:
        """Keep one small text under a name, in place of what was there."""
        self._put(schema.facts, {"name": name, "value": value})

    def fact(self, name: str) -> str | None:
        """The text kept under that name."""
        with self._engine.connect() as connection:
            value: str | None = connection.scalar(
                sa.select(schema.facts.c.value).where(schema.facts.c.name == name)
            )
        return value

    def keep_job_counts(self, counts: JobCounts) -> None:
        """Keep how the jobs stand, for other processes to see."""
        self.keep_fact(JOB_COUNTS, counts.to_text())

    def job_counts(self) -> JobCounts | None:
        """How the jobs stood when a worker last counted them; None before the first time."""
        text = self.fact(JOB_COUNTS)
        return None if text is None else JobCounts.from_text(text)

    # Leases ---------------------------------------------------------------------------------------

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Whether `owner` may do what `name` names, alone among all processes, for so many seconds from now.

        Its owner may renew a lease before it ends; when it has ended, whoever asks first gets it. The database's
        clock counts, where there is one, for those of several machines differ.
        """
        now = self._now()
        values = {"name": name, "owner": owner, "until": now + seconds}
        free = sa.or_(schema.leases.c.until <= now, schema.leases.c.owner == owner)
        statement = (
            self._insert(schema.leases)
            .values(**values)
            .on_conflict_do_update(
                index_elements=["name"], set_={"owner": owner, "until": now + seconds}, where=free
            )
        )
        with self._writing() as connection:
            return connection.execute(_counted(statement)).rowcount == 1

    def release(self, name: str, owner: str) -> None:
        """End a lease early; does nothing when another one holds it."""
        mine = sa.and_(schema.leases.c.name == name, schema.leases.c.owner == owner)
        with self._writing() as connection:
            connection.execute(sa.delete(schema.leases).where(mine))

    @contextmanager
    def turn(self, name: str) -> Iterator[bool]:
        """Whether it is this caller's turn, alone among all processes, until the block ends.

        On SQLite it always is: a file has one worker. A holder that hangs loses its turn after a while.
        """
        if is_sqlite(self.url):
            yield True
            return
        with self._engine.connect() as connection:
            mine = connection.scalar(
                sa.text(
                    "SELECT pg_try_advisory_xact_lock(:turns, :number)"
                    " FROM set_config('idle_in_transaction_session_timeout', :limit, true)"
                ),
                {
                    "turns": TURNS,
                    "number": zlib.crc32(name.encode()) >> 1,
                    "limit": str(LONGEST_TURN_SECONDS * 1000),
                },
            )
            try:
                yield bool(mine)
            finally:
                with suppress(sa.exc.DBAPIError):
                    # a session that the server ended has given the turn back already
                    connection.rollback()

    def _now(self) -> sa.ColumnElement[float]:
        if is_sqlite(self.url):
            return sa.literal(time.time(), sa.Float)
        return sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()), sa.Float)

    # Publications ---------------------------------------------------------------------------------

    def publication(self, project_id: int, sha: str, branch: str | None = None) -> Publication | None:
        """The publication of that commit; of several branches' the one that changed last, unless one is named."""
        query = sa.select(schema.publications).where(
            schema.publications.c.project_id == project_id, schema.publications.c.sha == sha
        )
        return self._newest(query if branch is None else query.where(schema.publications.c.branch == branch))

    def _newest(self, query: sa.Select[Any]) -> Publication | None:
        with self._engine.connect() as connection:
            row = connection.execute(query.order_by(schema.publications.c.updated_at.desc()).limit(1)).first()
        return Publication(**row._mapping) if row else None

    def ensure_publication(self, publication: Publication) -> Publication:
        """Write the publication in place of what was known of that commit; returns it with its time."""
        self._before_record()
        written = replace(publication, updated_at=time.time())
        self._put(schema.publications, asdict(written))
        return written

    def known_projects(self) -> frozenset[int]:
        """Ids of all projects that anything was ever published of, or tried to be."""
        with self._engine.connect() as connection:
            return frozenset(connection.scalars(sa.select(schema.publications.c.project_id).distinct()))

    def handled(self, heads: Mapping[int, str], undone: Iterable[str] = ()) -> frozenset[tuple[int, str]]:
        """Those of these commits (project id → sha) that a publication of is known, in a state not of `undone`."""
        found: set[tuple[int, str]] = set()
        rows = schema.publications.c
        wanted = tuple(heads.items())
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), BLOB_BATCH // 2):
                batch = wanted[start : start + BLOB_BATCH // 2]
                query = sa.select(rows.project_id, rows.sha).where(
                    rows.project_id.in_([project for project, _ in batch]),
                    rows.sha.in_([sha for _, sha in batch]),
                    rows.state.not_in(list(undone)),
                )
                found |= {(row.project_id, row.sha) for row in connection.execute(query)}
        return frozenset(found) & frozenset(wanted)

    def open_publications(self, states: Iterable[str], unmoved_seconds: float) -> tuple[Publication, ...]:
        """Publications in one of these states that did not move for so long, the oldest first."""
        rows = schema.publications.c
        query = (
            sa.select(schema.publications)
            .where(rows.state.in_(list(states)), rows.updated_at < time.time() - unmoved_seconds)
            .order_by(rows.updated_at)
        )
        with self._engine.connect() as connection:
            return tuple(Publication(**row._mapping) for row in connection.execute(query))

    def newest_publication(self, project_id: int) -> Publication | None:
        """The project's publication that changed last."""
        return self._newest(
            sa.select(schema.publications).where(schema.publications.c.project_id == project_id)
        )

    def forget_publications(
        self,
        open_states: Iterable[str],
        older_than_seconds: float = PUBLICATIONS_KEPT_SECONDS,
        kept_per_branch: int = PUBLICATIONS_KEPT_PER_BRANCH,
    ) -> int:
        """Delete publications that did not change for so long and that nothing rests on; returns how many went.

        Kept are, however old: those in an open state, the newest of each branch, the one that its newest image is
        of and the author's commit that led to that, and those that a job was given up for.
        """
        before = time.time() - older_than_seconds
        table = schema.publications.c
        branch = (table.project_id, table.branch)
        by_age = table.updated_at.desc()
        ranked = sa.select(
            schema.publications,
            sa.func.row_number().over(partition_by=branch, order_by=by_age).label("rank"),
            sa.func.row_number()
            .over(partition_by=(*branch, table.digest.is_(None)), order_by=by_age)
            .label("peer"),
        ).cte("ranked")
        row, image = ranked.c, ranked.alias("image").c
        rests = sa.exists().where(
            image.project_id == row.project_id,
            image.branch == row.branch,
            image.digest.is_not(None),
            image.peer == 1,
            row.sha.in_((image.sha, image.source_sha)),
        )
        old = sa.select(row.project_id, row.branch, row.sha).where(
            row.updated_at < before, row.rank > kept_per_branch, row.state.not_in(list(open_states)), ~rests
        )
        parked = {(item.job.get("project_id"), item.job.get("sha")) for item in self.parked()}
        with self._engine.connect() as connection:
            going = [tuple(key) for key in connection.execute(old) if (key.project_id, key.sha) not in parked]
        gone = 0
        for start in range(0, len(going), PUBLICATION_BATCH):
            keys = sa.tuple_(*branch, table.sha).in_(going[start : start + PUBLICATION_BATCH])
            with self._writing() as connection:
                # what changed since it was looked at is old no more
                gone += connection.execute(
                    sa.delete(schema.publications).where(keys, table.updated_at < before)
                ).rowcount
        return gone

    # Cached file contents -------------------------------------------------------------------------

    def blob(self, blob_id: str) -> bytes | None:
        """The content that GitLab has under that blob id, when it was kept."""
        return self.blobs((blob_id,)).get(blob_id)

    def blobs(self, blob_ids: Iterable[str]) -> dict[str, bytes]:
        """The contents kept under these blob ids; unknown ones are left out."""
        wanted = tuple(dict.fromkeys(blob_ids))
        found: dict[str, bytes] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), BLOB_BATCH):
                batch = wanted[start : start + BLOB_BATCH]
                query = sa.select(schema.blobs.c.blob_id, schema.blobs.c.content).where(
                    schema.blobs.c.blob_id.in_(batch)
                )
                found.update((row.blob_id, row.content) for row in connection.execute(query))
        return found

    def keep_blobs(self, contents: Mapping[str, bytes], limit_bytes: int = BLOB_CACHE_BYTES) -> None:
        """Keep contents under their blob ids, and drop the oldest until all together fit the limit."""
        now = time.time()
        rows = [
            {"blob_id": blob_id, "size": len(content), "kept_at": now, "content": content}
            for blob_id, content in contents.items()
        ]
        if not rows:
            return
        with self._writing() as connection:
            connection.execute(
                self._insert(schema.blobs).on_conflict_do_nothing(index_elements=["blob_id"]), rows
            )
            excess = (connection.scalar(sa.select(sa.func.sum(schema.blobs.c.size))) or 0) - limit_bytes
            if excess <= 0:
                return
            going: list[str] = []
            oldest = sa.select(schema.blobs.c.blob_id, schema.blobs.c.size).order_by(
                schema.blobs.c.kept_at, schema.blobs.c.blob_id
            )
            for blob_id, size in connection.execute(oldest):
                if excess <= 0:
                    break
                going.append(blob_id)
                excess -= size
            for start in range(0, len(going), BLOB_BATCH):
                batch = going[start : start + BLOB_BATCH]
                connection.execute(sa.delete(schema.blobs).where(schema.blobs.c.blob_id.in_(batch)))

    # Jobs that were given up ----------------------------------------------------------------------

    def park(self, job_id: str, job: Mapping[str, Any], why: str) -> None:
        """Keep a job that was given up, and why."""
        values = {"job_id": job_id, "job": json.dumps(job), "why": why, "parked_at": time.time()}
        self._put(schema.parked, values)

    def parked(self) -> tuple[Parked, ...]:
        """All jobs that were given up, the oldest first."""
        with self._engine.connect() as connection:
            return tuple(
                Parked(row.job_id, json.loads(row.job), row.why, row.parked_at)
                for row in connection.execute(sa.select(schema.parked).order_by(schema.parked.c.parked_at))
            )

    def count_parked(self) -> int:
        """How many jobs were given up."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(schema.parked)) or 0

    def unpark(self, job_id: str) -> None:
        """Forget a job that was given up."""
        with self._writing() as connection:
            connection.execute(sa.delete(schema.parked).where(schema.parked.c.job_id == job_id))

    def wait_again(self, seq: int) -> bool:
        """Let a delivery be taken up anew; False when it is not known any more."""
        with self._writing() as connection:
            return (
                connection.execute(
                    sa.update(schema.deliveries)
                    .where(schema.deliveries.c.seq == seq)
                    .values(dispatched_at=None)
                ).rowcount
                == 1
            )

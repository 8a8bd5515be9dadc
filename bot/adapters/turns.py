"""Who may do what alone among all processes: for a span of time, or for the length of a block."""

from __future__ import annotations

import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.database import is_sqlite
from bot.adapters.tables import Tables, Upsert

TURNS = 0x6D74
"""First number of the advisory locks by which workers take turns; the second one follows from the turn's name."""

LONGEST_TURN_SECONDS = 30

RENEWALS = 4
"""So often a lease that is kept is renewed before it would end."""


def _counted(statement: Upsert) -> Upsert:
    # PostgreSQL's driver forgets how many rows an INSERT wrote unless it is asked to remember.
    return statement.execution_options(preserve_rowcount=True)


class Turns(Tables):
    """Leases, which end by their time, and turns, which end with their block."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._taken: set[str] = set()
        self._taking = threading.Lock()

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
    def kept_lease(self, name: str, seconds: float) -> Iterator[bool]:
        """Whether this caller may do it, alone among all processes, until the block ends: its lease is renewed.

        Should its process die, the lease ends after `seconds`.
        """
        owner, ended = uuid.uuid4().hex, threading.Event()
        if not self.lease(name, owner, seconds):
            yield False
            return

        def renew() -> None:
            while not ended.wait(seconds / RENEWALS):
                # a database that is away for a moment is asked again before the lease ends
                with suppress(sa.exc.SQLAlchemyError):
                    self.lease(name, owner, seconds)

        renewing = threading.Thread(target=renew, name=f"lease {name}", daemon=True)
        renewing.start()
        try:
            yield True
        finally:
            ended.set()
            renewing.join()
            self.release(name, owner)

    @contextmanager
    def turn(self, name: str) -> Iterator[bool]:
        """Whether it is this caller's turn, alone among all threads and processes, until the block ends.

        It ends with its process, too. On SQLite only threads are kept apart: a file has one worker. On PostgreSQL a
        holder that hangs loses its turn after a while.
        """
        if is_sqlite(self.url):
            with self._turn_of_a_thread(name) as mine:
                yield mine
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

    @contextmanager
    def _turn_of_a_thread(self, name: str) -> Iterator[bool]:
        with self._taking:
            mine = name not in self._taken
            self._taken.add(name)
        try:
            yield mine
        finally:
            if mine:
                with self._taking:
                    self._taken.discard(name)

    def _now(self) -> sa.ColumnElement[float]:
        if is_sqlite(self.url):
            return sa.literal(time.time(), sa.Float)
        return sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()), sa.Float)

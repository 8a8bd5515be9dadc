"""Who works: each worker holds a lock for as long as it lives, so that the others know when it does not any more.

On PostgreSQL the lock belongs to a session of the server: it ends with the process, with its machine, and with the
network between. On SQLite it is a lock on a file, and there is one worker.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import zlib
from typing import Protocol

import sqlalchemy as sa

from bot.adapters.database import (
    KEEP_ALIVE,
    SERVER_KEEP_ALIVE,
    is_sqlite,
    open_lock,
    sqlite_file,
    take_lock,
    unusable,
)
from bot.errors import OperatorError, TryAgain

LONE_WORKER = "worker-1"
"""The one worker of an SQLite file: after a restart it goes on with what it was doing."""

LOCKS = 0x6D6C
"""First number of all workers' advisory locks; the second one follows from the executor's name."""

LOST_PAUSE_SECONDS = 1.0
"""How soon a job is done anew whose worker was cut off from the others."""


class Presence(Protocol):
    """A worker's place among the workers of one database; `executor` is its name there."""

    executor: str

    def take(self) -> None:
        """Be there from now on. Raises OperatorError when that cannot be."""

    def keep(self) -> None:
        """Be there again if the place was lost. Raises TryAgain while the database cannot be reached."""

    def begin(self) -> None:
        """A job begins in this thread: from here on `check` answers for it."""

    def check(self) -> None:
        """Return when the place was held all the time since this thread's job began. Raises TryAgain otherwise.

        Asked before each write, so that a worker that was cut off writes nothing but what is on its way already.
        """

    def absent(self, executors: frozenset[str]) -> frozenset[str]:
        """Those of the executors that are not there. Raises TryAgain when that cannot be told."""

    def give_back(self) -> None:
        """Be there no longer, if it was; the end of the process does the same."""


def open_presence(url: str) -> Presence:
    """The place of this process among the workers of that database."""
    return FilePresence(url) if is_sqlite(url) else ServerPresence(url)


class _Terms:
    """In which term each thread's job began; what was begun in an earlier one may be in other hands by now."""

    def __init__(self) -> None:
        self._now = 0
        self._here = threading.local()

    def begin(self) -> None:
        """A job begins in this thread."""
        self._here.began = self._now

    def end(self) -> None:
        """The term is over: the place was given back or lost."""
        self._now += 1

    def over(self) -> bool:
        """Whether the term of this thread's job is over; never where no job began."""
        return getattr(self._here, "began", self._now) != self._now


class FilePresence:
    """The one worker of an SQLite file."""

    def __init__(self, url: str) -> None:
        self.executor = LONE_WORKER
        self._terms = _Terms()
        self._url = url
        self._descriptor = -1

    def take(self) -> None:
        """Raises OperatorError when another process is the worker: two would do each other's jobs at once."""
        file = sqlite_file(self._url)
        descriptor = open_lock(file.with_name(f"{file.name}.worker"))
        if not take_lock(descriptor):
            os.close(descriptor)
            raise OperatorError(
                "another worker uses this database already",
                "end the other `mlreef-bot serve` or `mlreef-bot worker`, give this one a database.url of its own, "
                "or use PostgreSQL, which serves several workers",
            )
        self._descriptor = descriptor

    def keep(self) -> None:
        """The lock is the process's own until it ends."""

    def begin(self) -> None:
        """Remember the term."""
        self._terms.begin()

    def check(self) -> None:
        """Raises TryAgain after the place was given back."""
        if self._terms.over():
            raise TryAgain("this worker is ending", LOST_PAUSE_SECONDS)

    def absent(self, executors: frozenset[str]) -> frozenset[str]:
        """Whoever else worked on this file is gone: there is one worker."""
        return executors - {self.executor}

    def give_back(self) -> None:
        """Let the next worker in."""
        self._terms.end()
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class ServerPresence:
    """One of several workers on a PostgreSQL; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self.executor = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
        self._terms = _Terms()
        self._url = url
        # The lock belongs to one connection: it must neither be pooled nor be left to anybody else.
        self._engine = sa.create_engine(
            url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT", connect_args=dict(KEEP_ALIVE)
        )
        self._connection: sa.Connection | None = None
        self._one_at_a_time = threading.Lock()

    def take(self) -> None:
        """Raises OperatorError when the server cannot be used."""
        try:
            with self._one_at_a_time:
                self._connect()
        except sa.exc.DBAPIError as error:
            raise unusable(self._url, error) from error

    def keep(self) -> None:
        """Take a new lock under the same name if the old one was lost. Raises TryAgain."""
        with self._one_at_a_time:
            try:
                if self._connection is None:
                    self._connect()
                self._ping()
            except sa.exc.DBAPIError as error:
                self._lost()
                raise TryAgain(_words(error), LOST_PAUSE_SECONDS) from error

    def begin(self) -> None:
        """Remember the term."""
        self._terms.begin()

    def check(self) -> None:
        """Ask the server over the connection that holds the lock: an answer means that it is held."""
        with self._one_at_a_time:
            try:
                self._ping()
            except sa.exc.DBAPIError as error:
                self._lost()
                raise TryAgain(_words(error), LOST_PAUSE_SECONDS) from error
            if self._connection is None or self._terms.over():
                raise TryAgain(
                    "this worker was cut off, and others may be doing its jobs", LOST_PAUSE_SECONDS
                )

    def absent(self, executors: frozenset[str]) -> frozenset[str]:
        """Those whose lock nobody holds."""
        query = sa.text(
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted"
            " AND classid = :locks"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        with self._one_at_a_time:
            if self._connection is None:
                raise TryAgain("this worker is cut off from the others", LOST_PAUSE_SECONDS)
            try:
                held = set(self._connection.scalars(query, {"locks": LOCKS}))
            except sa.exc.DBAPIError as error:
                self._lost()
                raise TryAgain(_words(error), LOST_PAUSE_SECONDS) from error
        return frozenset(one for one in executors if _number(one) not in held)

    def give_back(self) -> None:
        """End the session that holds the lock."""
        with self._one_at_a_time:
            self._lost()

    def _connect(self) -> None:
        connection = self._engine.connect()
        try:
            for name, value in SERVER_KEEP_ALIVE.items():
                connection.exec_driver_sql(f"SET {name} = {value}")
            numbers = {"locks": LOCKS, "number": _signed(_number(self.executor))}
            taken = connection.scalar(sa.text("SELECT pg_try_advisory_lock(:locks, :number)"), numbers)
        except BaseException:
            connection.close()
            raise
        if not taken:
            # The server has not noticed yet that our former session is gone.
            connection.close()
            raise TryAgain("the server still holds this worker's former lock", LOST_PAUSE_SECONDS)
        self._connection = connection

    def _ping(self) -> None:
        if self._connection is not None:
            self._connection.exec_driver_sql("SELECT 1")

    def _lost(self) -> None:
        self._terms.end()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


def _number(executor: str) -> int:
    return zlib.crc32(executor.encode())


def _signed(number: int) -> int:
    # The server's function takes signed numbers, and its list of locks shows unsigned ones.
    return number - (1 << 32) if number >= 1 << 31 else number


def _words(error: Exception) -> str:
    return (
        f"this worker was cut off from the database: {type(getattr(error, 'orig', None) or error).__name__}"
    )

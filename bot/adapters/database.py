"""Opens the database that `database.url` names, and makes SQLite fit for several processes."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.errors import OperatorError

BUSY_SECONDS = 10
"""How long a job waits for SQLite's one write lock, or for a PostgreSQL that does not answer."""

DOOR_SECONDS = 3
"""The same of the door, where a caller waits: GitLab does for 10 seconds, and a wait may be met twice."""

LOCK_LOOK_SECONDS = 0.0005
"""How often the writers' lock is looked at by whoever waits for it; a write takes a few of these."""

SWITCH_LOOK_SECONDS = 0.01
"""How long to wait before a file that another process was just switching to WAL is tried again."""

POOL_SIZE = 8
"""Connections kept by one process; for moments in which more threads ask, a few more are opened."""

CONNECT_SECONDS = 5
SILENCE_SECONDS = 10
"""How long a PostgreSQL that cannot be reached any more is waited for."""

KEEP_ALIVE: Mapping[str, int] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": SILENCE_SECONDS * 1000,
}
"""How our side finds out that a server is gone; by itself TCP would wait for a quarter of an hour."""

SERVER_KEEP_ALIVE: Mapping[str, int] = {
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": SILENCE_SECONDS * 1000,
}
"""The same for the server's side, which frees what a machine held that is gone."""

SHORT_OF = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})
"""What a machine says when it has too little of something, for now."""

SUBSECOND_SINCE = (3, 42, 0)
"""The first SQLite whose `unixepoch` understands 'subsec', which the job engine asks for."""


def is_sqlite(url: str) -> bool:
    """Whether the URL names an SQLite file."""
    return url.startswith("sqlite")


def engine_url(url: str) -> str:
    """Where the job engine keeps its tables: a sibling file for SQLite, the same database (own schema) else."""
    if not is_sqlite(url):
        return url
    file = sqlite_file(url)
    return f"sqlite:///{file.with_name(f'{file.stem}-jobs{file.suffix}')}"


def sqlite_file(url: str) -> Path:
    """The file of an SQLite URL. Raises OperatorError for one that lives in memory only: nothing would last."""
    database = sa.make_url(url).database
    if not database or database == ":memory:":
        raise OperatorError(
            f"database.url is {url!r}: a database in memory is lost with its process",
            "name a file, such as sqlite:////var/lib/mlreef-bot/bot.db",
        )
    return Path(database).absolute()


def prepare_sqlite(url: str, patience_seconds: int = BUSY_SECONDS) -> None:
    """Create the file's folder and switch the file to WAL, once and before any other process opens it.

    Without WAL a reading worker makes the door wait for seconds. Raises OperatorError when the file
    cannot be written.
    """
    file = sqlite_file(url)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(file, timeout=patience_seconds)
        try:
            connection.execute(f"PRAGMA busy_timeout={patience_seconds * 1000}")
            _switch_to_wal(connection, time.monotonic() + patience_seconds)
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        raise unusable(url, error) from error


def _switch_to_wal(connection: sqlite3.Connection, deadline: float) -> None:
    # Of several processes that switch a new file at the same moment, SQLite refuses some at once: it does not let
    # them wait for each other, whatever the busy_timeout says.
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(SWITCH_LOOK_SECONDS)
        else:
            return


def unusable(url: str, error: Exception) -> OperatorError:
    """What to tell the operator about a database that answers with this error."""
    what = sa.make_url(url).render_as_string(hide_password=True)
    cause = str(getattr(error, "orig", None) or error).strip()
    low = cause.lower()
    if "malformed" in low or "not a database" in low:
        hint = "put the file of a backup in its place, or move it away: the bot then begins with an empty one"
    elif "full" in low or "no space" in low or "disk i/o" in low:
        hint = "make room on its disk; what waits goes on by itself"
    elif "locked" in low:
        hint = "end what else uses the file, such as an sqlite3 shell; what waits goes on by itself"
    elif is_sqlite(url):
        hint = "check that the folder exists, is writable for this user, and is on a local disk"
    else:
        hint = "check database.url, that the server runs, and that the user may create tables there"
    return OperatorError(f"the database {what} cannot be used: {cause}", hint)


def open_engine(url: str, patience_seconds: int = BUSY_SECONDS) -> sa.Engine:
    """An SQLAlchemy engine for the store. Open it after a fork, never before: connections are not shared.

    No statement waits longer than `patience_seconds` for a lock, nor for a server that is gone.
    """
    if not is_sqlite(url):
        waits = {
            **KEEP_ALIVE,
            "connect_timeout": patience_seconds,
            "tcp_user_timeout": patience_seconds * 1000,
            # an answered delivery must outlive a power cut, whatever the server's own setting is
            "options": f"-c lock_timeout={patience_seconds * 1000} -c synchronous_commit=on",
        }
        return sa.create_engine(url, pool_size=POOL_SIZE, pool_pre_ping=True, connect_args=waits)

    def set_up(connection: Any, _record: object) -> None:
        # busy_timeout first: every later statement may meet the lock of another process.
        connection.execute(f"PRAGMA busy_timeout={patience_seconds * 1000}")
        # An answered delivery must outlive a power cut, so each commit is synced.
        connection.execute("PRAGMA synchronous=FULL")

    engine = sa.create_engine(url, pool_size=POOL_SIZE, connect_args={"timeout": patience_seconds})
    sa.event.listen(engine, "connect", set_up)
    return engine


def passes_by_itself(error: Exception) -> bool:
    """Whether the same may succeed later: a database that is locked, full, restarting or not to be reached, or a
    machine that is out of room, memory, processes or open files."""
    if isinstance(error, OSError):
        return isinstance(error, TimeoutError) or error.errno in SHORT_OF
    return isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.TimeoutError)


def open_lock(file: Path) -> int:
    """The descriptor of a file that is there to be locked, created where it is missing; closing it gives it free."""
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def take_lock(descriptor: int) -> bool:
    """Lock the file for this descriptor alone; False, at once, while another one has it locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class WriteLock:
    """Lets one writer at a time to an SQLite file, of all threads and processes that use this lock.

    SQLite itself lets writers sleep and look again; under load they oversleep by tens of milliseconds. Whoever
    does not use this lock is still kept out by SQLite's own.
    """

    def __init__(self, url: str, patience_seconds: float = BUSY_SECONDS) -> None:
        file = sqlite_file(url)
        self._file = file.with_name(f"{file.name}.lock")
        self._patience_seconds = patience_seconds
        self._threads = threading.Lock()
        self._descriptor = -1

    def __enter__(self) -> None:
        """Raises TimeoutError when others keep it for longer than the patience."""
        deadline = time.monotonic() + self._patience_seconds
        if not self._threads.acquire(timeout=self._patience_seconds):
            raise TimeoutError(f"{self._file} is held by another thread")
        try:
            if self._descriptor < 0:
                self._descriptor = open_lock(self._file)
            # flock itself would wait for ever
            while not take_lock(self._descriptor):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{self._file} is held by another process")
                time.sleep(LOCK_LOOK_SECONDS)
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        """Give the lock's file back."""
        with self._threads:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1


class SameFile:
    """Tells whether an SQLite file is still the one that it was, or was moved away or replaced; for any thread."""

    def __init__(self, url: str) -> None:
        self._file = sqlite_file(url)
        self._was = self._look()

    def changed(self) -> bool:
        """Whether what is open is not what others find under this name any more."""
        return self._look() != self._was

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


class Watch:
    """Tells cheaply whether anybody else committed to an SQLite file; for one thread's use."""

    def __init__(self, url: str) -> None:
        # autocommit: an open transaction would look at the past for ever
        self._connection = sqlite3.connect(
            sqlite_file(url), timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._version = -1

    def changed(self) -> bool:
        """Whether something was committed since the last question; True the first time."""
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        before, self._version = self._version, version
        return before != version

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def teach_subseconds() -> None:
    """Give every SQLite connection of this process the `unixepoch('subsec')` that older SQLites lack.

    On Python 3.12 and later the job engine stamps its rows with it, and cannot start where it is NULL.
    """
    if sqlite3.sqlite_version_info >= SUBSECOND_SINCE:
        return
    if not sa.event.contains(sa.Engine, "connect", _add_unixepoch):
        sa.event.listen(sa.Engine, "connect", _add_unixepoch)


def _add_unixepoch(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.create_function("unixepoch", 1, lambda _modifier: round(time.time(), 3))

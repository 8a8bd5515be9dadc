"""Inside a door or worker: counts the database's commits that change something, and dies at the one named.

The folder of the trap holds `armed` (a line of JSON: which case, which commit, when) and `seen`, to which every
commit is written, one line each. Both survive the process.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

WRITE = re.compile(r"^\s*(?:WITH\b.*?\)\s*)?(INSERT INTO|UPDATE|DELETE FROM)\s+([\w\".]+)", re.S | re.I)
HOUSEKEEPING = "housekeeping: "
"""Begins the names of commits that a clock causes and no work; how many there are is chance."""

CLOCKED_THREADS = re.compile(
    r"keep_house|housekeep|peers|chore|schedul|heartbeat|sign_of_life|take_over|sweep", re.I
)
CLOCKED_TABLES = {"UPDATE facts", "INSERT facts"}


BEFORE, AFTER = "before", "after"


def arm(folder: Path, case: str, role: str = "", name: str = "", number: int = 0, when: str = BEFORE) -> None:
    """From now on count for this case, and let the process of that role die at that commit, if one is named."""
    fresh = folder / f"armed.{os.getpid()}"
    armed = {"case": case, "role": role, "name": name, "number": number, "when": when}
    fresh.write_text(json.dumps(armed))
    fresh.rename(folder / "armed")


def has_sprung(folder: Path) -> bool:
    """Whether the process that was to die has met its commit."""
    return not json.loads((folder / "armed").read_text())["name"]


class Trap:
    """The counting of one process; `role` is the first word of every commit's name."""

    def __init__(self, folder: Path, role: str) -> None:
        self._folder = folder
        self._role = role
        self._seen: Counter[str] = Counter()
        self._case = ""
        self._lock = threading.Lock()

    def set(self) -> None:
        """Watch every commit of every SQLAlchemy engine of this process from now on."""
        sa.event.listen(sa.Engine, "after_cursor_execute", self._note)
        sa.event.listen(sa.Engine, "rollback", lambda connection: connection.info.pop("writes", None))
        sa.event.listen(sa.Engine, "do_connect", self._connect)
        commit = DefaultDialect.do_commit

        def watched(dialect: DefaultDialect, connection: Any) -> None:
            writes = connection.info.pop("writes", None)
            if writes:
                self._pass(writes, lambda: commit(dialect, connection))
            else:
                commit(dialect, connection)

        DefaultDialect.do_commit = watched  # type: ignore[method-assign] # the library has no event after a commit

    def _connect(self, dialect: sa.Dialect, _record: object, given: Any, named: dict[str, Any]) -> Any:
        """What is given to the driver itself is a commit of its own, and no event of the library's."""
        if dialect.name == "sqlite":
            named["factory"] = _watching(sqlite3.Connection, self._statement)
            return None
        return _watching(psycopg.Connection, self._statement).connect(*given, **named)

    def _statement(self, statement: object, do: Callable[[], Any]) -> Any:
        found = WRITE.match(statement) if isinstance(statement, str) else None
        return self._pass([_what(found)], do) if found else do()

    def _pass(self, writes: list[str], do: Callable[[], Any]) -> Any:
        armed, number = self._count(name := self._name(writes))
        met = (self._role, name, number)
        due = met == (armed.get("role"), armed.get("name"), armed.get("number"))
        if due and armed["when"] == BEFORE:
            self._die(armed)
        done = do()
        if due:
            self._die(armed)
        return done

    def _die(self, armed: dict[str, Any]) -> None:
        # the next process meets the same commit again, and must live
        arm(self._folder, armed["case"])
        os.kill(os.getpid(), signal.SIGKILL)

    def _note(
        self,
        connection: sa.Connection,
        cursor: Any,
        statement: str,
        _parameters: Any,
        _context: Any,
        _many: bool,
    ) -> None:
        found = WRITE.match(statement)
        if found and cursor.rowcount != 0:
            connection.info.setdefault("writes", []).append(_what(found))

    def _name(self, writes: list[str]) -> str:
        name = f"{self._role} commits " + ", ".join(dict.fromkeys(writes))
        clocked = CLOCKED_THREADS.search(threading.current_thread().name) or set(writes) <= CLOCKED_TABLES
        return HOUSEKEEPING + name if clocked else name

    def _count(self, name: str) -> tuple[dict[str, Any], int]:
        """What is armed, and how often a commit of this name was met in this case and this process."""
        with self._lock:
            armed: dict[str, Any] = json.loads((self._folder / "armed").read_text())
            if armed["case"] != self._case:
                self._case = armed["case"]
                self._seen.clear()
            self._seen[name] += 1
            number = self._seen[name]
            with (self._folder / "seen").open("a") as seen:
                seen.write(json.dumps([armed["case"], name, number]) + "\n")
            return armed, number


def _what(found: re.Match[str]) -> str:
    verb, table = found[1].split()[0].upper(), found[2].replace('"', "").rpartition(".")[2]
    return f"{verb} {table}"


def _watching(driver: type[Any], around: Callable[[object, Callable[[], Any]], Any]) -> type[Any]:
    class Watching(driver):  # type: ignore[misc] # the base is whichever driver is in use
        def execute(self, statement: object, *given: Any, **named: Any) -> Any:
            return around(statement, lambda: super(Watching, self).execute(statement, *given, **named))

    return Watching

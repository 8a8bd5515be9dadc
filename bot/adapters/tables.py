"""Reading and writing the bot's tables: connections, one writer at a time on SQLite, a file that was replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.adapters import schema
from bot.adapters.database import (
    BUSY_SECONDS,
    SameFile,
    WriteLock,
    is_sqlite,
    open_engine,
    prepare_sqlite,
    unusable,
)

Upsert = sqlite.Insert | postgresql.Insert


class Tables:
    """What every part of the store does its work with. Opened again after a fork, and closed by its owner."""

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
        self._file = SameFile(url) if is_sqlite(url) else None
        self._moving = threading.Lock()

    @classmethod
    def prepare(cls, url: str, before_record: Callable[[], None] = lambda: None) -> Self:
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
        self._engine.dispose()
        if self._lock:
            self._lock.close()

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

"""The one write that a caller waits for: a delivery's row, given to the driver itself, in one round trip.

A pool's checks and an explicit transaction would take as long as the commit.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.adapters import schema


class Intake:
    """Inserts deliveries, each in a transaction of its own; one connection for each thread that does."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        # named parameters, as both drivers take them from a mapping
        if engine.dialect.name == "sqlite":
            insert = sqlite.insert(schema.deliveries).on_conflict_do_nothing(index_elements=["key"])
            dialect: sa.Dialect = sqlite.dialect(paramstyle="named")
        else:
            insert = postgresql.insert(schema.deliveries).on_conflict_do_nothing(index_elements=["key"])  # type: ignore[assignment] # the same method of another class
            dialect = engine.dialect
        columns = ["key", "subject", "event", "received_at"]
        self._statement = str(insert.compile(dialect=dialect, column_keys=columns))
        self._local = threading.local()
        self._generation = 0
        self._open: set[Any] = set()

    def insert(self, values: Mapping[str, Any]) -> bool:
        """Commit one row; False when its key is there already. Raises SQLAlchemy's errors, as the store does."""
        connection, used = self._connection()
        try:
            return bool(connection.execute(self._statement, values).rowcount == 1)
        except Exception as error:
            self._drop(connection)
            # A server that was restarted since closed it; whether the row was written then shows by its key.
            if used and getattr(connection, "broken", False):
                return self.insert(values)
            base = self._engine.dialect.loaded_dbapi.Error
            if isinstance(error, base):
                raise sa.exc.DBAPIError.instance(
                    self._statement, None, error, base, hide_parameters=True
                ) from error
            raise

    def reopen(self) -> None:
        """Let every thread connect anew before its next row."""
        self._generation += 1

    def close(self) -> None:
        """Give all connections back."""
        self.reopen()
        for connection in list(self._open):
            self._drop(connection)

    def _connection(self) -> tuple[Any, bool]:
        """This thread's connection, and whether it was used before."""
        generation, connection = getattr(self._local, "connection", (-1, None))
        if connection is not None and generation == self._generation:
            return connection, True
        if connection is not None:
            self._drop(connection)
        generation = self._generation
        pooled = self._engine.raw_connection()
        made: Any = pooled.driver_connection
        pooled.detach()
        if self._engine.dialect.name == "sqlite":
            made.isolation_level = None
        else:
            made.autocommit = True
        self._open.add(made)
        self._local.connection = (generation, made)
        return made, False

    def _drop(self, connection: Any) -> None:
        self._open.discard(connection)
        self._local.connection = (-1, None)
        connection.close()

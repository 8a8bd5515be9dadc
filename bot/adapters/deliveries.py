"""Deliveries: what the door accepted, kept until a job was started for it, and for a while after that."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.database import BUSY_SECONDS, Watch, is_sqlite
from bot.adapters.intake import Intake
from bot.adapters.tables import Tables

DELIVERIES_KEPT_SECONDS = 14 * 24 * 3600.0
"""How long a finished delivery is remembered, so that sending it again does nothing. GitLab keeps two days."""


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


class Deliveries(Tables):
    """Events that were accepted, in order of arrival."""

    def __init__(
        self,
        url: str,
        patience_seconds: int = BUSY_SECONDS,
        before_record: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(url, patience_seconds, before_record)
        self._watch: Watch | None = None
        self._intake = Intake(self._engine)

    def reopen(self) -> None:
        """As of all tables; what deliveries are written through begins anew, too."""
        self._intake.reopen()
        super().reopen()

    def close(self) -> None:
        """Give all connections back."""
        self._intake.close()
        super().close()
        if self._watch:
            self._watch.close()

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

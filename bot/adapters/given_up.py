"""Jobs that were given up, kept so that a person can look and start them again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.tables import Tables


@dataclass(frozen=True, slots=True)
class Parked:
    """A job that was given up, with the reason; kept so that a person can look and start it again."""

    job_id: str
    job: Mapping[str, Any]
    why: str
    parked_at: float


class GivenUp(Tables):
    """Given up jobs, by their ids."""

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

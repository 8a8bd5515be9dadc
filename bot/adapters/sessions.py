"""Who is signed in to the catalogue: sessions by the digest of their secret, with people's tokens encrypted."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.tables import Tables

SESSIONS_PER_PERSON = 10
"""Browsers in which one person is signed in at a time; the one that ends first goes first."""


@dataclass(frozen=True, slots=True)
class KeptSession:
    """One browser's session. `key` is the digest of its cookie, `token` encrypted, `until` in seconds since 1970."""

    key: str
    user_id: int
    username: str
    token: str
    until: float


class Sessions(Tables):
    """Sessions, and the states of sign-ins that were used up."""

    def keep_session(self, session: KeptSession, limit: int = SESSIONS_PER_PERSON) -> None:
        """Keep a new session; those that ended go, and the person's oldest beyond `limit`."""
        rows = schema.sessions.c
        with self._writing() as connection:
            connection.execute(sa.delete(schema.sessions).where(rows.until <= time.time()))
            theirs = sa.select(rows.key).where(rows.user_id == session.user_id).order_by(rows.until.desc())
            surplus = list(connection.scalars(theirs.offset(limit - 1)))
            connection.execute(sa.delete(schema.sessions).where(rows.key.in_(surplus)))
            connection.execute(
                sa.insert(schema.sessions).values(
                    key=session.key,
                    user_id=session.user_id,
                    username=session.username,
                    token=session.token,
                    until=session.until,
                )
            )

    def session(self, key: str) -> KeptSession | None:
        """The session with that key, unless it has ended."""
        rows = schema.sessions.c
        query = sa.select(schema.sessions).where(rows.key == key, rows.until > time.time())
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return KeptSession(**row._mapping) if row else None

    def end_session(self, key: str) -> None:
        """Let a session be no more."""
        with self._writing() as connection:
            connection.execute(sa.delete(schema.sessions).where(schema.sessions.c.key == key))

    def use_up(self, key: str, until: float) -> bool:
        """Note that something may be used once only, and is used now; False when it was before.

        It is remembered until then, by which time it must count for nothing anyway.
        """
        rows = schema.used_up.c
        with self._writing() as connection:
            connection.execute(sa.delete(schema.used_up).where(rows.until <= time.time()))
            added = self._insert(schema.used_up).values(key=key, until=until).on_conflict_do_nothing()
            # asked for back, for drivers do not all count what was not inserted
            return connection.scalar(added.returning(rows.key)) is not None

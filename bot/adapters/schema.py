"""The store's tables, and the ordered steps by which an older database becomes one of today.

A step looks before it changes anything, so doing one again does no harm. New steps go to the end; a step that was
released is never changed. What a step adds must leave the older program able to read and write beside it: processes
are updated one after the other.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from bot.errors import OperatorError

MIGRATION_LOCK = 0x6D6C7265
"""Number of the PostgreSQL advisory lock under which one process at a time changes the tables."""

metadata = sa.MetaData()

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("received_at", sa.Float, nullable=False),
    sa.Column("dispatched_at", sa.Float),
    # Numbers are never given twice, also not after old rows went: job ids are made of them.
    sqlite_autoincrement=True,
)
sa.Index(
    "deliveries_waiting",
    deliveries.c.seq,
    sqlite_where=deliveries.c.dispatched_at.is_(None),
    postgresql_where=deliveries.c.dispatched_at.is_(None),
)
sa.Index("deliveries_subject", deliveries.c.subject, deliveries.c.seq)

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

publications = sa.Table(
    "publications",
    metadata,
    sa.Column("project_id", sa.BigInteger, primary_key=True),
    sa.Column("branch", sa.Text, primary_key=True),
    sa.Column("sha", sa.Text, primary_key=True),
    sa.Column("source_sha", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("pipeline_id", sa.BigInteger),
    sa.Column("number", sa.BigInteger),
    sa.Column("digest", sa.Text),
    sa.Column("image", sa.Text),
    sa.Column("updated_at", sa.Float, nullable=False),
)
sa.Index("publications_sha", publications.c.project_id, publications.c.sha)

blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("blob_id", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("kept_at", sa.Float, nullable=False, index=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

parked = sa.Table(
    "parked_jobs",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("parked_at", sa.Float, nullable=False),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)

reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("project_id", sa.BigInteger, primary_key=True),
    sa.Column("iid", sa.BigInteger, primary_key=True),
    sa.Column("head_sha", sa.Text, nullable=False, server_default=""),
    sa.Column("target", sa.Text, nullable=False, server_default=""),
    sa.Column("note_id", sa.BigInteger),
    sa.Column("note_digest", sa.Text, nullable=False, server_default=""),
    sa.Column("threads", sa.Text, nullable=False, server_default=""),
    sa.Column("updated_at", sa.Float, nullable=False),
)

modules = sa.Table(
    "modules",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("module", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger),
    sa.Column("seconds", sa.Float),
    sa.Column("version", sa.Text, nullable=False, server_default=""),
    sa.Column("environment", sa.Text, nullable=False, server_default=""),
    sa.Column("kept_at", sa.Float, nullable=False, index=True),
)

steps_done = sa.Table(
    "schema_steps",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
)

Step = Callable[[sa.Connection], None]


def _tables(*wanted: sa.Table) -> Step:
    def step(connection: sa.Connection) -> None:
        for table in wanted:
            table.create(connection, checkfirst=True)

    return step


STEPS: tuple[Step, ...] = (
    _tables(deliveries, facts, publications, blobs, parked),
    _tables(leases),
    _tables(reviews, modules),
)
"""What leads from nothing to the tables of today; the first one is version 1."""


def bring_up_to_date(connection: sa.Connection) -> None:
    """Do the steps that this database has not seen, in one transaction of the caller's.

    Raises OperatorError for a database that a later version of the bot has changed.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
    steps_done.create(connection, checkfirst=True)
    done = set(connection.scalars(sa.select(steps_done.c.number)))
    if done and max(done) > len(STEPS):
        raise OperatorError(
            f"the database has version {max(done)}, and this mlreef-bot knows {len(STEPS)} at most",
            "start the version of mlreef-bot that used this database last, or a later one",
        )
    for number, step in enumerate(STEPS, 1):
        if number not in done:
            step(connection)
            connection.execute(sa.insert(steps_done).values(number=number))

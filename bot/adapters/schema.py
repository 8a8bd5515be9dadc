"""The store's tables, and the ordered steps by which an older database becomes one of today.

A step looks before it changes anything, so doing one again does no harm. New steps go to the end; a step that was
released is never changed. What a step adds must leave the older program able to read and write beside it: processes
are updated one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from bot.domain.facts import USES_SINCE
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

# In order of its bytes, as SQLite has it, also where a PostgreSQL would sort by its country's rules.
_Plain = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

catalogue_modules = sa.Table(
    "catalogue_modules",
    metadata,
    sa.Column("project_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("path_key", _Plain, nullable=False, index=True),
    sa.Column("web_url", sa.Text, nullable=False),
    sa.Column("visibility", sa.Text, nullable=False),
    # The visibility, or nothing for a module of which no version can be had: nobody finds that.
    sa.Column("shown_to", _Plain, nullable=False),
    sa.Column("sort", _Plain, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("input_type", sa.Text, nullable=False),
    sa.Column("output_type", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("topics", sa.Text, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),
    sa.Column("newest_branch", sa.Text, nullable=False),
    sa.Column("newest_number", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
    sa.Column("looked_at", sa.Float, nullable=False),
    sa.Column("readme", sa.Text, nullable=False),
    sa.Column("model_type", sa.Text, nullable=False, server_default=""),
    sa.Column("ml_category", sa.Text, nullable=False, server_default=""),
)
sa.Index(
    "catalogue_modules_in_order",
    catalogue_modules.c.shown_to,
    catalogue_modules.c.sort,
    catalogue_modules.c.project_id,
)

sa.Index(
    "catalogue_modules_of",
    catalogue_modules.c.project_id,
    catalogue_modules.c.shown_to,
    catalogue_modules.c.sort,
)

catalogue_versions = sa.Table(
    "catalogue_versions",
    metadata,
    sa.Column("project_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("branch", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("sha", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, index=True),
    sa.Column("image", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("published_at", sa.Float),
    sa.Column("pipeline_id", sa.BigInteger),
    sa.Column("environment", sa.Text, nullable=False),
)

# The two ways in: from a word to those who may be shown it, and from a module to its words.
catalogue_words = sa.Table(
    "catalogue_words",
    metadata,
    sa.Column("shown_to", _Plain, primary_key=True),
    sa.Column("word", _Plain, primary_key=True),
    sa.Column("project_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
sa.Index("catalogue_words_of", catalogue_words.c.project_id, catalogue_words.c.word)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("project_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("pipeline_id", sa.BigInteger, nullable=False),
    sa.Column("branch", sa.Text, nullable=False),
    sa.Column("sha", sa.Text, nullable=False),
    sa.Column("job_name", sa.Text, nullable=False),
    sa.Column("web_url", sa.Text, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("experiment", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
sa.Index("runs_of_commit", runs.c.project_id, runs.c.sha)
sa.Index("runs_of_branch", runs.c.project_id, runs.c.branch, runs.c.at)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("user_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("until", sa.Float, nullable=False, index=True),
)

used_up = sa.Table(
    "used_up",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("until", sa.Float, nullable=False, index=True),
)

component_uses = sa.Table(
    "component_uses",
    metadata,
    sa.Column("project_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("branch", sa.Text, primary_key=True),
    sa.Column("module_path", sa.Text, primary_key=True),
    sa.Column("slug", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("seen_at", sa.Float, nullable=False),
)
sa.Index("component_uses_module", component_uses.c.module_path)

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


def _uses(connection: sa.Connection) -> None:
    _tables(component_uses)(connection)
    since = sa.select(facts.c.value).where(facts.c.name == USES_SINCE)
    if connection.scalar(since) is None:
        connection.execute(sa.insert(facts).values(name=USES_SINCE, value=f"{time.time()}"))


def _columns(table: sa.Table, *names: str) -> Step:
    """Columns that a table got later; one that is made today has them from the beginning."""

    def step(connection: sa.Connection) -> None:
        there = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
        for name in names:
            if name not in there:
                column = sa.schema.CreateColumn(table.c[name]).compile(dialect=connection.dialect)
                connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {column}"))

    return step


STEPS: tuple[Step, ...] = (
    _tables(deliveries, facts, publications, blobs, parked),
    _tables(leases),
    _tables(reviews, modules),
    _tables(catalogue_modules, catalogue_versions, catalogue_words),
    _tables(runs),
    _tables(sessions, used_up),
    _uses,
    _columns(catalogue_modules, "model_type", "ml_category"),
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

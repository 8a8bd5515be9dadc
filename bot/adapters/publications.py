"""Publications: how each attempt to publish a commit stands, and which of them may be forgotten."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.given_up import GivenUp
from bot.domain.plan import State

PUBLICATIONS_KEPT_SECONDS = 90 * 24 * 3600.0
"""How long a publication is remembered that nothing rests on. GitLab and the registry know of it for longer."""

PUBLICATIONS_KEPT_PER_BRANCH = 10
"""So many of a branch's newest publications are remembered, however old they are."""

PUBLICATION_BATCH = 100
"""Publications that are forgotten in one transaction: others wait to write meanwhile."""

HEADS_BATCH = 250
"""Commits asked for in one statement, each by two variables; databases limit their number."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One attempt to publish one commit: `sha` is built, `source_sha` is the author's commit that led to it.

    `updated_at` is in seconds since 1970 and is set by the store.
    """

    project_id: int
    branch: str
    sha: str
    source_sha: str
    state: str
    pipeline_id: int | None = None
    number: int | None = None
    digest: str | None = None
    image: str | None = None
    updated_at: float = 0.0


class Publications(GivenUp):
    """Publications by project, branch and commit; those of jobs that were given up are not forgotten."""

    def publication(self, project_id: int, sha: str, branch: str | None = None) -> Publication | None:
        """The publication of that commit; of several branches' the one that changed last, unless one is named."""
        query = sa.select(schema.publications).where(
            schema.publications.c.project_id == project_id, schema.publications.c.sha == sha
        )
        return self._newest(query if branch is None else query.where(schema.publications.c.branch == branch))

    def publication_of(self, project_id: int, source: str, branch: str) -> Publication | None:
        """The publication that changed last of a commit, or of the bot's own commit that it led to."""
        rows = schema.publications.c
        return self._newest(
            sa.select(schema.publications).where(
                rows.project_id == project_id,
                rows.branch == branch,
                sa.or_(rows.sha == source, rows.source_sha == source),
            )
        )

    def _newest(self, query: sa.Select[Any]) -> Publication | None:
        with self._engine.connect() as connection:
            row = connection.execute(query.order_by(schema.publications.c.updated_at.desc()).limit(1)).first()
        return Publication(**row._mapping) if row else None

    def ensure_publication(self, publication: Publication) -> Publication:
        """Write the publication in place of what was known of that commit; returns it with its time."""
        self._before_record()
        written = replace(publication, updated_at=time.time())
        self._put(schema.publications, asdict(written))
        return written

    def known_projects(self) -> frozenset[int]:
        """Ids of all projects that anything was ever published of, or tried to be."""
        with self._engine.connect() as connection:
            return frozenset(connection.scalars(sa.select(schema.publications.c.project_id).distinct()))

    def was_published(self, project_id: int) -> bool:
        """Whether any version of the project is known."""
        rows = schema.publications.c
        query = sa.select(rows.sha).where(rows.project_id == project_id, rows.number.is_not(None)).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def handled(self, heads: Mapping[int, str], undone: Iterable[str] = ()) -> frozenset[tuple[int, str]]:
        """Those of these commits (project id → sha) that a publication of is known, in a state not of `undone`."""
        found: set[tuple[int, str]] = set()
        rows = schema.publications.c
        wanted = tuple(heads.items())
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), HEADS_BATCH):
                batch = wanted[start : start + HEADS_BATCH]
                query = sa.select(rows.project_id, rows.sha).where(
                    rows.project_id.in_([project for project, _ in batch]),
                    rows.sha.in_([sha for _, sha in batch]),
                    rows.state.not_in(list(undone)),
                )
                found |= {(row.project_id, row.sha) for row in connection.execute(query)}
        return frozenset(found) & frozenset(wanted)

    def open_publications(self, states: Iterable[str], unmoved_seconds: float) -> tuple[Publication, ...]:
        """Publications in one of these states that did not move for so long, the oldest first."""
        rows = schema.publications.c
        query = (
            sa.select(schema.publications)
            .where(rows.state.in_(list(states)), rows.updated_at < time.time() - unmoved_seconds)
            .order_by(rows.updated_at)
        )
        with self._engine.connect() as connection:
            return tuple(Publication(**row._mapping) for row in connection.execute(query))

    def recent_publications(
        self, open_since: float, ended_since: float, limit: int
    ) -> tuple[Publication, ...]:
        """Publications that are under way and moved since then, or ended since then; what moved last first."""
        rows = schema.publications.c
        under_way = [state.value for state in State if not state.ended]
        query = (
            sa.select(schema.publications)
            .where(
                sa.or_(
                    sa.and_(rows.state.in_(under_way), rows.updated_at > open_since),
                    rows.updated_at > ended_since,
                )
            )
            .order_by(rows.updated_at.desc(), rows.project_id, rows.sha)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return tuple(Publication(**row._mapping) for row in connection.execute(query))

    def newest_publication(self, project_id: int, branch: str | None = None) -> Publication | None:
        """The publication of the project, or of one of its branches, that changed last."""
        query = sa.select(schema.publications).where(schema.publications.c.project_id == project_id)
        return self._newest(query if branch is None else query.where(schema.publications.c.branch == branch))

    def newest_of(self, project_id: int, branch: str, states: Iterable[str]) -> Publication | None:
        """The branch's publication in one of these states that changed last."""
        rows = schema.publications.c
        return self._newest(
            sa.select(schema.publications).where(
                rows.project_id == project_id, rows.branch == branch, rows.state.in_(list(states))
            )
        )

    def publications_in(self, project_id: int, state: str) -> tuple[Publication, ...]:
        """The project's publications in that state, those that changed last first."""
        rows = schema.publications.c
        query = (
            sa.select(schema.publications)
            .where(rows.project_id == project_id, rows.state == state)
            .order_by(rows.updated_at.desc())
        )
        with self._engine.connect() as connection:
            return tuple(Publication(**row._mapping) for row in connection.execute(query))

    def forget_publications(
        self,
        open_states: Iterable[str],
        older_than_seconds: float = PUBLICATIONS_KEPT_SECONDS,
        kept_per_branch: int = PUBLICATIONS_KEPT_PER_BRANCH,
    ) -> int:
        """Delete publications that did not change for so long and that nothing rests on; returns how many went.

        Kept are, however old: those in an open state, the newest of each branch, the one that its newest image is
        of and the author's commit that led to that, and those that a job was given up for.
        """
        before = time.time() - older_than_seconds
        table = schema.publications.c
        branch = (table.project_id, table.branch)
        by_age = table.updated_at.desc()
        ranked = sa.select(
            schema.publications,
            sa.func.row_number().over(partition_by=branch, order_by=by_age).label("rank"),
            sa.func.row_number()
            .over(partition_by=(*branch, table.digest.is_(None)), order_by=by_age)
            .label("peer"),
        ).cte("ranked")
        row, image = ranked.c, ranked.alias("image").c
        rests = sa.exists().where(
            image.project_id == row.project_id,
            image.branch == row.branch,
            image.digest.is_not(None),
            image.peer == 1,
            row.sha.in_((image.sha, image.source_sha)),
        )
        old = sa.select(row.project_id, row.branch, row.sha).where(
            row.updated_at < before, row.rank > kept_per_branch, row.state.not_in(list(open_states)), ~rests
        )
        parked = {(item.job.get("project_id"), item.job.get("sha")) for item in self.parked()}
        with self._engine.connect() as connection:
            going = [tuple(key) for key in connection.execute(old) if (key.project_id, key.sha) not in parked]
        gone = 0
        for start in range(0, len(going), PUBLICATION_BATCH):
            keys = sa.tuple_(*branch, table.sha).in_(going[start : start + PUBLICATION_BATCH])
            with self._writing() as connection:
                # what changed since it was looked at is old no more
                gone += connection.execute(
                    sa.delete(schema.publications).where(keys, table.updated_at < before)
                ).rowcount
        return gone

"""Merge requests: which head was checked, and which note and discussions tell of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict, Unpack

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.tables import Tables

REVIEWS_KEPT_SECONDS = 180 * 24 * 3600.0
"""How long the review of a merge request is remembered that nothing was said in. GitLab holds all of it."""

HEADS_BATCH = 250
"""Merge requests asked for in one statement, each by two variables; databases limit their number."""


@dataclass(frozen=True, slots=True)
class Review:
    """What is known of a merge request's review; all of it can be found in GitLab again.

    `head_sha` into `target` was checked to its end. `note_id` is the sticky note, `note_digest` what was written there
    last. `threads` is the text of the discussions. `updated_at` is in seconds since 1970 and is set by the store.
    """

    project_id: int
    iid: int
    head_sha: str = ""
    target: str = ""
    note_id: int | None = None
    note_digest: str = ""
    threads: str = ""
    updated_at: float = 0.0


class Changed(TypedDict, total=False):
    """What of a review is to be written; the rest stays as it is."""

    head_sha: str
    target: str
    note_id: int | None
    note_digest: str
    threads: str


class Reviews(Tables):
    """Reviews by project and number of the merge request."""

    def review(self, project_id: int, iid: int) -> Review:
        """What is known of the merge request; an empty review before the first time."""
        rows = schema.reviews.c
        query = sa.select(schema.reviews).where(rows.project_id == project_id, rows.iid == iid)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return Review(**row._mapping) if row else Review(project_id, iid)

    def keep_review(self, project_id: int, iid: int, **changed: Unpack[Changed]) -> None:
        """Write these values, and none of the others: a check and a publication may tell at the same time."""
        self._put(
            schema.reviews, {"project_id": project_id, "iid": iid, **changed, "updated_at": time.time()}
        )

    def checked(self, heads: Mapping[tuple[int, int], tuple[str, str]]) -> frozenset[tuple[int, int]]:
        """Those of these merge requests, (project id, iid) → (head, target), that were checked as they are."""
        rows = schema.reviews.c
        wanted = tuple(heads)
        found: dict[tuple[int, int], tuple[str, str]] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), HEADS_BATCH):
                query = sa.select(rows.project_id, rows.iid, rows.head_sha, rows.target).where(
                    sa.tuple_(rows.project_id, rows.iid).in_(wanted[start : start + HEADS_BATCH])
                )
                found |= {
                    (row.project_id, row.iid): (row.head_sha, row.target) for row in connection.execute(query)
                }
        return frozenset(key for key, head in heads.items() if found.get(key) == head)

    def reviewed_projects(self) -> frozenset[int]:
        """Ids of all projects in which a merge request was ever looked at."""
        with self._engine.connect() as connection:
            return frozenset(connection.scalars(sa.select(schema.reviews.c.project_id).distinct()))

    def forget_reviews(self, older_than_seconds: float = REVIEWS_KEPT_SECONDS) -> int:
        """Delete reviews that did not change for so long; returns how many went. What is missing is read back."""
        before = time.time() - older_than_seconds
        with self._writing() as connection:
            return connection.execute(
                sa.delete(schema.reviews).where(schema.reviews.c.updated_at < before)
            ).rowcount

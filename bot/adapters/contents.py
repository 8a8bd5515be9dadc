"""Cached contents of files, under the ids by which GitLab knows them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.tables import Tables

BLOB_CACHE_BYTES = 256 * 1024 * 1024
"""Most that cached file contents may take; the least recently kept go first."""

BLOB_BATCH = 500
"""Blob ids asked for in one statement; databases limit the number of variables."""


class Contents(Tables):
    """Contents by blob id; the oldest go when all together are too large."""

    def blob(self, blob_id: str) -> bytes | None:
        """The content that GitLab has under that blob id, when it was kept."""
        return self.blobs((blob_id,)).get(blob_id)

    def blobs(self, blob_ids: Iterable[str]) -> dict[str, bytes]:
        """The contents kept under these blob ids; unknown ones are left out."""
        wanted = tuple(dict.fromkeys(blob_ids))
        found: dict[str, bytes] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), BLOB_BATCH):
                batch = wanted[start : start + BLOB_BATCH]
                query = sa.select(schema.blobs.c.blob_id, schema.blobs.c.content).where(
                    schema.blobs.c.blob_id.in_(batch)
                )
                found.update((row.blob_id, row.content) for row in connection.execute(query))
        return found

    def keep_blobs(self, contents: Mapping[str, bytes], limit_bytes: int = BLOB_CACHE_BYTES) -> None:
        """Keep contents under their blob ids, and drop the oldest until all together fit the limit."""
        now = time.time()
        rows = [
            {"blob_id": blob_id, "size": len(content), "kept_at": now, "content": content}
            for blob_id, content in contents.items()
        ]
        if not rows:
            return
        with self._writing() as connection:
            connection.execute(
                self._insert(schema.blobs).on_conflict_do_nothing(index_elements=["blob_id"]), rows
            )
            excess = (connection.scalar(sa.select(sa.func.sum(schema.blobs.c.size))) or 0) - limit_bytes
            if excess <= 0:
                return
            going: list[str] = []
            oldest = sa.select(schema.blobs.c.blob_id, schema.blobs.c.size).order_by(
                schema.blobs.c.kept_at, schema.blobs.c.blob_id
            )
            for blob_id, size in connection.execute(oldest):
                if excess <= 0:
                    break
                going.append(blob_id)
                excess -= size
            for start in range(0, len(going), BLOB_BATCH):
                batch = going[start : start + BLOB_BATCH]
                connection.execute(sa.delete(schema.blobs).where(schema.blobs.c.blob_id.in_(batch)))

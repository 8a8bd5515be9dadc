"""What published images are: their modules, sizes and building times, by digest. The registry holds the rest."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.tables import Tables

MODULES_KEPT = 5_000
"""Images that are remembered besides those in the catalogue; those kept first go first. The registry has them all."""


@dataclass(frozen=True, slots=True)
class Described:
    """One image: `module` is the text of its label, `size` in bytes as the registry keeps it, `seconds` of building.

    `version` is the one that it was published as, `environment` the name of its base; empty for none.
    """

    digest: str
    module: str
    size: int | None = None
    seconds: float | None = None
    version: str = ""
    environment: str = ""


class Modules(Tables):
    """Published images by digest, which never change their meaning."""

    def described(self, digest: str) -> Described | None:
        """What is known of the image with that digest."""
        rows = schema.modules.c
        named = (rows.digest, rows.module, rows.size, rows.seconds, rows.version, rows.environment)
        query = sa.select(*named).where(rows.digest == digest)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return Described(**row._mapping) if row else None

    def keep_described(self, image: Described, limit: int | None = MODULES_KEPT) -> None:
        """Keep what is known of an image, in place of what was known.

        The oldest beyond `limit` that are not in the catalogue go; none does without a limit.
        """
        rows, listed = schema.modules.c, schema.catalogue_versions.c
        self._put(schema.modules, asdict(image) | {"kept_at": time.time()})
        if limit is None:
            return
        unlisted = ~sa.exists().where(listed.digest == rows.digest)
        newest = sa.select(rows.kept_at).where(unlisted).order_by(rows.kept_at.desc()).offset(limit).limit(1)
        with self._engine.connect() as connection:
            before = connection.scalar(newest)
        if before is not None:
            with self._writing() as connection:
                connection.execute(sa.delete(schema.modules).where(rows.kept_at <= before, unlisted))

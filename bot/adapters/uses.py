"""Which projects use which modules, as their CI files said when they were read last."""

from __future__ import annotations

import time
from collections.abc import Collection

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.tables import Tables
from bot.domain.uses import Use

SEEN_AGAIN_SECONDS = 24 * 3600.0
"""So long the time is not noted anew at which a use was seen."""


class Uses(Tables):
    """Uses of modules by project and branch, or by project and merge request."""

    def keep_uses(self, project_id: int, branch: str, uses: Collection[Use]) -> None:
        """What this branch uses now, in place of what it used before."""
        rows, now = schema.component_uses.c, time.time()
        own = sa.and_(rows.project_id == project_id, rows.branch == branch)
        with self._engine.connect() as connection:
            before = {
                Use(row.module_path, row.slug, row.version): row.seen_at
                for row in connection.execute(sa.select(schema.component_uses).where(own))
            }
        wanted = set(uses)
        if before.keys() == wanted and all(now - seen < SEEN_AGAIN_SECONDS for seen in before.values()):
            return
        with self._writing() as connection:
            connection.execute(sa.delete(schema.component_uses).where(own))
            if wanted:
                named = [
                    {"module_path": use.path, "slug": use.slug, "version": use.ref} for use in sorted(wanted)
                ]
                about = {"project_id": project_id, "branch": branch, "seen_at": now}
                # of two who read the same branch at once the second finds the first one's rows
                statement = self._insert(schema.component_uses).on_conflict_do_nothing()
                connection.execute(statement, [about | each for each in named])

    def refs_used(self, module_path: str, passing: str = "", passing_seconds: float = 0.0) -> frozenset[str]:
        """The references under which a module's components are used anywhere; `module_path` in any letters.

        Of branches whose name begins with `passing` those count that were seen within so many seconds.
        """
        rows = schema.component_uses.c
        query = sa.select(rows.version).where(rows.module_path == module_path.lower()).distinct()
        if passing:
            fresh = rows.seen_at >= time.time() - passing_seconds
            query = query.where(sa.or_(sa.not_(rows.branch.startswith(passing, autoescape=True)), fresh))
        with self._engine.connect() as connection:
            return frozenset(connection.scalars(query))

    def using_projects(self) -> frozenset[int]:
        """Ids of the projects that use any module."""
        with self._engine.connect() as connection:
            return frozenset(connection.scalars(sa.select(schema.component_uses.c.project_id).distinct()))

    def forget_uses(self, project_id: int) -> None:
        """A project is gone, and uses nothing any more."""
        rows = schema.component_uses.c
        with self._writing() as connection:
            connection.execute(sa.delete(schema.component_uses).where(rows.project_id == project_id))

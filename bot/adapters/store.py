"""What the bot remembers: deliveries not yet worked on, publications, cached file contents, and a few facts.

GitLab and the registry hold the truth; everything here but the deliveries can be rebuilt from them.
"""

from __future__ import annotations

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.catalogue import Catalogue
from bot.adapters.contents import Contents
from bot.adapters.deliveries import Deliveries
from bot.adapters.modules import Modules
from bot.adapters.publications import Publications
from bot.adapters.reviews import Reviews
from bot.adapters.runs import Runs
from bot.adapters.sessions import Sessions
from bot.adapters.turns import Turns
from bot.adapters.uses import Uses
from bot.domain.facts import JOB_COUNTS, JobCounts


class Store(Deliveries, Publications, Modules, Catalogue, Reviews, Runs, Contents, Turns, Sessions, Uses):
    """The bot's own tables. Safe to use from several threads and processes; each call is one transaction."""

    def keep_fact(self, name: str, value: str) -> None:
        """Keep one small text under a name, in place of what was there."""
        self._put(schema.facts, {"name": name, "value": value})

    def fact(self, name: str) -> str | None:
        """The text kept under that name."""
        with self._engine.connect() as connection:
            value: str | None = connection.scalar(
                sa.select(schema.facts.c.value).where(schema.facts.c.name == name)
            )
        return value

    def drop_fact(self, name: str) -> None:
        """Keep nothing under that name any more."""
        with self._writing() as connection:
            connection.execute(sa.delete(schema.facts).where(schema.facts.c.name == name))

    def facts(self, beginning: str, besides: str) -> dict[str, str]:
        """The texts under all names that begin so, by name; those that say just `besides` are left out."""
        rows = schema.facts.c
        named = sa.and_(rows.name.startswith(beginning, autoescape=True), rows.value != besides)
        with self._engine.connect() as connection:
            return {row.name: row.value for row in connection.execute(sa.select(schema.facts).where(named))}

    def keep_job_counts(self, counts: JobCounts) -> None:
        """Keep how the jobs stand, for other processes to see."""
        self.keep_fact(JOB_COUNTS, counts.to_text())

    def job_counts(self) -> JobCounts | None:
        """How the jobs stood when a worker last counted them; None before the first time."""
        text = self.fact(JOB_COUNTS)
        return None if text is None else JobCounts.from_text(text)

"""The catalogue's tables: which modules there are, their versions, and by which words they are found.

An index of what GitLab and the registry hold; `bot/cataloguing.py` writes it, and can write it anew. Searching looks
at nothing but what the asker may be shown, so how long it takes says nothing about the rest.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.catalogue_search import GONE_THROUGH, RARE, Search, find, one_of
from bot.adapters.database import is_sqlite
from bot.adapters.tables import Tables
from bot.domain.catalogue import Among, ListedModule, ListedVersion, Query, VersionState
from bot.domain.catalogue_words import read_cursor, sort_key, terms_of, words_of

USUAL_ITEMS = 20
"""Modules that a search gives where nobody says how many."""

MAX_FOUND = 1_000
"""Modules of one answer."""

_MODULES, _VERSIONS, _WORDS = schema.catalogue_modules, schema.catalogue_versions, schema.catalogue_words

_DATABASE_CLOCK = sa.extract("epoch", sa.func.clock_timestamp())
"""Seconds since 1970, of PostgreSQL."""

_NEWEST = [column.label(f"newest_{column.name}") for column in _VERSIONS.c]
_SHOWN = [
    column
    for column in _MODULES.c
    if column.name not in ("readme", "looked_at", "newest_branch", "newest_number")
]


class Catalogue(Tables):
    """Modules and versions by project."""

    def clock(self) -> float:
        """The time in seconds since 1970, of the database where that has one: those of several machines differ."""
        if is_sqlite(self.url):
            return time.time()
        with self._engine.connect() as connection:
            return float(connection.scalar(sa.select(_DATABASE_CLOCK)) or 0.0)

    def list_module(
        self, module: ListedModule, versions: Iterable[ListedVersion], looked_at: float | None = None
    ) -> bool:
        """Put a project's module and versions in the place of what was listed of it, all at once.

        `looked_at`: what `clock` said before anybody was asked about it, now if not given. False, and nothing is
        changed, where somebody began to look later than that, and wrote already. Later than now nobody did: there the
        clock was put back.
        """
        looked_at = self.clock() if looked_at is None else looked_at
        rows = rows_of(module, versions)
        row = rows.module | {"looked_at": looked_at}
        self._before_record()
        written = self._insert(_MODULES).values(**row)
        with self._writing() as connection:
            # asked when nobody else can write any more
            now = sa.literal(time.time()) if is_sqlite(self.url) else _DATABASE_CLOCK
            # first the one row: on PostgreSQL it keeps another writer of the same project out until the end
            newer = written.on_conflict_do_update(
                index_elements=["project_id"],
                set_=_without_id(row),
                where=sa.or_(_MODULES.c.looked_at <= looked_at, _MODULES.c.looked_at > now),
            ).execution_options(preserve_rowcount=True)
            if connection.execute(newer).rowcount != 1:
                return False
            # whoever had the path before was moved, though nobody told yet
            connection.execute(
                sa.update(_MODULES)
                .where(_MODULES.c.path_key == row["path_key"], _MODULES.c.project_id != module.project_id)
                .values(path_key="")
            )
            self._clear(connection, module.project_id)
            if rows.versions:
                connection.execute(sa.insert(_VERSIONS), rows.versions)
            if rows.words:
                connection.execute(sa.insert(_WORDS), rows.words)
        return True

    def delist(self, project_id: int) -> None:
        """Take a project out of the catalogue; nothing where it is not there."""
        self._before_record()
        with self._writing() as connection:
            connection.execute(sa.delete(_MODULES).where(_MODULES.c.project_id == project_id))
            self._clear(connection, project_id)

    def _clear(self, connection: sa.Connection, project_id: int) -> None:
        for table in (_VERSIONS, _WORDS):
            connection.execute(sa.delete(table).where(table.c.project_id == project_id))

    def listed(self, project_id: int) -> ListedModule | None:
        """The project's module, with its README."""
        return self._one(_MODULES.c.project_id == project_id)

    def listed_by_path(self, path: str) -> ListedModule | None:
        """The module of the project that had this full path when it was last looked at, in any case of letters."""
        key = path_key(path)
        # what no path can be is not asked of a database, which may choke on it
        return self._one(_MODULES.c.path_key == key) if key and key.isprintable() else None

    def _one(self, which: sa.ColumnElement[bool]) -> ListedModule | None:
        query = _with_newest(_MODULES.c.readme).where(which).order_by(_MODULES.c.project_id.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _module(row)

    def listed_versions(self, project_id: int) -> tuple[ListedVersion, ...]:
        """The project's versions of all branches, those published last first."""
        rows = _VERSIONS.c
        query = (
            sa.select(_VERSIONS)
            .where(rows.project_id == project_id)
            .order_by(sa.func.coalesce(rows.published_at, 0.0).desc(), rows.number.desc(), rows.branch)
        )
        with self._engine.connect() as connection:
            return tuple(_version(row) for row in connection.execute(query).mappings())

    def listed_projects(self) -> tuple[int, ...]:
        """The projects that are in the catalogue, by their numbers."""
        with self._engine.connect() as connection:
            return tuple(connection.scalars(sa.select(_MODULES.c.project_id).order_by(_MODULES.c.project_id)))

    def note_head(self, project_id: int, branch: str, sha: str) -> None:
        """Let the branch's versions be outdated or not as its head, which GitLab just told, has it; "" for no head.

        A head that is the same as a version though it is another commit is found when the project is listed next.
        """
        rows = _VERSIONS.c
        published, outdated = VersionState.PUBLISHED.value, VersionState.OUTDATED.value
        moved = sa.or_(
            sa.and_(rows.state == published, rows.sha != sha),
            sa.and_(rows.state == outdated, rows.sha == sha),
        )
        which = sa.and_(rows.project_id == project_id, rows.branch == branch, moved)
        with self._engine.connect() as connection:
            if connection.execute(sa.select(rows.number).where(which).limit(1)).first() is None:
                return
        self._before_record()
        state, now = sa.case((rows.sha == sha, published), else_=outdated), self.clock()
        with self._writing() as connection:
            # who is looking at the project just now may have seen the head of before
            connection.execute(
                sa.update(_MODULES).where(_MODULES.c.project_id == project_id).values(looked_at=now)
            )
            connection.execute(sa.update(_VERSIONS).where(which).values(state=state))

    def unlisted(
        self, states: Iterable[str], unmoved_seconds: float, project_id: int | None = None
    ) -> tuple[int, ...]:
        """Projects (or the one) of which a publication in one of these states is newer than all that is listed.

        `unmoved_seconds`: so long ago at least, for what follows a publication takes a moment.
        """
        known, listed = schema.publications.c, _VERSIONS.c
        newer = sa.exists().where(
            listed.project_id == known.project_id,
            listed.branch == known.branch,
            listed.number >= known.number,
        )
        query = (
            sa.select(known.project_id)
            .where(known.state.in_(list(states)), known.updated_at <= time.time() - unmoved_seconds)
            .where(known.number.is_not(None), ~newer)
        )
        if project_id is not None:
            query = query.where(known.project_id == project_id)
        with self._engine.connect() as connection:
            return tuple(connection.scalars(query.distinct().order_by(known.project_id)))

    def search(
        self,
        query: Query,
        among: Among,
        after: str | None = None,
        limit: int = USUAL_ITEMS,
        rare: int = RARE,
        gone_through: int = GONE_THROUGH,
    ) -> tuple[ListedModule, ...]:
        """Up to `limit` modules (MAX_FOUND at most) that have all that is asked for, by name, without their READMEs.

        `after`: `cursor_of` the last one seen; ValueError for what is none. Nothing but what is `among` is looked at.
        `rare` and `gone_through` decide about the way there, not about what is found.
        """
        place = read_cursor(after) if after else None
        asked = Search(terms_of(query), place, max(0, min(limit, MAX_FOUND)), rare, gone_through)
        with self._engine.connect() as connection:
            ids = find(connection, asked, among) if asked.limit else ()
            wanted = _with_newest().where(one_of(connection, _MODULES.c.project_id, ids))
            found = {row["project_id"]: row for row in connection.execute(wanted).mappings()} if ids else {}
        # one may have gone between the two looks
        return tuple(_module(found[project]) for project in ids if project in found)


@dataclass(frozen=True, slots=True)
class Rows:
    """A project's rows in the three tables."""

    module: dict[str, Any]
    versions: list[dict[str, Any]]
    words: list[dict[str, Any]]


def rows_of(module: ListedModule, versions: Iterable[ListedVersion]) -> Rows:
    """What the tables hold of a project."""
    row = _row(module)
    # what cannot be had is found by nothing
    words = sorted(words_of(module)) if row["shown_to"] else ()
    of = {"project_id": module.project_id, "shown_to": row["shown_to"]}
    return Rows(row, [_values(version) for version in versions], [{**of, "word": word} for word in words])


def path_key(path: str) -> str:
    """A full path as paths are compared: GitLab knows no case in them."""
    return path.strip("/").lower()


def _with_newest(*more: sa.Column[Any]) -> sa.Select[Any]:
    newest = sa.and_(
        _VERSIONS.c.project_id == _MODULES.c.project_id,
        _VERSIONS.c.branch == _MODULES.c.newest_branch,
        _VERSIONS.c.number == _MODULES.c.newest_number,
    )
    return sa.select(*_SHOWN, *more, *_NEWEST).select_from(_MODULES.outerjoin(_VERSIONS, newest))


def _row(module: ListedModule) -> dict[str, Any]:
    plain = {field.name: getattr(module, field.name) for field in fields(ListedModule)}
    newest: ListedVersion | None = plain.pop("newest")
    return plain | {
        "topics": json.dumps(module.topics),
        "parameters": json.dumps(module.parameters),
        "path_key": path_key(module.path),
        "shown_to": module.visibility if newest is not None else "",
        "sort": sort_key(module),
        "newest_branch": newest.branch if newest is not None else "",
        "newest_number": newest.number if newest is not None else 0,
    }


def _without_id(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "project_id"}


def _values(version: ListedVersion) -> dict[str, Any]:
    return {field.name: getattr(version, field.name) for field in fields(ListedVersion)} | {
        "state": version.state.value
    }


def _module(row: sa.RowMapping) -> ListedModule:
    newest = None
    if row["newest_project_id"] is not None:
        newest = _version({column.name: row[f"newest_{column.name}"] for column in _VERSIONS.c})
    texts = {field.name: row[field.name] for field in fields(ListedModule) if field.name in row}
    return ListedModule(
        **texts
        | {
            "topics": tuple(json.loads(row["topics"])),
            "parameters": tuple(json.loads(row["parameters"])),
            "readme": row.get("readme", ""),
            "newest": newest,
        }
    )


def _version(row: Any) -> ListedVersion:
    return ListedVersion(**{**row, "state": VersionState(row["state"])})

"""Searching the catalogue: whose turn it is in the order of names, among what the asker may be shown and nothing else.

Two ways lead there. Where what is asked for is common, modules are gone through in order until enough have it; where
it is rare, those that have it are collected first. Which one is taken decides about the time and not about the answer.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from bot.adapters import schema
from bot.domain.catalogue import Among
from bot.domain.catalogue_words import Term

RARE = 1_000
"""Entries of the index up to which the modules with a word are collected one by one."""

GONE_THROUGH = 3_000
"""Modules that are gone through in order; where too few of them have what is asked for, those are collected that do."""

FIRST_SHARE = 15
"""Such a part of them is looked at first, where what is asked for may be most common."""

Place = tuple[str, int]
"""A module's place in the order: its name's key and its project's number."""

_MODULES, _WORDS = schema.catalogue_modules.c, schema.catalogue_words.c
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked for, behind which place, and how many at most."""

    terms: tuple[Term, ...]
    after: Place | None
    limit: int
    rare: int = RARE
    gone_through: int = GONE_THROUGH


def find(connection: sa.Connection, search: Search, among: Among) -> tuple[int, ...]:
    """The projects of the modules that have all that is asked for, in order."""
    found = [_of_visibility(connection, search, one) for one in sorted(among.visibilities) if one]
    if among.projects:
        found.append(_of_projects(connection, search, among))
    merged = dict.fromkeys(project for _, project in heapq.merge(*found))
    return tuple(merged)[: search.limit]


def _of_visibility(connection: sa.Connection, search: Search, shown_to: str) -> list[Place]:
    shown = _MODULES.shown_to == shown_to
    rare: list[frozenset[int]] = []
    common: list[Term] = []
    for term in search.terms:
        few = _few(connection, shown_to, term, search.rare)
        if few is None:
            common.append(term)
        else:
            rare.append(few)
    if rare:
        having = sorted(frozenset.intersection(*rare))
        return _read(
            connection, search, shown, one_of(connection, _MODULES.project_id, having), *map(_has, common)
        )
    if not common:
        return _read(connection, search, shown)
    for window in (search.gone_through // FIRST_SHARE, search.gone_through):
        found = _go_through(connection, search, shown, common, window)
        if len(found) == search.limit:
            return found
        if not found:
            break  # what is that rare is quicker collected
    having_all = (
        sa.intersect(*(_having(shown_to, term) for term in common))
        if common[1:]
        else _having(shown_to, common[0])
    )
    return _read(connection, search, shown, _MODULES.project_id.in_(having_all))


def _go_through(
    connection: sa.Connection,
    search: Search,
    shown: sa.ColumnElement[bool],
    common: Sequence[Term],
    window: int,
) -> list[Place]:
    """Those among the first `window` modules that have all of it."""
    first = _in_order(search, shown).limit(window).subquery()
    order = (first.c.sort, first.c.project_id)
    query = sa.select(*order).where(*(_has(term, first.c.project_id) for term in common)).order_by(*order)
    return [(sort, project) for sort, project in connection.execute(query.limit(search.limit))]


def _of_projects(connection: sa.Connection, search: Search, among: Among) -> list[Place]:
    named = one_of(connection, _MODULES.project_id, sorted(among.projects))
    # the others are found by their visibility
    further = _MODULES.shown_to.not_in(["", *sorted(among.visibilities)])
    return _read(connection, search, named, further, *map(_has, search.terms))


def one_of(
    connection: sa.Connection, column: sa.Column[int], numbers: Sequence[int]
) -> sa.ColumnElement[bool]:
    """Whether a column is one of many numbers, which go to the database as one value: it limits how many it takes."""
    if connection.dialect.name == "sqlite":
        listed = sa.func.json_each(json.dumps(numbers)).table_valued("value")
        return column.in_(sa.select(listed.c.value))
    return column == sa.any_(sa.literal(list(numbers), postgresql.ARRAY(sa.BigInteger)))


def _read(connection: sa.Connection, search: Search, *conditions: sa.ColumnElement[bool]) -> list[Place]:
    query = _in_order(search, *conditions).limit(search.limit)
    return [(sort, project) for sort, project in connection.execute(query)]


def _in_order(search: Search, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    order = (_MODULES.sort, _MODULES.project_id)
    query = sa.select(*order).where(*conditions).order_by(*order)
    if search.after is not None:
        query = query.where(sa.tuple_(*order) > sa.tuple_(*map(sa.literal, search.after)))
    return query


def _few(connection: sa.Connection, shown_to: str, term: Term, rare: int) -> frozenset[int] | None:
    """The modules that have it, or None where the index has more entries of it than are collected."""
    entries = _having(shown_to, term).limit(rare + 1)
    many = sa.select(sa.func.count()).select_from(entries.subquery())
    if (connection.scalar(many) or 0) > rare:
        return None
    return frozenset(connection.scalars(_having(shown_to, term)))


def _having(shown_to: str, term: Term) -> sa.Select[tuple[int]]:
    return sa.select(_WORDS.project_id).where(_WORDS.shown_to == shown_to, _is(term))


def _has(term: Term, project: sa.ColumnElement[int] = _MODULES.project_id) -> sa.ColumnElement[bool]:
    return sa.exists().where(_WORDS.project_id == project, _is(term))


def _is(term: Term) -> sa.ColumnElement[bool]:
    word = _WORDS.word
    return sa.and_(word >= term.word, word < term.word + _LAST) if term.prefix else word == term.word

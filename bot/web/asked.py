"""What the API was asked, as values, or why it cannot be read: refused before anything is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import flask

from bot.domain.access import Ref, read_ref
from bot.web.openapi import API, DEFAULT_ITEMS, MAX_CURSOR, MAX_NAME, MAX_TEXT, MOST_ITEMS, NAME

MAX_FIELDS = 300
"""Values of inputs that are read; a form has as many fields as the module has parameters."""

MAX_VALUE = 10_000
"""Characters of one of them."""

_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)
_NAME = re.compile(NAME.strip("^$"), re.ASCII)


class Refusal(Exception):
    """An answer that is a no: its status, what is wrong, and what to do."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint


def not_there() -> Refusal:
    """Also for what somebody may not see, in the same words."""
    return Refusal(
        404,
        "There is no such module or version, or it is not for you.",
        "Check project and version; sign in with GitLab, or show a token, if the project is not public.",
    )


def no_place() -> Refusal:
    """For a place in a list that is none."""
    return Refusal(
        404, "There is no such place in the list.", "Begin without `after`, or give it as it was told."
    )


def unreadable(name: str, why: str) -> Refusal:
    """For a parameter that holds what it may not."""
    return Refusal(400, f"The parameter {name} cannot be read: {why}.", f"See {API}/openapi.json.")


def read_query(known: set[str]) -> Mapping[str, str]:
    """The query, each parameter once and none that is unknown."""
    found: dict[str, str] = {}
    for name, value in flask.request.args.items(multi=True):
        if name not in known:
            raise unreadable(repr(name[:MAX_TEXT]), "there is none of that name here")
        if name in found:
            raise unreadable(name, "it is given twice")
        found[name] = value
    return found


def read_text(given: Mapping[str, str], name: str) -> str:
    """A parameter of the query; empty where it is not given."""
    value = given.get(name, "")
    if len(value) > MAX_TEXT:
        raise unreadable(name, f"it has more than {MAX_TEXT} characters")
    return value


def read_page(given: Mapping[str, str]) -> tuple[str, int]:
    """Where a page of a list begins ("" for the first), and how long it is."""
    after, limit = given.get("after"), given.get("limit", str(DEFAULT_ITEMS))
    if after is not None and not 0 < len(after) <= MAX_CURSOR:
        raise unreadable("after", "it is `after` of the page before, as it was given")
    if not _NUMBER.fullmatch(limit) or not 1 <= int(limit) <= MOST_ITEMS:
        raise unreadable("limit", f"it is a number from 1 to {MOST_ITEMS}")
    return after or "", int(limit)


def read_inputs(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Values of inputs as a form sends them."""
    values: dict[str, str] = {}
    for name, value in given:
        if name in values:
            raise unreadable(repr(name[:MAX_TEXT]), "it is given twice")
        if len(values) >= MAX_FIELDS or len(name) > MAX_TEXT or len(value) > MAX_VALUE:
            raise unreadable(repr(name[:MAX_TEXT]), "it is too long, or there are too many")
        values[name] = value
    return values


def read_project(project: str) -> Ref:
    """A project by its id, or by its path with %2F for slashes."""
    ref = read_ref(project.replace("%2F", "/"))
    if ref is None:
        raise not_there()
    return ref


def read_version(version: str) -> str:
    """A name that a version could have."""
    if len(version) > MAX_NAME or not _NAME.fullmatch(version):
        raise not_there()
    return version

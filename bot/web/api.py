"""The catalogue's HTTP API. What somebody may not see is answered as what is not there, byte for byte."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import flask
from werkzeug.exceptions import HTTPException

from bot.domain.access import NotAccepted, Ref, read_ref
from bot.domain.catalogue import ListedVersion, Query
from bot.domain.events import WithdrawAsked
from bot.domain.shown_versions import find, is_exact, name_of
from bot.domain.snippets import Snippet, component_snippet
from bot.domain.tags import version_tag
from bot.domain.views import ModuleView
from bot.domain.withdrawal import BRING_BACK, TAKE_BACK, may_withdraw
from bot.errors import TryAgain
from bot.web import wire
from bot.web.openapi import DEFAULT_ITEMS, MAX_CURSOR, MAX_NAME, MAX_TEXT, MOST_ITEMS, NAME, describe
from bot.web.people import People
from bot.web.seeing import Browsing
from parser.model import Kind

API = "/api/v1"
MAX_FIELDS = 300
"""Values of inputs that are read; a form has as many fields as the module has parameters."""

MAX_VALUE = 10_000
"""Characters of one of them."""

RETRY_SECONDS = 5.0
"""When to ask again, where GitLab did not say."""

_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)
_NAME = re.compile(NAME.strip("^$"), re.ASCII)

Answer = tuple[dict[str, Any], int] | tuple[dict[str, Any], int, dict[str, str]]


class Refusal(Exception):
    """An answer that is a no: its status, what is wrong, and what to do."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint


def api(browser: Browsing, people: People, url: str, ask: Callable[[WithdrawAsked], None]) -> flask.Blueprint:
    """The API below /api/v1. `url` is our public address; `ask` hands a withdrawal to those who do it."""
    views = flask.Blueprint("api", __name__, url_prefix=API)
    described = describe(people.cookie)
    address = url.rstrip("/")
    views.record_once(lambda setup: _keep_slashes(setup.app))

    @views.errorhandler(Exception)
    def refuse(error: Exception) -> flask.Response:
        return refusal_of(error)

    @views.get("/openapi.json")
    def description() -> Answer:
        return described, 200

    @views.get("/modules")
    def modules() -> Answer:
        given = _given({"q", "kind", "input_type", "output_type", "parameter", "topic", "after", "limit"})
        if given.get("kind", "") not in ("", *Kind):
            raise _unreadable("kind", f"it is one of {', '.join(Kind)}")
        query = Query(
            _text(given, "q"),
            given.get("kind", ""),
            _text(given, "input_type"),
            _text(given, "output_type"),
            _text(given, "parameter"),
            _text(given, "topic"),
        )
        after, limit = _page(given)
        person = people.person()
        try:
            found = browser.find(query, person, after, limit)
        except ValueError as error:
            raise _no_place() from error
        return {"items": [wire.item(one) for one in found.items], "after": found.after or None}, 200

    @views.get("/modules/<project>")
    def module(project: str) -> Answer:
        _given(set())
        return wire.whole_module(_module(project), address), 200

    @views.get("/modules/<project>/versions")
    def versions(project: str) -> Answer:
        after, limit = _page(_given({"after", "limit"}))
        items = _module(project).versions
        start = 0
        if after:
            names = [name for name, _ in items]
            if after not in names:
                raise _no_place()
            start = names.index(after) + 1
        shown = items[start : start + limit]
        more = start + limit < len(items)
        return {
            "items": [wire.version(one) for _, one in shown],
            "after": shown[-1][0] if more else None,
        }, 200

    @views.get("/modules/<project>/<version>")
    def one_version(project: str, version: str) -> Answer:
        _given(set())
        view = _module(project, version)
        if view.shown is None:
            raise _not_there()
        return wire.one_version(view, view.shown, address), 200

    @views.get("/modules/<project>/<version>/component")
    def component(project: str, version: str) -> Answer:
        values = _values(flask.request.args.items(multi=True))
        view = _module(project, version)
        if view.shown is None:
            raise _not_there()
        told = Snippet("")
        if view.shown.module is not None and view.shown.component:
            told = component_snippet(view.shown.module, view.listed.path, view.shown.listed.version, values)
        problems = [{"field": one.field, "message": one.message} for one in told.problems]
        return {"component": view.shown.component or None, "text": told.text, "problems": problems}, 200

    @views.get("/modules/<project>/compare/<before>/<after>")
    def compare(project: str, before: str, after: str) -> Answer:
        _given(set())
        ref, person = _ref(project), people.person()
        compared = browser.compare(ref, _name(before), _name(after), person)
        if compared is None:
            raise _not_there()
        return wire.comparison(compared), 200

    @views.post("/modules/<project>/<version>/unpublish")
    def unpublish(project: str, version: str) -> Answer:
        return _withdraw(project, version, TAKE_BACK)

    @views.post("/modules/<project>/<version>/republish")
    def republish(project: str, version: str) -> Answer:
        return _withdraw(project, version, BRING_BACK)

    def _withdraw(project: str, version: str, action: str) -> Answer:
        person = people.person()
        if not person.id:
            raise Refusal(401, "Nobody is signed in", "Show a token of yours in the header PRIVATE-TOKEN.")
        if people.forged():
            hint = "With a token in the header PRIVATE-TOKEN none is needed."
            raise Refusal(403, "The CSRF token of this session is missing or another's", hint)
        ref = _ref(project)
        view = browser.module(ref, person)
        named = _exact(view.versions if view else (), _name(version))
        if view is None or named is None:
            moving = find(view.versions, version) if view else None
            raise _not_there() if moving is None else _moves_on(version, moving)
        # whose push it was only the worker knows, which asks GitLab for the role once more
        if not may_withdraw(view.level, is_publisher=True):
            raise Refusal(
                403,
                f"Your role in {view.listed.path} is too small to {action} a version",
                "Ask a Maintainer of the project.",
            )
        if people.only_reads():
            raise Refusal(
                403,
                f"This token may only read, and to {action} a version is a change",
                "Show one with the scope api in the header PRIVATE-TOKEN; a session has none.",
            )
        name = name_of(named)
        ask(WithdrawAsked(view.listed.project_id, named.branch, name, action, person.id))
        look = f"{address}{API}/modules/{view.listed.project_id}/{quote(name)}"
        return {"asked": action, "version": name, "look": look}, 202, {"Location": look}

    def _module(project: str, version: str = "") -> ModuleView:
        ref, name = _ref(project), _name(version) if version else ""
        view = browser.module(ref, people.person(), name)
        if view is None:
            raise _not_there()
        return view

    return views


def refusal_of(error: Exception) -> flask.Response:
    """Any error as the API answers it; one that nobody foresaw goes on to be logged."""
    headers = {}
    if isinstance(error, Refusal):
        status, message, hint = error.status, error.message, error.hint
    elif isinstance(error, NotAccepted):
        status, message, hint = 401, f"{error}.", "Give one that is valid, or none to see what is public."
    elif isinstance(error, TryAgain):
        status, message = 503, "GitLab does not answer, so nothing can be shown."
        hint = "Ask again in a while."
        headers["Retry-After"] = str(math.ceil(error.after or RETRY_SECONDS))
    elif isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        status, message = error.code, f"{error.name}."
        hint = f"The API is described at {API}/openapi.json."
        headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    else:
        raise error
    response = flask.jsonify({"message": message, "hint": hint})
    response.status_code = status
    response.headers.update(headers)
    return response


def _moves_on(name: str, version: ListedVersion) -> Refusal:
    exactly = " or ".join(dict.fromkeys((name_of(version), version_tag(version.branch, version.number))))
    return Refusal(
        404,
        f"{name} is a tag that moves on, and no version.",
        f"Name the version itself: {exactly} is what it leads to now.",
    )


def _not_there() -> Refusal:
    return Refusal(
        404,
        "There is no such module or version, or it is not for you.",
        "Check project and version; sign in with GitLab, or show a token, if the project is not public.",
    )


def _no_place() -> Refusal:
    return Refusal(
        404, "There is no such place in the list.", "Begin without `after`, or give it as it was told."
    )


def _unreadable(name: str, why: str) -> Refusal:
    return Refusal(400, f"The parameter {name} cannot be read: {why}.", f"See {API}/openapi.json.")


def _given(known: set[str]) -> Mapping[str, str]:
    """The query, each parameter once and none that is unknown."""
    found: dict[str, str] = {}
    for name, value in flask.request.args.items(multi=True):
        if name not in known:
            raise _unreadable(repr(name[:MAX_TEXT]), "there is none of that name here")
        if name in found:
            raise _unreadable(name, "it is given twice")
        found[name] = value
    return found


def _text(given: Mapping[str, str], name: str) -> str:
    value = given.get(name, "")
    if len(value) > MAX_TEXT:
        raise _unreadable(name, f"it has more than {MAX_TEXT} characters")
    return value


def _page(given: Mapping[str, str]) -> tuple[str, int]:
    after, limit = given.get("after"), given.get("limit", str(DEFAULT_ITEMS))
    if after is not None and not 0 < len(after) <= MAX_CURSOR:
        raise _unreadable("after", "it is `after` of the page before, as it was given")
    if not _NUMBER.fullmatch(limit) or not 1 <= int(limit) <= MOST_ITEMS:
        raise _unreadable("limit", f"it is a number from 1 to {MOST_ITEMS}")
    return after or "", int(limit)


def _values(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Values of inputs as a form sends them."""
    values: dict[str, str] = {}
    for name, value in given:
        if name in values:
            raise _unreadable(repr(name[:MAX_TEXT]), "it is given twice")
        if len(values) >= MAX_FIELDS or len(name) > MAX_TEXT or len(value) > MAX_VALUE:
            raise _unreadable(repr(name[:MAX_TEXT]), "it is too long, or there are too many")
        values[name] = value
    return values


def _ref(project: str) -> Ref:
    ref = read_ref(project.replace("%2F", "/"))
    if ref is None:
        raise _not_there()
    return ref


def _name(version: str) -> str:
    if len(version) > MAX_NAME or not _NAME.fullmatch(version):
        raise _not_there()
    return version


def _exact(versions: tuple[tuple[str, ListedVersion], ...], name: str) -> ListedVersion | None:
    """A version by a name of its own: what a tag leads to may be another one by the time that something is done."""
    found = find(versions, name)
    return found if found is not None and is_exact(found, name) else None


def _keep_slashes(app: Any) -> None:
    """Let %2F be part of a project's path: servers decode it before the address is cut at its slashes."""
    inner = app.wsgi_app

    def wsgi(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        raw = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "").partition("?")[0]
        if raw.startswith(f"{API}/"):
            parts = re.split("%2f", raw, flags=re.IGNORECASE)
            # what was written as a percent sign stays one: no name has any, so nothing is decoded twice
            kept = b"%2F".join(unquote_to_bytes(part).replace(b"%", b"%25") for part in parts)
            environ = {**environ, "PATH_INFO": kept.decode("latin-1")}
        answered: Iterable[bytes] = inner(environ, start)
        return answered

    app.wsgi_app = wsgi

"""The catalogue's HTTP API. What somebody may not see is answered as what is not there, byte for byte."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import flask
from werkzeug.exceptions import HTTPException

from bot.domain.access import NotAccepted
from bot.domain.catalogue import ListedVersion, Query
from bot.domain.events import WithdrawAsked
from bot.domain.shown_versions import find, is_exact, name_of
from bot.domain.snippets import Snippet, component_snippet
from bot.domain.tags import version_tag
from bot.domain.views import ModuleView
from bot.domain.withdrawal import BRING_BACK, TAKE_BACK, may_withdraw
from bot.errors import TryAgain
from bot.web import wire
from bot.web.asked import (
    Refusal,
    no_place,
    not_there,
    read_inputs,
    read_page,
    read_project,
    read_query,
    read_text,
    read_version,
    unreadable,
)
from bot.web.openapi import API, describe
from bot.web.people import People
from bot.web.seeing import Browsing
from parser.model import ML_CATEGORIES, MODEL_TYPES, Kind

_ENUMS: Mapping[str, tuple[str, ...]] = {
    "kind": tuple(kind.value for kind in Kind),
    "model_type": MODEL_TYPES,
    "ml_category": ML_CATEGORIES,
}
_SEARCHED = frozenset({"q", "input_type", "output_type", "parameter", "topic", *_ENUMS})
"""What modules are searched by; of some the values are known."""

RETRY_SECONDS = 5.0
"""When to ask again, where GitLab did not say."""

Answer = tuple[dict[str, Any], int] | tuple[dict[str, Any], int, dict[str, str]]


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
        given = read_query({*_SEARCHED, "after", "limit"})
        for name, known in _ENUMS.items():
            if given.get(name, "") not in ("", *known):
                raise unreadable(name, f"it is one of {', '.join(known)}")
        query = Query(
            read_text(given, "q"),
            given.get("kind", ""),
            read_text(given, "input_type"),
            read_text(given, "output_type"),
            read_text(given, "parameter"),
            read_text(given, "topic"),
            given.get("model_type", ""),
            given.get("ml_category", ""),
        )
        after, limit = read_page(given)
        person = people.person()
        try:
            found = browser.find(query, person, after, limit)
        except ValueError as error:
            raise no_place() from error
        return {"items": [wire.item(one) for one in found.items], "after": found.after or None}, 200

    @views.get("/modules/<project>")
    def module(project: str) -> Answer:
        read_query(set())
        return wire.whole_module(_module(project), address), 200

    @views.get("/modules/<project>/versions")
    def versions(project: str) -> Answer:
        after, limit = read_page(read_query({"after", "limit"}))
        items = _module(project).versions
        start = 0
        if after:
            names = [name for name, _ in items]
            if after not in names:
                raise no_place()
            start = names.index(after) + 1
        shown = items[start : start + limit]
        more = start + limit < len(items)
        return {
            "items": [wire.version(one) for _, one in shown],
            "after": shown[-1][0] if more else None,
        }, 200

    @views.get("/modules/<project>/<version>")
    def one_version(project: str, version: str) -> Answer:
        read_query(set())
        view = _module(project, version)
        if view.shown is None:
            raise not_there()
        return wire.one_version(view, view.shown, address), 200

    @views.get("/modules/<project>/<version>/component")
    def component(project: str, version: str) -> Answer:
        values = read_inputs(flask.request.args.items(multi=True))
        view = _module(project, version)
        if view.shown is None:
            raise not_there()
        told = Snippet("")
        if view.shown.module is not None and view.shown.component:
            told = component_snippet(view.shown.module, view.listed.path, view.shown.listed.version, values)
        problems = [{"field": one.field, "message": one.message} for one in told.problems]
        return {"component": view.shown.component or None, "text": told.text, "problems": problems}, 200

    @views.get("/modules/<project>/compare/<before>/<after>")
    def compare(project: str, before: str, after: str) -> Answer:
        read_query(set())
        ref, person = read_project(project), people.person()
        compared = browser.compare(ref, read_version(before), read_version(after), person)
        if compared is None:
            raise not_there()
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
        ref = read_project(project)
        view = browser.module(ref, person)
        named = _exact(view.versions if view else (), read_version(version))
        if view is None or named is None:
            moving = find(view.versions, version) if view else None
            raise not_there() if moving is None else _moves_on(version, moving)
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
        ref, name = read_project(project), read_version(version) if version else ""
        view = browser.module(ref, people.person(), name)
        if view is None:
            raise not_there()
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

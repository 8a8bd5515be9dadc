"""The pages: list, module, two versions compared, what is in progress. Each asks `Browsing` once, and shows that."""

from __future__ import annotations

from urllib.parse import urlencode

import flask
from werkzeug.wrappers import Response

from bot.domain.catalogue import Query
from bot.domain.views import Found
from bot.errors import BotError
from bot.logs import get
from bot.web.module_page import badge_markdown, notice_of, readme_of, runs_of, version_told
from bot.web.seeing import Bills, Browsing, People
from bot.web.words import KINDS, LEVELS
from parser.annotations import DATA_TYPES
from parser.model import ML_CATEGORIES, MODEL_TYPES

BILL_TYPE = "application/vnd.cyclonedx+json"

PAGE_SIZE = 24
MAX_QUERY_CHARS = 200
MAX_CURSOR_CHARS = 500
"""Modules on one page of the list; characters of each word of a search, and of the place where a page begins."""

POLL_SECONDS = 3
REFRESH_SECONDS = 10
"""How often a page of publications in progress looks again: with its script, and without."""

QUERIES = ("q", "kind", "input", "output", "parameter", "topic", "model", "category")

_log = get(__name__)


def pages(browser: Browsing, people: People, public_url: str, bills: Bills) -> flask.Blueprint:
    """Every page for people, and images' bills of materials.

    `public_url`: where this catalogue is reached, for what is copied from it.
    """
    views = flask.Blueprint("pages", __name__)

    @views.get("/")
    def modules() -> str:
        asked = {name: flask.request.args.get(name, "")[:MAX_QUERY_CHARS].strip() for name in QUERIES}
        after = flask.request.args.get("after", "")[:MAX_CURSOR_CHARS]
        query = Query(*(asked[name] for name in QUERIES))
        try:
            found = browser.find(query, people.person(), after, PAGE_SIZE)
        except ValueError:
            flask.abort(400, "This is no place in the list. Begin anew with the first page.")
        given = {name: value for name, value in asked.items() if value}
        return flask.render_template(
            "modules.html",
            place="modules",
            asked=asked,
            searched=bool(given),
            found=found,
            verdict=_verdict(found, after),
            more=_more(given, found.after),
            kinds=sorted(KINDS.items()),
            types=sorted(DATA_TYPES),
            models=sorted(MODEL_TYPES),
            categories=sorted(ML_CATEGORIES),
        )

    @views.get("/modules/<path:path>")
    def module(path: str) -> str | Response:
        return shown(path, "")

    @views.get("/modules/<path:path>/-/<version>")
    def version(path: str, version: str) -> str | Response:
        return shown(path, version)

    def shown(path: str, asked_version: str) -> str | Response:
        view = browser.module(path, people.person(), asked_version)
        if view is None:
            flask.abort(404)
        if view.listed.path != path:
            return flask.redirect(_address(view.listed.path, asked_version), 302)
        return flask.render_template(
            "module.html",
            place="modules",
            view=view,
            asked_version=asked_version,
            notice=notice_of(view, asked_version),
            badge_markdown=badge_markdown(public_url, view.listed.path),
            readme=readme_of(view, asked_version),
            runs=tuple(runs_of(view)),
            here_path=_address(path, asked_version),
            # the fields are those of one version: what is typed into them is for that one, whatever comes meanwhile
            form_path=_address(path, view.shown.name if view.shown else asked_version),
            **(version_told(view, view.shown) if view.shown else {}),
        )

    @views.get("/modules/<path:path>/-/<version>/bill.json")
    def bill(path: str, version: str) -> flask.Response:
        view = browser.module(path, people.person(), version)
        # it lies beside the image, and is for those who may have that
        if view is None or view.shown is None or not view.can_pull or not view.shown.listed.state.available:
            flask.abort(404)
        listed = view.shown.listed
        try:
            found = bills(listed.image, listed.digest)
        except BotError as error:
            _log.warning("no bill of materials is shown", image=listed.image, why=str(error))
            flask.abort(503, "The registry does not say now what is in this image. Try again in a moment.")
        if found is None:
            flask.abort(404, "Nobody attached a bill of materials to this image.")
        answer = flask.Response(found, content_type=BILL_TYPE)
        # whoever may push could have attached it: it is kept as a file, and never shown as a page
        file = f"{view.listed.slug}-{view.shown.name}.cdx.json"
        answer.headers.set("Content-Disposition", "attachment", filename=file)
        return answer

    @views.get("/modules/<path:path>/-/compare")
    def compare_chosen(path: str) -> Response:
        before, after = (flask.request.args.get(name, "") for name in ("before", "after"))
        if not before or not after:
            flask.abort(404)
        return flask.redirect(flask.url_for("pages.compare", path=path, before=before, after=after), 303)

    @views.get("/modules/<path:path>/-/compare/<before>/<after>")
    def compare(path: str, before: str, after: str) -> str:
        view = browser.compare(path, before, after, people.person())
        if view is None:
            flask.abort(404)
        level = LEVELS[view.diff.level] if view.diff else None
        return flask.render_template("compare.html", place="modules", view=view, level=level, levels=LEVELS)

    @views.get("/publications")
    def publications() -> str:
        return flask.render_template(
            "publications.html",
            place="publications",
            publications=browser.progress(people.person()),
            poll_seconds=POLL_SECONDS,
            refresh_seconds=REFRESH_SECONDS,
        )

    return views


def _verdict(found: Found, after: str) -> str:
    """What a search found, of this page only: how many there are altogether is nobody's to know."""
    count = len(found.items)
    words = {0: "No module fits.", 1: "One module fits."}.get(count, f"{count} modules fit.")
    if found.after:
        return f"The first {count} modules that fit." if not after else f"{count} more modules that fit."
    return words if not after else f"The last {count} that fit."


def _more(given: dict[str, str], after: str) -> str:
    """Where the next page of a search is; empty after the last one."""
    return f"{flask.url_for('pages.modules')}?{urlencode({**given, 'after': after})}" if after else ""


def _address(path: str, version: str) -> str:
    if version:
        return flask.url_for("pages.version", path=path, version=version)
    return flask.url_for("pages.module", path=path)

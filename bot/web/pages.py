"""The pages: list, module, two versions compared, what is in progress. Each asks `Browsing` once, and shows that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import flask
from markupsafe import Markup
from werkzeug.wrappers import Response

from bot.domain.catalogue import ListedVersion, Query, VersionState
from bot.domain.svg_plot import svg_plot
from bot.domain.tags import version_tag
from bot.domain.views import Found, ModuleView, VersionView
from bot.errors import BotError
from bot.logs import get
from bot.web.fields import read_values
from bot.web.readme import readme_html
from bot.web.seeing import Bills, Browsing, People
from bot.web.using import DEFAULT_TAB, Use, image_of, use_of
from bot.web.words import KINDS, LEVELS, state_word
from parser.annotations import DATA_TYPES

BILL_TYPE = "application/vnd.cyclonedx+json"

PAGE_SIZE = 24
MAX_QUERY_CHARS = 200
MAX_CURSOR_CHARS = 500
"""Modules on one page of the list; characters of each word of a search, and of the place where a page begins."""

MAX_RUNS = 5
"""Runs of a module that are drawn."""

POLL_SECONDS = 3
REFRESH_SECONDS = 10
"""How often a page of publications in progress looks again: with its script, and without."""

QUERIES = ("q", "kind", "input", "output", "parameter", "topic")
TABS = ("component", "docker", "pipeline")

_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence above everything else, with where to go."""

    tone: str
    text: str
    link: str = ""
    link_words: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run's plot, with where it is from, and the model that it kept; the newest one is seen at once."""

    open: bool
    version: str
    web_url: str
    at: float
    plot: Markup
    model: str


def pages(browser: Browsing, people: People, public_url: str, bills: Bills) -> flask.Blueprint:
    """Every page for people, and images' bills of materials.

    `public_url`: where this catalogue is reached, for what is copied from it.
    """
    views = flask.Blueprint("pages", __name__)

    @views.get("/")
    def modules() -> str:
        asked = {name: flask.request.args.get(name, "")[:MAX_QUERY_CHARS].strip() for name in QUERIES}
        after = flask.request.args.get("after", "")[:MAX_CURSOR_CHARS]
        query = Query(
            asked["q"], asked["kind"], asked["input"], asked["output"], asked["parameter"], asked["topic"]
        )
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
            notice=_notice(view, asked_version),
            badge_markdown=_badge_markdown(public_url, view.listed.path),
            readme=_readme(view, asked_version),
            runs=tuple(_runs(view)),
            here_path=_address(path, asked_version),
            **(_version(view, view.shown) if view.shown else {}),
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


def _version(view: ModuleView, shown: VersionView) -> dict[str, Any]:
    """What the page says of one version: how it is used, or why it cannot be, and where else to look."""
    values = read_values(flask.request.args)
    tab = flask.request.args.get("as", DEFAULT_TAB)
    use = _use(view, shown, values, tab if tab in TABS else DEFAULT_TAB)
    names = [name for name, _ in view.versions]
    place = names.index(shown.name) if shown.name in names else 0
    return {
        "usable": use is not None,
        "why_not": _why_not(shown),
        "groups": use.groups if use else (),
        "tabs": use.tabs if use else (),
        "left_out": use.left_out if use else (),
        "image": image_of(shown),
        "links": tuple(_links(view, shown)),
        "older": names[min(place + 1, len(names) - 1)] if names else "",
    }


def _use(view: ModuleView, shown: VersionView, values: dict[str, str], tab: str) -> Use | None:
    if shown.module is None or not shown.listed.state.available:
        return None
    return use_of(view, shown, shown.module, values, tab)


def _why_not(shown: VersionView) -> str:
    if not shown.listed.state.available:
        return f"This version cannot be used now. {state_word(shown.listed.state).about}"
    return "Nobody can say any more what this image accepts; it can still be pulled by its digest."


def _links(view: ModuleView, shown: VersionView) -> Iterator[tuple[str, str]]:
    found = (
        (view.listed.web_url, "Project in GitLab"),
        (shown.commit_url, f"Commit {shown.listed.sha[:8]}"),
        (shown.pipeline_url, "Pipeline"),
        (shown.log_url, "Log of the build"),
        (_bill(view, shown), "Bill of materials"),
    )
    return ((url, words) for url, words in found if url)


def _bill(view: ModuleView, shown: VersionView) -> str:
    if not view.can_pull or not shown.listed.state.available:
        return ""
    return flask.url_for("pages.bill", path=view.listed.path, version=shown.name)


def _notice(view: ModuleView, asked_version: str) -> Notice | None:
    shown = view.shown
    if shown is None:
        return None
    state, newest = shown.listed.state, view.listed.newest
    if state not in (VersionState.PUBLISHED, VersionState.OUTDATED):
        return Notice(state_word(state).tone, state_word(state).about)
    if asked_version and newest is not None and newest.digest != shown.listed.digest:
        link = flask.url_for("pages.module", path=view.listed.path)
        return Notice("warn", "There is a newer version.", link, f"See {version_name(newest)}")
    return None


def _readme(view: ModuleView, asked_version: str) -> Markup:
    """The README of the newest version, as it stood there; of others the catalogue keeps none."""
    newest = view.listed.newest
    if (
        not view.listed.readme
        or newest is None
        or (asked_version and newest != (view.shown and view.shown.listed))
    ):
        return Markup()
    html = readme_html(view.listed.readme, view.listed.web_url, newest.sha)
    return Markup(html)  # noqa: S704 -- every piece of it is written anew


def _runs(view: ModuleView) -> Iterator[Run]:
    """Runs that measured something that can be drawn, or kept a model."""
    for number, run in enumerate(view.runs[:MAX_RUNS]):
        title = f"What the run with {run.version} measured" if run.version else "What the run measured"
        drawn = svg_plot(run.experiment, title)
        if drawn or run.model:
            plot = Markup(drawn)  # noqa: S704 -- every text in it is escaped
            yield Run(number == 0, run.version, run.web_url, run.at, plot, run.model)


def version_name(version: ListedVersion) -> str:
    """What people and addresses call a version."""
    return version.version or version_tag(version.branch, version.number)


def _badge_markdown(public_url: str, path: str) -> str:
    page = public_url + flask.url_for("pages.module", path=path)
    pictures = (
        (which, public_url + flask.url_for("badges.badge", path=path, which=which))
        for which in ("version", "state")
    )
    return "\n".join(f"[![{which}]({picture})]({page})" for which, picture in pictures)

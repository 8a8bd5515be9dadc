"""What the page of a module tells of it: how a version is used, where it is from, what it measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import flask
from markupsafe import Markup

from bot.domain.catalogue import VersionState
from bot.domain.shown_versions import name_of
from bot.domain.svg_plot import svg_plot
from bot.domain.views import ModuleView, VersionView
from bot.web.fields import read_values
from bot.web.readme import readme_html
from bot.web.using import DEFAULT_TAB, Use, image_of, use_of
from bot.web.words import state_word

MAX_RUNS = 5
"""Runs of a module that are drawn."""

TABS = ("component", "docker", "pipeline")


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


def version_told(view: ModuleView, shown: VersionView) -> dict[str, Any]:
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


def notice_of(view: ModuleView, asked_version: str) -> Notice | None:
    """What people should know first: that the version cannot be had, or that there is a newer one."""
    shown = view.shown
    if shown is None:
        return None
    state, newest = shown.listed.state, view.listed.newest
    if state not in (VersionState.PUBLISHED, VersionState.OUTDATED):
        return Notice(state_word(state).tone, state_word(state).about)
    if asked_version and newest is not None and newest.digest != shown.listed.digest:
        link = flask.url_for("pages.module", path=view.listed.path)
        return Notice("warn", "There is a newer version.", link, f"See {name_of(newest)}")
    return None


def readme_of(view: ModuleView, asked_version: str) -> Markup:
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


def runs_of(view: ModuleView) -> Iterator[Run]:
    """Runs that measured something that can be drawn, or kept a model."""
    for number, run in enumerate(view.runs[:MAX_RUNS]):
        title = f"What the run with {run.version} measured" if run.version else "What the run measured"
        drawn = svg_plot(run.experiment, title)
        if drawn or run.model:
            plot = Markup(drawn)  # noqa: S704 -- every text in it is escaped
            yield Run(number == 0, run.version, run.web_url, run.at, plot, run.model)


def badge_markdown(public_url: str, path: str) -> str:
    """The badges as a README has them, each leading to the page."""
    page = public_url + flask.url_for("pages.module", path=path)
    pictures = (
        (which, public_url + flask.url_for("badges.badge", path=path, which=which))
        for which in ("version", "state")
    )
    return "\n".join(f"[![{which}]({picture})]({page})" for which, picture in pictures)

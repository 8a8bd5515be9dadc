"""Badges for READMEs: the newest version and its state, as pictures. Of a hidden module they are those of none."""

from __future__ import annotations

from typing import Literal

import flask
from markupsafe import Markup

from bot.domain.text import shorten_visible
from bot.domain.views import ModuleView
from bot.web.seeing import Browsing, People
from bot.web.words import state_word

CHAR_WIDTH = 6.7
PADDING = 9
HEIGHT = 20
"""Pixels: of a letter on average, left and right of a text, and of the whole badge."""

MAX_CHARS = 40
COLOURS = {"good": "#17663a", "busy": "#1b5596", "warn": "#7d4e00", "bad": "#a32020", "off": "#5a625d"}
UNKNOWN = "unknown"

_BADGE = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img" aria-label="{name}: {text}">'
    "<title>{name}: {text}</title>"
    '<clipPath id="r"><rect width="{width}" height="{height}" rx="4"/></clipPath>'
    '<g clip-path="url(#r)"><rect width="{left}" height="{height}" fill="#3d4347"/>'
    '<rect x="{left}" width="{right}" height="{height}" fill="{colour}"/></g>'
    '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
    '<text x="{left_middle}" y="14" textLength="{left_text}">{name}</text>'
    '<text x="{right_middle}" y="14" textLength="{right_text}">{text}</text></g></svg>\n'
)


def badges(browser: Browsing, people: People) -> flask.Blueprint:
    """GET /badges/PATH/version.svg and state.svg, as the one who asks may see them."""
    views = flask.Blueprint("badges", __name__)

    @views.get("/badges/<path:path>/<any(version, state):which>.svg")
    def badge(path: str, which: Literal["version", "state"]) -> flask.Response:
        view = browser.module(path, people.person())
        answer = flask.Response(draw(which, view), 200 if view else 404, content_type="image/svg+xml")
        # READMEs of GitLab's pages show it, and they come from elsewhere
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer

    return views


def draw(which: Literal["version", "state"], view: ModuleView | None) -> str:
    """The badge of a module; the same for one that is hidden, and for one that does not exist."""
    if view is None:
        return _badge("module", UNKNOWN, "off")
    if view.shown is None:
        return _badge("module", "none published", "off")
    word = state_word(view.shown.listed.state)
    if which == "state":
        return _badge("module", word.text.lower(), word.tone)
    return _badge("module", view.shown.name, "good" if view.shown.listed.state.available else word.tone)


def _badge(name: str, text: str, tone: str) -> str:
    text = shorten_visible(text, MAX_CHARS)
    left_text, right_text = (round(len(one) * CHAR_WIDTH) for one in (name, text))
    left, right = left_text + 2 * PADDING, right_text + 2 * PADDING
    return _BADGE.format(
        width=left + right,
        height=HEIGHT,
        left=left,
        right=right,
        left_text=left_text,
        right_text=right_text,
        left_middle=left / 2,
        right_middle=left + right / 2,
        name=name,
        text=text,
        colour=COLOURS[tone],
    )

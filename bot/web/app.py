"""The catalogue's web application: pages, badges and what other parts bring, under one set of rules for browsers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from bot.domain.access import ANONYMOUS, NotAccepted
from bot.domain.shown_versions import name_of
from bot.domain.text import size_words
from bot.errors import BotError, TryAgain
from bot.logs import get
from bot.web.api import refusal_of
from bot.web.badges import badges
from bot.web.openapi import API
from bot.web.pages import pages
from bot.web.seeing import Bills, Browsing, People
from bot.web.words import VISIBILITIES, ago, coded, kind_word, moment, plain_word, stage_word, state_word

RETRY_SECONDS = 10
"""How long a browser waits before it asks again while GitLab does not answer, if GitLab named no time."""

MAX_BODY_BYTES = 64 * 1024
"""Of a request: what is posted here are a few words."""

KEPT_SECONDS = 365 * 86_400
"""How long browsers keep styles and scripts, whose addresses change with their bytes."""

STATIC = Path(__file__).with_name("static")

TITLES = {
    400: ("This cannot be understood", "Something in the request is not as it should be."),
    401: ("GitLab does not accept this token", "It is expired or revoked, or may read too little."),
    403: ("This is not allowed", "GitLab does not let you do this."),
    404: ("There is nothing here", "There is no such page, or you may not see it."),
    405: ("This is not how to ask", "This address takes another kind of request."),
    413: ("This is too much", "The request is larger than what is taken here."),
    500: ("Something broke here", "It is in the log of whoever runs this; try again, or tell them."),
    503: ("GitLab does not answer now", "Without it nobody can say what you may see. Try again in a moment."),
}

_log = get(__name__)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """`url`: where people reach the catalogue, without a slash at its end; `gitlab_url` and `docs_url` likewise."""

    url: str
    gitlab_url: str
    docs_url: str = ""


def create_web(
    browser: Browsing,
    people: People,
    settings: WebSettings,
    bills: Bills = lambda _image, _digest: None,
    others: Iterable[flask.Blueprint] = (),
) -> flask.Flask:
    """The WSGI application; `others` are blueprints beside the pages, such as API and sign-in."""
    app = flask.Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.register_blueprint(pages(browser, people, settings.url, bills))
    app.register_blueprint(badges(browser, people))
    for other in others:
        app.register_blueprint(other)
    _add_words(app, people, settings)
    _add_answers(app, people)
    policy = content_policy(settings.gitlab_url)

    @app.get("/livez")
    def livez() -> dict[str, bool]:
        return {"alive": True}

    @app.after_request
    def guard(response: flask.Response) -> flask.Response:
        heads = response.headers
        heads.setdefault("Content-Security-Policy", policy)
        heads.setdefault("X-Content-Type-Options", "nosniff")
        heads.setdefault("Referrer-Policy", "same-origin")
        heads.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        heads.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        heads.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if flask.request.endpoint == "static" and "v" in flask.request.args:
            heads["Cache-Control"] = f"public, max-age={KEPT_SECONDS}, immutable"
        else:
            # what one person may see now is nothing for anybody else, nor for later
            heads["Cache-Control"] = "no-store"
            heads["Vary"] = "Cookie, Private-Token, Authorization"
        return response

    return app


def content_policy(gitlab_url: str) -> str:
    """What a page may load: our own files, and pictures of READMEs from GitLab. No script or style stands in a page."""
    parts = urlsplit(gitlab_url)
    pictures = f"'self' {parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {pictures}; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _add_words(app: flask.Flask, people: People, settings: WebSettings) -> None:
    def slug(text: str) -> str:
        return text if text in {"algorithm", "operation", "visualization"} else "other"

    app.jinja_env.filters |= {
        "ago": ago,
        "coded": coded,
        "moment": moment,
        "size": size_words,
        "slug": slug,
        "state_word": state_word,
        "stage_word": stage_word,
        "kind_word": kind_word,
        "plain_word": plain_word,
        "version_name": name_of,
        "visibility_word": lambda name: VISIBILITIES.get(name, name),
    }

    @app.context_processor
    def around() -> dict[str, object]:
        def static(name: str) -> str:
            return flask.url_for("static", filename=name, v=digest_of(name))

        try:
            person, csrf = people.person(), people.csrf()
        except BotError:
            # the page that says so needs nobody's name
            person, csrf = ANONYMOUS, ""
        api = "api.description" if "api.description" in app.view_functions else ""
        return {
            "static": static,
            "person": person,
            "csrf": csrf,
            "can_sign_in": people.can_sign_in,
            "here": flask.request.full_path.rstrip("?"),
            "gitlab_url": settings.gitlab_url,
            "docs_url": settings.docs_url,
            "api_url": flask.url_for(api) if api else "",
        }


@cache
def digest_of(name: str) -> str:
    """A few letters that change with a file's bytes."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def _add_answers(app: flask.Flask, people: People) -> None:
    def page(status: int, words: str = "", error: Exception | None = None) -> flask.Response:
        if flask.request.path.startswith(f"{API}/"):
            if error is not None:
                return refusal_of(error)
            answer = flask.jsonify({"message": TITLES[status][0], "hint": TITLES[status][1]})
            answer.status_code = status
            return answer
        title, about = TITLES.get(status, TITLES[400])
        body = flask.render_template("error.html", status=status, title=title, words=words or about)
        return flask.Response(body, status)

    @app.errorhandler(HTTPException)
    def misdirected(error: HTTPException) -> Response:
        if error.code is None or error.code < 400:
            return error.get_response()
        # an exception's own words are werkzeug's; ours are those that a part of ours gave it
        own = error.description if error.description != type(error).description else ""
        return page(error.code, own or "", error)

    @app.errorhandler(TryAgain)
    def away(error: TryAgain) -> Response:
        _log.warning("page not shown", path=flask.request.path, why=str(error))
        answer = page(503, error=error)
        answer.headers["Retry-After"] = str(round(error.after or RETRY_SECONDS))
        return answer

    @app.errorhandler(NotAccepted)
    def expired(error: NotAccepted) -> Response:
        by_token = "Private-Token" in flask.request.headers or "Authorization" in flask.request.headers
        people.forget()
        if flask.request.method != "GET" or by_token:
            return page(401, error=error)
        # the same page again, as somebody who is not signed in
        return flask.redirect(flask.request.full_path.rstrip("?"), 303)

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        _log.error("page failed", path=flask.request.path, exc_info=error)
        return page(500)

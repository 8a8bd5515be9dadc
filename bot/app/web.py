"""The catalogue's web pages, in a process of their own: pages, badges and API under one application."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Flask

from bot.adapters.database import DOOR_SECONDS
from bot.adapters.registry.values import read_image
from bot.adapters.store import Store
from bot.adapters.visibility import Visibility
from bot.app.registries import build_registry
from bot.app.settings import start_logs
from bot.browsing import Browser
from bot.config import Config
from bot.domain.events import Event, subject, to_dict
from bot.domain.facts import ACCESS_CHANGED
from bot.doorkeeper import run_wsgi
from bot.layers.trust.bill import fetch_bill
from bot.web.api import api
from bot.web.app import WebSettings, create_web
from bot.web.people import Keys, People
from bot.web.signin import Provider, sign_in_pages

WEB_TIMEOUT_SECONDS = 60
WEB_GRACE_SECONDS = 5
MAX_ADDRESS_BYTES = 8190
"""The most that gunicorn takes in a request's first line."""

PROGRESS_SECONDS = 2.0
"""How long somebody who looks at what is under way is given the same answer: pages ask every few seconds."""


def run_web(config: Config, descriptor: int | None) -> None:
    """Serve the catalogue's pages until SIGTERM: on an open listening socket, else where the configuration says."""
    start_logs(config)
    Store.prepare(config.database.url).close()
    bind = config.catalogue.listen if descriptor is None else f"fd://{descriptor}"
    run_wsgi(lambda: build_web(config), web_settings(config, bind))


def build_web(config: Config) -> Flask:
    """The WSGI application of pages, badges and API. Build it after a fork: it holds connections."""
    shown, gitlab = config.catalogue, config.gitlab
    ca_file = str(gitlab.ca_file) if gitlab.ca_file else None
    store = Store(config.database.url, DOOR_SECONDS)

    def changed() -> str | None:
        return store.fact(ACCESS_CHANGED)

    eyes = Visibility(gitlab.url, gitlab.timeout_seconds, shown.cache_seconds, ca_file, changed=changed)
    browser = Browser(store, eyes, min(PROGRESS_SECONDS, shown.cache_seconds), changed=changed)
    keys = Keys.of(shown.session_secret.get_secret_value()) if shown.session_secret else None
    people = People(store, eyes, shown.address, keys if shown.client_id else None)

    def ask(event: Event) -> None:
        store.accept(f"withdraw {uuid.uuid4()}", to_dict(event), subject(event))

    others = [api(browser, people, shown.address, ask)]
    if shown.client_id and shown.client_secret:
        secret = shown.client_secret.get_secret_value()
        provider = Provider(shown.address, gitlab.url, shown.client_id, secret, ca_file)
        others.append(sign_in_pages(people, eyes, store, provider))
    # somebody waits for the answer: it is not tried again, they are told
    registries = build_registry(config, pauses=())

    def bill(image: str, digest: str) -> bytes | None:
        host, repository = read_image(image)
        return fetch_bill(registries(host), repository, digest)

    settings = WebSettings(shown.address, gitlab.url, config.docs_url)
    return create_web(browser, people, settings, bill, others)


def web_settings(config: Config, bind: str) -> dict[str, Any]:
    """How gunicorn serves the pages."""
    return {
        "bind": bind,
        "workers": config.catalogue.processes,
        "threads": config.catalogue.threads,
        "worker_class": "gthread",
        "timeout": WEB_TIMEOUT_SECONDS,
        "graceful_timeout": WEB_GRACE_SECONDS,
        # a form's values stand in the address
        "limit_request_line": MAX_ADDRESS_BYTES,
        "proc_name": "mlreef-bot-web",
    }

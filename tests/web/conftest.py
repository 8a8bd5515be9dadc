"""The catalogue's pages on a server of their own, about the modules of the pictures; and a browser to look with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import flask
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from bot.web.app import WebSettings, create_web
from pictures.catalogue import GITLAB, Nobody, Sample, sample
from pictures.serving import served

SETTINGS = WebSettings("https://modules.example.com", GITLAB, "https://docs.example.com")
PATIENCE_MS = 20_000
"""Milliseconds for what a page does by itself: a busy machine draws slowly."""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def shelf() -> Sample:
    """The modules; a test may add its own."""
    return sample()


@pytest.fixture
def app(shelf: Sample) -> flask.Flask:
    return create_web(shelf, Nobody(), SETTINGS)


@pytest.fixture
def client(app: flask.Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def site(app: flask.Flask) -> Iterator[str]:
    with served(app) as address:
        yield address


# each file's own: files elsewhere take this fixture, too, and of Playwright one at a time may run in a process
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's own browser. Nothing outside of this machine resolves in it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            # root may not use Chromium's own sandbox; what is shown here comes from this repository
            args=[
                "--no-sandbox",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            ],
        )
        yield browser
        browser.close()


@dataclass
class Looking:
    """A page, with everything that went wrong on it."""

    page: Page
    wrong: list[str] = field(default_factory=list)


@contextmanager
def looking(
    chromium: Browser, *, width: int = 1280, dark: bool = False, script: bool = True, height: int = 800
) -> Iterator[Looking]:
    """A page in a window of its own; broken policies, errors of scripts and dialogs are kept."""
    context: BrowserContext = chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    look = Looking(page)
    page.on("pageerror", lambda error: look.wrong.append(str(error)))
    page.on("dialog", lambda dialog: (look.wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on(
        "console",
        lambda said: look.wrong.append(said.text) if "Content Security Policy" in said.text else None,
    )
    try:
        yield look
    finally:
        context.close()

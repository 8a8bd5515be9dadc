"""Photographs of the catalogue's pages for docs/catalogue.md, by Playwright and the system's Chromium."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import flask
from playwright.sync_api import sync_playwright

from bot.web.app import STATIC, WebSettings, create_web
from pictures.browser import NoBrowser
from pictures.catalogue import GITLAB, Nobody, sample
from pictures.serving import served

SCALE = 1.5
_MOMENTS = re.compile(r'(?:datetime|title)="20\d\d-[^"]*"')


@dataclass(frozen=True, slots=True)
class Shot:
    """A page in a window of that many CSS pixels; the whole of it where `height` is 0."""

    name: str
    address: str
    width: int = 1180
    height: int = 0
    dark: bool = False


FORM = "p.input-path=data/photos&p.output-path=noisy&p.mode=speckle&p.variance=0.02"
SHOTS = (
    Shot("catalogue-list", "/"),
    Shot("catalogue-module", f"/modules/vision/add-noise?{FORM}"),
    Shot("catalogue-training", "/modules/vision/resnet?p.input-path=data/train&p.depth=34", dark=True),
    Shot("catalogue-compare", "/modules/vision/add-noise/-/compare/0.9.0/1.0.2", height=560),
    Shot("catalogue-progress", "/publications", height=720),
    Shot("catalogue-telephone", "/modules/language/tokens?p.input-path=texts", width=390),
)


def catalogue() -> flask.Flask:
    """The application that is photographed."""
    return create_web(sample(), Nobody(), WebSettings("https://modules.example.com", GITLAB))


def made_from(shot: Shot) -> str:
    """The digest of what a picture shows: the page, but for moments, with styles and window."""
    page = _MOMENTS.sub("", catalogue().test_client().get(shot.address).text)
    styles = (STATIC / "catalogue.css").read_text("utf-8")
    return hashlib.sha256("\0".join((page, styles, repr(shot))).encode()).hexdigest()


def photographs(shots: tuple[Shot, ...]) -> Iterator[tuple[Shot, bytes]]:
    """Each as a PNG. Raises NoBrowser without Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise NoBrowser("chromium (Debian: apt-get install chromium)")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with served(catalogue()) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for shot in shots:
            page = browser.new_page(
                viewport={"width": shot.width, "height": shot.height or 400},
                color_scheme="dark" if shot.dark else "light",
                device_scale_factor=SCALE,
                reduced_motion="reduce",
            )
            page.goto(site + shot.address)
            page.wait_for_load_state("networkidle")
            yield shot, page.screenshot(full_page=not shot.height)
            page.close()
        browser.close()

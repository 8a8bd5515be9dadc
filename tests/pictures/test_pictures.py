"""What the bot writes, in a real browser: nothing is loaded, nothing is cut off, and pictures show today's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pictures.__main__ import FOLDER, digest_of, made_from
from pictures.browser import Browser
from pictures.page import Comment, Scene, page
from pictures.scenes import scenes
from pictures.shots import SHOTS

PAGE = Path(__file__).parents[2] / "docs" / "merge-requests.md"
MAX_PICTURE_BYTES = 120_000
WIDTHS = (360, 1280)
"""CSS pixels: a telephone's and a desk's."""

OF_EVERY_SCENE = pytest.mark.parametrize("scene", scenes(), ids=lambda scene: scene.name)

ROWS = """
return [...document.querySelectorAll(".md .table table")].map(
    table => [...table.rows].map(row => row.cells.length))
"""
FOLDED = """
return [...document.querySelectorAll("details")].map(folded => {
    const shown = () => folded.getBoundingClientRect().height;
    const before = shown();
    folded.querySelector("summary").click();
    const after = shown();
    folded.querySelector("summary").click();
    return [before, after];
})
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


def said(body: str) -> Scene:
    return Scene("said", "A merge request", "Open", "work", "alice", (Comment("mlreef-bot", body),))


@pytest.mark.browser
def test_what_a_page_asks_for_is_seen(browser: Browser) -> None:
    asked = browser.show(page(said("![a picture](https://spy.example.com/a.png)")), 800)
    assert asked == ["https://spy.example.com/a.png"]


@pytest.mark.browser
def test_a_page_that_is_too_wide_is_seen(browser: Browser) -> None:
    browser.show('<div style="width: 2000px">wide</div>', 800)
    assert browser.ask("return document.documentElement.scrollWidth") > 800


@pytest.mark.browser
@pytest.mark.parametrize("width", WIDTHS)
@OF_EVERY_SCENE
def test_a_page_loads_nothing_and_fits_the_window(browser: Browser, scene: Scene, width: int) -> None:
    assert browser.show(page(scene), width) == []
    assert browser.ask("return document.documentElement.scrollWidth") == width


@pytest.mark.browser
@OF_EVERY_SCENE
def test_tables_are_tables_and_what_is_folded_unfolds(browser: Browser, scene: Scene) -> None:
    browser.show(page(scene), 800)
    for rows in browser.ask(ROWS):
        assert len(rows) >= 2
        assert len(set(rows)) == 1
    said = [one.body for comment in scene.comments for one in (comment, *comment.replies)]
    written = "\n".join([scene.description, *said])
    assert len(browser.ask(ROWS)) == len(re.findall(r"^\|(?:[ :]*-+[ :]*\|)+$", written, re.MULTILINE))
    folded = browser.ask(FOLDED)
    assert len(folded) == written.count("<details>")
    assert all(after > before + 20 for before, after in folded) or scene.unfolded


@OF_EVERY_SCENE
def test_the_picture_of_a_scene_is_of_today_and_small(scene: Scene) -> None:
    file = FOLDER / f"{scene.name}.png"
    assert file.exists(), "run `make pictures`"
    assert digest_of(file) == made_from(scene), "the words or their looks have changed: run `make pictures`"
    assert file.stat().st_size <= MAX_PICTURE_BYTES


def test_every_picture_is_shown_on_its_page() -> None:
    shown = re.findall(r"\]\(pictures/([\w-]+)\.png\)", PAGE.read_text("utf-8"))
    assert shown == [scene.name for scene in scenes()]
    # tests/pictures/test_catalogue_pictures.py holds the catalogue's to their own page
    of_pages = [shot.name for shot in SHOTS]
    assert sorted(shown + of_pages) == sorted(file.stem for file in FOLDER.glob("*.png"))

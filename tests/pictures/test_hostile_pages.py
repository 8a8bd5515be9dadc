"""The worst that a repository can say, in a real browser: it is text there, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bot.domain.text import prose, span
from pictures.browser import Browser
from pictures.page import Comment, Scene, page
from tests.domain.hostile import ATTACKS, Maker
from tests.domain.test_harmless import RENDERERS

pytestmark = pytest.mark.browser

MADE_OF_EACH = 6
NARROWEST = 360
"""CSS pixels: a telephone's."""

LINKS = "return [...document.querySelectorAll('.md a')].map(link => new URL(link.href).host)"
ALIVE = "return document.querySelectorAll('.md :is(img, script, iframe, input, video, audio, form, style)').length"
INSIDE = """
const edge = document.documentElement.clientWidth;
return [...document.querySelectorAll(".box")].filter(box => box.getBoundingClientRect().right > edge).length
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.mark.parametrize("function", RENDERERS)
def test_no_words_of_a_repository_load_link_or_burst_the_page(
    browser: Browser, function: Callable[..., str | list[str]]
) -> None:
    made = [function(**Maker(seed, ATTACKS).arguments(function)) for seed in range(MADE_OF_EACH)]
    texts = [one if isinstance(one, str) else "\n".join(one) for one in made]
    if "status" in function.__name__ or "title" in function.__name__:
        scene = Scene("x", "".join(texts), "Open", "x", "x", check=("x", "success", "".join(texts)))
    else:
        scene = Scene("x", "x", "Open", "x", "x", tuple(Comment("mlreef-bot", text) for text in texts))
    assert browser.show(page(scene), NARROWEST) == []
    assert browser.ask(ALIVE) == 0
    assert set(browser.ask(LINKS)) <= {"gitlab.example.com"}
    assert browser.ask(INSIDE) == 0
    assert browser.ask("return document.documentElement.scrollWidth") == NARROWEST


def test_what_a_script_says_of_itself_is_read_as_it_was_written(browser: Browser) -> None:
    sentences = [
        "a <img src=https://spy.example.com/x.png> b",
        "<b>bold</b> | **x**",
        "see @all and #1, please",
    ]
    body = "\n\n".join([f"It says {prose(one)}, {span(one)}." for one in sentences])
    assert browser.show(page(Scene("x", "x", "Open", "x", "x", (Comment("mlreef-bot", body),))), 800) == []
    shown = browser.ask("return document.body.innerText")
    assert all(shown.count(one) == 2 for one in sentences)

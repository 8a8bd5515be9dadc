"""The report in a real browser, from a file: nothing is loaded, nothing of the data runs, and it sorts by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from ci_templates.mlopen.mlopenapp._run.predictions import read_predictions
from ci_templates.mlopen.mlopenapp._run.report import write_report
from ci_templates.mlopen.mlopenapp.utils import plotter
from tests.domain.hostile import ATTACKS
from tests.web.conftest import chromium as chromium
from tests.web.conftest import looking

pytestmark = pytest.mark.browser

RUNS = "document.title='run'"
HOSTILE = (
    *ATTACKS,
    f"<script>{RUNS}</script>",
    f"<img src=x onerror={RUNS}>",
    f"<svg onload={RUNS}>",
    f"</td></table><script>{RUNS}</script>",
    "<img src=https://evil.example/x.png><link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import url(https://evil.example/x.css);</style><base href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'><iframe src=https://evil.example></iframe>",
    f"<a href='javascript:{RUNS}'>x</a><form action=https://evil.example><input autofocus onfocus={RUNS}>",
    f"<math><mtext><table><mglyph><style><img src onerror={RUNS}>",
    f"</script><script>{RUNS}</script>",
)
TABLE = {
    "columns": ["name", "size", "note"],
    "data": [["b", 10, "x"], ["a", 9, None], ["c", -2.5, "item 10"], ["d", None, "item 9"]],
    "graphs": [
        plotter.pie_plot_from_lists(["large", "small"], [3, 1], "Sizes"),
        {
            "data": [
                {"x": ["mon", "tue"], "y": [1, 2], "name": "one"},
                {"type": "bar", "x": ["mon"], "y": [3]},
            ]
        },
    ],
    "text": "<h2>What it is</h2><p>Made of <b>four</b> things, see <a href='https://a.example/'>there</a>.</p>",
}

BROKEN_WORDS = """() => {
  const broken = [];
  const walk = document.createTreeWalker(document.getElementById("data"), NodeFilter.SHOW_TEXT);
  while (walk.nextNode())
    for (const word of walk.currentNode.data.matchAll(/\\S+/g)) {
      const range = document.createRange();
      range.setStart(walk.currentNode, word.index);
      range.setEnd(walk.currentNode, word.index + word[0].length);
      if (new Set(Array.from(range.getClientRects(), (one) => one.top)).size > 1) broken.push(word[0]);
    }
  return broken;
}"""
"""Words of the table that do not stand in one line."""


def column(page: Page, place: int) -> list[str]:
    return page.locator(f"tbody td:nth-child({place})").all_inner_texts()


def opened(page: Page, folder: Path, preds: object) -> list[str]:
    """Shows the report; gives what is loaded besides it, as it comes."""
    report = folder / "report.html"
    report.write_text(write_report(read_predictions(preds), "the title"), "utf-8")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    assert asked.pop(0) == report.as_uri()
    return asked


def test_nothing_of_the_data_runs_or_is_loaded(chromium: Browser, tmp_path: Path) -> None:
    preds = {
        "columns": HOSTILE,
        "data": [HOSTILE],
        "text": "".join(HOSTILE),
        "graphs": [
            *HOSTILE,
            *(plotter.pie_plot_from_lists([text], [1], text) for text in HOSTILE),
            {
                "data": [{"type": "bar", "name": text, "x": [text], "y": [1]} for text in HOSTILE[-9:]],
                "layout": {"title": HOSTILE[-1]},
            },
        ][-100:],
    }
    with looking(chromium) as look:
        asked = opened(look.page, tmp_path, preds)
        look.page.locator("th button").first.press("Enter")
        expect(look.page.locator("#said")).to_contain_text("ascending")
        assert look.page.title() == "the title"
        assert [url for url in asked if not url.startswith("data:image/")] == []
        assert look.wrong == []
        assert look.page.locator("tbody td").all_text_contents()[-1] == HOSTILE[-1]


def test_it_is_sorted_by_keyboard_up_down_and_back(chromium: Browser, tmp_path: Path) -> None:
    with looking(chromium) as look:
        page = look.page
        opened(page, tmp_path, TABLE)
        for _ in range(3):
            page.keyboard.press("Tab")  # the link, the table, its first head
        expect(page.get_by_role("button", name="name")).to_be_focused()
        page.keyboard.press("Enter")
        assert column(page, 1) == ["a", "b", "c", "d"]
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        # numbers by their size; what has none comes last, both ways
        assert column(page, 2) == ["-2.5", "9", "10", ""]
        expect(page.locator("th").nth(1)).to_have_attribute("aria-sort", "ascending")
        expect(page.locator("th").nth(0)).not_to_have_attribute("aria-sort", "ascending")
        page.keyboard.press("Space")
        assert column(page, 2) == ["10", "9", "-2.5", ""]
        expect(page.locator("#said")).to_have_text("size: descending")
        page.keyboard.press("Space")
        assert column(page, 1) == ["b", "a", "c", "d"]
        page.get_by_role("button", name="note").click()
        assert column(page, 3) == ["item 9", "item 10", "x", ""]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (360, False)])
def test_it_can_be_read_by_everybody_in_any_window(
    chromium: Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    with looking(chromium, width=width, dark=dark) as look:
        opened(look.page, tmp_path, TABLE)
        found = Axe().run(look.page)
        assert found.violations_count == 0, found.generate_report()
        assert look.page.evaluate("document.documentElement.scrollWidth") <= width
        assert look.wrong == []


def test_words_stay_whole_in_a_narrow_window(chromium: Browser, tmp_path: Path) -> None:
    sentence = "It was the best evening that I had in a long time, I would see it again."
    table = {
        "columns": ["Review", "Sentiment", "Chance"],
        "data": [[sentence, "praise", 0.5], ["x" * 5000, "", 1]],
    }
    with looking(chromium, width=320) as look:
        opened(look.page, tmp_path, table)
        assert look.page.evaluate("document.documentElement.scrollWidth") <= 320
        # what is no word at all is broken, so that the rest of the table stays in reach
        assert {word[:9] for word in look.page.evaluate(BROKEN_WORDS)} == {"x" * 9}
        assert look.page.evaluate("document.getElementById('data').scrollWidth") < 1500


def test_the_figures_of_a_graph_that_is_not_drawn_are_unfolded_by_keyboard(
    chromium: Browser, tmp_path: Path
) -> None:
    parts = {"type": "sunburst", "labels": ["all", "half"], "values": [2, 1], "name": "parts"}
    with looking(chromium) as look:
        opened(look.page, tmp_path, {"graphs": [{"data": [parts]}]})
        cell = look.page.get_by_role("cell", name="half")
        expect(cell).to_be_hidden()
        look.page.get_by_text("sunburst parts: 2 rows").press("Enter")
        expect(cell).to_be_visible()
        found = Axe().run(look.page)
        assert found.violations_count == 0, found.generate_report()


def test_without_scripts_all_of_it_is_there(chromium: Browser, tmp_path: Path) -> None:
    with looking(chromium, script=False) as look:
        opened(look.page, tmp_path, TABLE)
        assert column(look.page, 1) == ["b", "a", "c", "d"]
        expect(look.page.get_by_role("img", name="Sizes")).to_be_visible()
        expect(look.page.get_by_role("heading", name="What it is")).to_be_visible()

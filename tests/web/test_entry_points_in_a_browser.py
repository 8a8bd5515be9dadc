"""The form of a module with several entry points in a real browser: another one is chosen, with and without scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from bot.web.app import create_web
from pictures.catalogue import Nobody, Sample
from pictures.serving import served
from tests.web.conftest import SETTINGS, looking
from tests.web.test_entry_points_form import FILES, PAGE

pytestmark = pytest.mark.browser


@pytest.fixture
def forest() -> Iterator[str]:
    shelf = Sample()
    shelf.add("lab/forest", {"1.0.0": FILES}, days=1)
    with served(create_web(shelf, Nobody(), SETTINGS)) as address:
        yield address + PAGE


def test_another_entry_point_is_chosen_without_loading_the_page_anew(chromium: Browser, forest: str) -> None:
    with looking(chromium) as look:
        page = look.page
        page.goto(forest)
        page.evaluate("window.sameDocument = true")
        choose = page.locator("select[name='p.entry-point']")
        choose.focus()
        choose.select_option("infer")
        expect(page.locator("details > summary", has_text="train")).to_be_visible()
        expect(page.get_by_label("--epochs")).to_be_hidden()
        expect(choose).to_be_focused()
        page.locator("input[name='p.infer-input-path']").press_sequentially("new")
        page.locator("input[name='p.infer-model']").press_sequentially("model.bin")
        expect(page.locator("#snippet-component")).to_contain_text("infer-model: model.bin")
        # and back: what was typed is kept, and told where it does not belong
        choose.select_option("train")
        expect(page.get_by_label("--epochs")).to_be_visible()
        expect(page.locator("input[name='p.infer-model']")).to_have_value("model.bin")
        expect(page.locator("#pane-component")).not_to_contain_text("model.bin")
        expect(page.get_by_text("It belongs to the entry point").first).to_be_visible()
        for name in ("infer-model", "infer-input-path"):
            page.locator(f"input[name='p.{name}']").fill("")
        page.locator("input[name='p.train-input-path']").fill("table.csv")
        expect(page.locator("#snippet-component")).to_contain_text("train-input-path: table.csv")
        assert page.evaluate("window.sameDocument")
        assert Axe().run(page).violations_count == 0
        assert look.wrong == []


def test_without_scripts_the_button_does_the_same(chromium: Browser, forest: str) -> None:
    with looking(chromium, script=False) as look:
        page = look.page
        page.goto(forest)
        page.locator("select[name='p.entry-point']").select_option("infer")
        page.get_by_role("button", name="Write it down").click()
        expect(page.get_by_label("--epochs")).to_be_hidden()
        page.locator("input[name='p.infer-input-path']").fill("new")
        page.locator("input[name='p.infer-model']").fill("model.bin")
        page.get_by_role("button", name="Write it down").click()
        expect(page.locator("#snippet-component")).to_contain_text("entry-point: infer")
        expect(page.locator("#snippet-component")).to_contain_text("infer-model: model.bin")
        page.locator("select[name='p.entry-point']").select_option("train")
        page.get_by_role("button", name="Write it down").click()
        expect(page.get_by_label("--epochs")).to_be_visible()
        expect(page.get_by_text("It belongs to the entry point").first).to_be_visible()

"""The pages in a real browser: with and without scripts, by keyboard alone, narrow, dark, and read aloud."""

from __future__ import annotations

from dataclasses import replace

import flask
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from bot.domain.access import ANONYMOUS
from bot.domain.snippets import component_snippet, docker_line
from bot.web.app import create_web
from parser.model import Module
from pictures.catalogue import Nobody, Sample, sample, written
from pictures.serving import served
from tests.domain.hostile import ATTACKS
from tests.web.conftest import SETTINGS, looking

pytestmark = pytest.mark.browser

NOISE = "/modules/vision/add-noise"
PAGES = (
    *("/", "/?q=nothing+like+it", NOISE, "/modules/vision/resnet?p.epochs=many", "/modules/language/tokens"),
    *(f"{NOISE}/-/compare/0.9.0/1.1.0", "/publications", "/nowhere"),
)
TYPED = {"input-path": 'data/it\'s "here"', "output-path": "out", "variance": "-1.5e-3"}
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>'\"`{{7*7}}"


def module_of(shelf: Sample, path: str) -> tuple[Module, str]:
    view = shelf.module(path, ANONYMOUS)
    assert view is not None
    assert view.shown is not None
    assert view.shown.module is not None
    return view.shown.module, f"{view.shown.listed.image}@{view.shown.listed.digest}"


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (360, False)])
def test_every_page_can_be_read_by_everybody_and_fits_its_window(
    chromium: Browser, site: str, width: int, dark: bool
) -> None:
    with looking(chromium, width=width, dark=dark) as look:
        for address in PAGES:
            look.page.goto(site + address)
            found = Axe().run(look.page)
            assert found.violations_count == 0, f"{address}: {found.generate_report()}"
            assert look.page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert look.wrong == []


def test_the_form_writes_what_is_typed_into_every_text_at_once(
    chromium: Browser, site: str, shelf: Sample
) -> None:
    module, image = module_of(shelf, "vision/add-noise")
    with looking(chromium) as look:
        page = look.page
        page.goto(site + NOISE)
        for name, value in TYPED.items():
            page.get_by_label(f"--{name}").press_sequentially(value)
        page.get_by_label("--mode").select_option("speckle")
        values = {**TYPED, "mode": "speckle"}
        wanted = component_snippet(module, "vision/add-noise", "1.1.0", values).text
        expect(page.locator("#snippet-component")).to_have_text(wanted, use_inner_text=False)
        assert page.locator("#snippet-component").text_content() == wanted
        page.get_by_text("Docker", exact=True).click()
        assert page.locator("#snippet-docker").text_content() == docker_line(image, module, values).text
        # the address holds what was typed: it can be sent to somebody, and gone back to
        address = page.url
        page.goto(address)
        page.locator("label[for=as-component]").click()
        assert page.locator("#snippet-component").text_content() == wanted
        assert look.wrong == []


def test_a_version_published_meanwhile_changes_nothing_of_what_the_form_writes(
    chromium: Browser, site: str, shelf: Sample
) -> None:
    module, image = module_of(shelf, "vision/add-noise")
    with looking(chromium) as look:
        page = look.page
        page.goto(site + NOISE)
        listed, versions = shelf.modules["vision/add-noise"]
        newer = replace(versions[0][0], version="2.0.0", number=4, digest=f"sha256:{'4' * 64}")
        changed = replace(module, parameters=module.parameters[:1])
        shelf.modules["vision/add-noise"] = (replace(listed, newest=newer), ((newer, changed), *versions))
        page.get_by_label("--input-path").fill("data")
        wanted = component_snippet(module, "vision/add-noise", "1.1.0", {"input-path": "data"}).text
        expect(page.locator("#snippet-component")).to_have_text(wanted, use_inner_text=False)
        assert image in (page.locator("#snippet-docker").text_content() or "")
        # the address leads to that version, too, and there people are told of the newer one
        page.reload()
        assert page.locator("#snippet-component").text_content() == wanted
        expect(page.locator(".notice")).to_contain_text("See 2.0.0")


def test_what_is_copied_is_the_text_itself(chromium: Browser, site: str, shelf: Sample) -> None:
    module, _ = module_of(shelf, "vision/add-noise")
    with looking(chromium) as look:
        look.page.goto(site + NOISE)
        look.page.get_by_role("button", name="Copy: GitLab CI").click()
        expect(look.page.locator("#said")).to_have_text("Copied")
        copied = look.page.evaluate("navigator.clipboard.readText()")
        assert copied == component_snippet(module, "vision/add-noise", "1.1.0", {}).text


def test_a_value_that_is_refused_is_told_at_its_field_and_forgotten_when_it_is_mended(
    chromium: Browser, site: str
) -> None:
    with looking(chromium) as look:
        look.page.goto(site + NOISE)
        field = look.page.get_by_label("--variance")
        field.fill("much")
        expect(field).to_have_attribute("aria-invalid", "true")
        described = field.get_attribute("aria-describedby")
        assert described is not None
        error = look.page.locator(f"#{described.split()[-1]}")
        expect(error).not_to_be_empty()
        field.fill("0.5")
        expect(error).to_be_empty()
        expect(field).not_to_have_attribute("aria-invalid", "true")


def test_without_scripts_search_and_form_work_all_the_same(
    chromium: Browser, site: str, shelf: Sample
) -> None:
    module, _ = module_of(shelf, "vision/add-noise")
    with looking(chromium, script=False) as look:
        page = look.page
        page.goto(site)
        page.get_by_label("Search modules").fill("noise")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("status")).to_have_text("One module fits.")
        page.get_by_role("link", name="Add Noise").click()
        page.get_by_label("--input-path").fill("data")
        page.get_by_label("--output-path").fill("out")
        page.get_by_role("button", name="Write it down").click()
        values = {"input-path": "data", "output-path": "out"}
        wanted = component_snippet(module, "vision/add-noise", "1.1.0", values).text
        assert page.locator("#snippet-component").text_content() == wanted
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("What changed from 1.0.2 to 1.1.0")


def test_a_search_finds_while_one_types(chromium: Browser, site: str) -> None:
    with looking(chromium) as look:
        look.page.goto(site)
        look.page.get_by_label("Search modules").press_sequentially("confusion")
        expect(look.page.get_by_role("status")).to_have_text("One module fits.")
        expect(look.page.get_by_role("heading", level=2)).to_have_text(["Confusion Matrix"])
        assert look.page.url.endswith("?q=confusion")


def test_everything_can_be_done_by_keyboard(chromium: Browser, site: str) -> None:
    with looking(chromium) as look:
        page = look.page
        page.goto(site)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.type("add noise")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("One module fits.")
        reach(look.page, "Add Noise")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Add Noise")
        reach(look.page, "--input-path")
        page.keyboard.type("data")
        reach(look.page, "GitLab CI")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#snippet-docker")).to_be_visible()
        expect(page.locator("#snippet-component")).to_be_hidden()
        page.keyboard.press("Tab")
        expect(page.locator("#snippet-docker")).to_be_focused()


def reach(page: Page, name: str, presses: int = 60) -> None:
    """Press Tab until what is focused is called that; every stop on the way can be seen to be one."""
    for _ in range(presses):
        page.keyboard.press("Tab")
        called, outlined = page.evaluate(
            """() => {
                const one = document.activeElement, look = getComputedStyle(one.type === "radio" ? one.labels[0] : one);
                return [one.labels?.[0]?.textContent || one.textContent.trim(), look.outlineStyle !== "none"];
            }"""
        )
        assert outlined, called
        if called == name:
            return
    raise AssertionError(f"Tab does not reach {name}")


def test_what_is_in_progress_moves_by_itself(chromium: Browser, site: str, shelf: Sample) -> None:
    with looking(chromium) as look:
        look.page.goto(f"{site}/publications")
        first = look.page.locator(".publication").first
        expect(first.locator(".stages .busy")).to_have_text("smoke running")
        one, *others = shelf.publications
        done = tuple(replace(stage, state="success") for stage in one.stages)
        shelf.publications = (replace(one, stages=done), *others)
        expect(first.locator(".stages .good")).to_have_count(4)


def evil(shelf: Sample, attack: str) -> None:
    """A module whose every text is the attack; its default values and choices, too."""
    more = f"parser.add_argument('--pick', choices=[{attack!r}, 'b'], default='b', help={attack!r})\n"
    more += f"parser.add_argument('--text', default={attack!r}, metavar={attack!r}, help='x')\n"
    files = written("Evil", "OPERATION", "TEXT", "TEXT", "x", more)
    shelf.add("evil/one", {"1.0.0": files, "1.1.0": files}, days=0, topics=(attack,), readme=attack)
    listed, versions = shelf.modules["evil/one"]
    shelf.modules["evil/one"] = (
        replace(listed, name=attack, description=attack, author=attack),
        versions,
    )
    one = shelf.publications[0]
    shelf.publications = (replace(one, name=attack, branch=attack, path=attack),)


@pytest.mark.parametrize("attack", [MARKUP, "".join(ATTACKS)], ids=["markup", "everything"])
def test_nothing_of_a_hostile_module_runs_loads_or_breaks_the_policy(chromium: Browser, attack: str) -> None:
    shelf = Sample()
    shelf.publications = sample().publications
    evil(shelf, attack)
    app: flask.Flask = create_web(shelf, Nobody(), SETTINGS)
    with served(app) as site, looking(chromium, width=360) as look:
        asked: list[str] = []
        look.page.on("request", lambda request: asked.append(request.url))
        for address in ("/", "/modules/evil/one", "/modules/evil/one/-/compare/1.0.0/1.1.0", "/publications"):
            look.page.goto(site + address)
            # what the script puts in anew is text as well
            if "evil/one" in address and "compare" not in address:
                look.page.get_by_label("--input-path").fill(MARKUP)
                expect(look.page.locator("#snippet-component")).to_contain_text("onerror")
            assert look.page.evaluate("document.documentElement.scrollWidth") <= 360, address
        assert look.wrong == []
        assert all(one.startswith((site, "https://gitlab.example.com/evil/one/-/raw/")) for one in asked)


def test_a_script_that_would_stand_in_a_page_is_not_run_and_seen_here(
    chromium: Browser, app: flask.Flask
) -> None:
    @app.get("/with-script")
    def with_script() -> str:
        return "<!doctype html><title>x</title><script>alert(1)</script><p style='color: red'>x"

    with served(app) as site, looking(chromium) as look:
        look.page.goto(f"{site}/with-script")
        assert len(look.wrong) == 2
        assert all("Content Security Policy" in one for one in look.wrong)

"""The whole of it as the operator's configuration joins it: pages, GitLab, its sign-in, and a person at a browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from bot.app.web import build_web
from bot.config_file import load_config
from bot.domain.plan import State
from sandbox.gitlab import Sandbox
from tests.browsing.shop import Shop, open_shop
from tests.web.conftest import looking

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Sandbox(tmp_path / "gitlab") as gitlab:
        yield open_shop(gitlab, tmp_path, ("public", "internal", "private"))


@contextmanager
def opened(shop: Shop, folder: Path) -> Iterator[str]:
    """The address of the pages that `mlreef-bot web` would serve."""
    app: list[object] = []

    def relay(environ: WSGIEnvironment, start: StartResponse) -> object:
        return app[0](environ, start)  # type: ignore[operator] # the application, made once its address is known

    server = make_server("127.0.0.1", 0, relay, threaded=True)  # type: ignore[arg-type] # as above
    address = f"http://127.0.0.1:{server.server_port}"
    program = shop.gitlab.create_application("catalogue", f"{address}/sign-in/callback")
    environ = {
        "GITLAB__URL": shop.gitlab.url,
        "GITLAB__TOKEN": "glpat-not-used-by-pages",
        "WEBHOOK__SECRETS": "a secret of the webhooks",
        "BUILDER__IMAGE": "bot.example.com/bot:1",
        "DATABASE__URL": f"sqlite:///{folder / 'bot.db'}",
        "CATALOGUE__URL": address,
        "CATALOGUE__CLIENT_ID": program.client_id,
        "CATALOGUE__CLIENT_SECRET": program.secret,
        "CATALOGUE__SESSION_SECRET": "the operator's one secret, long enough",
        "CATALOGUE__CACHE_SECONDS": "0",
    }
    app.append(build_web(load_config(None, {f"MLREEF_{name}": value for name, value in environ.items()})))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listed(page: Page) -> set[str]:
    return set(page.locator(".card .path").all_inner_texts())


def test_a_person_signs_in_sees_more_and_loses_it_as_gitlab_takes_it_away(
    chromium: Browser, shop: Shop, tmp_path: Path
) -> None:
    private = shop.projects["private"]
    with opened(shop, tmp_path) as site, looking(chromium) as look:
        page = look.page
        page.goto(site)
        assert listed(page) == {"group/public"}
        page.goto(f"{site}/modules/group/private")
        expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
        page.get_by_role("link", name="Sign in with GitLab").click()
        page.get_by_role("button", name="Authorize as developer").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Secret private")
        assert page.url == f"{site}/modules/group/private"
        expect(page.locator(".who .name")).to_have_text("@developer")
        page.goto(site)
        assert listed(page) == {"group/public", "group/internal", "group/private"}
        private.members.pop(shop.people["developer"].id or 0)
        page.reload()
        assert listed(page) == {"group/public", "group/internal"}
        assert page.goto(f"{site}/modules/group/private").status == 404  # type: ignore[union-attr] # it is a page
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("link", name="Sign in with GitLab")).to_be_visible()
        page.goto(site)
        assert listed(page) == {"group/public"}
        assert look.wrong == []


def test_pages_tell_a_member_how_a_publication_goes_and_nobody_else(
    chromium: Browser, shop: Shop, tmp_path: Path
) -> None:
    shop.attempt(shop.projects["private"], State.WAITING)
    with opened(shop, tmp_path) as site, looking(chromium) as look:
        look.page.goto(f"{site}/publications")
        expect(look.page.get_by_role("heading", level=2)).to_have_text("Nothing is being published now")
        look.page.set_extra_http_headers({"Private-Token": shop.people["developer"].token})
        look.page.goto(f"{site}/publications")
        expect(look.page.locator(".publication")).to_contain_text("group/private")


def test_a_project_made_private_is_gone_at_once_with_its_badge(
    chromium: Browser, shop: Shop, tmp_path: Path
) -> None:
    with opened(shop, tmp_path) as site, looking(chromium) as look:
        page = look.page
        page.goto(f"{site}/badges/group/public/version.svg")
        assert "1.1.0" in page.content()
        shop.projects["public"].visibility = "private"
        page.goto(f"{site}/badges/group/public/version.svg")
        gone = page.content()
        page.goto(f"{site}/badges/group/never/version.svg")
        assert page.content() == gone
        page.goto(site)
        expect(page.get_by_role("heading", level=2)).to_have_text("There is nothing to see yet")

"""Signing in and out in a real browser, with the catalogue and GitLab on two sites, as they may be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from werkzeug.serving import make_server

from sandbox.gitlab import Sandbox
from tests.browsing.shop import open_shop
from tests.browsing.site import Site
from tests.web.conftest import looking

pytestmark = pytest.mark.browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The catalogue on `localhost`, GitLab on 127.0.0.1: for a browser they have nothing to do with each other."""
    with Sandbox(tmp_path / "gitlab") as gitlab:
        shop = open_shop(gitlab, tmp_path, ("public", "private"))
        server = make_server("127.0.0.1", 0, lambda _environ, _start: [], threaded=True)
        made = Site(shop, f"http://localhost:{server.server_port}")
        server.app = made.app
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.mark.parametrize("script", [True, False])
def test_somebody_signs_in_sees_what_is_theirs_and_signs_out(
    chromium: Browser, site: Site, script: bool
) -> None:
    with looking(chromium, script=script) as look:
        page = look.page
        page.goto(f"{site.url}/modules/group/private")
        expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
        page.get_by_role("link", name="Sign in with GitLab").click()
        page.get_by_role("button", name="Authorize as reporter").click()
        page.wait_for_url(f"{site.url}/modules/group/private")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Secret private")
        expect(page.get_by_text("@reporter")).to_be_visible()
        page.goto(f"{site.url}/?q=secret")
        expect(page.get_by_text("Secret private")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{site.url}/")
        expect(page.get_by_role("link", name="Sign in with GitLab")).to_be_visible()
        assert "Secret private" not in page.content()
        page.go_back()
        assert "Secret private" not in page.content()
        assert look.wrong == []


def test_somebody_who_says_no_at_gitlab_is_told_so(chromium: Browser, site: Site) -> None:
    with looking(chromium) as look:
        page = look.page
        page.goto(f"{site.url}/")
        page.get_by_role("link", name="Sign in with GitLab").click()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This is not allowed")
        expect(page.get_by_text("Nothing has changed")).to_be_visible()
        assert look.wrong == []

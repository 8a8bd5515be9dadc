"""The catalogue's site in front of a shop, and browsers that visit it."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import flask
import requests
from werkzeug.test import Client, TestResponse

from bot.adapters.visibility import Visibility
from bot.browsing import Browser
from bot.domain.events import WithdrawAsked
from bot.web.api import api
from bot.web.people import Keys, People
from bot.web.signin import CALLBACK, Provider, sign_in_pages
from sandbox.gitlab.oauth import Application
from tests.browsing.shop import Shop

URL = "http://catalogue.example.com"
SECRET = "the operator's one secret, long enough"
GITLAB_SECONDS = 5.0


@dataclass
class Site:
    """One process of the site; several may share a shop."""

    shop: Shop
    url: str = URL
    cache_seconds: float = 0.0
    program: Application | None = None
    asked: list[WithdrawAsked] = field(default_factory=list)

    def __post_init__(self) -> None:
        gitlab = self.shop.gitlab
        self.program = self.program or gitlab.create_application("catalogue", self.url + CALLBACK)
        self.eyes = Visibility(gitlab.url, GITLAB_SECONDS, self.cache_seconds)
        self.browser = Browser(self.shop.store, self.eyes)
        self.people = People(self.shop.store, self.eyes, self.url, Keys.of(SECRET))
        provider = Provider(self.url, gitlab.url, self.program.client_id, self.program.secret)
        self.app = flask.Flask("site")
        self.app.register_blueprint(sign_in_pages(self.people, self.eyes, self.shop.store, provider))
        self.app.register_blueprint(api(self.browser, self.people, self.url, self.asked.append))

    def visitor(self) -> Visitor:
        return Visitor(self)


class Visitor:
    """A browser: it keeps cookies, follows the site to GitLab and back, and never tells a token."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.client = Client(site.app, TestResponse)

    def get(self, path: str, **more: object) -> TestResponse:
        return self.client.get(path, base_url=self.site.url, **more)  # type: ignore[arg-type] # passed through

    def post(self, path: str, **more: object) -> TestResponse:
        return self.client.post(path, base_url=self.site.url, **more)  # type: ignore[arg-type] # passed through

    def to_gitlab(self, back: str = "/") -> str:
        """Begin to sign in: the address at GitLab where the site sends one."""
        answer = self.get("/sign-in", query_string={"next": back})
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def at_gitlab(self, address: str, username: str) -> str:
        """Say yes there: the address to which GitLab leads back."""
        page = requests.get(address, timeout=5).text
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)">', page)
        form = {name: html.unescape(value) for name, value in hidden}
        where = f"{self.site.shop.gitlab.url}/oauth/authorize"
        answer = requests.post(where, data={**form, "username": username}, allow_redirects=False, timeout=5)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def back(self, address: str) -> TestResponse:
        parts = urlsplit(address)
        return self.get(f"{parts.path}?{parts.query}")

    def sign_in(self, username: str, back: str = "/") -> TestResponse:
        return self.back(self.at_gitlab(self.to_gitlab(back), username))

    def csrf(self) -> str:
        """What a form on a page of this visitor's brings along."""
        cookie = self.cookie()
        with self.site.app.test_request_context(headers={"Cookie": f"{self.site.people.cookie}={cookie}"}):
            return self.site.people.csrf()

    def cookie(self) -> str:
        host = urlsplit(self.site.url).hostname or ""
        found = self.client.get_cookie(self.site.people.cookie, domain=host)
        return found.value if found is not None else ""

    def sees(self) -> set[str]:
        """Paths of the modules in the list."""
        return {one["path"] for one in (self.get("/api/v1/modules").json or {})["items"]}

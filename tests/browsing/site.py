"""The catalogue's site in front of a shop, put together as the program does it, and browsers that visit it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from werkzeug.test import Client, TestResponse

from bot.app.door import build_door
from bot.app.web import build_web
from bot.config import Config
from bot.domain.events import WithdrawAsked
from bot.web.signin import CALLBACK
from sandbox.gitlab.oauth import Application
from tests.browsing.shop import Shop

URL = "http://catalogue.example.com"
SECRET = "the operator's one secret, long enough"
HOOK_SECRET = "a secret of the hook's"
MANY = 1_000

Words = Mapping[str, str] | None


@dataclass
class Site:
    """One process of the site; several may share a shop. GitLab's answers are not kept, unless that is asked for."""

    shop: Shop
    url: str = URL
    cache_seconds: float = 0.0
    program: Application | None = None

    def __post_init__(self) -> None:
        gitlab = self.shop.gitlab
        self.program = self.program or gitlab.create_application("catalogue", self.url + CALLBACK)
        self.cookie = "__Host-mlreef" if self.url.startswith("https") else "mlreef"
        self.config = Config.model_validate(
            {
                # of no user: who may see what is never asked with it
                "gitlab": {"url": gitlab.url, "token": "glpat-of-nobody", "timeout_seconds": 5},
                "webhook": {"secrets": [HOOK_SECRET]},
                "builder": {"image": "registry.example.com/builder:1"},
                "database": {"url": self.shop.store.url},
                "catalogue": {
                    "enabled": True,
                    "url": self.url,
                    "client_id": self.program.client_id,
                    "client_secret": self.program.secret,
                    "session_secret": SECRET,
                    "cache_seconds": self.cache_seconds,
                },
            }
        )
        self.app = build_web(self.config)

    def tell(self, event: str, project_id: int) -> None:
        """Let GitLab tell the door of the same installation something by a hook of its system."""
        answer = (
            build_door(self.config)
            .test_client()
            .post(
                "/webhooks/gitlab",
                json={"event_name": event, "project_id": project_id},
                headers={"X-Gitlab-Token": HOOK_SECRET, "X-Gitlab-Event": "System Hook"},
            )
        )
        assert answer.status_code == 202, answer.text

    @property
    def asked(self) -> list[WithdrawAsked]:
        """What was asked of the worker so far, oldest first."""
        events = [dict(one.event) for one in self.shop.store.pending(MANY)]
        return [
            WithdrawAsked(**{k: v for k, v in one.items() if k != "kind"})
            for one in events
            if one["kind"] == "withdraw"
        ]

    def visitor(self) -> Visitor:
        return Visitor(self)


class Visitor:
    """A browser: it keeps cookies, follows the site to GitLab and back, and never tells a token."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.client = Client(site.app, TestResponse)

    def get(self, path: str, headers: Words = None, query_string: Words = None) -> TestResponse:
        return self.client.get(path, base_url=self.site.url, headers=headers, query_string=query_string)

    def post(self, path: str, headers: Words = None, data: Words = None) -> TestResponse:
        return self.client.post(path, base_url=self.site.url, headers=headers, data=data)

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
        """What a form on a page of this visitor's brings along; empty where it has none."""
        found = re.search(r'name="csrf" value="([^"]*)"', self.get("/publications").text)
        return found[1] if found else ""

    def cookie(self) -> str:
        host = urlsplit(self.site.url).hostname or ""
        found = self.client.get_cookie(self.site.cookie, domain=host)
        return found.value if found is not None else ""

    def sees(self) -> set[str]:
        """Paths of the modules in the list."""
        return {one["path"] for one in (self.get("/api/v1/modules").json or {})["items"]}

"""Signing in with GitLab, and everything that somebody may try with it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse
from werkzeug.urls import iri_to_uri

from bot.adapters import schema
from bot.web import people as people_module
from bot.web.signin import MAX_NEXT_CHARACTERS, here
from sandbox.gitlab import Sandbox, Trouble, trouble
from tests.browsing.shop import Shop, open_shop
from tests.browsing.site import URL, Site, Visitor


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Sandbox(tmp_path / "gitlab") as gitlab:
        yield open_shop(gitlab, tmp_path, ("public", "private"))


@pytest.fixture
def site(shop: Shop) -> Site:
    return Site(shop)


def test_that_who_signs_in_sees_what_gitlab_shows_them(site: Site) -> None:
    visitor = site.visitor()
    assert visitor.sees() == {"group/public"}
    answer = visitor.sign_in("reporter", "/modules/group/private")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/modules/group/private")
    assert visitor.sees() == {"group/public", "group/private"}
    assert site.visitor().sees() == {"group/public"}


def test_that_only_reading_is_asked_for_with_all_that_guards_the_way(site: Site) -> None:
    query = parse_qs(urlsplit(site.visitor().to_gitlab()).query)
    assert query["scope"] == ["openid read_api"]
    assert query["redirect_uri"] == [f"{URL}/sign-in/callback"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["state"][0]) >= 20
    assert len(query["nonce"][0]) >= 20


def test_that_the_way_back_is_ours_whatever_host_was_called(site: Site) -> None:
    answer = Client(site.app, TestResponse).get("/sign-in", base_url="http://evil.example.com")
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["redirect_uri"] == [f"{URL}/sign-in/callback"]


def test_that_a_sign_in_is_good_once(site: Site) -> None:
    visitor = site.visitor()
    address = visitor.at_gitlab(visitor.to_gitlab(), "reporter")
    kept = visitor.client.get_cookie("mlreef_signing_in", domain="catalogue.example.com")
    assert kept is not None
    assert visitor.back(address).status_code == 302
    thief = site.visitor()
    thief.client.set_cookie("mlreef_signing_in", kept.value, domain="catalogue.example.com")
    assert thief.back(address).status_code == 400
    fresh = visitor.at_gitlab(thief.to_gitlab(), "reporter")
    code = parse_qs(urlsplit(fresh).query)["code"][0]
    state = parse_qs(urlsplit(address).query)["state"][0]
    thief.client.set_cookie("mlreef_signing_in", kept.value, domain="catalogue.example.com")
    assert thief.get("/sign-in/callback", query_string={"code": code, "state": state}).status_code == 400
    assert thief.sees() == {"group/public"}


def test_that_another_process_knows_a_used_sign_in_too(site: Site, shop: Shop) -> None:
    visitor, other = site.visitor(), Site(shop, program=site.program)
    address = visitor.at_gitlab(visitor.to_gitlab(), "reporter")
    state = parse_qs(urlsplit(address).query)["state"][0]
    kept = visitor.client.get_cookie("mlreef_signing_in", domain="catalogue.example.com")
    assert kept is not None
    assert visitor.back(address).status_code == 302
    second = other.visitor()
    code = parse_qs(urlsplit(visitor.at_gitlab(visitor.to_gitlab(), "developer")).query)["code"][0]
    second.client.set_cookie("mlreef_signing_in", kept.value, domain="catalogue.example.com")
    assert second.get("/sign-in/callback", query_string={"code": code, "state": state}).status_code == 400


def test_that_nobody_can_be_signed_in_as_somebody_else(site: Site) -> None:
    mallory, victim = site.visitor(), site.visitor()
    address = mallory.at_gitlab(mallory.to_gitlab(), "stranger")
    assert victim.back(address).status_code == 400
    victim.to_gitlab()
    assert victim.back(address).status_code == 400
    assert victim.cookie() == ""


def test_that_a_code_of_another_sign_in_is_not_taken(site: Site) -> None:
    mallory, victim = site.visitor(), site.visitor()
    code = parse_qs(urlsplit(mallory.at_gitlab(mallory.to_gitlab(), "stranger")).query)["code"][0]
    state = parse_qs(urlsplit(victim.to_gitlab()).query)["state"][0]
    answer = victim.get("/sign-in/callback", query_string={"code": code, "state": state})
    assert answer.status_code == 400
    assert victim.cookie() == ""


def test_that_a_no_at_gitlab_changes_nothing(site: Site) -> None:
    visitor = site.visitor()
    state = parse_qs(urlsplit(visitor.to_gitlab()).query)["state"][0]
    answer = visitor.get("/sign-in/callback", query_string={"error": "access_denied", "state": state})
    assert answer.status_code == 403
    assert visitor.cookie() == ""


@pytest.mark.parametrize("query", ["", "state=", "code=x", "code=x&state=y", "error=access_denied"])
def test_that_a_way_back_without_a_way_there_is_refused(site: Site, query: str) -> None:
    assert site.visitor().get(f"/sign-in/callback?{query}").status_code == 400


def test_that_a_session_is_new_with_each_sign_in_and_the_old_one_ends(site: Site) -> None:
    visitor = site.visitor()
    visitor.client.set_cookie("mlreef", "chosen-by-somebody-else", domain="catalogue.example.com")
    visitor.sign_in("stranger")
    first = visitor.cookie()
    assert first not in ("", "chosen-by-somebody-else")
    visitor.sign_in("reporter")
    second = visitor.cookie()
    assert second != first
    old = site.visitor()
    old.client.set_cookie("mlreef", first, domain="catalogue.example.com")
    assert old.csrf() == ""


def test_that_the_cookie_is_out_of_reach_of_scripts_and_other_sites(shop: Shop) -> None:
    for url, name, secure in (
        (URL, "mlreef", False),
        ("https://catalogue.example.com", "__Host-mlreef", True),
    ):
        visitor = Site(shop, url).visitor()
        cookies = visitor.sign_in("reporter").headers.getlist("Set-Cookie")
        one = next(cookie for cookie in cookies if cookie.startswith(f"{name}="))
        assert "HttpOnly" in one
        assert "SameSite=Lax" in one
        assert "Path=/" in one
        assert "Domain" not in one
        assert ("Secure" in one) is secure


def test_that_no_other_host_can_put_its_own_sign_in_into_a_browser(shop: Shop) -> None:
    begun = Site(shop, "https://catalogue.example.com").visitor().get("/sign-in")
    # browsers take a cookie of such a name from its own host only
    assert begun.headers["Set-Cookie"].startswith("__Host-mlreef_signing_in=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(begun.headers["Set-Cookie"].split("; "))


def test_that_the_database_holds_neither_cookie_nor_token(site: Site, shop: Shop) -> None:
    visitor = site.visitor()
    visitor.sign_in("reporter")
    token = next(value for value, kept in shop.gitlab.state.tokens.items() if kept.oauth)
    engine = sa.create_engine(shop.store.url)
    with engine.connect() as connection:
        rows = [str(tuple(row)) for row in connection.execute(sa.select(schema.sessions))]
    engine.dispose()
    assert len(rows) == 1
    assert visitor.cookie() not in rows[0]
    assert token not in rows[0]


def test_that_nothing_of_a_sign_in_is_logged(
    site: Site, shop: Shop, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        visitor = site.visitor()
        address = visitor.at_gitlab(visitor.to_gitlab(), "reporter")
        visitor.back(address)
        visitor.sees()
    told = caplog.text + "".join(capsys.readouterr())
    query = parse_qs(urlsplit(address).query)
    token = next(value for value, kept in shop.gitlab.state.tokens.items() if kept.oauth)
    assert site.program is not None
    for secret in (token, query["code"][0], visitor.cookie(), site.program.secret):
        # the browser's own requests to GitLab are not ours
        ours = [line for line in told.splitlines() if "/oauth/authorize" not in line]
        assert not [line for line in ours if secret in line]
    assert "verifier" not in told


def test_that_signing_out_takes_a_form_of_ours(site: Site) -> None:
    visitor, other = site.visitor(), site.visitor()
    visitor.sign_in("reporter")
    other.sign_in("reporter")
    csrf = visitor.csrf()
    for form in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": other.csrf()}, {"csrf": "é"}):
        assert visitor.post("/sign-out", data=form).status_code == 403
    evil = {"Origin": "https://evil.example.com"}
    assert visitor.post("/sign-out", data={"csrf": csrf}, headers=evil).status_code == 403
    assert visitor.get("/sign-out").status_code == 405
    assert visitor.sees() == {"group/public", "group/private"}
    cookie = visitor.cookie()
    assert visitor.post("/sign-out", data={"csrf": csrf}, headers={"Origin": URL}).status_code == 302
    assert visitor.cookie() == ""
    again = site.visitor()
    again.client.set_cookie("mlreef", cookie, domain="catalogue.example.com")
    assert again.sees() == {"group/public"}
    assert other.sees() == {"group/public", "group/private"}


def test_that_gitlab_gets_a_token_back_when_somebody_signs_out(site: Site, shop: Shop) -> None:
    visitor = site.visitor()
    visitor.sign_in("reporter")
    token = next(kept for kept in shop.gitlab.state.tokens.values() if kept.oauth)
    assert not token.revoked
    assert visitor.post("/sign-out", data={"csrf": visitor.csrf()}).status_code == 302
    assert token.revoked


def test_that_signing_out_works_while_gitlab_does_not(site: Site, shop: Shop) -> None:
    visitor = site.visitor()
    visitor.sign_in("reporter")
    csrf, cookie = visitor.csrf(), visitor.cookie()
    shop.gitlab.moods = broken = Trouble()
    broken.on("*", "*", trouble.reset(), times=None)
    assert visitor.post("/sign-out", data={"csrf": csrf}).status_code == 302
    shop.gitlab.moods = Trouble()
    again = site.visitor()
    again.client.set_cookie("mlreef", cookie, domain="catalogue.example.com")
    assert again.sees() == {"group/public"}


def test_that_a_page_of_another_origin_cannot_find_out_what_somebody_sees(site: Site) -> None:
    visitor = site.visitor()
    visitor.sign_in("reporter")
    path = "/api/v1/modules/group%2Fprivate"
    for where in ("same-site", "cross-site"):
        for mode in ("no-cors", "cors"):
            foreign = {"Sec-Fetch-Site": where, "Sec-Fetch-Mode": mode}
            assert visitor.get(path, headers=foreign).status_code == 404
        led = {"Sec-Fetch-Site": where, "Sec-Fetch-Mode": "navigate"}
        assert visitor.get(path, headers=led).status_code == 200
    ours = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert visitor.get(path, headers=ours).status_code == 200


def test_that_a_session_ends_with_its_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_module, "MAX_SESSION_SECONDS", 0.0)
    visitor = site.visitor()
    answer = visitor.sign_in("reporter")
    name, value = answer.headers.getlist("Set-Cookie")[0].split(";")[0].split("=")
    later = site.visitor()
    later.client.set_cookie(name, value, domain="catalogue.example.com")
    assert later.sees() == {"group/public"}


def test_that_a_token_which_gitlab_took_back_is_not_taken_for_nobodys(site: Site, shop: Shop) -> None:
    visitor = site.visitor()
    visitor.sign_in("reporter")
    shop.gitlab.revoke(next(value for value, kept in shop.gitlab.state.tokens.items() if kept.oauth))
    assert visitor.get("/api/v1/modules").status_code == 401
    # a page goes on as for somebody who is not signed in, once
    answer = visitor.get("/?q=secret")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/?q=secret")
    assert "Secret public" in visitor.get("/?q=secret").text
    assert visitor.sees() == {"group/public"}


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://gitlab.evil.example.com"},
        {"aud": "another-program"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1},
        {"sub": "4711"},
        {"sub": None},
    ],
    ids=lambda lie: next(iter(lie)),
)
def test_that_a_signed_identity_which_is_not_meant_for_this_sign_in_is_refused(
    site: Site, shop: Shop, lie: dict[str, object]
) -> None:
    shop.gitlab.core.oauth.lies = lie
    visitor = site.visitor()
    assert visitor.sign_in("reporter").status_code == 400
    assert visitor.cookie() == ""


def test_that_people_are_told_when_gitlab_does_not_answer(site: Site, shop: Shop) -> None:
    visitor = site.visitor()
    address = visitor.at_gitlab(visitor.to_gitlab(), "reporter")
    shop.gitlab.moods = broken = Trouble()
    broken.on("*", "*", trouble.server_error(502), times=None)
    assert visitor.back(address).status_code in (400, 503)
    assert visitor.cookie() == ""
    assert Site(shop, program=site.program).visitor().get("/sign-in").status_code == 503


HOSTILE = [
    "https://evil.example.com/",
    "//evil.example.com/",
    "/\\evil.example.com/",
    "\\\\evil.example.com/",
    "/\t/evil.example.com",
    "/%09/evil.example.com\n",
    "http:evil.example.com",
    "javascript:alert(1)",
    "",
    "modules",
    "/modules\r\nSet-Cookie: a=b",
    "/sign-in?next=/",
    "/sign-out",
    "/" + "a" * 5000,
    "/modules/ä",
]


@pytest.mark.parametrize("address", HOSTILE)
def test_that_nobody_is_led_away_after_signing_in(address: str) -> None:
    assert here(address) == ("/%09/evil.example.com" if address == "/%09/evil.example.com" else "/")


def test_that_a_link_to_a_page_of_ours_is_followed() -> None:
    for address in ("/", "/modules/group/x?mode=a%20b", "/publications", "/modules/a/b/-/1.0.0"):
        assert here(address) == address


def test_that_a_form_full_of_values_is_come_back_to_in_a_cookie_that_browsers_keep(site: Site) -> None:
    whole = "/modules/group/x?" + "a" * (MAX_NEXT_CHARACTERS - 17)
    assert here(whole) == whole
    assert here(whole + "a") == "/modules/group/x"
    answer = site.visitor().get("/sign-in", query_string={"next": whole})
    assert max(len(cookie) for cookie in answer.headers.getlist("Set-Cookie")) < 4096


@given(st.text(alphabet=st.sampled_from("/\\:.@?#%&=ahtps\t\n\r 0äx"), max_size=30))
def test_that_wherever_somebody_is_led_it_is_on_our_host(address: str) -> None:
    led = here(address)
    assert led.startswith("/")
    assert not led.startswith(("//", "/\\"))
    parts = urlsplit(iri_to_uri(led))
    assert (parts.scheme, parts.netloc) == ("", "")


def test_that_a_visitor_keeps_no_more_than_the_session(site: Site) -> None:
    visitor = site.visitor()
    visitor.sign_in("reporter")
    assert isinstance(visitor, Visitor)
    left = visitor.client.get_cookie("mlreef_signing_in", domain="catalogue.example.com")
    assert left is None

"""Everybody, every kind of project, every address of the site: what GitLab hides from somebody is nowhere.

The addresses are the application's own list. One that is added there without a row here fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from bot.domain.plan import State
from sandbox.gitlab import Sandbox
from sandbox.gitlab.values import Project
from tests.browsing.shop import (
    GIVEN_TO,
    PEOPLE,
    PROJECTS,
    Shop,
    digest_of,
    gets_images,
    open_shop,
    sees,
    sha_of,
)
from tests.browsing.site import Site, Visitor

Address = Callable[[str], str]
"""From what a project is called in addresses (its path) to an address."""


@dataclass(frozen=True)
class Row:
    """An address and what is to be expected of it. `found`: status for those who may see the project."""

    address: Address
    found: int = 200
    method: str = "GET"
    shows: str = ""
    """What those who may see a project read there: a text with the project's path for {path}."""
    of_image: bool = False
    """Whether it is for those only to whom GitLab gives the image."""


def api(rest: str) -> Address:
    return lambda path: f"/api/v1/modules/{path.replace('/', '%2F')}{rest}"


LISTS: Mapping[str, tuple[str, ...]] = {
    "pages.modules": ("/", "/?q=secret", "/?topic=noise&kind=OPERATION"),
    "pages.publications": ("/publications",),
    "api.modules": ("/api/v1/modules", "/api/v1/modules?q=secret&limit=100"),
}
"""Addresses that are the same for everybody, and show each person something else."""

ROWS: Mapping[str, tuple[Row, ...]] = {
    "pages.module": (Row(lambda path: f"/modules/{path}", shows="Secret {name}"),),
    "pages.version": (
        Row(lambda path: f"/modules/{path}/-/1.0.0", shows="Secret {name}"),
        Row(lambda path: f"/modules/{path}/-/latest", shows="Secret {name}"),
    ),
    # there is no registry here, so who gets that far is told so
    "pages.bill": (Row(lambda path: f"/modules/{path}/-/1.0.0/bill.json", found=503, of_image=True),),
    "pages.compare": (Row(lambda path: f"/modules/{path}/-/compare/1.0.0/1.1.0", shows="--seed"),),
    "badges.badge": (
        Row(lambda path: f"/badges/{path}/version.svg", shows="1.1.0"),
        Row(lambda path: f"/badges/{path}/state.svg", shows="published"),
    ),
    "api.module": (Row(api(""), shows='"path":"{path}"'),),
    "api.versions": (Row(api("/versions"), shows="1.1.0"),),
    "api.one_version": (Row(api("/1.0.0"), shows='"path":"{path}"'),),
    "api.component": (Row(api("/1.0.0/component?mode=x"), shows="{path}/module@1.0.0"),),
    "api.compare": (Row(api("/compare/1.0.0/1.1.0"), shows="--seed"),),
    "api.unpublish": (Row(api("/1.0.0/unpublish"), method="POST"),),
    "api.republish": (Row(api("/1.0.0/republish"), method="POST"),),
}
"""Addresses of one project."""

NOBODYS = frozenset(
    {
        "static",
        "livez",
        "api.description",
        "signin.start",
        "signin.back",
        "signin.out",
        "pages.compare_chosen",
    }
)
"""Addresses that ask neither store nor GitLab about any project."""


SIGNED_IN = ("guest", "developer")
"""Who comes with a session, too: the same person as with a token, whom the site must see alike."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("matrix")
    with Sandbox(folder / "gitlab") as gitlab:
        shop = open_shop(gitlab, folder)
        for project in shop.projects.values():
            shop.attempt(project, State.RUNNING)
        for kind in shop.projects:
            for number, artifacts in enumerate(GIVEN_TO):
                shop.keep_run(kind, number, "", artifacts=artifacts)
        yield Site(shop)


def visitors(site: Site, who: str) -> list[tuple[Visitor, dict[str, str]]]:
    """Somebody in each of the ways in which they can come: with a token, and signed in."""
    token = site.shop.people[who].token
    if not token:
        return [(site.visitor(), {})]
    shown = (site.visitor(), {"PRIVATE-TOKEN": token})
    if who not in SIGNED_IN:
        return [shown]
    signed_in = site.visitor()
    signed_in.sign_in(who)
    return [shown, (signed_in, {})]


def asked(visitor: Visitor, row: Row, path: str, headers: dict[str, str]) -> TestResponse:
    if row.method == "GET":
        return visitor.get(row.address(path), headers=headers)
    csrf = {"X-CSRF-Token": visitor.csrf()} if not headers else {}
    return visitor.post(row.address(path), headers={**headers, **csrf})


def traces(text: str, project: Project) -> list[str]:
    """Whatever of a project stands in an answer."""
    found = [
        word for number in (1, 2, 9) for word in (digest_of(project.id, number), sha_of(project.id, number))
    ]
    names = rf"(?:group/|Secret ){re.escape(project.path)}(?![\w-])"
    return [word for word in found if word in text] + re.findall(names, text)


def test_that_every_address_of_the_site_has_its_row(site: Site) -> None:
    rules: list[Rule] = list(site.app.url_map.iter_rules())
    known = {*LISTS, *ROWS, *NOBODYS}
    assert {rule.endpoint for rule in rules} == known
    changing = {rule.endpoint for rule in rules if rule.methods and rule.methods - {"GET", "HEAD", "OPTIONS"}}
    assert changing == {"api.unpublish", "api.republish", "signin.out"}


@pytest.mark.parametrize("who", PEOPLE)
def test_that_lists_hold_what_gitlab_shows_and_no_trace_of_the_rest(site: Site, who: str) -> None:
    for visitor, headers in visitors(site, who):
        for endpoint, addresses in LISTS.items():
            for address in addresses:
                answer = visitor.get(address, headers=headers)
                assert answer.status_code == 200, address
                for kind, project in site.shop.projects.items():
                    there = bool(traces(answer.text, project))
                    # how a pipeline goes is told to whom GitLab shows it; here only to those who work on it
                    works = endpoint != "pages.publications" or who in ("developer", "maintainer")
                    assert there == (sees(who, kind) and works), (address, kind)


@pytest.mark.parametrize("who", PEOPLE)
def test_that_an_address_of_a_project_is_there_for_those_to_whom_gitlab_shows_it(
    site: Site, who: str
) -> None:
    for visitor, headers in visitors(site, who):
        for kind in PROJECTS:
            path = f"group/{kind}"
            for row in (row for rows in ROWS.values() for row in rows):
                answer = asked(visitor, row, path, headers)
                if sees(who, kind) and row.of_image and not gets_images(who, kind):
                    assert answer.status_code == 404, row.address(path)
                elif sees(who, kind):
                    assert answer.status_code == status_for(who, row, bool(headers)), (
                        row.address(path),
                        answer.text,
                    )
                    shown = row.shows.format(path=path, name=kind)
                    assert shown in answer.text, row.address(path)
                else:
                    assert_nothing(
                        site.shop, answer, asked(visitor, row, f"group/{'x' * len(kind)}", headers)
                    )


@pytest.mark.parametrize("who", PEOPLE)
def test_that_a_run_is_there_for_those_whom_gitlab_gives_its_artifacts(site: Site, who: str) -> None:
    for visitor, headers in visitors(site, who):
        for kind in PROJECTS:
            for row in (row for rows in ROWS.values() for row in rows if row.method == "GET"):
                shown = re.findall(r"/job/(\d)\b", asked(visitor, row, f"group/{kind}", headers).text)
                given = {str(number) for number, to in enumerate(GIVEN_TO.values()) if who in to}
                assert set(shown) <= (given if sees(who, kind) else set()), row.address(kind)
            page = visitor.get(f"/modules/group/{kind}", headers=headers).text
            assert set(re.findall(r"/job/(\d)\b", page)) == (given if sees(who, kind) else set()), kind


def test_that_gitlab_is_asked_as_the_one_who_looks_and_as_nobody_else(site: Site) -> None:
    for who in ("anonymous", "reporter"):
        visitor, headers = visitors(site, who)[0]
        site.shop.gitlab.clear_log()
        for rows in ROWS.values():
            for row in rows:
                asked(visitor, row, "group/internal", headers)
        for addresses in LISTS.values():
            visitor.get(addresses[0], headers=headers)
        names = {one.user for one in site.shop.gitlab.requests}
        assert names == {None if who == "anonymous" else who}


def status_for(who: str, row: Row, by_token: bool) -> int:
    if row.method == "GET":
        return row.found
    # a session may only read, whoever has it
    may = by_token and who in ("developer", "maintainer")
    return 401 if who == "anonymous" else 202 if may else 403


def assert_nothing(shop: Shop, hidden: TestResponse, unknown: TestResponse) -> None:
    """A hidden project's answer is that of one that is not there, but for the address that was asked for."""
    address, other = hidden.request.path, unknown.request.path
    assert hidden.status_code == unknown.status_code in (401, 404), address
    assert blank(hidden.text, address) == blank(unknown.text, other), address
    ours = {"Set-Cookie", "Date"}
    assert [item for item in hidden.headers if item[0] not in ours] == [
        item for item in unknown.headers if item[0] not in ours
    ]
    for project in shop.projects.values():
        assert not [word for word in traces(hidden.text, project) if not word.startswith("group/")], address


def blank(text: str, address: str) -> str:
    """An answer without the address that was asked for, which its reader knows."""
    return re.sub(r"next=[^\"&]*", "next=", text.replace(address, "ADDRESS"))


def test_that_a_badge_in_a_page_of_another_host_is_nobodys(site: Site) -> None:
    visitor = site.visitor()
    visitor.sign_in("maintainer")
    inside = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    shown = visitor.get("/badges/group/private/version.svg", headers=inside)
    unknown = visitor.get("/badges/group/unknown/version.svg", headers=inside)
    assert (shown.status_code, shown.data) == (unknown.status_code, unknown.data)


def test_that_no_answer_may_be_kept_for_anybody_else(site: Site) -> None:
    visitor = site.visitor()
    for rows in ROWS.values():
        for row in rows:
            answer = asked(visitor, row, "group/public", {})
            assert answer.headers["Cache-Control"] == "no-store"
            assert {"Cookie", "Private-Token", "Authorization"} <= {
                word.strip() for word in answer.headers["Vary"].split(",")
            }


def assert_gone(site: Site, visitor: Visitor, project: Project) -> None:
    for addresses in LISTS.values():
        for address in addresses:
            assert not traces(visitor.get(address).text, project), address
    for rows in ROWS.values():
        for row in rows:
            answer = asked(visitor, row, "group/public", {})
            assert_nothing(site.shop, answer, asked(visitor, row, "group/xxxxxx", {}))


def test_that_a_project_made_private_is_gone_from_every_address_at_once(site: Site) -> None:
    project = site.shop.projects["public"]
    project.visibility = "private"
    try:
        assert_gone(site, site.visitor(), project)
    finally:
        project.visibility = "public"


def test_that_it_is_gone_at_once_also_where_answers_are_kept_when_gitlab_tells_of_it(site: Site) -> None:
    keeping = Site(site.shop, cache_seconds=60.0, program=site.program)
    project, visitor = site.shop.projects["public"], keeping.visitor()
    page = "/modules/group/public"
    assert visitor.get(page).status_code == 200
    project.visibility = "private"
    try:
        # believed for as long as the operator said, until GitLab tells the door
        assert visitor.get(page).status_code == 200
        keeping.tell("project_update", project.id)
        assert_gone(keeping, visitor, project)
    finally:
        project.visibility = "public"

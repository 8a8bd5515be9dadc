"""The catalogue's API: what it answers, what it refuses, and that both are as its own description promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from werkzeug.test import TestResponse

from bot.domain.catalogue import VersionState
from bot.domain.events import WithdrawAsked
from bot.domain.module_label import read_module
from sandbox.gitlab import Sandbox, Trouble, trouble
from tests.browsing.shop import PROJECTS, REGISTRY, Shop, open_shop, sees
from tests.browsing.site import Site

EXAMPLES = 12
"""Requests that schemathesis makes up for each operation."""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Sandbox(tmp_path / "gitlab") as gitlab:
        yield open_shop(gitlab, tmp_path, ("public", "private", "public-images"))


@pytest.fixture
def site(shop: Shop) -> Site:
    return Site(shop)


def asked(site: Site, who: str, path: str) -> TestResponse:
    """An answer to somebody who shows a token, as GitLab takes it."""
    token = site.shop.people[who].token
    headers = {"PRIVATE-TOKEN": token} if token else {}
    return site.visitor().get(f"/api/v1{path}", headers)


def test_that_a_module_is_told_whole(site: Site, shop: Shop) -> None:
    project = shop.projects["public"]
    for ref in (str(project.id), "group%2Fpublic", "group%2fpublic", "GROUP%2FPUBLIC"):
        told = asked(site, "anonymous", f"/modules/{ref}").json
        assert told is not None
        assert (told["id"], told["path"], told["visibility"]) == (project.id, "group/public", "public")
        assert told["can_pull"] is True
        assert told["versions"] == ["1.1.0", "1.0.0"]
        shown = told["shown"]
        assert (shown["name"], shown["state"], shown["number"]) == ("1.1.0", "published", 2)
        assert shown["image"] == f"{REGISTRY}/group/public@{shown['digest']}"
        assert shown["component"] == "$CI_SERVER_FQDN/group/public/module@1.1.0"
        assert shown["pipeline_url"] == f"{project_url(shop)}/-/pipelines/72"


def project_url(shop: Shop) -> str:
    return shop.gitlab.core.web_url(shop.projects["public"])


def test_that_a_version_is_told_by_each_name_with_what_describe_prints(site: Site) -> None:
    for name in ("1.1.0", "1", "latest", "main-2"):
        told = asked(site, "anonymous", f"/modules/group%2Fpublic/{name}").json
        assert told is not None
        assert (told["version"], told["path"]) == ("1.1.0", "group/public")
        assert told["module"]["schema"] == 1
        assert read_module(json.dumps(told["module"])) is not None


def test_that_lists_are_cut_into_pages(site: Site) -> None:
    first = asked(site, "reporter", "/modules?limit=2").json
    assert first is not None
    second = asked(site, "reporter", f"/modules?limit=2&after={first['after']}").json
    assert second is not None
    paths = [one["path"] for one in (*first["items"], *second["items"])]
    assert sorted(paths) == ["group/private", "group/public", "group/public-images"]
    assert second["after"] is None
    assert "total" not in json.dumps(first)
    versions = asked(site, "anonymous", "/modules/group%2Fpublic/versions?limit=1").json
    assert versions is not None
    assert ([one["name"] for one in versions["items"]], versions["after"]) == (["1.1.0"], "1.1.0")
    rest = asked(site, "anonymous", "/modules/group%2Fpublic/versions?limit=1&after=1.1.0").json
    assert rest is not None
    assert ([one["name"] for one in rest["items"]], rest["after"]) == (["1.0.0"], None)


def test_that_a_search_takes_everything_by_which_people_look(site: Site) -> None:
    for query, found in (
        ("q=public", 2),
        ("q=nothing", 0),
        ("kind=OPERATION&input_type=IMAGE", 2),
        ("kind=ALGORITHM", 0),
        ("parameter=mode&topic=noise", 2),
        ("output_type=TEXT", 0),
    ):
        told = asked(site, "anonymous", f"/modules?{query}").json
        assert told is not None
        assert len(told["items"]) == found, query


def test_that_two_versions_are_compared(site: Site) -> None:
    told = asked(site, "anonymous", "/modules/group%2Fpublic/compare/1.0.0/1.1.0").json
    assert told is not None
    assert told["level"] == "minor"
    assert [(one["kind"], one["parameter"]) for one in told["changes"]] == [("added", "--seed")]


def test_that_a_bill_of_materials_is_named_to_those_who_may_pull_the_image(site: Site) -> None:
    for who, named in (("anonymous", False), ("guest", False), ("reporter", True)):
        told = asked(site, who, "/modules/group%2Fpublic-images/1.1.0").json
        assert told is not None
        address = f"{site.url}/modules/group/public-images/-/1.1.0/bill.json"
        assert told["sbom_url"] == (address if named else None)


def test_that_a_component_is_told_with_the_values_of_a_form(site: Site) -> None:
    told = asked(site, "anonymous", "/modules/group%2Fpublic/1.1.0/component?mode=it's").json
    assert told is not None
    assert "$CI_SERVER_FQDN/group/public/module@1.1.0" in told["text"]
    assert "it's" in told["text"]
    assert told["problems"] == []
    wrong = asked(site, "anonymous", "/modules/group%2Fpublic/1.1.0/component?no-such=1").json
    assert wrong is not None
    assert [one["field"] for one in wrong["problems"]] == ["no-such"]


REFUSED = [
    ("/modules?limit=0", 400),
    ("/modules?limit=101", 400),
    ("/modules?limit=x", 400),
    ("/modules?limit=%D9%A3", 400),
    ("/modules?after=", 400),
    ("/modules?after=x", 404),
    ("/modules?after=WyJhIiwgMV0", 200),
    ("/modules?kind=NOTHING", 400),
    ("/modules?model_type=NOTHING", 400),
    ("/modules?ml_category=AUDIO", 200),
    ("/modules?q=a&q=b", 400),
    ("/modules?private_token=glpat-x", 400),
    ("/modules?q=" + "a" * 201, 400),
    ("/modules?q=%00%27%22%3Cscript%3E", 200),
    ("/modules?q=%FF%FE", 200),
    ("/modules/..%2F..%2Fetc", 404),
    ("/modules/group%2Fpublic%2F..%2Fprivate", 404),
    ("/modules/group%252Fpublic", 404),
    ("/modules/group%2Fpublic/1.1.0%2F..%2F1.0.0", 404),
    ("/modules/group%2Fpublic%00", 404),
    ("/modules/" + "9" * 30, 404),
    ("/modules/-1", 404),
    ("/modules/group%2Fpublic/" + "a" * 300, 404),
    ("/modules/group%2Fpublic/c-" + "0" * 40, 404),
    ("/nothing", 404),
]


def test_that_what_cannot_be_read_is_refused_in_words(site: Site) -> None:
    for path, status in REFUSED:
        answer = asked(site, "anonymous", path)
        assert answer.status_code == status, path
        if status >= 400:
            assert answer.json is not None, path
            assert set(answer.json) == {"message", "hint"}, path


def test_that_a_token_in_an_address_counts_for_nothing(site: Site, shop: Shop) -> None:
    token = shop.people["reporter"].token
    for name in ("private_token", "access_token", "token", "job_token"):
        assert asked(site, "anonymous", f"/modules/group%2Fprivate?{name}={token}").status_code == 400


def test_that_a_token_counts_in_each_header_that_gitlab_reads(site: Site, shop: Shop) -> None:
    token = shop.people["reporter"].token
    for headers in ({"PRIVATE-TOKEN": token}, {"Authorization": f"Bearer {token}"}):
        assert site.visitor().get("/api/v1/modules/group%2Fprivate", headers=headers).status_code == 200
    for headers in (
        {"PRIVATE-TOKEN": "glpat-unknown"},
        {"Authorization": "Bearer x"},
        {"PRIVATE-TOKEN": "é"},
        {"PRIVATE-TOKEN": "x" * 5000},
    ):
        for path in ("/api/v1/modules", "/api/v1/modules/group%2Fpublic"):
            answer = site.visitor().get(path, headers=headers)
            assert answer.status_code == 401
            assert "x" * 50 not in answer.text


def test_that_hidden_and_unknown_are_answered_with_the_same_bytes(site: Site, shop: Shop) -> None:
    hidden = shop.projects["private"].id
    for who in ("anonymous", "stranger", "guest"):
        for rest in ("", "/versions", "/1.0.0", "/1.0.0/component", "/compare/1.0.0/1.1.0"):
            answers = {
                (told.status_code, told.data, str(sorted(told.headers)))
                for ref in ("group%2Fprivate", "group%2Funknown", str(hidden), "4711")
                for told in [asked(site, who, f"/modules/{ref}{rest}")]
            }
            assert len(answers) == 1, (who, rest)
            assert answers.pop()[0] == 404


def test_that_gitlabs_silence_is_told_as_such(site: Site, shop: Shop) -> None:
    shop.gitlab.moods = busy = Trouble()
    busy.on("*", "*", trouble.slow_down(17.0), times=None)
    answer = asked(site, "anonymous", "/modules/group%2Fpublic")
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["Retry-After"]) <= 17


def withdrawn(site: Site, who: str, rest: str) -> TestResponse:
    token = site.shop.people[who].token
    headers = {"PRIVATE-TOKEN": token} if token else {}
    return site.visitor().post(f"/api/v1/modules/{rest}", headers)


def test_that_a_version_is_taken_back_for_those_who_may_ask(site: Site, shop: Shop) -> None:
    project = shop.projects["public"]
    for who, status in (
        ("anonymous", 401),
        ("stranger", 403),
        ("guest", 403),
        ("reporter", 403),
        ("developer", 202),
        ("maintainer", 202),
    ):
        answer = withdrawn(site, who, "group%2Fpublic/1.0.0/unpublish")
        assert answer.status_code == status, who
    users = [shop.people[who].id or 0 for who in ("developer", "maintainer")]
    assert site.asked == [WithdrawAsked(project.id, "main", "1.0.0", "unpublish", user) for user in users]
    assert answer.json is not None
    assert answer.json["look"] == f"{site.url}/api/v1/modules/{project.id}/1.0.0"


def test_that_what_is_asked_of_a_hidden_project_is_not_there(site: Site) -> None:
    for who in ("stranger", "guest"):
        assert withdrawn(site, who, "group%2Fprivate/1.0.0/unpublish").status_code == 404
        assert withdrawn(site, who, "group%2Funknown/1.0.0/unpublish").status_code == 404
    assert site.asked == []


def test_that_only_a_version_by_its_own_name_is_taken_back(site: Site) -> None:
    for name in ("latest", "1", "9.9.9", "main-9"):
        assert withdrawn(site, "maintainer", f"group%2Fpublic/{name}/unpublish").status_code == 404
    told = withdrawn(site, "maintainer", "group%2Fpublic/1/unpublish").json
    assert told is not None
    assert told["hint"] == "Name the version itself: 1.1.0 or main-2 is what it leads to now."
    assert withdrawn(site, "maintainer", "group%2Fpublic/main-1/unpublish").status_code == 202
    assert [one.version for one in site.asked] == ["1.0.0"]


def test_that_a_version_taken_back_can_be_brought_back_by_those_who_see_it(site: Site, shop: Shop) -> None:
    project = shop.projects["public"]
    gone = shop.version(project, 2, "1.1.0", VersionState.UNPUBLISHED)
    shop.publish(project, shop.version(project, 1, "1.0.0"), gone)
    assert withdrawn(site, "stranger", "group%2Fpublic/1.1.0/republish").status_code == 404
    assert withdrawn(site, "developer", "group%2Fpublic/1.1.0/republish").status_code == 202
    assert [(one.version, one.action) for one in site.asked] == [("1.1.0", "republish")]


def test_that_a_cookie_alone_changes_nothing(site: Site) -> None:
    visitor = site.visitor()
    visitor.sign_in("maintainer")
    path, csrf = "/api/v1/modules/group%2Fpublic/1.0.0/unpublish", visitor.csrf()
    assert visitor.post(path).status_code == 403
    assert visitor.post(path, headers={"X-CSRF-Token": "x"}).status_code == 403
    evil = {"X-CSRF-Token": csrf, "Origin": "https://evil.example.com"}
    assert visitor.post(path, headers=evil).status_code == 403
    assert visitor.get(path).status_code == 405
    # nor one with its CSRF token: what a session has of GitLab's may only read
    assert visitor.post(path, headers={"X-CSRF-Token": csrf}).status_code == 403
    assert site.asked == []


def test_that_a_token_which_may_only_read_in_gitlab_changes_nothing_here(site: Site, shop: Shop) -> None:
    user = shop.gitlab.state.user(shop.people["maintainer"].id or 0)
    path = "/api/v1/modules/group%2Fpublic/1.0.0/unpublish"
    for scopes, status in ((("read_api",), 403), (("read_api", "read_user"), 403), (("api",), 202)):
        token = shop.gitlab.create_token(user, scopes).value
        assert site.visitor().post(path, headers={"PRIVATE-TOKEN": token}).status_code == status
    program = shop.gitlab.create_application("other", "http://127.0.0.1:9/", scopes=("api",))
    for scopes, status in ((("read_api",), 403), (("api",), 202)):
        token = shop.gitlab.state.new_token(user.id, scopes=scopes, oauth=True, name=program.name).value
        bearer = {"Authorization": f"Bearer {token}"}
        assert site.visitor().post(path, headers=bearer).status_code == status
    assert len(site.asked) == 2


def tried(site: Site, operation: Any, mode: GenerationMode) -> set[int]:
    """The statuses of answers to requests that schemathesis makes up, each held against the description."""
    statuses = set()
    known: dict[str, Any] = {
        "project": [str(site.shop.projects["public"].id), "group%2Fpublic", "4711"],
        **{name: ["1.0.0", "1.1.0", "latest", "main-2", "9.9.9"] for name in ("version", "before", "after")},
    }
    places = hypothesis.strategies.fixed_dictionaries(
        {name: hypothesis.strategies.sampled_from(["", *texts]) for name, texts in known.items()}
    )

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), there=places)
    def ask(case: schemathesis.Case, there: dict[str, str]) -> None:
        # made-up names lead nowhere, so most requests take what may be there
        if mode is GenerationMode.POSITIVE:
            case.path_parameters.update(
                {name: text for name, text in there.items() if text and name in case.path_parameters}
            )
        statuses.add(sent(site, case))

    ask()
    return statuses


def sent(site: Site, case: schemathesis.Case) -> int:
    """The status of the answer to a developer, which is held against the description."""
    token = {"PRIVATE-TOKEN": site.shop.people["developer"].token}
    answer = case.call(headers=token)
    case.validate_response(answer, headers=token)
    return answer.status_code


def test_that_the_api_is_as_it_describes_itself(site: Site) -> None:
    load_all_checks()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app=site.app)
    schema.config.update(base_url=site.url)
    operations = [found.ok() for found in schema.get_all_operations()]
    statuses = {one.label: tried(site, one, GenerationMode.POSITIVE) for one in operations}
    assert len(statuses) == 8
    assert all(found <= {200, 202, 404} for found in statuses.values()), statuses
    # each of them answers with something, too, and not by its refusals alone
    there = {"project": "group%2Fpublic", "version": "1.0.0", "before": "1.0.0", "after": "1.1.0"}
    for one in operations:
        known = {name: there[name] for name in re.findall(r"{(\w+)}", one.path)}
        assert sent(site, one.Case(path_parameters=known)) in (200, 202), one.label
        assert tried(site, one, GenerationMode.NEGATIVE) <= {200, 202, 400, 401, 403, 404, 405}, one.label


def test_that_every_kind_of_project_is_told_as_gitlab_would(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "gitlab") as gitlab:
        site = Site(open_shop(gitlab, tmp_path))
        for who in site.shop.people:
            for kind in PROJECTS:
                status = asked(site, who, f"/modules/group%2F{kind}").status_code
                assert status == (200 if sees(who, kind) else 404), (who, kind)

"""What runs measured stands on the module's page: its own runs, for those whom GitLab gives their artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.runs import Model
from sandbox.gitlab import Sandbox
from tests.browsing.shop import EXPERIMENT, GIVEN_TO, PEOPLE, Shop, open_shop, sees


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Sandbox(tmp_path / "gitlab") as gitlab:
        yield open_shop(gitlab, tmp_path, ("public", "private"))


def numbers(shop: Shop, kind: str, who: str) -> list[str]:
    """The runs that somebody is shown on a module's page; none where there is no page."""
    shown = shop.browser().module(f"group/{kind}", shop.people[who])
    return [one.web_url.rpartition("/")[2] for one in shown.runs] if shown else []


def test_the_modules_own_runs_are_shown_the_newest_first_with_their_models(shop: Shop) -> None:
    shop.keep_run("public", 1, "")
    shop.keep_run("public", 2, "group/somebody-elses")
    package = f"https://gitlab.example.com/api/v4/projects/{shop.projects['public'].id}/packages/generic/m-model/1/m.pkl"
    shop.keep_run("public", 3, "group/public", Model("m.pkl", package, "a" * 64, 7))
    shown = shop.browser().module("group/public", shop.people["developer"])
    assert shown is not None
    assert [one.web_url.rpartition("/")[2] for one in shown.runs] == ["3", "1"]
    assert [one.model for one in shown.runs] == [f"{package}#sha256={'a' * 64}", ""]
    assert shown.runs[0].experiment == EXPERIMENT


def test_runs_in_other_projects_are_shown_on_no_module_page(shop: Shop) -> None:
    shop.keep_run("private", 1, "group/public")
    for person in shop.people.values():
        shown = shop.browser().module("group/public", person)
        assert shown is not None
        assert shown.runs == ()


def test_runs_of_a_project_are_shown_to_nobody_who_may_not_see_it(shop: Shop) -> None:
    shop.keep_run("private", 1, "group/private")
    seen = {who: shop.browser().module("group/private", person) for who, person in shop.people.items()}
    assert seen["anonymous"] is None
    assert seen["stranger"] is None
    developer = seen["developer"]
    assert developer is not None
    assert len(developer.runs) == 1


def test_a_run_is_shown_to_those_whom_gitlab_gives_its_artifacts(shop: Shop) -> None:
    for kind in ("public", "private"):
        for number, artifacts in enumerate(GIVEN_TO):
            shop.keep_run(kind, number, "", artifacts=artifacts)
        for who in PEOPLE:
            given = [str(number) for number, to in enumerate(GIVEN_TO.values()) if who in to]
            assert numbers(shop, kind, who) == (given[::-1] if sees(who, kind) else []), (kind, who)


def test_each_run_is_asked_for_and_not_only_the_newest(shop: Shop) -> None:
    shop.keep_run("public", 1, "", artifacts="access: developer")
    shop.keep_run("public", 2, "")
    assert numbers(shop, "public", "stranger") == ["2"]
    assert numbers(shop, "public", "developer") == ["2", "1"]


def test_when_the_artifacts_are_gone_nobody_below_maintainer_is_told_for_whom_they_were(shop: Shop) -> None:
    job = shop.keep_run("public", 1, "", artifacts="access: developer")
    shop.gitlab.state.jobs[job].artifacts = None
    assert {who for who in PEOPLE if numbers(shop, "public", who)} == {"maintainer"}


def test_gitlabs_word_on_artifacts_is_asked_for_once_in_the_seconds_that_it_is_believed(shop: Shop) -> None:
    shop.keep_run("public", 1, "")
    shop.keep_run("public", 2, "")
    browser = shop.browser(cache_seconds=60.0)
    for _ in range(3):
        shown = browser.module("group/public", shop.people["stranger"])
        assert shown is not None
        assert len(shown.runs) == 2
    asked = [one for one in shop.gitlab.requests if one.user == "stranger"]
    assert len(asked) == 2, "one about the project, one about the jobs"

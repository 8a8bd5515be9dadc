"""The catalogue as one person sees it: what GitLab hides is not there, in no list, under no name, at no page's end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.browsing import SPARE_ITEMS, USUAL_ITEMS, Browser
from bot.domain.access import ANONYMOUS
from bot.domain.catalogue import Query, VersionState
from bot.domain.listing import MAX_TOPICS
from bot.domain.plan import State
from bot.errors import TryAgain
from bot.web.badges import draw
from sandbox.gitlab import Sandbox, Trouble, trouble
from sandbox.gitlab.values import GUEST
from tests.browsing.shop import PEOPLE, PROJECTS, Shop, open_shop, sees


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Sandbox(tmp_path / "gitlab") as gitlab:
        yield open_shop(gitlab, tmp_path)


def test_that_everybody_finds_what_gitlab_shows_them_and_nothing_else(shop: Shop) -> None:
    browser = shop.browser()
    for who in PEOPLE:
        expected = {f"group/{kind}" for kind in PROJECTS if sees(who, kind)}
        found = browser.find(Query(), shop.people[who])
        assert {one.path for one in found.items} == expected, who
        assert found.after == "", who
        named = browser.find(Query("secret"), shop.people[who])
        assert {one.path for one in named.items} == expected, who
        for kind, project in shop.projects.items():
            for ref in (project.id, project.full_path, str(project.id)):
                there = browser.module(ref, shop.people[who]) is not None
                assert there == sees(who, kind), (who, kind, ref)
                compared = browser.compare(ref, "1.0.0", "1.1.0", shop.people[who])
                assert (compared is not None) == sees(who, kind), (who, kind, ref)


def test_that_pages_of_a_search_are_full_and_end_where_the_last_one_shown_is(shop: Shop) -> None:
    browser, stranger = shop.browser(), shop.people["stranger"]
    whole = [one.path for one in browser.find(Query(), stranger).items]
    paged, after = [], ""
    for _ in range(10):
        page = browser.find(Query(), stranger, after, limit=1)
        paged += [one.path for one in page.items]
        after = page.after
        if not after:
            break
    assert paged == whole
    assert len(whole) == 3


def test_that_a_page_is_the_same_whether_or_not_something_hidden_lies_behind_it(shop: Shop) -> None:
    before = shop.browser().find(Query("public"), ANONYMOUS, limit=2)
    for number in range(6):
        hidden = shop.gitlab.create_project(f"group/public-zz{number}", shop.gitlab.state.users[1])
        # written down as public, and not so any more
        shop.publish(replace(hidden, visibility="public"), shop.version(hidden, 1, "1.0.0"))
    after = shop.browser().find(Query("public"), ANONYMOUS, limit=2)
    assert after == before
    assert after.after == ""


def test_that_a_project_made_private_is_gone_at_once_from_everything(shop: Shop) -> None:
    browser, project = shop.browser(), shop.projects["public"]
    assert browser.module(project.id, ANONYMOUS) is not None
    project.visibility = "private"
    assert browser.module(project.id, ANONYMOUS) is None
    assert browser.module(project.full_path, ANONYMOUS) is None
    assert project.full_path not in {one.path for one in browser.find(Query(), ANONYMOUS).items}
    assert browser.module(project.id, shop.people["reporter"]) is not None


def test_that_a_deleted_project_is_nobodys_and_a_moved_one_has_its_new_path(shop: Shop) -> None:
    browser, moved = shop.browser(), shop.projects["internal"]
    shop.gitlab.move_project(moved.id, "other/place")
    shop.gitlab.delete_project(shop.projects["public"].id)
    assert browser.module(shop.projects["public"].id, shop.people["maintainer"]) is None
    found = browser.module("other/place", shop.people["stranger"])
    assert found is not None
    assert found.listed.path == "other/place"
    assert found.shown is not None
    assert found.shown.component == "$CI_SERVER_FQDN/other/place/module@1.1.0"


def test_that_topics_are_few_and_all_of_them_is_to_be_seen(shop: Shop) -> None:
    shop.projects["public"].topics = ("\u202eesion", *(f"topic {number}" for number in range(200)))
    found = shop.browser().module("group/public", ANONYMOUS)
    assert found is not None
    assert len(found.listed.topics) == MAX_TOPICS
    assert "\u202e" not in found.listed.topics[0]


def test_that_who_can_pull_is_told_as_the_registry_would(shop: Shop) -> None:
    browser = shop.browser()
    for who, pulls in (("anonymous", False), ("guest", False), ("reporter", True), ("developer", True)):
        found = browser.module("group/public-images", shop.people[who])
        assert found is not None
        assert found.can_pull is pulls, who


def test_that_the_store_is_not_asked_before_gitlab_showed_the_project(shop: Shop) -> None:
    browser = Browser(NoStore(), shop.visibility())
    for ref in ("group/private", "group/unknown", shop.projects["private"].id, 4711):
        assert browser.module(ref, shop.people["stranger"]) is None


class NoStore:
    """Whoever asks it anything fails."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the store was asked: {name}")


@pytest.mark.parametrize("who", ["anonymous", "stranger", "guest"])
def test_that_hidden_and_unknown_cost_gitlab_the_same_question(shop: Shop, who: str) -> None:
    browser, asked = shop.browser(), []
    for ref in ("group/private", "group/unknown"):
        shop.gitlab.clear_log()
        assert browser.module(ref, shop.people[who]) is None
        asked.append([(one.method, one.path, one.query) for one in shop.gitlab.requests])
    assert asked[0] == asked[1]
    assert len(asked[0]) == 1


def test_that_a_hidden_module_behind_a_full_page_costs_no_further_question(shop: Shop) -> None:
    browser, asked = shop.browser(), []
    for number in range(3):
        shop.gitlab.clear_log()
        found = browser.find(Query("public"), ANONYMOUS, limit=2)
        assert [one.path for one in found.items] == ["group/public", "group/public-images"]
        asked.append(len(shop.gitlab.requests))
        hidden = shop.gitlab.create_project(f"group/public-zz{number}", shop.gitlab.state.users[1])
        # written down as public, and not so any more
        shop.publish(replace(hidden, visibility="public"), shop.version(hidden, 1, "1.0.0"))
    assert asked == [1, 1, 1]


@pytest.mark.parametrize("cache_seconds", [0.0, 60.0])
def test_that_a_search_costs_the_same_question_whatever_it_comes_upon(
    shop: Shop, cache_seconds: float
) -> None:
    browser, guest = shop.browser(cache_seconds), shop.people["guest"]
    browser.find(Query("nothing"), guest)
    asked = []
    # a Guest's private project is theirs, and its code is not for them
    for words in ("nothing", "private", "private", "neither"):
        shop.gitlab.clear_log()
        assert browser.find(Query(words), guest).items == ()
        posts = [one for one in shop.gitlab.requests if one.method == "POST"]
        assert {one.path for one in posts} == {"/api/graphql"}
        asked.append(len(posts))
    assert set(asked) == {1}


@pytest.mark.parametrize("limit", [1, 2, 24])
def test_that_a_short_page_costs_the_same_question_whatever_is_hidden_behind_it(
    shop: Shop, limit: int
) -> None:
    """Whoever has modules of their own that sort before could see by the time whether there is one they may not see."""
    guest, asked = shop.people["guest"], []
    owner = shop.gitlab.create_user("someone")
    for number in range(limit):
        mine = shop.gitlab.create_project(f"mine/unusual{number}", owner, visibility="public")
        shop.publish(mine, shop.version(mine, 1, "1.0.0"))
    browser = shop.browser()
    browser.find(Query("nothing"), guest)
    for _ in range(3):
        shop.gitlab.clear_log()
        found = browser.find(Query("unusual"), guest, limit=limit)
        assert len(found.items) == limit
        asked.append(len([one for one in shop.gitlab.requests if one.method == "POST"]))
        hidden = shop.gitlab.create_project(f"zzz/unusualz{len(asked)}", owner, visibility="private")
        hidden.members[guest.id or 0] = GUEST
        shop.publish(hidden, shop.version(hidden, 1, "1.0.0"))
        browser = shop.browser()
        browser.find(Query("nothing"), guest)
    assert asked == [1, 1, 1]


def test_that_hidden_modules_of_somebodys_own_making_cost_no_further_question(shop: Shop) -> None:
    """Whoever had a page filled with what is hidden from them would see by the time whether there is one more."""
    guest, asked = shop.people["guest"], []
    owner = shop.gitlab.create_user("someone")
    for number in range(USUAL_ITEMS + SPARE_ITEMS + 1):
        hidden = shop.gitlab.create_project(f"mine/unusual{number}", owner, visibility="private")
        hidden.members[guest.id or 0] = GUEST
        shop.publish(hidden, shop.version(hidden, 1, "1.0.0"))
        if number >= USUAL_ITEMS + SPARE_ITEMS - 2:
            browser = shop.browser()
            browser.find(Query("nothing"), guest)
            shop.gitlab.clear_log()
            assert browser.find(Query("unusual"), guest).items == ()
            asked.append(len([one for one in shop.gitlab.requests if one.method == "POST"]))
    assert asked == [1, 1, 1]


def test_that_nothing_is_shown_while_gitlab_does_not_answer(shop: Shop) -> None:
    browser = shop.browser()
    shop.gitlab.moods = broken = Trouble()
    broken.on("*", "*", trouble.server_error(502), times=None)
    for ask in (
        lambda: browser.find(Query(), ANONYMOUS),
        lambda: browser.module("group/public", ANONYMOUS),
        lambda: browser.find(Query(), shop.people["maintainer"]),
    ):
        with pytest.raises(TryAgain):
            ask()


def test_that_a_version_is_found_by_each_of_its_names(shop: Shop) -> None:
    browser, project = shop.browser(), shop.projects["public"]
    shop.publish(
        project,
        shop.version(project, 1, "1.0.0"),
        shop.version(project, 2, "1.9.0"),
        shop.version(project, 3, "2.0.0", VersionState.INCONSISTENT),
        shop.version(project, 4, "1.10.0"),
        shop.version(project, 5, ""),
    )

    def named(name: str) -> str | None:
        found = browser.module(project.id, ANONYMOUS, name)
        return found.shown.name if found is not None and found.shown is not None else None

    assert [named(name) for name in ("", "latest", "1", "1.10.0", "main-4")] == ["1.10.0"] * 5
    assert named("1.0.0") == named("main-1") == "1.0.0"
    assert (named("1.0"), named("1.10"), named("1.9")) == ("1.0.0", "1.10.0", "1.9.0")
    assert named("2.0.0") == "2.0.0"
    assert named("stable-5") == "stable-5"
    for unknown in ("2", "3.0.0", "main-9", "stable-1", "../1.0.0", "1.1", "1.", "LATEST", "c-" + "0" * 40):
        assert named(unknown) is None, unknown
    found = browser.module(project.id, ANONYMOUS, "1.10.0")
    assert found is not None
    assert found.shown is not None
    assert found.shown.tags == ("1.10.0", "main-4", "1", "latest")


def test_that_a_version_taken_back_is_there_for_those_who_work_on_it_only(shop: Shop) -> None:
    browser, project = shop.browser(), shop.projects["public"]
    back = shop.version(project, 2, "1.1.0", VersionState.UNPUBLISHED)
    shop.publish(project, shop.version(project, 1, "1.0.0"), back)
    for who in ("anonymous", "stranger", "guest", "reporter"):
        assert browser.module(project.id, shop.people[who], "1.1.0") is None, who
        assert browser.compare(project.id, "1.0.0", "1.1.0", shop.people[who]) is None, who
        found = browser.module(project.id, shop.people[who])
        assert found is not None
        assert [name for name, _ in found.versions] == ["1.0.0"], who
    found = browser.module(project.id, shop.people["developer"], "1.1.0")
    assert found is not None
    assert found.shown is not None
    assert found.shown.listed.state is VersionState.UNPUBLISHED
    assert found.shown.component == ""
    assert found.shown.tags == ()


def test_that_a_module_with_nothing_left_is_gone_for_those_who_do_not_work_on_it(shop: Shop) -> None:
    browser, project = shop.browser(), shop.projects["public"]
    shop.publish(project, shop.version(project, 1, "1.0.0", VersionState.UNPUBLISHED))
    assert browser.module(project.id, ANONYMOUS) is None
    assert project.full_path not in {one.path for one in browser.find(Query(), ANONYMOUS).items}
    found = browser.module(project.id, shop.people["maintainer"])
    assert found is not None
    assert found.shown is None


def test_that_a_module_whose_only_version_is_inconsistent_says_so(shop: Shop) -> None:
    browser, project = shop.browser(), shop.projects["public"]
    moved = shop.version(project, 1, "1.0.0", VersionState.INCONSISTENT)
    shop.publish(project, moved, shop.version(project, 2, "1.1.0", VersionState.UNPUBLISHED))
    for who in ("anonymous", "maintainer"):
        found = browser.module(project.id, shop.people[who])
        assert found is not None
        assert found.shown is not None
        assert (found.shown.name, found.shown.listed.state) == ("1.0.0", VersionState.INCONSISTENT)
        assert (found.shown.component, found.shown.tags) == ("", ())
        assert "inconsistent" in draw("state", found)
        assert browser.module(project.id, shop.people[who], "latest") is None


def test_that_two_versions_are_compared_as_their_users_would(shop: Shop) -> None:
    compared = shop.browser().compare("group/public", "1.0.0", "1.1.0", ANONYMOUS)
    assert compared is not None
    assert compared.diff is not None
    assert [(one.kind, one.parameter) for one in compared.diff.changes] == [("added", "--seed")]


@pytest.mark.parametrize("state", [State.RUNNING, State.FAILED, State.PUBLISHED])
def test_that_those_who_may_push_see_what_became_of_the_newest_push(shop: Shop, state: State) -> None:
    project, browser = shop.projects["private"], shop.browser()
    shop.attempt(project, state, pipeline_id=4_711)
    seen = browser.module("group/private", shop.people["developer"])
    assert seen is not None
    assert seen.newest is not None
    assert (seen.newest.branch, seen.newest.pipeline_url[-5:]) == ("main", "/4711")
    for who in ("reporter", "guest"):
        shown = browser.module("group/private", shop.people[who])
        assert shown is None or shown.newest is None


OWN_STAGES = """
mlreef-verify: {stage: build, script: [verify]}
mlreef-before-1:
  stage: test
  trigger: {include: [{local: ci/lint.yml}], strategy: depend}
mlreef-build: {stage: deploy, script: [build]}
"""


def test_that_a_stage_of_the_repositorys_own_that_failed_leads_to_the_log_of_its_job(shop: Shop) -> None:
    gitlab, project = shop.gitlab, shop.projects["private"]
    files = {".gitlab-ci.yml": OWN_STAGES, "ci/lint.yml": "lint: {script: [lint]}\n"}
    sha = gitlab.commit(project.id, gitlab.state.users[project.owner_id], files, "Stages")
    pipeline = gitlab.pipelines(project.id, sha)[0]
    verify = gitlab.job(pipeline.id, "mlreef-verify")
    gitlab.finish_job(verify.id)
    child = gitlab.job(pipeline.id, "mlreef-before-1").downstream_id
    lint = gitlab.job(int(child or 0), "lint")

    def stages() -> list[tuple[str, str, str]]:
        seen = shop.browser().module("group/private", shop.people["developer"])
        assert seen is not None
        assert seen.newest is not None
        return [(one.name, one.state, one.web_url.rpartition("/-/")[2]) for one in seen.newest.stages]

    shop.attempt(project, State.RUNNING, pipeline_id=pipeline.id)
    assert stages()[1] == ("mlreef-before-1", "running", f"pipelines/{child}")
    gitlab.finish_job(lint.id, "failed")
    build = gitlab.job(pipeline.id, "mlreef-build")
    assert stages() == [
        ("mlreef-verify", "success", f"jobs/{verify.id}"),
        ("mlreef-before-1", "failed", f"jobs/{lint.id}"),
        ("mlreef-build", "skipped", f"jobs/{build.id}"),
    ]


def test_that_what_was_just_taken_back_is_no_news_for_those_who_do_not_work_on_it(shop: Shop) -> None:
    shop.attempt(shop.projects["public"], State.UNPUBLISHED)
    assert shop.browser().progress(shop.people["reporter"]) == ()
    assert len(shop.browser().progress(shop.people["developer"])) == 1


def test_that_a_commit_that_a_newer_one_overtook_is_not_shown_as_if_it_had_an_image(shop: Shop) -> None:
    shop.attempt(shop.projects["public"], State.SUPERSEDED)
    assert shop.browser().progress(shop.people["developer"]) == ()


def test_that_looking_for_progress_costs_the_same_whether_or_not_something_hidden_is_under_way(
    shop: Shop,
) -> None:
    browser, asked = shop.browser(60.0), []
    for _ in range(3):
        shop.gitlab.clear_log()
        assert browser.progress(shop.people["stranger"]) == ()
        asked.append(len(shop.gitlab.requests))
        shop.attempt(shop.projects["private"], State.RUNNING)
    assert asked == [1, 1, 1]


def test_that_one_answer_about_progress_is_given_for_a_moment_and_to_one_person(shop: Shop) -> None:
    clock = [1e9]
    shop.attempt(shop.projects["public"], State.RUNNING)
    browser = Browser(shop.store, shop.visibility(), 2.0, now=lambda: clock[0])
    developer = shop.people["developer"]
    assert len(browser.progress(developer)) == 1
    shop.projects["public"].visibility, members = "private", shop.projects["public"].members
    members.clear()
    clock[0] += 1.9
    assert len(browser.progress(developer)) == 1
    assert browser.progress(shop.people["maintainer"]) == ()
    clock[0] += 0.1
    assert browser.progress(developer) == ()


def test_that_progress_is_told_anew_at_once_when_gitlab_told_of_a_change(shop: Shop) -> None:
    marks = ["before"]
    project, developer = shop.projects["public"], shop.people["developer"]
    shop.attempt(project, State.RUNNING)
    browser = Browser(shop.store, shop.visibility(), 60.0, changed=lambda: marks[-1])
    assert len(browser.progress(developer)) == 1
    project.visibility = "private"
    project.members.clear()
    marks.append("after")
    assert browser.progress(developer) == ()


def test_that_progress_is_shown_to_whom_gitlab_shows_the_pipeline(shop: Shop) -> None:
    browser = shop.browser()
    for kind in ("public", "private"):
        shop.attempt(shop.projects[kind], State.RUNNING)
    assert browser.progress(ANONYMOUS) == ()
    assert [one.path for one in browser.progress(shop.people["developer"])] == [
        "group/private",
        "group/public",
    ]
    assert [one.path for one in browser.progress(shop.people["stranger"])] == []

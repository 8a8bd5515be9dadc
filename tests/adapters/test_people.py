"""Who may what: the access level that counts is the one that somebody has today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from sandbox.gitlab import DEVELOPER, MAINTAINER, Project, Sandbox, User


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Project, Forge]]:
    with Sandbox(tmp_path_factory.mktemp("people") / "gitlab") as sandbox:
        bot = sandbox.create_user("mlreef-bot", bot=True)
        project = sandbox.create_project("lab/noise", sandbox.create_user("alice"))
        sandbox.add_member(project.id, bot, MAINTAINER)
        yield sandbox, project, Forge(GitlabClient(sandbox.url, bot.token, 5))
        assert sandbox.complaints == []


def member(
    place: tuple[Sandbox, Project, Forge], name: str, state: str = "active", expires_at: str | None = None
) -> User:
    sandbox, _, _ = place
    found = replace(sandbox.create_user(name), state=state, expires_at=expires_at)
    sandbox.state.users[found.id] = found
    sandbox.add_group_member("lab", found, DEVELOPER)
    return found


def test_a_member_of_the_group_has_its_level(place: tuple[Sandbox, Project, Forge]) -> None:
    sandbox, project, forge = place
    assert forge.fetch_level(project.id, member(place, "dora").id) == DEVELOPER
    assert forge.fetch_level(project.id, sandbox.create_user("stan").id) == 0


@pytest.mark.parametrize("state", ["blocked", "banned", "deactivated", "blocked_pending_approval"])
def test_who_is_blocked_has_none(place: tuple[Sandbox, Project, Forge], state: str) -> None:
    _, project, forge = place
    user = member(place, state.replace("_", "-"), state=state)
    assert forge.fetch_level(project.id, user.id) == 0


@pytest.mark.parametrize(("ends", "level"), [("2020-01-01", 0), ("2999-12-31", DEVELOPER)])
def test_who_is_no_member_any_more_has_none(
    place: tuple[Sandbox, Project, Forge], ends: str, level: int
) -> None:
    _, project, forge = place
    user = member(place, f"until-{ends}", expires_at=ends)
    assert forge.fetch_level(project.id, user.id) == level


@pytest.mark.parametrize(("access", "is_open"), [("enabled", True), ("private", False), ("disabled", False)])
def test_a_project_says_whether_its_code_is_for_all_who_see_it(
    place: tuple[Sandbox, Project, Forge], access: str, is_open: bool
) -> None:
    _, project, forge = place
    project.repository_access = access
    assert forge.fetch_project(project.id).open_code is is_open

"""A merge request is checked before anything of it is published: what GitLab is asked, what is told, and where."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.steps import CHECK_STATUS
from sandbox.gitlab.core import LoggedRequest
from sandbox.gitlab.state import Job
from tests.whole_way.conftest import FILES, SCRIPT, SOON, Way, World

MOST_CALLS = 8
"""What a check may ask of GitLab when its result is that of the one before."""

WITHOUT_OUTPUT = SCRIPT.replace('parser.add_argument("--output-path", required=True)\n', "")


def checks(way: Way, sha: str) -> list[Job]:
    """The check's statuses on a commit of the project itself."""
    return way.sandbox.statuses(way.project.id, sha, CHECK_STATUS)


def check(way: Way, sha: str, state: str) -> Job:
    """The check's newest status, once it is in that state."""
    return way.sandbox.wait_for(
        lambda: next((found for found in checks(way, sha)[-1:] if found.status == state), None),
        SOON,
        f"{CHECK_STATUS} {state}",
    )


def calls_of(way: Way, before: Sequence[LoggedRequest]) -> list[LoggedRequest]:
    """What the bot asked since then, of this project."""
    return way.calls()[len(before) :]


def test_a_good_merge_request_gets_one_status_on_its_head(world: World) -> None:
    way = world.project()
    way.open(FILES)
    told = check(way, way.head("work"), "success")
    assert told.ref == "work"
    way.rest()
    assert len(checks(way, way.head("work"))) == 1


def test_a_merge_request_that_would_break_the_publication_cannot_go_unnoticed(world: World) -> None:
    way = world.project()
    iid = way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT})
    told = check(way, way.head("work"), "failed")
    assert told.target_url.endswith(f"/-/merge_requests/{iid}")
    assert "add_noise.py" in told.description
    assert len(told.description) <= 255


def test_a_merge_request_into_a_branch_that_is_not_published_is_left_alone(world: World) -> None:
    way = world.project()
    way.push({"notes.txt": "Hi\n"}, branch="notes")
    before = way.calls()
    way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT}, target="notes")
    way.rest()
    assert calls_of(way, before) == []


def test_nothing_changed_costs_few_calls_and_no_note(world: World) -> None:
    way = world.project()
    way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT})
    check(way, way.head("work"), "failed")
    way.rest()
    before = way.calls()
    head = way.push({"notes.txt": "Hi\n"}, branch="work")
    check(way, head, "failed")
    way.rest()
    calls = calls_of(way, before)
    assert len(calls) <= MOST_CALLS, [f"{call.method} {call.route}" for call in calls]
    assert [call.route for call in calls if call.method in ("POST", "PUT") and "note" in call.route] == []
    assert len(checks(way, head)) == 1


def test_a_draft_is_checked_as_others_are(world: World) -> None:
    way = world.project()
    iid = way.open(FILES)
    check(way, way.head("work"), "success")
    way.ask("PUT", f"merge_requests/{iid}", {"title": "Draft: Work"})
    head = way.push({"add_noise.py": WITHOUT_OUTPUT}, branch="work")
    check(way, head, "failed")


def test_what_is_closed_is_not_checked_until_it_is_opened_again(world: World) -> None:
    way = world.project()
    iid = way.open(FILES)
    check(way, way.head("work"), "success")
    way.ask("PUT", f"merge_requests/{iid}", {"state_event": "close"})
    head = way.push({"add_noise.py": WITHOUT_OUTPUT}, branch="work")
    way.rest()
    assert checks(way, head) == []
    way.ask("PUT", f"merge_requests/{iid}", {"state_event": "reopen"})
    check(way, head, "failed")


def test_a_force_push_is_checked_at_its_new_head(world: World) -> None:
    way = world.project()
    way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT})
    check(way, way.head("work"), "failed")
    actions = [{"action": "create", "file_path": path, "content": content} for path, content in FILES.items()]
    body = {"branch": "work", "start_branch": "master", "force": True, "commit_message": "Anew"}
    forced = way.ask("POST", "repository/commits", {**body, "actions": actions})
    check(way, str(forced["id"]), "success")

"""A merge request is checked before anything of it is published: what GitLab is asked, what is told, and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from werkzeug.wrappers import Response

from bot.domain.steps import CHECK_STATUS
from sandbox.gitlab import DEVELOPER, REPORTER, User
from sandbox.gitlab.core import LoggedRequest
from sandbox.gitlab.state import Job
from tests.whole_way.conftest import FILES, SCRIPT, SOON, Way, World

MOST_CALLS = 8
"""What a check may ask of GitLab when its result is that of the one before."""

WORK = {"source_branch": "work", "target_branch": "master", "title": "Work"}

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
    # at the first push of a project it is read which branches it names
    way.rest()
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


def test_however_much_there_is_to_look_at_nothing_changed_costs_few_calls(world: World) -> None:
    way = world.project(FILES)
    way.bot_commit()
    generated = way.file()
    assert generated is not None
    changed = {"mlreef.yml": generated + b"\n# faster\n", ".mlreef.yaml": "quiet: problems\n"}
    way.open({**changed, "add_noise.py": WITHOUT_OUTPUT})
    check(way, way.head("work"), "failed")
    way.rest()
    before = way.calls()
    head = way.push({"add_noise.py": WITHOUT_OUTPUT + "# x\n"}, branch="work")
    check(way, head, "failed")
    way.rest()
    # the publication of the default branch is still looked after meanwhile
    calls = [call for call in calls_of(way, before) if "pipelines" not in call.path]
    assert len(calls) <= MOST_CALLS, [f"{call.method} {call.route}" for call in calls]
    assert [call.method for call in calls if call.method != "GET" and "graphql" not in call.path] == ["POST"]


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


def test_what_is_closed_and_opened_again_as_it_was_is_told_nothing_new(world: World) -> None:
    way = world.project()
    iid = way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT})
    said = note(way, iid)
    way.rest()
    before, written = way.calls(), way.writes()
    way.ask("PUT", f"merge_requests/{iid}", {"state_event": "close"})
    way.ask("PUT", f"merge_requests/{iid}", {"state_event": "reopen"})
    way.sandbox.wait_for(lambda: calls_of(way, before), SOON, "another look")
    way.rest()
    assert len(calls_of(way, before)) <= MOST_CALLS
    assert way.writes() == written
    assert note(way, iid) == said


def test_a_force_push_is_checked_at_its_new_head(world: World) -> None:
    way = world.project()
    way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT})
    check(way, way.head("work"), "failed")
    actions = [{"action": "create", "file_path": path, "content": content} for path, content in FILES.items()]
    body = {"branch": "work", "start_branch": "master", "force": True, "commit_message": "Anew"}
    forced = way.ask("POST", "repository/commits", {**body, "actions": actions})
    check(way, str(forced["id"]), "success")


# From forks -------------------------------------------------------------------------------------------


def fork_of(way: Way, person: User, visibility: str = "private") -> Way:
    """The person's own copy, where the bot is nobody."""
    way.sandbox.add_member(way.project.id, person, REPORTER)
    way.ask("POST", "fork", {"path": f"{way.project.path}-copy"}, person)
    made = way.sandbox.state.projects[max(way.sandbox.state.projects)]
    copy = Way(way.world, made)
    copy.ask("PUT", "", {"visibility": visibility}, person)
    return copy


def open_from(copy: Way, way: Way, person: User, files: Mapping[str, str]) -> str:
    """The person opens a merge request from the fork; gives its head."""
    head = way.sandbox.commit(copy.project.id, person, files, "Work", branch="work", start_branch="master")
    copy.ask("POST", "merge_requests", {**WORK, "target_project_id": way.project.id}, person)
    return head


def test_a_fork_where_the_bot_has_rights_gets_the_status(world: World) -> None:
    way, carol = world.project(), world.sandbox.create_user("carol")
    copy = fork_of(way, carol)
    world.sandbox.add_member(copy.project.id, world.bot, DEVELOPER)
    head = open_from(copy, way, carol, {**FILES, "add_noise.py": WITHOUT_OUTPUT})
    check(copy, head, "failed")
    assert checks(way, head) == []


def test_a_fork_that_the_bot_cannot_even_read_is_checked_by_what_its_target_holds(world: World) -> None:
    way, dave = world.project(), world.sandbox.create_user("dave")
    copy = fork_of(way, dave)
    before = way.calls()
    head = open_from(copy, way, dave, {**FILES, "add_noise.py": WITHOUT_OUTPUT})
    way.rest()
    assert checks(copy, head) == checks(way, head) == []
    assert f"ref={head}" in next(call.query for call in calls_of(way, before) if "tree" in call.path)


# Meanwhile --------------------------------------------------------------------------------------------


def meanwhile(way: Way, do: Callable[[], object]) -> None:
    """Do it while the bot reads the head's tree next time."""

    def script(answer: Callable[[], Response]) -> Response:
        do()
        return answer()

    way.world.mood.once("GET", "/repository/tree", script)


def test_a_source_branch_that_is_deleted_while_it_is_checked_does_no_harm(world: World) -> None:
    way = world.project()
    head = way.push(FILES, branch="work")
    meanwhile(way, lambda: way.ask("DELETE", "repository/branches/work"))
    way.ask("POST", "merge_requests", WORK)
    check(way, head, "success")


def test_what_is_pushed_while_it_is_checked_is_checked_as_well(world: World) -> None:
    way = world.project()
    pushed: list[str] = []
    meanwhile(way, lambda: pushed.append(way.push({"add_noise.py": WITHOUT_OUTPUT}, branch="work")))
    way.open(FILES)
    way.sandbox.wait_for(lambda: pushed or None, SOON, "the push")
    check(way, pushed[0], "failed")
    way.rest()
    assert len(checks(way, pushed[0])) == 1


def test_what_is_merged_while_it_is_checked_is_told_once_by_its_publication(world: World) -> None:
    way = world.project()
    meanwhile(way, lambda: way.ask("PUT", "merge_requests/1/merge"))
    iid = way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT})
    assert "**Not published.**" in note(way, iid)
    way.rest()
    assert len(way.notes(iid)) == 1


def test_what_gets_another_target_while_it_is_checked_is_left_alone(world: World) -> None:
    way = world.project()
    way.push({"notes.txt": "Hi\n"}, branch="notes")
    meanwhile(way, lambda: way.ask("PUT", "merge_requests/1", {"target_branch": "notes"}))
    iid = way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT})
    told = check(way, way.head("work"), "success")
    assert "notes is no branch that is published" in told.description
    way.rest()
    assert way.notes(iid) == []


def test_three_thousand_changed_files_are_checked(world: World) -> None:
    way = world.project()
    data = {f"data/{number % 60}/{number}.txt": f"{number}\n" for number in range(3000)}
    way.open({**data, **FILES})
    check(way, way.head("work"), "success")


# How much is said -------------------------------------------------------------------------------------


def sticky(way: Way, iid: int) -> list[str]:
    """The bot's notes that are no part of a discussion on a line."""
    return [found for found in way.notes(iid) if "<!-- mlreef-bot:thread " not in found]


def note(way: Way, iid: int) -> str:
    """The bot's one note, once it is there."""
    way.sandbox.wait_for(lambda: sticky(way, iid) or None, SOON, "the note")
    (found,) = sticky(way, iid)
    return found


def test_a_mistake_is_told_in_the_note_or_on_its_line(world: World) -> None:
    way = world.project()
    iid = way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT})
    assert "publish nothing" in note(way, iid)


def test_the_note_is_folded_to_one_line_when_all_is_mended(world: World) -> None:
    way = world.project({**FILES, ".mlreef.yaml": "quiet: problems\n"})
    iid = way.open({"add_noise.py": WITHOUT_OUTPUT})
    assert len(note(way, iid).splitlines()) > 2
    way.push({"add_noise.py": SCRIPT}, branch="work")
    way.sandbox.wait_for(lambda: len(note(way, iid).splitlines()) == 2 or None, SOON, "the fold")
    assert "**Merging this publishes" in note(way, iid)


def test_a_head_that_asks_for_quiet_is_not_believed_before_its_target_asks_too(world: World) -> None:
    way = world.project()
    iid = way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT, ".mlreef.yaml": "quiet: everything\n"})
    assert "publish nothing" in note(way, iid)


def test_a_repository_that_wants_no_notes_gets_the_status_alone(world: World) -> None:
    way = world.project({**FILES, ".mlreef.yaml": "quiet: everything\n"})
    iid = way.open({"add_noise.py": WITHOUT_OUTPUT})
    check(way, way.head("work"), "failed")
    way.rest()
    assert way.notes(iid) == []


def test_a_note_about_a_fork_says_that_there_is_no_status(world: World) -> None:
    way, erin = world.project(), world.sandbox.create_user("erin")
    open_from(fork_of(way, erin), way, erin, {**FILES, "add_noise.py": WITHOUT_OUTPUT})
    assert "no rights in the project" in note(way, 1)


def test_a_merge_request_that_turns_away_from_what_is_published_is_told_so_in_one_line(world: World) -> None:
    way = world.project()
    way.push({"notes.txt": "Hi\n"}, branch="notes")
    iid = way.open({**FILES, "add_noise.py": WITHOUT_OUTPUT})
    check(way, way.head("work"), "failed")
    note(way, iid)
    way.ask("PUT", f"merge_requests/{iid}", {"target_branch": "notes"})
    told = check(way, way.head("work"), "success")
    assert "notes is no branch that is published" in told.description
    way.sandbox.wait_for(lambda: "publishes nothing" in note(way, iid) or None, SOON, "the last word")
    way.ask("PUT", f"merge_requests/{iid}", {"target_branch": "master"})
    check(way, way.head("work"), "failed")
    way.sandbox.wait_for(lambda: "publish nothing" in note(way, iid) or None, SOON, "the note as before")


def test_hundreds_of_problems_in_a_huge_change_make_one_note_and_a_few_discussions(world: World) -> None:
    way = world.project()
    wrong = "".join(f"package-{number} == = {number}\n" for number in range(500))
    iid = way.open({**FILES, "requirements.txt": wrong, "data.csv": "1,2,3,4,5,6,7\n" * 150_000})
    told = check(way, way.head("work"), "failed")
    assert len(told.description) <= 255
    assert "publish nothing" in note(way, iid)
    way.rest()
    assert len(note(way, iid)) < 100_000
    on_lines = [found for found in way.notes(iid) if "<!-- mlreef-bot:thread " in found]
    assert 0 < len(on_lines) <= 20


def test_a_source_branch_where_the_bot_may_not_tell_a_status_gets_the_note_all_the_same(world: World) -> None:
    way = world.project(bot_level=DEVELOPER)
    way.push(FILES, branch="work")
    world.sandbox.protect_branch(way.project.id, "work")
    iid = way.open({"add_noise.py": WITHOUT_OUTPUT})
    assert "publish nothing" in note(way, iid)
    assert checks(way, way.head("work")) == []

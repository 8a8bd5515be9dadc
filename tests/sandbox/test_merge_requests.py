"""Merge requests, notes, discussions and commit comments; and that what a note orders is really done."""

from __future__ import annotations

import gitlab
import pytest
from gitlab_helpers import Client, Receiver
from hypothesis import given
from hypothesis import strategies as st

from sandbox.gitlab import DEVELOPER, Project, Sandbox, User
from sandbox.gitlab.notes import COMMANDS, read_mentions, read_quick_actions
from sandbox.gitlab.values import now

OPEN = {"source_branch": "feature", "target_branch": "main", "title": "Add a feature"}


@pytest.fixture
def feature(sandbox: Sandbox, project: Project, alice: User) -> str:
    """A branch with one commit on top of main."""
    return sandbox.commit(
        project.id, alice, {"noise.py": "print(1)\nprint(2)\n"}, branch="feature", start_branch="main"
    )


def test_a_merge_request_is_opened_told_and_merged(
    sandbox: Sandbox, project: Project, alice: User, client: Client, receiver: Receiver, feature: str
) -> None:
    sandbox.add_hook(project.id, receiver.url, pipeline_events=False, job_events=False)
    before = sandbox.head(project.id)
    found = client(alice).projects.get(project.id)
    opened = found.mergerequests.create(OPEN)
    assert (opened.iid, opened.state, opened.sha) == (1, "opened", feature)
    assert opened.detailed_merge_status == "mergeable"
    opened.merge()
    merged = found.mergerequests.get(1)
    assert merged.state == "merged"
    assert merged.merge_commit_sha == sandbox.head(project.id)
    assert found.commits.get(merged.merge_commit_sha).parent_ids == [before, feature]
    assert sandbox.read_file(project.id, "noise.py") == b"print(1)\nprint(2)\n"
    sandbox.wait_idle()
    told = receiver.of("merge_request")
    assert [body["object_attributes"]["action"] for body in told] == ["open", "merge"]
    attributes = told[0]["object_attributes"]
    assert attributes["last_commit"]["id"] == feature
    assert (attributes["source_project_id"], attributes["target_project_id"]) == (project.id, project.id)
    assert [body["after"] for body in receiver.of("push")] == [merged.merge_commit_sha]
    assert len(sandbox.pipelines(project.id, merged.merge_commit_sha)) == 1
    of_commit = found.commits.get(merged.merge_commit_sha).merge_requests(get_all=True)
    assert [item["iid"] for item in of_commit] == [1]
    of_feature = found.commits.get(feature).merge_requests(get_all=True)
    assert [item["iid"] for item in of_feature] == [1]


def test_new_code_is_told_with_oldrev_and_other_changes_without(
    sandbox: Sandbox, project: Project, alice: User, client: Client, receiver: Receiver, feature: str
) -> None:
    found = client(alice).projects.get(project.id)
    opened = found.mergerequests.create(OPEN)
    sandbox.add_hook(project.id, receiver.url, pipeline_events=False, job_events=False)
    newer = sandbox.commit(project.id, alice, {"more.py": ""}, branch="feature")
    opened.title = "Add two features"
    opened.save()
    sandbox.wait_idle()
    code, words = receiver.of("merge_request")
    assert (code["object_attributes"]["action"], code["object_attributes"]["oldrev"]) == ("update", feature)
    assert code["object_attributes"]["last_commit"]["id"] == newer
    assert "oldrev" not in words["object_attributes"]
    assert words["changes"]["title"] == {"previous": "Add a feature", "current": "Add two features"}
    assert [version.head_commit_sha for version in opened.diffs.list(get_all=True)] == [newer, feature]


def test_a_conflict_is_seen_and_refused(
    sandbox: Sandbox, project: Project, alice: User, client: Client, feature: str
) -> None:
    sandbox.commit(project.id, alice, {"noise.py": "print(9)\n"})
    found = client(alice).projects.get(project.id)
    opened = found.mergerequests.create(OPEN)
    assert (opened.detailed_merge_status, opened.has_conflicts) == ("conflict", True)
    with pytest.raises(gitlab.GitlabMRClosedError):
        opened.merge()
    assert found.mergerequests.get(1).state == "opened"


def test_a_push_that_holds_the_head_merges_it_by_hand(
    sandbox: Sandbox, project: Project, alice: User, client: Client, feature: str
) -> None:
    found = client(alice).projects.get(project.id)
    found.mergerequests.create(OPEN)
    action = {"action": "create", "file_path": "x", "content": ""}
    found.commits.create(
        {"branch": "main", "commit_message": "x", "actions": [action], "start_sha": feature, "force": True}
    )
    assert found.mergerequests.get(1).state == "merged"


def test_the_same_merge_request_twice_is_409_and_a_missing_branch_is_refused(
    project: Project, alice: User, client: Client, feature: str
) -> None:
    found = client(alice).projects.get(project.id)
    found.mergerequests.create(OPEN)
    with pytest.raises(gitlab.GitlabCreateError, match="already exists") as refused:
        found.mergerequests.create(OPEN)
    assert refused.value.response_code == 409
    with pytest.raises(gitlab.GitlabCreateError, match="does not exist"):
        found.mergerequests.create({**OPEN, "source_branch": "nowhere"})


def test_merge_requests_are_found_by_branch_and_state(
    project: Project, alice: User, client: Client, feature: str
) -> None:
    found = client(alice).projects.get(project.id)
    opened = found.mergerequests.create({**OPEN, "labels": "one,two"})
    asked = found.mergerequests.list(
        source_branch="feature", target_branch="main", state="opened", get_all=True
    )
    assert [(item.iid, item.labels) for item in asked] == [(1, ["one", "two"])]
    opened.state_event = "close"
    opened.save()
    assert found.mergerequests.list(state="opened", get_all=True) == []
    assert found.mergerequests.list(state="closed", get_all=True)[0].closed_by["username"] == "alice"


def test_a_fork_opens_a_merge_request_into_its_origin(
    sandbox: Sandbox, project: Project, alice: User, client: Client, receiver: Receiver
) -> None:
    project.visibility = "public"
    carol = sandbox.create_user("carol")
    gl = client(carol)
    fork = gl.projects.get(project.id).forks.create({})
    sha = sandbox.commit(fork.id, carol, {"noise.py": "print(7)\n"}, branch="feature", start_branch="main")
    sandbox.add_hook(project.id, receiver.url)
    gl.projects.get(fork.id).mergerequests.create({**OPEN, "target_project_id": project.id})
    sandbox.wait_idle()
    attributes = receiver.of("merge_request")[0]["object_attributes"]
    assert (attributes["source_project_id"], attributes["target_project_id"]) == (fork.id, project.id)
    found = client(alice).projects.get(project.id)
    assert found.mergerequests.get(1).diff_refs["head_sha"] == sha
    assert found.commits.get(sha).id == sha
    assert found.mergerequests.get(1).changes()["changes"][0]["new_path"] == "noise.py"


# Notes


def test_a_sticky_note_is_written_found_and_edited(
    sandbox: Sandbox,
    project: Project,
    alice: User,
    bot: User,
    client: Client,
    receiver: Receiver,
    feature: str,
) -> None:
    client(alice).projects.get(project.id).mergerequests.create(OPEN)
    sandbox.add_hook(project.id, receiver.url, pipeline_events=False, job_events=False)
    request = client(bot).projects.get(project.id).mergerequests.get(1)
    note = request.notes.create({"body": "<!-- mlreef --> one"})
    note.body = "<!-- mlreef --> two"
    note.save()
    listed = request.notes.list(sort="asc", order_by="created_at", get_all=True)
    assert [(item.body, item.author["id"]) for item in listed] == [("<!-- mlreef --> two", bot.id)]
    sandbox.wait_idle()
    told = receiver.of("note")
    assert [body["object_attributes"]["action"] for body in told] == ["create", "update"]
    assert (told[0]["user"]["id"], told[0]["object_attributes"]["noteable_type"]) == (bot.id, "MergeRequest")
    assert told[0]["merge_request"]["iid"] == 1
    assert (sandbox.quick_actions, sandbox.mentions) == ([], [])
    note.delete()
    assert sandbox.notes(project.id, 1) == []


def test_only_the_author_or_a_maintainer_edits_a_note(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client, feature: str
) -> None:
    request = client(alice).projects.get(project.id).mergerequests.create(OPEN)
    theirs = request.notes.create({"body": "mine"})
    note = client(bot).projects.get(project.id).mergerequests.get(1).notes.get(theirs.id)
    note.body = "not yours"
    with pytest.raises(gitlab.GitlabUpdateError) as refused:
        note.save()
    assert refused.value.response_code == 403


def test_what_a_note_orders_is_done(
    sandbox: Sandbox, project: Project, alice: User, client: Client, feature: str
) -> None:
    found = client(alice).projects.get(project.id)
    request = found.mergerequests.create(OPEN)
    request.notes.create({"body": "Look here, @alice\n/label ~bug\n/assign @mlreef-bot @alice\nThanks"})
    after = found.mergerequests.get(1)
    assert after.labels == ["bug"]
    assert [user["username"] for user in after.assignees] == ["mlreef-bot", "alice"]
    assert [note.body for note in sandbox.notes(project.id, 1)] == ["Look here, @alice\nThanks"]
    assert [mention.username for mention in sandbox.mentions] == ["alice"]
    request.notes.create({"body": "/close"})
    assert found.mergerequests.get(1).state == "closed"
    assert len(sandbox.notes(project.id, 1)) == 1
    assert [action.command for action in sandbox.quick_actions] == ["label", "assign", "close"]
    request.notes.create({"body": "/reopen\n/merge"})
    assert found.mergerequests.get(1).state == "merged"


@pytest.mark.parametrize(
    ("body", "commands"),
    [
        ("/close", ["close"]),
        ("hello\n/close now\nbye", ["close"]),
        ("hello\r/close", ["close"]),
        ("hello\r\n/close\r\n", ["close"]),
        ("\u200b/close", ["close"]),
        ("hello\u2028/merge", ["merge"]),
        ("  /assign me", ["assign"]),
        ("~~~\n/close\n```\n~~~\n/merge", ["merge"]),
        ("```\n/close\n```", []),
        ("````\n```\n/close\n````", []),
        ("say /close", []),
        ("/home/user is no command", []),
        ("`/close`", []),
        ("\\/close", []),
    ],
)
def test_quick_actions_are_found_where_gitlab_finds_them(body: str, commands: list[str]) -> None:
    assert [name for name, _ in read_quick_actions(body)[0]] == commands


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("@alice, and @bob.", ["alice", "bob"]),
        ("mail@example.com", []),
        ("`@alice` and ``a ` @bob``", []),
        ("```\n@alice\n```\n@bob", ["bob"]),
        ("<!-- @alice -->", []),
    ],
)
def test_mentions_are_found_outside_of_code(body: str, names: list[str]) -> None:
    assert read_mentions(body) == names


@given(st.text(), st.sampled_from(sorted(COMMANDS)), st.text())
def test_a_command_on_a_line_of_its_own_is_always_found(before: str, command: str, after: str) -> None:
    if "```" in before or "~~~" in before:
        return
    actions, _ = read_quick_actions(f"{before}\n/{command}\n{after}")
    assert command in [name for name, _ in actions]


# Discussions


def position(request: gitlab.v4.objects.ProjectMergeRequest, **line: int) -> dict[str, object]:
    version = request.diffs.list(get_all=True)[0]
    return {
        "position_type": "text",
        "base_sha": version.base_commit_sha,
        "start_sha": version.start_commit_sha,
        "head_sha": version.head_commit_sha,
        "old_path": "noise.py",
        "new_path": "noise.py",
        **line,
    }


def test_a_thread_stands_on_a_line_of_the_diff_and_is_resolved(
    sandbox: Sandbox, project: Project, alice: User, client: Client, feature: str
) -> None:
    project.needs_resolved_discussions = True
    found = client(alice).projects.get(project.id)
    request = found.mergerequests.create(OPEN)
    thread = request.discussions.create({"body": "Pin this", "position": position(request, new_line=2)})
    assert thread.attributes["notes"][0]["position"]["new_line"] == 2
    assert found.mergerequests.get(1).detailed_merge_status == "discussions_not_resolved"
    thread.notes.create({"body": "Done"})
    thread.resolved = True
    thread.save()
    again = request.discussions.get(thread.id)
    assert [note["resolved"] for note in again.attributes["notes"]] == [True, True]
    assert found.mergerequests.get(1).detailed_merge_status == "mergeable"


def test_an_unchanged_line_needs_both_numbers_and_a_line_outside_is_refused(
    project: Project, alice: User, client: Client, feature: str
) -> None:
    request = client(alice).projects.get(project.id).mergerequests.create(OPEN)
    request.discussions.create({"body": "Unchanged", "position": position(request, old_line=1, new_line=1)})
    for line in ({"new_line": 1}, {"new_line": 50}, {"old_line": 2}):
        with pytest.raises(gitlab.GitlabCreateError, match="line_code") as refused:
            request.discussions.create({"body": "Nowhere", "position": position(request, **line)})
        assert refused.value.response_code == 400
    wrong = {**position(request, new_line=2), "base_sha": "0" * 40}
    with pytest.raises(gitlab.GitlabCreateError, match="line_code"):
        request.discussions.create({"body": "Wrong", "position": wrong})


def test_a_plain_note_does_not_block_merging(
    project: Project, alice: User, client: Client, feature: str
) -> None:
    project.needs_resolved_discussions = True
    found = client(alice).projects.get(project.id)
    request = found.mergerequests.create(OPEN)
    request.notes.create({"body": "For your information"})
    assert found.mergerequests.get(1).detailed_merge_status == "mergeable"


def test_a_note_is_reacted_to_once(project: Project, alice: User, client: Client, feature: str) -> None:
    request = client(alice).projects.get(project.id).mergerequests.create(OPEN)
    note = request.notes.create({"body": "/mlreef check"})
    note.awardemojis.create({"name": "eyes"})
    assert [item.name for item in note.awardemojis.list(get_all=True)] == ["eyes"]
    with pytest.raises(gitlab.GitlabCreateError):
        note.awardemojis.create({"name": "eyes"})


# Commit comments


def test_a_commit_comment_is_kept_told_and_can_be_edited_as_a_discussion(
    sandbox: Sandbox, project: Project, bot: User, client: Client, receiver: Receiver
) -> None:
    sandbox.add_hook(project.id, receiver.url)
    sha = str(sandbox.head(project.id))
    commit = client(bot).projects.get(project.id).commits.get(sha)
    commit.comments.create({"note": "No entry point"})
    thread = commit.discussions.list(get_all=True)[0]
    note = thread.notes.get(thread.attributes["notes"][0]["id"])
    note.body = "One entry point"
    note.save()
    assert [item.note for item in commit.comments.list(get_all=True)] == ["One entry point"]
    assert [(item.body, item.author_id) for item in sandbox.comments(project.id, sha)] == [
        ("One entry point", bot.id)
    ]
    sandbox.wait_idle()
    told = receiver.of("note")
    assert [body["object_attributes"]["action"] for body in told] == ["create", "update"]
    assert told[0]["object_attributes"]["commit_id"] == sha
    assert told[0]["commit"]["id"] == sha


def test_a_merge_needs_the_right_and_may_ask_for_the_sha(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client, feature: str
) -> None:
    client(alice).projects.get(project.id).mergerequests.create(OPEN)
    with pytest.raises(gitlab.GitlabAuthenticationError):
        client(bot).projects.get(project.id).mergerequests.get(1).merge()
    sandbox.protect_branch(project.id, "main", push_level=40, merge_level=DEVELOPER)
    request = client(bot).projects.get(project.id).mergerequests.get(1)
    with pytest.raises(gitlab.GitlabError, match="SHA does not match"):
        request.merge(query_data={}, sha="0" * 40)
    request.merge(should_remove_source_branch=True)
    assert sandbox.head(project.id, "feature") is None


def test_all_merge_requests_that_one_may_see_are_listed_by_scope_and_by_change(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client, feature: str
) -> None:
    client(alice).projects.get(project.id).mergerequests.create(OPEN)
    hidden = sandbox.create_project("vision/hidden", alice, files={"a.txt": "1\n"})
    sandbox.commit(hidden.id, alice, {"a.txt": "2\n"}, branch="feature", start_branch="main")
    client(alice).projects.get(hidden.id).mergerequests.create(OPEN)

    def listed(user: User, **query: str) -> list[str]:
        found = client(user).mergerequests.list(get_all=True, **query)
        return [item.references["full"] for item in found]

    assert listed(bot) == []  # none is the bot's own, and that is what GitLab lists unless it is asked
    assert listed(bot, scope="all") == ["vision/noise!1"]
    assert listed(alice, scope="all") == ["vision/hidden!1", "vision/noise!1"]
    assert listed(alice, scope="all", order_by="updated_at", sort="asc")[0] == "vision/noise!1"
    sandbox.state.merge_requests[(project.id, 1)].updated_at = now().replace(year=2020)
    assert listed(alice, scope="all", updated_after="2021-01-01T00:00:00+00:00") == ["vision/hidden!1"]
    client(alice).projects.get(hidden.id).mergerequests.get(1).merge()
    assert listed(alice, scope="all", state="opened") == ["vision/noise!1"]
    with pytest.raises(gitlab.GitlabListError):
        client(alice).mergerequests.list(scope="everything", get_all=True)

"""Notes below issues, answers to single notes, and emoji: also on commits, where only GraphQL has them."""

from __future__ import annotations

from typing import Any

import gitlab
import pytest
import requests
from gitlab_helpers import Client, Receiver

from sandbox.gitlab import Project, Sandbox, User

REACT = """
mutation react($note: AwardableID!, $name: String!) {
  awardEmojiAdd(input: {awardableId: $note, name: $name}) { errors }
}
"""
REACTIONS = (
    "query reactions($note: NoteID!) { note(id: $note) { awardEmoji { nodes { name user { id } } } } }"
)


def test_a_note_below_an_issue_is_told_with_the_issue_and_answered_in_its_discussion(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client, receiver: Receiver
) -> None:
    sandbox.add_hook(project.id, receiver.url)
    issue = sandbox.create_issue(project.id, alice, "Too noisy", "Says @mlreef-bot.")
    found = client(alice).projects.get(project.id).issues.get(issue.iid, lazy=True)
    note = found.notes.create({"body": "/mlreef status"})
    sandbox.wait_idle()
    (told,) = receiver.of("note")
    about = told["object_attributes"]
    assert (about["noteable_type"], about["noteable_id"], about["id"]) == ("Issue", issue.id, note.id)
    assert (about["note"], about["action"], told["event_type"]) == ("/mlreef status", "create", "note")
    assert (told["issue"]["iid"], told["issue"]["description"]) == (1, "Says @mlreef-bot.")
    mine = client(bot).projects.get(project.id).issues.get(issue.iid, lazy=True)
    mine.discussions.get(about["discussion_id"], lazy=True).notes.create({"body": "All is well."})
    (thread,) = found.discussions.list(get_all=True)
    assert [one["body"] for one in thread.attributes["notes"]] == ["/mlreef status", "All is well."]
    assert not thread.attributes["individual_note"]
    assert [one.body for one in sandbox.issue_notes(project.id, issue.iid)] == [
        "/mlreef status",
        "All is well.",
    ]


def test_what_is_said_about_a_confidential_issue_has_a_hook_of_its_own(
    sandbox: Sandbox, project: Project, alice: User, client: Client, receiver: Receiver
) -> None:
    sandbox.add_hook(project.id, receiver.url, confidential_note_events=False)
    issue = sandbox.create_issue(project.id, alice, "A secret", confidential=True)
    found = client(alice).projects.get(project.id).issues.get(issue.iid, lazy=True)
    found.notes.create({"body": "Nobody knows."})
    sandbox.wait_idle()
    assert receiver.of("note") == []
    sandbox.add_hook(project.id, receiver.url)
    found.notes.create({"body": "Really."})
    sandbox.wait_idle()
    (told,) = receiver.of("note")
    assert (told["event_type"], told["issue"]["confidential"]) == ("confidential_note", True)
    assert receiver.got[-1].headers["X-Gitlab-Event"] == "Confidential Note Hook"


def test_a_single_comment_on_a_commit_cannot_be_answered_a_discussion_can(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    commit = client(alice).projects.get(project.id).commits.get(str(sandbox.head(project.id)))
    commit.comments.create({"note": "Alone."})
    commit.discussions.create({"body": "Let us talk."})
    alone, talk = commit.discussions.list(get_all=True)
    with pytest.raises(gitlab.GitlabCreateError, match="can not be replied to"):
        alone.notes.create({"body": "Hello?"})
    talk.notes.create({"body": "Hello."})
    assert [note.body for note in sandbox.comments(project.id, commit.id)] == [
        "Alone.",
        "Let us talk.",
        "Hello.",
    ]


def test_an_emoji_on_a_commits_note_is_given_once_by_graphql(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client
) -> None:
    commit = client(alice).projects.get(project.id).commits.get(str(sandbox.head(project.id)))
    commit.comments.create({"note": "/mlreef status"})
    (note,) = sandbox.comments(project.id, commit.id)

    def ask(query: str, **variables: Any) -> dict[str, Any]:
        answer = requests.post(
            f"{sandbox.url}/api/graphql",
            json={"query": query, "variables": {"note": f"gid://gitlab/Note/{note.id}", **variables}},
            headers={"PRIVATE-TOKEN": bot.token},
            timeout=10,
        )
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()["data"]
        return data

    assert ask(REACT, name="eyes")["awardEmojiAdd"]["errors"] == []
    assert ask(REACT, name="eyes")["awardEmojiAdd"]["errors"] == ["Award Emoji Name has already been taken"]
    given = ask(REACTIONS)["note"]["awardEmoji"]["nodes"]
    assert given == [{"name": "eyes", "user": {"id": f"gid://gitlab/User/{bot.id}"}}]


def test_of_a_user_everybody_sees_whether_it_is_a_program(
    sandbox: Sandbox, alice: User, bot: User, client: Client
) -> None:
    seen = client(alice).users
    assert (seen.get(alice.id).bot, seen.get(bot.id).bot) == (False, True)

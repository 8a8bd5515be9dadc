"""What the bot says on merge requests and commits, and how it learns whether that was said already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.talk import PositionRefused, Talk
from bot.domain.gitlab import Position, Reaction, Topic
from bot.errors import Gone, TryAgain
from sandbox.gitlab import MAINTAINER, Project, Sandbox, Trouble, User
from sandbox.gitlab.trouble import error_after_effect, server_error
from sandbox.gitlab.values import MergeRequest

DISCUSSIONS = "*/discussions"
REPLIES = "*/discussions/:discussion_id/notes"


@dataclass
class Place:
    sandbox: Sandbox
    bad: Trouble
    alice: User
    bot: User
    project: Project
    request: MergeRequest
    talk: Talk

    @property
    def topic(self) -> Topic:
        return Topic(self.project.id, "MergeRequest", str(self.request.iid))

    @property
    def commit(self) -> Topic:
        return Topic(self.project.id, "Commit", self.request.sha)

    def line(self, new_line: int | None, old_line: int | None = None) -> Position:
        version = self.request.versions[-1]
        return Position(version.base, version.start, version.head, "a.py", "a.py", old_line, new_line)

    @property
    def bodies(self) -> list[str]:
        return [note.body for note in self.sandbox.notes(self.project.id, self.request.iid)]


@pytest.fixture(scope="module")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Trouble, User, User]]:
    bad = Trouble()
    with Sandbox(tmp_path_factory.mktemp("talk") / "gitlab", moods=bad) as sandbox:
        yield sandbox, bad, sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        assert sandbox.complaints == []


@pytest.fixture
def place(gitlab: tuple[Sandbox, Trouble, User, User], request: pytest.FixtureRequest) -> Iterator[Place]:
    sandbox, bad, alice, bot = gitlab
    bad.clear()
    sandbox.clear_log()
    path = f"lab/{request.node.name[:60].strip('_[]')}"
    project = sandbox.create_project(path, alice, files={"a.py": "a = 1\nb = 1\n"})
    sandbox.add_member(project.id, bot, MAINTAINER)
    sandbox.commit(project.id, alice, {"a.py": "a = 2\nb = 1\n"}, branch="work", start_branch="main")
    made = sandbox.core.merging.open(project, alice, project, "work", "main", "Work")
    yield Place(
        sandbox, bad, alice, bot, project, made, Talk(GitlabClient(sandbox.url, bot.token, 5), bot.id)
    )
    assert bad.left == [], "a mishap never happened"


def test_notes_are_read_oldest_first_with_who_wrote_them(place: Place) -> None:
    place.sandbox.core.notes.on_merge_request(place.request, place.alice, "first")
    made = place.talk.create_note(place.topic, "second")
    found = [note for note in place.talk.fetch_notes(place.topic) if not note.system]
    assert [(note.author_id, note.body) for note in found] == [
        (place.alice.id, "first"),
        (place.bot.id, "second"),
    ]
    assert place.talk.fetch_note(place.topic, made.id) == found[1]
    assert place.talk.edit_note(place.topic, made.id, "third").body == "third"
    assert place.bodies == ["first", "third"]


def test_what_is_not_there_is_told_apart_from_trouble(place: Place) -> None:
    assert place.talk.fetch_note(place.topic, 987654) is None
    nowhere = Topic(place.project.id, "MergeRequest", "99")
    assert place.talk.fetch_notes(nowhere) == ()
    assert place.talk.fetch_discussions(nowhere) == ()
    with pytest.raises(Gone):
        place.talk.create_note(nowhere, "hello?")
    with pytest.raises(Gone):
        place.talk.edit_note(place.topic, 987654, "hello?")
    place.bad.on("GET", "*/notes/:note_id", server_error(503))
    with pytest.raises(TryAgain):
        place.talk.fetch_note(place.topic, 1)


def test_a_discussion_stands_on_its_line_and_is_resolved(place: Place) -> None:
    made = place.talk.start_discussion(place.topic, "Here.", place.line(1))
    place.talk.reply(place.topic, made.id, "There.")
    place.talk.resolve(place.topic, made.id)
    [found] = [thread for thread in place.talk.fetch_discussions(place.topic) if thread.id == made.id]
    assert [note.body for note in found.notes] == ["Here.", "There."]
    assert {note.discussion_id for note in found.notes} == {made.id}
    assert found.new_line == 1
    assert (found.resolved, found.resolved_by) == (True, place.bot.id)
    place.talk.resolve(place.topic, made.id, resolved=False)
    [again] = [thread for thread in place.talk.fetch_discussions(place.topic) if thread.id == made.id]
    assert (again.resolved, again.resolved_by, again.notes[0].body) == (False, None, "Here.")


def test_a_line_outside_of_the_diff_is_refused_as_that(place: Place) -> None:
    with pytest.raises(PositionRefused):
        place.talk.start_discussion(place.topic, "Where?", place.line(99))
    assert place.bodies == []


def test_discussions_and_answers_whose_answer_was_lost_are_not_written_twice(place: Place) -> None:
    place.bad.on("POST", DISCUSSIONS, error_after_effect(502))
    made = place.talk.start_discussion(place.topic, "Here.", place.line(1))
    place.bad.on("POST", REPLIES, error_after_effect(502))
    answer = place.talk.reply(place.topic, made.id, "There.")
    assert answer.discussion_id == made.id
    assert place.bodies == ["Here.", "There."]


def test_what_did_not_take_effect_is_tried_again_by_the_caller(place: Place) -> None:
    place.sandbox.core.notes.on_merge_request(place.request, place.alice, "Here.")
    for route in ("*/notes", DISCUSSIONS):
        place.bad.on("POST", route, server_error(502))
    with pytest.raises(TryAgain):  # what somebody else said is not what the bot said
        place.talk.create_note(place.topic, "Here.")
    with pytest.raises(TryAgain):
        place.talk.start_discussion(place.topic, "Here.")
    assert place.bodies == ["Here."]


def test_an_emoji_is_put_once_however_often(place: Place) -> None:
    made = place.talk.create_note(place.topic, "Look.")
    assert place.talk.react(place.topic, made.id, "eyes")
    assert place.talk.react(place.topic, made.id, "eyes")
    assert place.talk.fetch_reactions(place.topic, made.id) == (Reaction("eyes", place.bot.id),)
    with pytest.raises(Gone):
        place.talk.react(place.topic, 987654, "eyes")


def test_commits_are_talked_about_in_discussions(place: Place) -> None:
    place.bad.on("POST", "*/repository/commits/:sha/discussions", error_after_effect(502))
    made = place.talk.create_note(place.commit, "A commit.")
    assert made.discussion_id is not None
    place.talk.reply(place.commit, made.discussion_id, "It is.")
    found = place.talk.fetch_notes(place.commit)
    assert [(note.body, note.discussion_id) for note in found] == [
        ("A commit.", made.discussion_id),
        ("It is.", made.discussion_id),
    ]

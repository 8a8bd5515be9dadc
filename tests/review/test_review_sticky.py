"""One note of the bot's on a merge request, whatever people, lost answers and other workers do to it."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from werkzeug.wrappers import Response

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.registry import Registry
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.domain.pipeline import Environment
from bot.domain.policy import Policy
from bot.domain.sticky import MAX_TEXT_CHARS, OLD_MARKER, digest_of, marked, read_mark
from bot.errors import Refused, TryAgain
from bot.sticky import NOTES_AT_A_TIME, ensure_note
from bot.world import World
from sandbox.gitlab import DEVELOPER, MAINTAINER, Asked, Project, Sandbox, Trouble, User
from sandbox.gitlab.trouble import Answer, die_after_effect, error_after_effect, refuse, server_error
from sandbox.gitlab.values import MergeRequest, Note
from sandbox.postgres import Cluster

NOTES = "*/merge_requests/:iid/notes"
NOTE = "*/merge_requests/:iid/notes/:note_id"
FIRST, SECOND, THIRD = "**One** problem.", "**Two** problems.", "**Three** problems."


def no_registry(_host: str) -> Registry:
    raise AssertionError("no registry is asked for a note")


@dataclass
class Place:
    """A merge request, and the bot as a process that can die and lose its database."""

    sandbox: Sandbox
    bad: Trouble
    folder: Path
    alice: User
    bot: User
    project: Project
    request: MergeRequest
    numbers: Iterator[int]
    world: World

    def say(self, body: str, news: bool = True, outcome: bool = False) -> int:
        """Has the bot say it; gives how many calls that took."""
        before = len(self.sandbox.calls(self.bot))
        ensure_note(self.project.id, self.request.iid, body, self.world, news, outcome)
        return len(self.sandbox.calls(self.bot)) - before

    def lose_the_database(self) -> None:
        self.world.store.close()
        self.world = replace(self.world, store=self.new_store())

    def new_store(self) -> Store:
        return Store.prepare(f"sqlite:///{self.folder / f'bot-{next(self.numbers)}.db'}")

    def forget_last_write(self, body: str) -> None:
        """As when the bot died between GitLab's answer and its own note of it; `body` is what it had said before."""
        known = self.world.store.review(self.project.id, self.request.iid)
        self.world.store.keep_review(
            self.project.id, self.request.iid, note_id=known.note_id, note_digest=digest_of(body)
        )

    @property
    def notes(self) -> list[Note]:
        return self.sandbox.notes(self.project.id, self.request.iid)

    @property
    def said(self) -> list[str]:
        """What the bot's notes say, below their marks."""
        own = [note.body for note in self.notes if note.author_id == self.bot.id]
        return [body.partition("-->\n")[2] if read_mark(body) else body for body in own]

    def comment(self, user: User, body: str) -> None:
        self.sandbox.core.notes.on_merge_request(self.request, user, body)

    def writes(self) -> list[str]:
        return [c.method for c in self.sandbox.calls(self.bot) if c.method not in ("GET", "HEAD")]


@pytest.fixture(scope="module")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Trouble, User, User]]:
    bad = Trouble()
    with Sandbox(tmp_path_factory.mktemp("sticky") / "gitlab", moods=bad) as sandbox:
        yield sandbox, bad, sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        assert sandbox.complaints == []


@pytest.fixture
def place(
    gitlab: tuple[Sandbox, Trouble, User, User], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Place]:
    sandbox, bad, alice, bot = gitlab
    bad.clear()
    sandbox.clear_log()
    project = sandbox.create_project(
        f"lab/{request.node.name[:60].rstrip('_')}", alice, files={"a.py": "a = 1\n"}
    )
    sandbox.add_member(project.id, bot, MAINTAINER)
    sandbox.commit(project.id, alice, {"a.py": "a = 2\n"}, branch="work", start_branch="main")
    made = sandbox.core.merging.open(project, alice, project, "work", "main", "Work")
    client = GitlabClient(sandbox.url, bot.token, 5)
    policy = Policy((Environment("python", "Python", "python:3.12", "3.12", {}),), "python", "bot", "")
    numbers = itertools.count()
    store = Store.prepare(f"sqlite:///{tmp_path / 'bot.db'}")
    world = World(Forge(client), no_registry, store, policy, bot.id, Talk(client, bot.id))
    here = Place(sandbox, bad, tmp_path, alice, bot, project, made, numbers, world)
    yield here
    here.world.store.close()
    assert bad.left == [], "a mishap never happened"


def test_what_is_said_twice_costs_no_call(place: Place) -> None:
    place.say(FIRST)
    assert place.say(FIRST) == 0
    assert place.say("\n" + FIRST.replace("\n", "\r\n") + "\n") == 0
    assert place.said == [FIRST]


def test_news_is_written_into_the_same_note_with_two_calls(place: Place) -> None:
    place.say(FIRST)
    assert place.say(SECOND) == 2
    assert place.say(THIRD) == 2
    assert place.said == [THIRD]
    assert place.writes() == ["POST", "PUT", "PUT"]


def test_what_is_no_news_begins_no_note_and_is_looked_for_once(place: Place) -> None:
    assert place.say(FIRST, news=False) == 1
    assert place.say(FIRST, news=False) == 0
    assert place.say(SECOND) > 0
    assert place.said == [SECOND]


def test_what_is_no_news_is_still_written_into_a_note_that_is_there(place: Place) -> None:
    place.say(FIRST)
    place.say("All resolved.", news=False)
    assert place.said == ["All resolved."]


def test_a_note_that_a_person_deleted_is_not_written_again_without_news(place: Place) -> None:
    place.say(FIRST)
    del place.sandbox.state.notes[place.notes[0].id]
    place.say(FIRST)
    place.say("All resolved.", news=False)
    assert place.said == []
    place.say(SECOND)
    assert place.said == [SECOND]


def test_a_note_deleted_while_it_is_edited_is_news_once(place: Place) -> None:
    place.say(FIRST)

    def delete_first(_asked: Asked, answer: Answer) -> Response:
        place.sandbox.state.notes.clear()
        return answer()

    place.bad.on("PUT", NOTE, delete_first)
    place.say(SECOND)
    assert place.said == [SECOND]
    place.say(THIRD)
    assert place.said == [THIRD]


@pytest.mark.parametrize("edit", ["{} Thanks, bot!", "Thanks!\n\n{}", "Thanks, bot!"])
def test_a_note_that_a_person_edited_is_left_alone_and_news_goes_to_a_new_one(
    place: Place, edit: str
) -> None:
    place.say(FIRST)
    note = place.notes[0]
    edited = edit.format(note.body)
    place.sandbox.core.notes.edit(note, place.alice, edited)
    assert place.say(FIRST) == 0
    place.say("All resolved.", news=False)
    assert [n.body for n in place.notes] == [edited]
    place.say(SECOND)
    place.say(THIRD)
    assert [n.body for n in place.notes] == [edited, marked(THIRD)]


def test_a_lost_database_finds_the_note_again(place: Place) -> None:
    place.say(FIRST)
    place.lose_the_database()
    assert place.say(FIRST) == 1
    place.lose_the_database()
    place.say(SECOND)
    assert place.said == [SECOND]
    assert place.writes() == ["POST", "PUT"]


def test_a_lost_database_still_leaves_edited_notes_alone(place: Place) -> None:
    place.say(FIRST)
    place.sandbox.core.notes.edit(place.notes[0], place.alice, place.notes[0].body + " (not so!)")
    place.lose_the_database()
    place.say(FIRST)
    assert len(place.notes) == 1
    place.say(SECOND)
    assert len(place.notes) == 2
    place.lose_the_database()
    place.say(THIRD)
    assert place.said == [FIRST + " (not so!)", THIRD]


def test_the_mark_in_another_persons_note_is_not_believed(place: Place) -> None:
    place.comment(place.alice, marked(FIRST))
    place.comment(place.alice, OLD_MARKER + "\nMine.")
    place.say(FIRST)
    place.say(SECOND)
    assert [note.body for note in place.notes] == [marked(FIRST), OLD_MARKER + "\nMine.", marked(SECOND)]


def test_a_gitlab_that_changes_the_words_by_itself_gets_one_note_all_the_same(place: Place) -> None:
    def reword(_asked: Asked, answer: Answer) -> Response:
        real = answer()
        note = place.sandbox.state.notes[json.loads(real.get_data())["id"]]
        note.body = note.body.replace("**", "__")
        real.set_data(json.dumps({**json.loads(real.get_data()), "body": note.body}))
        return real

    place.bad.on("POST", NOTES, reword)
    place.bad.on("PUT", NOTE, reword)
    place.say(FIRST)
    place.say(SECOND)
    place.say(THIRD)
    assert place.said == [THIRD]
    assert place.writes() == ["POST", "PUT", "PUT"]
    # what a person does to it is still seen
    place.bad.on("PUT", NOTE, reword)
    place.say(SECOND)
    place.sandbox.core.notes.edit(place.notes[0], place.alice, place.notes[0].body + " So?")
    place.say(FIRST)
    assert place.said == ["__Two__ problems. So?", FIRST]


def test_a_bot_that_became_another_user_begins_a_note_of_its_own(place: Place) -> None:
    place.say(FIRST)
    old = place.notes[0].body
    reborn = place.sandbox.create_user(f"bot-{next(place.numbers)}-{place.project.id}", bot=True)
    place.sandbox.add_member(place.project.id, reborn, DEVELOPER)
    client = GitlabClient(place.sandbox.url, reborn.token, 5)
    talk = Talk(client, reborn.id)
    place.world = replace(place.world, forge=Forge(client), talk=talk, user_id=reborn.id)
    place.say(SECOND)
    place.say(THIRD)
    assert [(note.author_id, note.body) for note in place.notes] == [
        (place.bot.id, old),
        (reborn.id, marked(THIRD)),
    ]


def test_the_bots_other_notes_are_never_taken_for_it(place: Place) -> None:
    place.comment(place.bot, "<!-- mlreef-bot:answer 7 -->\nDone.")
    place.comment(place.bot, f"You wrote:\n\n> {marked('x')}")
    place.say(FIRST)
    place.lose_the_database()
    place.say(SECOND)
    assert [note.body for note in place.notes][2:] == [marked(SECOND)]


def test_a_note_of_an_earlier_version_of_the_bot_is_gone_on_with(place: Place) -> None:
    place.comment(place.bot, OLD_MARKER + "\n**Published.**")
    place.say(FIRST)
    assert place.said == [FIRST]


@pytest.mark.parametrize("mishap", [error_after_effect(502), error_after_effect(500), die_after_effect()])
def test_a_lost_answer_to_the_first_note_makes_no_second_one(place: Place, mishap: Answer) -> None:
    place.bad.on("POST", NOTES, mishap)  # type: ignore[arg-type] # of the mishaps' own kind
    place.say(FIRST)
    place.say(SECOND)
    assert place.said == [SECOND]


def test_an_answer_lost_for_good_makes_no_second_note_in_the_next_try(place: Place) -> None:
    place.bad.on("POST", NOTES, error_after_effect(502))
    place.bad.on("GET", NOTES, server_error(502), after=1)
    with pytest.raises(TryAgain):
        place.say(FIRST)
    place.say(FIRST)
    assert place.said == [FIRST]
    assert place.writes().count("POST") == 1


def test_an_edit_whose_answer_was_lost_is_not_made_twice(place: Place) -> None:
    place.say(FIRST)
    place.bad.on("PUT", NOTE, error_after_effect(502))
    with pytest.raises(TryAgain):
        place.say(SECOND)
    place.say(SECOND)
    assert place.writes() == ["POST", "PUT"]
    assert place.said == [SECOND]


def test_news_after_a_deleted_note_is_not_doubled_by_a_death(place: Place) -> None:
    place.say(FIRST)
    del place.sandbox.state.notes[place.notes[0].id]
    before = place.world.store.review(place.project.id, place.request.iid)
    place.say(SECOND)
    place.world.store.keep_review(
        place.project.id, place.request.iid, note_id=before.note_id, note_digest=before.note_digest
    )
    place.say(SECOND)
    assert place.said == [SECOND]


def test_a_death_between_writing_and_noting_it_down_writes_nothing_again(place: Place) -> None:
    place.say(FIRST)
    place.say(SECOND)
    place.forget_last_write(FIRST)
    assert place.say(SECOND) == 1
    assert place.writes() == ["POST", "PUT"]


def test_two_workers_write_one_note(place: Place) -> None:
    first_asks, second_was_sent_away = threading.Event(), threading.Event()

    def wait(_asked: Asked, answer: Answer) -> Response:
        first_asks.set()
        second_was_sent_away.wait(10)
        return answer()

    place.bad.on("GET", NOTES, wait)
    worker = threading.Thread(target=place.say, args=(FIRST,))
    worker.start()
    assert first_asks.wait(10)
    with pytest.raises(TryAgain):
        place.say(SECOND)
    second_was_sent_away.set()
    worker.join(10)
    place.say(SECOND)
    assert place.said == [SECOND]


REVIEW = "Merging this changes:\n\n<details>\n<summary>All</summary>\n\n- much\n\n</details>"


def test_what_was_published_ends_the_note_and_the_review_is_kept_below(place: Place) -> None:
    place.say(REVIEW)
    place.say("**Failed.**", outcome=True)
    place.say("**Published.**\n\nUse it.", outcome=True)
    [said] = place.said
    outcome, _, rest = said.partition("\n\n<details>")
    assert outcome == "**Published.**\n\nUse it."
    assert REVIEW in rest
    assert said.count("<details>") == said.count("</details>") == 2
    assert "Failed" not in said
    assert place.say("**Published.**\n\nUse it.", outcome=True) == 0
    assert place.writes() == ["POST", "PUT", "PUT"]


def test_an_outcome_is_not_written_again_by_who_does_not_know_that_it_was(place: Place) -> None:
    place.say(REVIEW)
    place.say("**Published.**", outcome=True)
    place.lose_the_database()
    assert place.say("**Published.**", outcome=True) == 1
    assert place.writes() == ["POST", "PUT"]


def test_an_outcome_without_a_review_stands_alone(place: Place) -> None:
    place.say("**Failed.**\n\nWhy.", outcome=True)
    place.say("**Published.**", outcome=True)
    assert place.said == ["**Published.**"]
    place.say("All resolved.")
    place.say("**Published again.**", outcome=True)
    assert place.said == ["**Published again.**"]


def test_a_review_too_long_to_be_kept_is_dropped(place: Place) -> None:
    place.say("a line\n" * (MAX_TEXT_CHARS // 7))
    place.say("**Published.**", outcome=True)
    assert place.said == ["**Published.**"]


def test_a_refused_note_is_not_noted_down_as_said(place: Place) -> None:
    place.bad.on("POST", NOTES, refuse(403))
    with pytest.raises(Refused):
        place.say(FIRST)
    place.say(FIRST)
    assert place.said == [FIRST]


@pytest.mark.postgres
def test_a_worker_that_died_while_it_wrote_keeps_nobody_from_writing(place: Place, cluster: Cluster) -> None:
    url = cluster.create_database()
    other = Store.prepare(url)
    place.world.store.close()
    place.world = replace(place.world, store=Store(url))
    with suppress(sa.exc.DBAPIError), other.turn(f"note {place.project.id} {place.request.iid}") as taken:
        assert taken
        with pytest.raises(TryAgain):
            place.say(FIRST)
        assert place.said == []
        engine = sa.create_engine(url)
        with engine.begin() as connection:  # all sessions but this one end, as when their process dies
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                )
            )
        engine.dispose()
        place.say(FIRST)
    assert place.said == [FIRST]
    other.close()


@pytest.mark.postgres
def test_many_notes_at_a_time_leave_connections_for_everybody(place: Place, cluster: Cluster) -> None:
    place.world.store.close()
    place.world = replace(place.world, store=Store.prepare(cluster.create_database()))
    count = 3 * NOTES_AT_A_TIME
    requests = [place.request]
    for number in range(1, count):
        branch = f"work-{number}"
        place.sandbox.commit(
            place.project.id, place.alice, {"a.py": f"b = {number}\n"}, branch=branch, start_branch="main"
        )
        project = place.project
        requests.append(
            place.sandbox.core.merging.open(project, place.alice, project, branch, "main", "Work")
        )

    def say(iid: int) -> None:
        while True:
            try:
                return ensure_note(place.project.id, iid, FIRST, place.world)
            except TryAgain:
                continue

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(say, [request.iid for request in requests]))
    told = [place.sandbox.notes(place.project.id, request.iid) for request in requests]
    assert [[note.body for note in notes] for notes in told] == [[marked(FIRST)]] * count


def test_a_commit_is_not_told_again_what_it_was_told_with_more_below(place: Place) -> None:
    sha = place.sandbox.head(place.project.id, "main")
    assert sha is not None
    for body in (f"{FIRST}\n\nMore.", FIRST, f"{FIRST}\n\nMore.", "Something else."):
        place.world.forge.ensure_commit_comment(place.project.id, sha, body, place.bot.id)
    said = [note.body for note in place.sandbox.comments(place.project.id, sha)]
    assert said == [f"{FIRST}\n\nMore.", "Something else."]

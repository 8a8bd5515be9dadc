"""People ask the bot by comments: it does what they may ask for, says so once, and listens to nobody else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import requests
from werkzeug.wrappers import Response

from bot.domain.pipeline import BUILD, PROMOTE
from bot.domain.steps import CHECK_STATUS
from sandbox.gitlab import DEVELOPER, MAINTAINER, User
from sandbox.gitlab.state import Note
from sandbox.gitlab.values import GUEST, REPORTER
from tests.whole_way.conftest import FILES, SOON, Way, World

SEEN, DONE, NOT_DONE = "eyes", "white_check_mark", "x"


@dataclass
class People:
    """Who comments, by their rights in every project of the tests' group."""

    guest: User
    reporter: User
    developer: User
    program: User
    stranger: User


@pytest.fixture(scope="module")
def people(world: World) -> People:
    names = ("greta", "rita", "dora", "another-bot", "stan")
    users = [world.sandbox.create_user(name, bot=name.endswith("bot")) for name in names]
    # by their group: members/all knows them, members does not
    for user, level in zip(users, (GUEST, REPORTER, DEVELOPER, MAINTAINER), strict=False):
        world.sandbox.add_group_member("lab", user, level)
    return People(*users)


@dataclass
class Talk:
    """A project with an open merge request, and what is said on it."""

    way: Way
    iid: int

    def say(self, body: str, user: User | None = None, place: str = "") -> Note:
        """Somebody, Alice if nobody else, comments on the merge request, or at that place."""
        before = set(self.way.sandbox.state.notes)
        path = place or f"merge_requests/{self.iid}/notes"
        self.way.ask("POST", path, {"note" if path.endswith("comments") else "body": body}, user)
        (number,) = [
            n
            for n, note in self.way.sandbox.state.notes.items()
            if n not in before and note.author_id == (user or self.way.world.alice).id
        ]
        return self.way.sandbox.state.notes[number]

    def emoji(self, note: Note) -> list[str]:
        """The bot's emoji on a comment, in their order."""
        return [name for _, user, name in note.emoji if user == self.way.world.bot.id]

    def end(self, note: Note, emoji: str, seconds: float = SOON) -> None:
        """Wait until the bot says that it has done with a comment, and how."""
        self.way.sandbox.wait_for(
            lambda: self.emoji(note)[-1:] in ([DONE], [NOT_DONE]), seconds, f"an end of {note.body!r}"
        )
        assert self.emoji(note) == [SEEN, emoji]

    def replies(self, note: Note) -> list[str]:
        """What the bot said in a comment's discussion."""
        return [
            one.body
            for one in self.way.sandbox.state.notes.values()
            if one.discussion_id == note.discussion_id and one.author_id == self.way.world.bot.id
        ]

    def said(self, note: Note) -> list[Note]:
        """What the bot said to a comment, wherever it said it."""
        notes = self.way.sandbox.state.notes.values()
        return [one for one in notes if one.body.startswith(f"<!-- mlreef-bot:answer {note.id} -->")]

    def ask(self, body: str, emoji: str, user: User | None = None, place: str = "") -> str:
        """Say it, wait for its end, and give the one answer, or nothing where there is none."""
        note = self.say(body, user, place)
        self.end(note, emoji)
        said = self.replies(note)
        assert len(said) <= 1
        return said[0].partition("-->\n\n")[2] if said else ""


@pytest.fixture
def talk(world: World, people: People) -> Talk:
    """A merge request whose check is done, and told in a note."""
    way = world.project()
    iid = way.open(FILES)
    way.sandbox.wait_for(lambda: way.notes(iid), SOON, "the check's note")
    return Talk(way, iid)


def test_help_is_answered_in_the_same_discussion_with_a_table_and_two_emoji(
    talk: Talk, people: People
) -> None:
    note = talk.say("/mlreef help", people.guest)
    talk.end(note, DONE)
    (said,) = talk.replies(note)
    assert "| `/mlreef publish` | Developers and above |" in said
    assert talk.way.world.sandbox.quick_actions == []
    assert [m for m in talk.way.sandbox.mentions if m.user_id == talk.way.world.bot.id] == []


def test_a_slip_of_the_pen_gets_one_did_you_mean_and_too_many_words_how_to_write_it(talk: Talk) -> None:
    said = talk.ask("/mlreef pubish\n\n/mlreef help", NOT_DONE)
    assert said == "I know no command `pubish`. Did you mean `/mlreef publish`?"
    assert "`/mlreef publish`" in talk.ask("/mlreef publish master-3", NOT_DONE)
    assert "no-such-code" in talk.ask("/mlreef explain no-such-code", NOT_DONE)


def test_a_problem_is_explained_with_its_example(talk: Talk, people: People) -> None:
    said = talk.ask("@mlreef-bot explain argument-refused", DONE, people.reporter)
    assert said.startswith("**argument-refused** (error):")
    assert "```python" in said


def test_check_is_done_again_and_says_nothing_twice(talk: Talk, people: People) -> None:
    way, before = talk.way, talk.way.notes(talk.iid)
    asked = len(way.calls())
    assert talk.ask("/mlreef check", DONE, people.developer) == ""
    assert any(call.path.endswith(f"/merge_requests/{talk.iid}") for call in way.calls()[asked:])
    assert way.notes(talk.iid) == before
    assert len(way.sandbox.statuses(way.project.id, way.head("work"), CHECK_STATUS)) == 1


def test_who_may_not_gets_one_sentence_and_nothing_is_done(talk: Talk, people: People) -> None:
    head = talk.way.head()
    for user in (people.guest, people.reporter):
        said = talk.ask("/mlreef publish", NOT_DONE, user)
        assert "is for Developers and above" in said
    said = talk.ask("/mlreef unpublish 1.0.0", NOT_DONE, people.developer)
    assert "is for Maintainers and above, and Developers for what they pushed" in said
    talk.way.rest()
    assert talk.way.head() == head
    assert talk.way.statuses(head) == []


def test_the_author_of_a_fork_may_ask_how_it_stands_but_not_publish(world: World, people: People) -> None:
    way = world.project()
    way.project.visibility = "public"
    fork = way.ask("POST", "fork", {"namespace_path": "stan", "path": way.project.path}, people.stranger)
    world.sandbox.commit(
        int(fork["id"]), people.stranger, FILES, "Work", branch="work", start_branch="master"
    )
    made = requests.post(
        f"{world.sandbox.url}/api/v4/projects/{fork['id']}/merge_requests",
        json={
            "source_branch": "work",
            "target_branch": "master",
            "title": "Work",
            "target_project_id": way.project.id,
        },
        headers={"PRIVATE-TOKEN": people.stranger.token},
        timeout=10,
    )
    made.raise_for_status()
    talk = Talk(way, int(made.json()["iid"]))
    assert "| Published now | nothing |" in talk.ask("/mlreef status", DONE, people.stranger)
    for line in ("/mlreef publish", "/mlreef check", "/mlreef entrypoint add_noise.py"):
        assert "is for Developers" in talk.ask(line, NOT_DONE, people.stranger)


def test_talk_quotes_and_code_are_left_alone(talk: Talk) -> None:
    said = (
        "> /mlreef publish\n\nNot yet!",
        "```\n/mlreef publish\n```",
        "    /mlreef publish",
        "Done.\n/mlreef publish",
        "@mlreef-bot thanks for that",
    )
    notes = [talk.say(body) for body in said]
    talk.way.rest()
    assert [talk.emoji(note) for note in notes] == [[]] * len(said)
    assert [talk.replies(note) for note in notes] == [[]] * len(said)


def test_edited_internal_and_programs_comments_are_left_alone(talk: Talk, people: People) -> None:
    edited = talk.say("Hello")
    talk.way.ask("PUT", f"merge_requests/{talk.iid}/notes/{edited.id}", {"body": "/mlreef publish"})
    talk.way.ask("POST", f"merge_requests/{talk.iid}/notes", {"body": "/mlreef publish", "internal": True})
    by_program = talk.say("/mlreef publish", people.program)
    by_bot = talk.say("/mlreef publish", talk.way.world.bot)
    talk.way.rest()
    notes = talk.way.sandbox.notes(talk.way.project.id, talk.iid)
    assert {by_program.id, by_bot.id, edited.id} <= {note.id for note in notes}
    assert [talk.emoji(note) for note in notes] == [[]] * len(notes)


def test_publish_ends_with_its_emoji_when_it_is_published(talk: Talk, people: People) -> None:
    way = talk.way
    way.ask("PUT", f"merge_requests/{talk.iid}/merge")
    sha = way.bot_commit()
    way.publish(sha, 1)
    note = talk.say("/mlreef publish", people.developer)
    again = way.sandbox.wait_for(lambda: way.sandbox.pipelines(way.project.id, sha)[:-1], SOON, "a pipeline")
    assert talk.emoji(note) == [SEEN]
    way.push_image(sha, 2)
    way.sandbox.play_pipeline(again[0].id)
    talk.end(note, DONE)
    assert talk.replies(note) == []


def test_publish_of_what_has_problems_says_so_and_where(talk: Talk, people: People) -> None:
    broken = talk.way.push({"add_noise.py": "import argparse\n"})
    talk.way.status(broken, "failed")
    said = talk.ask("/mlreef publish", NOT_DONE, people.developer)
    assert said.startswith(f"Not published: [`{broken[:8]}`](")
    assert "has problems that keep it from being published" in said
    assert "problems that another run would find again" in talk.ask("/mlreef retry", NOT_DONE)


def test_retry_runs_failed_jobs_again_and_cancel_stops_them(talk: Talk, people: People) -> None:
    way = talk.way
    assert "nothing of `master` was published yet" in talk.ask("/mlreef retry", NOT_DONE)
    assert "nothing of `master` is being published now" in talk.ask("/mlreef cancel", NOT_DONE)
    way.ask("PUT", f"merge_requests/{talk.iid}/merge")
    sha = way.bot_commit()
    way.finish(sha, BUILD, "failed")
    way.status(sha, "failed")
    pipeline = way.pipeline(sha)
    note = talk.say("/mlreef retry", people.developer)
    way.sandbox.wait_for(lambda: way.sandbox.job(pipeline.id, BUILD).status == "pending", SOON, "a retry")
    assert talk.emoji(note) == [SEEN]
    assert talk.ask("/mlreef cancel", DONE, people.developer) == ""
    assert way.sandbox.job(pipeline.id, BUILD).status == "canceled"
    # the retry has its end, too, and says how it was
    talk.end(note, NOT_DONE)
    (said,) = talk.replies(note)
    assert "Not published" in said
    assert way.sandbox.job(pipeline.id, PROMOTE).status in ("skipped", "created", "canceled")


def test_status_is_one_small_table_for_everybody(talk: Talk, people: People) -> None:
    said = talk.ask("/mlreef status", DONE, people.guest)
    head = talk.way.head("work")
    assert said.splitlines()[:5] == [
        "Where `master` stands:",
        "",
        "| What | How it stands |",
        "|---|---|",
        "| Published now | nothing |",
    ]
    assert f"| Check | `{head[:8]}` is good" in said


def test_environment_is_written_to_the_branch_by_who_may_push_there(talk: Talk, people: People) -> None:
    said = talk.ask("/mlreef environment python", DONE, people.developer)
    assert talk.way.head("work")[:8] in said
    assert talk.way.sandbox.read_file(talk.way.project.id, ".mlreef.yaml", "work") is not None
    unknown = talk.ask("/mlreef environment cuda-99", NOT_DONE, people.developer)
    assert "`python`" in unknown


@pytest.mark.parametrize("kind", ["commit", "issue"])
def test_commits_and_issues_are_answered_by_the_same_rules(talk: Talk, people: People, kind: str) -> None:
    way = talk.way
    if kind == "issue":
        issue = way.sandbox.create_issue(way.project.id, way.world.alice, "Noise")
        place, unheard_body = f"issues/{issue.iid}/notes", "/mlreef status"
    else:
        place, unheard_body = f"repository/commits/{way.head()}/comments", "> /mlreef status"
    unheard = talk.say(unheard_body, people.reporter, place)
    asked = talk.say("/mlreef status\n\nHow is it, @mlreef-bot?", people.reporter, place)
    talk.end(asked, DONE)
    refused = talk.say("@mlreef-bot check", people.developer, place)
    talk.end(refused, NOT_DONE)
    way.rest()
    assert talk.emoji(unheard) == []
    (said,), (refusal,) = talk.said(asked), talk.said(refused)
    assert "Where `master` stands:" in said.body
    assert "is about a merge request" in refusal.body
    # a single comment on a commit takes no answer: it stands beside it
    assert (said.discussion_id == asked.discussion_id) == (kind == "issue")


def test_two_hooks_for_one_comment_and_one_sent_again_are_answered_once(talk: Talk, people: People) -> None:
    way = talk.way
    way.sandbox.add_hook(way.project.id, way.world.hook_url, token="a-webhook-secret-of-the-tests")
    note = talk.say("/mlreef help", people.developer)
    talk.end(note, DONE)
    told = [d for d in way.sandbox.hook_deliveries if d.event == "Note Hook" and d.hook_id]
    way.sandbox.core.hooks.resend(told[-1])
    way.rest()
    assert len(talk.replies(note)) == 1
    assert talk.emoji(note) == [SEEN, DONE]


@pytest.mark.parametrize("route", ["/discussions/:discussion_id/notes", "/notes/:note_id/award_emoji"])
def test_an_answer_whose_answer_is_lost_is_given_once(
    world: World, talk: Talk, people: People, route: str
) -> None:
    def lose(answer: object) -> Response:
        answer()  # type: ignore[operator] # the sandbox's own function
        return Response("bad gateway", 502)

    world.mood.once("POST", route, lose)
    note = talk.say("/mlreef status", people.developer)
    talk.end(note, DONE)
    talk.way.rest()
    assert len(talk.replies(note)) == 1
    assert talk.emoji(note) == [SEEN, DONE]


def test_a_comment_that_is_deleted_at_once_is_answered_by_nothing(talk: Talk, people: People) -> None:
    note = talk.say("/mlreef status", people.developer)
    del talk.way.sandbox.state.notes[note.id]
    talk.way.rest()
    assert talk.said(note) == []

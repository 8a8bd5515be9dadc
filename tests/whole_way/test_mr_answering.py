"""One answer at a time, with the real store and HTTP but not the service: what is in its way, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.publications import Publication
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.answering import answer, tell_answer_given_up
from bot.commands.publishing import LONGEST_PAUSE_SECONDS, MAX_LOOKS, OVERTAKEN_LOOKS, pause_before
from bot.domain.engines import Building
from bot.domain.jobs import COMMAND, Answer, Publish, merge_request_lane
from bot.domain.pipeline import Environment
from bot.domain.plan import State
from bot.domain.policy import Policy
from bot.errors import TryAgain
from bot.world import World
from sandbox.gitlab import DEVELOPER, MAINTAINER, Project, Sandbox, Trouble, User
from sandbox.gitlab.trouble import refuse
from sandbox.gitlab.values import MergeRequest, Note

SEEN, DONE, NOT_DONE = "eyes", "white_check_mark", "x"
FILES = {"add_noise.py": "print('noise')\n", "requirements.txt": ""}


@pytest.fixture(autouse=True)
def in_a_good_mood() -> None:
    """The service of the other tests here is not needed."""


@dataclass
class Desk:
    """A project with a merge request, people, and the bot's world; each answer is asked for by hand."""

    sandbox: Sandbox
    project: Project
    request: MergeRequest
    dora: User
    bot: User
    world: World
    mood: Trouble

    def say(self, line: str, user: User | None = None) -> Answer:
        """A comment of Dora's, if of nobody else's, as the job that it leads to."""
        user = user or self.dora
        note, _ = self.sandbox.core.notes.on_merge_request(self.request, user, line)
        assert note is not None
        lane = merge_request_lane(self.request.iid)
        about = (note.id, note.discussion_id, user.id, line)
        return Answer(self.project.id, lane, "MergeRequest", self.request.iid, "", *about)

    def emoji(self, job: Answer) -> list[str]:
        return [name for _, _, name in self.sandbox.state.notes[job.note_id].emoji]

    def replies(self) -> list[str]:
        notes: list[Note] = self.sandbox.notes(self.project.id, self.request.iid)
        return [note.body.partition("-->\n\n")[2] for note in notes if note.author_id == self.bot.id]

    def record(self, state: State, sha: str = "ab" * 20, pipeline_id: int | None = None) -> Publication:
        known = Publication(self.project.id, "main", sha, sha, state, pipeline_id)
        return self.world.store.ensure_publication(known)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    mood = Trouble()
    with Sandbox(tmp_path / "gitlab", moods=mood) as sandbox:
        alice, dora = sandbox.create_user("alice"), sandbox.create_user("dora")
        bot = sandbox.create_user("mlreef-bot", bot=True)
        project = sandbox.create_project("lab/noise", alice, ci_config_path="mlreef.yml", files=FILES)
        sandbox.add_member(project.id, bot, MAINTAINER)
        sandbox.add_group_member("lab", dora, DEVELOPER)
        sandbox.commit(project.id, alice, {"more.py": ""}, branch="work", start_branch="main")
        request = sandbox.core.merging.open(project, alice, project, "work", "main", "Work")
        client = GitlabClient(sandbox.url, bot.token, 10)
        store = Store.prepare(f"sqlite:///{tmp_path / 'bot.db'}")
        environment = Environment("python", "Python", "python:3.12", "3.12", {})
        policy = Policy((environment,), "python", "bot", "", Building(engines=("docker",)))

        def registry(_host: str) -> object:
            raise TryAgain("there is none here")

        world = World(
            Forge(client),
            registry,
            store,
            policy,
            bot.id,
            Talk(client, bot.id),
            username=bot.username,  # type: ignore[arg-type] # never asked
        )
        yield Desk(sandbox, project, request, dora, bot, world, mood)
        store.close()
        assert sandbox.complaints == []


def test_done_twice_it_is_said_once(desk: Desk) -> None:
    job = desk.say("/mlreef status")
    for _ in range(3):
        assert answer(job, desk.world) == ()
    assert desk.emoji(job) == [SEEN, DONE]
    (said,) = desk.replies()
    assert "| Published now | nothing |" in said


def test_a_job_that_died_before_its_last_emoji_finds_its_own_answer(desk: Desk) -> None:
    job = desk.say("/mlreef help")
    answer(job, desk.world)
    note = desk.sandbox.state.notes[job.note_id]
    del note.emoji[-1]
    answer(job, desk.world)
    assert desk.emoji(job) == [SEEN, DONE]
    assert len(desk.replies()) == 1


def test_somebody_who_pastes_the_bots_mark_is_answered_all_the_same(desk: Desk) -> None:
    job = desk.say("/mlreef help")
    mark = f"<!-- mlreef-bot:answer {job.note_id} -->\n\nNo."
    desk.sandbox.core.notes.on_merge_request(
        desk.request, desk.dora, mark, discussion_id=job.discussion_id, individual=False
    )
    answer(job, desk.world)
    assert len(desk.replies()) == 1


def test_a_hook_that_does_not_name_the_discussion_is_answered_in_it(desk: Desk) -> None:
    job = desk.say("/mlreef help")
    answer(replace(job, discussion_id=""), desk.world)
    threads = {note.discussion_id for note in desk.sandbox.notes(desk.project.id, desk.request.iid)}
    assert threads == {job.discussion_id}
    assert len(desk.replies()) == 1


def test_an_answer_is_given_where_gitlab_takes_no_emoji(desk: Desk) -> None:
    rule = desk.mood.on("POST", "*/award_emoji", refuse(403), times=None, user="mlreef-bot")
    job = desk.say("/mlreef help")
    answer(job, desk.world)
    assert rule.happened > 0
    assert desk.emoji(job) == []
    assert len(desk.replies()) == 1


def test_what_gitlab_does_not_let_the_bot_do_is_said_with_gitlabs_words(desk: Desk) -> None:
    known = desk.record(State.FAILED, pipeline_id=_pipeline(desk))
    rule = desk.mood.on("POST", "*/retry", refuse(403, {"message": "@alice no"}), user="mlreef-bot")
    job = desk.say("/mlreef retry")
    (again,) = answer(job, desk.world)
    assert isinstance(again.job, Answer)
    assert (again.job.since, again.seconds) == (known.updated_at, 0.0)
    assert answer(again.job, desk.world) == ()
    assert rule.happened == 1
    assert desk.emoji(job) == [SEEN, NOT_DONE]
    (said,) = desk.replies()
    assert "because GitLab does not let me" in said
    assert desk.sandbox.mentions == []


def test_a_job_that_is_given_up_says_so_at_the_comment(desk: Desk) -> None:
    job = desk.say("/mlreef publish")
    tell_answer_given_up(job, desk.world)
    assert desk.emoji(job) == [NOT_DONE]
    (said,) = desk.replies()
    assert "could not do it" in said


@pytest.mark.parametrize(
    ("state", "emoji", "words"),
    [
        (State.PUBLISHED, DONE, ""),
        (State.UNCHANGED, DONE, ""),
        (State.FAILED, NOT_DONE, "failed. Its status and its comments say more."),
        (State.REFUSED, NOT_DONE, "has problems that keep it from being published"),
        (State.PROPOSED, NOT_DONE, "waits for the merge request with its `mlreef.yml`"),
    ],
)
def test_a_publication_that_was_asked_for_is_waited_for_to_its_end(
    desk: Desk, state: State, emoji: str, words: str
) -> None:
    job = desk.say("/mlreef publish")
    published, waiting = answer(job, desk.world)
    head = str(desk.sandbox.head(desk.project.id))
    assert published.job == Publish(desk.project.id, "main", cause=COMMAND)
    assert isinstance(waiting.job, Answer)
    desk.record(State.RUNNING, head)
    (waiting,) = answer(waiting.job, desk.world)
    assert desk.emoji(job) == [SEEN]
    desk.record(state, head)
    assert isinstance(waiting.job, Answer)
    assert answer(waiting.job, desk.world) == ()
    assert desk.emoji(job) == [SEEN, emoji]
    assert [words in said for said in desk.replies()] == ([True] if words else [])


def test_an_end_of_before_the_command_is_not_taken_for_its_own(desk: Desk) -> None:
    head = str(desk.sandbox.head(desk.project.id))
    desk.record(State.PUBLISHED, head)
    _, waiting = answer(desk.say("/mlreef publish"), desk.world)
    assert isinstance(waiting.job, Answer)
    (later,) = answer(waiting.job, desk.world)
    assert isinstance(later.job, Answer)
    assert later.job.looks == 2


def test_a_newer_commit_that_comes_in_between_is_told(desk: Desk) -> None:
    head = str(desk.sandbox.head(desk.project.id))
    job = desk.say("/mlreef publish")
    _, waiting = answer(job, desk.world)
    desk.record(State.SUPERSEDED, head)
    for _ in range(OVERTAKEN_LOOKS - 1):
        assert isinstance(waiting.job, Answer)
        (waiting,) = answer(waiting.job, desk.world)
    assert isinstance(waiting.job, Answer)
    assert answer(waiting.job, desk.world) == ()
    assert desk.emoji(job) == [SEEN, DONE]
    assert desk.replies() == ["A newer commit of `main` came in between, and is published in its place."]


def test_the_bot_does_not_wait_for_ever(desk: Desk) -> None:
    job = desk.say("/mlreef publish")
    _, waiting = answer(job, desk.world)
    assert isinstance(waiting.job, Answer)
    assert answer(replace(waiting.job, looks=MAX_LOOKS), desk.world) == ()
    assert desk.emoji(job) == [SEEN, NOT_DONE]
    assert 3600 < sum(pause_before(look) for look in range(MAX_LOOKS)) < 6 * 3600
    assert pause_before(MAX_LOOKS) == LONGEST_PAUSE_SECONDS


def test_retry_takes_up_what_the_bot_itself_had_given_up(desk: Desk) -> None:
    desk.record(State.UNBUILT)
    desk.world.store.park("job", {"kind": "publish", "project_id": desk.project.id, "branch": "main"}, "odd")
    desk.world.store.park("other", {"kind": "publish", "project_id": 99, "branch": "main"}, "odd")
    published, _ = answer(desk.say("/mlreef retry"), desk.world)
    assert published.job == Publish(desk.project.id, "main", cause=COMMAND)
    assert [parked.job_id for parked in desk.world.store.parked()] == ["other"]


def test_cancel_says_why_it_cannot(desk: Desk) -> None:
    desk.record(State.WAITING, str(desk.sandbox.head(desk.project.id)))
    answer(desk.say("/mlreef cancel"), desk.world)
    assert desk.replies()[-1].startswith("Not stopped: the publication of `main` has no pipeline yet.")
    desk.record(State.PUBLISHED, str(desk.sandbox.head(desk.project.id)))
    answer(desk.say("/mlreef cancel"), desk.world)
    assert desk.replies()[-1].startswith("Nothing to stop")


def test_in_an_archived_project_and_on_other_branches_nothing_is_published(desk: Desk) -> None:
    desk.request.target_branch = "work"
    answer(desk.say("/mlreef publish"), desk.world)
    assert desk.replies()[-1].startswith("Nothing was done: `work` is no branch that I publish.")
    answer(desk.say("/mlreef check"), desk.world)
    assert desk.replies()[-1].startswith("Nothing was done: `work` is no branch that I publish.")


def test_a_closed_merge_request_is_not_checked(desk: Desk) -> None:
    desk.request.state = "closed"
    answer(desk.say("/mlreef check"), desk.world)
    assert desk.replies() == ["Nothing was checked: this merge request is not open any more."]


def test_whoever_is_gone_or_a_program_is_not_answered(desk: Desk) -> None:
    program = desk.sandbox.create_user("robot", bot=True)
    desk.sandbox.add_member(desk.project.id, program, MAINTAINER)
    for job in (desk.say("/mlreef help", program), replace(desk.say("/mlreef help"), user_id=4711)):
        assert answer(job, desk.world) == ()
        assert desk.emoji(job) == []
    assert desk.replies() == []


def test_in_a_fork_nothing_is_written_for_who_has_no_rights_in_it(desk: Desk) -> None:
    stan = desk.sandbox.create_user("stan")
    desk.project.visibility = "public"
    made = requests.post(
        f"{desk.sandbox.url}/api/v4/projects/{desk.project.id}/fork",
        json={"namespace_path": "stan", "path": "noise"},
        headers={"PRIVATE-TOKEN": stan.token},
        timeout=10,
    )
    made.raise_for_status()
    fork = desk.sandbox.state.projects[int(made.json()["id"])]
    desk.sandbox.commit(fork.id, stan, {"other.py": ""}, branch="work")
    desk.sandbox.add_member(fork.id, desk.bot, MAINTAINER)
    desk.request = desk.sandbox.core.merging.open(desk.project, stan, fork, "work", "main", "Work")
    before = desk.sandbox.head(fork.id, "work")
    job = desk.say("/mlreef environment python")
    answer(job, desk.world)
    assert desk.emoji(job) == [SEEN, DONE]
    (said,) = desk.replies()
    assert "environment: python" in said
    assert "only for those who may push to it themselves" in said
    assert desk.sandbox.head(fork.id, "work") == before
    desk.sandbox.add_member(fork.id, desk.dora, DEVELOPER)
    answer(desk.say("/mlreef environment python"), desk.world)
    assert desk.sandbox.head(fork.id, "work") != before


def _pipeline(desk: Desk) -> int:
    """A pipeline of the default branch that has ended."""
    head = str(desk.sandbox.head(desk.project.id))
    sha = desk.sandbox.commit(
        desk.project.id,
        desk.sandbox.state.user(1),
        {"mlreef.yml": "one:\n  script: [echo]\n"},
    )
    assert sha != head
    desk.sandbox.wait_idle()
    (pipeline,) = desk.sandbox.pipelines(desk.project.id, sha)
    desk.sandbox.play_pipeline(pipeline.id, one="failed")
    return pipeline.id

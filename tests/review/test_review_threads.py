"""Discussions on lines: begun once, resolved when mended, and left alone where a person had a say in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.registry import Registry
from bot.adapters.store import Store
from bot.adapters.talk import MAX_DISCUSSIONS, Talk
from bot.domain.fingerprints import fingerprints
from bot.domain.pipeline import Environment
from bot.domain.policy import Policy
from bot.domain.threads import marker
from bot.errors import TryAgain
from bot.reviewing_threads import discuss
from bot.world import World
from parser.model import Edit, Place, Problem, Severity
from sandbox.gitlab import MAINTAINER, Project, Sandbox, Trouble, User
from sandbox.gitlab.trouble import die_after_effect, error_after_effect, refuse, server_error
from sandbox.gitlab.values import MergeRequest, Note

DISCUSSIONS = "*/merge_requests/:iid/discussions"
DISCUSSION = "*/merge_requests/:iid/discussions/:discussion_id"
MANY = 20
LINES = "".join(f"line_{number} = {number}\n" for number in range(1, 41))
NEW = LINES.replace("line_20 = 20\n", "line_20 = 'twenty'\n")


def no_registry(_host: str) -> Registry:
    raise AssertionError("no registry is asked for a discussion")


def wrong(line: int, what: str = "", file: str = "a.py", severity: Severity = Severity.ERROR) -> Problem:
    """A problem on a line, named by what is wrong there."""
    return Problem(
        "type-bool", severity, what or f"Line {line} is wrong.", "Mend it.", Place(file, line, 0, line, 4)
    )


@dataclass
class Table:
    """A merge request under review, and the bot as a process that can die and lose its database."""

    sandbox: Sandbox
    bad: Trouble
    folder: Path
    alice: User
    bot: User
    project: Project
    made: MergeRequest
    world: World
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def push(self, files: dict[str, str | None]) -> None:
        self.sandbox.commit(self.project.id, self.alice, files, branch="work")

    def discuss(self, *problems: Problem, limit: int = MANY) -> Sequence[Problem]:
        """Has the bot speak of them; gives what is left for the note."""
        request = self.world.forge.fetch_merge_request(self.project.id, self.made.iid)
        assert request is not None
        found = {path: self.sandbox.read_file(self.project.id, path, "work") for path in ("a.py", "b.py")}
        contents = {path: content for path, content in found.items() if content is not None}
        self.sandbox.clear_log()
        return discuss(request, problems, contents, limit, self.world)

    @property
    def calls(self) -> list[str]:
        """What the last one cost: method and the end of the route."""
        return [f"{c.method} {c.route.rpartition(':iid/')[2]}" for c in self.sandbox.calls(self.bot)]

    def lose_the_database(self) -> None:
        self.world.store.close()
        store = Store.prepare(f"sqlite:///{self.folder / f'bot-{next(self.numbers)}.db'}")
        self.world = replace(self.world, store=store)

    @property
    def threads(self) -> list[Note]:
        """First notes of the bot's discussions."""
        every = self.sandbox.core.notes.discussions(self.sandbox.notes(self.project.id, self.made.iid))
        return [notes[0] for notes in every if notes[0].author_id == self.bot.id]

    @property
    def lines(self) -> list[tuple[int | None, int | None, bool]]:
        """Where they stand, (old, new), and whether they are resolved."""
        places = [(note.position or {}, note.resolved) for note in self.threads]
        return [(place.get("old_line"), place.get("new_line"), resolved) for place, resolved in places]

    def resolve(self, user: User, note: Note, resolved: bool = True) -> None:
        self.sandbox.core.notes.resolve([note], user, resolved)


@pytest.fixture(scope="module")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Trouble, User, User]]:
    bad = Trouble()
    with Sandbox(tmp_path_factory.mktemp("threads") / "gitlab", moods=bad) as sandbox:
        yield sandbox, bad, sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        assert sandbox.complaints == []


@pytest.fixture
def table(
    gitlab: tuple[Sandbox, Trouble, User, User], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Table]:
    sandbox, bad, alice, bot = gitlab
    bad.clear()
    name = request.node.name.replace("[", "-").rstrip("]")[:60].rstrip("_-")
    project = sandbox.create_project(f"lab/{name}", alice, files={"a.py": LINES, "old.py": LINES + "x = 1\n"})
    sandbox.add_member(project.id, bot, MAINTAINER)
    sandbox.commit(project.id, alice, {"a.py": NEW}, branch="work", start_branch="main")
    made = sandbox.core.merging.open(project, alice, project, "work", "main", "Work")
    client = GitlabClient(sandbox.url, bot.token, 5)
    policy = Policy((Environment("python", "Python", "python:3.12", "3.12", {}),), "python", "bot", "")
    store = Store.prepare(f"sqlite:///{tmp_path / 'bot.db'}")
    world = World(Forge(client), no_registry, store, policy, bot.id, Talk(client, bot.id))
    here = Table(sandbox, bad, tmp_path, alice, bot, project, made, world)
    yield here
    here.world.store.close()
    assert bad.left == [], "a mishap never happened"
    assert sandbox.quick_actions == []
    assert sandbox.mentions == []


def test_a_problem_is_told_on_its_line_and_not_in_the_note(table: Table) -> None:
    one = wrong(20)
    assert table.discuss(one) == ()
    assert table.calls == ["GET diffs", "GET discussions", "POST discussions"]
    assert table.lines == [(None, 20, False)]
    (note,) = table.threads
    (name,) = fingerprints([one])
    assert note.body.startswith(f"{marker(name)}\n**This has to be mended")
    assert note.body.endswith("`/mlreef explain type-bool` in a comment.")


def test_what_was_said_is_not_said_again_and_costs_no_call(table: Table) -> None:
    table.discuss(wrong(20))
    table.push({"c.py": "unrelated = 1\n"})
    assert table.discuss(wrong(20)) == ()
    assert table.calls == []
    table.push({"a.py": "# a line above\n" + NEW})
    assert table.discuss(wrong(21, "Line 20 is wrong.")) == ()
    assert table.calls == []
    assert table.lines == [(None, 21, False)]


def test_when_nothing_was_ever_wrong_gitlab_is_asked_once(table: Table) -> None:
    assert table.discuss() == ()
    assert table.calls == ["GET discussions"]
    assert table.discuss() == ()
    assert table.calls == []


def test_an_unchanged_line_that_the_diff_shows_has_both_its_numbers(table: Table) -> None:
    table.push({"a.py": "# above\n" + NEW})
    assert table.discuss(wrong(20)) == ()
    assert table.lines == [(19, 20, False)]


def test_in_a_renamed_file_both_paths_are_named(table: Table) -> None:
    table.push({"old.py": None, "b.py": LINES.replace("line_3 ", "line_three ") + "x = 1\n"})
    assert table.discuss(wrong(3, file="b.py"), wrong(4, file="b.py")) == ()
    assert table.lines == [(None, 3, False), (4, 4, False)]
    place = table.threads[0].position or {}
    assert (place["old_path"], place["new_path"]) == ("old.py", "b.py")


def test_a_line_outside_of_the_diff_goes_into_the_note_and_is_looked_for_once(table: Table) -> None:
    far, elsewhere = wrong(2), wrong(1, file="old.py")
    assert table.discuss(far, elsewhere) == (far, elsewhere)
    assert table.calls == ["GET diffs", "GET discussions"]
    assert table.discuss(far) == (far,)
    table.push({"c.py": "unrelated = 1\n"})
    assert table.discuss(far) == (far,)
    assert table.calls == []
    table.push({"a.py": NEW + "x = 1\n"})
    assert table.discuss(far) == (far,)
    assert table.calls == ["GET diffs"]
    table.push({"a.py": NEW.replace("line_1 = 1\n", "line_1 = one\n")})
    assert table.discuss(far) == ()
    assert table.lines == [(2, 2, False)]


def test_what_is_about_the_repository_or_only_to_be_known_goes_into_the_note(table: Table) -> None:
    whole = Problem("no-requirements", Severity.ERROR, "There is none.", "Add one.")
    known = wrong(20, severity=Severity.INFO)
    assert table.discuss(whole, known) == (whole, known)
    assert table.calls == ["GET discussions"]
    offered = replace(known, edits=(Edit(Place("a.py", 20, 10, 20, 18), "20"),))
    assert table.discuss(whole, offered) == (whole,)
    assert "```suggestion:-0+0\nline_20 = 20\n```" in table.threads[0].body


def test_what_is_about_a_whole_file_is_told_where_its_mend_would_be(table: Table) -> None:
    whole = Problem("entry-point-unguarded", Severity.ERROR, "Nothing runs.", "Add it.", Place("a.py"))
    at_end = replace(whole, edits=(Edit(Place("a.py", 41, 0, 41, 0), "main()\n"),))
    assert table.discuss(at_end) == (at_end,)
    table.push({"a.py": NEW + "x = 1\n"})
    beyond = replace(whole, edits=(Edit(Place("a.py", 42, 0, 42, 0), "main()\n"),))
    assert table.discuss(beyond) == ()
    assert table.lines == [(None, 41, False)]
    assert "```suggestion:-0+0\nx = 1\nmain()\n```" in table.threads[0].body


def test_what_is_mended_is_resolved_and_what_comes_back_is_the_same_discussion(table: Table) -> None:
    table.discuss(wrong(20), wrong(21))
    assert table.discuss(wrong(21)) == ()
    assert table.calls == ["GET discussions", "PUT discussions/:discussion_id"]
    assert table.lines == [(None, 20, True), (21, 21, False)]
    assert table.threads[0].resolved_by == table.bot.id
    assert table.discuss(wrong(21)) == ()
    assert table.calls == []
    assert table.discuss(wrong(20), wrong(21)) == ()
    assert table.lines == [(None, 20, False), (21, 21, False)]
    assert len(table.sandbox.notes(table.project.id, table.made.iid)) == 2


def test_of_two_that_say_the_same_the_mended_one_is_resolved(table: Table) -> None:
    first, second = wrong(19, "Twice."), wrong(21, "Twice.")
    table.discuss(first, second)
    assert table.discuss(second) == ()
    assert table.lines == [(19, 19, True), (21, 21, False)]
    assert table.discuss(second) == ()
    assert table.calls == []
    table.lose_the_database()
    assert table.discuss(second) == ()
    assert table.lines == [(19, 19, True), (21, 21, False)]
    # a line goes and GitLab moves the other
    table.push({"a.py": NEW.replace("line_19 = 19\n", "")})
    assert table.discuss(wrong(20, "Twice.")) == ()
    assert table.calls == []
    third = wrong(22, "Twice.")
    assert table.discuss(wrong(20, "Twice."), third) == ()
    assert [(line, resolved) for _, line, resolved in table.lines] == [(19, False), (20, False)]
    assert table.discuss() == ()
    assert [resolved for *_, resolved in table.lines] == [True, True]


def test_what_a_person_resolved_is_left_alone_for_good(table: Table) -> None:
    warned = wrong(21, severity=Severity.WARNING)
    table.discuss(wrong(20), warned, wrong(22))
    table.resolve(table.alice, table.threads[0])
    table.resolve(table.alice, table.threads[1])
    # still wrong, and GitLab is looked at because something else is mended
    assert table.discuss(wrong(20), warned) == (wrong(20),)
    assert [resolved for *_, resolved in table.lines] == [True, True, True]
    assert table.discuss() == ()
    assert table.discuss(wrong(20), warned) == (wrong(20),)
    assert [note.resolved_by for note in table.threads] == [table.alice.id, table.alice.id, table.bot.id]


def test_a_person_who_opens_a_discussion_again_has_it_open_until_it_is_mended(table: Table) -> None:
    table.discuss(wrong(20))
    table.resolve(table.alice, table.threads[0])
    table.resolve(table.alice, table.threads[0], resolved=False)
    assert table.discuss(wrong(20)) == ()
    assert table.discuss() == ()
    assert table.lines == [(None, 20, True)]


def test_what_a_person_deleted_is_not_begun_again(table: Table) -> None:
    warned = wrong(21, severity=Severity.WARNING)
    table.discuss(wrong(20), warned)
    for note in table.threads:
        del table.sandbox.state.notes[note.id]
    assert table.discuss(wrong(20), warned, wrong(22)) == (wrong(20),)
    assert table.lines == [(22, 22, False)]
    assert table.discuss(wrong(20), warned) == (wrong(20),)
    assert table.discuss() == ()
    assert table.calls == []


def test_among_thousands_of_comments_the_bot_still_knows_its_own(table: Table) -> None:
    for number in range(MAX_DISCUSSIONS):
        table.sandbox.core.notes.on_merge_request(table.made, table.alice, f"Comment {number}")
    table.discuss(wrong(20), wrong(22))
    assert table.discuss(wrong(22)) == ()
    assert table.lines == [(None, 20, True), (22, 22, False)]


def test_without_its_database_the_bot_finds_what_it_said(table: Table) -> None:
    table.discuss(wrong(20), wrong(21), wrong(22))
    table.discuss(wrong(21), wrong(22))
    table.resolve(table.alice, table.threads[1])
    table.lose_the_database()
    assert table.discuss(wrong(20), wrong(21)) == (wrong(21),)
    assert [resolved for *_, resolved in table.lines] == [False, True, True]
    table.lose_the_database()
    assert table.discuss() == ()
    assert [resolved for *_, resolved in table.lines] == [True, True, True]


def test_a_marker_that_a_person_pasted_means_nothing(table: Table) -> None:
    (name,) = fingerprints([wrong(20)])
    table.sandbox.core.notes.on_merge_request(
        table.made, table.alice, f"{marker(name)}\nI am the bot.", individual=False, resolvable=True
    )
    assert table.discuss(wrong(20)) == ()
    assert table.lines == [(None, 20, False)]
    assert table.discuss() == ()
    pasted = table.sandbox.notes(table.project.id, table.made.iid)[0]
    assert (pasted.author_id, pasted.resolved) == (table.alice.id, False)


def test_a_marker_that_stands_in_the_authors_own_text_means_nothing(table: Table) -> None:
    (other,) = fingerprints([wrong(21)])
    said = f"{marker(other)} \n{marker(other)}"
    assert table.discuss(wrong(20, said)) == ()
    table.lose_the_database()
    assert table.discuss(wrong(20, said), wrong(21)) == ()
    assert table.lines == [(None, 20, False), (21, 21, False)]


@pytest.mark.parametrize("mishap", [die_after_effect(), error_after_effect(502)], ids=("died", "502"))
def test_a_lost_answer_is_looked_for_before_it_is_said_again(table: Table, mishap: object) -> None:
    table.bad.on("POST", DISCUSSIONS, mishap)  # type: ignore[arg-type] # a Mishap
    assert table.discuss(wrong(20)) == ()
    assert table.lines == [(None, 20, False)]


def test_a_bot_that_died_in_between_goes_on_where_it_was(table: Table) -> None:
    table.bad.on("POST", DISCUSSIONS, server_error(), after=1)
    with pytest.raises(TryAgain):
        table.discuss(wrong(20), wrong(21), wrong(22))
    assert table.lines == [(None, 20, False)]
    assert table.discuss(wrong(20), wrong(21), wrong(22)) == ()
    assert table.lines == [(None, 20, False), (21, 21, False), (22, 22, False)]


def test_a_bot_killed_before_it_noted_what_it_did_finds_it_done(table: Table) -> None:
    def killed(*problems: Problem) -> Sequence[Problem]:
        before = table.world.store.review(table.project.id, table.made.iid).threads
        left = table.discuss(*problems)
        table.world.store.keep_review(table.project.id, table.made.iid, threads=before)
        return left

    killed(wrong(20), wrong(21))
    killed(wrong(20), wrong(21))
    table.discuss(wrong(20), wrong(21))
    killed(wrong(21))
    killed(wrong(21))
    assert table.discuss(wrong(21)) == ()
    assert table.lines == [(None, 20, True), (21, 21, False)]
    killed(wrong(20), wrong(21))
    assert table.discuss(wrong(20), wrong(21)) == ()
    assert table.lines == [(None, 20, False), (21, 21, False)]


def test_a_position_that_gitlab_refuses_goes_into_the_note(table: Table) -> None:
    table.bad.on("POST", DISCUSSIONS, refuse(400, {"message": '400 Bad request - Note {:line_code=>["…"]}'}))
    assert table.discuss(wrong(20), wrong(21)) == (wrong(20),)
    assert table.lines == [(21, 21, False)]
    assert table.discuss(wrong(20), wrong(21)) == (wrong(20),)
    assert table.calls == []


def test_where_discussions_are_refused_everything_is_for_the_note(table: Table) -> None:
    table.bad.on("POST", DISCUSSIONS, refuse(403))
    assert table.discuss(wrong(20), wrong(21)) == (wrong(20), wrong(21))
    # one was refused, so the other was not tried, and neither is again
    assert table.threads == []
    assert table.discuss(wrong(20), wrong(21)) == (wrong(20), wrong(21))
    assert table.calls == []


def test_a_discussion_that_may_not_be_resolved_is_left(table: Table) -> None:
    table.discuss(wrong(20))
    table.bad.on("PUT", DISCUSSION, refuse(403))
    assert table.discuss() == ()
    assert table.discuss() == ()
    assert table.calls == []


def test_there_are_no_more_than_the_limit_and_the_rest_is_for_the_note(table: Table) -> None:
    every = [wrong(line) for line in range(17, 24)]
    assert table.discuss(*every, limit=3) == tuple(every[3:])
    assert [new for _, new, _ in table.lines] == [17, 18, 19]
    assert table.discuss(*every, limit=3) == tuple(every[3:])
    assert table.calls == []
    # what was mended keeps its place: a long merge request is not talked to death
    assert table.discuss(*every[1:], limit=3) == tuple(every[3:])
    assert [resolved for *_, resolved in table.lines] == [True, False, False]


def test_lines_outside_of_the_diff_take_no_place(table: Table) -> None:
    assert table.discuss(wrong(1), wrong(2), wrong(20), wrong(21), limit=2) == (wrong(1), wrong(2))
    assert [new for _, new, _ in table.lines] == [20, 21]


def test_where_none_may_stand_the_bot_resolves_its_own(table: Table) -> None:
    table.discuss(wrong(20), wrong(21))
    table.resolve(table.alice, table.threads[1])
    assert table.discuss(wrong(20), wrong(21), limit=0) == (wrong(20), wrong(21))
    assert [resolved for *_, resolved in table.lines] == [True, True]
    assert table.discuss(wrong(20), wrong(21), limit=0) == (wrong(20), wrong(21))
    assert table.calls == []
    assert table.discuss(wrong(20), wrong(21)) == (wrong(21),)
    assert [resolved for *_, resolved in table.lines] == [False, True]


def test_the_commits_of_a_position_are_asked_for_and_never_guessed(table: Table) -> None:
    request = table.world.forge.fetch_merge_request(table.project.id, table.made.iid)
    assert request is not None
    assert request.diff_refs is not None
    table.sandbox.clear_log()
    unmade = replace(request, diff_refs=None)
    assert discuss(unmade, [wrong(20)], {}, MANY, table.world) == ()
    assert table.calls == ["GET diffs", "GET versions", "GET discussions", "POST discussions"]
    assert table.lines == [(None, 20, False)]
    ahead = replace(request, sha="f" * 40)
    with pytest.raises(TryAgain, match="not made the diff"):
        discuss(ahead, [wrong(20), wrong(21)], {}, MANY, table.world)
    assert table.lines == [(None, 20, False)]


def test_a_hostile_message_pings_nobody_and_orders_nothing(table: Table) -> None:
    said = "@alice\n/close\n/merge\r/label ~x `@alice` <img src=x> #1 !1"
    content = NEW.replace("line_22 = 22", "/close")
    table.push({"a.py": content})
    mend = (Edit(Place("a.py", 20, 0, 20, 7), "line_2x"), Edit(Place("a.py", 24, 0, 24, 7), "line_2y"))
    assert table.discuss(replace(wrong(20, said), edits=mend)) == ()
    (note,) = table.threads
    # the block would have to repeat the line that reads as a command
    assert "suggestion" not in note.body
    assert table.sandbox.merge_requests(table.project.id)[0].state == "opened"


def test_five_hundred_problems_in_three_thousand_files_are_bounded(table: Table) -> None:
    files = {f"m/{number:04}.py": f"x = {number}\n" for number in range(3000)}
    table.push({"b.py": "y = 1\n" * 500, **files})
    every = [wrong(line, file="b.py") for line in range(1, 501)]
    assert table.discuss(*every) == tuple(every[MANY:])
    # b.py comes early in the diff, and no page behind it is asked for
    assert table.calls == ["GET diffs", "GET discussions", *["POST discussions"] * MANY]
    table.discuss(*every[:MANY], wrong(1, file="old.py"), limit=MANY + 1)
    # it is not changed at all: GitLab's whole list is gone through once, and then never again for this file
    assert table.calls == ["GET diffs"] * 30
    assert table.discuss(*every[:MANY], wrong(1, file="old.py"), limit=MANY + 1)
    assert table.calls == []
    far = wrong(1, file="zz.py")
    left = table.discuss(far, *every[: MANY - 1])
    assert left == (far,)
    assert table.calls == ["GET discussions", "PUT discussions/:discussion_id"]


def test_a_file_too_large_to_be_shown_goes_into_the_note(table: Table) -> None:
    table.push({"b.py": "y = 1\n" * 40_000})
    one = wrong(7, file="b.py")
    assert table.discuss(one) == (one,)
    assert table.discuss(one) == (one,)
    assert table.calls == []

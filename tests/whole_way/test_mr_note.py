"""The one note of a merge request in service: from the first look to what was published, whatever people do to it."""

from __future__ import annotations

import pytest

from bot.domain.steps import CHECK_STATUS
from bot.domain.sticky import read_mark
from sandbox.gitlab import trouble
from sandbox.gitlab.state import Job
from sandbox.gitlab.values import Note
from tests.whole_way.conftest import FILES, SCRIPT, SOON, Way, World

MOST_CALLS = 8
NOTES = "*/merge_requests/:iid/notes"
WITHOUT_OUTPUT = SCRIPT.replace('parser.add_argument("--output-path", required=True)\n', "")
UNKNOWN_TYPE = WITHOUT_OUTPUT.replace('"--mode",', '"--mode", type=list,')
MISTAKEN = {**FILES, "add_noise.py": WITHOUT_OUTPUT}
BY_HAND = b"\n# faster\n"
TRIGGER = """\
publish:
  trigger:
    include: [{local: mlreef.yml}]
    strategy: depend
"""


def check(way: Way, sha: str, state: str) -> Job:
    """The check's status on that head, once it is there."""
    found = way.sandbox.wait_for(
        lambda: way.sandbox.statuses(way.project.id, sha, CHECK_STATUS), SOON, f"{CHECK_STATUS} on {sha}"
    )
    assert found[-1].status == state, found[-1].description
    return found[-1]


def own(way: Way, iid: int) -> list[Note]:
    """The bot's notes with its mark, whoever changed them since."""
    found = way.sandbox.notes(way.project.id, iid)
    return [note for note in found if note.author_id == way.world.bot.id and read_mark(note.body) is not None]


def note(way: Way, iid: int, word: str = "") -> Note:
    """The bot's newest note, once it is there and says that word."""
    return way.sandbox.wait_for(
        lambda: next((found for found in own(way, iid)[-1:] if word in found.body), None),
        SOON,
        f"a note: {word}",
    )


def note_writes(way: Way) -> list[str]:
    way.rest()  # the sandbox notes a request down when it has answered it
    return [method for method, route in way.writes() if "/notes" in route and "discussions" not in route]


def test_one_note_goes_from_the_first_look_to_the_image(world: World) -> None:
    way = world.project()
    iid = way.open(FILES)
    first = note(way, iid, "I am the bot").body
    check(way, way.head("work"), "success")
    # another push that changes nothing of what is said
    way.rest()
    before = len(way.calls())
    head = way.push({"notes.txt": "Hello\n"}, branch="work")
    check(way, head, "success")
    way.rest()
    assert own(way, iid)[0].body == first
    assert note_writes(way) == ["POST"]
    assert len(way.calls()) - before <= MOST_CALLS
    # merged and published, it ends with the image
    way.ask("PUT", f"merge_requests/{iid}/merge")
    commit = way.bot_commit()
    digest = way.publish(commit, 1)
    said = note(way, iid, digest).body
    assert f"/-/pipelines/{way.pipeline(commit).id}" in said
    assert "docker run" in said
    outcome, _, review = said.partition("<summary>What I said before it was merged</summary>")
    assert digest in outcome
    assert "I am the bot" in review
    assert len(own(way, iid)) == 1
    assert note_writes(way) == ["POST", "PUT"]


def test_a_deleted_note_comes_back_with_news_only(world: World) -> None:
    way = world.project()
    iid = way.open(MISTAKEN)
    first = note(way, iid)
    said = first.body
    way.ask("DELETE", f"merge_requests/{iid}/notes/{first.id}")
    check(way, way.push({"notes.txt": "Hello\n"}, branch="work"), "failed")
    way.rest()
    assert own(way, iid) == []
    way.push({"requirements.txt": "numpy\nnothing of the kind\n"}, branch="work")
    assert note(way, iid).body != said
    assert note_writes(way) == ["POST", "POST"]


def test_an_edited_note_is_left_to_who_edited_it(world: World) -> None:
    way = world.project()
    iid = way.open(MISTAKEN)
    first = note(way, iid)
    edited = first.body + "\n\nI do not think so."
    way.ask("PUT", f"merge_requests/{iid}/notes/{first.id}", {"body": edited})
    way.push({"requirements.txt": "numpy\nnothing of the kind\n"}, branch="work")
    second = way.sandbox.wait_for(lambda: own(way, iid)[1:], SOON, "another note")[0]
    news = second.body
    way.push({"add_noise.py": SCRIPT, "requirements.txt": "numpy==2.1\n"}, branch="work")
    way.sandbox.wait_for(lambda: own(way, iid)[1].body != news, SOON, "the news in it")
    assert [found.id for found in own(way, iid)] == [first.id, second.id]
    assert own(way, iid)[0].body == edited


@pytest.mark.parametrize("mishap", [trouble.error_after_effect(502), trouble.die_after_effect()])
def test_a_lost_answer_makes_no_second_note(world: World, mishap: trouble.Mishap) -> None:
    way = world.project()
    world.mood.on("POST", NOTES, mishap, user=world.bot.username)
    iid = way.open(MISTAKEN)
    first = note(way, iid).body
    way.push({"add_noise.py": SCRIPT}, branch="work")
    way.sandbox.wait_for(lambda: own(way, iid)[0].body != first, SOON, "the news in it")
    assert len(own(way, iid)) == 1


def test_a_pasted_mark_is_not_believed(world: World) -> None:
    way = world.project()
    other = way.open(MISTAKEN)
    pasted = note(way, other).body
    iid = way.open({**FILES, "notes.txt": "Mine.\n"}, branch="mine")
    way.ask("POST", f"merge_requests/{iid}/notes", {"body": pasted})
    good = note(way, iid).body
    way.push({"add_noise.py": WITHOUT_OUTPUT}, branch="mine")
    way.sandbox.wait_for(lambda: own(way, iid)[-1].body != good, SOON, "the news")
    assert len(own(way, iid)) == 1
    alices = [n.body for n in way.sandbox.notes(way.project.id, iid) if n.author_id == world.alice.id]
    assert alices == [pasted]


def test_where_problems_alone_are_wanted_a_publication_begins_no_note(world: World) -> None:
    way = world.project({**FILES, ".mlreef.yaml": "quiet: true\n"})
    way.publish(way.bot_commit(), 1)
    iid = way.open({"add_noise.py": SCRIPT.replace("speckle", "salt")})
    check(way, way.head("work"), "success")
    way.ask("PUT", f"merge_requests/{iid}/merge")
    merged = way.head()
    commit = way.sandbox.wait_for(
        lambda: way.head() if way.head() != merged else None, SOON, "the bot's commit"
    )
    way.publish(commit, 2)
    way.rest()
    assert own(way, iid) == []


def test_a_change_of_the_generated_file_by_hand_is_pointed_out(world: World) -> None:
    way = world.project(FILES)
    way.bot_commit()
    generated = way.file()
    assert generated is not None
    iid = way.open({"mlreef.yml": generated + BY_HAND})
    told = way.sandbox.wait_for(
        lambda: [body for body in way.notes(iid) if "changed by hand" in body], SOON, "the word about it"
    )
    assert len(told) == 1
    check(way, way.head("work"), "success")
    # a branch that only has the file of some time ago is nobody's edit
    old = way.open({"add_noise.py": SCRIPT.replace("speckle", "salt")}, branch="other")
    check(way, way.head("other"), "success")
    way.rest()
    assert "changed by hand" not in "".join(way.notes(old))


def test_a_ci_file_that_runs_nothing_of_ours_any_more_fails_the_check(world: World) -> None:
    way = world.project({**FILES, ".gitlab-ci.yml": TRIGGER}, ci_config_path=None)
    iid = way.open({".gitlab-ci.yml": "test:\n  script: [pytest]\n"})
    told = check(way, way.head("work"), "failed")
    assert "mlreef.yml" in told.description
    assert way.sandbox.wait_for(lambda: way.notes(iid), SOON, "the word about it")


def test_merging_is_never_kept_up_by_the_bots_discussions(world: World) -> None:
    way = world.project()
    way.project.needs_resolved_discussions = True
    iid = way.open({**FILES, "add_noise.py": UNKNOWN_TYPE})
    check(way, way.head("work"), "failed")
    assert "add_noise.py" in note(way, iid).body
    way.rest()
    found = way.sandbox.notes(way.project.id, iid)
    assert [n.body for n in found if n.resolvable] == []
    way.ask("PUT", f"merge_requests/{iid}/merge")
